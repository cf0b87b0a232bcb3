//! A group below a container's, for a process that joins it.

use std::str::FromStr;

use super::{CgroupPath, PathFault, Place};

/// `PATH`, or `CONTROLLER[,CONTROLLER]:PATH` for single hierarchies of v1: what `runc exec --cgroup` takes. `/` is the container's
/// own group; the path cannot leave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubGroup {
    /// Names of v1 controllers; none for all hierarchies, and on v2.
    pub controllers: Vec<String>,
    /// Where below; `None` is the container's group itself.
    pub path: Option<CgroupPath>,
}

/// A text is no [`SubGroup`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("bad sub cgroup path {text:?}")]
pub struct BadSubGroup {
    /// As given.
    pub text: String,
    /// Cause.
    #[source]
    pub fault: PathFault,
}

impl FromStr for SubGroup {
    type Err = BadSubGroup;

    fn from_str(text: &str) -> Result<Self, BadSubGroup> {
        let (controllers, path) = text.split_once(':').unwrap_or(("", text));
        let controllers = controllers.split(',').filter(|name| !name.is_empty());
        let controllers = controllers.map(str::to_owned).collect();
        match path.trim_start_matches('/').parse() {
            Ok(path) => Ok(Self { controllers, path: Some(path) }),
            Err(PathFault::Root) => Ok(Self { controllers, path: None }),
            Err(fault) => Err(BadSubGroup { text: text.to_owned(), fault }),
        }
    }
}

impl SubGroup {
    /// The group's directory below `place`.
    pub(super) fn below(&self, place: &Place) -> Place {
        let mut place = place.clone();
        if let Some(path) = &self.path {
            place.directory.push('/');
            place.directory.push_str(path.relative());
        }
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sub_groups_are_read() {
        let read = |text: &str| {
            text.parse::<SubGroup>().map(|group| (group.controllers, group.path.map(String::from)))
        };
        let path = |text: &str| Some(text.to_owned());
        assert_eq!(read("/"), Ok((vec![], None)));
        assert_eq!(read("a/b"), Ok((vec![], path("a/b"))));
        let both = vec!["cpu".to_owned(), "cpuacct".to_owned()];
        assert_eq!(read("cpu,cpuacct:/sub/"), Ok((both, path("sub"))));
        for odd in ["..", "a/../..", "cpu:..", "/../x"] {
            let error = read(odd).unwrap_err().to_string();
            assert!(error.starts_with("bad sub cgroup path"), "{error}");
        }
    }
}
