//! Images from registries: under which of several names one is found, and whether it may be used.
//!
//! Never talks to a network itself: that is crate `registry`'s.

use std::sync::Arc;

use registry::{Client, Found, Policy, Progress, Pull, RegistryError, Resolution};
use spec::image::Platform;
use spec::{Digest, Reference};
use store::Image;

use crate::error::EngineError;
use crate::images::ImagesHandle;

/// Connections of one pull, all layers together. Registries are shared by many.
pub const PULL_CONNECTIONS: usize = 6;

/// What is to be pulled.
#[derive(Debug)]
pub struct PullRequest {
    /// Names under which it may be found, the first that exists counts.
    pub candidates: Vec<Reference>,
    /// For which machine; this one where it is not said.
    pub platform: Option<Platform>,
    /// What has to be true of an image before anything of it is fetched.
    pub policy: Policy,
    /// Connections at once.
    pub connections: usize,
}

/// What was pulled.
#[derive(Clone, Debug)]
pub struct PullReport {
    /// The name under which it was found.
    pub reference: Reference,
    /// Digest of what the name points at: an index, or a manifest.
    pub root: Digest,
    /// The image.
    pub image: Image,
    /// Whether it was here under this name before.
    pub is_up_to_date: bool,
}

impl ImagesHandle<'_> {
    /// Pulls an image, unless it is here and the registry still means the same by its name.
    ///
    /// # Errors
    /// When no candidate exists, or the policy, the registry, the network or the disk refuses.
    pub fn pull(
        &self,
        client: &Client,
        request: &PullRequest,
        progress: &Arc<Progress>,
    ) -> Result<PullReport, EngineError> {
        let resolution = self.look_up(client, request)?;
        self.bring(resolution, request, progress)
    }

    /// Finds out what is to be pulled, and whether it may be used; nothing of it is fetched.
    ///
    /// # Errors
    /// When no candidate exists, or the policy, the registry or the network refuses.
    pub fn look_up(
        &self,
        client: &Client,
        request: &PullRequest,
    ) -> Result<Resolution, EngineError> {
        let resolution = self.find(client, request)?;
        registry::admit(&request.policy, client, &resolution)?;
        Ok(resolution)
    }

    /// Fetches what was found.
    ///
    /// # Errors
    /// When the registry, the network or the disk refuses.
    pub fn bring(
        &self,
        resolution: Resolution,
        request: &PullRequest,
        progress: &Arc<Progress>,
    ) -> Result<PullReport, EngineError> {
        let pull = Pull {
            store: &self.engine.store,
            resolution: &resolution,
            connections: request.connections,
            now_ns: monitor::now_ns(),
            progress,
        };
        let pulled = registry::fetch(pull)?;
        if matches!(resolution.found, Found::There(_)) {
            self.engine.settle_later()?;
        }
        let image = self.engine.store.images().resolve(&pulled.id.to_string())?;
        let Resolution { reference, root, .. } = resolution;
        let (name, plain) = (reference.familiar(), reference.familiar_name());
        self.engine.tell_image("pull", &name, &plain, Some(&image));
        Ok(PullReport { reference, root, image, is_up_to_date: pulled.is_up_to_date })
    }

    /// The first name that leads to an image. What is refused is told only where every name is.
    fn find(&self, client: &Client, request: &PullRequest) -> Result<Resolution, EngineError> {
        let mut refused: Option<RegistryError> = None;
        let platform = request.platform.as_ref();
        for reference in &request.candidates {
            match registry::resolve(client, &self.engine.store, reference, platform) {
                Ok(found) => return Ok(found),
                Err(error) => {
                    let is_last_word = !may_be_elsewhere(&error);
                    if is_last_word || request.candidates.len() == 1 {
                        return Err(error.into());
                    }
                    refused.get_or_insert(error);
                }
            }
        }
        let nothing = || RegistryError::Invalid("there is no registry to look in".to_owned());
        Err(refused.unwrap_or_else(nothing).into())
    }
}

/// Whether another registry of the search list may have what this one does not give.
fn may_be_elsewhere(error: &RegistryError) -> bool {
    matches!(
        error.kind(),
        registry::Kind::NotFound | registry::Kind::Unauthorized | registry::Kind::Denied
    )
}
