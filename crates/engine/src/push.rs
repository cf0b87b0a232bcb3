//! Images to registries: which image a name means, and what is told of it.
//!
//! Never talks to a network itself: that is crate `registry`'s.

use std::sync::Arc;

use registry::{Client, Form, Progress, Push, Pushed};
use spec::Reference;

use crate::error::EngineError;
use crate::images::ImagesHandle;

/// What is to be pushed.
#[derive(Clone, Copy, Debug)]
pub struct PushRequest<'a> {
    /// Under which name.
    pub reference: &'a Reference,
    /// What it is to look like at the registry.
    pub form: Form,
    /// Whether every image of the index goes that it came with.
    pub all_platforms: bool,
}

impl ImagesHandle<'_> {
    /// Pushes an image under its name.
    ///
    /// # Errors
    /// When there is no such image, or the registry, the network or the disk refuses.
    pub fn push(
        &self,
        client: &Client,
        request: PushRequest<'_>,
        progress: &Arc<Progress>,
    ) -> Result<Pushed, EngineError> {
        let PushRequest { reference, form, all_platforms } = request;
        let image = self.engine.store.images().resolve(&reference.to_string())?;
        let (store, now_ns) = (&self.engine.store, monitor::now_ns());
        let push = Push { store, client, reference, form, now_ns, progress };
        let pushed = if all_platforms {
            registry::push_index(push, &image, false)?
        } else {
            registry::push(push, &image)?
        };
        let (name, plain) = (reference.familiar(), reference.familiar_name());
        self.engine.tell_image("push", &name, &plain, Some(&image));
        Ok(pushed)
    }

    /// Every name that images have in a repository.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn names_in(&self, repository: &Reference) -> Result<Vec<Reference>, EngineError> {
        let wanted = repository.repository();
        let images = self.engine.store.images().summaries()?;
        let mut names: Vec<Reference> = images
            .into_iter()
            .flat_map(|image| image.names)
            .filter(|name| name.repository() == wanted)
            .collect();
        names.sort();
        Ok(names)
    }
}
