//! The monitor's life: start the container, serve until it ends, record its end. Start at [`main`].
//!
//! One thread, one poll(2), no timer. What it waits for are descriptors: the process, its outputs, its clients.

use std::io::Read;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::time::Duration;

use libcontainer::cgroup::Cgroup;
use libcontainer::{Process, SpareNetwork};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno as Raw;
use rustix::process::{DumpableBehavior, WaitId, WaitIdOptions, set_dumpable_behavior, waitid};
use spec::runtime::NamespaceKind;
use sys::SignalSet;

use crate::client::{self, Client, Packet, Request};
use crate::clients::Clients;
use crate::files::ExitFile;
use crate::freeze::Freeze;
use crate::handoff::{HANDOFF_VERSION, HandOff};
use crate::input::Input;
use crate::log::Writer;
use crate::message::{kind, number};
use crate::outputs::{Outputs, Stream};
use crate::sessions::Sessions;
use crate::spawn::{CLIENT_FD, NETWORK};
use crate::start::{Started, start};

pub(crate) const GROUP_PATIENCE: Duration = Duration::from_secs(5);
/// How long the container's removal is left to clients that are still there.
const CLIENT_PATIENCE: Timespec = Timespec { tv_sec: 10, tv_nsec: 0 };
/// Exit code of a container whose end nobody could see.
const UNKNOWN: i32 = 255;

/// Runs the monitor on the descriptors that [`crate::spawn`] gave it; returns its exit code.
#[must_use]
pub fn main() -> i32 {
    let Some(client) = sys::inherited_fd(CLIENT_FD) else { return 2 };
    let _blocked = sys::block_signals(SignalSet::all());
    // What is made to mount on has the modes that it is made with, whoever asked.
    let _callers = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    // Its children inherit this until they exec: nothing of this process can be read or traced by a container.
    let _kept = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    // Before anything else has used the heap: nothing of it is touched until a packet comes.
    let packet = Packet::new();
    let spare = spare_network();
    // The command has ended, or found that there is nothing to start.
    let Some((file, streams)) = client::receive_handoff(&client) else { return 0 };
    let lock = std::fs::File::from(file);
    let Some(mut handoff) = read(&lock) else { return 2 };
    let mut monitor = match Monitor::start(&handoff, spare, (client, streams), packet) {
        Ok(monitor) => monitor,
        Err(code) => return code,
    };
    let (auto_remove, container_dir) = (handoff.auto_remove.take(), handoff.container_dir.clone());
    // The plan is the largest part of this process's memory, and was needed once.
    drop(handoff);
    sys::trim_heap();
    monitor.serve();
    monitor.record_end();
    // From here on the container may be started again, by another monitor.
    drop(lock);
    monitor.see_off(auto_remove.as_ref().map(|_| &CLIENT_PATIENCE));
    if let Some(argv) = auto_remove.filter(|_| container_dir.exists()) {
        remove_by_exec(argv);
    }
    0
}

/// What the command that made this process knows before it knows the rest. Without it the container makes its own.
fn spare_network() -> Option<SpareNetwork> {
    let wanted = std::env::args_os().nth(4).is_some_and(|word| word == NETWORK);
    wanted.then(SpareNetwork::make)?.ok()
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
    freeze: Freeze,
    started_at: String,
    /// Whether the container's processes die with its first one.
    own_pids: bool,
    process: Process,
    cgroup: Cgroup,
    console: Option<OwnedFd>,
    input: Input,
    outputs: Outputs,
    clients: Clients,
    sessions: Sessions,
    packet: Packet,
}

/// What poll(2) waits for.
#[derive(Clone, Copy)]
enum Source {
    Process,
    Listener,
    Client(u32),
    BusyClient(u32),
    Output(Stream),
    Stdin,
    Session(i32),
}

impl Monitor {
    fn start(
        handoff: &HandOff,
        spare: Option<SpareNetwork>,
        (client, streams): (OwnedFd, u8),
        packet: Packet,
    ) -> Result<Self, i32> {
        let started = match start(handoff, spare) {
            Ok(started) => started,
            Err(refused) => return Err(refused.tell(&handoff.container_dir, &client)),
        };
        let Started { mut clients, process, cgroup, console, outputs, input, started_at } = started;
        // Attached from the first moment: it misses no output of a container that ends at once.
        if let Some(first) = clients.add(client).and_then(|id| clients.get_mut(id)) {
            first.is_first(streams);
        }
        let log = Writer::new(&handoff.container_dir, &handoff.log);
        let told = handoff.plan.cgroup.told(cgroup.skipped()).join("\n");
        let started = [&number(kind::STARTED, process.pid()), told.as_bytes()].concat();
        clients.owe_all(&started, |_| true);
        // A terminal has no end of input; there it is just a byte.
        let stdin_once = handoff.stdin_once && !handoff.plan.process.terminal;
        Ok(Self {
            container_dir: handoff.container_dir.clone(),
            freeze: Freeze::of(&handoff.state_dir),
            started_at,
            own_pids: handoff.plan.namespaces.create.contains(&NamespaceKind::Pid),
            process,
            cgroup,
            console,
            input: Input::new(input, stdin_once),
            outputs: Outputs::new(outputs, log),
            clients,
            sessions: Sessions::default(),
            packet,
        })
    }

