//! From a hand-off to a running container: socket, streams, the process itself, and the record of its start.
//!
//! What fails leaves no container, and its reason with whoever waits for it and in `exit.json`.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use libcontainer::cgroup::Cgroup;
use libcontainer::checkpoint::stream_name;
use libcontainer::{Pipes, Process, SpareNetwork, Stdio, Surroundings, chain, create_at_once};
use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno as Raw;
use sys::Errno;

use crate::attached::Attached;
use crate::claim::{Claim, Claims};
use crate::clients::Clients;
use crate::console::{Console, ConsoleRules};
use crate::files::{ExitFile, StateFile};
use crate::handoff::HandOff;
use crate::inside::{self, Users};
use crate::limits::{Limits, Shown};
use crate::log::Log;
use crate::message::{failure, kind};
use crate::outputs::Stream;
use crate::restore::{Restored, restore};
use crate::run::GROUP_PATIENCE;
use crate::terminals::{Terminals, other_end};

/// Exit code of an engine's own failure.
const ENGINE: u8 = 125;

/// A container that runs.
pub(crate) struct Started {
    pub(crate) process: Process,
    pub(crate) cgroup: Cgroup,
    /// Master of its terminal.
    pub(crate) console: Option<OwnedFd>,
    /// The other end of it, for one that stays open.
    pub(crate) console_end: Option<OwnedFd>,
    /// What more is done with what it shows.
    pub(crate) shows: Option<Console>,
    pub(crate) terminals: Terminals,
    pub(crate) outputs: Vec<(Stream, OwnedFd)>,
    pub(crate) input: Option<OwnedFd>,
    pub(crate) started_at: String,
    pub(crate) log: Log,
    /// That it runs.
    pub(crate) claim: Claim,
    pub(crate) attached: Option<Attached>,
    pub(crate) limits: Option<Limits>,
}

/// Why it does not run.
pub(crate) struct Refused {
    pub(crate) code: u8,
    pub(crate) words: String,
}

impl Refused {
    pub(crate) fn engine(action: &str, errno: impl Into<Errno>) -> Self {
        Self { code: ENGINE, words: format!("{action}: {}", errno.into()) }
    }

    pub(crate) fn chain(error: &dyn std::error::Error) -> Self {
        Self { code: ENGINE, words: chain(error) }
    }

    /// Tells a client, or whoever looks later, why nothing runs; the code is the monitor's own, too.
    pub(crate) fn tell(self, container_dir: &Path, client: &OwnedFd) -> i32 {
        let code = self.code.into();
        let packet = failure(kind::START_FAILED, self.code, &self.words);
        // With a full disk the client is the only one who hears.
        let _full = ExitFile::new(code, false, String::new(), self.words).write(container_dir);
        let _nobody = rustix::net::send(client, &packet, rustix::net::SendFlags::NOSIGNAL);
        code
    }
}

/// Our ends of the container's streams, and its ends.
struct Streams {
    outputs: Vec<(Stream, OwnedFd)>,
    input: Option<OwnedFd>,
    theirs: Option<[OwnedFd; 3]>,
}

/// Listens where clients will connect.
pub(crate) fn listen(handoff: &HandOff) -> Result<Clients, Refused> {
    let directory = handoff.state_dir.display();
    Clients::listen(&handoff.state_dir)
        .map_err(|errno| Refused::engine(&format!("listen in {directory}"), errno))
}

