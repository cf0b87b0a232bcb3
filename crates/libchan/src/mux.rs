//! What opens and accepts the streams of a session: SPDY over one connection, or HTTP/2 over as many as there are.
//!
//! In SPDY a stream's number is in the header `libchan-ref`, and in `libchan-parent-ref` that of the channel it belongs to; the original's
//! names. HTTP/2's form is in `http2`.

use crate::error::Error;
use crate::http2;
use crate::limits::Limits;
use crate::line::Line;

/// The header with a stream's number, which its opener gives it.
pub(crate) const REFERENCE: &str = "libchan-ref";
/// The number of the channel that a stream belongs to.
pub(crate) const PARENT: &str = "libchan-parent-ref";

/// Opens streams.
#[derive(Debug)]
pub(crate) enum Mux {
    Spdy(spdy::Session),
    Http2(http2::Handle),
}

/// Accepts them.
#[derive(Debug)]
pub(crate) enum Arrivals {
    Spdy(spdy::Incoming),
    Http2(http2::Arrivals),
}

/// A stream of the peer's.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) line: Line,
    /// Its own and its parent's; nothing of one that has none.
    pub(crate) numbers: Option<Numbers>,
}

/// A stream's number, and that of the channel it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Numbers {
    pub(crate) own: u64,
    pub(crate) parent: Option<u64>,
}

impl Mux {
    /// Opens a stream of that number, which may belong to another one.
    pub(crate) fn open(&self, numbers: Numbers) -> Result<Line, Error> {
        match self {
            Self::Spdy(spdy) => {
                let mut headers = spdy::Headers::new();
                let own = [(REFERENCE, Some(numbers.own)), (PARENT, numbers.parent)];
                for (name, number) in own {
                    if let Some(number) = number {
                        // The names are right, and digits are.
                        let _right = headers.push(name, number.to_string());
                    }
                }
                Ok(spdy.open(headers, spdy::Opening::default())?.into())
            }
            Self::Http2(http2) => http2.open(numbers),
        }
    }

    pub(crate) fn close(&self) {
        match self {
            Self::Spdy(spdy) => spdy.close(),
            Self::Http2(http2) => http2.close(),
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        match self {
            Self::Spdy(spdy) => spdy.is_closed(),
            Self::Http2(http2) => http2.is_closed(),
        }
    }

    /// Returns once the peer has given a sign of life.
    pub(crate) async fn ping(&self) -> Result<(), Error> {
        match self {
            Self::Spdy(spdy) => Ok(spdy.ping().await?),
            Self::Http2(http2) => http2.ping().await,
        }
    }
}

impl Arrivals {
    /// The next stream; nothing once none comes any more.
    pub(crate) async fn next(&mut self) -> Option<Arrival> {
        match self {
            Self::Spdy(incoming) => loop {
                let arrival = incoming.accept().await?;
                let numbers = numbers(&arrival.headers);
                let mut headers = spdy::Headers::new();
                let _right = headers.push(":status", "200");
                // One that is over by now is nobody's.
                if let Ok(stream) = arrival.reply(headers) {
                    return Some(Arrival { line: stream.into(), numbers });
                }
            },
            Self::Http2(arrivals) => arrivals.next().await,
        }
    }
}

/// SPDY by a connection, with a task that serves it.
pub(crate) fn spdy(
    connection: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + 'static,
    role: spdy::Role,
    limits: &Limits,
) -> (Mux, Arrivals) {
    let bounds = spdy::Limits {
        streams: limits.streams,
        stream_bytes: limits.queue_bytes,
        lingering: limits.streams,
        ..spdy::Limits::default()
    };
    let timer = spdy::Timer::new(tokio::time::sleep);
    let (mux, incoming, driver) = spdy::session(connection, role, bounds, timer);
    // Every channel hears by itself how its session has ended.
    tokio::spawn(async move { drop(driver.await) });
    (Mux::Spdy(mux), Arrivals::Spdy(incoming))
}

fn numbers(headers: &spdy::Headers) -> Option<Numbers> {
    let number = |name| headers.text(name).and_then(|text| text.parse::<u64>().ok());
    let parent = number(PARENT).filter(|parent| *parent > 0);
    number(REFERENCE).map(|own| Numbers { own, parent })
}
