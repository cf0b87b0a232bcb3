//! The monitor's life: start the container, serve until it ends, start it again where its rules say so, record its end.
//! Start at [`main`].
//!
//! One thread. What it waits for is in [`crate::serve`].

use std::io::{Read, Seek, Write};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use libcontainer::cgroup::Cgroup;
use libcontainer::{Process, SpareNetwork};
use rustix::event::{PollFlags, Timespec};
use rustix::io::Errno as Raw;
use rustix::process::{DumpableBehavior, WaitId, WaitIdOptions, set_dumpable_behavior, waitid};
use sys::SignalSet;

use crate::attached::Attached;
use crate::client::{self, Client, Packet, Request};
use crate::clients::Clients;
use crate::contents::{Contents, add_variables};
use crate::emulation::Emulation;
use crate::events::Actor;
use crate::files::{ExitFile, StateFile};
use crate::forwards::{FORWARD, forward};
use crate::freeze::Freeze;
use crate::handoff::{EventRules, HANDOFF_VERSION, HandOff, StopRules};
use crate::health::HealthFile;
use crate::idle::Idle;
use crate::limits::Limits;
use crate::log::{COMPRESS, compress};
use crate::message::{kind, number};
use crate::names::{RESOLVE, resolve};
use crate::restart::{Asked, End, Restarts};
use crate::running::{LastWord, Running};
use crate::serve::{Source, wait};
use crate::sessions::{EndedSession, Sessions};
use crate::spawn::{CLIENT_FD, NETWORK};
use crate::start::{Refused, listen, start};

pub(crate) const GROUP_PATIENCE: Duration = Duration::from_secs(5);
/// How long the container's removal is left to clients that are still there.
const CLIENT_PATIENCE: Timespec = Timespec { tv_sec: 10, tv_nsec: 0 };
/// Exit code of a container whose end nobody could see.
const UNKNOWN: i32 = 255;

/// Runs the monitor on the descriptors that [`crate::spawn`] gave it; returns its exit code.
#[must_use]
pub fn main() -> i32 {
    let mut words = std::env::args_os().skip(2);
    if words.next().is_some_and(|word| word == COMPRESS) {
        let path = PathBuf::from(words.next().unwrap_or_default());
        return i32::from(compress(&path).is_err());
    }
    if std::env::args_os().nth(2).is_some_and(|word| word == RESOLVE) {
        return resolve(&PathBuf::from(words.next().unwrap_or_default()));
    }
    if std::env::args_os().nth(2).is_some_and(|word| word == FORWARD) {
        return forward(&PathBuf::from(words.next().unwrap_or_default()));
    }
    let Some(client) = sys::inherited_fd(CLIENT_FD) else { return 2 };
    let _blocked = sys::block_signals(SignalSet::all());
    // What is made to mount on has the modes that it is made with, whoever asked.
    let _callers = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    // Its children inherit this until they exec: nothing of this process can be read or traced by a container.
    let _kept = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    let Begun { mut monitor, lock, auto_remove, keeper: _kept } = match begin(client) {
        Ok(begun) => begun,
        Err(code) => return code,
    };
    sys::trim_heap();
    monitor.live(&lock);
    // From here on the container may be started again, by another monitor.
    drop(lock);
    drop(monitor.left.take());
    monitor.see_off(auto_remove.as_ref().map(|_| &CLIENT_PATIENCE));
    if let Some(argv) = auto_remove.filter(|_| monitor.container_dir.exists()) {
        remove_by_exec(argv);
    }
    0
}

/// A monitor whose container runs.
struct Begun {
    monitor: Box<Monitor>,
    /// The hand-off.
    lock: std::fs::File,
    /// How the container is removed at its end, where it is.
    auto_remove: Option<Vec<String>>,
    /// The namespaces that it lives in are kept for as long as it does.
    keeper: Option<std::fs::File>,
}

