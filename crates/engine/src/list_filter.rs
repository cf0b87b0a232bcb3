//! Which containers a list shows: Docker's filters of `ps`. Source: Docker's documentation of `docker ps`, "Filtering", and
//! answers of Docker 28.

use std::path::Path;

use store::Image;

use crate::config::{MountConfig, MountSource};
use crate::containers::Containers;
use crate::error::EngineError;
use crate::life::Container;
use crate::list::network_name;
use crate::pattern::Pattern;
use crate::places::{Register, ShownPlace};
use crate::state::State;

/// Which containers are wanted; every given kind must be met by one of its values, `label` by all of them.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    conditions: Vec<(Kind, String)>,
    /// Values of the kinds `id` and `name`, which are patterns.
    patterns: Vec<(Kind, Pattern)>,
}

/// Kinds of filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Id,
    Name,
    Label,
    Status,
    Exited,
    Ancestor,
    Before,
    Since,
    Volume,
    Network,
    Health,
    Publish,
    Expose,
    /// Of Windows; on Linux Docker passes over it.
    Isolation,
    /// Of a swarm: nothing here is one.
    IsTask,
}

/// As Docker names them.
const KINDS: &[(&str, Kind)] = &[
    ("ancestor", Kind::Ancestor),
    ("before", Kind::Before),
    ("exited", Kind::Exited),
    ("expose", Kind::Expose),
    ("health", Kind::Health),
    ("id", Kind::Id),
    ("is-task", Kind::IsTask),
    ("isolation", Kind::Isolation),
    ("label", Kind::Label),
    ("name", Kind::Name),
    ("network", Kind::Network),
    ("publish", Kind::Publish),
    ("since", Kind::Since),
    ("status", Kind::Status),
    ("volume", Kind::Volume),
];

const STATES: &[&str] =
    &["created", "running", "paused", "exited", "restarting", "removing", "dead"];
const HEALTHS: &[&str] = &["starting", "healthy", "unhealthy", "none"];

impl Filter {
    /// Adds a condition of the form `KIND=VALUE`.
    ///
    /// # Errors
    /// For an unknown kind, or a value that the kind cannot have.
    pub fn add(&mut self, text: &str) -> Result<(), EngineError> {
        let wrong = |why: String| Err(EngineError::value("filter", text, why));
        let Some((kind, value)) = text.split_once('=') else {
            return wrong("it is not of the form KIND=VALUE".to_owned());
        };
        let Some((_, kind)) = KINDS.iter().find(|(known, _)| *known == kind) else {
            let known: Vec<&str> = KINDS.iter().map(|(known, _)| *known).collect();
            return wrong(format!("the kind is not one of {}", known.join(", ")));
        };
        match kind {
            Kind::Exited if value.parse::<i32>().is_err() => {
                return wrong("an exit code is a number".to_owned());
            }
            Kind::Status if !STATES.contains(&value) => {
                return wrong(format!("the state is not one of {}", STATES.join(", ")));
            }
            Kind::Health if !HEALTHS.contains(&value) => {
                return wrong(format!("the health is not one of {}", HEALTHS.join(", ")));
            }
            Kind::Publish | Kind::Expose if ports(value).is_none() => {
                return wrong("it is not of the form PORT[-PORT][/tcp|/udp|/sctp]".to_owned());
            }
            Kind::IsTask if truth(value).is_none() => {
                return wrong("it is neither true nor false".to_owned());
            }
            Kind::Id | Kind::Name => match Pattern::parse(value) {
                Ok(pattern) => self.patterns.push((*kind, pattern)),
                Err(why) => return wrong(why.to_string()),
            },
            Kind::Ancestor
            | Kind::Before
            | Kind::Exited
            | Kind::Expose
            | Kind::Health
            | Kind::IsTask
            | Kind::Isolation
            | Kind::Label
            | Kind::Network
            | Kind::Publish
            | Kind::Since
            | Kind::Status
            | Kind::Volume => self.conditions.push((*kind, value.to_owned())),
        }
        Ok(())
    }

