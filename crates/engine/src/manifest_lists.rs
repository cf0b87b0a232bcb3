//! Lists of manifests for people: put together from what registries have, described, pushed.

use registry::{Client, Progress};
use spec::Reference;
use spec::image::{Descriptor, Platform};
use spec::{Digest, ImageId};
use store::ListMember;

use crate::engine::Engine;
use crate::error::EngineError;

/// Handle on the lists.
#[derive(Clone, Copy, Debug)]
pub struct ManifestListsHandle<'a> {
    pub(crate) engine: &'a Engine,
}

/// What is said about a member; what is nothing stays.
#[derive(Clone, Debug, Default)]
pub struct Annotation {
    /// Go's GOARCH.
    pub architecture: Option<String>,
    /// Go's GOOS.
    pub os: Option<String>,
    /// Variant of the architecture.
    pub variant: Option<String>,
    /// Version of the system.
    pub os_version: Option<String>,
    /// What the system must have.
    pub os_features: Vec<String>,
}

impl Annotation {
    fn apply(&self, descriptor: &mut Descriptor) {
        let platform = descriptor.platform.get_or_insert_default();
        let Platform { architecture, os, variant, os_version, os_features } = platform;
        if let Some(said) = &self.architecture {
            architecture.clone_from(said);
        }
        if let Some(said) = &self.os {
            os.clone_from(said);
        }
        if self.variant.is_some() {
            variant.clone_from(&self.variant);
        }
        if self.os_version.is_some() {
            os_version.clone_from(&self.os_version);
        }
        if !self.os_features.is_empty() {
            *os_features = Some(self.os_features.clone());
        }
    }
}

impl ManifestListsHandle<'_> {
    /// Makes a list, or adds to one. A member is what a registry has by that name, or an image that is here and was pushed.
    ///
    /// # Errors
    /// When a member is nowhere, or the list is there already and `amend` does not allow it.
    pub fn create(
        &self,
        client: &Client,
        list: &Reference,
        members: &[String],
        amend: bool,
    ) -> Result<(), EngineError> {
        let lists = self.engine.store.manifest_lists();
        // Said before anything is asked for.
        if !amend && lists.get(list).is_ok() {
            return Ok(lists.create(list, &[], false)?);
        }
        let mut found = Vec::new();
        for member in members {
            found.extend(self.find(client, member)?);
        }
        Ok(lists.create(list, &found, amend)?)
    }

    fn find(&self, client: &Client, text: &str) -> Result<Vec<ListMember>, EngineError> {
        let refused = match text.parse::<Reference>() {
            Ok(reference) => match registry::list_members(client, &reference) {
                Ok(members) => return Ok(members),
                Err(error) if error.kind() == registry::Kind::NotFound => error.into(),
                Err(error) => return Err(error.into()),
            },
            Err(error) => store::StoreError::from(error).into(),
        };
        let Ok(image) = self.engine.store.images().resolve(text) else { return Err(refused) };
        match self.pushed(&image.id)? {
            Some(reference) => Ok(registry::list_members(client, &reference)?),
            None => Err(refused),
        }
    }

    /// Where an image that is here can be had from: the last digest is a manifest's where there is an index as well.
    fn pushed(&self, image: &ImageId) -> Result<Option<Reference>, EngineError> {
        let digests = self.engine.store.images().digests()?;
        let own = digests.into_iter().rfind(|(id, ..)| id == image);
        Ok(own.and_then(|(_, repository, digest)| format!("{repository}@{digest}").parse().ok()))
    }

    /// The members of a list.
    ///
    /// # Errors
    /// When there is no such list.
    pub fn get(&self, list: &Reference) -> Result<Vec<ListMember>, EngineError> {
        Ok(self.engine.store.manifest_lists().get(list)?)
    }

    /// Says something about a member.
    ///
    /// # Errors
    /// When there is no such list or no such member, or no machine is like that.
    pub fn annotate(
        &self,
        list: &Reference,
        member: &Reference,
        annotation: &Annotation,
    ) -> Result<(), EngineError> {
        for (flag, word) in [
            ("arch", &annotation.architecture),
            ("os", &annotation.os),
            ("variant", &annotation.variant),
        ] {
            let Some(word) = word else { continue };
            if word.contains('/') || format!("{word}/{word}").parse::<Platform>().is_err() {
                return Err(EngineError::value(flag, word, "it is no word of a platform"));
            }
        }
        let change = |descriptor: &mut Descriptor| annotation.apply(descriptor);
        Ok(self.engine.store.manifest_lists().annotate(list, member, change)?)
    }

    /// Pushes a list, after what it names; removes it then where that is wanted.
    ///
    /// # Errors
    /// When there is no such list, or the registry refuses.
    pub fn push(
        &self,
        client: &Client,
        list: &Reference,
        purge: bool,
        progress: &Progress,
    ) -> Result<Digest, EngineError> {
        let members = self.get(list)?;
        let digest = registry::push_list(client, list, &members, progress)?;
        if purge {
            self.remove(list)?;
        }
        Ok(digest)
    }

    /// Removes a list.
    ///
    /// # Errors
    /// When there is no such list.
    pub fn remove(&self, list: &Reference) -> Result<(), EngineError> {
        Ok(self.engine.store.manifest_lists().remove(list)?)
    }
}
