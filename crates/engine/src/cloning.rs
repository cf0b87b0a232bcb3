//! A new container with the configuration of another one, and with its files where that is asked for: what the original has written
//! becomes layers that both have (`frozen.rs`), and each goes on with a writable layer of its own. Start at [`Containers::clone_of`].

use std::path::PathBuf;

use spec::{ContainerId, ContainerName};
use store::{Image, Inherited};

use crate::config::{AutoUsers, ContainerConfig, Limits, MountSource, UserMaps, UserMode};
use crate::containers::{Containers, Made, run_config};
use crate::error::{EngineError, Kind};
use crate::frozen::Taken;
use crate::life::Container;
use crate::lock::Lock;
use crate::start::Attach;
use crate::state::Action;
use crate::{merge, names, update};

/// Behind the name of the original, and before a number.
const SUFFIX: &str = "-clone";

/// A clone that is wanted.
#[derive(Clone, Debug, Default)]
pub struct CloneRequest {
    /// Its name; one is made of the original's otherwise.
    pub name: Option<String>,
    /// Another image than the original's.
    pub image: Option<String>,
    /// Whether it has the files of the original, too.
    pub files: bool,
    /// Limits that are to be other.
    pub limits: Limits,
    /// Whether it is started.
    pub run: bool,
    /// Whether the original is removed.
    pub destroy: bool,
    /// Whether it is even where it runs.
    pub force: bool,
}

/// Of what a clone is made.
pub(crate) struct Source {
    /// Whose configuration it has.
    pub(crate) original: Container,
    /// What it has of its files.
    pub(crate) taken: Taken,
    /// The directory whose owner and mode its root has.
    pub(crate) root: Option<PathBuf>,
    /// The original's, held until the clone is written down.
    pub(crate) lock: Option<Lock>,
}

impl Containers<'_> {
    /// Makes a container with the configuration of another one. That one keeps what it has written to itself, unless the request asks
    /// for the files, too. Volumes without a name are new ones, the others are shared. Gives its id, and what people are told about
    /// limits that it will not have.
    ///
    /// Files are not copied where the original stands still: both have them as layers below their own from then on. One that runs stands
    /// still while what it has written is copied.
    ///
    /// With `destroy` the original goes last, once the clone runs where it is to run.
    ///
    /// # Errors
    /// When there is no such container or image, the name is taken, the limits contradict each other, the clone does not start, or
    /// the original may not be removed. The original is there then, and nothing else.
    pub fn clone_of(
        &self,
        text: &str,
        request: &CloneRequest,
    ) -> Result<(ContainerId, Vec<String>), EngineError> {
        let mut source = if request.files {
            let (lock, original) = self.locked(text)?;
            let original = self.until_started(original)?;
            let root = Some(original.dirs.upper.clone());
            Source { original, taken: Taken::default(), root, lock: Some(lock) }
        } else {
            let original = self.get(text)?;
            Source { original, taken: Taken::default(), root: None, lock: None }
        };
        // What the request itself makes impossible is refused before anything is frozen.
        if request.destroy {
            source.original.allow(removal(request.force))?;
        }
        self.cloned(&source.original, request)?;
        if request.files {
            refuse_other_ids(&source.original)?;
            source.taken = self.take_written(&source.original, Action::Clone)?;
        }
        self.make_clone(source, request)
    }

    /// Makes the clone of a source.
    pub(crate) fn make_clone(
        &self,
        source: Source,
        request: &CloneRequest,
    ) -> Result<(ContainerId, Vec<String>), EngineError> {
        let Source { original, taken, root, lock } = source;
        let (image, mut config) = self.cloned(&original, request)?;
        config.frozen = taken.all();
        let inherited =
            Inherited { layers: &taken.layers, copy: taken.copy.as_ref(), root: root.as_deref() };
        let image_name = request.image.as_ref().unwrap_or(&original.record.image_name);
        let made =
            self.record_clone(&original, request, (image, image_name), (&config, inherited))?;
        drop(lock);
        let id = made.id.clone();
        let done = self.finish(made, &original, request);
        if done.is_err() {
            self.discard(&id, &config);
        }
        done.map(|warnings| (id, warnings))
    }

    /// The configuration of the clone, and its image.
    fn cloned(
        &self,
        original: &Container,
        request: &CloneRequest,
    ) -> Result<(Option<Image>, ContainerConfig), EngineError> {
        if let Some(image) = request.image.as_ref().filter(|_| request.files) {
            let why = "the original's files belong above the original's image";
            return Err(EngineError::value("image", image, why));
        }
        let mut config = (*original.config).clone();
        update::merge(&mut config.limits, &request.limits)?;
        for mount in &mut config.mounts {
            if let MountSource::Volume { name, anonymous: true, .. } = &mut mount.source {
                name.clear();
            }
        }
        let image = if let Some(name) = &request.image {
            config.rootfs = None;
            let image = self.image_of(&config, name)?;
            merge::add_image_volumes(&mut config, &run_config(image.as_ref()));
            image
        } else {
            crate::roots::demand_layer(&config, "a clone without --image")?;
            let id = original.record.image.as_ref().map(ToString::to_string);
            self.image_of(&config, &id.unwrap_or_default())?
        };
        merge::name_volumes(&mut config)?;
        self.check_secrets(&config)?;
        crate::mounts::check_sources(&config)?;
        self.choose_label(&mut config)?;
        Ok((image, config))
    }

    fn record_clone(
        &self,
        original: &Container,
        request: &CloneRequest,
        (image, image_name): (Option<Image>, &str),
        (config, inherited): (&ContainerConfig, Inherited<'_>),
    ) -> Result<Made, EngineError> {
        let record = |name: &ContainerName| {
            let id = names::random_id()?;
            let config = (config.clone(), inherited);
            self.record((id, name), (image.clone(), image_name), config, false)
        };
        if let Some(name) = &request.name {
            return record(&names::parse(name)?);
        }
        let mut candidates = candidates(&original.record.name);
        names::first_free(|| names::parse(&candidates.next().unwrap_or_default()), record)
    }

    fn finish(
        &self,
        made: Made,
        original: &Container,
        request: &CloneRequest,
    ) -> Result<Vec<String>, EngineError> {
        let mut warnings = self.check(&made)?;
        self.tell_made(&made, &["create"]);
        self.tell(original, "clone", &[("clone", made.id.to_string())]);
        let (id, name) = (made.id.clone(), made.name.clone());
        // Whoever starts it takes its lock.
        drop(made);
        if request.run
            && let Some(mut connection) = self.start(id.as_str(), Attach::default())?
        {
            warnings = self.started(&id, &name, &mut connection)?;
        }
        if request.destroy {
            match self.remove(original.record.id.as_str(), request.force, false) {
                // It has gone by itself meanwhile.
                Err(error) if error.kind() == Kind::NotFound => {}
                removed => removed?,
            }
        }
        Ok(warnings)
    }

    /// Takes back a clone. That this fails tells less than why it is taken back.
    fn discard(&self, id: &ContainerId, config: &ContainerConfig) {
        match self.remove(id.as_str(), true, true) {
            // With --rm its failed start has removed it.
            Err(error) if error.kind() == Kind::NotFound => self.remove_anonymous_volumes(config),
            Ok(()) | Err(_) => {}
        }
    }
}

