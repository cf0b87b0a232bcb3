//! The contexts of a build: where its files come from, and what further names mean.

use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use engine::{BuildLease, Engine};

use crate::Surroundings;
use crate::builder::Notes;
use crate::context::{self, Context, ContextError, Instructions};
use crate::error::BuildError;
use crate::event::Event;
use crate::fetching::Fetching;
use crate::files::{Memory, Tree, TreeKind};
use crate::request::{BuildRequest, ContextSource, NamedContext};

/// The file of what is known of files that were read before, in the store's root.
const MEMORY: &str = "build-sums";

/// They, open.
#[derive(Debug)]
pub(crate) struct Contexts {
    main: Tree,
    trees: BTreeMap<String, Tree>,
    images: BTreeMap<String, String>,
    memory: Memory,
}

/// What was found in them.
pub(crate) struct Opened {
    pub(crate) contexts: Contexts,
    pub(crate) instructions: Instructions,
    /// What the build is of, for whoever compares it with one before.
    pub(crate) identity: String,
    /// The commit of a repository.
    pub(crate) commit: Option<String>,
}

/// What opens them.
#[derive(Clone, Copy)]
struct Opening<'a> {
    request: &'a BuildRequest,
    notes: &'a Notes,
    surroundings: &'a Surroundings<'a>,
    lease: &'a BuildLease,
    engine: &'a Engine,
    keeps_git_dir: bool,
}

impl Contexts {
    /// Opens the context, finds the instructions in it, and opens those with names.
    pub(crate) fn open(
        source: ContextSource,
        (request, surroundings, notes): (&BuildRequest, &Surroundings<'_>, &Notes),
        lease: &BuildLease,
        engine: &Engine,
    ) -> Result<Opened, BuildError> {
        let keeps = request.arguments.get("BUILDKIT_CONTEXT_KEEP_GIT_DIR");
        let keeps_git_dir = keeps.is_some_and(|value| matches!(value.as_str(), "1" | "true"));
        let opening = Opening { request, notes, surroundings, lease, engine, keeps_git_dir };
        let identity = identity(&source);
        let main = opening.fetching(|fetching| Context::open(source, keeps_git_dir, fetching))?;
        let instructions = context::dockerfile(&main, &request.dockerfile)?;
        let commit = main.commit().map(str::to_owned);
        let tree = Tree::new(main.into_root(), TreeKind::Context, "the build context");
        let mut contexts = Self {
            main: tree.without(instructions.ignore.clone()),
            trees: BTreeMap::new(),
            images: BTreeMap::new(),
            memory: Memory::open(&engine.paths().root, MEMORY),
        };
        for (name, source) in &request.contexts {
            contexts.add(name, source, opening)?;
        }
        Ok(Opened { contexts, instructions, identity, commit })
    }

    fn add(
        &mut self,
        name: &str,
        source: &NamedContext,
        opening: Opening<'_>,
    ) -> Result<(), BuildError> {
        let keeps = opening.keeps_git_dir;
        let found = opening.fetching(|fetching| Context::named(source, keeps, fetching))?;
        if let Some(found) = found {
            let ignore = context::ignore(found.root())?;
            let words = format!("context {name}");
            let tree = Tree::new(found.into_root(), TreeKind::Context, &words);
            self.trees.insert(name.to_owned(), tree.without(ignore));
            return Ok(());
        }
        let image = match source {
            NamedContext::Image(image) => image.clone(),
            NamedContext::Layout(place) => opening.layout(place)?,
            NamedContext::Directory(_) | NamedContext::Git(_) | NamedContext::Url(_) => {
                return Ok(());
            }
        };
        self.images.insert(name.to_owned(), image);
        Ok(())
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
    pub(crate) fn image_name(&self, name: &str) -> String {
        self.images.get(name).cloned().unwrap_or_else(|| name.to_owned())
    }

    /// What is known of files that were read before.
    pub(crate) const fn memory(&self) -> &Memory {
        &self.memory
    }
}

impl Opening<'_> {
    fn fetching<T>(
        self,
        work: impl FnOnce(&Fetching<'_>) -> Result<T, ContextError>,
    ) -> Result<T, BuildError> {
        let directory = private_directory(self.lease).map_err(|cause| BuildError::Context {
            what: "make a directory for the context".to_owned(),
            cause: Box::new(cause),
        })?;
        let progress = self.surroundings.progress;
        let heard =
            |what: &str, bytes, of| progress.tell(&Event::Transfer { step: 0, what, bytes, of });
        let opened = work(&Fetching {
            outside: self.surroundings.outside,
            heard: &heard,
            git: &self.request.git,
            notes: self.notes,
            cancel: self.surroundings.cancel,
            directory: &directory,
        });
        if self.surroundings.cancel.is_cancelled() {
            return Err(BuildError::Cancelled);
        }
        Ok(opened?)
    }

    /// The image of a layout in a directory, `PATH[:TAG]`, brought into the store.
    fn layout(self, place: &str) -> Result<String, BuildError> {
        let (path, tag) = match place.rsplit_once(':') {
            Some((path, tag)) if !tag.contains('/') => (path, Some(tag)),
            _ => (place, None),
        };
        let loaded = self.engine.images().load_directory(Path::new(path), None)?;
        let has_tag = |loaded: &&engine::Loaded| {
            let is_it = |wanted: &str| loaded.names.iter().any(|name| name.tag() == Some(wanted));
            tag.is_none_or(is_it)
        };
        let found =
            loaded.iter().find(has_tag).or(if loaded.len() == 1 { loaded.first() } else { None });
        found.map(|loaded| loaded.id.to_string()).ok_or_else(|| {
            BuildError::Request(format!(
                "the layout {path} has no image {}",
                tag.unwrap_or_default()
            ))
        })
    }
}

fn identity(source: &ContextSource) -> String {
    match source {
        ContextSource::Directory(path) => path.display().to_string(),
        ContextSource::Git(text) | ContextSource::Url(text) => text.clone(),
        ContextSource::Archive(_) | ContextSource::Empty => String::new(),
    }
}

/// An empty directory of the build's, for one source alone.
pub(crate) fn private_directory(lease: &BuildLease) -> io::Result<PathBuf> {
    let path = lease.free_path("source");
    DirBuilder::new().mode(0o700).create(&path)?;
    Ok(path)
}
