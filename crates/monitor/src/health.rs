//! What a container's health check says about it: a probe now and then, and what follows from its results.
//!
//! [`Health`] is pure: times and results come in, deadlines and verdicts go out. The probe's process is in [`crate::probe`].

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use libcontainer::ProcessPlan;
use serde::{Deserialize, Serialize};

/// Results that are kept, as Docker keeps them.
const MOST_RESULTS: usize = 5;

/// How a container's health is checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HealthRules {
    /// The process that probes; 0 is healthy.
    pub probe: ProcessPlan,
    /// Between the end of a probe and the next.
    pub interval: Duration,
    /// After this a probe is ended, and has failed.
    pub timeout: Duration,
    /// Failures in a row that make it unhealthy.
    pub retries: u32,
    /// At the beginning failures do not count, until the first success.
    pub start_period: Duration,
    /// Between probes in that time.
    pub start_interval: Duration,
    /// What happens to a container that is unhealthy.
    pub on_failure: OnFailure,
}

/// What happens to a container that is unhealthy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnFailure {
    /// It is told, and no more.
    #[default]
    None,
    /// It is killed; its restart policy says what comes then.
    Kill,
    /// It is stopped, and started again whatever its policy says.
    Restart,
    /// It is stopped, and stays so.
    Stop,
}

/// Docker's words for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HealthStatus {
    /// Nothing is known yet.
    #[default]
    Starting,
    /// The last probe succeeded.
    Healthy,
    /// As many as the rules say have failed in a row.
    Unhealthy,
}

impl HealthStatus {
    /// As Docker writes it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
        }
    }
}

/// What one probe said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeResult {
    /// RFC 3339.
    pub start: String,
    /// RFC 3339.
    pub end: String,
    /// Exit code; −1 for one that had to be ended or could not be started.
    pub code: i32,
    /// The beginning of its output.
    pub output: String,
}

/// What is known, as others read it from `health.json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthFile {
    /// The verdict.
    pub status: HealthStatus,
    /// Failures in a row.
    pub failing_streak: u32,
    /// The last probes, the oldest first.
    pub log: VecDeque<ProbeResult>,
}

/// The health of one run of a container.
#[derive(Debug)]
pub(crate) struct Health {
    known: HealthFile,
    /// When the run began.
    began: Instant,
    /// When the next probe is due; nothing while one runs.
    due: Option<Instant>,
    has_succeeded: bool,
}

impl Health {
    pub(crate) fn begin(rules: &HealthRules, now: Instant) -> Self {
        let mut health =
            Self { known: HealthFile::default(), began: now, due: None, has_succeeded: false };
        health.due = Some(now + health.pause(rules, now));
        health
    }

    pub(crate) const fn known(&self) -> &HealthFile {
        &self.known
    }

    pub(crate) const fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Somebody wants to know now: the next probe is due, unless one runs.
    pub(crate) fn hurry(&mut self, now: Instant) {
        self.due = self.due.map(|due| due.min(now));
    }

    /// A probe runs: none is due.
    pub(crate) const fn probing(&mut self) {
        self.due = None;
    }

    /// The container stands still: the next probe is due later.
    pub(crate) fn put_off(&mut self, rules: &HealthRules, now: Instant) {
        self.due = Some(now + self.pause(rules, now));
    }

    /// Takes a result down; the verdict when it has changed.
    pub(crate) fn take(
        &mut self,
        rules: &HealthRules,
        result: ProbeResult,
        now: Instant,
    ) -> Option<HealthStatus> {
        let before = self.known.status;
        if result.code == 0 {
            self.has_succeeded = true;
            self.known.failing_streak = 0;
            self.known.status = HealthStatus::Healthy;
        } else if !self.is_beginning(rules, now) {
            self.known.failing_streak = self.known.failing_streak.saturating_add(1);
            if self.known.failing_streak >= rules.retries {
                self.known.status = HealthStatus::Unhealthy;
            }
        }
        self.known.log.push_back(result);
        while self.known.log.len() > MOST_RESULTS {
            self.known.log.pop_front();
        }
        self.due = Some(now + self.pause(rules, now));
        (self.known.status != before).then_some(self.known.status)
    }

    fn is_beginning(&self, rules: &HealthRules, now: Instant) -> bool {
        !self.has_succeeded && now.saturating_duration_since(self.began) < rules.start_period
    }

    fn pause(&self, rules: &HealthRules, now: Instant) -> Duration {
        if self.is_beginning(rules, now) { rules.start_interval } else { rules.interval }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> HealthRules {
        HealthRules {
            probe: libcontainer::plan_process(&spec::runtime::Process {
                args: vec!["true".to_owned()],
                cwd: "/".into(),
                ..Default::default()
            })
            .unwrap(),
            interval: Duration::from_secs(30),
            timeout: Duration::from_secs(30),
            retries: 3,
            start_period: Duration::ZERO,
            start_interval: Duration::from_secs(5),
            on_failure: OnFailure::None,
        }
    }

    fn result(code: i32) -> ProbeResult {
        ProbeResult { start: String::new(), end: String::new(), code, output: String::new() }
    }

    #[test]
    fn failures_in_a_row_make_it_unhealthy_and_one_success_healthy() {
        let (rules, now) = (rules(), Instant::now());
        let mut health = Health::begin(&rules, now);
        let verdicts: Vec<_> = [1, 1, 0, 1, 1, 1, 1, 0]
            .map(|code| health.take(&rules, result(code), now))
            .into_iter()
            .collect();
        let (healthy, unhealthy) = (Some(HealthStatus::Healthy), Some(HealthStatus::Unhealthy));
        assert_eq!(verdicts, [None, None, healthy, None, None, unhealthy, None, healthy]);
        assert_eq!(health.known().log.len(), MOST_RESULTS);
    }

    #[test]
    fn at_the_beginning_failures_do_not_count_until_a_success() {
        let mut rules = rules();
        rules.start_period = Duration::from_secs(60);
        rules.retries = 1;
        let start = Instant::now();
        let mut health = Health::begin(&rules, start);
        assert_eq!(health.due(), Some(start + rules.start_interval));
        let early = start + Duration::from_secs(5);
        assert_eq!(health.take(&rules, result(1), early), None);
        assert_eq!(health.known().failing_streak, 0);
        assert_eq!(health.take(&rules, result(0), early), Some(HealthStatus::Healthy));
        assert_eq!(health.due(), Some(early + rules.interval), "the beginning is over");
        assert_eq!(health.take(&rules, result(1), early), Some(HealthStatus::Unhealthy));
    }

    #[test]
    fn after_the_beginning_failures_count_without_any_success() {
        let mut rules = rules();
        rules.start_period = Duration::from_secs(10);
        rules.retries = 1;
        let start = Instant::now();
        let mut health = Health::begin(&rules, start);
        let late = start + Duration::from_secs(10);
        assert_eq!(health.take(&rules, result(1), late), Some(HealthStatus::Unhealthy));
    }
}
