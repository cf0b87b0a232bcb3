//! Names in this process, and no bytes: values pass as they are.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use super::{ConnectError, io};
use crate::channel::{Receiver, Sender, TrySendError, buffered};
use crate::limits::Limits;
use crate::session::Session;

/// Sessions that have been connected and not accepted, as a socket's backlog.
const BACKLOG: usize = 128;

/// Who listens.
static NAMES: LazyLock<Mutex<HashMap<String, Sender<Session>>>> = LazyLock::new(Mutex::default);

fn names() -> MutexGuard<'static, HashMap<String, Sender<Session>>> {
    NAMES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The limits are those of who connects, for both sides.
pub(super) fn connect(name: &str, limits: &Limits) -> Result<Session, ConnectError> {
    let failed = |kind: ErrorKind| io("connect to", format!("memory://{name}"))(kind.into());
    let names = names();
    let listener = names.get(name).ok_or_else(|| failed(ErrorKind::ConnectionRefused))?;
    let (near, far) = Session::pair(limits);
    match listener.try_send(far) {
        Ok(()) => Ok(near),
        Err(TrySendError::Full(_)) => Err(failed(ErrorKind::WouldBlock)),
        Err(TrySendError::Closed(_)) => Err(failed(ErrorKind::ConnectionRefused)),
    }
}

/// Listens at a name, which is free again when this is dropped.
#[derive(Debug)]
pub(super) struct MemoryListener {
    name: String,
    arrived: tokio::sync::Mutex<Receiver<Session>>,
}

impl MemoryListener {
    pub(super) fn bind(name: &str) -> Result<Self, ConnectError> {
        let mut names = names();
        if names.contains_key(name) {
            return Err(io("listen at", format!("memory://{name}"))(ErrorKind::AddrInUse.into()));
        }
        let (arrive, arrived) = buffered(BACKLOG);
        names.insert(name.to_owned(), arrive);
        Ok(Self { name: name.to_owned(), arrived: tokio::sync::Mutex::new(arrived) })
    }

    pub(super) async fn accept(&self) -> Result<Session, ConnectError> {
        let arrived = self.arrived.lock().await.recv().await.ok().flatten();
        let gone = || io("accept at", format!("memory://{}", self.name));
        // The sender is in the table as long as this is here.
        arrived.ok_or_else(|| gone()(ErrorKind::NotConnected.into()))
    }
}

impl Drop for MemoryListener {
    fn drop(&mut self) {
        names().remove(&self.name);
    }
}
