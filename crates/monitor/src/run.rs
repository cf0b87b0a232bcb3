//! The monitor's life: start the container, serve until it ends, record its end. Start at [`main`].
//!
//! One thread, one poll(2), no timer. What it waits for are descriptors: the process, its outputs, its clients.

use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::time::Duration;

use libcontainer::cgroup::Cgroup;
use libcontainer::{Process, Stdio, chain, create};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno as Raw;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{DumpableBehavior, WaitId, WaitIdOptions, set_dumpable_behavior, waitid};
use spec::runtime::NamespaceKind;
use sys::SignalSet;

use crate::client::Request;
use crate::clients::Clients;
use crate::files::{ExitFile, StateFile};
use crate::handoff::{HANDOFF_VERSION, HandOff};
use crate::log::Writer;
use crate::message::{MOST_PACKET, failure, kind, number};
use crate::outputs::{Outputs, Stream};
use crate::sessions::Sessions;
use crate::spawn::{CLIENT_FD, HANDOFF_FD};

const GROUP_PATIENCE: Duration = Duration::from_secs(5);
/// How long the container's removal is left to clients that are still there.
const CLIENT_PATIENCE: Timespec = Timespec { tv_sec: 10, tv_nsec: 0 };
/// Exit code of a container whose end nobody could see.
const UNKNOWN: i32 = 255;

/// Runs the monitor on the descriptors that [`crate::spawn`] gave it; returns its exit code.
#[must_use]
pub fn main() -> i32 {
    let Some((file, client)) = sys::inherited_fd(HANDOFF_FD).zip(sys::inherited_fd(CLIENT_FD))
    else {
        return 2;
    };
    let _blocked = sys::block_signals(SignalSet::all());
    // Its children inherit this until they exec: nothing of this process can be read or traced by a container.
    let _kept = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    let lock = std::fs::File::from(file);
    let Some(handoff) = read(&lock) else { return 2 };
    match Monitor::start(&handoff, client) {
        Ok(mut monitor) => {
            let auto_remove = handoff.auto_remove.clone();
            drop(handoff);
            sys::trim_heap();
            monitor.serve();
            monitor.finish(auto_remove);
            0
        }
        Err(code) => code,
    }
}

fn read(mut file: &std::fs::File) -> Option<HandOff> {
    let mut bytes = Vec::with_capacity(32 * 1024);
    file.read_to_end(&mut bytes).ok()?;
    serde_json::from_slice::<HandOff>(&bytes)
        .ok()
        .filter(|handoff| handoff.version <= HANDOFF_VERSION)
}

struct Monitor {
    container_dir: PathBuf,
    started_at: String,
    /// Whether the container's processes die with its first one.
    own_pids: bool,
    stdin_once: bool,
    process: Process,
    cgroup: Cgroup,
    console: Option<OwnedFd>,
    stdin: Option<OwnedFd>,
    /// Input that the container has not taken yet.
    stdin_pending: Vec<u8>,
    outputs: Outputs,
    clients: Clients,
    sessions: Sessions,
    packet: Vec<u8>,
}

/// What poll(2) waits for.
#[derive(Clone, Copy)]
enum Source {
    Process,
    Listener,
    Client(u32),
    BusyClient,
    Output(Stream),
    Stdin,
    Session(i32),
}

/// Our ends of the container's streams, and its ends.
struct Streams {
    ours: Vec<(Stream, OwnedFd)>,
    stdin: Option<OwnedFd>,
    theirs: [OwnedFd; 3],
}

