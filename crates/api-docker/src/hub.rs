//! What happens, told once for all who listen: one reader of the events, and its news to every listener.

use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use engine::events::{Event, Events, Reader};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::broadcast;
use tokio::time::timeout;

use crate::descriptor::{Descriptor, waited};

/// How long the events are read on when nobody listens any more: who comes meanwhile, as each `docker run` does, finds them open.
const LINGERING: Duration = Duration::from_secs(30);
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
    let mut heard_at = Instant::now();
    loop {
        let passed = timeout(LINGERING, pass_on(&mut watched, &sender)).await;
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if sender.receiver_count() > 0 {
            heard_at = Instant::now();
        }
        // At an error listeners hear the end of the sender, and the next one opens the events anew.
        if matches!(passed, Ok(Err(_))) || heard_at.elapsed() >= LINGERING {
            *slot = None;
            break;
        }
    }
    // Whoever closes it waits until the kernel has let go of what was watched: 7 to 20 ms were measured.
    let reader = watched.into_inner();
    drop(tokio::task::spawn_blocking(move || drop(reader)));
}

/// Waits for events, and tells those that are there.
async fn pass_on(
    watched: &mut AsyncFd<Descriptor<Reader>>,
    sender: &broadcast::Sender<Arc<News>>,
) -> io::Result<()> {
    let mut ready = watched.readable_mut().await?;
    let reader = &mut ready.get_inner_mut().0;
    reader.wait(Some(Duration::ZERO))?;
    while let Some(event) = reader.next_event()? {
        // Nobody may listen just now.
        let _unheard = sender.send(Arc::new(News::of(event)));
    }
    ready.clear_ready();
    Ok(())
}
