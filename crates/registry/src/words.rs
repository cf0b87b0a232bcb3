//! What a server says, made fit for one line on a terminal.
//!
//! Start at [`of_body`]. Source: distribution-spec, "Error Codes".

use serde::Deserialize;

/// Characters of a server's words that are shown.
const MOST_CHARACTERS: usize = 300;

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    errors: Vec<Entry>,
    /// Token servers and proxies use these.
    #[serde(default)]
    details: Option<String>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    error_description: Option<String>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    detail: serde_json::Value,
}

/// One line, without control characters, cut.
pub(crate) fn clean(text: &str) -> String {
    let mut line = String::new();
    let words = text.split(|character: char| character.is_control() || character.is_whitespace());
    for word in words.filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if line.len() > MOST_CHARACTERS * 4 {
            break;
        }
    }
    // Marks that turn the direction of text could make a line read as another. Unicode TR 36.
    line.retain(|character| !matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'));
    match line.char_indices().nth(MOST_CHARACTERS) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}

/// The words of an error's body: the registry's own where it is JSON of the specification.
pub(crate) fn of_body(body: &[u8]) -> String {
    let Ok(document) = serde_json::from_slice::<Document>(body) else {
        let text = String::from_utf8_lossy(body);
        // A page for browsers says nothing in its first line.
        return if text.trim_start().starts_with('<') { String::new() } else { clean(&text) };
    };
    let entries: Vec<String> = document.errors.iter().map(Entry::line).collect();
    let other = document.details.or(document.message).or(document.error_description);
    clean(&if entries.is_empty() { other.unwrap_or_default() } else { entries.join("; ") })
}

impl Entry {
    fn line(&self) -> String {
        let mut line =
            if self.message.is_empty() { self.code.clone() } else { self.message.clone() };
        let detail = match &self.detail {
            serde_json::Value::String(text) => text.clone(),
            serde_json::Value::Object(fields) => {
                let text = |field| fields.get(field).and_then(serde_json::Value::as_str);
                let known = ["message", "Tag", "name", "reason"].into_iter().find_map(text);
                known.unwrap_or_default().to_owned()
            }
            serde_json::Value::Null
            | serde_json::Value::Bool(_)
            | serde_json::Value::Number(_)
            | serde_json::Value::Array(_) => String::new(),
        };
        if !detail.is_empty() && detail != self.message {
            line.push_str(": ");
            line.push_str(&detail);
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_fit_one_line() {
        let body = br#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest\n\u001b[31munknown","detail":{"Tag":"x"}},{"code":"B"}]}"#;
        assert_eq!(of_body(body), "manifest [31munknown: x; B");
        assert_eq!(of_body(br#"{"details":"incorrect username"}"#), "incorrect username");
        assert_eq!(of_body(b"<html>no</html>"), "");
        assert_eq!(of_body("plain\u{202e} \t words".as_bytes()), "plain words");
        let long = of_body("é".repeat(5000).as_bytes());
        assert_eq!(long.chars().count(), 301);
    }
}
