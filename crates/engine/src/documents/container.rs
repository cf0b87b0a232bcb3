//! Docker's document of a container.

use monitor::HealthFile;
use serde_json::{Value, json};
use spec::runtime::IdMapping;
use store::Image;

use super::host_config::host_config;
use super::run_config::container_config;
use super::{Content, Document, NEVER, path};
use crate::config::{MountConfig, MountSource, NetworkMode, map_text};
use crate::containers::Containers;
use crate::error::EngineError;
use crate::life::Container;
use crate::logging::LogPlace;
use crate::places::{ShownEndpoint, ShownPlace, networks_document, ports_document, ports_of};
use crate::state::State;

impl Containers<'_> {
    /// Docker's document of a container; with `sizes` how many bytes it wrote, and those with its image's.
    ///
    /// # Errors
    /// When there is none.
    pub fn inspect(&self, text: &str, sizes: bool) -> Result<Document, EngineError> {
        let container = self.get(text)?;
        let sizes = if sizes { Some(self.sizes(&container)?) } else { None };
        let record = &container.record;
        let image = record
            .image
            .as_ref()
            .and_then(|id| self.engine.store.images().resolve(&id.to_string()).ok());
        let argv = [container.config.entrypoint.clone(), container.config.command.clone()].concat();
        // A container that never started has none of its files.
        let file = |name: &str| match &container.state {
            State::Created { .. } => String::new(),
            State::Starting | State::Running { .. } | State::Restarting(_) | State::Exited(_) => {
                path(container.dirs.container.join(name))
            }
        };
        let log_path = match container.log_place()? {
            LogPlace::Files(Some(own), _) => path(own),
            LogPlace::Files(None, _) => file("container.log"),
            LogPlace::Journal | LogPlace::Nowhere => String::new(),
        };
        let labels = crate::labels::labels(&container.config);
        let (process, files) =
            labels.map(|labels| (labels.process.clone(), labels.files.clone())).unwrap_or_default();
        let execs = Some(self.running_execs(&record.id)).filter(|running| !running.is_empty());
        Ok(Document::new()
            .with("Id", record.id.as_str())
            .with("Created", monitor::format_time(record.created_ns))
            .with("Path", argv.first().cloned().unwrap_or_default())
            .with("Args", argv.get(1..).unwrap_or_default().to_vec())
            .with("State", self.state_document(&container)?)
            .with("Image", record.image.as_ref().map(ToString::to_string).unwrap_or_default())
            .with("ResolvConfPath", file("resolv.conf"))
            .with("HostnamePath", file("hostname"))
            .with("HostsPath", file("hosts"))
            .with("LogPath", log_path)
            .with("Name", format!("/{}", record.name))
            .with("RestartCount", container.state.restarts())
            .with("Driver", "overlayfs")
            .with("Platform", "linux")
            .with("MountLabel", files)
            .with("ProcessLabel", process)
            .with("AppArmorProfile", self.engine.apparmor().shown(&container.config))
            .with("ExecIDs", execs)
            .with("HostConfig", self.host_config(&container)?)
            .with("GraphDriver", self.graph_driver(&container, image.as_ref()))
            .with_asked("SizeRw", sizes.map(|(own, _)| own))
            .with_asked("SizeRootFs", sizes.map(|(_, all)| all))
            .with("Mounts", self.mounts(&container)?)
            .with("Config", container_config(&container, image.as_ref()))
            .with("NetworkSettings", network_settings(&container, &self.places_of(&container)?)))
    }

    /// With the ids that it has of the machine, in Podman's words.
    fn host_config(&self, container: &Container) -> Result<Document, EngineError> {
        let rows = |maps: &[IdMapping]| maps.iter().map(map_text).collect::<Vec<_>>();
        let document = host_config(&container.config);
        Ok(match self.user_maps(container)? {
            Some(maps) => document.with(
                "IDMappings",
                json!({"UidMap": rows(&maps.uids), "GidMap": rows(&maps.gids)}),
            ),
            None => document,
        })
    }

    fn graph_driver(&self, container: &Container, image: Option<&Image>) -> Document {
        if let Some(directory) = crate::roots::directory(&container.config) {
            let data = Document::new()
                .with("MergedDir", of_process(container, "root"))
                .with("RootDir", path(directory));
            return Document::new().with("Data", data).with("Name", "directory");
        }
        let layers = self.lower(&container.config, image);
        let lower: Vec<String> = layers.iter().map(path).collect();
        let data = Document::new()
            .with("LowerDir", lower.join(":"))
            .with("MergedDir", of_process(container, "root"))
            .with("UpperDir", path(&container.dirs.upper))
            .with("WorkDir", path(&container.dirs.work));
        Document::new().with("Data", data).with("Name", "overlayfs")
    }

    fn state_document(&self, container: &Container) -> Result<Document, EngineError> {
        let health = self.health(container)?;
        let document = state(container);
        // Nobody has looked at one that was never started.
        let health = health.filter(|_| !matches!(container.state, State::Created { .. }));
        Ok(match health {
            Some(known) => document.with("Health", health_document(&known)),
            None => document,
        })
    }

    fn mounts(&self, container: &Container) -> Result<Content, EngineError> {
        // Docker lists memory in `HostConfig.Tmpfs` only, where it was not written out.
        let mounts = container.config.mounts.iter();
        let mounts =
            mounts.filter(|mount| mount.source != MountSource::Tmpfs || mount.is_written_out);
        let mounts = mounts.map(|mount| self.mount(mount));
        Ok(Content::List(mounts.collect::<Result<_, _>>()?))
    }

    pub(super) fn mount(&self, mount: &MountConfig) -> Result<Document, EngineError> {
        let (kind, name, source) = match &mount.source {
            MountSource::Tmpfs => ("tmpfs", "", String::new()),
            MountSource::Bind { path: source, .. } => ("bind", "", path(source)),
            MountSource::Image { name, .. } => ("image", "", name.clone()),
            MountSource::Volume { name, .. } => {
                let found = self.engine.store.volumes().find(name)?;
                let data = found.map(|volume| path(volume.path)).unwrap_or_default();
                ("volume", name.as_str(), data)
            }
        };
        let is_propagation = |option: &&String| {
            ["private", "slave", "shared"].iter().any(|word| option.contains(word))
        };
        let propagation = match (kind, mount.options.iter().find(is_propagation)) {
            ("bind", Some(option)) => option,
            ("bind", None) => "rprivate",
            _ => "",
        };
        // What `--mount` wants has no mode.
        let is_requested =
            mount.is_written_out || matches!(mount.source, MountSource::Bind { create: false, .. });
        let mode = if is_requested { String::new() } else { mount_mode(mount) };
        Ok(Document::new()
            .with("Type", kind)
            .with_filled("Name", name)
            .with("Source", source)
            .with("Destination", path(&mount.target))
            .with_filled("Driver", if kind == "volume" { "local" } else { "" })
            .with("Mode", mode)
            .with("RW", !mount.read_only && kind != "image")
            .with("Propagation", propagation)
            .with_filled("SubPath", mount.subpath.clone())
            .with_filled("IDMap", id_map_word(mount))
            .with_filled("Relabel", mount.relabel_word()))
    }
}

