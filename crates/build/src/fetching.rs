//! What brings files from elsewhere: the web, git, and a private directory that they come to.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use sha2::{Digest as _, Sha256};
use spec::Digest;

use crate::attest::Dependency;
use crate::builder::Notes;
use crate::git::{self, Checkout, GitAddress, GitError, GitSettings};
use crate::{Cancel, Fetched, Heard, Outside, Refusal};

/// What is needed for files from elsewhere.
#[derive(Clone, Copy)]
pub(crate) struct Fetching<'a> {
    /// Web servers.
    pub(crate) outside: &'a dyn Outside,
    /// Hears of bytes.
    pub(crate) heard: Heard<'a>,
    /// What git may.
    pub(crate) git: &'a GitSettings,
    /// Where it is written down what went in.
    pub(crate) notes: &'a Notes,
    /// Ends it.
    pub(crate) cancel: &'a Cancel,
    /// An empty directory for one source alone, that nobody else can enter. The caller removes it.
    pub(crate) directory: &'a Path,
}

impl std::fmt::Debug for Fetching<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Fetching")
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}

impl Fetching<'_> {
    /// Fetches what is at an address into a file, from its beginning. Gives the digest of it as well, in hexadecimal digits.
    pub(crate) fn url(&self, url: &str, into: &File) -> Result<(Fetched, String), Refusal> {
        let mut hashing = Hashing { into, hash: Sha256::new(), cancel: self.cancel };
        let fetched = self.outside.fetch(url, &mut hashing, self.heard)?;
        let sum: [u8; 32] = hashing.hash.finalize().into();
        let digest = Digest::sha256(sum);
        self.notes.has_taken(Dependency::Url { url: url.to_owned(), digest });
        Ok((fetched, spec::digest::hex(&sum)))
    }

    /// Fetches a repository into the directory.
    pub(crate) fn git(
        &self,
        address: &GitAddress,
        keep_git_dir: bool,
    ) -> Result<Checkout, GitError> {
        self.outside
            .may_fetch(&address.shown())
            .map_err(|cause| GitError::Refused { remote: address.shown(), cause })?;
        let checkout = git::checkout(address, keep_git_dir, self.git, self.directory, self.cancel)?;
        let commit = checkout.commit.clone();
        self.notes.has_taken(Dependency::Git { url: address.shown(), commit });
        Ok(checkout)
    }
}

/// A file that hashes what it gets, and refuses it once the build is over.
struct Hashing<'a> {
    into: &'a File,
    hash: Sha256,
    cancel: &'a Cancel,
}

impl Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.cancel.is_cancelled() {
            return Err(io::Error::other("cancelled"));
        }
        let count = self.into.write(bytes)?;
        self.hash.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.into.flush()
    }
}

/// A reader that ends with the build.
pub(crate) struct Watched<'a, R> {
    pub(crate) reader: R,
    pub(crate) cancel: &'a Cancel,
}

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.cancel.is_cancelled() {
            return Err(io::Error::other("cancelled"));
        }
        self.reader.read(buffer)
    }
}

/// An address without what stands before `@`.
pub(crate) fn without_credentials(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let end = rest.find('/').unwrap_or(rest.len());
    let start = rest[..end].rfind('@').map_or(0, |at| at + 1);
    format!("{scheme}://{}", &rest[start..])
}

#[cfg(test)]
pub(crate) mod tests {
    use engine::{Engine, Image};
    use spec::image::Platform;

    use super::*;

    /// A web server with one file.
    pub(crate) struct OneFile {
        pub(crate) bytes: Vec<u8>,
        pub(crate) fetched: Fetched,
    }

    impl Outside for OneFile {
        fn push(&self, _engine: &Engine, _reference: &spec::Reference) -> Result<(), Refusal> {
            Err("there is no registry".into())
        }

        fn image(
            &self,
            _: &Engine,
            name: &str,
            _: Option<&Platform>,
            _: bool,
            _: Heard<'_>,
        ) -> Result<Image, Refusal> {
            Err(format!("no image {name}").into())
        }

        fn fetch(&self, url: &str, into: &mut dyn Write, _: Heard<'_>) -> Result<Fetched, Refusal> {
            if !url.contains("://there/") {
                return Err("no such server".into());
            }
            into.write_all(&self.bytes)?;
            Ok(self.fetched.clone())
        }
    }

    /// Calls with what is needed, and a private directory.
    pub(crate) fn fetching<T>(
        outside: &OneFile,
        call: impl FnOnce(&Fetching<'_>) -> T,
    ) -> (T, tempfile::TempDir) {
        let directory = tempfile::tempdir().unwrap();
        let git = GitSettings { may_use_files: true, ..GitSettings::default() };
        let fetching = Fetching {
            outside,
            heard: &|_, _, _| {},
            git: &git,
            notes: &Notes::default(),
            cancel: &Cancel::new().unwrap(),
            directory: directory.path(),
        };
        (call(&fetching), directory)
    }

    #[test]
    fn credentials_are_not_shown() {
        for (url, shown) in [
            ("https://u:p@h/x@y", "https://h/x@y"),
            ("https://h/x", "https://h/x"),
            ("https://u@h", "https://h"),
            ("git@h:x", "git@h:x"),
        ] {
            assert_eq!(without_credentials(url), shown);
        }
    }
}
