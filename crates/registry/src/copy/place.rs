//! Where a copy comes from or goes to, as people write it: skopeo's transports, and the store. Pure.

use std::path::PathBuf;
use std::str::FromStr;

use spec::Reference;

/// One end of a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// `docker://REF`: at a registry.
    Registry(Reference),
    /// `oci:PATH[:TAG]`: an OCI layout in a directory.
    Layout {
        /// The directory.
        path: PathBuf,
        /// Which of its images.
        tag: Option<String>,
    },
    /// `oci-archive:FILE[:TAG]`: an OCI layout as one file.
    OciArchive {
        /// The file.
        path: PathBuf,
        /// Which of its images.
        tag: Option<String>,
    },
    /// `docker-archive:FILE[:REF]`: what `docker save` writes.
    DockerArchive {
        /// The file.
        path: PathBuf,
        /// Which of its images.
        name: Option<Reference>,
    },
    /// `store:NAME`, or a name alone: the images that are here.
    Store(String),
}

/// The text is no place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid place {text:?}: {why}")]
pub struct BadPlace {
    text: String,
    why: String,
}

/// Transports of other tools, which would be taken for names of images.
const FOREIGN: &[&str] =
    &["containers-storage", "dir", "docker-daemon", "ostree", "sif", "tarball"];
const KNOWN: &str =
    "docker://REF, oci:PATH[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:REF], store:NAME";

impl FromStr for Place {
    type Err = BadPlace;

    fn from_str(text: &str) -> Result<Self, BadPlace> {
        parse(text).map_err(|why| BadPlace { text: text.chars().take(300).collect(), why })
    }
}

fn parse(text: &str) -> Result<Place, String> {
    let (transport, rest) = text.split_once(':').unwrap_or(("store", text));
    let reference = |text: &str| text.parse::<Reference>().map_err(|bad| bad.to_string());
    match transport {
        "docker" => match rest.strip_prefix("//") {
            Some(name) => Ok(Place::Registry(reference(name)?)),
            None if rest.starts_with('/') => Err("write docker://REF".to_owned()),
            None => store(text),
        },
        "oci" => {
            let (path, tag) = file(rest)?;
            Ok(Place::Layout { path, tag: tag.map(checked_tag).transpose()? })
        }
        "oci-archive" => {
            let (path, tag) = file(rest)?;
            Ok(Place::OciArchive { path, tag: tag.map(checked_tag).transpose()? })
        }
        "docker-archive" => {
            let (path, name) = file(rest)?;
            Ok(Place::DockerArchive { path, name: name.map(reference).transpose()? })
        }
        "store" if rest.is_empty() => Err("it is empty".to_owned()),
        "store" => Ok(Place::Store(rest.to_owned())),
        foreign if FOREIGN.contains(&foreign) => {
            Err(format!("there is no transport {foreign}; there are {KNOWN}"))
        }
        _ => store(text),
    }
}

/// A name or an id of the store.
fn store(text: &str) -> Result<Place, String> {
    if text.contains("://") {
        return Err(format!("the transports are {KNOWN}"));
    }
    Ok(Place::Store(text.to_owned()))
}

/// A path has no colon, as in skopeo: what follows it may have.
fn file(text: &str) -> Result<(PathBuf, Option<&str>), String> {
    let (path, name) = match text.split_once(':') {
        Some((path, name)) => (path, Some(name)),
        None => (text, None),
    };
    if path.is_empty() {
        return Err("it names no path".to_owned());
    }
    Ok((path.into(), name))
}

/// image-spec annotations.md: letters and digits, single separators, parts divided by slashes. A tag like that is safe in messages.
fn checked_tag(tag: &str) -> Result<String, String> {
    let word = |part: &str| {
        let plain = |byte: u8| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b':' | b'@' | b'+')
        };
        part.starts_with(|first: char| first.is_ascii_alphanumeric()) && part.bytes().all(plain)
    };
    if tag.len() <= 300 && tag.split('/').all(word) {
        return Ok(tag.to_owned());
    }
    Err("a tag may hold letters, digits, and - . _ : @ + / between them".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_as_skopeo_reads_them() {
        let place = |text: &str| text.parse::<Place>().unwrap();
        assert_eq!(
            place("docker://a.example/b:1"),
            Place::Registry("a.example/b:1".parse().unwrap())
        );
        let layout =
            |tag: Option<&str>| Place::Layout { path: "/a/b".into(), tag: tag.map(str::to_owned) };
        assert_eq!(place("oci:/a/b"), layout(None));
        assert_eq!(place("oci:/a/b:docker.io/library/x:1"), layout(Some("docker.io/library/x:1")));
        let archive =
            Place::DockerArchive { path: "x.tar".into(), name: Some("b:1".parse().unwrap()) };
        assert_eq!(place("docker-archive:x.tar:b:1"), archive);
        assert_eq!(place("busybox:latest"), Place::Store("busybox:latest".to_owned()));
        assert_eq!(place("store:oci:1"), Place::Store("oci:1".to_owned()));
        assert_eq!(place("127.0.0.1:5000/a"), Place::Store("127.0.0.1:5000/a".to_owned()));
    }

    #[test]
    fn what_is_no_place_is_refused() {
        for bad in [
            "",
            "store:",
            "oci:",
            "oci::x",
            "oci:/a:../b",
            "docker:/x",
            "docker://",
            "dir:/x",
            "http://x/y",
        ] {
            assert!(bad.parse::<Place>().is_err(), "{bad}");
        }
    }
}