/// The options as `--volume` takes them.
pub(super) fn mount_mode(mount: &MountConfig) -> String {
    let mut options: Vec<String> = mount.read_only.then(|| "ro".to_owned()).into_iter().collect();
    options.extend(mount.options.iter().cloned());
    options.extend(mount.give.then(|| "U".to_owned()));
    options.extend(mount.id_mapped.then(|| match &mount.id_ranges {
        Some(ranges) => format!("idmap={ranges}"),
        None => "idmap".to_owned(),
    }));
    options.extend(mount.relabel.then(|| if mount.relabel_private { "Z" } else { "z" }.to_owned()));
    options.join(",")
}

/// Which ids change places, as `--mount` takes it; empty where none do.
fn id_map_word(mount: &MountConfig) -> String {
    match (&mount.id_ranges, mount.id_mapped) {
        (Some(ranges), _) => ranges.to_string(),
        (None, true) => "true".to_owned(),
        (None, false) => String::new(),
    }
}

/// A file of the first process below /proc; nothing when it has ended.
fn of_process(container: &Container, name: &str) -> String {
    match &container.state {
        State::Running { pid, .. } => format!("/proc/{pid}/{name}"),
        State::Created { .. } | State::Starting | State::Restarting(_) | State::Exited(_) => {
            String::new()
        }
    }
}

