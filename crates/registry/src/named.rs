//! Which registry people mean by a word.

use spec::Reference;

use crate::hosts::DOCKER_HUB;

/// The registry that a word means: addresses are taken too, as Docker's file of logins has them (`https://index.docker.io/v1/`). Nothing where it is none.
#[must_use]
pub fn registry_named(word: &str) -> Option<String> {
    let bare = word.strip_prefix("https://").or_else(|| word.strip_prefix("http://"));
    let bare = bare.unwrap_or(word).trim_end_matches('/');
    let bare = bare.strip_suffix("/v1").or_else(|| bare.strip_suffix("/v2")).unwrap_or(bare);
    if matches!(bare, "" | "index.docker.io" | "registry-1.docker.io")
        && (word.is_empty() || !bare.is_empty())
    {
        return Some(DOCKER_HUB.to_owned());
    }
    let reference: Reference = format!("{bare}/x").parse().ok()?;
    (reference.domain() == bare).then(|| bare.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registries_are_named_as_people_do() {
        for (word, registry) in [
            ("", Some("docker.io")),
            ("docker.io", Some("docker.io")),
            ("https://index.docker.io/v1/", Some("docker.io")),
            ("registry-1.docker.io", Some("docker.io")),
            ("http://localhost:5000/", Some("localhost:5000")),
            ("https://example.org/v2/", Some("example.org")),
            ("[::1]:5000", Some("[::1]:5000")),
            ("localhost", Some("localhost")),
            ("https://", None),
            ("me", None),
            ("example.org/team", None),
            ("me@example.org", None),
            ("exa mple.org", None),
        ] {
            let found = registry_named(word);
            assert_eq!(found.as_deref(), registry, "{word}");
        }
    }
}
