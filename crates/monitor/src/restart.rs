//! Whether a container that has ended is started again, and after how long. Pure: what happened comes in as values.
//!
//! Start at [`Restarts::after`].

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Wait before the first restart; each further one waits twice as long.
const FIRST_DELAY: Duration = Duration::from_millis(100);
/// No wait is longer.
const LONGEST_DELAY: Duration = Duration::from_secs(60);
/// A run of this length was a good one: the waits begin anew.
const GOOD_RUN: Duration = Duration::from_secs(10);
/// A system that reboots itself after so long is in no loop, however often it does: there is no wait.
const GOOD_REBOOT: Duration = Duration::from_secs(1);

/// When a container is started again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RestartPolicy {
    /// Never.
    #[default]
    No,
    /// When it ends with another code than 0.
    OnFailure {
        /// So often at most; nothing is without end.
        most: Option<u32>,
    },
    /// When it ends with another code than 0, or its health check calls it unhealthy.
    OnUnhealthy {
        /// So often at most; nothing is without end.
        most: Option<u32>,
    },
    /// Whenever it ends, and after a reboot.
    Always,
    /// The same, but not after a reboot when somebody had stopped it.
    UnlessStopped,
}

/// Whether a run was ended to be started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Not,
    /// Its health check was failing.
    ForHealth,
    /// The system inside reboots.
    Reboot,
}

/// How a run ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    pub(crate) code: i32,
    pub(crate) asked: Asked,
    pub(crate) ran_for: Duration,
}

/// The restarts of one container since somebody started it.
#[derive(Debug)]
pub(crate) struct Restarts {
    pub(crate) policy: RestartPolicy,
    pub(crate) count: u32,
    delay: Duration,
    /// Somebody wants it to stay down.
    held: bool,
}

impl Restarts {
    pub(crate) const fn new(policy: RestartPolicy) -> Self {
        Self { policy, count: 0, delay: FIRST_DELAY, held: false }
    }

    /// From now on it stays down when it ends.
    pub(crate) const fn hold(&mut self) {
        self.held = true;
    }

    pub(crate) const fn is_held(&self) -> bool {
        self.held
    }

    /// After how long it is started again; nothing when it stays down.
    pub(crate) fn after(&mut self, end: End) -> Option<Duration> {
        if self.held || !(self.wants(end.code) || end.asked != Asked::Not) {
            return None;
        }
        if end.ran_for >= GOOD_RUN {
            self.delay = FIRST_DELAY;
        }
        self.count = self.count.saturating_add(1);
        if end.asked == Asked::Reboot && end.ran_for >= GOOD_REBOOT {
            return Some(Duration::ZERO);
        }
        let delay = self.delay;
        self.delay = delay.saturating_mul(2).min(LONGEST_DELAY);
        Some(delay)
    }

    fn wants(&self, code: i32) -> bool {
        match self.policy {
            RestartPolicy::No => false,
            RestartPolicy::OnFailure { most } | RestartPolicy::OnUnhealthy { most } => {
                code != 0 && most.is_none_or(|most| self.count < most)
            }
            RestartPolicy::Always | RestartPolicy::UnlessStopped => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(code: i32, seconds: u64) -> End {
        End { code, asked: Asked::Not, ran_for: Duration::from_secs(seconds) }
    }

    #[test]
    fn waits_double_up_to_a_minute_and_begin_anew_after_a_good_run() {
        let mut restarts = Restarts::new(RestartPolicy::Always);
        let waits: Vec<u128> =
            (0..12).map(|_| restarts.after(ended(0, 0)).unwrap().as_millis()).collect();
        assert_eq!(
            waits,
            [100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 51200, 60000, 60000]
        );
        assert_eq!(restarts.after(ended(0, 10)).unwrap().as_millis(), 100);
        assert_eq!(restarts.count, 13);
    }

    #[test]
    fn each_policy_looks_at_the_code() {
        let decide = |policy, code| Restarts::new(policy).after(ended(code, 0)).is_some();
        assert!(!decide(RestartPolicy::No, 1));
        assert!(decide(RestartPolicy::OnFailure { most: None }, 1));
        assert!(!decide(RestartPolicy::OnFailure { most: None }, 0));
        assert!(decide(RestartPolicy::OnUnhealthy { most: None }, 137));
        assert!(decide(RestartPolicy::Always, 0));
        assert!(decide(RestartPolicy::UnlessStopped, 0));
    }

    #[test]
    fn retries_are_counted() {
        let mut restarts = Restarts::new(RestartPolicy::OnFailure { most: Some(2) });
        let tries: Vec<bool> = (0..4).map(|_| restarts.after(ended(1, 60)).is_some()).collect();
        assert_eq!(tries, [true, true, false, false]);
    }

    #[test]
    fn what_is_held_stays_down() {
        let mut restarts = Restarts::new(RestartPolicy::Always);
        restarts.hold();
        assert_eq!(restarts.after(ended(1, 0)), None);
    }

    #[test]
    fn an_end_that_was_asked_for_needs_no_policy_and_a_reboot_no_wait() {
        let mut restarts = Restarts::new(RestartPolicy::No);
        let mut wait = |asked, seconds| {
            let end = End { asked, ..ended(0, seconds) };
            restarts.after(end).map(|delay| delay.as_millis())
        };
        assert_eq!(wait(Asked::Not, 5), None);
        assert_eq!([wait(Asked::ForHealth, 5), wait(Asked::ForHealth, 5)], [Some(100), Some(200)]);
        assert_eq!([wait(Asked::Reboot, 1), wait(Asked::Reboot, 1)], [Some(0), Some(0)]);
        // One that reboots as soon as it is there is in a loop.
        assert_eq!([wait(Asked::Reboot, 0), wait(Asked::Reboot, 0)], [Some(400), Some(800)]);
        assert_eq!(restarts.count, 6);
    }
}
