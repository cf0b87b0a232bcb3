//! `start`: the configuration becomes a container of the engine, which is made anew where the file has changed.

use ::lxc::config::Document;
use ::lxc::hooks::{self, Moment, Told};
use ::lxc::mapping::{Mapped, Purpose};
use ::lxc::start::{CONFIG_LABEL, Wanted, prepare};
use engine::{Attach, Connection, Engine, Kind, Launch, chain};
use spec::ContainerId;

use super::call::Call;
use super::{end, states};
use crate::attach::Shown;
use crate::commands::run::{foreground, launch};
use crate::config::lookup;
use crate::failure::Failure;
use crate::signals::Held;
use crate::terminal;

pub(super) fn start(call: &Call) -> Result<i32, Failure> {
    let Some(mut document) = call.document()? else {
        return Err(Failure::Words("it has no configuration".to_owned()));
    };
    settings(call, &mut document)?;
    let mut mapped = mapped(call, &document, Purpose::Start)?;
    if !call.words.is_empty() {
        mapped.request.config.command.clone_from(&call.words);
    }
    if let Some(path) = call.matches.value("pidfile") {
        let path = std::path::absolute(path).map_err(Failure::file("find", path))?;
        mapped.request.config.pid_file = Some(path);
    }
    if call.matches.on("foreground") {
        mapped.request.config.open_stdin = true;
        return in_foreground(call, &mapped);
    }
    match begin(call, &mapped, Attach::default())? {
        None => call.say("it runs already"),
        Some(mut begun) => {
            begun.hear(call)?;
            after_start(call, &mapped)?;
        }
    }
    Ok(0)
}

/// What the flags say in the place of the configuration.
pub(super) fn settings(call: &Call, document: &mut Document) -> Result<(), Failure> {
    let set = |document: &mut Document, key: &str, value: &str| {
        document.replace(key, value).map_err(|error| Failure::Words(chain(&error)))
    };
    let has = |flag: &str| call.matches.has_flag(flag);
    for text in call.matches.values("define") {
        let (key, value) = text
            .split_once('=')
            .ok_or_else(|| Failure::Words(format!("--define {text}: it is no KEY=VALUE")))?;
        document.set(key.trim(), value.trim()).map_err(|error| Failure::Words(chain(&error)))?;
    }
    for (flag, key) in [
        ("console", "lxc.console.path"),
        ("console-log", "lxc.console.logfile"),
        ("share-net", "lxc.namespace.share.net"),
        ("share-ipc", "lxc.namespace.share.ipc"),
        ("share-uts", "lxc.namespace.share.uts"),
        ("share-pid", "lxc.namespace.share.pid"),
        ("uid", "lxc.init.uid"),
        ("gid", "lxc.init.gid"),
    ] {
        if let Some(value) = has(flag).then(|| call.matches.value(flag)).flatten() {
            set(document, key, value)?;
        }
    }
    Ok(())
}

/// The request of a configuration. Hooks that nobody would run are refused, and what means nothing here is told.
pub(super) fn mapped(
    call: &Call,
    document: &Document,
    purpose: Purpose<'_>,
) -> Result<Mapped, Failure> {
    let wanted = Wanted {
        name: &call.name,
        directory: call.directory()?.path(),
        purpose,
        variable: &|name| lookup(name),
    };
    let mut mapped = prepare(document, &wanted).map_err(|error| Failure::Words(chain(&error)))?;
    let is_watched = match purpose {
        Purpose::Start => call.matches.on("foreground"),
        Purpose::Execute(_) => !call.matches.on("daemon"),
    };
    if is_watched {
        mapped.request.config.auto_remove = mapped.tools.ephemeral;
    } else if end::is_wanted(&mapped.tools) {
        mapped.request.config.end_command = end::words(call)?;
    }
    for remark in &mapped.told {
        call.say(&format!("{}: {}", remark.key, remark.why));
    }
    Ok(mapped)
}

/// A container that has begun, and the connection that hears whether it runs.
pub(super) struct Begun {
    pub(super) engine: Engine,
    pub(super) id: ContainerId,
    pub(super) connection: Connection,
}

impl Begun {
    /// Waits until it runs.
    pub(super) fn hear(&mut self, call: &Call) -> Result<(), Failure> {
        let Self { engine, id, connection } = self;
        for warning in engine.containers().started(id, &call.name, connection)? {
            call.say(&warning);
        }
        Ok(())
    }
}

