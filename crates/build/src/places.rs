//! Where files come from: the context, a stage, an image; opened when something is to be read of them, and remembered by what they are.

use engine::{Workspace, now_ns};
use spec::Digest;

use crate::error::StepError;
use crate::files::{Choice, DigestRules, Part, Selection, Tree, TreeKind, digest, select};
use crate::key::{Inputs, chain};
use crate::stage::{At, StageRun};

/// Where files come from.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// A directory that is open.
    Tree(Tree),
    /// Layers, the lowest first.
    Layers {
        /// They.
        layers: Vec<Digest>,
        /// What a message calls them.
        words: String,
    },
}

/// A place that is open.
pub(crate) struct Opened {
    pub(crate) tree: Tree,
    _mounted: Option<Workspace>,
}

impl StageRun<'_> {
    /// What a name means: a context of that name, a stage, an image; without one the context.
    pub(crate) fn place_of(&mut self, at: At<'_>, from: Option<&str>) -> Result<Place, StepError> {
        let shared = self.shared;
        let Some(name) = from.filter(|name| !name.is_empty()) else {
            return Ok(Place::Tree(shared.contexts.main().clone()));
        };
        if let Some(tree) = shared.contexts.tree(name) {
            return Ok(Place::Tree(tree.clone()));
        }
        if !shared.contexts.is_image(name)
            && let Ok(number) = shared.definition.graph.target(Some(name))
        {
            let stage = self.other(number)?;
            return Ok(Place::Layers {
                layers: stage.layers().to_vec(),
                words: format!("stage {name}"),
            });
        }
        if name == "scratch" {
            return Ok(Place::Layers { layers: Vec::new(), words: "scratch".to_owned() });
        }
        let platform = shared.platform.clone();
        let image = shared.image(&self.engine, at.step, name, platform.as_ref())?;
        Ok(Place::Layers { layers: image.config.rootfs.diff_ids, words: format!("image {name}") })
    }

    /// Opens it: layers are mounted for as long as it is open.
    pub(crate) fn open(&self, place: &Place) -> Result<Opened, StepError> {
        match place {
            Place::Tree(tree) => Ok(Opened { tree: tree.clone(), _mounted: None }),
            Place::Layers { layers, words } => {
                let space = self.engine.building().workspace(self.shared.lease, layers)?;
                let root = space.root().try_clone_to_owned().map_err(|cause| StepError::Path {
                    action: "open",
                    path: words.into(),
                    cause,
                })?;
                let tree = Tree::new(root, TreeKind::Image, words);
                Ok(Opened { tree, _mounted: Some(space) })
            }
        }
    }

    /// What files of a place are; layers never change, so it is looked up by what they are first.
    pub(crate) fn digest_of(
        &self,
        place: &Place,
        choice: Choice<'_>,
        owners: bool,
    ) -> Result<(Digest, Vec<Part>), StepError> {
        let known = match place {
            Place::Tree(_) => None,
            Place::Layers { layers, .. } => {
                let mut asked = Inputs::of("contents");
                asked.add("layers", chain(layers).to_string());
                for source in choice.sources {
                    asked.add("source", *source);
                }
                for pattern in choice.exclude {
                    asked.add("exclude", *pattern);
                }
                asked.add("parents", choice.parents.to_string()).add("owners", owners.to_string());
                Some(asked.key())
            }
        };
        let steps = self.engine.building().steps();
        if let Some(key) = &known
            && let Some(found) = steps.contents(key)?
        {
            return Ok((found, Vec::new()));
        }
        let opened = self.open(place)?;
        let selection = self.select(&opened, choice)?;
        let cancel = self.shared.surroundings.cancel;
        let memory = Some(self.shared.contexts.memory()).filter(|_| known.is_none());
        let found = digest(&selection, DigestRules { owners, memory }, cancel)?;
        if let Some(key) = &known {
            steps.remember_contents(key, &found.digest, now_ns())?;
        }
        Ok((found.digest, found.parts))
    }

    pub(crate) fn select(
        &self,
        opened: &Opened,
        choice: Choice<'_>,
    ) -> Result<Selection, StepError> {
        select(&opened.tree, choice, self.shared.surroundings.cancel)
    }

    /// What is at a path of a place, all of it.
    pub(crate) fn contents(
        &self,
        place: &Place,
        source: &str,
    ) -> Result<(Digest, Vec<Part>), StepError> {
        let owners = matches!(place, Place::Layers { .. });
        self.digest_of(place, Choice { sources: &[source], ..Choice::default() }, owners)
    }
}