/// Takes the hand-off and starts its container. The exit code where there is nothing to watch.
///
/// A frame of its own, and the plan dropped at its end: what a start needs is far more than what the monitor's life does, in
/// which nothing of this is left.
#[inline(never)]
fn begin(client: OwnedFd) -> Result<Begun, i32> {
    // Before anything else has used the heap: nothing of it is touched until a packet comes.
    let packet = Packet::new();
    let spare = spare_network();
    // The command has ended, or found that there is nothing to start.
    let Some(given) = client::receive_handoff(&client) else { return Err(0) };
    let lock = std::fs::File::from(given.file);
    let Some(mut handoff) = read(&lock) else { return Err(2) };
    let own = Own { streams: given.own, contents: given.contents.map(Contents::new) };
    let told = add_variables(&mut handoff, own.contents.as_ref());
    if let Err(refused) = told {
        return Err(refused.tell(&handoff.container_dir, &client));
    }
    let keeper = handoff.keeper.as_ref().and_then(crate::keeper::share);
    let monitor = Monitor::start(&handoff, (spare, own), (client, given.streams), packet)?;
    Ok(Begun { monitor: Box::new(monitor), lock, auto_remove: handoff.auto_remove, keeper })
}

/// What the command that made this process knows before it knows the rest. Without it the container makes its own.
fn spare_network() -> Option<SpareNetwork> {
    let wanted = std::env::args_os().nth(4).is_some_and(|word| word == NETWORK);
    wanted.then(SpareNetwork::make)?.ok()
}

fn read(mut file: &std::fs::File) -> Option<HandOff> {
    let mut bytes = Vec::with_capacity(32 * 1024);
    file.rewind().ok()?;
    file.read_to_end(&mut bytes).ok()?;
    serde_json::from_slice::<HandOff>(&bytes)
        .ok()
        .filter(|handoff| handoff.version <= HANDOFF_VERSION)
}

/// What only this process has, for every run of the container.
struct Own {
    /// The streams of whoever started it, for a container that has them.
    streams: Option<[OwnedFd; 3]>,
    /// Contents of files and variables that no file of the disk holds.
    contents: Option<Contents>,
}

impl Own {
    fn parts(&self) -> (Option<&[OwnedFd; 3]>, Option<&OwnedFd>) {
        (self.streams.as_ref(), self.contents.as_ref().map(Contents::file))
    }
}

/// What stays over all runs of the container, and the run that is.
pub(crate) struct Monitor {
    id: String,
    pub(crate) state_dir: PathBuf,
    container_dir: PathBuf,
    pub(crate) clients: Clients,
    pub(crate) sessions: Sessions,
    pub(crate) packet: Packet,
    pub(crate) freeze: Freeze,
    pub(crate) restarts: Restarts,
    pub(crate) stop: StopRules,
    events: Option<EventRules>,
    own: Own,
    /// Nothing while it waits to be started again.
    pub(crate) run: Option<Running>,
    /// What the last run has of its networks: it takes some ten milliseconds to go, for which nobody waits.
    left: Option<Attached>,
    /// Who answers calls of the container.
    pub(crate) emulation: Option<Emulation>,
    pub(crate) idle: Idle,
}

impl Monitor {
    fn start(
        handoff: &HandOff,
        (spare, own): (Option<SpareNetwork>, Own),
        (client, streams): (OwnedFd, u8),
        packet: Packet,
    ) -> Result<Self, i32> {
        let begun = listen(handoff).and_then(|clients| {
            let emulation = Emulation::of(handoff)?;
            Ok((clients, emulation, start(handoff, spare, own.parts(), 0)?))
        });
        let (mut clients, emulation, started) = match begun {
            Ok(begun) => begun,
            Err(refused) => return Err(refused.tell(&handoff.container_dir, &client)),
        };
        // Attached from the first moment: it misses no output of a container that ends at once.
        if let Some(first) = clients.add(client).and_then(|id| clients.get_mut(id)) {
            first.is_first(streams);
        }
        let mut told = handoff.plan.cgroup.told(started.cgroup.skipped());
        told.extend(started.limits.as_ref().and_then(Limits::warning).map(str::to_owned));
        let told = told.join("\n");
        let mut monitor = Self {
            id: handoff.id.clone(),
            state_dir: handoff.state_dir.clone(),
            container_dir: handoff.container_dir.clone(),
            clients,
            sessions: Sessions::default(),
            packet,
            freeze: Freeze::of(&handoff.state_dir),
            restarts: Restarts::new(handoff.restart),
            stop: handoff.stop,
            events: handoff.events.clone(),
            own,
            run: None,
            left: None,
            emulation,
            idle: Idle::default(),
        };
        let pid = monitor.begin(Running::new(started, handoff));
        let started = [&number(kind::STARTED, pid), told.as_bytes()].concat();
        monitor.clients.owe_all(&started, |_| true);
        Ok(monitor)
    }

