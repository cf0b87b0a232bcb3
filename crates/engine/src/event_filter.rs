//! Which events are wanted: Docker's filters of `events`. Source: Docker's documentation of `docker events`, "Filtering".

use std::collections::BTreeMap;

use monitor::events::Event;

use crate::error::EngineError;

/// Conditions on events: one value of each kind must be met, of `label` all of them.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    conditions: Vec<(&'static str, String)>,
}

/// Kinds of filters, as Docker names them.
const KINDS: &[&str] = &[
    "container",
    "daemon",
    "event",
    "image",
    "label",
    "network",
    "plugin",
    "scope",
    "type",
    "volume",
    "config",
    "secret",
    // Docker's swarm: nothing of it happens here, so nothing is met.
    "node",
    "service",
];

/// Actions with something behind a colon; who asks for them by their name means them all.
const WITH_MORE: &[&str] = &["health_status", "exec_create", "exec_start"];

impl EventFilter {
    /// Adds a condition of the form `KIND=VALUE`.
    ///
    /// # Errors
    /// For an unknown kind.
    pub fn add(&mut self, text: &str) -> Result<(), EngineError> {
        let wrong = |why: String| EngineError::value("filter", text, why);
        let (kind, value) = text
            .split_once('=')
            .ok_or_else(|| wrong("it is not of the form KIND=VALUE".to_owned()))?;
        let kind = kind.trim().to_ascii_lowercase();
        let kind = KINDS
            .iter()
            .find(|known| **known == kind)
            .ok_or_else(|| wrong(format!("the kind is not one of {}", KINDS.join(", "))))?;
        self.conditions.push((kind, value.trim().to_owned()));
        Ok(())
    }

    /// Whether `event` meets every condition.
    #[must_use]
    pub fn wants(&self, event: &Event) -> bool {
        KINDS.iter().all(|kind| {
            let mut values = self.values(kind).peekable();
            if values.peek().is_none() {
                return true;
            }
            match *kind {
                "label" => values.all(|label| has_label(&event.actor.attributes, label)),
                "event" => self.wants_action(&event.action),
                "type" => values.any(|value| value == event.kind),
                "scope" => values.any(|value| value == event.scope),
                "config" | "secret" => {
                    event.kind == *kind && values.any(|value| is_of(event, value))
                }
                "image" => values.any(|value| is_of_image(event, value)),
                _ => values.any(|value| is_of(event, value)),
            }
        })
    }

    fn values(&self, kind: &str) -> impl Iterator<Item = &str> {
        let own = self.conditions.iter().filter(move |(own, _)| *own == kind);
        own.map(|(_, value)| value.as_str())
    }

    fn wants_action(&self, action: &str) -> bool {
        let by_prefix = self.values("event").any(|value| WITH_MORE.contains(&value));
        self.values("event")
            .any(|value| value == action || (by_prefix && action.starts_with(value)))
    }
}

/// The beginning of its id or of its name, as Docker has it.
fn is_of(event: &Event, value: &str) -> bool {
    let name = event.actor.attributes.get("name");
    event.actor.id.starts_with(value) || name.is_some_and(|name| name.starts_with(value))
}

/// An image's id or name, with or without its tag, of what happened to it or to containers of it.
fn is_of_image(event: &Event, value: &str) -> bool {
    let attribute = if event.kind == "image" { "name" } else { "image" };
    let name = event.actor.attributes.get(attribute).map_or("", String::as_str);
    [&event.actor.id, name].into_iter().any(|text| text == value || without_tag(text) == value)
}

fn without_tag(name: &str) -> &str {
    let place = name.rfind(':').filter(|colon| name.rfind('/').is_none_or(|slash| slash < *colon));
    place.and_then(|colon| name.get(..colon)).unwrap_or(name)
}

fn has_label(attributes: &BTreeMap<String, String>, label: &str) -> bool {
    match label.split_once('=') {
        Some((name, value)) => attributes.get(name).is_some_and(|own| own == value),
        None => attributes.contains_key(label),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: &str, action: &str, id: &str, attributes: &[(&str, &str)]) -> Event {
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Event {
            kind: kind.to_owned(),
            action: action.to_owned(),
            actor: monitor::events::Actor {
                id: id.to_owned(),
                attributes: attributes.iter().map(pair).collect(),
            },
            scope: "local".to_owned(),
            time: 1,
            time_ns: 1_000_000_000,
        }
    }

    #[test]
    fn kinds_mean_what_docker_means() {
        let attributes = [("name", "web-1"), ("image", "a.example:5000/nginx:1"), ("tier", "x")];
        let start = event("container", "start", "abc123", &attributes);
        let health = event("container", "health_status: healthy", "abc123", &attributes);
        let pull = event("image", "pull", "nginx:1", &[("name", "nginx")]);
        let wants = |filters: &[&str], event: &Event| {
            let mut filter = EventFilter::default();
            filters.iter().for_each(|text| filter.add(text).unwrap());
            filter.wants(event)
        };
        for (filters, met) in [
            (&["container=web"][..], [true, true, false]),
            (&["container=abc", "container=zzz"], [true, true, false]),
            (&["event=start"], [true, false, false]),
            (&["event=health_status"], [false, true, false]),
            (&["event=health"], [false, false, false]),
            (&["event=start", "event=pull"], [true, false, true]),
            (&["type=image"], [false, false, true]),
            (&["image=a.example:5000/nginx"], [true, true, false]),
            (&["image=nginx"], [false, false, true]),
            (&["image=nginx:1"], [false, false, true]),
            (&["label=tier"], [true, true, false]),
            (&["label=tier=x", "label=other"], [false, false, false]),
            (&["label=tier=x", "type=container", "event=start"], [true, false, false]),
            (&["daemon=x"], [false, false, false]),
            (&["volume=data"], [false, false, false]),
            (&["scope=local"], [true, true, true]),
            (&[], [true, true, true]),
        ] {
            assert_eq!([&start, &health, &pull].map(|one| wants(filters, one)), met, "{filters:?}");
        }
        let mut filter = EventFilter::default();
        assert!(filter.add("sort=x").is_err() && filter.add("container").is_err());
    }
}
