//! The stream that lives as long as its session: signs of life, and how a session ends. It is lost with the peer, and the session with it.
//!
//! ```text
//! 1             ping, which is answered
//! 2             the answer
//! 3, count      close: so many streams were opened (8 bytes, big-endian), and no more are
//! 4, place      the channel of that place (8 bytes, the same) is over before its time, and may never have come: nobody waits for it (order)
//! end           the session is over in good order
//! ```

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;

use bytes::{Buf, BytesMut};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::core::{Core, Order};
use super::held::STALL;
use super::lane::{InEnd, OutEnd};
use crate::error::Error;
use crate::line::Reason;

const PING: u8 = 1;
const PONG: u8 = 2;
const CLOSE: u8 = 3;
const LOST: u8 = 4;

/// Serves the control stream until the session is over.
pub(super) async fn run(
    core: Arc<Core>,
    (out, input): (OutEnd, InEnd),
    orders: mpsc::UnboundedReceiver<Order>,
) {
    let patience = core.limits.reference_wait;
    let mut control = Control {
        out,
        input,
        orders,
        asked: VecDeque::new(),
        bytes: BytesMut::new(),
        until: None,
        stalled: None,
        has_closed: false,
        heard: Heard { since: Instant::now(), is_asked: false },
    };
    let ended = control.serve(&core).await;
    core.lose(ended.as_ref().err().unwrap_or(&Error::Closed));
    if ended.is_err() {
        return;
    }
    control.out.finish();
    // The peer has as long as he wants for what is on its way to him, and none of this session's room.
    if tokio::time::timeout(patience, control.drain()).await.is_err() {
        control.out.reset(Reason::Cancelled);
    }
}

struct Control {
    out: OutEnd,
    input: InEnd,
    orders: mpsc::UnboundedReceiver<Order>,
    /// Who waits for answers, which come in order; nobody for those of ours.
    asked: VecDeque<Option<oneshot::Sender<()>>>,
    /// Of what the peer says.
    bytes: BytesMut,
    /// When nothing is waited for any longer, once somebody has closed.
    until: Option<Instant>,
    /// Until when there may be too much that nobody has read.
    stalled: Option<Instant>,
    /// The peer has said how many streams he has opened.
    has_closed: bool,
    heard: Heard,
}

/// When the peer has said something here last, or was asked for a sign of life.
struct Heard {
    since: Instant,
    is_asked: bool,
}

impl Control {
    /// Returns once the session is over in good order.
    async fn serve(&mut self, core: &Arc<Core>) -> Result<(), Error> {
        loop {
            let (until, stalled) = (self.until, self.stalled);
            let silence = core.limits.keep_alive.map(|longest| self.heard.since + longest);
            let input = &mut self.input;
            tokio::select! {
                order = self.orders.recv() => match order {
                    Some(Order::Ping(pong)) => {
                        self.asked.push_back(Some(pong));
                        self.say(&[PING]).await?;
                    }
                    Some(Order::Lost(place)) => self.say_number(LOST, place).await?,
                    Some(Order::Close(opened)) => {
                        self.say_number(CLOSE, opened).await?;
                        self.until = Some(Instant::now() + core.limits.reference_wait);
                    }
                    Some(Order::Finish) | None => return Ok(()),
                },
                received = poll_fn(|context| input.poll_receive(context)) => match received? {
                    Some(bytes) => {
                        self.heard = Heard { since: Instant::now(), is_asked: false };
                        self.hear(core, &bytes).await?;
                    }
                    None if self.has_closed => return self.outlive().await,
                    None => return Err(Error::Closed),
                },
                () = tokio::time::sleep_until(until.unwrap_or_else(Instant::now)), if until.is_some() => {
                    self.until = None;
                    core.lose_patience();
                }
                () = core.held.too_much(), if stalled.is_none() => {
                    self.stalled = Some(Instant::now() + STALL);
                    core.begin_stall();
                }
                () = tokio::time::sleep_until(stalled.unwrap_or_else(Instant::now)), if stalled.is_some() => {
                    self.stalled = None;
                    core.end_stall();
                }
                // Asked end to end: what only a proxy answers says nothing of the peer.
                () = tokio::time::sleep_until(silence.unwrap_or_else(Instant::now)), if silence.is_some() => {
                    if self.heard.is_asked {
                        return Err(Error::TimedOut);
                    }
                    self.heard = Heard { since: Instant::now(), is_asked: true };
                    self.asked.push_back(None);
                    self.say(&[PING]).await?;
                }
            }
        }
    }

    /// All is over for the peer; what he has sent last may still be on its way, in streams that go on here.
    async fn outlive(&mut self) -> Result<(), Error> {
        loop {
            match self.orders.recv().await {
                // He has no use for it any more, and may be gone.
                Some(Order::Close(_) | Order::Lost(_)) => {}
                Some(Order::Ping(nobody_answers)) => drop(nobody_answers),
                Some(Order::Finish) | None => return Ok(()),
            }
        }
    }

    async fn say_number(&mut self, word: u8, number: u64) -> Result<(), Error> {
        let [a, b, c, d, e, f, g, h] = number.to_be_bytes();
        self.say(&[word, a, b, c, d, e, f, g, h]).await
    }

    async fn say(&mut self, message: &[u8]) -> Result<(), Error> {
        let out = &mut self.out;
        poll_fn(|context| out.poll_ready(context)).await?;
        out.send(message)
    }

    async fn hear(&mut self, core: &Arc<Core>, bytes: &[u8]) -> Result<(), Error> {
        self.bytes.extend_from_slice(bytes);
        while let Some(&kind) = self.bytes.first() {
            match kind {
                PING => self.say(&[PONG]).await?,
                PONG => {
                    if let Some(Some(pong)) = self.asked.pop_front() {
                        // Who does not wait any more has no use for it.
                        let _gone = pong.send(());
                    }
                }
                CLOSE | LOST => {
                    let Some(number) = self.bytes.get(1..).and_then(<[u8]>::first_chunk) else {
                        return Ok(());
                    };
                    let number = u64::from_be_bytes(*number);
                    if kind == CLOSE {
                        self.has_closed = true;
                        core.closed_by_peer(number);
                    } else {
                        core.skip(number);
                    }
                    self.bytes.advance(size_of_val(&number));
                }
                _ => return Err(Error::Protocol("an unknown word of control".to_owned())),
            }
            self.bytes.advance(1);
        }
        Ok(())
    }

    async fn drain(&mut self) {
        let input = &mut self.input;
        while let Ok(Some(_)) = poll_fn(|context| input.poll_receive(context)).await {}
    }
}
