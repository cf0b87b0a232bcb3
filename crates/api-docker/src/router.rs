//! Which operation a request is for. Pure: reads the method and the path, and nothing else. Start at [`route`].

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::operation::Operation;
use crate::version::{ApiVersion, BadVersion, NEWEST};

/// Bytes of a path at most; a name of an image is the longest thing in one.
const LONGEST: usize = 4096;

/// A request that is understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routed {
    /// What is asked for.
    pub operation: Operation,
    /// The version that the client speaks.
    pub version: ApiVersion,
    /// What the path names, in its order: a container, and a checkpoint of it, say.
    pub names: Vec<String>,
}

/// Why a request is for nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoRoute {
    /// There is no such place.
    #[error("page not found")]
    Nowhere,
    /// It is no text.
    #[error("the path is not UTF-8, or has a NUL or too many bytes")]
    NoText,
    /// It is in no version that is spoken.
    #[error(transparent)]
    Version(#[from] BadVersion),
}

/// Finds the operation of a request by its method and its path, without its query.
///
/// # Errors
/// [`NoRoute`].
pub fn route(method: &str, path: &str) -> Result<Routed, NoRoute> {
    if path.len() > LONGEST {
        return Err(NoRoute::NoText);
    }
    let path = percent_decode_str(path).decode_utf8().map_err(|_bad| NoRoute::NoText)?;
    if path.contains('\0') {
        return Err(NoRoute::NoText);
    }
    let (version, path) = versioned(&path)?;
    let version = version.spoken()?;
    let found = Operation::ALL.iter().find_map(|operation| {
        let place = operation.place();
        if place.method != method || !operation.is_in(version) {
            return None;
        }
        Some((*operation, names(place.path, path)?))
    });
    let (operation, names) = found.ok_or(NoRoute::Nowhere)?;
    Ok(Routed { operation, version, names })
}

/// Takes the version off a path.
fn versioned(path: &str) -> Result<(ApiVersion, &str), NoRoute> {
    let Some(rest) = path.strip_prefix("/v") else { return Ok((NEWEST, path)) };
    let Some(end) = rest.find('/') else { return Ok((NEWEST, path)) };
    let (version, behind) = rest.split_at(end);
    if !version.starts_with(|first: char| first.is_ascii_digit()) {
        return Ok((NEWEST, path));
    }
    Ok((version.parse().map_err(|_none| NoRoute::Nowhere)?, behind))
}

/// What a path has where the pattern has `{name}`, if it fits. Each takes as much as it can.
fn names(pattern: &str, path: &str) -> Option<Vec<String>> {
    const NAME: &str = "{name}";
    let Some(place) = pattern.find(NAME) else { return (pattern == path).then(Vec::new) };
    let (before, rest) = pattern.split_at(place);
    let path = path.strip_prefix(before)?;
    let rest = rest.get(NAME.len()..)?;
    let literal = rest.split(NAME).next().unwrap_or_default();
    if literal.is_empty() {
        return (!path.is_empty()).then(|| vec![path.to_owned()]);
    }
    // The last place where what follows is, so that names may have it in them.
    for (end, _) in path.rmatch_indices(literal) {
        let (name, behind) = path.split_at(end);
        if name.is_empty() {
            continue;
        }
        if let Some(others) = names(rest, behind) {
            return Some(std::iter::once(name.to_owned()).chain(others).collect());
        }
    }
    None
}

/// A name as clients write it into a path: Docker's own begin those of containers with a slash.
#[must_use]
pub fn bare(name: &str) -> Cow<'_, str> {
    Cow::Borrowed(name.strip_prefix('/').unwrap_or(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::{
        ContainerOperation, ImageOperation, NetworkOperation, SystemOperation, VolumeOperation,
    };

    fn found(method: &str, path: &str) -> (Operation, Vec<String>) {
        let routed = route(method, path).unwrap();
        (routed.operation, routed.names)
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn paths_lead_to_operations() {
        let name = |text: &str| vec![text.to_owned()];
        for (method, path, operation, names) in [
            ("GET", "/_ping", Operation::System(SystemOperation::Ping), vec![]),
            ("HEAD", "/_ping", Operation::System(SystemOperation::PingHead), vec![]),
            (
                "GET",
                "/v1.41/containers/json",
                Operation::Container(ContainerOperation::List),
                vec![],
            ),
            (
                "GET",
                "/containers/web/json",
                Operation::Container(ContainerOperation::Inspect),
                name("web"),
            ),
            (
                "GET",
                "/containers/json/json",
                Operation::Container(ContainerOperation::Inspect),
                name("json"),
            ),
            (
                "GET",
                "/v1.24/images/lab/a/b:1/json",
                Operation::Image(ImageOperation::Inspect),
                name("lab/a/b:1"),
            ),
            (
                "GET",
                "/images/a%2Fb%3A1/json",
                Operation::Image(ImageOperation::Inspect),
                name("a/b:1"),
            ),
            (
                "GET",
                "/images/x/json/json",
                Operation::Image(ImageOperation::Inspect),
                name("x/json"),
            ),
            (
                "POST",
                "/images/127.0.0.1:5000/a/push",
                Operation::Image(ImageOperation::Push),
                name("127.0.0.1:5000/a"),
            ),
            ("DELETE", "/images/a/b", Operation::Image(ImageOperation::Delete), name("a/b")),
            (
                "GET",
                "/containers/a/attach/ws",
                Operation::Container(ContainerOperation::AttachWebsocket),
                name("a"),
            ),
            ("GET", "/v1.30/volumes", Operation::Volume(VolumeOperation::List), vec![]),
            (
                "GET",
                "/networks/v1.30",
                Operation::Network(NetworkOperation::Inspect),
                name("v1.30"),
            ),
        ] {
            assert_eq!(found(method, path), (operation, names), "{method} {path}");
        }
        let both = vec!["web".to_owned(), "first".to_owned()];
        let path = "/containers/web/checkpoints/first";
        assert_eq!(
            found("DELETE", path),
            (Operation::Container(ContainerOperation::CheckpointDelete), both)
        );
    }

    #[test]
    fn what_leads_nowhere_says_so() {
        for (method, path) in [
            ("GET", "/"),
            ("GET", ""),
            ("GET", "/containers"),
            ("GET", "/containers//json"),
            ("PATCH", "/containers/json"),
            ("GET", "/v1.24/distribution/a/json"),
            ("PUT", "/v1.41/volumes/a"),
            ("GET", "/v1./info"),
            ("GET", "/v1.24.1/info"),
        ] {
            assert_eq!(route(method, path), Err(NoRoute::Nowhere), "{method} {path}");
        }
        assert_eq!(route("GET", "/images/%ff/json"), Err(NoRoute::NoText));
        assert_eq!(route("GET", "/images/a%00/json"), Err(NoRoute::NoText));
        assert!(matches!(route("GET", "/v1.23/info"), Err(NoRoute::Version(BadVersion::Old(_)))));
        assert!(matches!(route("GET", "/v1.99/info"), Err(NoRoute::Version(BadVersion::New(_)))));
    }

    #[test]
    fn each_operation_is_where_its_place_says() {
        for operation in Operation::ALL {
            let place = operation.place();
            let path = place.path.replacen("{name}", "a", 1).replacen("{name}", "b", 1);
            assert_eq!(found(place.method, &path).0, *operation, "{}", place.path);
        }
    }
}
