//! What the monitor does while a run lasts, and while it waits for the next one: one poll(2) over the process, its outputs, its
//! clients and its health check, with the next deadline as its time-out.

use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::attached::Attached;
use crate::client::Request;
use crate::console::Console;
use crate::emulation::Emulation;
use crate::forwards::Forwards;
use crate::health::{HealthStatus, OnFailure};
use crate::limits::Limits;
use crate::message::{failure, kind, number};
use crate::names::Names;
use crate::oom::News;
use crate::outputs::Stream;
use crate::probe::Outcome;
use crate::restart::{Asked, RestartPolicy};
use crate::run::Monitor;
use crate::running::Running;
use crate::sessions::Started;
use crate::terminals::CONSOLE;

/// Exit code of an engine's own failure.
const ENGINE: u8 = 125;

/// What poll(2) waits for.
#[derive(Clone, Copy)]
pub(crate) enum Source {
    Process,
    Listener,
    Client(u32),
    BusyClient(u32),
    Output(Stream),
    Log,
    Stdin,
    /// A terminal beside the console has something to show.
    Terminal(u16),
    /// One takes input again.
    TerminalInput(u16),
    /// Somebody types on the terminal that the console is copied to.
    Typed,
    Session(i32),
    Probe,
    ProbeOutput,
    Oom,
    /// The run's name server.
    Names,
    /// A resolver that this process has started.
    Resolver,
    /// The forwarder of a user's ports, as a connection or a child.
    Forwarder,
    /// A call to answer, or somebody who has answered one.
    Emulation,
    /// Somebody in the container reads what it sees of its limits.
    Limits,
    /// Who brings the places in networks in line with the records.
    Settler,
}

impl Monitor {
    /// Serves until the first process has ended.
    pub(crate) fn serve(&mut self) {
        while !self.serve_once(None) {}
    }

    /// Serves while nothing runs, until a time; false when somebody wants the container to stay down.
    pub(crate) fn wait_to_start(&mut self, at: Instant) -> bool {
        while !self.restarts.is_held() && Instant::now() < at {
            self.serve_once(Some(at));
        }
        !self.restarts.is_held()
    }

    /// Waits once, and does what is due. Whether the first process has ended.
    fn serve_once(&mut self, until: Option<Instant>) -> bool {
        let run = self.run.as_ref();
        let deadline = [until, run.and_then(Running::deadline), self.idle.deadline()];
        let timeout = deadline.into_iter().flatten().min().map(left);
        let mut ended = false;
        for source in wait(&self.sources(), timeout.as_ref()) {
            match source {
                Source::Process => ended = true,
                Source::Listener => self.clients.accept(),
                Source::Client(id) => {
                    self.idle.put_off(Instant::now());
                    self.hear(id);
                }
                Source::BusyClient(id) => {
                    self.clients.flush(id);
                    if let Some(run) = &mut self.run {
                        run.pass_on(&mut self.clients);
                    }
                }
                Source::Emulation => {
                    if let Some(emulation) = &mut self.emulation {
                        emulation.react(self.run.as_ref());
                    }
                }
                Source::Session(pid) => {
                    let ended = self.sessions.ended(pid);
                    self.tell_exec_ended(ended);
                }
                Source::Output(_)
                | Source::Log
                | Source::Stdin
                | Source::Terminal(_)
                | Source::TerminalInput(_)
                | Source::Typed
                | Source::Probe
                | Source::ProbeOutput
                | Source::Oom
                | Source::Names
                | Source::Resolver
                | Source::Forwarder
                | Source::Limits
                | Source::Settler => {
                    self.serve_run(source);
                }
            }
        }
        self.mind_who_left();
        self.act_in_time();
        ended
    }

    /// Clients that are gone had something of the run: its input, its freeze, its life, its networks.
    fn mind_who_left(&mut self) {
        let Some(run) = &mut self.run else { return };
        if self.clients.writer_left() {
            run.input.end();
        }
        if self.clients.holder_left() {
            self.freeze.release(&run.cgroup, &self.clients);
        }
        if self.clients.guard_left() {
            self.restarts.hold();
            let _gone = run.process.signal(libc::SIGKILL);
        }
        if self.clients.changer_left()
            && let Some(attached) = &mut run.attached
        {
            attached.settle();
        }
    }