impl Monitor {
    #[expect(clippy::too_many_lines, reason = "one line per step of a start, with its refusal")]
    fn start(handoff: &HandOff, client: OwnedFd) -> Result<Self, i32> {
        let mut clients = match Clients::listen(&handoff.state_dir) {
            Ok(clients) => clients,
            Err(errno) => {
                return Err(refuse(
                    handoff,
                    &client,
                    125,
                    &format!(
                        "listen in {}: {}",
                        handoff.state_dir.display(),
                        sys::Errno::from(errno)
                    ),
                ));
            }
        };
        let terminal = handoff.plan.process.terminal;
        let streams = if terminal { None } else { Some(streams(handoff.open_stdin)) };
        let streams = match streams.transpose() {
            Ok(streams) => streams,
            Err(errno) => {
                return Err(refuse(
                    handoff,
                    &client,
                    125,
                    &format!("make pipes: {}", sys::Errno::from(errno)),
                ));
            }
        };
        let stdio = match &streams {
            None => Stdio::Terminal,
            Some(Streams { theirs: [stdin, stdout, stderr], .. }) => Stdio::Streams {
                stdin: stdin.as_fd(),
                stdout: stdout.as_fd(),
                stderr: stderr.as_fd(),
            },
        };
        let started = create(&handoff.plan, stdio).and_then(|mut created| {
            let console = created.take_console();
            created.start().map(|(process, cgroup)| (process, cgroup, console))
        });
        let (process, cgroup, console) =
            started.map_err(|error| refuse(handoff, &client, error.exit_code(), &chain(&error)))?;

        let started_at = crate::format_time(crate::now_ns());
        let recorded = StateFile::new(process.pid(), started_at.clone())
            .and_then(|state| state.write(&handoff.state_dir));
        if let Err(error) = recorded {
            let _gone = process.signal(libc::SIGKILL);
            let words = format!(
                "record the start in {}: {}",
                handoff.state_dir.display(),
                sys::Errno::from(error)
            );
            let _kept = cgroup.kill().and_then(|()| cgroup.remove(GROUP_PATIENCE));
            return Err(refuse(handoff, &client, 125, &words));
        }
        clients.add(client);
        clients.send_to_all(&number(kind::STARTED, process.pid()));

        let (ours, stdin) =
            streams.map_or((Vec::new(), None), |streams| (streams.ours, streams.stdin));
        let ours = match console.as_ref().map(nonblocking_copy) {
            Some(Ok(master)) => vec![(Stream::Stdout, master)],
            _ => ours,
        };
        let log = Writer::new(&handoff.container_dir, &handoff.log);
        Ok(Self {
            container_dir: handoff.container_dir.clone(),
            started_at,
            own_pids: handoff.plan.namespaces.create.contains(&NamespaceKind::Pid),
            stdin_once: handoff.stdin_once,
            process,
            cgroup,
            console,
            stdin,
            stdin_pending: Vec::new(),
            outputs: Outputs::new(ours, log),
            clients,
            sessions: Sessions::default(),
            packet: Vec::with_capacity(MOST_PACKET),
        })
    }

    /// Serves until the process has ended and everything it wrote has gone where it belongs.
    fn serve(&mut self) {
        self.hear_greetings();
        let mut ended = false;
        loop {
            let sources = self.sources(ended);
            let ready = self.wait(&sources, ended);
            // The process is dead, and so is everyone who could still write: what poll did not show will not come.
            if ended
                && self.outputs.waits_for().is_empty()
                && !ready.iter().any(|source| matches!(source, Source::Output(_)))
            {
                return;
            }
            for source in ready {
                match source {
                    Source::Process => ended = true,
                    Source::Listener => self.clients.accept(),
                    Source::Client(id) => self.hear(id),
                    Source::BusyClient => self.outputs.flush(&mut self.clients),
                    Source::Output(stream) => {
                        self.outputs.read(stream, &mut self.clients);
                    }
                    Source::Stdin => self.feed_stdin(),
                    Source::Session(pid) => self.sessions.ended(pid, &mut self.clients),
                }
            }
            if ended && self.outputs.all_closed() && self.outputs.waits_for().is_empty() {
                return;
            }
        }
    }

    /// Who started us has said what it wants before the program could write: heard first, or early output would pass it by.
    fn hear_greetings(&mut self) {
        let ids: Vec<u32> = self.clients.iter().map(|client| client.id).collect();
        for id in ids {
            // Hello, and what it attaches to; a client that only starts has said no more than the first.
            self.hear(id);
            self.hear(id);
        }
    }

