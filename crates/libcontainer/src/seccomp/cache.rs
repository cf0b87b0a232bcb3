//! Filters that were compiled before. An engine hands the same profile over for every container, and compiling Docker's takes longer
//! than everything else that the kernel does for one.
//!
//! An entry is a file that holds a program. Its name is the SHA-256 of the compiler that made it and of the profile, so that
//! nobody can give a container another one's filter by a profile that he makes up. Whoever may write here may write the
//! containers' records too. What cannot be read is compiled anew, and what cannot be written is not kept.

use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use spec::runtime::Seccomp;

use super::{Program, SeccompError, compile, default_profile, hardened_profile};
use super::{default_program, hardened_program};

/// More profiles than anybody uses on one machine.
const MOST_ENTRIES: usize = 64;
/// The compiler: the release, and what it makes of a long profile, which tells builds of one release apart.
const COMPILER: (&str, &[u8]) = (env!("CARGO_PKG_VERSION"), include_bytes!("default_x86_64.bpf"));

/// A directory of compiled filters.
#[derive(Clone, Debug)]
pub struct FilterCache {
    directory: PathBuf,
}

impl FilterCache {
    /// The cache in a directory, which is made when it is first written to.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }

    /// As [`compile`].
    ///
    /// # Errors
    /// As [`compile`]: only profiles without an error are kept.
    pub fn compile(&self, profile: &Seccomp) -> Result<Program, SeccompError> {
        let path = self.directory.join(name(profile));
        if let Some(program) = read(&path) {
            return Ok(program);
        }
        let program = compile(profile)?;
        let _not_kept = self.keep(&path, &program);
        Ok(program)
    }

    /// The default filter for a container whose bounding set has these capabilities.
    ///
    /// # Errors
    /// None that is known: the profile is ours.
    pub fn default<S: AsRef<str>>(&self, capabilities: &[S]) -> Result<Program, SeccompError> {
        match default_program(capabilities) {
            Some(program) => Ok(program),
            None => self.compile(&default_profile(capabilities)),
        }
    }

    /// The same of the narrower filter.
    ///
    /// # Errors
    /// None that is known: the profile is ours.
    pub fn hardened<S: AsRef<str>>(&self, capabilities: &[S]) -> Result<Program, SeccompError> {
        match hardened_program(capabilities) {
            Some(program) => Ok(program),
            None => self.compile(&hardened_profile(capabilities)),
        }
    }

    fn keep(&self, path: &Path, program: &Program) -> std::io::Result<()> {
        use std::os::unix::fs::DirBuilderExt;
        let text = serde_json::to_vec(program)?;
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.directory)?;
        let entries = fs::read_dir(&self.directory)?.flatten().collect::<Vec<_>>();
        if entries.len() >= MOST_ENTRIES {
            for entry in entries {
                fs::remove_file(entry.path())?;
            }
        }
        let new = path.with_extension(std::process::id().to_string());
        fs::File::create(&new)
            .and_then(|mut file| std::io::Write::write_all(&mut file, &text))
            .and_then(|()| fs::rename(&new, path))
    }
}

fn read(path: &Path) -> Option<Program> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// What a value hashes says where each part of it ends: two different ones give different words, [`Hash`].
struct Words(Sha256);

impl Hasher for Words {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Nobody asks: the name is longer.
    fn finish(&self) -> u64 {
        0
    }
}

