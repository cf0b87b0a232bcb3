//! Lists of containers, as `ps` wants them.

use monitor::HealthStatus;

use crate::config::{MountConfig, MountSource};
use crate::containers::Containers;
use crate::error::EngineError;
use crate::life::Container;
use crate::pattern::Pattern;
use crate::state::State;

/// Which containers are wanted; every given kind must be met by one of its values, `label` by all of them.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    conditions: Vec<(String, String)>,
    /// Values of the kind `name`, which are patterns.
    names: Vec<Pattern>,
}

/// Kinds of filters, as Docker names them.
const KINDS: &[&str] = &[
    "id", "name", "label", "status", "exited", "ancestor", "before", "since", "volume", "network",
    "health",
];

impl Filter {
    /// Adds a condition of the form `KIND=VALUE`.
    ///
    /// # Errors
    /// For an unknown kind, or a value that the kind cannot have.
    pub fn add(&mut self, text: &str) -> Result<(), EngineError> {
        let wrong = |why: String| EngineError::value("filter", text, why);
        let (kind, value) = text
            .split_once('=')
            .ok_or_else(|| wrong("it is not of the form KIND=VALUE".to_owned()))?;
        if !KINDS.contains(&kind) {
            return Err(wrong(format!("the kind is not one of {}", KINDS.join(", "))));
        }
        if kind == "exited" && value.parse::<i32>().is_err() {
            return Err(wrong("an exit code is a number".to_owned()));
        }
        if kind == "status"
            && !["created", "running", "paused", "exited", "restarting", "removing", "dead"]
                .contains(&value)
        {
            return Err(wrong("there is no such state".to_owned()));
        }
        if kind == "health" && !["starting", "healthy", "unhealthy", "none"].contains(&value) {
            return Err(wrong("there is no such health".to_owned()));
        }
        if kind == "name" {
            let pattern = Pattern::parse(value).map_err(|why| wrong(why.to_string()))?;
            self.names.push(pattern);
            return Ok(());
        }
        self.conditions.push((kind.to_owned(), value.to_owned()));
        Ok(())
    }

    /// Whether containers that do not run are asked for by themselves. Docker's `exited` does not.
    #[must_use]
    pub fn names_a_state(&self) -> bool {
        self.conditions.iter().any(|(kind, _)| kind == "status")
    }

    fn wants(&self, container: &Container, times: &Times) -> bool {
        let name = &container.record.name;
        // Docker's own names begin with a slash, and its users' patterns know it.
        let slashed = format!("/{name}");
        let is_named = self.names.is_empty()
            || self.names.iter().any(|pattern| pattern.is_in(name) || pattern.is_in(&slashed));
        is_named
            && KINDS.iter().all(|kind| {
                let values = self.conditions.iter().filter(|(own, _)| own == kind);
                let mut met =
                    values.map(|(_, value)| meets(container, kind, value, times)).peekable();
                match *kind {
                    "label" => met.all(|met| met),
                    _ => met.peek().is_none() || met.any(|met| met),
                }
            })
    }
}

/// When the containers named by `before` and `since` were made.
type Times = Vec<(String, i64)>;

fn meets(container: &Container, kind: &str, value: &str, times: &Times) -> bool {
    let record = &container.record;
    let time_of = |name: &str| times.iter().find(|(own, _)| own == name).map(|(_, time)| *time);
    match kind {
        "id" => record.id.as_str().starts_with(value),
        // No container has a health check.
        "health" => value == "none",
        "label" => match value.split_once('=') {
            Some((name, value)) => {
                container.config.labels.get(name).is_some_and(|own| own == value)
            }
            None => container.config.labels.contains_key(value),
        },
        "status" => container.state.word() == value,
        "exited" => {
            matches!(&container.state, State::Exited(ended) if value.parse() == Ok(ended.code))
        }
        "ancestor" => {
            let same_id = record
                .image
                .as_ref()
                .is_some_and(|image| image.to_string() == value || image.hex().starts_with(value));
            let same_name = |text: &str| text.parse::<spec::Reference>().ok();
            same_id
                || (same_name(value).is_some() && same_name(value) == same_name(&record.image_name))
        }
        "before" => time_of(value).is_some_and(|time| record.created_ns < time),
        "since" => time_of(value).is_some_and(|time| record.created_ns > time),
        "volume" => {
            let path = std::path::Path::new(value);
            let is_meant = |mount: &MountConfig| {
                mount.target == path
                    || matches!(&mount.source, MountSource::Bind { path: source, .. } if source == path)
            };
            container.config.mounts.iter().any(is_meant)
                || crate::oci::volume_names(&container.config).any(|(name, ..)| name == value)
        }
        _ => network_name(container) == value,
    }
}

