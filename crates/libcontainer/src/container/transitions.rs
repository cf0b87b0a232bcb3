//! What may be done with a container where it is in its life: the one table.

use spec::runtime::Status;

/// What can be asked of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Start,
    Signal,
    Pause,
    Resume,
    Update,
    Checkpoint,
    Execute { even_paused: bool },
    Delete { force: bool },
}

impl Action {
    /// As it stands in an error, before the container's name.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Signal => "signal",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Update => "update",
            Self::Checkpoint => "checkpoint",
            Self::Execute { .. } => "execute in",
            Self::Delete { .. } => "delete",
        }
    }

    /// Whether `status` allows it.
    pub(super) const fn is_allowed(self, status: Status) -> bool {
        match (self, status) {
            (Self::Start, Status::Created)
            | (Self::Pause, Status::Created | Status::Running)
            | (Self::Resume, Status::Paused)
            | (Self::Signal | Self::Update, Status::Created | Status::Running | Status::Paused)
            | (Self::Checkpoint, Status::Running | Status::Paused)
            | (Self::Execute { .. }, Status::Created | Status::Running)
            | (Self::Execute { even_paused: true }, Status::Paused)
            // Nothing of the user's runs in it yet.
            | (Self::Delete { force: false }, Status::Created | Status::Stopped)
            | (Self::Delete { force: true }, _) => true,
            (
                Self::Start
                | Self::Signal
                | Self::Pause
                | Self::Resume
                | Self::Update
                | Self::Checkpoint
                | Self::Execute { .. }
                | Self::Delete { force: false },
                _,
            ) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_is_decided() {
        let row = |action: Action| {
            [Status::Creating, Status::Created, Status::Running, Status::Paused, Status::Stopped]
                .map(|status| if action.is_allowed(status) { 'y' } else { '-' })
                .iter()
                .collect::<String>()
        };
        for (action, allowed) in [
            (Action::Start, "-y---"),
            (Action::Signal, "-yyy-"),
            (Action::Pause, "-yy--"),
            (Action::Resume, "---y-"),
            (Action::Update, "-yyy-"),
            (Action::Checkpoint, "--yy-"),
            (Action::Execute { even_paused: false }, "-yy--"),
            (Action::Execute { even_paused: true }, "-yyy-"),
            (Action::Delete { force: false }, "-y--y"),
            (Action::Delete { force: true }, "yyyyy"),
        ] {
            assert_eq!(row(action), allowed, "{action:?}");
        }
    }
}
