//! From what a request says of its context to an open directory. Start at [`Context::open`], and at [`dockerfile`] for the instructions.
//!
//! A directory is opened and nothing else: what is in it is looked at when a step asks for it. Everything else becomes a directory
//! below one that the caller gives and removes. Hostile archives are refused by the rules of unpacking. Sources: Docker's "Build context"; podman-build(1)
//! for `Containerfile` and `.containerignore`.

use std::fs::{DirBuilder, File};
use std::io::{self, Cursor, Read, Seek};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::PoisonError;

use crate::archive;
use crate::fetching::{Fetching, Watched, without_credentials};
use crate::git::GitAddress;
use crate::{BuildError, ContextSource, NamedContext, Refusal};

mod dockerfile;

pub(crate) use dockerfile::{Instructions, dockerfile, ignore};

/// Why there is no context, or no Dockerfile in it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ContextError {
    /// The file cannot be read, or there is none.
    #[error("read the Dockerfile {name}")]
    NoFile {
        /// Its name.
        name: String,
        /// Why not.
        #[source]
        cause: io::Error,
    },
    /// The context cannot be had.
    #[error("{what}")]
    Refused {
        /// Verb and object.
        what: String,
        /// Why not.
        #[source]
        cause: Refusal,
    },
}

impl From<ContextError> for BuildError {
    fn from(error: ContextError) -> Self {
        match error {
            ContextError::NoFile { name, cause } => Self::NoFile { name, cause },
            ContextError::Refused { what, cause } => Self::Context { what, cause },
        }
    }
}

/// An open context.
#[derive(Debug)]
pub(crate) struct Context {
    root: OwnedFd,
    /// Where it was a Dockerfile alone.
    dockerfile: Option<Vec<u8>>,
    commit: Option<String>,
}

impl Context {
    /// Opens the context of a build. `keep_git_dir` is what `BUILDKIT_CONTEXT_KEEP_GIT_DIR` says.
    ///
    /// # Errors
    /// [`ContextError`].
    pub(crate) fn open(
        source: ContextSource,
        keep_git_dir: bool,
        fetching: &Fetching<'_>,
    ) -> Result<Self, ContextError> {
        match source {
            ContextSource::Empty => Self::empty(fetching.directory),
            ContextSource::Directory(path) => Self::directory(&path),
            ContextSource::Archive(stream) => {
                let stream = stream.into_inner().unwrap_or_else(PoisonError::into_inner);
                Self::stream(stream, "read the context", fetching)
            }
            ContextSource::Git(text) => Self::git(&text, keep_git_dir, fetching),
            ContextSource::Url(url) => Self::url(&url, fetching),
        }
    }

    /// Opens a context with a name; nothing where it is an image or a layout, which are no business of files.
    ///
    /// # Errors
    /// As [`Context::open`].
    pub(crate) fn named(
        source: &NamedContext,
        keep_git_dir: bool,
        fetching: &Fetching<'_>,
    ) -> Result<Option<Self>, ContextError> {
        match source {
            NamedContext::Directory(path) => Self::directory(path).map(Some),
            NamedContext::Git(text) => Self::git(text, keep_git_dir, fetching).map(Some),
            NamedContext::Url(url) => Self::url(url, fetching).map(Some),
            NamedContext::Image(_) | NamedContext::Layout(_) => Ok(None),
        }
    }

    /// Its directory.
    pub(crate) fn root(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    /// The commit that it is of, of a repository.
    pub(crate) fn commit(&self) -> Option<&str> {
        self.commit.as_deref()
    }

    /// The directory, for a [`crate::files::Tree`].
    pub(crate) fn into_root(self) -> OwnedFd {
        self.root
    }

    fn of(root: OwnedFd) -> Self {
        Self { root, dockerfile: None, commit: None }
    }

    fn directory(path: &Path) -> Result<Self, ContextError> {
        let opened = File::options()
            .read(true)
            .custom_flags(i32::try_from(rustix::fs::OFlags::DIRECTORY.bits()).unwrap_or(0))
            .open(path);
        opened
            .map(|root| Self::of(root.into()))
            .map_err(refused(format!("open the context {}", path.display())))
    }

    fn empty(directory: &Path) -> Result<Self, ContextError> {
        made(directory, "context").map(Self::of).map_err(refused("make an empty context"))
    }

    fn git(text: &str, keep_git_dir: bool, fetching: &Fetching<'_>) -> Result<Self, ContextError> {
        let address = GitAddress::parse(text, fetching.git.may_use_files)
            .map_err(refused(format!("read the address {}", without_credentials(text))))?;
        let keep = address.keep_git_dir.unwrap_or(keep_git_dir);
        let checkout = fetching.git(&address, keep).map_err(refused("fetch the context"))?;
        let commit = Some(checkout.commit);
        Ok(Self { root: checkout.directory, dockerfile: None, commit })
    }

    fn url(url: &str, fetching: &Fetching<'_>) -> Result<Self, ContextError> {
        let what = format!("fetch the context {}", without_credentials(url));
        let file = fetched_file(fetching.directory).map_err(refused(what.clone()))?;
        let fetched = fetching.url(url, &file);
        fetched.map_err(|cause| ContextError::Refused { what: what.clone(), cause })?;
        let mut file = file;
        file.rewind().map_err(refused(what.clone()))?;
        Self::stream(file, &what, fetching)
    }

    /// An archive, or a Dockerfile alone.
    fn stream(
        stream: impl Read + Send,
        what: &str,
        fetching: &Fetching<'_>,
    ) -> Result<Self, ContextError> {
        let mut stream = Watched { reader: stream, cancel: fetching.cancel };
        let directory = fetching.directory;
        let mut start = Vec::new();
        stream.by_ref().take(archive::LOOK_BYTES).read_to_end(&mut start).map_err(refused(what))?;
        let is_archive = archive::begins_archive(&start);
        let stream = Cursor::new(start).chain(stream);
        if !is_archive {
            let bytes = dockerfile::read_whole(stream).map_err(refused(what))?;
            let context = Self::empty(directory)?;
            return Ok(Self { dockerfile: Some(bytes), ..context });
        }
        let root = made(directory, "context").map_err(refused(what))?;
        archive::unpack(stream, root.as_fd(), &archive::context_rules()).map_err(refused(what))?;
        Ok(Self::of(root))
    }
}

/// A file of the private directory that nobody else can open.
pub(crate) fn fetched_file(directory: &Path) -> io::Result<File> {
    File::options()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(directory.join("fetched"))
}

/// A directory in the private one.
pub(crate) fn made(directory: &Path, name: &str) -> io::Result<OwnedFd> {
    let path = directory.join(name);
    DirBuilder::new().mode(0o755).create(&path)?;
    File::open(path).map(OwnedFd::from)
}

fn refused<E: std::error::Error + Send + Sync + 'static>(
    what: impl Into<String>,
) -> impl FnOnce(E) -> ContextError {
    |cause| ContextError::Refused { what: what.into(), cause: Box::new(cause) }
}

#[cfg(test)]
mod tests;
