//! Bodies of requests as clients write them. Fields that are not known are passed over, `null` is what is not there, and what has a wrong type is
//! refused, as Docker does.

pub(crate) mod container;
pub(crate) mod host;
pub(crate) mod mounts;
pub(crate) mod network;
pub(crate) mod places;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::failure::Failure;

/// Reads a body.
///
/// # Errors
/// When it is not JSON, or something in it has a wrong type.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    let wrong = |error: serde_json::Error| Failure::bad(format!("invalid JSON: {error}"));
    let value: Value = serde_json::from_slice(body).map_err(wrong)?;
    if !value.is_object() {
        return Err(Failure::bad("invalid JSON: the body is no object"));
    }
    serde_json::from_value(without_nulls(value)).map_err(wrong)
}

/// Takes out of objects what is `null`. Depth is bounded by the reader of JSON.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(fields.map(|(name, value)| (name, without_nulls(value))).collect())
        }
        Value::Array(values) => Value::Array(values.into_iter().map(without_nulls).collect()),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => other,
    }
}

/// Words, which may be one text.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(crate) enum Words {
    /// One word.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl From<Words> for Vec<String> {
    fn from(words: Words) -> Self {
        match words {
            Words::One(word) => vec![word],
            Words::Many(words) => words,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default, rename_all = "PascalCase")]
    struct Sample {
        name: String,
        count: i64,
        words: Option<Words>,
        inner: Option<Box<Self>>,
    }

    #[test]
    fn null_is_what_is_not_there() {
        let read = |text: &str| read::<Sample>(text.as_bytes());
        let sample = read(r#"{"Name":null,"Other":1,"Inner":{"Count":null,"Words":"a"}}"#).unwrap();
        let inner = Sample { words: Some(Words::One("a".to_owned())), ..Sample::default() };
        assert_eq!(sample, Sample { inner: Some(Box::new(inner)), ..Sample::default() });
    }

    #[test]
    fn wrong_types_are_refused() {
        for text in [
            "",
            "{",
            "[]",
            "null",
            "1",
            r#"{"Name":1}"#,
            r#"{"Count":"1"}"#,
            r#"{"Words":[1]}"#,
            "{} {}",
        ] {
            let failure = read::<Sample>(text.as_bytes()).unwrap_err();
            assert!(failure.message.starts_with("invalid JSON"), "{text}: {}", failure.message);
        }
        let deep = "[".repeat(100_000);
        assert!(read::<Sample>(format!("{{\"a\":{deep}").as_bytes()).is_err());
    }
}