/// Starts the container and writes that down; so many times it was started again before.
///
/// With `own` streams of its caller's, it writes to them and reads from them by itself.
pub(crate) fn start(
    handoff: &HandOff,
    spare: Option<SpareNetwork>,
    (own, contents): (Option<&[OwnedFd; 3]>, Option<&OwnedFd>),
    restarts: u32,
) -> Result<Started, Refused> {
    let directory = handoff.state_dir.display();
    let log = Log::open(&handoff.container_dir, &handoff.log).map_err(|why| Refused {
        code: ENGINE,
        words: format!("failed to initialize logging driver: {why}"),
    })?;
    let shows = console(&handoff.console)?;
    let mut streams = match own {
        _ if handoff.plan.process.terminal => Ok(Streams::none()),
        Some(own) => Streams::of_caller(own, handoff.open_stdin).map_err(Errno::from),
        None => pipes(handoff.open_stdin, handoff.plan.mount_label.as_deref()),
    }
    .map_err(|errno| Refused::engine("make pipes", errno))?;
    let stdio = match &streams.theirs {
        None => Stdio::Terminal,
        Some([stdin, stdout, stderr]) => {
            Stdio::Streams { stdin: stdin.as_fd(), stdout: stdout.as_fd(), stderr: stderr.as_fd() }
        }
    };
    let names = stdio.streams().map(|streams| streams.map(stream_name).to_vec());
    let Made { restored, mut attached, limits } =
        make(handoff, spare, (stdio, contents), restarts)?;
    let Restored { process, cgroup, console, terminals } = restored;
    let started_at = crate::format_time(crate::now_ns());
    if let Some(names) = attached.as_mut().and_then(Attached::names_mut) {
        names.settle();
    }
    let recorded = StateFile::new(process.pid(), started_at.clone())
        .map(|state| StateFile { restarts, streams: names.unwrap_or_default(), ..state })
        .and_then(|state| Claim::make(&state, &handoff.state_dir, Claims::Yes));
    let recorded = recorded.and_then(|claim| write_pid(handoff, process.pid()).map(|()| claim));
    let connected =
        connect(&mut streams, handoff, console.as_ref(), terminals).map_err(std::io::Error::from);
    let (claim, (console_end, terminals)) =
        match recorded.and_then(|claim| connected.map(|connected| (claim, connected))) {
            Ok(both) => both,
            Err(error) => {
                let _gone = process.signal(libc::SIGKILL);
                crate::run::reap(&process);
                let _kept = cgroup.kill().and_then(|()| cgroup.remove(GROUP_PATIENCE));
                return Err(Refused::engine(&format!("record the start in {directory}"), error));
            }
        };
    let Streams { outputs, input, theirs: _closed } = streams;
    Ok(Started {
        process,
        cgroup,
        console,
        console_end,
        shows,
        terminals,
        outputs,
        input,
        started_at,
        log,
        claim,
        attached,
        limits,
    })
}

/// What more is done with what the console shows, if anything is.
fn console(rules: &ConsoleRules) -> Result<Option<Console>, Refused> {
    let wanted = (*rules != ConsoleRules::default()).then(|| Console::open(rules));
    wanted.transpose().map_err(|(action, error)| Refused::engine(&action, error))
}

/// Uses the terminals; gives the other end of the console where it stays open.
fn connect(
    streams: &mut Streams,
    handoff: &HandOff,
    console: Option<&OwnedFd>,
    masters: Vec<OwnedFd>,
) -> Result<(Option<OwnedFd>, Terminals), Raw> {
    let mut end = None;
    if let Some(console) = console {
        streams.connect(console)?;
        end = handoff.console.stays_open.then(|| other_end(console)).transpose()?;
    }
    Ok((end, Terminals::new(masters)?))
}

/// A process that runs, and what goes with it.
struct Made {
    restored: Restored,
    attached: Option<Attached>,
    limits: Option<Limits>,
}

/// Makes the container's first process, whoever's users it has.
fn make(
    handoff: &HandOff,
    spare: Option<SpareNetwork>,
    (stdio, contents): (Stdio<'_>, Option<&OwnedFd>),
    restarts: u32,
) -> Result<Made, Refused> {
    let images = handoff.restore.as_ref().filter(|_| restarts == 0);
    let (limits, shown) = Limits::of(handoff, images.is_none()).unzip();
    let given = Given { contents, shown: shown.as_ref().and_then(Option::as_ref) };
    let (restored, attached) = match inside::kind_of(&handoff.plan) {
        Users::Own => inside::begin(handoff, (stdio, given))?,
        Users::Joined(path) => {
            let spare = inside::network(handoff, path)?;
            let (spare, attached) = Attached::take(handoff, spare)?;
            (begin(handoff, Surroundings::new(stdio).with_spare(spare), given)?, attached)
        }
        Users::Host => {
            let (spare, attached) = Attached::take(handoff, spare)?;
            let made = match images {
                Some(rules) => restore(rules, handoff, stdio, spare.as_ref())?,
                None => begin(handoff, Surroundings::new(stdio).with_spare(spare), given)?,
            };
            (made, attached)
        }
    };
    // Its program runs: from now on the requests are this process's.
    drop(shown);
    Ok(Made { restored, attached, limits })
}

/// What a container is given beside its plan.
#[derive(Clone, Copy)]
pub(crate) struct Given<'a> {
    contents: Option<&'a OwnedFd>,
    shown: Option<&'a Shown>,
}

