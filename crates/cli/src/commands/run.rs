//! `run`, `create`, `start`, `attach`: containers in the foreground and in the background.

use engine::{Attach, Connection, CreateRequest, DetachKeys, Engine, Launch};
use spec::ContainerId;

use super::several::{self, chosen};
use crate::arguments::Matches;
use crate::attach::{End, Foreground, Shown};
use crate::failure::Failure;
use crate::output;
use crate::program::Session;
use crate::request::request;
use crate::signals::Held;
use crate::terminal;

const DEFAULT_DETACH_KEYS: &str = "ctrl-p,ctrl-q";
/// Exit code of a foreground whose monitor was killed.
const LOST: i32 = 125;

/// What the line of `run` asks for.
pub(super) struct Wanted {
    pub(super) request: CreateRequest,
    pub(super) detached: bool,
    pub(super) input: bool,
    pub(super) shown: Shown,
}

impl Wanted {
    pub(super) fn read(matches: &Matches) -> Result<Self, Failure> {
        let mut request = request(matches)?;
        let detached = matches.on("detach");
        if detached && request.config.attach.is_some() {
            let words = "conflicting options: cannot specify both --attach and --detach";
            return Err(Failure::Values(Box::new(Failure::Words(words.to_owned()))));
        }
        request.config.stdin_once = request.config.open_stdin && !detached;
        request.config.attached = !detached;
        let [_, stdout, stderr] = request.config.attach.unwrap_or([true; 3]);
        let shown = Shown { stdout, stderr };
        // Without any stream there is nothing to stay for.
        let detached = detached || (!shown.anything() && !request.config.open_stdin);
        let has_own_streams = request.config.log.driver == "passthrough";
        let input = matches.on("interactive") && !detached && !has_own_streams;
        Ok(Self { request, detached, input, shown })
    }

    /// Whether a terminal is there where one is wanted.
    pub(super) fn check_terminal(&self) -> Result<(), Failure> {
        if self.request.config.tty && self.input && !terminal::is_terminal() {
            return Err(Failure::NoTerminal);
        }
        Ok(())
    }
}

pub(super) fn run(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let wanted = Wanted::read(matches)?;
    let Wanted { ref request, detached, input, shown } = wanted;
    engine::parse::check_processors(&request.config.limits)?;
    if matches.on("explain") {
        return explain(session, request);
    }
    wanted.check_terminal()?;
    let keys = detach_keys(matches, request.config.tty)?;
    let id_file = IdFile::claim(matches.value("cidfile"))?;
    let attach = Attach { input, output: !detached && shown.anything(), size: terminal::size() };
    let (held, engine, started) = super::pull::with_image(session, matches, || {
        // Held before anything starts, so that no signal is lost between; a pull can be interrupted.
        let held = (!detached).then(|| Held::take(proxies(matches), request.config.tty));
        match launch(session, request, attach) {
            Ok((engine, started)) => Ok((held, engine, started)),
            Err(failure) => {
                if let Some(held) = held {
                    held.release();
                }
                Err(failure)
            }
        }
    })?;
    let (id, name, mut connection) = started;
    let containers = engine.containers();
    id_file.write(id.as_str())?;
    warn(&containers.started(&id, &name, &mut connection)?);
    let Some(held) = held else {
        output::line(id.as_str());
        return Ok(0);
    };
    foreground(&engine, &id, connection, (input, request.config.tty, shown), keys, held)
}

/// The engine, and what a container that has begun is known by.
pub(crate) fn launch(
    session: &Session,
    request: &CreateRequest,
    attach: Attach,
) -> Result<(Engine, (ContainerId, String, Connection)), Failure> {
    let launch = Launch::begin(&session.paths()?, &request.config)?;
    let engine = session.engine()?;
    let started = engine.containers().run(launch, request, attach)?;
    Ok((engine, started))
}

fn explain(session: &Session, request: &CreateRequest) -> Result<i32, Failure> {
    let engine = session.engine()?;
    let plan = engine.containers().explain(request)?;
    output::write(&plan.to_string())?;
    Ok(0)
}

#[expect(clippy::too_many_arguments, reason = "what the foreground is told, once")]
pub(crate) fn foreground(
    engine: &Engine,
    id: &ContainerId,
    connection: Connection,
    (input, tty, shown): (bool, bool, Shown),
    keys: Option<DetachKeys>,
    held: Held,
) -> Result<i32, Failure> {
    let containers = engine.containers();
    let pass_on = |signal| {
        // It may have ended by itself meanwhile.
        let _ended = containers.kill(id.as_str(), signal);
    };
    let mut foreground = Foreground { connection, input, tty, shown, keys, signal: &pass_on };
    let end = foreground.run(&held);
    if let End::Signalled(number) = end {
        return Ok(held.end_by(number));
    }
    held.release();
    match end {
        End::Exited(code) => {
            containers.ended(id)?;
            Ok(code)
        }
        End::Detached => {
            containers.tell_of(id, "detach")?;
            Ok(0)
        }
        End::InputGiven => {
            output::line(id.as_str());
            Ok(0)
        }
        End::OutputClosed => Ok(output::UNREAD),
        End::Signalled(number) => Ok(128 + number),
        End::Lost => {
            output::error(&format!("the monitor of container {} is gone", id.short()), None);
            Ok(LOST)
        }
    }
}

