//! What is told of containers, images and volumes as it happens; who listens reads [`Engine::events`].

use std::collections::BTreeMap;

use monitor::EventRules;
use monitor::events::{Actor, Event, Events};
use serde_json::{Value, json};
use spec::ContainerId;
use store::{Image, Pruned};

use crate::containers::{Containers, Made};
use crate::engine::Engine;
use crate::error::EngineError;
use crate::life::{Container, Holder};

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

    /// Tells what was done to an image, by its name and its labels.
    pub(crate) fn tell_image(&self, action: &str, id: &str, name: &str, image: Option<&Image>) {
        let labels = image.and_then(|image| image.config.config.labels.clone());
        let mut attributes = labels.unwrap_or_default();
        attributes.insert("name".to_owned(), name.to_owned());
        self.tell("image", action, Actor { id: id.to_owned(), attributes });
    }

    /// Tells that what nobody uses was removed.
    pub(crate) fn tell_pruned(&self, kind: &str, pruned: &Pruned) {
        let freed = ("reclaimed".to_owned(), pruned.freed_bytes.to_string());
        let attributes = BTreeMap::from([freed]);
        self.tell(kind, "prune", Actor { id: String::new(), attributes });
    }
}

/// Docker's document of something that happened. The three first fields are those of its earlier releases, which its current one still has.
#[must_use]
pub fn event_document(event: &Event) -> Value {
    let mut fields = serde_json::Map::new();
    if matches!(event.kind.as_str(), "container" | "image") {
        fields.insert("status".to_owned(), json!(event.action));
        fields.insert("id".to_owned(), json!(event.actor.id));
    }
    if let Some(image) = event.actor.attributes.get("image").filter(|_| event.kind == "container") {
        fields.insert("from".to_owned(), json!(image));
    }
    if let Ok(Value::Object(own)) = serde_json::to_value(event) {
        fields.extend(own);
    }
    Value::Object(fields)
}

impl Containers<'_> {
    /// What the monitor tells of a container's life.
    pub(crate) fn event_rules(&self, made: &Made) -> EventRules {
        EventRules {
            to: self.engine.events(),
            attributes: attributes(&made.name, &made.image_name, &made.config.labels),
        }
    }

    /// Tells what happened to a container that is new.
    pub(crate) fn tell_made(&self, made: &Made, actions: &[&str]) {
        let attributes = attributes(&made.name, &made.image_name, &made.config.labels);
        let id = made.id.as_str().to_owned();
        let _full = self.engine.events().tell_all("container", actions, Actor { id, attributes });
    }

    /// Tells what a client of the container's monitor has done, such as `detach`.
    ///
    /// # Errors
    /// When there is no such container any more.
    pub fn tell_of(&self, id: &ContainerId, action: &str) -> Result<(), EngineError> {
        let record = self.engine.store.containers().get(id.as_str())?;
        let container = self.container(record, Holder::Others)?;
        self.tell(&container, action, &[]);
        Ok(())
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
