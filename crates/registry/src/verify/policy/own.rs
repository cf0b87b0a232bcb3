//! Corten's own policy file, from text to rules: strict, because a rule that is misspelt is a rule that does not hold.
//!
//! The format is described at the head of `policy.rs`. Never reads a file, the keys that are named included.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use spec::{Digest, Reference};

use super::{Demand, KeySource, Require, Rule, Signed};
use crate::verify::identity::Identity;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPolicy {
    default: Default,
    #[serde(default, rename = "rule")]
    rules: Vec<RawRule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Default {
    Accept,
    Reject,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    name: String,
    #[serde(rename = "match")]
    pattern: String,
    accept: Option<bool>,
    reject: Option<bool>,
    keys: Option<Vec<PathBuf>>,
    digests: Option<Vec<Digest>>,
    require: Option<Require>,
    signatures_in: Option<String>,
    same_repository: Option<bool>,
}

/// What holds where no rule does, and the rules. `directory` is where keys with relative paths are.
pub(super) fn parse(directory: &Path, bytes: &[u8]) -> Result<(Vec<Demand>, Vec<Rule>), String> {
    let text = std::str::from_utf8(bytes).map_err(|_bad| "it is no text".to_owned())?;
    let raw: RawPolicy = toml::from_str(text).map_err(|cause| {
        let line = cause.span().map(|span| {
            let before = text.as_bytes().iter().take(span.start);
            before.filter(|byte| **byte == b'\n').count() + 1
        });
        let place = line.map_or_else(String::new, |line| format!("line {line}: "));
        format!("{place}{}", cause.message().replace('\n', " "))
    })?;
    let default = match raw.default {
        Default::Accept => Demand::Nothing,
        Default::Reject => Demand::Never,
    };
    let mut rules: Vec<Rule> = Vec::new();
    for raw in raw.rules {
        let name = raw.name.clone();
        if name.trim().is_empty() || name.len() > 100 || name.chars().any(char::is_control) {
            return Err(format!("rule {}: it needs a name that can be read", rules.len() + 1));
        }
        if rules.iter().any(|rule| rule.name == name) {
            return Err(format!("two rules are called {name:?}"));
        }
        rules.push(rule(directory, raw).map_err(|why| format!("rule {name:?}: {why}"))?);
    }
    Ok((vec![default], rules))
}

fn rule(directory: &Path, raw: RawRule) -> Result<Rule, String> {
    if raw.accept == Some(false) || raw.reject == Some(false) {
        return Err("accept and reject can only be true".to_owned());
    }
    let of_keys = [
        ("require", raw.require.is_some()),
        ("signatures_in", raw.signatures_in.is_some()),
        ("same_repository", raw.same_repository.is_some()),
    ];
    if let Some((word, _)) = of_keys.iter().find(|(_, given)| *given && raw.keys.is_none()) {
        return Err(format!("{word} says nothing without keys"));
    }
    let demand = match (raw.accept, raw.reject, raw.keys, raw.digests) {
        (Some(_), None, None, None) => Demand::Nothing,
        (None, Some(_), None, None) => Demand::Never,
        (None, None, None, Some(digests)) if !digests.is_empty() => Demand::Digests(digests),
        (None, None, Some(keys), None) if !keys.is_empty() => Demand::Signed(Signed {
            keys: keys.iter().map(|path| KeySource::File(directory.join(path))).collect(),
            require: raw.require.unwrap_or_default(),
            signatures_in: raw.signatures_in.as_deref().map(repository_of).transpose()?,
            identity: match raw.same_repository {
                Some(true) => Identity::Repository,
                _ => Identity::Any,
            },
        }),
        (None, None, Some(_), None) | (None, None, None, Some(_)) => {
            return Err("its list is empty; reject = true refuses everything".to_owned());
        }
        _ => return Err("exactly one of accept, reject, keys, digests is wanted".to_owned()),
    };
    Ok(Rule { name: raw.name, pattern: raw.pattern.parse()?, demands: vec![demand] })
}

/// Reads the name of a repository, which has no tag and no digest; the reference has the tag that every name has.
///
/// # Errors
/// What is wrong with it, in words.
pub fn repository_of(text: &str) -> Result<Reference, String> {
    let has_tag = text.rsplit('/').next().is_some_and(|last| last.contains(':'));
    if text.contains('@') || has_tag {
        return Err(format!("{text:?} is no repository: it has a tag or a digest"));
    }
    text.parse().map_err(|bad: spec::reference::BadReference| bad.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::Policy;
    use super::*;
    use proptest::prelude::*;

    fn policy(text: &str) -> Policy {
        Policy::from_own(Path::new("/etc/corten/policy.toml"), text.as_bytes())
    }

    #[test]
    fn the_first_rule_that_meets_decides_alone() {
        let policy = policy(
            r#"
            default = "reject"
            [[rule]]
            name = "exception"
            match = "docker.io/library/busybox"
            accept = true
            [[rule]]
            name = "signed"
            match = "docker.io/library/*"
            keys = ["keys/a.pub", "/b.pub"]
            require = "all"
            signatures_in = "localhost:5000/signatures"
            same_repository = true
            [[rule]]
            name = "late exception"
            match = "docker.io/library/alpine"
            accept = true
            "#,
        );
        let ruling = |name: &str| policy.ruling(&name.parse().unwrap()).unwrap();
        let first = ruling("busybox");
        assert_eq!(
            (&first.by[..], first.demands),
            ("policy rule \"exception\"", &[Demand::Nothing][..])
        );
        let second = ruling("alpine:3");
        assert_eq!(second.by, "policy rule \"signed\"");
        let [Demand::Signed(signed)] = second.demands else { panic!("{second:?}") };
        let file = |path: &str| KeySource::File(path.into());
        assert_eq!(signed.keys, [file("/etc/corten/keys/a.pub"), file("/b.pub")]);
        assert_eq!((signed.require, &signed.identity), (Require::All, &Identity::Repository));
        assert_eq!(
            signed.signatures_in.as_ref().map(Reference::repository).as_deref(),
            Some("localhost:5000/signatures")
        );
        let evil = ruling("docker.io.evil.org/library/busybox");
        assert_eq!(evil.by, "the default of /etc/corten/policy.toml");
        assert_eq!(evil.demands, [Demand::Never]);
    }

    #[test]
    fn what_is_misspelt_or_says_two_things_is_refused() {
        let rule = |body: &str| {
            format!("default = \"accept\"\n[[rule]]\nname = \"r\"\nmatch = \"a.org/**\"\n{body}\n")
        };
        let digest = format!("sha256:{}", "0".repeat(64));
        for (text, words) in [
            (String::new(), "missing field `default`"),
            ("default = \"allow\"".to_owned(), "line 1: unknown variant `allow`"),
            ("default = \"accept\"\ndefault = \"reject\"".to_owned(), "duplicate"),
            ("default = \"accept\"\n[[rules]]".to_owned(), "unknown field `rules`"),
            ("default = \"accept\"\nrules = 1".to_owned(), "line 2: unknown field `rules`"),
            (rule(""), "exactly one of"),
            (rule("accept = true\nreject = true"), "exactly one of"),
            (rule("accept = false"), "can only be true"),
            (rule("reject = false"), "can only be true"),
            (rule("keys = []"), "its list is empty"),
            (rule("digests = []"), "its list is empty"),
            (rule("digests = [\"sha256:0\"]"), "invalid digest"),
            (rule(&format!("keys = [\"k\"]\ndigests = [\"{digest}\"]")), "exactly one of"),
            (rule("accept = true\nrequire = \"all\""), "require says nothing without keys"),
            (rule("keys = [\"k\"]\nrequire = \"most\""), "unknown variant `most`"),
            (rule("keys = [\"k\"]\nkyes = [\"k\"]"), "unknown field `kyes`"),
            (rule("keys = [\"k\"]\nsignatures_in = \"a.org/x:1\""), "it has a tag or a digest"),
            (rule("keys = [\"k\"]\nsignatures_in = \"a.org/X\""), "lower-case"),
            (rule("reject = true").replace("\"r\"", "\" \""), "a name that can be read"),
            (rule("reject = true").replace("a.org/**", "library/*"), "begins with no registry"),
            (
                rule("reject = true\n[[rule]]\nname = \"r\"\nmatch = \"**\"\nreject = true"),
                "two rules",
            ),
        ] {
            let refusal = parse(Path::new("/"), text.as_bytes()).unwrap_err();
            assert!(refusal.contains(words), "{text}: {refusal}");
            assert!(!refusal.contains('\n'), "{refusal}");
            assert!(policy(&text).ruling(&"busybox".parse().unwrap()).is_err());
        }
        assert!(parse(Path::new("/"), b"\xff").is_err());
    }

    proptest! {
        #[test]
        fn nothing_makes_the_reader_panic(bytes: Vec<u8>, text in "(default|rule|match|keys|\\[\\[|\\]\\]|=|\"|\n|é|[a-z*/]){0,30}") {
            let _ = parse(Path::new("/"), &bytes);
            let _ = parse(Path::new("/"), text.as_bytes());
        }
    }
}