/// As Docker says what it has to leave out.
pub(super) fn warn(warnings: &[String]) {
    for warning in warnings {
        output::talk(&format!("WARNING: {warning}"));
    }
}

pub(super) fn detach_keys(matches: &Matches, tty: bool) -> Result<Option<DetachKeys>, Failure> {
    let given = matches.value("detach-keys");
    let Some(text) = given.or(tty.then_some(DEFAULT_DETACH_KEYS)) else { return Ok(None) };
    if text.is_empty() {
        return Ok(None);
    }
    let keys = DetachKeys::parse(text).ok_or_else(|| Failure::Words(format!("invalid detach keys {text:?}: keys are letters or ctrl- with a letter, with commas between")))?;
    Ok(tty.then_some(keys))
}

pub(super) fn proxies(matches: &Matches) -> bool {
    matches.value("sig-proxy") != Some("false")
}

/// The file that an id is written to: made before the container is, so that it fails first.
pub(super) struct IdFile<'a> {
    path: Option<&'a str>,
    written: std::cell::Cell<bool>,
}

impl<'a> IdFile<'a> {
    pub(super) fn claim(path: Option<&'a str>) -> Result<Self, Failure> {
        if let Some(path) = path {
            std::fs::File::create_new(path).map_err(Failure::file("make the id file", path))?;
        }
        Ok(Self { path, written: false.into() })
    }

    pub(super) fn write(&self, id: &str) -> Result<(), Failure> {
        self.written.set(true);
        let Some(path) = self.path else { return Ok(()) };
        #[expect(clippy::disallowed_methods, reason = "the file was made new for this")]
        std::fs::write(path, id).map_err(Failure::file("write", path))
    }
}

impl Drop for IdFile<'_> {
    fn drop(&mut self) {
        if let Some(path) = self.path.filter(|_| !self.written.get()) {
            let _gone = std::fs::remove_file(path);
        }
    }
}

/// The request of `create`.
pub(super) fn to_create(matches: &Matches) -> Result<CreateRequest, Failure> {
    let in_flags = |failure| Failure::Values(Box::new(failure));
    let mut request = request(matches).map_err(in_flags)?;
    request.config.stdin_once = request.config.open_stdin;
    request.config.attached = true;
    Ok(request)
}

pub(super) fn create(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let request = to_create(matches)?;
    engine::parse::check_processors(&request.config.limits)
        .map_err(|error| Failure::Values(Box::new(error.into())))?;
    if matches.on("explain") {
        return explain(session, &request);
    }
    let id_file = IdFile::claim(matches.value("cidfile"))?;
    let (id, warnings) = super::pull::with_image(session, matches, || {
        Ok(session.engine()?.containers().create(&request)?)
    })?;
    warn(&warnings);
    id_file.write(id.as_str())?;
    output::line(id.as_str());
    Ok(0)
}

pub(super) fn start(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let engine = session.engine()?;
    let containers = engine.containers();
    let names = chosen(&engine, matches, "start", several::stands_still)?;
    let checkpoint = super::checkpoint::of_start(matches, names.len())?;
    let checkpoint = checkpoint.as_ref();
    if !matches.on("attach") && !matches.on("interactive") {
        return super::each_of(&names, |name| {
            let id = containers.get(name)?.record.id;
            let started = containers.start_from(name, Attach::default(), checkpoint)?;
            if let Some(mut connection) = started {
                warn(&containers.started(&id, name, &mut connection)?);
            }
            output::line(name);
            Ok(())
        });
    }
    let [name] = names.as_slice() else {
        return Err(Failure::Words(
            "you cannot start and attach multiple containers at once".to_owned(),
        ));
    };
    let container = containers.get(name)?;
    let (id, tty) = (container.record.id, container.config.tty);
    let has_own_streams = container.config.log.driver == "passthrough";
    let input = matches.on("interactive") && container.config.open_stdin && !has_own_streams;
    let keys = detach_keys(matches, tty)?;
    let held = Held::take(proxies(matches) && !tty, tty);
    let attach = Attach { input, output: true, size: terminal::size() };
    match containers.start_from(name, attach, checkpoint)? {
        Some(mut connection) => {
            warn(&containers.started(&id, name, &mut connection)?);
            foreground(&engine, &id, connection, (input, tty, Shown::ALL), keys, held)
        }
        None => attach_to(&engine, name, input, keys, held),
    }
}

pub(super) fn attach(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let engine = session.engine()?;
    let name = matches.word(0);
    let tty = engine.containers().get(name)?.config.tty;
    let keys = detach_keys(matches, tty)?;
    let held = Held::take(proxies(matches) && !tty, tty);
    attach_to(&engine, name, !matches.on("no-stdin"), keys, held)
}

fn attach_to(
    engine: &Engine,
    name: &str,
    input: bool,
    keys: Option<DetachKeys>,
    held: Held,
) -> Result<i32, Failure> {
    let containers = engine.containers();
    let container = containers.get(name)?;
    if container.config.log.driver == "passthrough" {
        return Err(Failure::Words(format!(
            "attach to container {name}: it has the streams of the command that started it"
        )));
    }
    let connection = containers.connect(&container)?;
    let input = input && container.config.open_stdin;
    let gone = |errno| Failure::Words(format!("attach to container {name}: {errno}"));
    connection.attach(input, true).map_err(gone)?;
    let tty = container.config.tty;
    foreground(engine, &container.record.id, connection, (input, tty, Shown::ALL), keys, held)
}
