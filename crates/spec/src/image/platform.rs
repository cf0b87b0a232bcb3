//! Machine types: how people write them, and which of several images fits one best.
//!
//! Sources: image-spec image-index.md ("platform"), Go's GOOS and GOARCH.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A machine type.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Platform {
    /// Go's GOARCH: `amd64`, `arm64` …
    #[serde(default)]
    pub architecture: String,
    /// `linux`.
    #[serde(default)]
    pub os: String,
    /// For example `v7` of `arm`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Of Windows.
    #[serde(default, rename = "os.version", skip_serializing_if = "Option::is_none")]
    pub os_version: Option<String>,
    /// Of Windows.
    #[serde(default, rename = "os.features", skip_serializing_if = "Option::is_none")]
    pub os_features: Option<Vec<String>>,
}

/// The text is no platform.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid platform {0:?}: not of the form OS/ARCHITECTURE or OS/ARCHITECTURE/VARIANT")]
pub struct BadPlatform(String);

impl Platform {
    /// The platform that this program was built for.
    #[must_use]
    pub fn native() -> Self {
        Self::new("linux", std::env::consts::ARCH, None)
    }

    /// The platform that an image's configuration says it is for.
    #[must_use]
    pub fn of(config: &super::ImageConfig) -> Self {
        Self::new(&config.os, &config.architecture, config.variant.as_deref())
    }

    fn new(os: &str, architecture: &str, variant: Option<&str>) -> Self {
        let (architecture, variant) = normal(architecture, variant);
        Self {
            architecture: architecture.to_owned(),
            os: os.to_owned(),
            variant: variant.map(str::to_owned),
            ..Self::default()
        }
    }

    /// How well content for `offered` serves this machine; nothing when it does not. The greatest is the best.
    ///
    /// An ARM machine of version 7 runs what was made for 6 and 5; other variants are equal or nothing.
    #[must_use]
    pub fn fit(&self, offered: &Self) -> Option<u8> {
        let (architecture, variant) = normal(
            &offered.architecture,
            offered.variant.as_deref().filter(|text| !text.is_empty()),
        );
        if offered.os != self.os || architecture != self.architecture {
            return None;
        }
        let version = |variant: Option<&str>| {
            variant
                .and_then(|text| text.strip_prefix('v'))
                .and_then(|digits| digits.parse::<u8>().ok())
        };
        match (self.variant.as_deref(), variant) {
            (wanted, offered) if wanted == offered => Some(u8::MAX),
            (None, offered) if architecture == "arm" => version(offered),
            (Some(wanted), offered) if architecture == "arm" => {
                let (wanted, offered) = (version(Some(wanted))?, version(offered).unwrap_or(0));
                (offered <= wanted).then_some(offered)
            }
            _ => None,
        }
    }
}

/// Other names that tools give to the same, and the variant that is meant where none is said.
fn normal<'a>(architecture: &'a str, variant: Option<&'a str>) -> (&'a str, Option<&'a str>) {
    match (architecture, variant) {
        ("x86_64" | "x86-64", variant) => ("amd64", variant.filter(|variant| *variant != "v1")),
        ("amd64", Some("v1")) => ("amd64", None),
        ("aarch64" | "arm64", Some("8" | "v8") | None) => ("arm64", None),
        ("aarch64", variant) => ("arm64", variant),
        ("i386" | "i486" | "i586" | "i686" | "x86", _) => ("386", None),
        ("armhf", None) => ("arm", Some("v7")),
        ("armel", None) => ("arm", Some("v6")),
        ("arm", Some("7")) => ("arm", Some("v7")),
        ("arm", Some("6")) => ("arm", Some("v6")),
        ("arm", Some("5")) => ("arm", Some("v5")),
        other => other,
    }
}

impl FromStr for Platform {
    type Err = BadPlatform;

    /// `linux/arm/v7`, `linux/amd64`, or an architecture alone, which means Linux.
    fn from_str(text: &str) -> Result<Self, BadPlatform> {
        let bad = || BadPlatform(text.chars().take(80).collect());
        let word = |word: &str| {
            let plain =
                |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
            word.starts_with(|first: char| first.is_ascii_alphanumeric()) && word.bytes().all(plain)
        };
        let lower = text.to_ascii_lowercase();
        let parts: Vec<&str> = lower.split('/').collect();
        if !parts.iter().all(|part| word(part)) {
            return Err(bad());
        }
        match parts[..] {
            ["linux"] => Ok(Self::native()),
            [architecture] => Ok(Self::new("linux", architecture, None)),
            [os, architecture] => Ok(Self::new(os, architecture, None)),
            [os, architecture, variant] => Ok(Self::new(os, architecture, Some(variant))),
            _ => Err(bad()),
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) => write!(f, "/{variant}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_brought_into_one_form() {
        for (text, shown) in [
            ("amd64", "linux/amd64"),
            ("Linux/x86_64", "linux/amd64"),
            ("linux/arm64/v8", "linux/arm64"),
            ("aarch64", "linux/arm64"),
            ("armhf", "linux/arm/v7"),
            ("linux/arm/6", "linux/arm/v6"),
            ("windows/amd64", "windows/amd64"),
        ] {
            assert_eq!(text.parse::<Platform>().unwrap().to_string(), shown, "{text}");
        }
        for bad in ["", "a/b/c/d", "linux/", "../etc"] {
            assert!(bad.parse::<Platform>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_best_of_several_fits() {
        let fit = |wanted: &str, offered: &str| {
            wanted.parse::<Platform>().unwrap().fit(&offered.parse().unwrap())
        };
        assert_eq!(fit("linux/arm64", "linux/arm64/v8"), Some(u8::MAX));
        assert_eq!(fit("linux/amd64", "linux/amd64/v3"), None);
        assert_eq!(fit("linux/amd64", "linux/arm64"), None);
        assert_eq!(fit("linux/amd64", "windows/amd64"), None);
        assert!(fit("linux/arm/v7", "linux/arm/v7") > fit("linux/arm/v7", "linux/arm/v6"));
        assert!(fit("linux/arm/v7", "linux/arm/v6") > fit("linux/arm/v7", "linux/arm/v5"));
        assert_eq!(fit("linux/arm/v6", "linux/arm/v7"), None);
    }
}
