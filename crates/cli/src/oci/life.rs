//! `create`, `start`, `run`, `kill`, `delete`.

use libcontainer::{Container, ContainerError, Request, Runtime, Stdio, Waiting};

use super::bundle::Bundle;
use super::foreground::Foreground;
use super::{Session, name, process};
use crate::arguments::Matches;
use crate::failure::Failure;

pub(super) fn create(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let terminal = |bundle: &Bundle| process::check_terminal(matches, has_terminal(bundle), true);
    let made = make(session, matches, terminal, Runtime::create)?;
    let (container, _sent) = announce(session, matches, made)?;
    session.debug(&format!("container {} is created", container.name()));
    Ok(0)
}

pub(super) fn start(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    session.container(matches)?.start()?;
    Ok(0)
}

pub(super) fn run(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let detach = matches.on("detach");
    let mut terminal = false;
    let check = |bundle: &Bundle| {
        terminal = has_terminal(bundle);
        process::check_terminal(matches, terminal, detach)
    };
    let foreground = (!detach).then(|| Foreground::take(true));
    // Others are told of it, and a terminal is set up, before its program runs.
    let halts = |request: &Request<'_>| {
        process::is_announced(matches) || matches!(request.stdio, Stdio::Terminal)
    };
    let create = |runtime: &Runtime, request: &Request<'_>| {
        if halts(request) {
            runtime.create_attached(request)
        } else {
            runtime.create_at_once(request)
        }
    };
    let made = make(session, matches, check, create)?;
    let (mut container, master) = announce(session, matches, made)?;
    let first = match container.start_here() {
        Ok(first) => first,
        Err(error) => {
            discard(session, container);
            return Err(error.into());
        }
    };
    let Some(foreground) = foreground else { return Ok(0) };
    let code = foreground.serve(&first, master.as_ref())?;
    if !matches.on("keep") {
        remove(session, container, true)?;
    }
    Ok(code)
}

pub(super) fn kill(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let container = session.container(matches)?;
    let word = matches.words.get(1).map_or("SIGTERM", String::as_str);
    // Asks whether there is a process, kill(2).
    let signal = if word == "0" { 0 } else { engine::parse::signal_number(word)? };
    if matches.on("all") {
        container.signal_all(signal)?;
    } else {
        container.signal(signal)?;
    }
    Ok(0)
}

pub(super) fn delete(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let force = matches.on("force");
    match session.runtime.load(&name(matches.word(0))?) {
        Ok(container) => remove(session, container, force)?,
        Err(ContainerError::NotFound { .. }) if force => {}
        Err(error) => return Err(error.into()),
    }
    Ok(0)
}

pub(super) fn has_terminal(bundle: &Bundle) -> bool {
    bundle.spec.process.as_ref().is_some_and(|process| process.terminal)
}

fn make(
    session: &Session,
    matches: &Matches,
    check: impl FnOnce(&Bundle) -> Result<(), Failure>,
    create: impl FnOnce(&Runtime, &Request<'_>) -> Result<Waiting, ContainerError>,
) -> Result<Waiting, Failure> {
    let name = name(matches.word(0))?;
    let bundle = Bundle::open(matches.text("bundle").unwrap_or("."))?;
    check(&bundle)?;
    let plan = bundle.plan(session, &name, matches)?;
    plan.told().iter().for_each(|warning| session.warn(warning));
    let stdio = process::stdio(plan.process.terminal);
    let request =
        Request { name: &name, spec: &bundle.spec, bundle: &bundle.path, plan: &plan, stdio };
    let made = create(&session.runtime, &request)?;
    // The first process has the same memory until its program runs: what is freed now would be copied first, page by page. This
    // command ends soon.
    std::mem::forget((bundle, plan));
    if made.container.may_scatter() {
        session.warn(
            "a container with neither pids nor control groups of its own cannot be killed as a whole. Such configuration is \
             strongly discouraged",
        );
    }
    Ok(made)
}

/// Tells whoever wants to know of the container, and removes it when that is not possible. Gives the terminal's master where
/// nobody took it.
pub(super) fn announce(
    session: &Session,
    matches: &Matches,
    made: Waiting,
) -> Result<(Container, Option<std::os::fd::OwnedFd>), Failure> {
    let Waiting { container, console } = made;
    let told = match container.process() {
        Some(first) => process::announce(matches, &first, console),
        None => Ok(console),
    };
    match told {
        Ok(master) => Ok((container, master)),
        Err(failure) => {
            discard(session, container);
            Err(failure)
        }
    }
}

/// Removes what did not come to be; the failure that is told is another one.
fn discard(session: &Session, container: Container) {
    if let Err(failure) = remove(session, container, true) {
        session.warn(&failure.line());
    }
}

pub(super) fn remove(session: &Session, container: Container, force: bool) -> Result<(), Failure> {
    let failed = match container.delete(force) {
        // Somebody else was sooner: two who delete by force, or one of them and the end of a `run`.
        Err(ContainerError::NotFound { .. }) if force => return Ok(()),
        failed => failed?,
    };
    failed.iter().for_each(|failed| session.warn(&libcontainer::chain(failed)));
    Ok(())
}
