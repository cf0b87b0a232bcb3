//! Values that are paths or names of things in file systems, and the name of a host.

use std::path::PathBuf;

use super::item::Value;
use super::problem::BadValue;

/// PATH_MAX with its final zero.
const MOST_PATH_BYTES: usize = 4095;
/// NAME_MAX.
const MOST_NAME_BYTES: usize = 255;
/// What uname(2) has room for.
const MOST_HOST_BYTES: usize = 64;

impl Value for PathBuf {
    fn read(text: &str) -> Result<Self, BadValue> {
        Ok(simplified(text)?.into())
    }

    fn show(&self) -> String {
        // Made of text above.
        self.to_string_lossy().into_owned()
    }
}

/// A path without empty and `.` components; `..` stays. What is nothing else becomes `/` or `.`.
///
/// # Errors
/// For what is too long for the kernel.
pub(crate) fn simplified(text: &str) -> Result<String, BadValue> {
    let parts: Vec<&str> =
        text.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    let path = match (text.starts_with('/'), parts.is_empty()) {
        (true, _) => format!("/{}", parts.join("/")),
        (false, true) => ".".to_owned(),
        (false, false) => parts.join("/"),
    };
    if path.len() > MOST_PATH_BYTES {
        return Err(BadValue::LongerThan(MOST_PATH_BYTES));
    }
    Ok(path)
}

/// A control group's path below the root of its tree: neither absolute nor with `..` in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupPath(pub PathBuf);

impl Value for GroupPath {
    fn read(text: &str) -> Result<Self, BadValue> {
        if text.starts_with('/') {
            return Err(BadValue::Not(
                "a path from the control groups' root, without a slash first",
            ));
        }
        if text.split('/').any(|part| part == "..") {
            return Err(BadValue::Not("a path that stays below the control groups' root"));
        }
        PathBuf::read(text).map(Self)
    }

    fn show(&self) -> String {
        self.0.show()
    }
}

/// One component of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathComponent(pub String);

impl Value for PathComponent {
    fn read(text: &str) -> Result<Self, BadValue> {
        if text.contains('/') || text == "." || text == ".." {
            return Err(BadValue::Not("the name of one directory"));
        }
        limited(text, MOST_NAME_BYTES).map(Self)
    }

    fn show(&self) -> String {
        self.0.clone()
    }
}

/// A directory below the container's `/dev`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceDirectory(pub String);

impl Value for DeviceDirectory {
    fn read(text: &str) -> Result<Self, BadValue> {
        if text.split('/').any(|part| part == "..") {
            return Err(BadValue::Not("a directory below /dev"));
        }
        limited(text, MOST_NAME_BYTES).map(Self)
    }

    fn show(&self) -> String {
        self.0.clone()
    }
}

/// The name of a host, as sethostname(2) takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostName(pub String);

impl Value for HostName {
    fn read(text: &str) -> Result<Self, BadValue> {
        limited(text, MOST_HOST_BYTES).map(Self)
    }

    fn show(&self) -> String {
        self.0.clone()
    }
}

fn limited(text: &str, most: usize) -> Result<String, BadValue> {
    if text.len() > most { Err(BadValue::LongerThan(most)) } else { Ok(text.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lose_what_means_nothing() {
        for (text, path) in [
            ("/a//b/./c/", "/a/b/c"),
            ("./a", "a"),
            ("a/../b", "a/../b"),
            ("/", "/"),
            ("//", "/"),
            (".", "."),
            ("none", "none"),
        ] {
            assert_eq!(simplified(text), Ok(path.to_owned()), "{text}");
        }
        assert_eq!(simplified(&"a".repeat(4096)), Err(BadValue::LongerThan(4095)));
    }

    #[test]
    fn groups_stay_below_their_root() {
        assert!(GroupPath::read("lxc.payload/web").is_ok());
        for bad in ["/sys", "a/../..", ".."] {
            assert!(GroupPath::read(bad).is_err(), "{bad}");
        }
        assert!(PathComponent::read("ns").is_ok());
        for bad in ["a/b", ".", "..", &"x".repeat(256)] {
            assert!(PathComponent::read(bad).is_err(), "{bad}");
        }
    }
}
