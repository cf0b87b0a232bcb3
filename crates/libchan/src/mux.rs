//! What opens and accepts the streams of a session: SPDY over one connection, or HTTP/2 over as many as there are.
//!
//! How a stream says its number and its parent's: by SPDY in `generation`, by HTTP/2 in `http2`.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use crate::error::Error;
use crate::generation::{Belongs, Generation, Place, Spoken};
use crate::http2;
use crate::limits::Limits;
use crate::line::Line;
use crate::passing::{self, Arrived, Parked, Passing, Room};
use crate::session::Side;

/// How a session has ended, once it has.
pub(crate) type Ended = Option<Result<(), Error>>;

/// Opens streams.
#[derive(Debug)]
pub(crate) enum Mux {
    Spdy {
        session: spdy::Session,
        spoken: Arc<Spoken>,
        ended: watch::Receiver<Ended>,
        /// Where the connection carries descriptors.
        passing: Option<Arc<Passing>>,
    },
    Http2(http2::Handle),
}

/// Accepts them.
#[derive(Debug)]
pub(crate) enum Arrivals {
    Spdy(spdy::Incoming, Arc<Spoken>, Option<Arc<Passing>>),
    Http2(http2::Arrivals),
}

/// A stream of the peer's.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) parked: Parked,
    /// Where it belongs; nothing of one that does not say so.
    pub(crate) place: Option<Place>,
}

impl Mux {
    /// What the peer speaks.
    pub(crate) fn generation(&self) -> Generation {
        match self {
            Self::Spdy { spoken, .. } => spoken.get(),
            Self::Http2(_) => Generation::Third,
        }
    }

    /// Opens a stream of that number, which belongs to a message or is a channel by itself.
    pub(crate) fn open(
        &self,
        number: u64,
        belongs: Option<Belongs>,
        descriptor: Option<u64>,
    ) -> Result<Line, Error> {
        match self {
            Self::Spdy { session, spoken, .. } => {
                let (mut headers, opening) = spoken.get().opening(number, belongs);
                if let Some(number) = descriptor {
                    let _right = headers.push(passing::HEADER, number.to_string());
                }
                Ok(session.open(headers, opening)?.into())
            }
            Self::Http2(http2) => http2.open(number, belongs.map(|belongs| belongs.parent)),
        }
    }

    pub(crate) fn close(&self) {
        match self {
            Self::Spdy { session, .. } => session.close(),
            Self::Http2(http2) => http2.close(),
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        match self {
            Self::Spdy { session, .. } => session.is_closed(),
            Self::Http2(http2) => http2.is_closed(),
        }
    }

    /// Whether something has come on the stream of that id that nobody has taken; by HTTP/2 nobody asks.
    pub(crate) fn has_unread(&self, stream: u32) -> bool {
        match self {
            Self::Spdy { session, .. } => session.unread_bytes(stream) > 0,
            Self::Http2(_) => false,
        }
    }

    /// Returns once the peer has given a sign of life.
    pub(crate) async fn ping(&self) -> Result<(), Error> {
        match self {
            Self::Spdy { session, .. } => Ok(session.ping().await?),
            Self::Http2(http2) => http2.ping().await,
        }
    }

    /// Places for so many descriptors on their way to the peer, if he takes any before `longest`; nothing where none is carried.
    pub(crate) async fn room(&self, count: usize, longest: Duration) -> Option<Room> {
        match self {
            Self::Spdy { session, passing, .. } => {
                passing.as_ref()?.room(count, session, longest).await
            }
            Self::Http2(_) => None,
        }
    }

    /// How the session has ended, once it has.
    pub(crate) fn ended(&self) -> watch::Receiver<Ended> {
        match self {
            Self::Spdy { ended, .. } => ended.clone(),
            Self::Http2(http2) => http2.ended(),
        }
    }

    /// What the peer broke, so that the session is over.
    pub(crate) fn fault(&self) -> Option<Error> {
        match self {
            Self::Spdy { session, passing, .. } => {
                let flooded = passing.as_ref().and_then(|passing| passing.failure());
                flooded.or_else(|| session.fault().map(|fault| spdy::Error::Protocol(fault).into()))
            }
            Self::Http2(_) => None,
        }
    }
}

impl Arrivals {
    /// The next stream; nothing once none comes any more.
    pub(crate) async fn next(&mut self) -> Option<Arrival> {
        match self {
            Self::Spdy(incoming, spoken, passing) => loop {
                let arrival = incoming.accept().await?;
                let place = spoken.place(&arrival.headers);
                let (arrival, answer) = match Arrived::of(arrival, passing.as_ref()) {
                    Arrived::Stream(arrival, answer) => (arrival, answer),
                    Arrived::Offered(offered) => {
                        return Some(Arrival { parked: Parked::Offered(offered), place });
                    }
                    Arrived::Asked => continue,
                };
                let mut headers = spdy::Headers::new();
                let _right = headers.push(":status", "200");
                if let Some(answer) = answer {
                    let _right = headers.push(passing::HEADER, answer);
                }
                // One that is over by now is nobody's.
                if let Ok(stream) = arrival.reply(headers) {
                    return Some(Arrival { parked: Line::from(stream).into(), place });
                }
            },
            Self::Http2(arrivals) => arrivals.next().await,
        }
    }
}

/// SPDY by a connection, with a task that serves it.
pub(crate) fn spdy(
    connection: impl AsyncRead + AsyncWrite + Send + 'static,
    side: Side,
    limits: &Limits,
    passing: Option<Arc<Passing>>,
) -> (Mux, Arrivals) {
    let role = match side {
        Side::Client => spdy::Role::Client,
        Side::Server => spdy::Role::Server,
    };
    let bounds = spdy::Limits {
        streams: limits.streams,
        stream_bytes: limits.queue_bytes,
        session_bytes: limits.session_bytes,
        keep_alive: limits.keep_alive,
        lingering: limits.streams,
        ..spdy::Limits::default()
    };
    let timer = spdy::Timer::new(tokio::time::sleep);
    let (session, incoming, driver) = spdy::session(connection, role, bounds, timer);
    let (tell, ended) = watch::channel(None);
    tokio::spawn(async move {
        let end = driver.await.map_err(Error::from);
        // Every channel hears of it by itself, whether anybody has the session or not.
        let _nobody = tell.send(Some(end));
    });
    let spoken = Arc::new(Spoken::default());
    let arrivals = Arrivals::Spdy(incoming, Arc::clone(&spoken), passing.clone());
    (Mux::Spdy { session, spoken, ended, passing }, arrivals)
}