    /// A run has begun; its pid.
    fn begin(&mut self, run: Running) -> i32 {
        let pid = run.process.pid();
        if let Some(checks) = &run.checks {
            self.write_health(checks.known());
        }
        self.tell_networks(run.attached.as_ref(), "connect");
        self.run = Some(run);
        self.idle.put_off(Instant::now());
        self.tell("start", &[]);
        pid
    }

    /// Tells that the container comes into its networks, or leaves them.
    fn tell_networks(&self, attached: Option<&Attached>, action: &str) {
        let Some(rules) = &self.events else { return };
        for place in attached.into_iter().flat_map(Attached::places) {
            let container = ("container".to_owned(), self.id.clone());
            let name = ("name".to_owned(), place.network_name.clone());
            let attributes =
                [container, name, ("type".to_owned(), place.kind.word().to_owned())].into();
            let actor = Actor { id: place.network.clone(), attributes };
            let _full = rules.to.tell("network", action, actor);
        }
    }

    /// What others read. On a full disk they read what was before.
    pub(crate) fn write_health(&self, known: &HealthFile) {
        let _full = known.write(&self.state_dir);
    }

    /// Tells what happened to the container. On a full disk nobody hears of it.
    pub(crate) fn tell(&self, action: &str, more: &[(&str, String)]) {
        self.tell_all(&[action], more);
    }

    pub(crate) fn tell_all(&self, actions: &[&str], more: &[(&str, String)]) {
        let Some(rules) = &self.events else { return };
        let mut attributes = rules.attributes.clone();
        attributes.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        let actor = Actor { id: self.id.clone(), attributes };
        let _full = rules.to.tell_all("container", actions, actor);
    }

    /// Tells that further processes have ended: first everybody, then who waits for them and may look at once.
    pub(crate) fn tell_exec_ended(&mut self, ended: impl IntoIterator<Item = EndedSession>) {
        for EndedSession { exec_id, code, client } in ended {
            self.tell("exec_die", &[("execID", exec_id), ("exitCode", code.to_string())]);
            self.clients.owe(client, &number(kind::EXEC_EXITED, code), None);
        }
    }

    /// From now on events call the container so.
    pub(crate) fn rename(&mut self, name: String) {
        if let Some(rules) = &mut self.events {
            rules.attributes.insert("name".to_owned(), name);
        }
    }

    /// Writes the limits of the packet into the hand-off: this process alone reads it again, so it need not be whole
    /// for anybody else meanwhile.
    pub(crate) fn change_settings(&self) -> std::io::Result<()> {
        let settings = serde_json::from_slice(self.packet.body())?;
        self.change_handoff(|handoff| handoff.plan.cgroup.settings = settings)
    }

    pub(crate) fn change_handoff(&self, change: impl FnOnce(&mut HandOff)) -> std::io::Result<()> {
        let path = self.state_dir.join(crate::handoff::FILE);
        let mut file = std::fs::File::options().read(true).write(true).open(path)?;
        let mut handoff =
            read(&file).ok_or_else(|| std::io::Error::from(std::io::ErrorKind::InvalidData))?;
        change(&mut handoff);
        let bytes = serde_json::to_vec(&handoff)?;
        drop(handoff);
        file.set_len(0)?;
        file.rewind()?;
        file.write_all(&bytes)?;
        drop(bytes);
        sys::trim_heap();
        Ok(())
    }

    /// Serves one run after the other, until one is the last.
    fn live(&mut self, lock: &std::fs::File) {
        loop {
            self.serve();
            let Some(run) = self.run.take() else { return };
            let Ended { mut exit, mut end, cgroup, attached } = self.end(run);
            let mut left = Some((cgroup, attached));
            let mut ran_for = Some(end.ran_for);
            while self.run.is_none() {
                let next = self.restarts.after(end);
                exit.restarts = self.restarts.count;
                let attached = left.as_ref().and_then(|(_, attached)| attached.as_ref());
                self.tell_end(&exit, next.is_some(), ran_for.take().map(|time| (time, attached)));
                // Nobody need wait for that; whoever starts the container anew does, by the lock on the hand-off.
                if let Some((groups, interfaces)) = left.take() {
                    let _kept = groups.remove(GROUP_PATIENCE);
                    self.left = interfaces;
                }
                if next.is_some() {
                    self.left = None;
                }
                match next {
                    None => return,
                    Some(delay) if !self.wait_to_start(Instant::now() + delay) => {
                        return self.tell_end(&exit, false, None);
                    }
                    Some(_waited) => {}
                }
                if let Err(refused) = self.start_again(lock) {
                    let finished_at = crate::format_time(crate::now_ns());
                    (exit.code, exit.error, exit.finished_at) =
                        (refused.code.into(), refused.words, finished_at);
                    end = End { code: exit.code, asked: Asked::Not, ran_for: Duration::ZERO };
                }
            }
        }
    }

