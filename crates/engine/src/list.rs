//! Lists of containers, as `ps` wants them.

use std::ops::ControlFlow;

use monitor::HealthStatus;
use store::Ended;

use crate::config::ContainerConfig;
use crate::containers::Containers;
use crate::error::EngineError;
use crate::life::Container;
use crate::list_filter::{Filter, Sought};
use crate::places::{Register, ShownPlace, in_a_list, ports_of, said_to_be_there};
use crate::state::State;

pub(crate) fn network_name(config: &ContainerConfig) -> String {
    use crate::config::NetworkMode;
    match &config.network {
        NetworkMode::None => "none".to_owned(),
        NetworkMode::Host => "host".to_owned(),
        NetworkMode::Container(id) => format!("container:{id}"),
        NetworkMode::Networks(name) => name.clone(),
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
    pub(crate) places: Vec<ShownPlace>,
    /// Names of the networks that it is in.
    pub networks: String,
    /// Its ports, as Docker writes them.
    pub ports: String,
    /// What the health check of one that runs says; nothing where there is none.
    pub health: Option<HealthStatus>,
    /// How many of its checks have failed in a row.
    pub failing_streak: u64,
}

impl Row {
    /// What Docker tells of its state: "Up 3 minutes (healthy)".
    #[must_use]
    pub fn status(&self) -> String {
        let (state, health) = (&self.container.state, self.health);
        let ended = |ended: &Ended| {
            crate::words::duration(
                crate::words::now() - crate::words::seconds_of(&ended.finished_at),
            )
        };
        match state {
            State::Created { .. } | State::Starting => "Created".to_owned(),
            State::Running { started_at, paused, monitored, .. } => {
                let mark = match health {
                    _ if *paused => " (Paused)",
                    _ if !*monitored => " (no monitor)",
                    None => "",
                    Some(HealthStatus::Starting) => " (health: starting)",
                    Some(HealthStatus::Healthy) => " (healthy)",
                    Some(HealthStatus::Unhealthy) => " (unhealthy)",
                };
                format!(
                    "Up {}{mark}",
                    crate::words::duration(
                        crate::words::now() - crate::words::seconds_of(started_at)
                    )
                )
            }
            State::Restarting(end) => format!("Restarting ({}) {} ago", end.code, ended(end)),
            State::Exited(end) => format!("Exited ({}) {} ago", end.code, ended(end)),
        }
    }
}

/// Program and arguments on one line, with quotes where Docker has them.
fn command_line<'a>(words: impl Iterator<Item = &'a String>) -> String {
    let mut line = String::new();
    for (place, word) in words.enumerate() {
        let quote = if place > 0 && word.contains(' ') { "'" } else { "" };
        line.extend([if place > 0 { " " } else { "" }, quote, word, quote]);
    }
    line
}

impl Containers<'_> {
    /// Containers that run, or all, that meet the filter; with their sizes if `size` says so. The newest first.
    ///
    /// # Errors
    /// When the store cannot be read, or a filter names a container that is not there.
    pub fn list(&self, all: bool, filter: &Filter, size: bool) -> Result<Vec<Row>, EngineError> {
        let mut rows = Vec::new();
        self.visit(all, filter, size, |row| {
            rows.push(row);
            ControlFlow::Continue(())
        })?;
        Ok(rows)
    }

    /// Shows each row of such a list to `see` as it is made, until it says that it has enough: a list of thousands need not be in memory
    /// as a whole.
    ///
    /// # Errors
    /// As [`Containers::list`]; some have been shown then.
    pub fn visit(
        &self,
        all: bool,
        filter: &Filter,
        size: bool,
        mut see: impl FnMut(Row) -> ControlFlow<()>,
    ) -> Result<(), EngineError> {
        let sought = Sought::of(self, filter)?;
        let all = all || filter.names_a_state();
        let store = &self.engine.store;
        let (records, places) = store.at_once(|| {
            // A machine may have thousands that ended long ago.
            let records =
                if all { store.containers().list()? } else { store.containers().list_active()? };
            Ok::<_, EngineError>((records, store.networks().of_list(all)?))
        })?;
        let register = Register::of(self.engine, places);
        for container in self.look_at(records) {
            let container = container?;
            let runs = matches!(container.state, State::Running { .. } | State::Restarting(_));
            if (all || runs)
                && sought.includes(&container, &register)?
                && see(self.row(container, &register, size)?).is_break()
            {
                break;
            }
        }
        Ok(())
    }

    fn row(
        &self,
        container: Container,
        register: &Register<'_>,
        size: bool,
    ) -> Result<Row, EngineError> {
        let words = container.config.entrypoint.iter().chain(&container.config.command);
        let mut row = Row {
            command: command_line(words),
            container,
            size_bytes: None,
            virtual_size_bytes: None,
            health: None,
            failing_streak: 0,
            networks: String::new(),
            ports: String::new(),
            places: Vec::new(),
        };
        let places = self.places_in(register, &row.container)?;
        if !places.is_empty() {
            let names: Vec<_> = places.iter().map(|place| place.network.name.as_str()).collect();
            row.networks = names.join(",");
            let ports = ports_of(&places);
            row.ports = in_a_list(&ports, said_to_be_there(&row.container));
            row.places = places;
        }
        if matches!(row.container.state, State::Running { .. })
            && let Some(known) = self.health(&row.container)?
        {
            row.health = Some(known.status);
            row.failing_streak = known.failing_streak.into();
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

    /// Bytes of the files in a container's writable layer and in what of it was frozen, which others may have too.
    #[must_use]
    pub fn written_bytes(&self, container: &Container) -> u64 {
        let mut total = 0;
        let mut pending = self.own_directories(container);
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