    fn sources(&self, ended: bool) -> Vec<(Source, BorrowedFd<'_>, PollFlags)> {
        let mut sources = Vec::with_capacity(8);
        if !ended {
            sources.push((Source::Process, self.process.pidfd(), PollFlags::IN));
        }
        sources.push((Source::Listener, self.clients.listener(), PollFlags::IN));
        let busy = self.outputs.waits_for();
        for client in self.clients.iter() {
            if busy.contains(&client.id) {
                sources.push((Source::BusyClient, client.socket(), PollFlags::OUT));
            }
            // While the container takes no input, those who write some wait.
            if self.stdin_pending.is_empty() || !client.writes_input {
                sources.push((Source::Client(client.id), client.socket(), PollFlags::IN));
            }
        }
        sources.extend(
            self.outputs
                .readable()
                .map(|(stream, descriptor)| (Source::Output(stream), descriptor, PollFlags::IN)),
        );
        if !self.stdin_pending.is_empty()
            && let Some(stdin) = self.stdin.as_ref().or(self.console.as_ref())
        {
            sources.push((Source::Stdin, stdin.as_fd(), PollFlags::OUT));
        }
        sources.extend(
            self.sessions.pidfds().map(|(pid, pidfd)| (Source::Session(pid), pidfd, PollFlags::IN)),
        );
        sources
    }

