//! Which repositories a rule of a policy speaks of.
//!
//! A pattern begins with a registry, and what stands for any text stays within one part of a name: whoever owns
//! `docker.io.example.org` is not met by what was written for `docker.io`. A pattern that could never meet anything is refused when
//! it is read, for a rule that refuses and never applies is worse than none. Start at [`Pattern::matches`].

use std::fmt;
use std::str::FromStr;

use spec::Reference;

/// A pattern over `REGISTRY/PATH`.
///
/// | pattern | meets |
/// |---|---|
/// | `docker.io/library/busybox` | that repository |
/// | `docker.io/library/*` | all in that place, not what is below them |
/// | `registry.example.org/team/**` | all below, however deep |
/// | `*.example.org/**` | registries below that domain, not itself |
/// | `*/app/web`, `**` | any registry's; everything |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    registry: Registry,
    path: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Registry {
    Any,
    Named(String),
    /// Ends with this text, which begins with a dot.
    Below(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// One part of the path; `*` in it is any text.
    One(String),
    /// All that follows, at least one.
    Rest,
}

impl Pattern {
    /// Whether the repository of a reference is meant.
    #[must_use]
    pub fn matches(&self, reference: &Reference) -> bool {
        let domain = normal_registry(reference.domain());
        let registry = match &self.registry {
            Registry::Any => true,
            Registry::Named(name) => *name == domain,
            Registry::Below(ending) => domain.ends_with(ending) && domain.len() > ending.len(),
        };
        registry && self.matches_path(reference.path())
    }

    fn matches_path(&self, path: &str) -> bool {
        let mut names = path.split('/');
        for part in &self.path {
            match (part, names.next()) {
                (_, None) => return false,
                (Part::Rest, Some(_)) => return true,
                (Part::One(wanted), Some(name)) if glob(wanted, name) => {}
                (Part::One(_), Some(_)) => return false,
            }
        }
        names.next().is_none()
    }
}

/// A registry's name as it is compared: hosts have no case (RFC 4343), and 443 is the port of https.
pub(super) fn normal_registry(domain: &str) -> String {
    let lower = domain.to_ascii_lowercase();
    let host = lower.strip_suffix(":443").unwrap_or(&lower);
    if host == "index.docker.io" { "docker.io".to_owned() } else { host.to_owned() }
}

/// Whether `text` is `pattern`, where each `*` is any text. Only the last star has to be gone back to.
fn glob(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(head) else { return false };
    let (middle, tail) = rest.rsplit_once('*').unwrap_or(("", rest));
    for word in middle.split('*').filter(|word| !word.is_empty()) {
        match text.find(word) {
            Some(at) => text = &text[at + word.len()..],
            None => return false,
        }
    }
    text.ends_with(tail)
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let shown: String = text.chars().take(300).collect();
        let wrong = |why: &str| format!("match {shown:?}: {why}");
        let parsed = match text.split_once('/') {
            None if text == "**" => Ok((Registry::Any, vec![Part::Rest])),
            None => Err("a registry and a repository are wanted, as docker.io/library/*"),
            Some((registry, path)) => {
                parse_registry(registry).and_then(|registry| Ok((registry, parse_path(path)?)))
            }
        };
        let (registry, path) = parsed.map_err(wrong)?;
        let is_hub = registry == Registry::Named("docker.io".to_owned());
        if is_hub && matches!(path[..], [Part::One(_)]) {
            return Err(wrong("docker.io's own repositories are docker.io/library/NAME"));
        }
        Ok(Self { text: text.to_owned(), registry, path })
    }
}

fn parse_registry(text: &str) -> Result<Registry, &'static str> {
    let registry = normal_registry(text);
    let valid = |name: &str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
        !name.is_empty() && name.bytes().all(allowed)
    };
    match registry.strip_prefix('*') {
        Some("") => Ok(Registry::Any),
        Some(rest) if rest.starts_with('.') && rest.len() > 1 && valid(rest) => {
            Ok(Registry::Below(rest.to_owned()))
        }
        Some(_) => Err("in a registry's name * stands alone or before the first dot"),
        None if !valid(&registry) => {
            Err("in a registry's name * stands alone or before the first dot")
        }
        None if registry.contains(['.', ':']) || registry == "localhost" => {
            Ok(Registry::Named(registry))
        }
        None => Err("it begins with no registry, as docker.io/library/* does"),
    }
}

