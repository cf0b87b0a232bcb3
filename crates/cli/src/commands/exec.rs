//! `exec`: a further process, its streams relayed through pipes that are ours. The caller's own files and terminal never enter
//! the container.

use std::os::fd::{AsFd, OwnedFd};

use engine::config::Security;
use engine::{
    Connection, DetachKeys, EngineError, ExecRequest, FromMonitor, ProcessPipes, Received, parse,
};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno as Raw;

use crate::arguments::Matches;
use crate::attach::{End, relay_terminal, write_all};
use crate::failure::Failure;
use crate::program::Session;
use crate::request::{environment, wrong};
use crate::signals::Held;
use crate::terminal;

const CHUNK: usize = 32 * 1024;

pub(super) fn exec(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let detached = matches.on("detach");
    let tty = matches.on("tty") && !detached;
    let input = matches.on("interactive") && !detached;
    if tty && input && !terminal::is_terminal() {
        return Err(Failure::NoTerminal);
    }
    let workdir = matches.value("workdir").unwrap_or_default();
    if !workdir.is_empty() && !workdir.starts_with('/') {
        return Err(wrong("working directory", workdir, "it is not absolute"));
    }
    let request = ExecRequest {
        command: matches.words.get(1..).unwrap_or_default().to_vec(),
        env: environment(matches)?,
        workdir: workdir.to_owned(),
        user: matches.value("user").unwrap_or_default().to_owned(),
        tty,
        size: terminal::size().filter(|_| tty),
        privileged: matches.on("privileged"),
        apparmor: profile(matches)?,
        id: None,
    };
    let keys = if tty { keys(matches)? } else { None };
    run_in(session, matches.word(0), Further { request, detached, input, keys })
}

/// A further process, and what its caller has to do with it.
pub(crate) struct Further {
    pub(crate) request: ExecRequest,
    pub(crate) detached: bool,
    pub(crate) input: bool,
    pub(crate) keys: Option<DetachKeys>,
}

/// Runs it in the foreground unless it is detached; gives its exit code.
pub(crate) fn run_in(
    session: &Session,
    container: &str,
    Further { request, detached, input, keys }: Further,
) -> Result<i32, Failure> {
    let tty = request.tty;
    let held = tty.then(|| Held::take(false, true));
    let engine = session.engine()?;
    let pipes = if tty || detached {
        None
    } else {
        let label = engine.containers().label_of_streams(container)?;
        let made = ProcessPipes::new(input, label.as_deref());
        Some(made.map_err(|errno| Failure::Words(format!("make pipes: {errno}")))?)
    };
    let theirs = pipes
        .as_ref()
        .map(|pipes| [pipes.theirs[0].as_fd(), pipes.theirs[1].as_fd(), pipes.theirs[2].as_fd()]);
    let (name, mut connection) = engine.containers().exec(container, &request, theirs)?;
    let console = started(&name, &mut connection)?;
    if detached {
        return Ok(0);
    }
    let end = match (console, &held, pipes) {
        (Some(master), Some(held), _) => relay_terminal(connection, &master, input, keys, held),
        (_, _, Some(pipes)) => Relay(pipes).relay(connection),
        _ => End::Lost,
    };
    match end {
        End::Exited(code) => Ok(code),
        End::Detached | End::InputGiven => Ok(0),
        End::OutputClosed => Ok(141),
        End::Signalled(number) => Ok(held.map_or(128 + number, |held| held.end_by(number))),
        End::Lost => Err(Failure::Words(format!("exec in container {name}: its monitor is gone"))),
    }
}

/// Another AppArmor profile than the container's: the one security option that a further process has for itself.
fn profile(matches: &Matches) -> Result<Option<String>, Failure> {
    let mut own = Security::default();
    for text in matches.values("security-opt") {
        parse::security_option(&mut own, text)?;
        if own != (Security { apparmor: own.apparmor.clone(), ..Security::default() }) {
            return Err(wrong(
                "security option",
                text,
                "a further process has only apparmor=PROFILE",
            ));
        }
    }
    Ok(own.apparmor)
}

fn keys(matches: &Matches) -> Result<Option<DetachKeys>, Failure> {
    let text = matches.value("detach-keys").unwrap_or("ctrl-p,ctrl-q");
    DetachKeys::parse(text)
        .map(Some)
        .ok_or_else(|| Failure::Words(format!("invalid detach keys {text:?}")))
}

