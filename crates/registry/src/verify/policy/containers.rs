//! containers' `policy.json`, as Podman, skopeo and CRI-O read it: which of its requirements hold for an image of a registry.
//!
//! The transport `docker` alone is looked at, for images that come from registries. What is demanded there and cannot be checked
//! here (GPG, certificates, transparency logs) refuses, and is never skipped. Read as strictly as its manual says: what is unknown
//! or said twice makes the whole file useless. Never reads a key. Source: containers-policy.json(5).

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::{Error, IgnoredAny, MapAccess, Visitor};
use spec::Reference;

use super::own::repository_of;
use super::{Demand, KeySource, Require, Signed};
use crate::verify::identity::Identity;
use crate::verify::pattern::normal_registry;

/// What holds for images of registries.
#[derive(Debug)]
pub(super) struct Containers {
    default: Vec<Demand>,
    /// By scope; the empty one is the transport's default.
    scopes: BTreeMap<String, Vec<Demand>>,
}

impl Containers {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let raw: RawPolicy = serde_json::from_slice(bytes)
            // It quotes what the file says, line feeds and all.
            .map_err(|cause| crate::words::clean(&cause.to_string()))?;
        let mut scopes = BTreeMap::new();
        for (transport, Unique(of_transport)) in raw.transports.0 {
            for (scope, requirements) in of_transport {
                let place = format!("transport {transport:?}, scope {scope:?}");
                let demands = demands(&requirements).map_err(|why| format!("{place}: {why}"))?;
                if transport == "docker" {
                    scopes.insert(scope, demands);
                }
            }
        }
        let default = demands(&raw.default).map_err(|why| format!("default: {why}"))?;
        Ok(Self { default, scopes })
    }

    /// The most specific that is said of an image, and where it is said.
    pub(super) fn ruling(&self, reference: &Reference) -> (String, &[Demand]) {
        let said =
            scopes_of(reference).into_iter().find_map(|scope| self.scopes.get_key_value(&scope));
        match said.or_else(|| self.scopes.get_key_value("")) {
            Some((scope, demands)) if scope.is_empty() => {
                ("the default for registries".to_owned(), demands)
            }
            Some((scope, demands)) => (format!("scope {scope:?}"), demands),
            None => ("the default".to_owned(), &self.default),
        }
    }
}

