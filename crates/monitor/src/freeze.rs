//! A container that stands still for a client, and no longer than the client is there: whatever ends the client, its socket
//! closes, and the container goes on. Start at [`Freeze::hold`].
//!
//! A pause that somebody asked for is not undone here: its mark says so, see [`PAUSED`].

use std::path::{Path, PathBuf};

use libcontainer::cgroup::Cgroup;
use libcontainer::chain;

use crate::clients::Clients;
use crate::files::PAUSED;
use crate::message::{failure, kind};
use crate::run::GROUP_PATIENCE;

/// Exit code of an engine's own failure.
const REFUSED: u8 = 125;

pub(crate) struct Freeze {
    mark: PathBuf,
}

impl Freeze {
    pub(crate) fn of(state_dir: &Path) -> Self {
        Self { mark: state_dir.join(PAUSED) }
    }

    /// Stops every process until the client thaws them or is gone, and answers it.
    pub(crate) fn hold(&self, cgroup: &Cgroup, client: u32, clients: &mut Clients) {
        match cgroup.freeze(GROUP_PATIENCE) {
            Ok(()) => {
                if let Some(client) = clients.get_mut(client) {
                    client.holds_freeze = true;
                }
                // One that has gone meanwhile is found out by this, and is a holder by now.
                clients.owe(client, &[kind::FROZEN], None);
            }
            Err(error) => {
                let answer = failure(kind::FREEZE_FAILED, REFUSED, &chain(&error));
                clients.owe(client, &answer, None);
            }
        }
    }

    /// Lets the processes go on unless another client holds them, or somebody paused the container meanwhile.
    pub(crate) fn release(&self, cgroup: &Cgroup, clients: &Clients) {
        if clients.hold_freeze() || self.mark.exists() {
            return;
        }
        // A group that is gone has nobody to let go.
        let _gone = cgroup.thaw();
        if self.mark.exists() {
            // It was paused between the look and the thaw: who pauses marks first, so one of the two looks has seen it.
            let _told_there = cgroup.freeze(GROUP_PATIENCE);
        }
    }
}
