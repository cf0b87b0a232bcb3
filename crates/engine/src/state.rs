//! Where a container is in its life, and what may be done to it there: one table, [`Phase::allow`].

use store::Ended;

/// Where a container is in its life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Never started, or its start failed.
    Created {
        /// Exit code of a start that failed, or 0.
        code: i32,
        /// Why it failed.
        error: String,
    },
    /// A monitor is about to start it.
    Starting,
    /// Its first process lives.
    Running {
        /// The process.
        pid: i32,
        /// When the process was made, in clock ticks since boot.
        start_time: u64,
        /// RFC 3339.
        started_at: String,
        /// Whether its processes stand still.
        paused: bool,
        /// Whether its monitor lives.
        monitored: bool,
        /// How often it was started again since somebody started it.
        restarts: u32,
        /// Whether the kernel killed a process of this run because memory ran out.
        oom_killed: bool,
    },
    /// It has ended and will be started again.
    Restarting(Ended),
    /// It has ended.
    Exited(Ended),
}

/// A state without its facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Never started, or its start failed.
    Created,
    /// A monitor is about to start it.
    Starting,
    /// Its first process lives.
    Running,
    /// Its processes stand still.
    Paused,
    /// It has ended and will be started again.
    Restarting,
    /// It has ended.
    Exited,
}

/// What people do to a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Start,
    Stop,
    Kill,
    Pause,
    Unpause,
    Checkpoint,
    Clone,
    Snapshot,
    Restore,
    Exec,
    CheckHealth,
    Attach,
    ListProcesses,
    ShareNamespaces,
    Update,
    Mount,
    Unmount,
    Remove,
    RemoveByForce,
}

/// What an action comes to where it is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Allowed {
    /// It is done.
    Act,
    /// The container is where the action would bring it.
    Already,
}

impl State {
    pub(crate) fn running(state: monitor::StateFile, monitored: bool, paused: bool) -> Self {
        Self::Running {
            pid: state.pid,
            start_time: state.start_time,
            started_at: state.started_at,
            paused,
            monitored,
            restarts: state.restarts,
            oom_killed: state.oom_killed,
        }
    }

    /// Docker's word for it.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self.phase() {
            Phase::Created | Phase::Starting => "created",
            Phase::Running => "running",
            Phase::Paused => "paused",
            Phase::Restarting => "restarting",
            Phase::Exited => "exited",
        }
    }

    /// How often it was started again since somebody started it.
    #[must_use]
    pub const fn restarts(&self) -> u32 {
        match self {
            Self::Created { .. } | Self::Starting => 0,
            Self::Running { restarts, .. } => *restarts,
            Self::Restarting(ended) | Self::Exited(ended) => ended.restarts,
        }
    }

    /// The state without its facts.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        match self {
            Self::Created { .. } => Phase::Created,
            Self::Starting => Phase::Starting,
            Self::Running { paused: false, .. } => Phase::Running,
            Self::Running { paused: true, .. } => Phase::Paused,
            Self::Restarting(_) => Phase::Restarting,
            Self::Exited(_) => Phase::Exited,
        }
    }
}

impl Action {
    /// Its words before a container's name.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Kill => "kill",
            Self::Pause => "pause",
            Self::Unpause => "unpause",
            Self::Checkpoint => "checkpoint",
            Self::Clone => "clone",
            Self::Snapshot => "make a snapshot of",
            Self::Restore => "restore",
            Self::Exec => "exec in",
            Self::CheckHealth => "check the health of",
            Self::Attach => "attach to",
            Self::ListProcesses => "list the processes of",
            Self::ShareNamespaces => "share the namespaces of",
            Self::Update => "update",
            Self::Mount => "mount",
            Self::Unmount => "unmount",
            Self::Remove | Self::RemoveByForce => "remove",
        }
    }
}

