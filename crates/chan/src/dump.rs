//! `corten chan dump`: the frames of a conversation, as they pass or as they were recorded. Start at [`dump`] and [`dump_files`].
//!
//! ```text
//!     0.001234 #1 > DATA stream=1 flags=FIN length=14
//!                  0000  81 a4 54 65 78 74 a5 68  65 6c 6c 6f              |..Text.hello|
//!                  channel 2: {"Text":"hello"}
//! ```
//!
//! `>` is from who has connected, `<` from who was connected to. In messages `{"$sender":3}` is the stream with that number in its header
//! `libchan-ref`. Frames are those of SPDY (`frame`) or of HTTP/2 (`http2`), by how a direction begins (`wire`).

mod file;
mod frame;
mod hpack;
mod http2;
mod streams;
mod text;
mod way;
mod wire;

use std::borrow::Cow;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use jiff::Timestamp;
use libchan::{Accepted, ByteStream};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::conversation::{Conversation, Ground, Outcome, lock, run};
use crate::error::ChanError;
use crate::peer::serve_each;
use crate::relay::Between;

pub use file::{Recorded, dump_files};

use way::Way;
use wire::{From, Wire};

/// Bytes that are passed on at once.
const PIECE: usize = 64 << 10;

/// How it is shown.
#[derive(Clone, Copy)]
pub struct Look {
    /// Whether all of long data is shown.
    pub is_full: bool,
    /// Foreign text as it may stand in a line.
    pub plain: for<'a> fn(&'a str) -> Cow<'a, str>,
}

impl std::fmt::Debug for Look {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Look").field("is_full", &self.is_full).finish_non_exhaustive()
    }
}

/// Connects once for each peer that comes, passes all bytes on, and prints what they mean, until it is told to stop. TLS and WebSockets end
/// here, and begin anew.
///
/// # Errors
/// It cannot listen. Whoever cannot be connected to is told of, and the peer is let go.
pub fn dump(ground: Ground, between: Between, look: Look) -> Result<Outcome, ChanError> {
    run(ground, None, async move |conversation| {
        let (near, far) = (Way::of(&between.listen)?, Arc::new(Way::of(&between.connect)?));
        let listener = near.listen(&conversation).await?;
        let begin = Instant::now();
        serve_each(&listener, &conversation, |accepted, number| {
            let wire = Mutex::new(Wire::new(look));
            let conversation = Arc::clone(&conversation);
            let passing = Passing { conversation, wire, begin, number };
            passing.pass(accepted, Arc::clone(&far))
        })
        .await
    })
}

/// One connection.
struct Passing {
    conversation: Arc<Conversation>,
    wire: Mutex<Wire>,
    begin: Instant,
    number: u64,
}

impl Passing {
    async fn pass(self, accepted: Accepted, far: Arc<Way>) -> Result<(), ChanError> {
        let near: ByteStream = accepted.bytes().await?;
        self.print(format!("{}= begins at {}\n", self.stamp(), Timestamp::now())).await;
        let far = far.connect().await?;
        let (near_read, near_write) = tokio::io::split(near);
        let (far_read, far_write) = tokio::io::split(far);
        let there = self.way(From::Client, near_read, far_write);
        let back = self.way(From::Server, far_read, near_write);
        tokio::join!(there, back);
        self.print(format!("{}= ends\n", self.stamp())).await;
        Ok(())
    }

    /// Passes one direction on, and prints it behind that.
    async fn way(
        &self,
        from: From,
        mut read: impl AsyncRead + Unpin,
        mut write: impl AsyncWrite + Unpin,
    ) {
        let mut buffer = vec![0; PIECE];
        let mut is_wanted = true;
        loop {
            let size = match read.read(&mut buffer).await {
                Ok(size) => size,
                Err(error) => {
                    let words = format!("{}{} breaks: {error}\n", self.stamp(), from.arrow());
                    self.print(words).await;
                    0
                }
            };
            let piece = buffer.get(..size).unwrap_or_default();
            let stamp = self.stamp();
            if is_wanted {
                let passed = async {
                    write.write_all(piece).await?;
                    write.flush().await
                };
                is_wanted = passed.await.is_ok();
            }
            if size == 0 {
                let _gone = write.shutdown().await;
                let mut text = lock(&self.wire).end(from, |_offset| stamp.clone());
                text.push_str(&format!("{stamp}{} ends\n", from.arrow()));
                return self.print(text).await;
            }
            let text = lock(&self.wire).take(from, piece, |_offset| stamp.clone());
            self.print(text).await;
        }
    }

    fn stamp(&self) -> String {
        format!("{:12.6} #{} ", self.begin.elapsed().as_secs_f64(), self.number)
    }

    async fn print(&self, text: String) {
        // Where nobody reads it the command ends.
        let _gone = self.conversation.output.write(text.into_bytes()).await;
    }
}