    /// Serves until the first process has ended.
    fn serve(&mut self) {
        let mut ended = false;
        while !ended {
            for source in wait(&self.sources(), None) {
                match source {
                    Source::Process => ended = true,
                    Source::Listener => self.clients.accept(),
                    Source::Client(id) => self.hear(id),
                    Source::BusyClient(id) => {
                        self.clients.flush(id);
                        self.outputs.pass_on(&mut self.clients);
                    }
                    Source::Output(stream) => self.outputs.read(stream, &mut self.clients),
                    Source::Stdin => self.input.flush(),
                    Source::Session(pid) => self.sessions.ended(pid, &mut self.clients),
                }
            }
            if self.clients.writer_left() {
                self.input.end();
            }
            if self.clients.holder_left() {
                self.freeze.release(&self.cgroup, &self.clients);
            }
        }
    }

    fn sources(&self) -> Vec<(Source, BorrowedFd<'_>, PollFlags)> {
        let mut sources = Vec::with_capacity(8);
        sources.push((Source::Process, self.process.pidfd(), PollFlags::IN));
        sources.extend(
            self.clients.listener().map(|listener| (Source::Listener, listener, PollFlags::IN)),
        );
        for client in self.clients.iter() {
            if client.is_owed() || self.outputs.behind().contains(&client.id) {
                sources.push((Source::BusyClient(client.id), client.socket(), PollFlags::OUT));
            }
            // While the container takes no input, those who write some wait.
            if !self.input.is_behind() || !client.writes_input {
                sources.push((Source::Client(client.id), client.socket(), PollFlags::IN));
            }
        }
        sources.extend(
            self.outputs
                .readable()
                .map(|(stream, descriptor)| (Source::Output(stream), descriptor, PollFlags::IN)),
        );
        sources.extend(self.input.writable().map(|input| (Source::Stdin, input, PollFlags::OUT)));
        sources.extend(
            self.sessions.pidfds().map(|(pid, pidfd)| (Source::Session(pid), pidfd, PollFlags::IN)),
        );
        sources
    }

    fn hear(&mut self, id: u32) {
        let Some(client) = self.clients.get_mut(id) else { return };
        // Two of them may have been ready at once.
        if client.writes_input && self.input.is_behind() {
            return;
        }
        match client.receive(&mut self.packet) {
            Request::Stdin => self.input.write(self.packet.body()),
            Request::StdinEnd => self.input.end(),
            Request::Resize { rows, columns } => self.resize(rows, columns),
            Request::Signal { number } => {
                let _gone = self.process.signal(number);
            }
            Request::Exec { streams } => {
                let target = (&self.process, &self.cgroup);
                let request = self.packet.body();
                self.sessions.start((request, &streams), target, id, &mut self.clients);
                self.packet.forget();
                sys::trim_heap();
            }
            Request::Freeze => self.freeze.hold(&self.cgroup, id, &mut self.clients),
            Request::Thaw => {
                client.holds_freeze = false;
                self.freeze.release(&self.cgroup, &self.clients);
                self.clients.owe(id, &[kind::THAWED], None);
            }
            Request::Noted | Request::Nothing => {}
            Request::Gone => self.clients.remove(id),
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

    /// Records the end, in the order in which others may rely on it: processes, output, status; then the groups go.
    fn record_end(&mut self) {
        if !self.own_pids {
            // Further processes, and what they left, would live on.
            let _hanging = self.cgroup.kill();
        }
        if self.clients.hold_freeze() {
            // Who is killed while it stands still on v1 ends when it is let go.
            let _gone = self.cgroup.thaw();
        }
        let code = reap(&self.process);
        self.sessions.end_all(&mut self.clients);
        self.outputs.drain(&mut self.clients);
        let oom_killed = self.cgroup.oom_killed().unwrap_or(false);
        let started_at = std::mem::take(&mut self.started_at);
        // On a full disk the state is still true: the process is gone, and how it ended is not known.
        let _full =
            ExitFile::new(code, oom_killed, started_at, String::new()).write(&self.container_dir);
        self.clients.close();
        self.clients.owe_all(&number(kind::EXITED, code), |_| true);
        // The clients need not wait for it; whoever starts the container anew does, by the lock on the hand-off.
        let _kept = self.cgroup.remove(GROUP_PATIENCE);
    }

    /// Stays until clients have what they are owed, and with `patience` until they have left, so that they can remove the
    /// container.
    fn see_off(&mut self, patience: Option<&Timespec>) {
        while self.clients.iter().any(|client| patience.is_some() || client.is_owed()) {
            let sources = self.clients.iter().map(|client| {
                let busy = if client.is_owed() { PollFlags::OUT } else { PollFlags::empty() };
                (Source::Client(client.id), client.socket(), busy | PollFlags::IN)
            });
            let is_owed = self.clients.iter().any(Client::is_owed);
            let ready = wait(&sources.collect::<Vec<_>>(), patience.filter(|_| !is_owed));
            if ready.is_empty() && !is_owed {
                return;
            }
            for source in ready {
                let Source::Client(id) = source else { continue };
                self.clients.flush(id);
                let heard = self.clients.get_mut(id).map(|client| client.receive(&mut self.packet));
                if matches!(heard, Some(Request::Gone)) {
                    self.clients.remove(id);
                }
            }
        }
    }
}

/// The sources that are ready; none when a signal came or the time is over.
fn wait(
    sources: &[(Source, BorrowedFd<'_>, PollFlags)],
    timeout: Option<&Timespec>,
) -> Vec<Source> {
    let mut polled: Vec<PollFd<'_>> = sources
        .iter()
        .map(|(_, descriptor, flags)| PollFd::from_borrowed_fd(*descriptor, *flags))
        .collect();
    if poll(&mut polled, timeout).is_err() {
        return Vec::new();
    }
    let ready = sources.iter().zip(&polled).filter(|(_, polled)| !polled.revents().is_empty());
    ready.map(|((source, _, _), _)| *source).collect()
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
