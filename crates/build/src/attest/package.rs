//! A package that an image holds, and its package URL. Source: the purl specification (ECMA-427).

use std::fmt;

use store::attestation::encode;

/// Whose package it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sort {
    /// dpkg's.
    Debian,
    /// apk's.
    Alpine,
    /// rpm's.
    Rpm,
    /// Python's.
    Python,
    /// Node.js's.
    Node,
}

/// A package.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Package {
    /// Whose it is.
    pub sort: Sort,
    /// Its name.
    pub name: String,
    /// Its version as it names it itself.
    pub version: String,
    /// For which machine; empty where it has none.
    pub architecture: String,
    /// Its package URL.
    pub url: String,
    /// Who made it; empty where it does not say.
    pub supplier: String,
    /// Its licence as it names it, which need not be an SPDX expression.
    pub licence: String,
    /// The file that says that it is there.
    pub found_in: String,
    /// The package that it was built of, with another name.
    pub origin: String,
}

impl fmt::Display for Sort {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Debian => "deb",
            Self::Alpine => "apk",
            Self::Rpm => "rpm",
            Self::Python => "pypi",
            Self::Node => "npm",
        })
    }
}

/// A package URL: type, name space, name, version and qualifiers, which are sorted; empty ones are left out.
pub(super) fn url(
    sort: Sort,
    space: &str,
    name: &str,
    version: &str,
    qualifiers: &[(&str, &str)],
) -> String {
    let mut url = format!("pkg:{sort}/");
    if !space.is_empty() {
        url.push_str(&encode(space));
        url.push('/');
    }
    url.push_str(&encode(name));
    if !version.is_empty() {
        url.push('@');
        url.push_str(&encode(version));
    }
    let mut said: Vec<_> = qualifiers.iter().filter(|(_, value)| !value.is_empty()).collect();
    said.sort();
    for (at, (key, value)) in said.iter().enumerate() {
        url.push(if at == 0 { '?' } else { '&' });
        url.push_str(key);
        url.push('=');
        url.push_str(&encode(value));
    }
    url
}

/// The contents of a file as text; what is no UTF-8 is replaced.
pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