    /// What belongs to the run alone.
    fn serve_run(&mut self, source: Source) {
        let Some(run) = &mut self.run else { return };
        match (source, &mut run.checks) {
            (Source::Output(stream), _) => run.outputs.read(stream, &mut self.clients),
            (Source::Log, _) => run.outputs.resume_log(),
            (Source::Stdin, _) => run.input.flush(),
            (Source::Terminal(number), _) => run.terminals.read(number, &mut self.clients),
            (Source::TerminalInput(number), _) => run.terminals.flush_input(number),
            (Source::Typed, _) => run.take_typed(),
            (Source::Oom, _) => {
                let news = run.oom.read();
                self.note_oom(news);
            }
            (Source::Limits, _) => {
                if let Some(limits) = &mut run.limits {
                    limits.serve();
                }
            }
            (Source::Settler, _) => {
                if let Some(attached) = &mut run.attached {
                    attached.settled();
                }
            }
            (Source::Names | Source::Resolver, _) => {
                if let Some(names) = run.attached.as_mut().and_then(Attached::names_mut) {
                    names.react(source);
                }
            }
            (Source::Forwarder, _) => {
                if let Some(forwards) = run.attached.as_mut().and_then(Attached::forwards_mut) {
                    forwards.react();
                }
            }
            (Source::ProbeOutput, Some(checks)) => checks.read(),
            (Source::Probe, Some(checks)) => {
                let verdict = checks.ended(Instant::now());
                self.judge(verdict);
            }
            _ => {}
        }
    }

    /// Writes down that memory ran out, and tells it: who hears of it and looks sees it.
    fn note_oom(&mut self, news: News) {
        if news == News::First
            && let Some(run) = &mut self.run
        {
            // On a full disk it is seen with the end.
            let _full = run.claim.mark_oom_killed(&self.state_dir);
        }
        if news != News::None {
            self.tell("oom", &[]);
        }
    }

    /// What no descriptor tells: a check that is due or takes too long, a process that was asked to end and has not.
    fn act_in_time(&mut self) {
        let now = Instant::now();
        self.idle.act_in_time(now);
        let Some(run) = &mut self.run else { return };
        run.kill_in_time(now);
        run.outputs.calm(now);
        if let Some(attached) = &mut run.attached {
            attached.act_in_time(now);
        }
        let target = (&run.process, &run.cgroup);
        if let Some(checks) = &mut run.checks
            && checks.deadline().is_some_and(|deadline| deadline <= now)
        {
            let verdict = checks.act(target, now);
            self.judge(verdict);
        }
    }

    /// Writes down what the health check says, and does what the rules want for a container that is unhealthy.
    fn judge(&mut self, verdict: Option<HealthStatus>) {
        if let Some(checks) = self.run.as_ref().and_then(|run| run.checks.as_ref()) {
            self.write_health(checks.known());
        }
        let outcome = self.run.as_mut().and_then(|run| run.checks.as_mut()?.outcome());
        match outcome {
            Some(Outcome::Ended(code)) => self.clients.answer_check(&number(kind::CHECKED, code)),
            Some(Outcome::PutOff) => self.clients.answer_check(&[kind::NOT_NOW]),
            None => {}
        }
        let Some(verdict) = verdict else { return };
        self.tell(&format!("health_status: {}", verdict.word()), &[]);
        let Some(run) = self.run.as_mut().filter(|_| verdict == HealthStatus::Unhealthy) else {
            return;
        };
        let wanted =
            run.checks.as_ref().map_or(OnFailure::None, |checks| checks.rules().on_failure);
        match (wanted, self.restarts.policy) {
            (OnFailure::None, RestartPolicy::OnUnhealthy { .. }) => {
                run.stop(self.stop, Instant::now());
            }
            (OnFailure::None, _) => {}
            (OnFailure::Kill, _) => {
                let _gone = run.process.signal(libc::SIGKILL);
            }
            (OnFailure::Restart, _) => {
                run.asked = Asked::ForHealth;
                run.stop(self.stop, Instant::now());
            }
            (OnFailure::Stop, _) => {
                self.restarts.hold();
                run.stop(self.stop, Instant::now());
            }
        }
    }

