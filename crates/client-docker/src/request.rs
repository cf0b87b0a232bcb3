//! A request: method, path, parameters, and what it brings.

use std::io::Read;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

/// What stands for itself in a part of a path or a query. RFC 3986, 2.3.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A request.
pub struct Request<'a> {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    query: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Body<'a>,
}

/// What a request brings.
pub(crate) enum Body<'a> {
    Nothing,
    Document(String),
    /// An archive, sent as it is read.
    Stream(&'a mut dyn Read),
}

impl std::fmt::Debug for Request<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {}", self.method, self.target())
    }
}

impl<'a> Request<'a> {
    fn new(method: &'static str, parts: &[&str]) -> Self {
        let parts = parts.iter().map(|part| format!("/{}", escaped(part)));
        Self {
            method,
            path: parts.collect(),
            query: String::new(),
            headers: Vec::new(),
            body: Body::Nothing,
        }
    }

    /// `GET`, with the parts of the path.
    #[must_use]
    pub fn get(parts: &[&str]) -> Self {
        Self::new("GET", parts)
    }

    /// `HEAD`.
    #[must_use]
    pub fn head(parts: &[&str]) -> Self {
        Self::new("HEAD", parts)
    }

    /// `POST`.
    #[must_use]
    pub fn post(parts: &[&str]) -> Self {
        Self::new("POST", parts)
    }

    /// `PUT`.
    #[must_use]
    pub fn put(parts: &[&str]) -> Self {
        Self::new("PUT", parts)
    }

    /// `DELETE`.
    #[must_use]
    pub fn delete(parts: &[&str]) -> Self {
        Self::new("DELETE", parts)
    }

    /// With a parameter more.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl AsRef<str>) -> Self {
        let mark = if self.query.is_empty() { '?' } else { '&' };
        self.query.push(mark);
        self.query.push_str(&format!("{}={}", escaped(name), escaped(value.as_ref())));
        self
    }

    /// With a parameter where there is a value.
    #[must_use]
    pub fn with_some(self, name: &str, value: Option<impl AsRef<str>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// With a truth where it is one.
    #[must_use]
    pub fn with_on(self, name: &str, on: bool) -> Self {
        if on { self.with(name, "1") } else { self }
    }

    /// With a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// With a document.
    #[must_use]
    pub fn document(mut self, document: &Value) -> Self {
        self.body = Body::Document(document.to_string());
        self
    }

    /// With an archive.
    #[must_use]
    pub fn stream(mut self, archive: &'a mut dyn Read) -> Self {
        self.body = Body::Stream(archive);
        self
    }

    /// Path and query.
    pub(crate) fn target(&self) -> String {
        format!("{}{}", self.path, self.query)
    }
}

/// A part of a path: what is a separator elsewhere is not one in it. Names of images have slashes, which stay.
fn escaped(part: &str) -> String {
    part.split('/')
        .map(|piece| utf8_percent_encode(piece, ESCAPED).to_string())
        .collect::<Vec<_>>()
        .join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cannot_leave_their_place() {
        let request = Request::get(&["images", "a/b:1 ?x", "json"])
            .with("filters", "{\"a\":[\"b&c\"]}")
            .with_on("all", true)
            .with_on("size", false);
        assert_eq!(
            request.target(),
            "/images/a/b%3A1%20%3Fx/json?filters=%7B%22a%22%3A%5B%22b%26c%22%5D%7D&all=1"
        );
    }
}
