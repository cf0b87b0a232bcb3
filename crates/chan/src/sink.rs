//! Where bytes are written that may take their time: by a thread of its own, so that a pipe that nobody empties holds up whoever sends
//! to it and nobody else. Start at [`Sink::to`].

use std::io::Write;
use std::sync::{Arc, Mutex};

use tokio::sync::{Notify, mpsc};

use crate::conversation::lock;

/// Pieces that wait to be written.
const WAITING: usize = 64;

/// Nobody reads what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gone;

/// Takes what is to be written; its clones are the same one.
#[derive(Clone, Debug)]
pub(crate) struct Sink {
    pieces: mpsc::Sender<Vec<u8>>,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    failed: Mutex<Option<std::io::Error>>,
    ended: Notify,
}

impl Sink {
    /// Writes to something, each piece at once.
    pub(crate) fn to(mut writer: impl Write + Send + 'static) -> Self {
        let (pieces, mut waiting) = mpsc::channel::<Vec<u8>>(WAITING);
        let state = Arc::new(State::default());
        let told = Arc::clone(&state);
        std::thread::spawn(move || {
            // An empty one is the end.
            while let Some(piece) = waiting.blocking_recv().filter(|piece| !piece.is_empty()) {
                if let Err(error) = writer.write_all(&piece).and_then(|()| writer.flush()) {
                    *lock(&told.failed) = Some(error);
                    break;
                }
            }
            drop((waiting, writer));
            told.ended.notify_one();
        });
        Self { pieces, state }
    }

    /// Returns once it will be written.
    ///
    /// # Errors
    /// Nobody reads any more.
    pub(crate) async fn write(&self, piece: Vec<u8>) -> Result<(), Gone> {
        if piece.is_empty() {
            return Ok(());
        }
        self.pieces.send(piece).await.map_err(|_gone| Gone)
    }

    /// The same for a line.
    ///
    /// # Errors
    /// Nobody reads any more.
    pub(crate) async fn line(&self, line: impl std::fmt::Display) -> Result<(), Gone> {
        self.write(format!("{line}\n").into_bytes()).await
    }

    /// Returns once nobody reads any more.
    pub(crate) async fn gone(&self) {
        self.pieces.closed().await;
    }

    /// Returns once all is written; nothing can be written any more.
    ///
    /// # Errors
    /// Not all could be written; told once.
    pub(crate) async fn end(&self) -> std::io::Result<()> {
        let _gone = self.pieces.send(Vec::new()).await;
        self.state.ended.notified().await;
        lock(&self.state.failed).take().map_or(Ok(()), Err)
    }
}
