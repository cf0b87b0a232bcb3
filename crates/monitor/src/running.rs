//! One run of a container: from its start to the end of its first process.

use std::os::fd::OwnedFd;
use std::time::Instant;

use libcontainer::Process;
use libcontainer::cgroup::Cgroup;
use spec::runtime::NamespaceKind;

use crate::attached::Attached;
use crate::claim::Claim;
use crate::client::Client;
use crate::clients::Clients;
use crate::console::Console;
use crate::handoff::HandOff;
use crate::input::Input;
use crate::limits::Limits;
use crate::oom::Oom;
use crate::outputs::Outputs;
use crate::probe::Checks;
use crate::restart::Asked;
use crate::start::Started;
use crate::terminals::{CONSOLE, Terminals};

/// What a first process ends by that asked the kernel for a reboot, and to be off: 128 and SIGHUP, 128 and SIGINT.
const REBOOT: i32 = 128 + 1;
const OFF: i32 = 128 + 2;

/// What is taken at once of what is typed on a terminal of the host's.
const TYPED: usize = 1024;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LastWord {
    Code(i32),
    /// The system is to begin anew.
    Reboot,
    /// It is to stay down.
    Off,
}

pub(crate) struct Running {
    pub(crate) process: Process,
    pub(crate) cgroup: Cgroup,
    pub(crate) started_at: String,
    /// That it runs, and is not paused.
    pub(crate) claim: Claim,
    pub(crate) began: Instant,
    /// Whether the container's processes die with its first one.
    pub(crate) own_pids: bool,
    pub(crate) input: Input,
    pub(crate) outputs: Outputs,
    pub(crate) checks: Option<Checks>,
    pub(crate) oom: Oom,
    /// What it sees of its limits, where somebody asks.
    pub(crate) limits: Option<Limits>,
    /// Given back with the run.
    pub(crate) attached: Option<Attached>,
    console: Option<OwnedFd>,
    /// Keeps the console from hanging up.
    _console_end: Option<OwnedFd>,
    /// Terminals beside the console.
    pub(crate) terminals: Terminals,
    /// When the first process is killed that was asked to end.
    kill_at: Option<Instant>,
    /// When it is killed in any case.
    ends_at: Option<Instant>,
    /// Whether it was asked to end so that it is started again.
    pub(crate) asked: Asked,
    /// Its first process is an init.
    is_system: bool,
}

impl Running {
    pub(crate) fn new(started: Started, handoff: &HandOff) -> Self {
        let Started { process, cgroup, console, outputs, input, .. } = started;
        let Started { started_at, log, claim, attached, limits, .. } = started;
        let Started { console_end, shows, terminals, .. } = started;
        let now = Instant::now();
        // A terminal has no end of input; there it is just a byte.
        let stdin_once = handoff.stdin_once && !handoff.plan.process.terminal;
        Self {
            process,
            oom: Oom::watch(&cgroup, &handoff.plan.cgroup),
            cgroup,
            started_at,
            claim,
            began: now,
            own_pids: handoff.plan.namespaces.create.contains(&NamespaceKind::Pid),
            input: Input::new(input, stdin_once),
            outputs: Outputs::new(outputs, log, shows),
            checks: handoff
                .health
                .as_ref()
                .map(|rules| Checks::begin(rules, handoff.plan.mount_label.as_deref(), now)),
            limits,
            attached,
            console,
            _console_end: console_end,
            terminals,
            kill_at: None,
            ends_at: handoff.timeout.and_then(|timeout| now.checked_add(timeout)),
            asked: Asked::Not,
            is_system: handoff.is_system,
        }
    }

    /// How it ended by the code of its first process: the kernel kills an init by SIGHUP where it asked for a reboot, and by SIGINT where it
    /// asked to be off. reboot(2), "Behavior inside PID namespaces".
    pub(crate) fn last_word(&self, code: i32) -> LastWord {
        match code {
            REBOOT if self.is_system => LastWord::Reboot,
            OFF if self.is_system => LastWord::Off,
            code => LastWord::Code(code),
        }
    }

    fn input_mut(&mut self, terminal: u16) -> Option<&mut Input> {
        if terminal == CONSOLE { Some(&mut self.input) } else { self.terminals.input_mut(terminal) }
    }

    /// Writes input for the console or the streams, or for a terminal beside them.
    pub(crate) fn type_on(&mut self, terminal: u16, bytes: &[u8]) {
        if let Some(input) = self.input_mut(terminal) {
            input.write(bytes);
        }
    }

    /// Its client has nothing more.
    pub(crate) fn end_input(&mut self, terminal: u16) {
        if let Some(input) = self.input_mut(terminal) {
            input.end();
        }
    }

    /// Tries again to reach the clients that were busy.
    pub(crate) fn pass_on(&mut self, clients: &mut Clients) {
        self.outputs.pass_on(clients);
        self.terminals.pass_on(clients);
    }

    /// Whether a client may have something to say that nobody takes yet.
    pub(crate) fn is_behind_with(&self, client: &Client) -> bool {
        client.writes_to().is_some_and(|terminal| match terminal {
            CONSOLE => self.input.is_behind(),
            terminal => self.terminals.input(terminal).is_some_and(Input::is_behind),
        })
    }

    /// Whether a client has not taken what was shown last.
    pub(crate) fn is_ahead_of(&self, client: u32) -> bool {
        self.outputs.is_behind(client) || self.terminals.is_behind(client)
    }

    /// What the console has shown, as far as it is kept; nothing without one.
    pub(crate) fn console_shows(&self) -> Option<Vec<u8>> {
        let kept = self.outputs.console().map(Console::shown);
        self.console.as_ref().map(|_| kept.unwrap_or_default())
    }

    /// Types on the console what somebody types on the terminal that it is copied to.
    pub(crate) fn take_typed(&mut self) {
        let mut room = [0; TYPED];
        let count = self.outputs.console_mut().map_or(0, |console| console.read_typed(&mut room));
        self.input.write(room.get(..count).unwrap_or_default());
    }

    pub(crate) fn resize(&self, terminal: u16, rows: u16, columns: u16) {
        let size =
            rustix::termios::Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        match &self.console {
            Some(console) if terminal == CONSOLE => {
                // A terminal that is gone has no size.
                let _gone = rustix::termios::tcsetwinsize(console, size);
            }
            _ => self.terminals.resize(terminal, size),
        }
    }

    /// Asks the first process to end, and kills it after a while.
    pub(crate) fn stop(&mut self, rules: crate::handoff::StopRules, now: Instant) {
        let _gone = self.process.signal(rules.signal);
        self.kill_at = rules.patience.map(|patience| now + patience);
    }

    /// When something is to be done that no descriptor tells.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let check = self.checks.as_ref().and_then(Checks::deadline);
        let places = self.attached.as_ref().and_then(Attached::deadline);
        let deadlines = [check, places, self.kill_at, self.ends_at, self.outputs.deadline()];
        deadlines.into_iter().flatten().min()
    }

    /// Kills it when it was asked to end and has not, or when its time is over.
    pub(crate) fn kill_in_time(&mut self, now: Instant) {
        let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if is_due(self.kill_at) || is_due(self.ends_at) {
            (self.kill_at, self.ends_at) = (None, None);
            let _gone = self.process.signal(libc::SIGKILL);
        }
    }
}