/// What Docker says of a state.
#[derive(Default)]
struct Told<'a> {
    running: bool,
    paused: bool,
    restarting: bool,
    oom_killed: bool,
    pid: i32,
    code: i32,
    error: &'a str,
    started_at: &'a str,
    finished_at: &'a str,
}

fn state(container: &Container) -> Document {
    let told = match &container.state {
        State::Created { code, error } => Told { code: *code, error, ..Told::default() },
        State::Starting => Told::default(),
        State::Running { pid, started_at, paused, monitored, oom_killed, .. } => Told {
            running: true,
            paused: *paused,
            pid: *pid,
            oom_killed: *oom_killed,
            error: if *monitored {
                ""
            } else {
                "its monitor is gone: nothing is logged, and its exit code will not be known"
            },
            started_at,
            ..Told::default()
        },
        State::Restarting(ended) | State::Exited(ended) => Told {
            // Docker says so of one that will run again.
            running: matches!(container.state, State::Restarting(_)),
            restarting: matches!(container.state, State::Restarting(_)),
            oom_killed: ended.oom_killed,
            code: ended.code,
            error: &ended.error,
            started_at: &ended.started_at,
            finished_at: &ended.finished_at,
            ..Told::default()
        },
    };
    let time = |time: &str| if time.is_empty() { NEVER.to_owned() } else { time.to_owned() };
    Document::new()
        .with("Status", container.state.word())
        .with("Running", told.running)
        .with("Paused", told.paused)
        .with("Restarting", told.restarting)
        .with("OOMKilled", told.oom_killed)
        .with("Dead", false)
        .with("Pid", told.pid)
        .with("ExitCode", told.code)
        .with("Error", told.error)
        .with("StartedAt", time(told.started_at))
        .with("FinishedAt", time(told.finished_at))
}

fn health_document(known: &HealthFile) -> Document {
    let log = known.log.iter().map(|result| {
        Document::new()
            .with("Start", result.start.clone())
            .with("End", result.end.clone())
            .with("ExitCode", result.code)
            .with("Output", result.output.clone())
    });
    Document::new()
        .with("Status", known.status.word())
        .with("FailingStreak", known.failing_streak)
        .with("Log", Content::List(log.collect()))
}

fn network_settings(container: &Container, places: &[ShownPlace]) -> Document {
    // A container in another's network has none of its own.
    let networks = match &container.config.network {
        NetworkMode::Container(_) => Document::new(),
        NetworkMode::Networks(_) => networks_document(places),
        NetworkMode::None => Document::new().with("none", ShownEndpoint::default().document()),
        NetworkMode::Host => Document::new().with("host", ShownEndpoint::default().document()),
    };
    // Of one that does not run none are known.
    let ports = match &container.state {
        State::Running { .. } => ports_document(&ports_of(places), &container.config.exposed_ports),
        State::Created { .. } | State::Starting | State::Restarting(_) | State::Exited(_) => {
            serde_json::json!({})
        }
    };
    let document = Document::new()
        .with("Bridge", "")
        .with("SandboxID", "")
        .with("HairpinMode", false)
        .with("LinkLocalIPv6Address", "")
        .with("LinkLocalIPv6PrefixLen", 0)
        .with("Ports", ports)
        .with("SandboxKey", of_process(container, "ns/net"))
        .with("SecondaryIPAddresses", Value::Null)
        .with("SecondaryIPv6Addresses", Value::Null);
    ShownPlace::of_old(places, document).with("Networks", networks)
}