impl Phase {
    /// Whether `action` may be done now; otherwise what the container is, in words.
    pub(crate) const fn allow(self, action: Action) -> Result<Allowed, &'static str> {
        match (self, action) {
            (
                Self::Created | Self::Exited,
                Action::Start | Action::Restore | Action::Remove | Action::RemoveByForce,
            )
            | (Self::Starting, Action::Attach | Action::RemoveByForce)
            | (
                Self::Running,
                Action::Stop
                | Action::Kill
                | Action::Pause
                | Action::Checkpoint
                | Action::Exec
                | Action::CheckHealth
                | Action::Attach
                | Action::ListProcesses
                | Action::ShareNamespaces
                | Action::RemoveByForce,
            )
            | (
                Self::Paused,
                Action::Stop
                | Action::Kill
                | Action::Unpause
                | Action::ListProcesses
                | Action::ShareNamespaces
                | Action::RemoveByForce,
            )
            | (Self::Restarting, Action::Stop | Action::Kill | Action::RemoveByForce) => {
                Ok(Allowed::Act)
            }
            (Self::Starting | Self::Running | Self::Restarting, Action::Start)
            | (Self::Created | Self::Starting | Self::Exited, Action::Stop) => Ok(Allowed::Already),
            (_, Action::Update | Action::Unmount) => Ok(Allowed::Act),
            (
                Self::Created | Self::Running | Self::Paused | Self::Exited,
                Action::Clone | Action::Snapshot,
            ) => Ok(Allowed::Act),
            (Self::Starting, Action::Clone | Action::Snapshot) => Err("about to start"),
            (Self::Starting | Self::Running, Action::Restore) => Err("running"),
            (Self::Restarting, Action::Mount) => Err("restarting"),
            (_, Action::Mount) => Ok(Allowed::Act),
            (Self::Paused, Action::Pause) => Err("paused already"),
            (Self::Paused, _) => Err("paused"),
            (Self::Restarting, Action::Unpause) => Err("not paused"),
            (Self::Restarting, _) => Err("restarting"),
            (Self::Starting | Self::Running, Action::Remove) => Err("running"),
            (_, Action::Unpause) => Err("not paused"),
            (_, _) => Err("not running"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHASES: [Phase; 6] = [
        Phase::Created,
        Phase::Starting,
        Phase::Running,
        Phase::Paused,
        Phase::Restarting,
        Phase::Exited,
    ];
    const ACTIONS: [Action; 19] = [
        Action::Start,
        Action::Stop,
        Action::Kill,
        Action::Pause,
        Action::Unpause,
        Action::Checkpoint,
        Action::Clone,
        Action::Snapshot,
        Action::Restore,
        Action::Exec,
        Action::CheckHealth,
        Action::Attach,
        Action::ListProcesses,
        Action::ShareNamespaces,
        Action::Update,
        Action::Mount,
        Action::Unmount,
        Action::Remove,
        Action::RemoveByForce,
    ];

    #[test]
    fn every_pair_has_its_answer() {
        let mut table = String::new();
        for action in ACTIONS {
            table += &format!("{action:?}:");
            for phase in PHASES {
                let answer = match phase.allow(action) {
                    Ok(Allowed::Act) => "yes",
                    Ok(Allowed::Already) => "already",
                    Err(words) => words,
                };
                table += &format!(" {phase:?}={answer},");
            }
            table += "\n";
        }
        insta::assert_snapshot!(table, @r"
        Start: Created=yes, Starting=already, Running=already, Paused=paused, Restarting=already, Exited=yes,
        Stop: Created=already, Starting=already, Running=yes, Paused=yes, Restarting=yes, Exited=already,
        Kill: Created=not running, Starting=not running, Running=yes, Paused=yes, Restarting=yes, Exited=not running,
        Pause: Created=not running, Starting=not running, Running=yes, Paused=paused already, Restarting=restarting, Exited=not running,
        Unpause: Created=not paused, Starting=not paused, Running=not paused, Paused=yes, Restarting=not paused, Exited=not paused,
        Checkpoint: Created=not running, Starting=not running, Running=yes, Paused=paused, Restarting=restarting, Exited=not running,
        Clone: Created=yes, Starting=about to start, Running=yes, Paused=yes, Restarting=restarting, Exited=yes,
        Snapshot: Created=yes, Starting=about to start, Running=yes, Paused=yes, Restarting=restarting, Exited=yes,
        Restore: Created=yes, Starting=running, Running=running, Paused=paused, Restarting=restarting, Exited=yes,
        Exec: Created=not running, Starting=not running, Running=yes, Paused=paused, Restarting=restarting, Exited=not running,
        CheckHealth: Created=not running, Starting=not running, Running=yes, Paused=paused, Restarting=restarting, Exited=not running,
        Attach: Created=not running, Starting=yes, Running=yes, Paused=paused, Restarting=restarting, Exited=not running,
        ListProcesses: Created=not running, Starting=not running, Running=yes, Paused=yes, Restarting=restarting, Exited=not running,
        ShareNamespaces: Created=not running, Starting=not running, Running=yes, Paused=yes, Restarting=restarting, Exited=not running,
        Update: Created=yes, Starting=yes, Running=yes, Paused=yes, Restarting=yes, Exited=yes,
        Mount: Created=yes, Starting=yes, Running=yes, Paused=yes, Restarting=restarting, Exited=yes,
        Unmount: Created=yes, Starting=yes, Running=yes, Paused=yes, Restarting=yes, Exited=yes,
        Remove: Created=yes, Starting=running, Running=running, Paused=paused, Restarting=restarting, Exited=yes,
        RemoveByForce: Created=yes, Starting=yes, Running=yes, Paused=yes, Restarting=yes, Exited=yes,
        ");
    }
}
