//! Image references as people write them, in the normal form that tools agree on.
//!
//! `busybox` means `docker.io/library/busybox:latest`. Grammar: distribution's reference documentation.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Digest;

const DEFAULT_DOMAIN: &str = "docker.io";
const DEFAULT_NAMESPACE: &str = "library/";
const DEFAULT_TAG: &str = "latest";
/// Longest repository name with its domain, as the distribution specification recommends.
const MOST_NAME_BYTES: usize = 255;
const MOST_TAG_BYTES: usize = 128;

/// A normalised image reference: domain, path, and a tag or a digest or both.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    domain: String,
    path: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

/// The text is no image reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid reference {text:?}: {why}")]
pub struct BadReference {
    text: String,
    why: &'static str,
}

impl Reference {
    /// Registry's host, with a port where one was given.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Repository's path on the registry, `library/busybox`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Registry and path without tag and digest, as records have it: `docker.io/library/busybox`.
    #[must_use]
    pub fn repository(&self) -> String {
        format!("{}/{}", self.domain, self.path)
    }

    /// The tag, `latest` where neither tag nor digest was given.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest, where one was given.
    #[must_use]
    pub const fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// What it points at when it has both a tag and a digest: the digest alone, as in Docker.
    #[must_use]
    pub fn pinned(&self) -> Self {
        let tag = if self.digest.is_some() { None } else { self.tag.clone() };
        Self { tag, ..self.clone() }
    }

    /// Repository as people write it: `busybox`, `ghcr.io/a/b`.
    #[must_use]
    pub fn familiar_name(&self) -> String {
        if self.domain != DEFAULT_DOMAIN {
            return format!("{}/{}", self.domain, self.path);
        }
        let path = self.path.strip_prefix(DEFAULT_NAMESPACE).filter(|rest| !rest.contains('/'));
        path.unwrap_or(&self.path).into()
    }

    /// The whole reference as people write it: `busybox:latest`.
    #[must_use]
    pub fn familiar(&self) -> String {
        let mut text = self.familiar_name();
        if let Some(tag) = &self.tag {
            text.push(':');
            text.push_str(tag);
        }
        if let Some(digest) = &self.digest {
            text.push('@');
            text.push_str(&digest.to_string());
        }
        text
    }
}

impl FromStr for Reference {
    type Err = BadReference;

    fn from_str(text: &str) -> Result<Self, BadReference> {
        parse(text).map_err(|why| BadReference { text: text.chars().take(300).collect(), why })
    }
}

fn parse(text: &str) -> Result<Reference, &'static str> {
    if text.is_empty() {
        return Err("it is empty");
    }
    if text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return Err("64 hexadecimal digits are an image id, not a name");
    }
    let (rest, digest) = match text.split_once('@') {
        Some((rest, digest)) => {
            (rest, Some(digest.parse().map_err(|_bad| "its digest is invalid")?))
        }
        None => (text, None),
    };
    let (name, tag) = match rest.rfind(':').filter(|at| !rest[*at..].contains('/')) {
        Some(at) => (&rest[..at], Some(&rest[at + 1..])),
        None => (rest, None),
    };
    let (domain, path) = split_domain(name);
    check_path(&path)?;
    if domain.len() + 1 + path.len() > MOST_NAME_BYTES {
        return Err("the repository name is longer than 255 characters");
    }
    let tag = match tag {
        Some(tag) => Some(check_tag(tag)?),
        None => digest.is_none().then_some(DEFAULT_TAG),
    };
    check_domain(&domain)?;
    Ok(Reference { domain, path, tag: tag.map(str::to_owned), digest })
}

/// The part before the first slash is a domain only when it looks like one.
fn split_domain(name: &str) -> (String, String) {
    let (domain, path) = match name.split_once('/') {
        Some((first, rest))
            if first.contains(['.', ':']) || first == "localhost" || has_upper(first) =>
        {
            (first, rest)
        }
        _ => (DEFAULT_DOMAIN, name),
    };
    let domain = if domain == "index.docker.io" { DEFAULT_DOMAIN } else { domain };
    if domain == DEFAULT_DOMAIN && !path.contains('/') {
        return (domain.into(), format!("{DEFAULT_NAMESPACE}{path}"));
    }
    (domain.into(), path.into())
}

