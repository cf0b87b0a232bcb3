//! Versions of the API. A client names one in the path, and sees what that version has.

use std::fmt;
use std::str::FromStr;

/// A version, `1.MINOR`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiVersion {
    major: u16,
    minor: u16,
}

/// The oldest that is spoken.
pub const OLDEST: ApiVersion = ApiVersion::of(24);
/// The newest, which those who name none speak.
pub const NEWEST: ApiVersion = ApiVersion::of(52);

/// Why a version is not spoken. The words are those that clients look for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadVersion {
    /// It is older than [`OLDEST`].
    #[error(
        "client version {0} is too old. Minimum supported API version is {OLDEST}, please upgrade your client to a newer version"
    )]
    Old(ApiVersion),
    /// It is newer than [`NEWEST`].
    #[error("client version {0} is too new. Maximum supported API version is {NEWEST}")]
    New(ApiVersion),
    /// It is none.
    #[error("it is no version of the API")]
    None,
}

impl ApiVersion {
    /// `1.MINOR`.
    #[must_use]
    pub const fn of(minor: u16) -> Self {
        Self { major: 1, minor }
    }

    /// Whether what came with `1.MINOR` is there.
    #[must_use]
    pub fn has(self, minor: u16) -> bool {
        self >= Self::of(minor)
    }

    /// The version itself, if it is spoken.
    ///
    /// # Errors
    /// [`BadVersion::Old`] or [`BadVersion::New`].
    pub fn spoken(self) -> Result<Self, BadVersion> {
        if self < OLDEST {
            Err(BadVersion::Old(self))
        } else if self > NEWEST {
            Err(BadVersion::New(self))
        } else {
            Ok(self)
        }
    }
}

impl FromStr for ApiVersion {
    type Err = BadVersion;

    fn from_str(text: &str) -> Result<Self, BadVersion> {
        let number = |text: &str| {
            let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            if is_number {
                text.parse().map_err(|_too_large| BadVersion::None)
            } else {
                Err(BadVersion::None)
            }
        };
        let (major, minor) = text.split_once('.').ok_or(BadVersion::None)?;
        Ok(Self { major: number(major)?, minor: number(minor)? })
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_compared_by_number() {
        let read = |text: &str| text.parse::<ApiVersion>();
        assert_eq!(read("1.9"), Ok(ApiVersion::of(9)));
        assert!(read("1.9").unwrap() < read("1.24").unwrap());
        assert!(read("2.0").unwrap() > NEWEST);
        for text in ["", "1", "1.", ".4", "1.-4", "1.+4", "1.4.1", "1.99999", "1.x"] {
            assert_eq!(read(text), Err(BadVersion::None), "{text}");
        }
    }

    #[test]
    fn who_speaks_another_one_is_told_which_are_spoken() {
        let said = |minor| ApiVersion::of(minor).spoken().map_err(|bad| bad.to_string());
        assert_eq!(said(24), Ok(OLDEST));
        assert_eq!(said(52), Ok(NEWEST));
        assert_eq!(
            said(23),
            Err("client version 1.23 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version".to_owned())
        );
        assert_eq!(
            said(53),
            Err("client version 1.53 is too new. Maximum supported API version is 1.52".to_owned())
        );
    }
}
