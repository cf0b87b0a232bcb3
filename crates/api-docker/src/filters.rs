//! Filters: JSON in a parameter, a map of values to yes (`{"label":{"a":true}}`), or a list, as older clients write it (`{"label":["a"]}`).

use std::collections::BTreeMap;

use serde_json::Value;

use crate::query::{Query, truth};

/// Values by names of filters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filters(BTreeMap<String, Vec<String>>);

/// Filters that are none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadFilters {
    /// It is not JSON of that form.
    #[error("invalid filter: it is neither a map of maps nor one of lists")]
    Form,
    /// There is none of that name.
    #[error("invalid filter '{0}'")]
    Name(String),
    /// It is neither yes nor no.
    #[error("invalid filter '{0}=[{1}]'")]
    Truth(String, String),
}

impl Filters {
    /// Reads a parameter; an empty one has none.
    ///
    /// # Errors
    /// [`BadFilters::Form`].
    pub fn parse(text: &str) -> Result<Self, BadFilters> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let map: BTreeMap<String, Value> =
            serde_json::from_str(text).map_err(|_bad| BadFilters::Form)?;
        let all = map.into_iter().map(|(name, value)| Some((name, values(value)?)));
        all.collect::<Option<_>>().map(Self).ok_or(BadFilters::Form)
    }

    /// Those of a request.
    ///
    /// # Errors
    /// [`BadFilters::Form`].
    pub fn of(query: &Query) -> Result<Self, BadFilters> {
        Self::parse(query.get("filters").unwrap_or_default())
    }

    /// Takes out a filter that says yes or no; nothing where nobody gave it.
    ///
    /// # Errors
    /// [`BadFilters::Truth`] for other words, or both of them.
    pub fn take_truth(&mut self, name: &str) -> Result<Option<bool>, BadFilters> {
        let Some(values) = self.0.remove(name) else { return Ok(None) };
        let wrong = || BadFilters::Truth(name.to_owned(), values.join(", "));
        let words: Option<Vec<bool>> = values.iter().map(|word| truth(word)).collect();
        match words.as_deref() {
            None => Err(wrong()),
            Some([]) => Ok(None),
            Some([first, rest @ ..]) if rest.iter().all(|other| other == first) => Ok(Some(*first)),
            Some(_) => Err(wrong()),
        }
    }

    /// Refuses filters of other names.
    ///
    /// # Errors
    /// [`BadFilters::Name`].
    pub fn only(self, names: &[&str]) -> Result<Self, BadFilters> {
        match self.0.keys().find(|own| !names.contains(&own.as_str())) {
            Some(other) => Err(BadFilters::Name(other.clone())),
            None => Ok(self),
        }
    }

    /// Each as `NAME=VALUE`, as the command line has them.
    pub fn texts(&self) -> impl Iterator<Item = String> {
        let each = |(name, values): (&String, &Vec<String>)| {
            values.iter().map(|value| format!("{name}={value}")).collect::<Vec<_>>()
        };
        self.0.iter().flat_map(each)
    }

    /// With a value more.
    pub fn add(&mut self, name: &str, value: String) {
        self.0.entry(name.to_owned()).or_default().push(value);
    }

    /// As a parameter has them.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::json!(self.0).to_string()
    }

    /// Values of one filter.
    #[must_use]
    pub fn get(&self, name: &str) -> &[String] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }
}

fn values(value: Value) -> Option<Vec<String>> {
    let text = |value: Value| match value {
        Value::String(text) => Some(text),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            None
        }
    };
    match value {
        Value::Null => Some(Vec::new()),
        Value::Array(values) => values.into_iter().map(text).collect(),
        // What is said of a value is not looked at, as Docker does not.
        Value::Object(values) => values
            .into_iter()
            .map(|(value, is_wanted)| is_wanted.is_boolean().then_some(value))
            .collect(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_and_lists_say_the_same() {
        let map = Filters::parse(r#"{"label":{"a":true,"b=1":true},"dangling":{"true":true}}"#);
        let list = Filters::parse(r#"{"label":["a","b=1"],"dangling":["true"]}"#);
        assert_eq!(map, list);
        let texts: Vec<_> = map.unwrap().texts().collect();
        assert_eq!(texts, ["dangling=true", "label=a", "label=b=1"]);
        for text in ["", "{}", r#"{"label":null}"#, r#"{"label":[]}"#, r#"{"label":{}}"#] {
            assert_eq!(Filters::parse(text).unwrap().texts().count(), 0, "{text}");
        }
    }

    #[test]
    fn other_forms_and_names_are_refused() {
        for text in
            ["x", "[]", "1", r#"{"a":1}"#, r#"{"a":"b"}"#, r#"{"a":[1]}"#, r#"{"a":{"b":1}}"#]
        {
            assert_eq!(Filters::parse(text), Err(BadFilters::Form), "{text}");
        }
        let other = Filters::parse(r#"{"labels":["a"]}"#).unwrap().only(&["label"]);
        assert_eq!(other.unwrap_err().to_string(), "invalid filter 'labels'");
    }
}
