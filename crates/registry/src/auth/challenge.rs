//! What a server wants to see before it answers: the field `WWW-Authenticate`, which may hold several challenges.
//!
//! Never sends anything. Start at [`parse`]. Source: RFC 9110 sections 5.6 and 11.6.1.

/// One way to prove who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Challenge {
    /// In lower case: `basic`, `bearer`.
    pub(crate) scheme: String,
    /// Names in lower case.
    parameters: Vec<(String, String)>,
}

impl Challenge {
    /// Scheme and parameters, as they were read.
    #[cfg(fuzzing)]
    pub(super) fn parts(self) -> (String, Vec<(String, String)>) {
        (self.scheme, self.parameters)
    }

    /// The value of a parameter.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        let mut all = self.parameters.iter();
        all.find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Reads one field; nothing where it breaks the grammar.
pub(crate) fn parse(field: &str) -> Option<Vec<Challenge>> {
    let mut challenges: Vec<Challenge> = Vec::new();
    let mut rest = skip_commas(field);
    while !rest.is_empty() {
        let (word, after) = token(rest)?;
        let spaced = skip_spaces(after);
        match challenges.last_mut() {
            // `name = value` goes on with the last challenge, anything else begins the next.
            Some(challenge) if spaced.starts_with('=') => {
                let (value, after) = value(skip_spaces(&spaced[1..]))?;
                let name = word.to_ascii_lowercase();
                if challenge.parameter(&name).is_some() {
                    return None;
                }
                challenge.parameters.push((name, value));
                rest = end_of_item(after)?;
            }
            _ if spaced.starts_with('=') => return None,
            _ => {
                let scheme = word.to_ascii_lowercase();
                challenges.push(Challenge { scheme, parameters: Vec::new() });
                rest = skip_token68(spaced).map_or_else(
                    || if spaced.starts_with(',') { skip_commas(spaced) } else { spaced },
                    skip_commas,
                );
                if !rest.is_empty() && rest.len() == after.len() {
                    return None;
                }
            }
        }
    }
    Some(challenges)
}

fn token(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|character| !is_token(character)).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

fn is_token(character: char) -> bool {
    character.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(character)
}

fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        return token(text).map(|(word, rest)| (word.to_owned(), rest));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

/// After a parameter only a comma or the end may stand.
fn end_of_item(text: &str) -> Option<&str> {
    let text = skip_spaces(text);
    (text.is_empty() || text.starts_with(',')).then(|| skip_commas(text))
}

/// A scheme such as `Negotiate` may bring one opaque word instead of parameters.
fn skip_token68(text: &str) -> Option<&str> {
    let inside =
        |character: char| character.is_ascii_alphanumeric() || "-._~+/".contains(character);
    let end = text.find(|character| !inside(character)).unwrap_or(text.len());
    let rest = text[end..].trim_start_matches('=');
    let whole = skip_spaces(rest);
    (end > 0 && (whole.is_empty() || whole.starts_with(','))).then_some(whole)
}

fn skip_spaces(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
}

fn skip_commas(text: &str) -> &str {
    text.trim_start_matches([' ', '\t', ','])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(field: &str) -> Option<String> {
        let shown = |challenge: Challenge| {
            let parameters =
                challenge.parameters.iter().map(|(name, value)| format!("{name}={value}"));
            format!("{} {}", challenge.scheme, parameters.collect::<Vec<_>>().join(" "))
        };
        Some(parse(field)?.into_iter().map(shown).collect::<Vec<_>>().join("|"))
    }

    #[test]
    fn fields_as_servers_send_them() {
        for (field, want) in [
            (
                r#"Bearer realm="https://a/token",service="b",scope="repository:c:pull,push""#,
                "bearer realm=https://a/token service=b scope=repository:c:pull,push",
            ),
            (r#"BASIC Realm = "a \"b\" , c""#, r#"basic realm=a "b" , c"#),
            (
                r#"Basic realm=x, Bearer realm="y", , service=z"#,
                "basic realm=x|bearer realm=y service=z",
            ),
            ("Negotiate, Basic realm=x", "negotiate |basic realm=x"),
            ("Negotiate abc/+==, NTLM", "negotiate |ntlm "),
            ("Basic", "basic "),
            ("", ""),
        ] {
            assert_eq!(shown(field).as_deref(), Some(want), "{field}");
        }
    }

    #[test]
    fn what_breaks_the_grammar_is_refused() {
        for field in [
            r#"Bearer realm="a"#,
            r#"Bearer realm="a" service="b""#,
            r#"realm="a""#,
            r#"Bearer realm="a",realm="b""#,
            "Bearer @",
            r#"Bearer realm="a\"#,
            "\"",
        ] {
            assert_eq!(parse(field), None, "{field}");
        }
    }
}
