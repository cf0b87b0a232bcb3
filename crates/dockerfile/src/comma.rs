//! `key=value,key=value`, with quotes around what holds a comma, as one line of CSV.

use std::ops::Range;

/// A part of such a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) text: String,
    /// Where it stands, with its quotes.
    pub(crate) part: Range<usize>,
}

/// Cuts a line into its parts. `None` when a quote stands in the middle or has no end.
pub(crate) fn fields(line: &str) -> Option<Vec<Field>> {
    let mut found = Vec::new();
    let mut at = 0;
    loop {
        let field = if line[at..].starts_with('"') { quoted(line, at)? } else { bare(line, at)? };
        at = field.part.end;
        found.push(field);
        match line[at..].chars().next() {
            None => return Some(found),
            Some(',') => at += 1,
            Some(_) => return None,
        }
    }
}

fn bare(line: &str, at: usize) -> Option<Field> {
    let end = line[at..].find(',').map_or(line.len(), |length| at + length);
    let text = &line[at..end];
    (!text.contains('"')).then(|| Field { text: text.to_owned(), part: at..end })
}

/// From one quote to the next; two in a row are one.
fn quoted(line: &str, at: usize) -> Option<Field> {
    let mut text = String::new();
    let mut from = at + 1;
    loop {
        let end = from + line[from..].find('"')?;
        text.push_str(&line[from..end]);
        if !line[end + 1..].starts_with('"') {
            return Some(Field { text, part: at..end + 1 });
        }
        text.push('"');
        from = end + 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_hold_commas() {
        let cut = |line: &str| {
            fields(line).map(|found| found.into_iter().map(|field| field.text).collect::<Vec<_>>())
        };
        assert_eq!(cut("a=b,c").unwrap(), ["a=b", "c"]);
        assert_eq!(cut("a,\"b=c,\"\"d\"").unwrap(), ["a", "b=c,\"d"]);
        assert_eq!(cut("").unwrap(), [""]);
        assert_eq!(cut("a,").unwrap(), ["a", ""]);
        assert_eq!(cut("a\"b"), None);
        assert_eq!(cut("\"a"), None);
        assert_eq!(cut("\"a\"b"), None);
    }
}
