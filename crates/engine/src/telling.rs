//! What is told of containers, images and volumes as it happens; who listens reads [`Engine::events`].

use std::collections::BTreeMap;

use monitor::EventRules;
use monitor::events::{Actor, Events};

use crate::containers::{Containers, Made};
use crate::engine::Engine;
use crate::life::Container;

impl Engine {
    /// Everything that happens to what this engine has.
    #[must_use]
    pub fn events(&self) -> Events {
        Events::below(&self.paths().state)
    }

    /// Tells what a command has done. On a full disk nobody hears of it, and the command has done its work.
    pub(crate) fn tell(&self, kind: &str, action: &str, actor: Actor) {
        let _full = self.events().tell(kind, action, actor);
    }
}

impl Containers<'_> {
    /// What the monitor tells of a container's life.
    pub(crate) fn event_rules(&self, made: &Made) -> EventRules {
        EventRules {
            to: self.engine.events(),
            attributes: attributes(&made.name, &made.image_name, &made.config.labels),
        }
    }

    /// Tells that a container was made.
    pub(crate) fn tell_made(&self, made: &Made) {
        let attributes = attributes(&made.name, &made.image_name, &made.config.labels);
        let id = made.id.as_str().to_owned();
        self.engine.tell("container", "create", Actor { id, attributes });
    }

    /// Tells what a command has done to a container.
    pub(crate) fn tell(&self, container: &Container, action: &str, more: &[(&str, String)]) {
        let record = &container.record;
        let mut attributes = attributes(&record.name, &record.image_name, &container.config.labels);
        attributes.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        let id = record.id.as_str().to_owned();
        self.engine.tell("container", action, Actor { id, attributes });
    }
}

/// Docker's: name and image beside the labels.
pub(crate) fn attributes(
    name: &str,
    image: &str,
    labels: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let own = [("name", name), ("image", image)];
    let own = own.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned()));
    labels.clone().into_iter().chain(own).collect()
}