fn parse_path(path: &str) -> Result<Vec<Part>, &'static str> {
    let parts: Vec<&str> = path.split('/').collect();
    let last = parts.len() - 1;
    let part = |(at, part): (usize, &&str)| match *part {
        "**" if at == last => Ok(Part::Rest),
        other if other.contains("**") => Err("** stands alone, at the end"),
        "" => Err("a part of it is empty"),
        other if other.contains([':', '@']) => Err("it meets repositories, not tags and digests"),
        other if other.bytes().all(is_path_byte) => Ok(Part::One(other.to_owned())),
        _ => Err("a repository's name may hold a-z, 0-9 and . _ -"),
    };
    parts.iter().enumerate().map(part).collect()
}

fn is_path_byte(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-*".contains(&byte)
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_pattern_stays_within_its_registry_and_its_place() {
        for (pattern, reference, expected) in [
            ("docker.io/library/*", "busybox", true),
            ("docker.io/library/*", "docker.io.evil.org/library/busybox", false),
            ("docker.io/library/*", "evil.org/docker.io/library/busybox", false),
            ("docker.io/library/*", "docker.io/library/a/b", false),
            ("docker.io/library/*", "docker.io/librarian/a", false),
            ("docker.io/library/*", "DOCKER.IO/library/a", true),
            ("docker.io/library/*", "docker.io:443/library/a", true),
            ("index.docker.io/library/*", "busybox", true),
            (
                "docker.io/library/busy*",
                "busybox:1@sha256:0000000000000000000000000000000000000000000000000000000000000000",
                true,
            ),
            ("docker.io/library/busybox", "busybox", true),
            ("docker.io/library/busybox", "busybox2", false),
            ("docker.io/**", "docker.io/a/b/c", true),
            ("r.example.org/team/**", "r.example.org/team/a/b", true),
            ("r.example.org/team/**", "r.example.org/team", false),
            ("r.example.org/team/**", "r.example.org/teams/a", false),
            ("r.example.org/**", "r.example.org:5000/a", false),
            ("localhost:5000/**", "localhost:5000/a", true),
            ("*.example.org/**", "a.b.example.org/x", true),
            ("*.example.org/**", "example.org/x", false),
            ("*.example.org/**", "badexample.org/x", false),
            ("*.example.org/**", "a.example.org.evil.com/x", false),
            ("*/app/web", "r.example.org/app/web", true),
            ("*/app/web", "r.example.org/x/app/web", false),
            ("**", "anything.example/x/y", true),
            ("r.example.org/a*b*c", "r.example.org/a-b-bc", true),
            ("r.example.org/ab*ba", "r.example.org/aba", false),
        ] {
            let (pattern, reference) = (pattern.parse::<Pattern>(), reference.parse());
            let (pattern, reference): (Pattern, Reference) = (pattern.unwrap(), reference.unwrap());
            assert_eq!(pattern.matches(&reference), expected, "{pattern} {reference}");
        }
    }

    #[test]
    fn what_could_never_match_is_refused() {
        for bad in [
            "",
            "*",
            "busybox",
            "library/*",
            "docker.io",
            "docker.io/",
            "docker.io/*",
            "docker.io/busybox",
            "docker.io*/library/x",
            "docker.*/library/x",
            "*docker.io/library/x",
            "*./x",
            "docker.io/**/x",
            "docker.io/library/x**",
            "docker.io/library/busybox:latest",
            "docker.io/Library/x",
            "docker.io//x",
            "https://docker.io/library/x",
        ] {
            assert!(bad.parse::<Pattern>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn globs_agree_with_their_definition(pattern in "[ab*]{0,6}", text in "[ab]{0,8}") {
            fn slow(pattern: &[u8], text: &[u8]) -> bool {
                match pattern.split_first() {
                    None => text.is_empty(),
                    Some((b'*', rest)) => (0..=text.len()).any(|skip| slow(rest, &text[skip..])),
                    Some((byte, rest)) => text.first() == Some(byte) && slow(rest, &text[1..]),
                }
            }
            prop_assert_eq!(glob(&pattern, &text), slow(pattern.as_bytes(), text.as_bytes()));
        }

        #[test]
        fn nothing_makes_the_reader_panic(text in "\\PC{0,40}", near in "[*.a:/\\[\\]@-]{0,12}") {
            let _ = text.parse::<Pattern>();
            let _ = near.parse::<Pattern>();
        }
    }
}
