//! What a signature says the image is called, and whether that is asked for.
//!
//! cosign writes the repository alone, and its own verification ignores it; skopeo writes the tag as well. Never decides by itself:
//! a policy says which [`Identity`] counts. Source: containers-policy.json(5), "signedIdentity".

use spec::Reference;

use super::pattern::normal_registry;

/// Which name a signature has to carry.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Identity {
    /// Any: the digest is what counts.
    #[default]
    Any,
    /// That of the repository that was asked for.
    Repository,
    /// That of the image that was asked for, with its tag.
    Exact,
    /// The same; where the image was asked for by digest, the repository is enough.
    ExactOrRepository,
    /// That of this image.
    Named(Box<Reference>),
    /// That of this repository.
    NamedRepository(Box<Reference>),
}

impl Identity {
    /// Whether a signature that says `said` is one for `asked`.
    pub(super) fn accepts(&self, asked: &Reference, said: &str) -> bool {
        if *self == Self::Any {
            return true;
        }
        let Ok(name) = said.parse::<Reference>() else { return false };
        // A name without a tag means the repository here, and not its tag `latest`.
        let is_whole = said.contains('@') || said.rsplit('/').next().unwrap_or("").contains(':');
        let exact = |wanted: &Reference| {
            let same = (name.tag(), name.digest()) == (wanted.tag(), wanted.digest());
            is_whole && same && same_repository(&name, wanted)
        };
        match self {
            Self::Any => true,
            Self::Repository => same_repository(&name, asked),
            Self::Exact => exact(&asked.pinned()),
            Self::ExactOrRepository if asked.digest().is_some() => same_repository(&name, asked),
            Self::ExactOrRepository => exact(asked),
            Self::Named(wanted) => exact(wanted),
            Self::NamedRepository(wanted) => same_repository(&name, wanted),
        }
    }
}

fn same_repository(left: &Reference, right: &Reference) -> bool {
    normal_registry(left.domain()) == normal_registry(right.domain()) && left.path() == right.path()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_a_tag_is_that_of_a_repository() {
        let digest = format!("sha256:{}", "0".repeat(64));
        let pinned = format!("r.example.org/a@{digest}");
        let named = |text: &str| Box::new(text.parse::<Reference>().unwrap());
        for (identity, asked, said, expected) in [
            (Identity::Any, "r.example.org/a", "whatever", true),
            (Identity::Repository, "r.example.org/a:1", "r.example.org/a", true),
            (Identity::Repository, "r.example.org/a:1", "r.example.org/a:2", true),
            (Identity::Repository, "r.example.org/a:1", "r.example.org/b", false),
            (Identity::Repository, "r.example.org/a:1", "", false),
            (Identity::Repository, "busybox", "index.docker.io/library/busybox", true),
            (Identity::Exact, "r.example.org/a", "r.example.org/a", false),
            (Identity::Exact, "r.example.org/a", "r.example.org/a:latest", true),
            (Identity::Exact, pinned.as_str(), "r.example.org/a:latest", false),
            (Identity::Exact, pinned.as_str(), pinned.as_str(), true),
            (Identity::ExactOrRepository, pinned.as_str(), "r.example.org/a:7", true),
            (Identity::ExactOrRepository, "r.example.org/a:1", "r.example.org/a:7", false),
            (Identity::ExactOrRepository, "localhost:5000/a:1", "localhost:5000/a", false),
            (Identity::Named(named("v.example.org/p:1")), "m.org/p:1", "v.example.org/p:1", true),
            (Identity::Named(named("v.example.org/p:1")), "m.org/p:1", "m.org/p:1", false),
            (Identity::NamedRepository(named("v.org/p")), "m.org/p:1", "v.org/p:3", true),
        ] {
            let asked: Reference = asked.parse().unwrap();
            assert_eq!(identity.accepts(&asked, said), expected, "{identity:?} {asked} {said}");
        }
    }
}
