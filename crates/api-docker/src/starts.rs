//! Clients that wait for a container's start: who attaches to one that does not run gets its output from the first byte, when a request of the same
//! server starts it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use engine::Connection;
use tokio::sync::oneshot;

/// What a client that waits wants.
#[derive(Debug)]
struct Waiter {
    number: u64,
    input: bool,
    output: bool,
    sender: oneshot::Sender<Connection>,
}

/// Clients that wait, by the container's id.
#[derive(Debug, Default)]
pub(crate) struct Starts {
    waiters: Mutex<HashMap<String, Vec<Waiter>>>,
    last: AtomicU64,
}

/// A wait for a start.
#[derive(Debug)]
pub(crate) struct Waiting {
    /// Gets the connection.
    pub(crate) receiver: oneshot::Receiver<Connection>,
    number: u64,
}

/// The clients of a container that is about to start.
#[derive(Debug, Default)]
pub(crate) struct Waiters(Vec<Waiter>);

impl Starts {
    /// Waits for the start of a container; who drops its end is no longer waited for.
    pub(crate) fn wait(&self, id: &str, input: bool, output: bool) -> Waiting {
        let (sender, receiver) = oneshot::channel();
        let number = self.last.fetch_add(1, Ordering::Relaxed);
        let mut waiters = self.waiters.lock().unwrap_or_else(PoisonError::into_inner);
        waiters.retain(|_, waiters| {
            waiters.retain(|waiter| !waiter.sender.is_closed());
            !waiters.is_empty()
        });
        let waiter = Waiter { number, input, output, sender };
        waiters.entry(id.to_owned()).or_default().push(waiter);
        Waiting { receiver, number }
    }

    /// Waits no longer. False where a request of this server is starting the container: then the receiver gets its connection, or its end.
    pub(crate) fn withdraw(&self, id: &str, waiting: &Waiting) -> bool {
        let mut waiters = self.waiters.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(own) = waiters.get_mut(id) else { return false };
        let before = own.len();
        own.retain(|waiter| waiter.number != waiting.number);
        own.len() < before
    }

    /// Takes those who wait for a container.
    pub(crate) fn take(&self, id: &str) -> Waiters {
        let mut waiters = self.waiters.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken = waiters.remove(id).unwrap_or_default();
        taken.retain(|waiter| !waiter.sender.is_closed());
        // Who writes input is born with the container.
        taken.sort_by_key(|waiter| !waiter.input);
        Waiters(taken)
    }
}

impl Waiters {
    /// What the first of them wants.
    pub(crate) fn attach(&self) -> engine::Attach {
        let first = self.0.first();
        engine::Attach {
            input: first.is_some_and(|waiter| waiter.input),
            output: first.is_some_and(|waiter| waiter.output),
            size: None,
        }
    }

    /// Gives the first the connection that was there from the start, and the others one each.
    pub(crate) fn give(self, first: Connection, mut other: impl FnMut() -> Option<Connection>) {
        let mut first = Some(first);
        for waiter in self.0 {
            let connection = first.take().or_else(|| {
                let connection = other()?;
                connection.attach(waiter.input, waiter.output).ok()?;
                Some(connection)
            });
            if let Some(connection) = connection {
                let _left = waiter.sender.send(connection);
            }
        }
    }
}
