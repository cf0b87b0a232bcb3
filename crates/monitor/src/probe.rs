//! The process of a health check: started now and then inside the container, read, timed, and reaped.
//!
//! What it writes is read to its end and kept up to a bound: one that prints without end is slowed by nothing and costs nothing.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use libcontainer::cgroup::Cgroup;
use libcontainer::{Pipes, Process, Stdio, chain, join};
use rustix::fs::{Mode, OFlags, open};

use crate::health::{Health, HealthFile, HealthRules, HealthStatus, ProbeResult};

/// Bytes of a probe's output that are kept, as Docker keeps them.
const MOST_OUTPUT: usize = 4096;
/// Exit code of a probe that had to be ended or could not be started.
const FAILED: i32 = -1;

/// The health check of one run of a container.
pub(crate) struct Checks {
    rules: HealthRules,
    /// The label of the container's files.
    label: Option<String>,
    health: Health,
    probe: Option<Probe>,
    /// How the last probe that was due went, until somebody asks.
    outcome: Option<Outcome>,
}

/// How a probe that was due went.
pub(crate) enum Outcome {
    /// Its exit code.
    Ended(i32),
    /// The container stands still.
    PutOff,
}

struct Probe {
    process: Process,
    /// Both of its outputs; nothing once they are closed.
    output: Option<OwnedFd>,
    text: Vec<u8>,
    started: String,
    /// After this it is ended; nothing once it was.
    deadline: Option<Instant>,
}

impl Checks {
    pub(crate) fn begin(rules: &HealthRules, label: Option<&str>, now: Instant) -> Self {
        let health = Health::begin(rules, now);
        let label = label.map(str::to_owned);
        Self { rules: rules.clone(), label, health, probe: None, outcome: None }
    }

    pub(crate) const fn rules(&self) -> &HealthRules {
        &self.rules
    }

    pub(crate) const fn known(&self) -> &HealthFile {
        self.health.known()
    }

    /// When something is to be done: the next probe, or the end of one that takes too long.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match &self.probe {
            Some(probe) => probe.deadline,
            None => self.health.due(),
        }
    }

    /// Has the next probe begin at once.
    pub(crate) fn hurry(&mut self, now: Instant) {
        self.outcome = None;
        self.health.hurry(now);
    }

    /// How the last probe went, told once.
    pub(crate) const fn outcome(&mut self) -> Option<Outcome> {
        self.outcome.take()
    }

    /// The probe's end.
    pub(crate) fn pidfd(&self) -> Option<BorrowedFd<'_>> {
        self.probe.as_ref().map(|probe| probe.process.pidfd())
    }

    /// Its output.
    pub(crate) fn output(&self) -> Option<BorrowedFd<'_>> {
        self.probe.as_ref()?.output.as_ref().map(AsFd::as_fd)
    }

    /// Does what the deadline was for; the verdict when it has changed.
    pub(crate) fn act(
        &mut self,
        target: (&Process, &Cgroup),
        now: Instant,
    ) -> Option<HealthStatus> {
        if self.deadline().is_none_or(|deadline| deadline > now) {
            return None;
        }
        if let Some(probe) = &mut self.probe {
            probe.deadline = None;
            let _ended = probe.process.signal(libc::SIGKILL);
            return None;
        }
        // Whoever joins a frozen group stands still at once, and this process would wait for it.
        if target.1.is_frozen().unwrap_or(false) {
            self.health.put_off(&self.rules, now);
            self.outcome = Some(Outcome::PutOff);
            return None;
        }
        let started = crate::format_time(crate::now_ns());
        match start(&self.rules, self.label.as_deref(), target) {
            Ok((process, output)) => {
                self.health.probing();
                let deadline = Some(now + self.rules.timeout);
                let (output, text) = (Some(output), Vec::new());
                self.probe = Some(Probe { process, output, text, started, deadline });
                None
            }
            Err(words) => self.take(started, FAILED, words, now),
        }
    }

    /// Reads what the probe has written.
    pub(crate) fn read(&mut self) {
        let Some(probe) = &mut self.probe else { return };
        probe.read();
    }

    /// The probe has ended; the verdict when it has changed.
    pub(crate) fn ended(&mut self, now: Instant) -> Option<HealthStatus> {
        let mut probe = self.probe.take()?;
        while probe.read() {}
        let code = crate::run::reap(&probe.process);
        let (code, output) = if probe.deadline.is_none() {
            (FAILED, format!("Health check exceeded timeout ({})", words(self.rules.timeout)))
        } else {
            (code, String::from_utf8_lossy(&probe.text).into_owned())
        };
        self.take(probe.started, code, output, now)
    }

    /// The container has ended: so has the probe.
    pub(crate) fn abandon(&mut self) {
        if let Some(probe) = self.probe.take() {
            let _gone = probe.process.signal(libc::SIGKILL);
            crate::run::reap(&probe.process);
        }
    }

    fn take(
        &mut self,
        start: String,
        code: i32,
        output: String,
        now: Instant,
    ) -> Option<HealthStatus> {
        self.outcome = Some(Outcome::Ended(code));
        let end = crate::format_time(crate::now_ns());
        self.health.take(&self.rules, ProbeResult { start, end, code, output }, now)
    }
}

impl Probe {
    /// Reads once; false when nothing is there.
    fn read(&mut self) -> bool {
        let Some(output) = &self.output else { return false };
        let mut space = [0_u8; MOST_OUTPUT];
        match rustix::io::read(output, &mut space[..]) {
            Ok(0) => {
                self.output = None;
                false
            }
            Ok(count) => {
                let room = MOST_OUTPUT.saturating_sub(self.text.len()).min(count);
                self.text.extend_from_slice(space.get(..room).unwrap_or_default());
                true
            }
            Err(_again) => false,
        }
    }
}

fn start(
    rules: &HealthRules,
    label: Option<&str>,
    (target, cgroup): (&Process, &Cgroup),
) -> Result<(Process, OwnedFd), String> {
    let null = open(c"/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())
        .map_err(|errno| format!("open /dev/null: {}", sys::Errno::from(errno)))?;
    let piped = Pipes::labelled(label).and_then(|pipes| pipes.pipe());
    let (output, theirs) = piped
        .and_then(|(read, write)| {
            rustix::io::ioctl_fionbio(&read, true)?;
            Ok((read, write))
        })
        .map_err(|errno| format!("make a pipe: {errno}"))?;
    let stdio =
        Stdio::Streams { stdin: null.as_fd(), stdout: theirs.as_fd(), stderr: theirs.as_fd() };
    let joined = join(target, cgroup, &rules.probe, stdio).map_err(|error| chain(&error))?;
    Ok((joined.process, output))
}

/// A duration as Go writes it, in seconds where that is exact: Docker's message has it.
fn words(duration: Duration) -> String {
    match (duration.as_secs(), duration.subsec_millis()) {
        (0, milliseconds) => format!("{milliseconds}ms"),
        (seconds, 0) if seconds >= 60 => format!("{}m{}s", seconds / 60, seconds % 60),
        (seconds, 0) => format!("{seconds}s"),
        (_, _) => format!("{}s", duration.as_secs_f64()),
    }
}
