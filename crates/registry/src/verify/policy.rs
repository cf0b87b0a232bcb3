//! Which images may come from registries, and what they must be signed with.
//!
//! One file is in force: Corten's own ([`own`](self) format below), or containers' `policy.json` where ours is absent. A file that is
//! there and cannot be read or understood refuses everything: a policy that is skipped when it is broken protects nobody. Deciding
//! is pure; [`super::admit`] then does what is demanded. Never fetches anything.
//!
//! Start at [`Policy::in_force`] and [`Policy::ruling`]. Corten's own file, `/etc/corten/policy.toml`:
//!
//! ```toml
//! # What no rule speaks of: "accept" or "reject".
//! default = "reject"
//!
//! # Rules are tried in order; the first whose pattern meets the repository decides alone. See `Pattern`.
//! [[rule]]
//! name = "production"
//! match = "registry.example.org/prod/**"
//! # Files of public keys (PEM), relative to this file. One valid signature by any of them is enough …
//! keys = ["keys/prod.pub", "/etc/corten/keys/release.pub"]
//! # … or one by each file is wanted. "any" where it is left out.
//! require = "all"
//! # Signatures lie in this repository, instead of beside the image.
//! signatures_in = "registry.example.org/signatures"
//! # They must name the repository of the image. Otherwise the digest alone counts, as with cosign.
//! same_repository = true
//!
//! [[rule]]
//! name = "base"
//! match = "docker.io/library/*"
//! # These, and nothing else: digests of what a name points at, or of the manifest for this machine.
//! digests = ["sha256:…"]
//!
//! [[rule]]
//! name = "our own"
//! match = "localhost:5000/**"
//! accept = true
//!
//! [[rule]]
//! name = "never"
//! match = "*.example.com/**"
//! reject = true
//! ```

use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use spec::{Digest, Reference};

use super::identity::Identity;
use super::key::{KeyError, KeyFile};
use super::pattern::Pattern;

mod containers;
mod own;

use containers::Containers;
pub use own::repository_of;

/// No policy is longer.
const MOST_BYTES: u64 = 1 << 20;

/// Which files may hold the policy.
#[derive(Clone, Debug)]
pub struct PolicyFiles {
    /// The one that was named (`CORTEN_POLICY`, `--policy`): it must be there.
    pub named: Option<PathBuf>,
    /// Corten's own.
    pub own: PathBuf,
    /// containers' `policy.json`, the first that exists.
    pub containers: Vec<PathBuf>,
}

impl Default for PolicyFiles {
    fn default() -> Self {
        Self {
            named: None,
            own: "/etc/corten/policy.toml".into(),
            containers: vec!["/etc/containers/policy.json".into()],
        }
    }
}

/// Which images may come from registries.
#[derive(Debug)]
pub struct Policy(Rules);

#[derive(Debug)]
enum Rules {
    /// There is no policy: everything may.
    None,
    /// There is one that nobody can read: nothing may.
    Broken(PolicyError),
    Own {
        file: String,
        default: Vec<Demand>,
        rules: Vec<Rule>,
    },
    Containers {
        file: String,
        policy: Containers,
    },
    /// What a command asks for in its flags.
    Given(Vec<Demand>),
}

/// One rule of our own file.
#[derive(Debug)]
struct Rule {
    name: String,
    pattern: Pattern,
    demands: Vec<Demand>,
}

/// What is demanded of an image. Of several, all are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Demand {
    /// Nothing.
    Nothing,
    /// That it is another one.
    Never,
    /// That it is one of these.
    Digests(Vec<Digest>),
    /// That it is signed.
    Signed(Signed),
    /// Something that cannot be checked here, in words: it refuses.
    Unsupported(String),
}

/// By whom an image must be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// Where the keys are; at least one.
    pub keys: Vec<KeySource>,
    /// How many of them.
    pub require: Require,
    /// Where signatures are; beside the image where nothing is said.
    pub signatures_in: Option<Reference>,
    /// Which name they must carry.
    pub identity: Identity,
}

/// Where keys come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// A file.
    File(PathBuf),
    /// The policy itself: what it is called, and its text.
    Data(String, Vec<u8>),
}

