//! What happens, told once for all who listen: one reader of the events, and its news to every listener.

use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use engine::events::{Event, Events, Reader};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::broadcast;

use crate::descriptor::{Descriptor, waited};

/// News that a listener may be late by; who is later reads them from the file.
const LATE: usize = 1024;

/// Something that happened, and what is sent of it.
#[derive(Debug)]
pub(crate) struct News {
    pub(crate) event: Event,
    line: OnceLock<Bytes>,
}

impl News {
    pub(crate) const fn of(event: Event) -> Self {
        Self { event, line: OnceLock::new() }
    }

    /// The event as listeners get it, made once for all of them.
    pub(crate) fn line(&self, make: impl FnOnce(&Event) -> Bytes) -> Bytes {
        self.line.get_or_init(|| make(&self.event)).clone()
    }
}

/// A listener's end.
pub(crate) type Listener = broadcast::Receiver<Arc<News>>;

/// Tells all who listen; nothing runs while nobody does.
#[derive(Debug, Default)]
pub(crate) struct Hub {
    sender: Arc<Mutex<Option<broadcast::Sender<Arc<News>>>>>,
}

impl Hub {
    /// Begins to listen: what happens from now on is heard.
    ///
    /// # Errors
    /// When the events cannot be read.
    pub(crate) fn listen(&self, events: &Events) -> io::Result<Listener> {
        let mut sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = &*sender {
            return Ok(sender.subscribe());
        }
        let reader = Reader::open(events.clone(), false)?;
        let watched = waited(reader, Interest::READABLE)?;
        let (new, listener) = broadcast::channel(LATE);
        *sender = Some(new.clone());
        tokio::spawn(tell(watched, new, Arc::clone(&self.sender)));
        Ok(listener)
    }

    /// How many listen.
    pub(crate) fn listeners(&self) -> usize {
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        sender.as_ref().map_or(0, broadcast::Sender::receiver_count)
    }
}

async fn tell(
    mut watched: AsyncFd<Descriptor<Reader>>,
    sender: broadcast::Sender<Arc<News>>,
    slot: Arc<Mutex<Option<broadcast::Sender<Arc<News>>>>>,
) {
    loop {
        let Ok(mut ready) = watched.readable_mut().await else { break };
        let reader = &mut ready.get_inner_mut().0;
        if reader.wait(Some(Duration::ZERO)).is_err() {
            break;
        }
        let mut result = reader.next_event();
        while let Ok(Some(event)) = result {
            // Nobody may listen just now.
            let _unheard = sender.send(Arc::new(News::of(event)));
            result = reader.next_event();
        }
        if result.is_err() {
            break;
        }
        ready.clear_ready();
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if sender.receiver_count() == 0 {
            *slot = None;
            return;
        }
    }
    // Listeners hear the end of the sender, and the next one opens the events anew.
    *slot.lock().unwrap_or_else(PoisonError::into_inner) = None;
}
