//! A cgroup path that cannot leave the hierarchy: no `..`, no empty name, nothing the kernel would refuse later.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where a group is, below the root of each hierarchy (`/corten/ID`) or below the group of the caller (`work/ID`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CgroupPath(String);

/// Why a text is no cgroup path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathFault {
    /// No name at all: the root of a hierarchy belongs to the machine.
    #[error("it names the root of the hierarchy")]
    Root,
    /// `.` or `..`.
    #[error("it must not contain `.` or `..`")]
    Dots,
    /// NAME_MAX is 255; the whole may have 2,048 bytes.
    #[error("a name is longer than 255 bytes or the whole is longer than 2048")]
    TooLong,
    /// NUL or a line feed (cgroup_mkdir refuses the latter: it would forge lines of `/proc/PID/cgroup`).
    #[error("it contains a NUL or a line feed")]
    BadByte,
}

const LONGEST_NAME: usize = 255;
const LONGEST_PATH: usize = 2048;

impl CgroupPath {
    /// Whether it starts at the root of the hierarchies rather than at the caller's own group.
    pub fn is_absolute(&self) -> bool {
        self.0.starts_with('/')
    }

    /// The names joined by `/`, without a leading one.
    pub fn relative(&self) -> &str {
        self.0.trim_start_matches('/')
    }

    /// The text as normalised: single slashes, none at the end.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CgroupPath {
    type Err = PathFault;

    fn from_str(text: &str) -> Result<Self, PathFault> {
        if text.len() > LONGEST_PATH {
            return Err(PathFault::TooLong);
        }
        if text.contains(['\0', '\n']) {
            return Err(PathFault::BadByte);
        }
        let mut path = String::with_capacity(text.len());
        for name in text.split('/').filter(|name| !name.is_empty()) {
            match name {
                "." | ".." => return Err(PathFault::Dots),
                name if name.len() > LONGEST_NAME => return Err(PathFault::TooLong),
                name => {
                    if !path.is_empty() || text.starts_with('/') {
                        path.push('/');
                    }
                    path.push_str(name);
                }
            }
        }
        if path.is_empty() { Err(PathFault::Root) } else { Ok(Self(path)) }
    }
}

impl fmt::Display for CgroupPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for CgroupPath {
    type Error = PathFault;

    fn try_from(text: String) -> Result<Self, PathFault> {
        text.parse()
    }
}

impl From<CgroupPath> for String {
    fn from(path: CgroupPath) -> Self {
        path.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normalises_and_refuses() {
        let show = |text: &str| text.parse::<CgroupPath>().map(String::from);
        assert_eq!(show("/corten/web"), Ok("/corten/web".into()));
        assert_eq!(show("//corten///web/"), Ok("/corten/web".into()));
        assert_eq!(show("pod/web"), Ok("pod/web".into()));
        assert_eq!(show("a..b/c"), Ok("a..b/c".into()));
        for root in ["", "/", "///"] {
            assert_eq!(show(root), Err(PathFault::Root));
        }
        for escape in ["/corten/../..", "..", "../x", "/a/./b", "a/.."] {
            assert_eq!(show(escape), Err(PathFault::Dots));
        }
        assert_eq!(show("/a\nb"), Err(PathFault::BadByte));
        assert_eq!(show("/a\0b"), Err(PathFault::BadByte));
        assert_eq!(show(&"x".repeat(256)), Err(PathFault::TooLong));
        assert_eq!(show(&"x/".repeat(1025)), Err(PathFault::TooLong));
    }

    #[test]
    fn serde_cannot_smuggle_a_bad_path() {
        assert!(serde_json::from_str::<CgroupPath>("\"/a/../b\"").is_err());
        assert_eq!(serde_json::from_str::<CgroupPath>("\"/a/b\"").unwrap().relative(), "a/b");
    }
}
