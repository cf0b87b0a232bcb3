//! Keys: the digest of everything that a step reads, by names, so that a key that misses can be explained.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use spec::Digest;

use crate::files::{self, Part};

/// What a step reads: names and values, in the order of their coming.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Inputs(Vec<(String, String)>);

/// Values longer than this are kept by their digests.
const LONGEST: usize = 200;

impl Inputs {
    /// Of a kind of step.
    pub(crate) fn of(kind: &str) -> Self {
        Self(vec![("kind".to_owned(), kind.to_owned())])
    }

    /// One more.
    pub(crate) fn add(&mut self, name: impl Into<String>, value: impl Into<String>) -> &mut Self {
        self.0.push((name.into(), value.into()));
        self
    }

    /// Where there is one.
    pub(crate) fn add_some(&mut self, name: &str, value: Option<&str>) -> &mut Self {
        if let Some(value) = value {
            self.add(name, value);
        }
        self
    }

    /// The key. Lengths stand before names and values: no two lists have the same bytes.
    pub(crate) fn key(&self) -> Digest {
        let mut hash = Sha256::new();
        for text in self.0.iter().flat_map(|(name, value)| [name, value]) {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text.as_bytes());
        }
        Digest::sha256(hash.finalize().into())
    }

    /// As it is kept, with what the files in it are.
    pub(crate) fn to_text(&self, parts: Vec<Part>) -> String {
        let short = |(name, value): &(String, String)| {
            let is_long = value.len() > LONGEST;
            let value =
                if is_long { digest_of(value.as_bytes()).to_string() } else { value.clone() };
            (name.clone(), value)
        };
        let kept = Kept { inputs: self.0.iter().map(short).collect(), parts };
        serde_json::to_string(&kept).unwrap_or_default()
    }
}

/// Inputs as they are kept.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Kept {
    inputs: Vec<(String, String)>,
    parts: Vec<Part>,
}

/// What differs between the inputs of a step that was done and those of one that is wanted, a line for each.
pub(crate) fn differences(before: &str, now: &str) -> Vec<String> {
    let read = |text: &str| serde_json::from_str::<Kept>(text).unwrap_or_default();
    let (before, now) = (read(before), read(now));
    let files = files::differences(&before.parts, &now.parts);
    let find = |list: &[(String, String)], wanted: &str| {
        list.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone())
    };
    let mut lines = Vec::new();
    for (name, value) in &now.inputs {
        match find(&before.inputs, name) {
            None => lines.push(format!("{name} is new")),
            // Which of them is told by their names.
            Some(_) if name.starts_with("files") && !files.is_empty() => {}
            Some(old) if old != *value => lines.push(changed(name, &old, value)),
            Some(_) => {}
        }
    }
    for (name, _) in before.inputs.iter().filter(|(name, _)| find(&now.inputs, name).is_none()) {
        lines.push(format!("{name} is gone"));
    }
    lines.extend(files);
    lines
}

fn changed(name: &str, old: &str, new: &str) -> String {
    if new.starts_with("sha256:") {
        format!("{name} changed")
    } else {
        format!("{name} was {old:?} and is {new:?}")
    }
}

/// SHA-256 of bytes.
pub(crate) fn digest_of(bytes: &[u8]) -> Digest {
    Digest::sha256(Sha256::digest(bytes).into())
}

/// Digest of a row of layers, the lowest first: what the files below a step are.
pub(crate) fn chain(layers: &[Digest]) -> Digest {
    let mut hash = Sha256::new();
    for layer in layers {
        hash.update(layer.to_string().as_bytes());
        hash.update(b"\n");
    }
    Digest::sha256(hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_named() {
        let mut before = Inputs::of("run");
        before.add("command", "make").add("file a", "sha256:1").add("user", "root");
        let mut now = Inputs::of("run");
        now.add("command", "make all").add("file a", "sha256:2").add("network", "none");
        assert_ne!(before.key(), now.key());
        assert_eq!(
            differences(&before.to_text(Vec::new()), &now.to_text(Vec::new())),
            [
                "command was \"make\" and is \"make all\"",
                "file a changed",
                "network is new",
                "user is gone"
            ]
        );
        assert!(differences(&now.to_text(Vec::new()), &now.to_text(Vec::new())).is_empty());
    }

    #[test]
    fn names_and_values_do_not_run_together() {
        let (mut one, mut other) = (Inputs::of("x"), Inputs::of("x"));
        one.add("ab", "c");
        other.add("a", "bc");
        assert_ne!(one.key(), other.key());
    }
}