/// The program begins.
pub(crate) fn begin<'a>(
    handoff: &HandOff,
    surroundings: Surroundings<'a>,
    given: Given<'a>,
) -> Result<Restored, Refused> {
    let surroundings = surroundings.with_contents(given.contents.map(AsFd::as_fd));
    let shown = given.shown.map(|shown| shown.mount.as_fd());
    create_at_once(&handoff.plan, surroundings.with_shown(shown))
        .and_then(|mut created| {
            let (console, terminals) = (created.take_console(), created.take_terminals());
            let started = created.start();
            started.map(|(process, cgroup)| Restored { process, cgroup, console, terminals })
        })
        .map_err(|error| Refused { code: error.exit_code(), words: chain(&error) })
}

/// For supervisors that want to know whom to look after.
fn write_pid(handoff: &HandOff, pid: i32) -> std::io::Result<()> {
    let Some(path) = &handoff.pid_file else { return Ok(()) };
    #[expect(clippy::disallowed_methods, reason = "not a file of ours: it may be a pipe")]
    std::fs::write(path, pid.to_string())
}

impl Streams {
    const fn none() -> Self {
        Self { outputs: Vec::new(), input: None, theirs: None }
    }

    /// Copies of the caller's own: the container has them to itself.
    fn of_caller(own: &[OwnedFd; 3], open_stdin: bool) -> Result<Self, Raw> {
        let [stdin, stdout, stderr] = own;
        let null = open(c"/dev/null", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        let theirs = [
            if open_stdin { stdin.try_clone() } else { Ok(null) },
            stdout.try_clone(),
            stderr.try_clone(),
        ];
        let [Ok(stdin), Ok(stdout), Ok(stderr)] = theirs else { return Err(Raw::MFILE) };
        Ok(Self { outputs: Vec::new(), input: None, theirs: Some([stdin, stdout, stderr]) })
    }

    /// Uses the terminal for both directions. All copies of its master share one flag: none of them blocks.
    fn connect(&mut self, console: &OwnedFd) -> Result<(), Raw> {
        let copy = || nonblocking(rustix::io::fcntl_dupfd_cloexec(console, 0)?);
        self.outputs.push((Stream::Stdout, copy()?));
        self.input = Some(copy()?);
        Ok(())
    }
}

fn pipes(open_stdin: bool, label: Option<&str>) -> Result<Streams, Errno> {
    let pipes = Pipes::labelled(label)?;
    let (stdin, input) = if open_stdin {
        let (read, write) = pipes.pipe()?;
        (read, Some(nonblocking(write)?))
    } else {
        (open(c"/dev/null", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?, None)
    };
    let (stdout_ours, stdout) = pipes.pipe()?;
    let (stderr_ours, stderr) = pipes.pipe()?;
    let outputs = vec![
        (Stream::Stdout, nonblocking(stdout_ours)?),
        (Stream::Stderr, nonblocking(stderr_ours)?),
    ];
    Ok(Streams { outputs, input, theirs: Some([stdin, stdout, stderr]) })
}

/// Our end alone: the other end of a pipe has flags of its own.
fn nonblocking(descriptor: OwnedFd) -> Result<OwnedFd, Raw> {
    rustix::io::ioctl_fionbio(&descriptor, true)?;
    Ok(descriptor)
}
