//! The contexts of a build: where its files come from, and what further names mean.

use std::collections::BTreeMap;
use std::path::Path;

use engine::BuildLease;
use rustix::fs::{CWD, Mode, OFlags, openat};

use crate::Surroundings;
use crate::error::{BuildError, StepError};
use crate::files::{Memory, Tree, TreeKind};
use crate::request::{BuildRequest, ContextSource, DockerfileSource, NamedContext};

/// They, open.
#[derive(Debug)]
pub(crate) struct Contexts {
    main: Tree,
    trees: BTreeMap<String, Tree>,
    images: BTreeMap<String, String>,
    memory: Option<Memory>,
}

/// What was found in them.
pub(crate) struct Opened {
    pub(crate) contexts: Contexts,
    /// How messages call the file.
    pub(crate) file_name: String,
    pub(crate) file: Vec<u8>,
    /// What the build is of, for whoever compares it with one before.
    pub(crate) identity: String,
}

impl Contexts {
    pub(crate) fn open(
        source: ContextSource,
        request: &BuildRequest,
        surroundings: &Surroundings<'_>,
        lease: &BuildLease,
    ) -> Result<Opened, BuildError> {
        let ContextSource::Directory(path) = &source else {
            return Err(BuildError::Request("only directories yet".to_owned()));
        };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let failed = |cause: rustix::io::Errno| BuildError::Context {
            what: format!("open the build context {}", path.display()),
            cause: Box::new(std::io::Error::from(cause)),
        };
        let root = openat(CWD, path, flags, Mode::empty()).map_err(failed)?;
        let (name, file) = match &request.dockerfile {
            DockerfileSource::Text(bytes) => ("-".to_owned(), bytes.clone()),
            DockerfileSource::Usual => read(&path.join("Dockerfile"))?,
            DockerfileSource::InContext(name) => read(&path.join(name))?,
            DockerfileSource::File(path) => read(path)?,
        };
        let main = Tree::new(root, TreeKind::Context, "the build context");
        let _ = (surroundings, lease);
        let contexts = Self { main, trees: BTreeMap::new(), images: BTreeMap::new(), memory: None };
        Ok(Opened { contexts, file_name: name, file, identity: path.display().to_string() })
    }

    /// The build context.
    pub(crate) const fn main(&self) -> &Tree {
        &self.main
    }

    /// A further one that is files.
    pub(crate) fn tree(&self, name: &str) -> Option<&Tree> {
        self.trees.get(name)
    }

    /// Whether a name stands for an image.
    pub(crate) fn is_image(&self, name: &str) -> bool {
        self.images.contains_key(name)
    }

    /// The image that a name stands for.
    pub(crate) fn image_name(&self, name: &str) -> Result<String, StepError> {
        Ok(self.images.get(name).cloned().unwrap_or_else(|| name.to_owned()))
    }

    /// What is known of files that were read before.
    pub(crate) const fn memory(&self) -> Option<&Memory> {
        self.memory.as_ref()
    }
}

fn read(path: &Path) -> Result<(String, Vec<u8>), BuildError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let bytes = std::fs::read(path)
        .map_err(|cause| BuildError::NoFile { name: path.display().to_string(), cause })?;
    Ok((name, bytes))
}

#[expect(dead_code, reason = "named contexts come with what opens them")]
type Named = NamedContext;