/// The scopes an image is in, the most specific first: its name, its repository, what that is in, its registry, and the domains
/// above the registry's host.
fn scopes_of(reference: &Reference) -> Vec<String> {
    let registry = normal_registry(reference.domain());
    let mut repository = format!("{registry}/{}", reference.path());
    let mut scopes = Vec::new();
    match (reference.digest(), reference.tag()) {
        (Some(digest), _) => scopes.push(format!("{repository}@{digest}")),
        (None, Some(tag)) => scopes.push(format!("{repository}:{tag}")),
        (None, None) => {}
    }
    while let Some((parent, _)) = repository.rsplit_once('/') {
        let parent = parent.to_owned();
        scopes.push(std::mem::replace(&mut repository, parent));
    }
    scopes.push(repository);
    let mut host = registry.split(':').next().unwrap_or_default();
    while let Some((_, above)) = host.split_once('.') {
        scopes.push(format!("*.{above}"));
        host = above;
    }
    scopes
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPolicy {
    default: Vec<RawRequirement>,
    #[serde(default)]
    transports: Unique<Unique<Vec<RawRequirement>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct RawRequirement {
    #[serde(rename = "type")]
    kind: String,
    key_type: Option<IgnoredAny>,
    key_path: Option<String>,
    key_paths: Option<Vec<String>>,
    key_data: Option<String>,
    key_datas: Option<Vec<String>>,
    signed_identity: Option<RawIdentity>,
    fulcio: Option<IgnoredAny>,
    pki: Option<IgnoredAny>,
    rekor_public_key_path: Option<IgnoredAny>,
    rekor_public_key_paths: Option<IgnoredAny>,
    rekor_public_key_data: Option<IgnoredAny>,
    rekor_public_key_datas: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", deny_unknown_fields)]
enum RawIdentity {
    MatchExact {},
    MatchRepoDigestOrExact {},
    MatchRepository {},
    #[serde(rename_all = "camelCase")]
    ExactReference {
        docker_reference: String,
    },
    #[serde(rename_all = "camelCase")]
    ExactRepository {
        docker_repository: String,
    },
    #[serde(rename_all = "camelCase")]
    RemapIdentity {
        #[serde(rename = "prefix")]
        _prefix: String,
        #[serde(rename = "signedPrefix")]
        _signed_prefix: String,
    },
}

fn demands(requirements: &[RawRequirement]) -> Result<Vec<Demand>, String> {
    if requirements.is_empty() {
        return Err("its list of requirements is empty".to_owned());
    }
    requirements.iter().map(demand).collect()
}

fn demand(raw: &RawRequirement) -> Result<Demand, String> {
    match raw.kind.as_str() {
        "insecureAcceptAnything" | "reject" if !raw.is_bare() => {
            Err(format!("{} takes nothing else", raw.kind))
        }
        "insecureAcceptAnything" => Ok(Demand::Nothing),
        "reject" => Ok(Demand::Never),
        "signedBy" => Ok(unsupported("a GPG signature (signedBy)")),
        "sigstoreSigned" => raw.signed(),
        other => {
            Err(format!("unknown requirement {:?}", other.chars().take(60).collect::<String>()))
        }
    }
}

fn unsupported(what: &str) -> Demand {
    Demand::Unsupported(format!("{what} is asked for, which Corten does not check"))
}

impl RawRequirement {
    /// Whether it says its type and no more.
    fn is_bare(&self) -> bool {
        let has_key = self.key_path.is_some() || self.key_paths.is_some();
        let has_data = self.key_data.is_some() || self.key_datas.is_some();
        let has_more = self.key_type.is_some() || self.signed_identity.is_some();
        !(has_key || has_data || has_more || self.asks_for_certificate() || self.asks_for_log())
    }

    fn asks_for_certificate(&self) -> bool {
        self.fulcio.is_some() || self.pki.is_some()
    }

    fn asks_for_log(&self) -> bool {
        let path = self.rekor_public_key_path.is_some() || self.rekor_public_key_paths.is_some();
        path || self.rekor_public_key_data.is_some() || self.rekor_public_key_datas.is_some()
    }

    /// `sigstoreSigned`.
    fn signed(&self) -> Result<Demand, String> {
        if self.key_type.is_some() {
            return Err("sigstoreSigned has no keyType".to_owned());
        }
        if self.asks_for_certificate() {
            return Ok(unsupported("a signature with a certificate (sigstoreSigned)"));
        }
        if self.asks_for_log() {
            return Ok(unsupported("an entry of a transparency log (sigstoreSigned)"));
        }
        let file = |path: &String| KeySource::File(path.into());
        let data = |text: &String| {
            let bytes = STANDARD.decode(text).map_err(|_bad| "keyData is no base64".to_owned())?;
            Ok(KeySource::Data("in the policy".to_owned(), bytes))
        };
        let keys = match (&self.key_path, &self.key_paths, &self.key_data, &self.key_datas) {
            (Some(path), None, None, None) => vec![file(path)],
            (None, Some(paths), None, None) => paths.iter().map(file).collect(),
            (None, None, Some(text), None) => vec![data(text)?],
            (None, None, None, Some(texts)) => {
                texts.iter().map(data).collect::<Result<_, String>>()?
            }
            _ => Vec::new(),
        };
        if keys.is_empty() {
            return Err("exactly one of keyPath, keyPaths, keyData, keyDatas is wanted".to_owned());
        }
        let identity = match &self.signed_identity {
            None | Some(RawIdentity::MatchRepoDigestOrExact {}) => Identity::ExactOrRepository,
            Some(RawIdentity::MatchExact {}) => Identity::Exact,
            Some(RawIdentity::MatchRepository {}) => Identity::Repository,
            Some(RawIdentity::ExactReference { docker_reference }) => {
                let parsed = docker_reference.parse::<Reference>();
                Identity::Named(Box::new(parsed.map_err(|bad| bad.to_string())?))
            }
            Some(RawIdentity::ExactRepository { docker_repository }) => {
                Identity::NamedRepository(Box::new(repository_of(docker_repository)?))
            }
            Some(RawIdentity::RemapIdentity { .. }) => {
                return Ok(unsupported("remapIdentity"));
            }
        };
        let (require, signatures_in) = (Require::Any, None);
        Ok(Demand::Signed(Signed { keys, require, signatures_in, identity }))
    }
}

/// An object in which no name stands twice; serde's own maps keep the last.
struct Unique<T>(BTreeMap<String, T>);

impl<T> Default for Unique<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Unique<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = Unique<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Unique<T>, A::Error> {
                let mut members = BTreeMap::new();
                while let Some((name, value)) = access.next_entry::<String, T>()? {
                    if members.insert(name.clone(), value).is_some() {
                        return Err(A::Error::custom(format_args!("{name:?} is said twice")));
                    }
                }
                Ok(Unique(members))
            }
        }

        deserializer.deserialize_map(Members(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SCOPED: &str = r#"{"default":[{"type":"reject"}],"transports":{
        "dir":{"":[{"type":"insecureAcceptAnything"}]},
        "docker":{
            "docker.io/library":[{"type":"insecureAcceptAnything"}],
            "docker.io/library/busybox":[{"type":"sigstoreSigned","keyPath":"/k.pub","signedIdentity":{"type":"matchRepository"}}],
            "docker.io/library/busybox:old":[{"type":"reject"}],
            "r.example.org:5000":[{"type":"signedBy","keyType":"GPGKeys","keyPath":"/k.gpg"}],
            "*.example.org":[{"type":"sigstoreSigned","keyData":"aGk="},{"type":"reject"}]
        }}}"#;

    #[test]
    fn a_mistake_is_told_in_one_line() {
        let words = Containers::parse(br#"{"default":[],"a\nb\u001b[2J":1}"#).unwrap_err();
        assert!(words.contains("a b"), "{words}");
        assert!(!words.contains(char::is_control), "{words:?}");
    }

    #[test]
    fn the_most_specific_scope_counts() {
        let policy = Containers::parse(SCOPED.as_bytes()).unwrap();
        let shown = |name: &str| {
            let (scope, demands) = policy.ruling(&name.parse().unwrap());
            format!("{scope}: {demands:?}")
        };
        assert_eq!(shown("alpine"), "scope \"docker.io/library\": [Nothing]");
        assert_eq!(shown("busybox:old"), "scope \"docker.io/library/busybox:old\": [Never]");
        assert!(shown("busybox").contains("k.pub"));
        assert!(shown("busybox").contains("identity: Repository"));
        assert_eq!(shown("docker.io/librarian/x"), "the default: [Never]");
        assert_eq!(shown("docker.io.example.net/library/x"), "the default: [Never]");
        assert!(shown("r.example.org:5000/a").contains("a GPG signature (signedBy) is asked for"));
        let below = shown("r.example.org:5001/a");
        assert!(below.starts_with("scope \"*.example.org\""), "{below}");
        assert!(below.contains("identity: ExactOrRepository") && below.ends_with("Never]"));
        // Debian's own file.
        let debian = Containers::parse(br#"{"default":[{"type":"insecureAcceptAnything"}]}"#);
        assert_eq!(debian.unwrap().ruling(&"a".parse().unwrap()).1, [Demand::Nothing]);
    }

    #[test]
    fn what_is_unknown_empty_or_said_twice_makes_the_file_useless() {
        let one = |requirement: &str| format!("{{\"default\":[{requirement}]}}");
        for (text, words) in [
            ("{}".to_owned(), "missing field `default`"),
            ("{\"default\":[]}".to_owned(), "empty"),
            (one(r#"{"type":"acceptAll"}"#), "unknown requirement"),
            (one(r#"{"type":"reject","keyPath":"/k"}"#), "takes nothing else"),
            (one(r#"{"type":"reject","type":"insecureAcceptAnything"}"#), "duplicate field"),
            (one(r#"{"type":"sigstoreSigned"}"#), "exactly one of"),
            (one(r#"{"type":"sigstoreSigned","keyPath":"/k","keyData":"aGk="}"#), "exactly one of"),
            (one(r#"{"type":"sigstoreSigned","keyPaths":[]}"#), "exactly one of"),
            (one(r#"{"type":"sigstoreSigned","keyData":"*"}"#), "no base64"),
            (one(r#"{"type":"sigstoreSigned","keyPath":"/k","signedIdentity":{"type":"any"}}"#), "unknown variant"),
            (one(r#"{"type":"sigstoreSigned","keyPath":"/k","signedIdentity":{"type":"matchExact","x":1}}"#), "unknown field"),
            (one(r#"{"type":"sigstoreSigned","keyPath":"/k","comment":"x"}"#), "unknown field"),
            (r#"{"default":[{"type":"reject"}],"transports":{"docker":{"a.org":[{"type":"reject"}],"a.org":[{"type":"insecureAcceptAnything"}]}}}"#.to_owned(), "said twice"),
            (r#"{"default":[{"type":"reject"}],"transports":{"docker":{"a.org":[]}}}"#.to_owned(), "scope \"a.org\": its list"),
            (r#"{"default":[{"type":"reject"}],"transports":{},"other":1}"#.to_owned(), "unknown field"),
        ] {
            let refusal = Containers::parse(text.as_bytes()).unwrap_err();
            assert!(refusal.contains(words), "{text}: {refusal}");
        }
    }

    #[test]
    fn what_cannot_be_checked_refuses() {
        for more in [
            r#""fulcio":{}"#,
            r#""pki":{}"#,
            r#""keyPath":"/k","rekorPublicKeyPath":"/r""#,
            r#""keyPath":"/k","rekorPublicKeyDatas":[]"#,
            r#""keyPath":"/k","signedIdentity":{"type":"remapIdentity","prefix":"a","signedPrefix":"b"}"#,
        ] {
            let text = format!(r#"{{"default":[{{"type":"sigstoreSigned",{more}}}]}}"#);
            let policy = Containers::parse(text.as_bytes()).unwrap();
            assert!(matches!(policy.default[..], [Demand::Unsupported(_)]), "{more}");
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_the_reader_panic(bytes: Vec<u8>, cut in 0..SCOPED.len()) {
            let _ = Containers::parse(&bytes);
            let _ = Containers::parse(&SCOPED.as_bytes()[..cut]);
        }
    }
}
