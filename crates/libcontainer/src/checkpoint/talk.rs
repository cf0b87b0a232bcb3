//! One request from its first word to its last, with the moments in between that CRIU waits for.

use std::os::fd::OwnedFd;

use super::criu::Session;
use super::error::CheckpointError;
use super::message::{self, Kind, Response};
use super::options::Directories;
use super::protobuf::Writer;

/// A moment at which CRIU stands still until the caller has done what belongs there.
#[derive(Debug)]
pub enum Moment {
    /// The images are whole; what was dumped has not gone on or ended yet.
    Dumped,
    /// Nobody shall reach the container from outside any more.
    LockNetwork,
    /// They may again.
    UnlockNetwork,
    /// The namespaces of the restored container exist, around process `pid`: the time for its network and for the hooks
    /// `prestart` and `createRuntime`.
    Namespaces {
        /// In the caller's pid namespace.
        pid: i32,
    },
    /// All processes are there, and none has gone on yet.
    Restored {
        /// The first one, in the caller's pid namespace.
        pid: i32,
    },
    /// The terminal of the restored container.
    Terminal {
        /// Its master.
        master: OwnedFd,
    },
    /// The server for lazy pages listens.
    PagesReady,
}

/// What a caller does at a moment; an error ends the work.
pub type OnMoment<'a> =
    &'a mut dyn FnMut(Moment) -> Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// Asks, serves the notifications, and returns the last answer. The run has ended.
pub(super) fn talk(
    mut session: Session,
    (kind, options): (Kind, &Writer),
    directories: &Directories<'_>,
    on_moment: OnMoment<'_>,
) -> Result<Response, CheckpointError> {
    session.say(&message::request(kind, Some(options)))?;
    loop {
        let heard = session.hear();
        let (answer, descriptor) = if let Err(CheckpointError::Ended { .. }) = heard {
            return Err(CheckpointError::Ended { log: directories.log_tail() });
        } else {
            heard?
        };
        if !answer.success {
            session.finish()?;
            return Err(CheckpointError::Refused {
                verb: kind.verb(),
                errno: answer.errno,
                message: answer.message,
                log: directories.log_tail(),
            });
        }
        if answer.is(kind) {
            session.finish()?;
            return Ok(answer);
        }
        let Some((script, pid)) = answer.notify.filter(|_| answer.kind == Kind::Notify as i32)
        else {
            return Err(CheckpointError::Malformed);
        };
        if let Some(moment) = moment(&script, pid, descriptor) {
            on_moment(moment).map_err(|cause| CheckpointError::Caller { moment: script, cause })?;
        }
        session.say(&message::notified())?;
    }
}

/// Nothing for moments that nobody has anything to do at.
fn moment(script: &str, pid: i32, descriptor: Option<OwnedFd>) -> Option<Moment> {
    match script {
        "post-dump" => Some(Moment::Dumped),
        "network-lock" => Some(Moment::LockNetwork),
        "network-unlock" => Some(Moment::UnlockNetwork),
        "setup-namespaces" => Some(Moment::Namespaces { pid }),
        "post-restore" => Some(Moment::Restored { pid }),
        "orphan-pts-master" => descriptor.map(|master| Moment::Terminal { master }),
        "status-ready" => Some(Moment::PagesReady),
        _ => None,
    }
}