const fn removal(force: bool) -> Action {
    if force { Action::RemoveByForce } else { Action::Remove }
}

/// Files of a container whose ids the kernel cannot map have the machine's numbers of that container on the disk: who is leased others
/// cannot have them.
fn refuse_other_ids(original: &Container) -> Result<(), EngineError> {
    let sharing = &original.config.sharing;
    let has_others = match &sharing.users {
        UserMode::Auto(AutoUsers { .. }) => true,
        UserMode::Private(maps) => *maps == UserMaps::default(),
        UserMode::Unsaid
        | UserMode::Host
        | UserMode::Container(_)
        | UserMode::KeepId(_)
        | UserMode::NoMap => false,
    };
    if sharing.shifted && has_others {
        let what = format!(
            "a clone of the files of {}, whose ids of the machine are its own and cannot be mapped here,",
            original.record.name
        );
        return Err(EngineError::NotYet(what));
    }
    Ok(())
}

/// Podman's: `web-clone`, `web-clone1`, …; a clone's clone is called as one of the original.
fn candidates(name: &str) -> impl Iterator<Item = String> + use<> {
    let is_clone = |(_, number): &(&str, &str)| number.bytes().all(|byte| byte.is_ascii_digit());
    let base = name.rsplit_once(SUFFIX).filter(is_clone).map_or(name, |(base, _)| base);
    let first = format!("{base}{SUFFIX}");
    std::iter::once(first.clone()).chain((1..).map(move |number: u64| format!("{first}{number}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_clones() {
        for (name, expected) in [
            ("web", ["web-clone", "web-clone1", "web-clone2"]),
            ("web-clone", ["web-clone", "web-clone1", "web-clone2"]),
            ("web-clone7", ["web-clone", "web-clone1", "web-clone2"]),
            ("web-cloned", ["web-cloned-clone", "web-cloned-clone1", "web-cloned-clone2"]),
        ] {
            assert_eq!(candidates(name).take(3).collect::<Vec<_>>(), expected, "{name}");
        }
    }
}