    fn wait(&self, sources: &[(Source, BorrowedFd<'_>, PollFlags)], ended: bool) -> Vec<Source> {
        let mut polled: Vec<PollFd<'_>> = sources
            .iter()
            .map(|(_, descriptor, flags)| PollFd::from_borrowed_fd(*descriptor, *flags))
            .collect();
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        let timeout = (ended && self.outputs.waits_for().is_empty()).then_some(&at_once);
        match poll(&mut polled, timeout) {
            Ok(_) => {}
            Err(_interrupted) => return Vec::new(),
        }
        let ready = sources.iter().zip(&polled).filter(|(_, polled)| !polled.revents().is_empty());
        ready.map(|((source, _, _), _)| *source).collect()
    }

    fn hear(&mut self, id: u32) {
        let Some(client) = self.clients.get_mut(id) else { return };
        match client.receive(&mut self.packet) {
            Request::Stdin => {
                self.stdin_pending.extend_from_slice(self.packet.get(1..).unwrap_or_default());
                self.feed_stdin();
            }
            Request::StdinEnd => self.end_stdin(),
            Request::Resize { rows, columns } => self.resize(rows, columns),
            Request::Exec { streams } => {
                let request = self.packet.get(1..).unwrap_or_default();
                self.sessions.start(
                    request,
                    &streams,
                    (&self.process, &self.cgroup),
                    id,
                    &mut self.clients,
                );
            }
            Request::Noted | Request::Nothing => {}
            Request::Gone => {
                let wrote_input =
                    self.clients.get_mut(id).is_some_and(|client| client.writes_input);
                self.clients.remove(id);
                if wrote_input {
                    self.end_stdin();
                }
            }
        }
    }

    fn feed_stdin(&mut self) {
        let Some(stdin) = self.stdin.as_ref().or(self.console.as_ref()) else {
            self.stdin_pending.clear();
            return;
        };
        match rustix::io::write(stdin, &self.stdin_pending) {
            Ok(count) => drop(self.stdin_pending.drain(..count)),
            Err(Raw::AGAIN | Raw::INTR) => {}
            // Nobody reads it any more.
            Err(_) => {
                self.stdin_pending.clear();
                self.stdin = None;
            }
        }
        if self.stdin_pending.is_empty() {
            self.stdin_pending = Vec::new();
        }
    }

    /// The first client that wrote has nothing more to write; what it wrote is delivered first.
    fn end_stdin(&mut self) {
        if self.stdin_once && self.stdin_pending.is_empty() {
            self.stdin = None;
        }
    }

    fn resize(&self, rows: u16, columns: u16) {
        let size =
            rustix::termios::Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        if let Some(console) = &self.console {
            // A terminal that is gone has no size.
            let _gone = rustix::termios::tcsetwinsize(console, size);
        }
    }

    /// Records the end and tells it.
    fn finish(mut self, auto_remove: Option<Vec<String>>) {
        let code = reap(&self.process);
        self.sessions.end_all(&mut self.clients);
        self.outputs.close();
        if !self.own_pids {
            let _hanging = self.cgroup.kill();
        }
        let oom_killed = self.cgroup.oom_killed().unwrap_or(false);
        let _kept = self.cgroup.remove(GROUP_PATIENCE);
        // On a full disk the state is still true: the process is gone, and how it ended is not known.
        let _full =
            ExitFile::new(code, oom_killed, std::mem::take(&mut self.started_at), String::new())
                .write(&self.container_dir);
        self.clients.send_to_all(&number(kind::EXITED, code));
        if let Some(argv) = auto_remove {
            self.leave_removal_to_clients();
            if self.container_dir.exists() {
                remove_by_exec(argv);
            }
        }
    }

    fn leave_removal_to_clients(&mut self) {
        while !self.clients.is_empty() {
            let ids: Vec<u32> = self.clients.iter().map(|client| client.id).collect();
            let mut polled: Vec<PollFd<'_>> = self
                .clients
                .iter()
                .map(|client| PollFd::from_borrowed_fd(client.socket(), PollFlags::IN))
                .collect();
            if !poll(&mut polled, Some(&CLIENT_PATIENCE)).is_ok_and(|ready| ready > 0) {
                return;
            }
            let ready: Vec<bool> =
                polled.iter().map(|polled| !polled.revents().is_empty()).collect();
            for (id, _) in ids.into_iter().zip(ready).filter(|(_, ready)| *ready) {
                let gone = self
                    .clients
                    .get_mut(id)
                    .is_none_or(|client| matches!(client.receive(&mut self.packet), Request::Gone));
                if gone {
                    self.clients.remove(id);
                }
            }
        }
    }
}

/// Tells a client, or whoever looks later, why nothing runs.
fn refuse(handoff: &HandOff, client: &OwnedFd, code: u8, words: &str) -> i32 {
    let _full = ExitFile::new(code.into(), false, String::new(), words.to_owned())
        .write(&handoff.container_dir);
    let packet = failure(kind::START_FAILED, code, words);
    let _nobody = rustix::net::send(client, &packet, rustix::net::SendFlags::NOSIGNAL);
    code.into()
}

/// Becomes the command that removes the container.
fn remove_by_exec(argv: Vec<String>) {
    let words =
        argv.into_iter().map(|word| std::ffi::CString::new(word).unwrap_or_default()).collect();
    let _unblocked = sys::unblock_all_signals();
    sys::execve(
        c"/proc/self/exe",
        &sys::CStringArray::new(words),
        &sys::CStringArray::new(Vec::new()),
    );
}

fn streams(open_stdin: bool) -> Result<Streams, Raw> {
    let (stdin_theirs, stdin_ours) = if open_stdin {
        let (read, write) = pipe_with(PipeFlags::CLOEXEC)?;
        (read, Some(nonblocking(write)?))
    } else {
        let null = rustix::fs::open(
            c"/dev/null",
            rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::CLOEXEC,
            rustix::fs::Mode::empty(),
        )?;
        (null, None)
    };
    let (stdout_ours, stdout_theirs) = pipe_with(PipeFlags::CLOEXEC)?;
    let (stderr_ours, stderr_theirs) = pipe_with(PipeFlags::CLOEXEC)?;
    Ok(Streams {
        ours: vec![
            (Stream::Stdout, nonblocking(stdout_ours)?),
            (Stream::Stderr, nonblocking(stderr_ours)?),
        ],
        stdin: stdin_ours,
        theirs: [stdin_theirs, stdout_theirs, stderr_theirs],
    })
}

/// Our end alone: the other end of a pipe has flags of its own.
fn nonblocking(descriptor: OwnedFd) -> Result<OwnedFd, Raw> {
    rustix::io::ioctl_fionbio(&descriptor, true)?;
    Ok(descriptor)
}

fn nonblocking_copy(descriptor: &OwnedFd) -> Result<OwnedFd, Raw> {
    nonblocking(rustix::io::fcntl_dupfd_cloexec(descriptor, 0)?)
}

/// Reaps a process of ours that has ended; its exit code, or 128 and the signal.
pub(crate) fn reap(process: &Process) -> i32 {
    loop {
        match waitid(WaitId::PidFd(process.pidfd()), WaitIdOptions::EXITED) {
            Err(Raw::INTR) => {}
            Ok(Some(status)) => {
                let signal = status.terminating_signal().map(|signal| 128 + signal);
                return status.exit_status().or(signal).unwrap_or(UNKNOWN);
            }
            _ => return UNKNOWN,
        }
    }
}