    /// Brings a run to its end: its processes, then its output.
    fn end(&mut self, mut run: Running) -> Ended {
        run.claim.withdraw();
        if let Some(checks) = &mut run.checks {
            checks.abandon();
        }
        self.clients.answer_check(&[kind::NOT_NOW]);
        if !run.own_pids {
            // Further processes, and what they left, would live on. On v1 they stand still first.
            let _answers = run.limits.as_mut().and_then(Limits::stand_in);
            let _hanging = run.cgroup.kill();
        }
        let code = match run.last_word(reap(&run.process)) {
            LastWord::Code(code) => code,
            LastWord::Reboot => {
                run.asked = Asked::Reboot;
                0
            }
            LastWord::Off => {
                // It was told so from inside: no policy starts it again.
                self.restarts.hold();
                0
            }
        };
        let sessions = self.sessions.end_all();
        if let Some(emulation) = &mut self.emulation {
            emulation.abandon();
        }
        if self.clients.hold_freeze() {
            // Who is killed while it stands still on v1 ends when it is let go.
            let _gone = run.cgroup.thaw();
        }
        run.outputs.drain(&mut self.clients);
        run.terminals.drain(&mut self.clients);
        // What was told while it ran stays true.
        let oom_killed = run.oom.is_told() || run.cgroup.oom_killed().unwrap_or(false);
        let ran_for = run.began.elapsed();
        if oom_killed && !run.oom.is_told() {
            self.tell("oom", &[]);
        }
        self.tell_exec_ended(sessions);
        // Before anybody hears of the end: its ports are free then.
        if let Some(attached) = &mut run.attached {
            attached.leave();
        }
        Ended {
            attached: run.attached,
            exit: ExitFile::new(code, oom_killed, run.started_at, String::new()),
            end: End { code, asked: run.asked, ran_for },
            cgroup: run.cgroup,
        }
    }

    /// Writes an end down and tells it: the last one to everybody, one before a restart to those who attached to the run.
    /// On a full disk the state is still true: the process is gone, and how it ended is not known.
    ///
    /// The event of a `run` that has just ended, after that time and in those networks, comes behind the state, which whoever hears of it looks at, and before the clients,
    /// who may remove the container.
    fn tell_end(
        &mut self,
        exit: &ExitFile,
        is_started_again: bool,
        run: Option<(Duration, Option<&Attached>)>,
    ) {
        let _full = if is_started_again {
            StateFile::waiting(exit).and_then(|state| state.write(&self.state_dir))
        } else {
            exit.write(&self.container_dir)
        };
        if let Some((ran_for, attached)) = run {
            let seconds = ran_for.as_secs().to_string();
            self.tell("die", &[("exitCode", exit.code.to_string()), ("execDuration", seconds)]);
            self.tell_networks(attached, "disconnect");
        }
        let ended = number(kind::EXITED, exit.code);
        if is_started_again {
            self.clients.owe_all(&ended, Client::is_attached);
        } else {
            self.clients.close();
            self.clients.owe_all(&ended, |_| true);
        }
    }

    /// Starts the container by the same hand-off.
    fn start_again(&mut self, lock: &std::fs::File) -> Result<(), Refused> {
        let mut handoff = read(lock).ok_or_else(|| {
            Refused::engine("read the hand-off again", sys::Errno::from_raw(libc::EIO))
        })?;
        add_variables(&mut handoff, self.own.contents.as_ref())?;
        // One whose changes were made for one run only: overlayfs would ask whether they are good enough for another one.
        let _absent =
            std::fs::remove_dir_all(self.container_dir.join("work/work/incompat/volatile"));
        self.freeze.forget();
        let started = start(&handoff, None, self.own.parts(), self.restarts.count)?;
        self.begin(Running::new(started, &handoff));
        drop(handoff);
        sys::trim_heap();
        Ok(())
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

/// A run that is over.
struct Ended {
    exit: ExitFile,
    end: End,
    cgroup: Cgroup,
    attached: Option<Attached>,
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