    fn sources(&self) -> Vec<(Source, BorrowedFd<'_>, PollFlags)> {
        let mut sources = Vec::with_capacity(8);
        let run = self.run.as_ref();
        sources.extend(run.map(|run| (Source::Process, run.process.pidfd(), PollFlags::IN)));
        sources.extend(
            self.clients.listener().map(|listener| (Source::Listener, listener, PollFlags::IN)),
        );
        for client in self.clients.iter() {
            if client.is_owed() || run.is_some_and(|run| run.is_ahead_of(client.id)) {
                sources.push((Source::BusyClient(client.id), client.socket(), PollFlags::OUT));
            }
            // While the container takes no input, those who write some wait.
            if !run.is_some_and(|run| run.is_behind_with(client)) {
                sources.push((Source::Client(client.id), client.socket(), PollFlags::IN));
            }
        }
        sources.extend(
            self.sessions.pidfds().map(|(pid, pidfd)| (Source::Session(pid), pidfd, PollFlags::IN)),
        );
        let asked = self.emulation.iter().flat_map(Emulation::descriptors);
        sources.extend(asked.map(|fd| (Source::Emulation, fd, PollFlags::IN)));
        let Some(run) = run else { return sources };
        sources.extend(
            run.outputs
                .readable()
                .map(|(stream, descriptor)| (Source::Output(stream), descriptor, PollFlags::IN)),
        );
        let names = run.attached.as_ref().and_then(Attached::names);
        sources.extend(names.into_iter().flat_map(Names::sources));
        let forwards = run.attached.as_ref().and_then(Attached::forwards);
        sources.extend(forwards.into_iter().flat_map(Forwards::sources));
        let settler = run.attached.as_ref().and_then(Attached::settler);
        sources.extend(settler.map(|pidfd| (Source::Settler, pidfd, PollFlags::IN)));
        let limits = run.limits.as_ref().and_then(Limits::descriptor);
        sources.extend(limits.map(|device| (Source::Limits, device, PollFlags::IN)));
        sources.extend(run.oom.descriptor().map(|events| (Source::Oom, events, PollFlags::IN)));
        sources.extend(run.outputs.log_waits_for().map(|log| (Source::Log, log, PollFlags::OUT)));
        let shows = run.terminals.readable();
        sources.extend(shows.map(|(number, fd)| (Source::Terminal(number), fd, PollFlags::IN)));
        let takes = run.terminals.writable();
        sources
            .extend(takes.map(|(number, fd)| (Source::TerminalInput(number), fd, PollFlags::OUT)));
        let typed = run.outputs.console().and_then(Console::typed);
        let typed = typed.filter(|_| !run.input.is_behind());
        sources.extend(typed.map(|typed| (Source::Typed, typed, PollFlags::IN)));
        sources.extend(run.input.writable().map(|input| (Source::Stdin, input, PollFlags::OUT)));
        if let Some(checks) = &run.checks {
            sources.extend(checks.pidfd().map(|pidfd| (Source::Probe, pidfd, PollFlags::IN)));
            let output = checks.output();
            sources.extend(output.map(|output| (Source::ProbeOutput, output, PollFlags::IN)));
        }
        sources
    }