fn name(profile: &Seccomp) -> String {
    let mut words = Words(Sha256::new());
    (COMPILER, profile).hash(&mut words);
    let digits = |byte: u8| [byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16));
    words.0.finalize().into_iter().flat_map(digits).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(errno: u32) -> Seccomp {
        let text = format!(
            r#"{{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
                {{"names": ["getppid"], "action": "SCMP_ACT_ERRNO", "errnoRet": {errno}}}]}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    fn entries(directory: &Path) -> Vec<PathBuf> {
        fs::read_dir(directory).into_iter().flatten().map(|entry| entry.unwrap().path()).collect()
    }

    #[test]
    fn a_profile_is_compiled_once() {
        let directory = tempfile::tempdir().unwrap();
        let cache = FilterCache::new(directory.path().join("filters"));
        let compiled = cache.compile(&profile(1)).unwrap();
        assert_eq!(compiled, compile(&profile(1)).unwrap());
        let [path] = entries(&cache.directory).try_into().unwrap();
        // What is read is what counts: an entry whose program is another's shows it.
        let other = serde_json::to_vec(&compile(&profile(2)).unwrap()).unwrap();
        #[expect(clippy::disallowed_methods, reason = "a test's own file")]
        fs::write(&path, other).unwrap();
        assert_eq!(cache.compile(&profile(1)).unwrap(), compile(&profile(2)).unwrap());
        assert_eq!(cache.compile(&profile(2)).unwrap(), compile(&profile(2)).unwrap());
        assert_eq!(entries(&cache.directory).len(), 2);
    }

    #[test]
    fn built_in_filters_are_compiled_once_for_each_set_of_capabilities() {
        let directory = tempfile::tempdir().unwrap();
        let cache = FilterCache::new(directory.path());
        let none: [&str; 0] = [];
        for _twice in 0..2 {
            for capabilities in [&none[..], &["CAP_CHOWN"], &["CAP_SYS_ADMIN"]] {
                let default = compile(&default_profile(capabilities)).unwrap();
                assert_eq!(cache.default(capabilities).unwrap(), default, "{capabilities:?}");
                let hardened = compile(&hardened_profile(capabilities)).unwrap();
                assert_eq!(cache.hardened(capabilities).unwrap(), hardened, "{capabilities:?}");
            }
            // CAP_CHOWN changes nothing in a filter.
            assert_eq!(entries(directory.path()).len(), 4);
        }
    }

    #[test]
    fn what_was_damaged_is_compiled_anew() {
        let directory = tempfile::tempdir().unwrap();
        let cache = FilterCache::new(directory.path());
        let wanted = cache.compile(&profile(1)).unwrap();
        let [path] = entries(&cache.directory).try_into().unwrap();
        let whole = fs::read_to_string(&path).unwrap();
        for damaged in ["", "{}", &whole[..whole.len() / 2], &whole[1..]] {
            #[expect(clippy::disallowed_methods, reason = "a test's own file")]
            fs::write(&path, damaged).unwrap();
            assert_eq!(cache.compile(&profile(1)).unwrap(), wanted);
            assert_eq!(fs::read_to_string(&path).unwrap(), whole);
        }
    }

    #[test]
    fn no_part_of_a_profile_is_left_out_of_its_name() {
        let mut others = vec![profile(1)];
        let mut other = |change: fn(&mut Seccomp)| {
            let mut changed = profile(1);
            change(&mut changed);
            others.push(changed);
        };
        other(|profile| profile.default_action = spec::runtime::SeccompAction::Errno);
        other(|profile| profile.default_errno_ret = Some(1));
        other(|profile| profile.architectures.push("SCMP_ARCH_X86".to_owned()));
        other(|profile| profile.flags.push("SCMP_ARCH_X86".to_owned()));
        other(|profile| profile.listener_path = Some("/a".into()));
        other(|profile| profile.listener_metadata = Some("/a".to_owned()));
        other(|profile| profile.syscalls[0].names = vec!["get".to_owned(), "ppid".to_owned()]);
        other(|profile| profile.syscalls[0].errno_ret = Some(2));
        other(|profile| profile.syscalls.clear());
        let names = others.iter().map(name).collect::<std::collections::BTreeSet<_>>();
        assert_eq!(names.len(), others.len());
        assert!(names.iter().all(|name| name.len() == 64));
    }

    #[test]
    fn it_does_not_grow_without_end() {
        let directory = tempfile::tempdir().unwrap();
        let cache = FilterCache::new(directory.path());
        for errno in 0..200 {
            cache.compile(&profile(errno)).unwrap();
        }
        assert!(entries(&cache.directory).len() <= MOST_ENTRIES);
    }
}