impl KeySource {
    /// Reads the keys.
    ///
    /// # Errors
    /// [`KeyError`]
    pub fn read(&self) -> Result<KeyFile, KeyError> {
        match self {
            Self::File(path) => KeyFile::read(path),
            Self::Data(name, bytes) => KeyFile::parse(name, bytes),
        }
    }
}

/// How many of several files of keys must have signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Require {
    /// One is enough.
    #[default]
    Any,
    /// Each of them.
    All,
}

/// What a policy says of one image.
#[derive(Debug)]
pub struct Ruling<'a> {
    /// Who says so: `policy rule "production"`.
    pub by: String,
    /// What is demanded; all of it. Nothing is an empty list only where there is no policy.
    pub demands: &'a [Demand],
}

/// Why a policy cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// The file.
    #[error("read {file}")]
    Read {
        /// Which.
        file: String,
        /// The kernel's answer.
        #[source]
        cause: sys::Errno,
    },
    /// What is in it.
    #[error("{file}: {why}")]
    Content {
        /// Which.
        file: String,
        /// What is wrong, in one line.
        why: String,
    },
}

impl Policy {
    /// The policy that says nothing, as where there is no file.
    #[must_use]
    pub const fn none() -> Self {
        Self(Rules::None)
    }

    /// The policy of this machine. Never fails: one that cannot be read refuses everything, and says why when it is asked.
    #[must_use]
    pub fn in_force(files: &PolicyFiles) -> Self {
        if let Some(named) = &files.named {
            return Self::read(named);
        }
        match read(&files.own) {
            Ok(Some(bytes)) => return Self::from_own(&files.own, &bytes),
            Ok(None) => {}
            Err(cause) => return Self(Rules::Broken(cause)),
        }
        for path in &files.containers {
            match read(path) {
                Ok(Some(bytes)) => return Self::from_containers(path, &bytes),
                Ok(None) => {}
                Err(cause) => return Self(Rules::Broken(cause)),
            }
        }
        Self::none()
    }

    /// The policy of a file, by the ending of its name: `.json` is containers' format. As [`Policy::in_force`], it never fails.
    #[must_use]
    pub fn read(path: &Path) -> Self {
        match read(path) {
            Ok(Some(bytes)) if path.extension().is_some_and(|ending| ending == "json") => {
                Self::from_containers(path, &bytes)
            }
            Ok(Some(bytes)) => Self::from_own(path, &bytes),
            Ok(None) => {
                let cause = rustix::io::Errno::NOENT.into();
                Self(Rules::Broken(PolicyError::Read { file: shown(path), cause }))
            }
            Err(cause) => Self(Rules::Broken(cause)),
        }
    }

    /// Corten's own format; keys are looked for beside `path`, which is not read.
    #[must_use]
    pub fn from_own(path: &Path, bytes: &[u8]) -> Self {
        let file = shown(path);
        let directory = path.parent().unwrap_or(Path::new(""));
        Self(match own::parse(directory, bytes) {
            Ok((default, rules)) => Rules::Own { file, default, rules },
            Err(why) => Rules::Broken(PolicyError::Content { file, why }),
        })
    }

    /// containers' format.
    #[must_use]
    pub fn from_containers(path: &Path, bytes: &[u8]) -> Self {
        let file = shown(path);
        Self(match Containers::parse(bytes) {
            Ok(policy) => Rules::Containers { file, policy },
            Err(why) => Rules::Broken(PolicyError::Content { file, why }),
        })
    }

    /// Whatever the image is called, a signature is demanded.
    #[must_use]
    pub fn signed(demand: Signed) -> Self {
        Self(Rules::Given(vec![Demand::Signed(demand)]))
    }

    /// Whether there is no policy at all.
    #[must_use]
    pub const fn is_none(&self) -> bool {
        matches!(self.0, Rules::None)
    }