    fn hear(&mut self, id: u32) {
        let Some(client) = self.clients.get_mut(id) else { return };
        // Two of them may have been ready at once.
        if self.run.as_ref().is_some_and(|run| run.is_behind_with(client)) {
            return;
        }
        match client.receive(&mut self.packet) {
            Request::Noted | Request::Nothing => {}
            Request::Gone => self.clients.remove(id),
            Request::Hold => {
                self.restarts.hold();
                self.clients.owe(id, &[kind::HELD], None);
            }
            Request::Restarts => match serde_json::from_slice(self.packet.body()) {
                Ok(policy) => {
                    self.restarts.policy = policy;
                    self.clients.owe(id, &[kind::HELD], None);
                }
                Err(_of_a_newer_release) => self.clients.remove(id),
            },
            Request::Networks => self.change_networks(id),
            Request::Terminal { number } => self.attach_to_terminal(id, number),
            Request::NetworksKept => client.changes_networks = false,
            Request::Name => {
                let name = String::from_utf8_lossy(self.packet.body()).into_owned();
                self.rename(name);
                self.clients.owe(id, &[kind::HELD], None);
            }
            Request::Settings => {
                // Who hears nothing of it is not told that it counts.
                match self.change_settings() {
                    Ok(()) => self.clients.owe(id, &[kind::HELD], None),
                    Err(_unwritable) => self.clients.remove(id),
                }
            }
            request if self.run.is_some() => self.hear_of_run(id, request),
            Request::Exec { .. } => {
                let answer = failure(kind::EXEC_FAILED, ENGINE, "the container is restarting");
                self.clients.owe(id, &answer, None);
            }
            Request::Pause | Request::Resume | Request::Check => {
                self.clients.owe(id, &[kind::NOT_NOW], None);
            }
            Request::Freeze => {
                let answer = failure(kind::FREEZE_FAILED, ENGINE, "the container is restarting");
                self.clients.owe(id, &answer, None);
            }
            Request::Thaw => {
                client.holds_freeze = false;
                self.clients.owe(id, &[kind::THAWED], None);
            }
            // There is nobody to write to, to size, or to signal.
            Request::Stdin
            | Request::StdinEnd
            | Request::Resize { .. }
            | Request::Signal { .. } => {}
        }
    }

    fn hear_of_run(&mut self, id: u32, request: Request) {
        let terminal = self.clients.get_mut(id).map_or(CONSOLE, |client| client.terminal);
        let Some(run) = &mut self.run else { return };
        // A process that waits for an answer does not stand still.
        let stops = matches!(request, Request::Freeze | Request::Pause);
        let _answers = run.limits.as_mut().filter(|_| stops).and_then(Limits::stand_in);
        match request {
            Request::Stdin => run.type_on(terminal, self.packet.body()),
            Request::StdinEnd => run.end_input(terminal),
            Request::Resize { rows, columns } => {
                run.resize(terminal, rows, columns);
                let size = [("height", rows.to_string()), ("width", columns.to_string())];
                self.tell("resize", &size);
            }
            Request::Signal { number } => {
                let _gone = run.process.signal(number);
            }
            Request::Exec { streams } => {
                let target = (&run.process, &run.cgroup);
                let request = self.packet.body();
                let told = self.sessions.start((request, &streams), target, id, &mut self.clients);
                self.packet.forget();
                if let Some(Started { command, exec_id, is_new }) = told {
                    let [created, started] =
                        ["exec_create", "exec_start"].map(|action| format!("{action}: {command}"));
                    let created = is_new.then_some(created.as_str());
                    let actions: Vec<&str> = created.into_iter().chain([&*started]).collect();
                    self.tell_all(&actions, &[("execID", exec_id)]);
                }
                sys::trim_heap();
            }
            Request::Freeze => self.freeze.hold(&run.cgroup, id, &mut self.clients),
            Request::Pause => self.freeze.pause(run, id, &mut self.clients),
            Request::Resume => self.freeze.resume(run, id, &mut self.clients),
            Request::Check => match &mut run.checks {
                Some(checks) => {
                    checks.hurry(Instant::now());
                    if let Some(client) = self.clients.get_mut(id) {
                        client.awaits_check = true;
                    }
                }
                None => self.clients.owe(id, &[kind::NOT_NOW], None),
            },
            Request::Thaw => {
                if let Some(client) = self.clients.get_mut(id) {
                    client.holds_freeze = false;
                }
                self.freeze.release(&run.cgroup, &self.clients);
                self.clients.owe(id, &[kind::THAWED], None);
            }
            Request::Terminal { .. }
            | Request::Hold
            | Request::Restarts
            | Request::Name
            | Request::Settings
            | Request::Networks
            | Request::NetworksKept
            | Request::Noted
            | Request::Gone
            | Request::Nothing => {}
        }
    }
}

/// How long it is until then; no time when it is over.
pub(crate) fn left(at: Instant) -> Timespec {
    let left = at.saturating_duration_since(Instant::now());
    // poll(2) must not wake before it.
    let left = left.saturating_add(Duration::from_micros(50));
    Timespec {
        tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: left.subsec_nanos().into(),
    }
}

/// The sources that are ready; none when a signal came or the time is over.
pub(crate) fn wait(
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