fn has_upper(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_uppercase())
}

fn check_domain(domain: &str) -> Result<(), &'static str> {
    const BAD: &str = "the registry is no host name";
    let (host, port) = match domain.strip_prefix('[') {
        Some(rest) => {
            let (address, after) = rest.split_once(']').ok_or(BAD)?;
            if address.is_empty()
                || !address
                    .bytes()
                    .all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'))
            {
                return Err(BAD);
            }
            (
                "v6",
                after
                    .strip_prefix(':')
                    .or(if after.is_empty() { Some("1") } else { None })
                    .ok_or(BAD)?,
            )
        }
        None => domain.split_once(':').unwrap_or((domain, "1")),
    };
    if port.is_empty() || !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err("the registry's port is no number");
    }
    let label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if host.split('.').all(label) { Ok(()) } else { Err(BAD) }
}

fn check_path(path: &str) -> Result<(), &'static str> {
    if has_upper(path) {
        return Err("the repository name must be lower-case");
    }
    if path.split('/').all(is_path_component) {
        Ok(())
    } else {
        Err("the repository name may hold a-z, 0-9 and single separators . _ - between them")
    }
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_path_component(component: &str) -> bool {
    let alphanumeric = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let mut bytes = component.as_bytes();
    loop {
        let word = bytes.iter().take_while(|byte| alphanumeric(byte)).count();
        if word == 0 {
            return false;
        }
        bytes = &bytes[word..];
        if bytes.is_empty() {
            return true;
        }
        let separator = bytes.iter().take_while(|byte| !alphanumeric(byte)).count();
        let valid = matches!(&bytes[..separator], b"." | b"_" | b"__")
            || bytes[..separator].iter().all(|byte| *byte == b'-');
        if !valid {
            return false;
        }
        bytes = &bytes[separator..];
    }
}

fn check_tag(tag: &str) -> Result<&str, &'static str> {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let first = tag.bytes().next().is_some_and(word);
    let rest = tag.bytes().all(|byte| word(byte) || matches!(byte, b'.' | b'-'));
    if first && rest && tag.len() <= MOST_TAG_BYTES {
        Ok(tag)
    } else {
        Err("the tag may hold letters, digits, _ . and -, up to 128, not beginning with . or -")
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.domain, self.path)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Reference {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Reference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_form() {
        for (given, full, familiar) in [
            ("busybox", "docker.io/library/busybox:latest", "busybox:latest"),
            ("me/app:1", "docker.io/me/app:1", "me/app:1"),
            ("localhost/a", "localhost/a:latest", "localhost/a:latest"),
            ("localhost:5000/a/b:v1.0-x", "localhost:5000/a/b:v1.0-x", "localhost:5000/a/b:v1.0-x"),
            ("index.docker.io/library/x", "docker.io/library/x:latest", "x:latest"),
            ("[::1]:5000/a", "[::1]:5000/a:latest", "[::1]:5000/a:latest"),
        ] {
            let reference: Reference = given.parse().unwrap();
            assert_eq!(
                (reference.to_string().as_str(), reference.familiar().as_str()),
                (full, familiar)
            );
            assert_eq!(reference.to_string().parse::<Reference>().unwrap(), reference);
        }
        let digest = format!("a@sha256:{}", "0".repeat(64));
        let reference: Reference = digest.parse().unwrap();
        assert_eq!((reference.tag(), reference.familiar()), (None, digest));
    }

    #[test]
    fn refusals_say_why() {
        for bad in [
            "",
            "A",
            "a:",
            "a:-x",
            "a//b",
            "/a",
            "a/",
            "a__-b",
            "a@sha256:0",
            "-.x/a",
            "a:b:c/d",
            "x.y:z/a",
            &"a".repeat(300),
        ] {
            assert!(bad.parse::<Reference>().is_err(), "{bad}");
        }
    }
}
