//! A new container with the configuration of another one. What that one has written stays its own.
//! Start at [`Containers::clone_of`].

use spec::{ContainerId, ContainerName};
use store::Image;

use crate::config::{ContainerConfig, Limits, MountSource};
use crate::containers::{Containers, Made, run_config};
use crate::error::{EngineError, Kind};
use crate::life::Container;
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
    /// Limits that are to be other.
    pub limits: Limits,
    /// Whether it is started.
    pub run: bool,
    /// Whether the original is removed.
    pub destroy: bool,
    /// Whether it is even where it runs.
    pub force: bool,
}

impl Containers<'_> {
    /// Makes a container with the configuration of another one, which keeps its files. Volumes without a name are new ones, the
    /// others are shared. Gives its id, and what people are told about limits that it will not have.
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
        let original = self.get(text)?;
        if request.destroy {
            original.allow(removal(request.force))?;
        }
        let (image, config) = self.cloned(&original, request)?;
        let image_name = request.image.as_ref().unwrap_or(&original.record.image_name);
        let made = self.record_clone(&original, request, (image, image_name), &config)?;
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
        config: &ContainerConfig,
    ) -> Result<Made, EngineError> {
        let record = |name: &ContainerName| {
            let id = names::random_id()?;
            self.record((id, name), (image.clone(), image_name), config.clone(), false)
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
