//! A file from an address that somebody gave. Start at [`Client::download`].

use std::io::Read;
use std::time::Duration;

use ureq::http::Method;

use crate::address::Address;
use crate::hosts::TlsRule;
use crate::http::{NetworkError, Request, Trust};
use crate::{Client, RegistryError};

/// Bytes of a file as they come.
pub struct Download {
    reader: ureq::BodyReader<'static>,
    /// How many there are, where the server says so.
    pub length: Option<u64>,
    /// What the server calls it (`Content-Disposition`), or the last name of the address that gave it.
    pub name: Option<String>,
    /// When it was changed (`Last-Modified`), seconds since 1970.
    pub modified_s: Option<i64>,
    host: String,
    idle: Duration,
}

impl Client {
    /// Gets a file by `http://` or `https://`; redirects are followed.
    ///
    /// # Errors
    /// When the address is none, or its host does not give the file.
    pub fn download(&self, url: &str) -> Result<Download, RegistryError> {
        let what = format!("get {url}");
        let address = Address::parse(url)
            .map_err(|bad| RegistryError::Invalid(format!("{what}: the address {bad}")))?;
        let (method, headers, secrets) = (Method::GET, Vec::new(), Vec::new());
        let request = Request { method, address, headers, secrets, body: &[], is_slow: false };
        let trust = Trust::new(&TlsRule::default(), true, false);
        let answer = self.http().exchange(&request, &trust);
        let answer = answer.map_err(|failure| failure.into_error(&what))?;
        let host = answer.address.origin.authority();
        if answer.status != 200 {
            let status = answer.status;
            return Err(RegistryError::Status {
                what,
                registry: host,
                status,
                words: String::new(),
            });
        }
        let modified = answer.field("last-modified").and_then(date);
        let given = answer.field("content-disposition").and_then(disposition);
        Ok(Download {
            name: given.or_else(|| last_name(&answer.address.target)),
            modified_s: modified,
            length: answer.length(),
            idle: answer.idle,
            reader: answer.body.into_with_config().limit(u64::MAX).reader(),
            host,
        })
    }
}

/// A date as HTTP writes it. RFC 9110 section 5.6.7.
fn date(text: &str) -> Option<i64> {
    let parsed = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text);
    parsed.ok().map(jiff::Timestamp::as_second)
}

/// The name of `Content-Disposition: attachment; filename="a b.tar"`. RFC 6266 section 4.
fn disposition(text: &str) -> Option<String> {
    let (mut name, mut rest) = (None, text.split_once(';')?.1);
    while name.is_none() {
        let (key, after) = rest.split_once('=')?;
        let (value, after) = match after.trim_start().strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => after.split_once(';').unwrap_or((after, "")),
        };
        if key.trim_matches([' ', ';']).eq_ignore_ascii_case("filename") {
            name = Some(value.trim());
        }
        rest = after;
    }
    name.and_then(file_name)
}

/// The last name of an address' path.
fn last_name(target: &str) -> Option<String> {
    let path = target.split('?').next().unwrap_or_default();
    let name = path.rsplit('/').find(|name| !name.is_empty())?;
    file_name(&percent_encoding::percent_decode_str(name).decode_utf8().ok()?)
}

/// A name that leads nowhere else.
fn file_name(text: &str) -> Option<String> {
    let is_name = !matches!(text, "" | "." | "..") && !text.contains(['/', '\0']);
    is_name.then(|| text.to_owned())
}

impl Read for Download {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.reader.read(buffer);
        read.map_err(|error| NetworkError::of_read(error, &self.host, self.idle).into_io())
    }
}

impl std::fmt::Debug for Download {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Download").field("host", &self.host).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_servers_or_the_addresss() {
        let given = |text| disposition(text);
        assert_eq!(given("attachment; filename=\"a b;c.tar\"").as_deref(), Some("a b;c.tar"));
        assert_eq!(given("inline; size=3; FileName=x.tgz; y=z").as_deref(), Some("x.tgz"));
        for text in [
            "attachment",
            "attachment; filename=\"../x\"",
            "attachment; filename=\"..\"",
            "attachment; filename=\"\"",
            "attachment; filename=\"open",
        ] {
            assert_eq!(given(text), None, "{text}");
        }
        assert_eq!(last_name("/a/b%20c.tar?x=/y").as_deref(), Some("b c.tar"));
        assert_eq!(last_name("/a/").as_deref(), Some("a"));
        for target in ["/", "", "/a/..", "/%2e%2e", "/a%2Fb", "/%ff"] {
            assert_eq!(last_name(target), None, "{target}");
        }
    }

    #[test]
    fn dates_are_seconds() {
        assert_eq!(date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(date("yesterday"), None);
    }
}
