//! Terminals of further processes that this server has started, for clients that size them.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, PoisonError};

use hyper::StatusCode;
use rustix::termios::{Winsize, tcsetwinsize};

use crate::failure::Failure;

/// Masters of terminals, by the id of the further process.
#[derive(Debug, Default)]
pub(crate) struct Consoles(Mutex<HashMap<String, OwnedFd>>);

impl Consoles {
    /// Keeps one until [`Consoles::remove`].
    pub(crate) fn keep(&self, id: &str, master: OwnedFd) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned(), master);
    }

    /// Lets go of one.
    pub(crate) fn remove(&self, id: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    /// Sets the size of one.
    pub(crate) fn resize(&self, id: &str, rows: u16, columns: u16) -> Result<(), Failure> {
        let consoles = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(master) = consoles.get(id) else {
            return Err(Failure {
                status: StatusCode::CONFLICT,
                message: format!(
                    "exec {id} has no terminal here: it does not run, or was made without one"
                ),
            });
        };
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(master, size).map_err(|errno| Failure::internal(errno.to_string()))
    }
}
