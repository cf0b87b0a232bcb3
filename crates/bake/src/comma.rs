//! Lists in one line, separated by commas, with fields in double quotes where they hold commas. RFC 4180.

/// The fields of a line; a quote within quotes is doubled.
pub(crate) fn fields(line: &str) -> Result<Vec<String>, String> {
    let mut fields = Vec::new();
    let mut rest = line;
    loop {
        let Some(quoted) = rest.strip_prefix('"') else {
            let (field, next) = rest.split_once(',').map_or((rest, None), |(a, b)| (a, Some(b)));
            if field.contains('"') {
                return Err("a quote stands within a field".to_owned());
            }
            fields.push(field.to_owned());
            match next {
                Some(next) => rest = next,
                None => return Ok(fields),
            }
            continue;
        };
        let mut field = String::new();
        let mut inner = quoted;
        loop {
            let (part, after) = inner.split_once('"').ok_or("a quote is not closed")?;
            field.push_str(part);
            match after.strip_prefix('"') {
                Some(more) => {
                    field.push('"');
                    inner = more;
                }
                None => {
                    inner = after;
                    break;
                }
            }
        }
        fields.push(field);
        match inner.strip_prefix(',') {
            Some(next) => rest = next,
            None if inner.is_empty() => return Ok(fields),
            None => return Err("something follows a quote".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_keep_commas() {
        assert_eq!(fields("a,b").unwrap(), ["a", "b"]);
        assert_eq!(
            fields("type=local,\"dest=a,\"\"b\"\"\"").unwrap(),
            ["type=local", "dest=a,\"b\""]
        );
        assert_eq!(fields("").unwrap(), [""]);
        assert!(fields("\"a").is_err() && fields("\"a\"b").is_err() && fields("a\"b").is_err());
    }
}