/// Starts the container: its record as it is where it was made by the same configuration, else a new one. Nothing where it runs.
pub(super) fn begin(
    call: &Call,
    mapped: &Mapped,
    attach: Attach,
) -> Result<Option<Begun>, Failure> {
    if mapped.request.config.auto_remove {
        return begin_new(call, mapped, attach);
    }
    hook(call, mapped, Moment::PreStart)?;
    begin_known(call, mapped, attach)
}

fn begin_known(call: &Call, mapped: &Mapped, attach: Attach) -> Result<Option<Begun>, Failure> {
    let engine = call.session.engine()?;
    if let Some(known) = call.known(&engine)? {
        if states::is_active(&known) {
            return Ok(None);
        }
        let label =
            |config: &engine::config::ContainerConfig| config.labels.get(CONFIG_LABEL).cloned();
        let is_same = label(&known.config) == label(&mapped.request.config)
            && known.config.open_stdin == mapped.request.config.open_stdin
            && known.config.pid_file == mapped.request.config.pid_file
            && known.config.end_command == mapped.request.config.end_command
            && known.config.command == mapped.request.config.command;
        if is_same {
            let id = known.record.id;
            let started = engine.containers().start(id.as_str(), attach)?;
            return Ok(started.map(|connection| Begun { engine, id, connection }));
        }
        engine.containers().remove(known.record.id.as_str(), false, false)?;
    }
    let launch = Launch::begin(engine.paths(), &mapped.request.config)?;
    let (id, _, connection) = engine.containers().run(launch, &mapped.request, attach)?;
    Ok(Some(Begun { engine, id, connection }))
}

/// The same for one that has no record before, as most have none: its monitor is made while the store is opened.
fn begin_new(call: &Call, mapped: &Mapped, attach: Attach) -> Result<Option<Begun>, Failure> {
    hook(call, mapped, Moment::PreStart)?;
    match launch(&call.session, &mapped.request, attach) {
        Ok((engine, (id, _, connection))) => Ok(Some(Begun { engine, id, connection })),
        Err(Failure::Engine(error)) if error.kind() == Kind::Conflict => {
            begin_known(call, mapped, attach)
        }
        Err(failure) => Err(failure),
    }
}

pub(super) fn in_foreground(call: &Call, mapped: &Mapped) -> Result<i32, Failure> {
    let config = &mapped.request.config;
    let has_own_streams = config.log.driver == "passthrough";
    let (tty, input) = (config.tty, config.open_stdin && !has_own_streams);
    let attach = Attach { input, output: true, size: terminal::size() };
    let held = Held::take(!tty, tty);
    let mut begun = match begin(call, mapped, attach) {
        Ok(Some(begun)) => begun,
        Ok(None) => {
            held.release();
            return Err(Failure::Words("it runs already".to_owned()));
        }
        Err(failure) => {
            held.release();
            return Err(failure);
        }
    };
    begun.hear(call)?;
    after_start(call, mapped)?;
    let Begun { engine, id, connection } = begun;
    let code = foreground(&engine, &id, connection, (input, tty, Shown::ALL), None, held)?;
    after_end(call, mapped)?;
    Ok(code)
}

/// Once it runs.
pub(super) fn after_start(call: &Call, mapped: &Mapped) -> Result<(), Failure> {
    hook(call, mapped, Moment::StartHost)
}

/// Once it has ended, for who sees it.
pub(super) fn after_end(call: &Call, mapped: &Mapped) -> Result<(), Failure> {
    let hooks =
        hook(call, mapped, Moment::Stop).and_then(|()| hook(call, mapped, Moment::PostStop));
    // Whatever a hook says of it.
    let removed = if mapped.tools.ephemeral { end::remove_files(call) } else { Ok(()) };
    hooks.and(removed)
}

fn hook(call: &Call, mapped: &Mapped, moment: Moment) -> Result<(), Failure> {
    let is_end = matches!(moment, Moment::Stop | Moment::PostStop);
    let more = [("LXC_TARGET", "stop".to_owned())];
    let told = Told {
        name: &call.name,
        environment: &mapped.tools.hook_environment,
        more: if is_end { &more } else { &[] },
        words: &[],
    };
    hooks::run(&mapped.tools.hooks, moment, &told).map_err(|error| Failure::Words(chain(&error)))
}
