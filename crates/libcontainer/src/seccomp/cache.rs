//! Filters that were compiled before. An engine hands the same profile over for every container, and compiling Docker's takes longer
//! than everything else that the kernel does for one.
//!
//! An entry is a file of three lines: the release that compiled it, the profile, the program. It counts only when the first two
//! are the same to the byte, so that the name, a hash, need not be one that nobody can forge: whoever may write here may write
//! the containers' records too. What cannot be read is compiled anew, and what cannot be written is not kept.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use spec::runtime::Seccomp;

use super::{Program, SeccompError, compile};

/// More profiles than anybody uses on one machine.
const MOST_ENTRIES: usize = 64;
const RELEASE: &str = env!("CARGO_PKG_VERSION");

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
        let Ok(text) = serde_json::to_string(profile) else { return compile(profile) };
        let head = format!("{RELEASE}\n{text}\n");
        let mut hasher = DefaultHasher::new();
        head.hash(&mut hasher);
        let path = self.directory.join(format!("{:016x}", hasher.finish()));
        if let Some(program) = read(&path, &head) {
            return Ok(program);
        }
        let program = compile(profile)?;
        let _not_kept = self.keep(&path, head, &program);
        Ok(program)
    }

    fn keep(&self, path: &Path, mut text: String, program: &Program) -> std::io::Result<()> {
        use std::os::unix::fs::DirBuilderExt;
        text.push_str(&serde_json::to_string(program)?);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.directory)?;
        let entries = fs::read_dir(&self.directory)?.flatten().collect::<Vec<_>>();
        if entries.len() >= MOST_ENTRIES {
            for entry in entries {
                fs::remove_file(entry.path())?;
            }
        }
        let new = path.with_extension(std::process::id().to_string());
        fs::File::create(&new)
            .and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()))
            .and_then(|()| fs::rename(&new, path))
    }
}

fn read(path: &Path, head: &str) -> Option<Program> {
    let text = fs::read_to_string(path).ok()?;
    serde_json::from_str(text.strip_prefix(head)?).ok()
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
        let other = serde_json::to_string(&compile(&profile(2)).unwrap()).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let head = text.lines().take(2).map(|line| format!("{line}\n")).collect::<String>();
        #[expect(clippy::disallowed_methods, reason = "a test's own file")]
        fs::write(&path, format!("{head}{other}")).unwrap();
        assert_eq!(cache.compile(&profile(1)).unwrap(), compile(&profile(2)).unwrap());
        assert_eq!(cache.compile(&profile(2)).unwrap(), compile(&profile(2)).unwrap());
        assert_eq!(entries(&cache.directory).len(), 2);
    }

    #[test]
    fn what_was_damaged_or_is_of_another_profile_is_compiled_anew() {
        let directory = tempfile::tempdir().unwrap();
        let cache = FilterCache::new(directory.path());
        let wanted = cache.compile(&profile(1)).unwrap();
        let [path] = entries(&cache.directory).try_into().unwrap();
        let whole = fs::read_to_string(&path).unwrap();
        for damaged in
            [whole[..whole.len() / 2].to_owned(), String::new(), whole.replacen("0.", "9.", 1)]
        {
            #[expect(clippy::disallowed_methods, reason = "a test's own file")]
            fs::write(&path, damaged).unwrap();
            assert_eq!(cache.compile(&profile(1)).unwrap(), wanted);
            assert_eq!(fs::read_to_string(&path).unwrap(), whole);
        }
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