    /// What is demanded of an image of that name.
    ///
    /// # Errors
    /// Why nobody knows: then nothing may be accepted.
    pub fn ruling(&self, reference: &Reference) -> Result<Ruling<'_>, &PolicyError> {
        Ok(match &self.0 {
            Rules::None => Ruling { by: "no policy".to_owned(), demands: &[] },
            Rules::Broken(cause) => return Err(cause),
            Rules::Given(demands) => Ruling { by: "verification".to_owned(), demands },
            Rules::Own { file, default, rules } => {
                match rules.iter().find(|rule| rule.pattern.matches(reference)) {
                    Some(rule) => {
                        let by = format!("policy rule {:?}", rule.name);
                        Ruling { by, demands: &rule.demands }
                    }
                    None => Ruling { by: format!("the default of {file}"), demands: default },
                }
            }
            Rules::Containers { file, policy } => {
                let (scope, demands) = policy.ruling(reference);
                Ruling { by: format!("{scope} of {file}"), demands }
            }
        })
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// What a file holds; nothing where there is none.
fn read(path: &Path) -> Result<Option<Vec<u8>>, PolicyError> {
    let file = shown(path);
    let mut bytes = Vec::new();
    let read = std::fs::File::open(path)
        .and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut bytes));
    match read {
        Ok(_) if bytes.len() as u64 > MOST_BYTES => {
            let why = format!("it is longer than {MOST_BYTES} bytes");
            Err(PolicyError::Content { file, why })
        }
        Ok(_) => Ok(Some(bytes)),
        // A link that leads nowhere was meant to lead to a policy.
        Err(cause) if cause.kind() == ErrorKind::NotFound && path.symlink_metadata().is_err() => {
            Ok(None)
        }
        Err(cause) => Err(PolicyError::Read { file, cause: cause.into() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by(policy: &Policy, reference: &str) -> String {
        let reference = reference.parse().unwrap();
        match policy.ruling(&reference) {
            Ok(ruling) => format!("{}: {:?}", ruling.by, ruling.demands),
            Err(cause) => format!("broken: {cause}"),
        }
    }

    fn files(directory: &Path) -> PolicyFiles {
        let containers = vec![directory.join("user.json"), directory.join("policy.json")];
        PolicyFiles { named: None, own: directory.join("policy.toml"), containers }
    }

    #[expect(clippy::disallowed_methods, reason = "a file of the test's own")]
    fn put(path: &Path, text: &str) {
        std::fs::write(path, text).unwrap();
    }

    #[test]
    fn our_file_counts_before_the_other_and_none_is_no_policy() {
        let directory = tempfile::tempdir().unwrap();
        let files = files(directory.path());
        assert!(Policy::in_force(&files).is_none());
        put(&files.containers[1], r#"{"default":[{"type":"reject"}]}"#);
        let shown = by(&Policy::in_force(&files), "busybox");
        assert!(
            shown.starts_with("the default of /") && shown.ends_with("json: [Never]"),
            "{shown}"
        );
        put(&files.own, "default = \"accept\"\n");
        let shown = by(&Policy::in_force(&files), "busybox");
        assert!(shown.ends_with("policy.toml: [Nothing]"), "{shown}");
    }

    #[test]
    fn a_policy_that_cannot_be_read_refuses_everything() {
        let directory = tempfile::tempdir().unwrap();
        let files = files(directory.path());
        let broken = |files: &PolicyFiles| by(&Policy::in_force(files), "busybox");
        // In the place of ours, whatever the other says.
        put(&files.containers[0], r#"{"default":[{"type":"insecureAcceptAnything"}]}"#);
        std::fs::create_dir(&files.own).unwrap();
        assert!(broken(&files).starts_with("broken: read "));
        std::fs::remove_dir(&files.own).unwrap();
        std::os::unix::fs::symlink("nowhere", &files.own).unwrap();
        assert!(broken(&files).starts_with("broken: read "));
        std::fs::remove_file(&files.own).unwrap();
        put(&files.own, "default = \"accept\"\nrule = 7\n");
        assert!(broken(&files).starts_with("broken: "));
        put(&files.own, &" ".repeat((1 << 20) + 1));
        assert!(broken(&files).contains("longer than"));
        let named = PolicyFiles { named: Some(directory.path().join("absent")), ..files };
        assert!(broken(&named).starts_with("broken: read "));
    }
}