pub(crate) fn network_name(container: &Container) -> String {
    use crate::config::NetworkMode;
    match &container.config.network {
        NetworkMode::None => "none".to_owned(),
        NetworkMode::Host => "host".to_owned(),
        NetworkMode::Container(id) => format!("container:{id}"),
    }
}

/// A container in a list.
#[derive(Clone, Debug)]
pub struct Row {
    /// The container.
    pub container: Container,
    /// Program and arguments.
    pub command: String,
    /// Bytes that it has written, where that was asked for.
    pub size_bytes: Option<u64>,
    /// The same with its image.
    pub virtual_size_bytes: Option<u64>,
    /// What the health check of one that runs says; nothing where there is none.
    pub health: Option<HealthStatus>,
}

/// Program and arguments on one line, with quotes where Docker has them.
fn command_line(words: &[String]) -> String {
    let quoted = words.iter().enumerate().map(|(place, word)| {
        if place > 0 && word.contains(' ') { format!("'{word}'") } else { word.clone() }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

impl Containers<'_> {
    /// Containers that run, or all, that meet the filter; with their sizes if `size` says so. The newest first.
    ///
    /// # Errors
    /// When the store cannot be read, or a filter names a container that is not there.
    pub fn list(&self, all: bool, filter: &Filter, size: bool) -> Result<Vec<Row>, EngineError> {
        let mut times = Times::new();
        for (kind, name) in &filter.conditions {
            if matches!(kind.as_str(), "before" | "since") {
                times.push((name.clone(), self.get(name)?.record.created_ns));
            }
        }
        let all = all || filter.names_a_state();
        let mut rows = Vec::new();
        for container in self.all()? {
            let runs = matches!(container.state, State::Running { .. } | State::Restarting(_));
            if (all || runs) && filter.wants(&container, &times) {
                rows.push(self.row(container, size)?);
            }
        }
        Ok(rows)
    }

    fn row(&self, container: Container, size: bool) -> Result<Row, EngineError> {
        let words =
            [container.config.entrypoint.clone(), container.config.command.clone()].concat();
        let mut row = Row {
            command: command_line(&words),
            container,
            size_bytes: None,
            virtual_size_bytes: None,
            health: None,
        };
        if matches!(row.container.state, State::Running { .. }) {
            row.health = self.health(&row.container)?.map(|known| known.status);
        }
        if size {
            let (own, all) = self.sizes(&row.container)?;
            row.size_bytes = Some(own);
            row.virtual_size_bytes = Some(all);
        }
        Ok(row)
    }

    /// Bytes of the files in a container's writable layer, and the same with its image.
    ///
    /// # Errors
    /// When its image cannot be read.
    pub fn sizes(&self, container: &Container) -> Result<(u64, u64), EngineError> {
        let own = self.written_bytes(container);
        let image = container.record.image.as_ref().map(ToString::to_string);
        let image = image.map(|image| self.engine.images().resolve(&image)).transpose()?;
        Ok((own, own + image.map_or(0, |image| image.size_bytes)))
    }

    /// Bytes of the files in a container's writable layer.
    #[must_use]
    pub fn written_bytes(&self, container: &Container) -> u64 {
        let mut total = 0;
        let mut pending = vec![container.dirs.upper.clone()];
        while let Some(directory) = pending.pop() {
            for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
                match entry.metadata() {
                    Ok(about) if about.is_dir() => pending.push(entry.path()),
                    Ok(about) if about.is_file() => total += about.len(),
                    _ => {}
                }
            }
        }
        total
    }
}