    /// Whether containers that do not run are asked for by themselves. Docker's `exited` does not.
    #[must_use]
    pub fn names_a_state(&self) -> bool {
        self.conditions.iter().any(|(kind, _)| *kind == Kind::Status)
    }

    fn values(&self, kind: Kind) -> impl Iterator<Item = &str> {
        let own = self.conditions.iter().filter(move |(own, _)| *own == kind);
        own.map(|(_, value)| value.as_str())
    }
}

/// A filter with what its values mean now.
pub(crate) struct Sought<'a> {
    containers: &'a Containers<'a>,
    filter: &'a Filter,
    /// When the containers named by `before` and `since` were made.
    times: Vec<(Kind, i64)>,
    /// Images named by `ancestor`; those that are not here are nobody's.
    ancestors: Vec<Image>,
}

impl<'a> Sought<'a> {
    /// Looks up what the values name.
    ///
    /// # Errors
    /// When `before` or `since` names a container that is not there.
    pub(crate) fn of(
        containers: &'a Containers<'a>,
        filter: &'a Filter,
    ) -> Result<Self, EngineError> {
        let mut times = Vec::new();
        for kind in [Kind::Before, Kind::Since] {
            for name in filter.values(kind) {
                times.push((kind, containers.get(name)?.record.created_ns));
            }
        }
        let images = containers.engine.store.images();
        let ancestors = filter.values(Kind::Ancestor);
        let ancestors = ancestors.filter_map(|name| images.resolve(name).ok()).collect();
        Ok(Self { containers, filter, times, ancestors })
    }