/// Waits until the process runs; gives its terminal's master.
fn started(name: &str, connection: &mut Connection) -> Result<Option<OwnedFd>, Failure> {
    let failed =
        |why: String, code| Failure::Engine(EngineError::Exec { name: name.to_owned(), why, code });
    loop {
        match connection.receive() {
            Ok(Received::Message(FromMonitor::ExecStarted { console, .. })) => return Ok(console),
            Ok(Received::Message(FromMonitor::ExecFailed { code, error })) => {
                return Err(failed(error.to_owned(), code));
            }
            Ok(Received::Message(_)) => {}
            Ok(Received::Closed) => return Err(failed("its monitor is gone".to_owned(), 125)),
            Err(errno) => return Err(failed(format!("hear its monitor: {errno}"), 125)),
        }
    }
}

/// Relays the streams of a process through our ends of its pipes.
struct Relay(ProcessPipes);

impl Relay {
    /// Until the process has ended and what it wrote is written. Input waits for room in its pipe.
    #[expect(clippy::too_many_lines, reason = "one poll loop; each source is one block")]
    fn relay(self, mut connection: Connection) -> End {
        let ProcessPipes { theirs, mut stdin, stdout, stderr } = self.0;
        drop(theirs);
        if let Some(stdin) = &stdin {
            let _blocking = rustix::io::ioctl_fionbio(stdin, true);
        }
        let mut outputs = [Some(stdout), Some(stderr)];
        let mut pending: Vec<u8> = Vec::new();
        let mut ended = None;
        let mut buffer = [0_u8; CHUNK];
        loop {
            let wanted = |on: bool, flags| if on { flags } else { PollFlags::empty() };
            let nothing = rustix::stdio::stdin();
            let mut polled: Vec<PollFd<'_>> = vec![
                PollFd::from_borrowed_fd(
                    connection.as_fd(),
                    wanted(ended.is_none(), PollFlags::IN),
                ),
                PollFd::from_borrowed_fd(
                    nothing,
                    wanted(stdin.is_some() && pending.is_empty(), PollFlags::IN),
                ),
            ];
            let pipe = stdin.as_ref().filter(|_| !pending.is_empty());
            polled.push(PollFd::from_borrowed_fd(
                pipe.map_or(nothing, AsFd::as_fd),
                wanted(pipe.is_some(), PollFlags::OUT),
            ));
            for output in &outputs {
                polled.push(PollFd::from_borrowed_fd(
                    output.as_ref().map_or(nothing, AsFd::as_fd),
                    wanted(output.is_some(), PollFlags::IN),
                ));
            }
            // What a process left behind that lives on holds our pipes open for as long as it likes.
            let at_once = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
            let count = poll(&mut polled, ended.map(|_| &at_once)).unwrap_or(0);
            let ready: Vec<bool> =
                polled.iter().map(|polled| !polled.revents().is_empty()).collect();
            drop(polled);
            let is_ready = |place: usize| ready.get(place).copied().unwrap_or(false);
            let mut moved = false;
            for (place, stream) in [(0, rustix::stdio::stdout()), (1, rustix::stdio::stderr())] {
                let Some(Some(output)) = outputs.get(place).filter(|_| is_ready(3 + place)) else {
                    continue;
                };
                match rustix::io::read(output, &mut buffer[..]) {
                    Ok(count) if count > 0 => {
                        moved = true;
                        if write_all(stream, buffer.get(..count).unwrap_or_default())
                            == Err(Raw::PIPE)
                        {
                            return End::OutputClosed;
                        }
                    }
                    Err(Raw::INTR | Raw::AGAIN) => {}
                    _ => outputs[place] = None,
                }
            }
            if is_ready(1) && stdin.is_some() && pending.is_empty() {
                match rustix::io::read(rustix::stdio::stdin(), &mut buffer[..]) {
                    Ok(count) if count > 0 => {
                        pending.extend_from_slice(buffer.get(..count).unwrap_or_default());
                    }
                    Err(Raw::INTR | Raw::AGAIN) => {}
                    _ => stdin = None,
                }
            }
            if let Some(pipe) = stdin.as_ref().filter(|_| !pending.is_empty()) {
                match rustix::io::write(pipe, &pending) {
                    Ok(count) => drop(pending.drain(..count)),
                    Err(Raw::AGAIN | Raw::INTR) => {}
                    Err(_closed) => {
                        pending.clear();
                        stdin = None;
                    }
                }
            }
            match ended {
                Some(end) if !moved && (count == 0 || outputs.iter().all(Option::is_none)) => {
                    return end;
                }
                Some(_) => {}
                None if is_ready(0) => {
                    ended = match connection.receive() {
                        Ok(Received::Message(FromMonitor::ExecExited { code })) => {
                            Some(End::Exited(code))
                        }
                        Ok(Received::Message(_)) => None,
                        Ok(Received::Closed) | Err(_) => Some(End::Lost),
                    };
                }
                None => {}
            }
        }
    }
}
