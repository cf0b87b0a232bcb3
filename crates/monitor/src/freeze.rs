//! A container that stands still for a client, and no longer than the client is there: whatever ends the client, its socket
//! closes, and the container goes on. Start at [`Freeze::hold`].
//!
//! Or that was paused by somebody, until somebody resumes it: that is marked in the state directory, see [`PAUSED`]. Both are done
//! here, between two packets: a command that froze the group by itself could meet the next run in the middle of its making, and
//! who makes it would wait for ever.

use std::path::{Path, PathBuf};

use libcontainer::cgroup::Cgroup;
use libcontainer::chain;

use crate::clients::Clients;
use crate::files::PAUSED;
use crate::message::{failure, kind};
use crate::run::GROUP_PATIENCE;
use crate::running::Running;

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

    /// Stops every process until somebody resumes the container, and answers the client.
    pub(crate) fn pause(&self, run: &mut Running, client: u32, clients: &mut Clients) {
        if self.mark.exists() {
            return clients.owe(client, &[kind::NOT_NOW], None);
        }
        let marked = std::fs::File::create(&self.mark);
        let frozen = marked.map_err(|error| format!("write {}: {error}", self.mark.display()));
        let frozen = frozen.and_then(|_mark| {
            run.claim.withdraw();
            run.cgroup.freeze(GROUP_PATIENCE).map_err(|error| {
                self.forget();
                run.claim.renew();
                chain(&error)
            })
        });
        match frozen {
            Ok(()) => clients.owe(client, &[kind::FROZEN], None),
            Err(why) => clients.owe(client, &failure(kind::FREEZE_FAILED, REFUSED, &why), None),
        }
    }

    /// Lets the processes go on that [`Freeze::pause`] stopped, unless a client holds them.
    pub(crate) fn resume(&self, run: &mut Running, client: u32, clients: &mut Clients) {
        if std::fs::remove_file(&self.mark).is_err() {
            return clients.owe(client, &[kind::NOT_NOW], None);
        }
        self.release(&run.cgroup, clients);
        run.claim.renew();
        clients.owe(client, &[kind::THAWED], None);
    }

    /// A run that was paused has ended: the next one is not.
    pub(crate) fn forget(&self) {
        let _absent = std::fs::remove_file(&self.mark);
    }

    /// Lets the processes go on unless another client holds them, or somebody has paused the container.
    pub(crate) fn release(&self, cgroup: &Cgroup, clients: &Clients) {
        if !clients.hold_freeze() && !self.mark.exists() {
            // A group that is gone has nobody to let go.
            let _gone = cgroup.thaw();
        }
    }
}