    /// Whether the filter wants the container.
    ///
    /// # Errors
    /// When what tells of its health cannot be read.
    pub(crate) fn includes(
        &self,
        container: &Container,
        register: &Register<'_>,
    ) -> Result<bool, EngineError> {
        for (_, kind) in KINDS {
            let mut values = self.filter.values(*kind).peekable();
            let is_met = match kind {
                Kind::Id | Kind::Name => self.matches(*kind, container),
                _ if values.peek().is_none() => true,
                Kind::Label => values.all(|label| has_label(container, label)),
                Kind::Health => {
                    let known = self.containers.health(container)?;
                    let health = known.map_or("none", |known| known.status.word());
                    values.any(|value| value == health)
                }
                Kind::Ancestor => self.descends(container),
                Kind::Expose => self.exposes(container),
                Kind::Before | Kind::Since => {
                    let made = container.record.created_ns;
                    let mut times = self.times.iter().filter(|(own, _)| own == kind);
                    times.any(
                        |(_, time)| {
                            if *kind == Kind::Before { made < *time } else { made > *time }
                        },
                    )
                }
                Kind::Network => {
                    let places = self.containers.places_in(register, container)?;
                    values.any(|value| {
                        let is_meant = |place: &ShownPlace| {
                            place.network.name == value || place.network.id == value
                        };
                        network_name(&container.config) == value || places.iter().any(is_meant)
                    })
                }
                Kind::Status
                | Kind::Exited
                | Kind::Volume
                | Kind::Publish
                | Kind::Isolation
                | Kind::IsTask => values.any(|value| meets(container, *kind, value)),
            };
            if !is_met {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn matches(&self, kind: Kind, container: &Container) -> bool {
        let (id, name) = (container.record.id.as_str(), &container.record.name);
        // Docker's own names begin with a slash, and its users' patterns know it.
        let slashed = format!("/{name}");
        let texts = if kind == Kind::Id { [id, id] } else { [name.as_str(), slashed.as_str()] };
        let mut own = self.filter.patterns.iter().filter(|(own, _)| *own == kind).peekable();
        own.peek().is_none() || own.any(|(_, pattern)| texts.iter().any(|text| pattern.is_in(text)))
    }

    /// Whether its image is one of them, or was made of one: it begins with its layers.
    fn descends(&self, container: &Container) -> bool {
        let Some(id) = &container.record.image else { return false };
        // Names whose image has gone, or means another one by now, are still what containers were made of.
        let name = |text: &str| text.parse::<spec::Reference>().ok();
        let own = name(&container.record.image_name);
        let is_named =
            own.is_some() && self.filter.values(Kind::Ancestor).any(|value| name(value) == own);
        if is_named || self.ancestors.iter().any(|image| image.id == *id) {
            return true;
        }
        let Ok(image) = self.containers.engine.store.images().resolve(&id.to_string()) else {
            return false;
        };
        let layers = &image.config.rootfs.diff_ids;
        self.ancestors.iter().any(|ancestor| {
            let theirs = &ancestor.config.rootfs.diff_ids;
            !theirs.is_empty() && theirs.len() < layers.len() && layers.starts_with(theirs)
        })
    }

    fn exposes(&self, container: &Container) -> bool {
        let image = container.record.image.as_ref().map(ToString::to_string);
        let image = image.and_then(|id| self.containers.engine.store.images().resolve(&id).ok());
        let exposed = image.and_then(|image| image.config.config.exposed_ports);
        let of_image = exposed.iter().flatten().filter_map(|(port, _)| ports(port));
        let config = &container.config;
        let of_caller = config.exposed_ports.iter().filter_map(|port| ports(port));
        let published = config.ports.iter().map(|own| (own.port, own.port, own.transport.word()));
        let own: Vec<Ports<'_>> = of_image.chain(of_caller).chain(published).collect();
        self.filter.values(Kind::Expose).filter_map(ports).any(|(first, last, protocol)| {
            own.iter()
                .any(|(from, to, theirs)| theirs == &protocol && *from <= last && first <= *to)
        })
    }
}

/// The first, the last, and the protocol.
type Ports<'a> = (u16, u16, &'a str);

fn ports(text: &str) -> Option<Ports<'_>> {
    let (range, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last && matches!(protocol, "tcp" | "udp" | "sctp")).then_some((first, last, protocol))
}

/// As Go reads one.
fn truth(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

fn has_label(container: &Container, label: &str) -> bool {
    let labels = &container.config.labels;
    match label.split_once('=') {
        Some((name, value)) => labels.get(name).is_some_and(|own| own == value),
        None => labels.contains_key(label),
    }
}

fn meets(container: &Container, kind: Kind, value: &str) -> bool {
    match kind {
        Kind::Status => container.state.word() == value,
        Kind::Exited => {
            matches!(&container.state, State::Exited(ended) if value.parse() == Ok(ended.code))
        }
        Kind::Volume => {
            let path = Path::new(value);
            let is_meant = |mount: &MountConfig| {
                mount.target == path
                    || matches!(&mount.source, MountSource::Bind { path: source, .. } if source == path)
            };
            container.config.mounts.iter().any(is_meant)
                || crate::oci::volume_names(&container.config).any(|(name, ..)| name == value)
        }
        Kind::IsTask => truth(value) == Some(false),
        Kind::Isolation => true,
        Kind::Publish => ports(value).is_some_and(|(first, last, protocol)| {
            let published = container.config.ports.iter();
            let mut own = published.filter(|own| own.transport.word() == protocol);
            own.any(|own| (first..=last).contains(&own.port))
        }),
        Kind::Id
        | Kind::Network
        | Kind::Name
        | Kind::Label
        | Kind::Ancestor
        | Kind::Before
        | Kind::Since
        | Kind::Health
        | Kind::Expose => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_a_kind_cannot_have_are_refused() {
        for text in [
            "name",
            "colour=red",
            "exited=x",
            "status=up",
            "health=fine",
            "publish=x",
            "expose=9-8",
            "expose=80/icmp",
            "is-task=maybe",
            "name=(",
            "id=(",
        ] {
            assert!(Filter::default().add(text).is_err(), "{text}");
        }
        for text in [
            "status=dead",
            "health=none",
            "publish=80-90/udp",
            "expose=80",
            "is-task=0",
            "isolation=process",
            "exited=-1",
            "name=^/web$",
        ] {
            Filter::default().add(text).unwrap();
        }
        assert_eq!(ports("80-90/udp"), Some((80, 90, "udp")));
    }
}
