//! Versions of the API.

use std::fmt;
use std::str::FromStr;

/// A version, `1.MINOR`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ApiVersion(u32);

impl ApiVersion {
    /// The oldest one that is spoken.
    pub const OLDEST: Self = Self(24);
    /// The newest one.
    pub const NEWEST: Self = Self(52);

    /// Whether it is `1.minor` or later.
    #[must_use]
    pub const fn has(self, minor: u32) -> bool {
        self.0 >= minor
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "1.{}", self.0)
    }
}

/// A text that is no version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no version of the API, such as 1.44")]
pub struct BadVersion;

impl FromStr for ApiVersion {
    type Err = BadVersion;

    fn from_str(text: &str) -> Result<Self, BadVersion> {
        let minor = text.strip_prefix("1.").ok_or(BadVersion)?;
        minor.parse().map(Self).map_err(|_no_number| BadVersion)
    }
}
