//! WebSockets as plain streams: a message is a piece of it, whatever its kind. Source: RFC 6455.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Buf, Bytes};
use futures_util::{Sink, Stream};
use hyper::HeaderMap;
use hyper::header::{SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::failure::Failure;
use crate::hijack::{Duplex, Hijack, Wire};

/// What an answer's key is made with: RFC 6455, section 1.3.
const MAGIC: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// Bytes of a message at most.
const MOST: usize = 1024 * 1024;

/// The answer to a request for a WebSocket; what is done with it sees its messages as one stream.
///
/// # Errors
/// 400 when the request asks for none.
pub(crate) fn answering<F>(
    headers: &HeaderMap,
    job: impl FnOnce(Wire) -> F + Send + 'static,
) -> Result<Hijack, Failure>
where
    F: Future<Output = ()> + Send + 'static,
{
    let text =
        |name| headers.get(name).and_then(|value: &hyper::header::HeaderValue| value.to_str().ok());
    let is_asked = text(UPGRADE).is_some_and(|upgrade| upgrade.eq_ignore_ascii_case("websocket"));
    let Some(key) = text(SEC_WEBSOCKET_KEY).filter(|_| is_asked) else {
        return Err(Failure::bad("the request asks for no WebSocket"));
    };
    if text(SEC_WEBSOCKET_VERSION) != Some("13") {
        return Err(Failure::bad("version 13 of WebSockets is spoken"));
    }
    // Docker says yes to what is offered: clients insist on an answer.
    let protocol = text(SEC_WEBSOCKET_PROTOCOL)
        .and_then(|offered| offered.split(',').next())
        .filter(|offered| offered.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' '))
        .map_or_else(String::new, |offered| {
            format!("Sec-WebSocket-Protocol: {}\r\n", offered.trim())
        });
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n{protocol}",
        accept(key)
    );
    Ok(Hijack::with_head(head, |wire| async move {
        let config =
            WebSocketConfig::default().max_message_size(Some(MOST)).max_frame_size(Some(MOST));
        let socket = WebSocketStream::from_raw_socket(wire, Role::Server, Some(config)).await;
        job(Wire::new(Messages { socket, rest: Bytes::new() }, Bytes::new())).await;
    }))
}

/// The answer's key.
fn accept(key: &str) -> String {
    STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, format!("{key}{MAGIC}").as_bytes()))
}

/// Messages as a stream.
struct Messages {
    socket: WebSocketStream<Wire>,
    /// What of the last message was not read.
    rest: Bytes,
}

impl Duplex for Messages {
    fn socket(&self) -> std::os::fd::BorrowedFd<'_> {
        self.socket.get_ref().socket()
    }
}

impl AsyncRead for Messages {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        space: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.rest.is_empty() {
            match ready!(Pin::new(&mut self.socket).poll_next(context)) {
                Some(Ok(Message::Binary(bytes))) => self.rest = bytes,
                Some(Ok(Message::Text(text))) => self.rest = Bytes::from(text),
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Close(_))) | None => return Poll::Ready(Ok(())),
                Some(Err(error)) => return Poll::Ready(Err(failed(error))),
            }
        }
        let count = self.rest.len().min(space.remaining());
        space.put_slice(self.rest.get(..count).unwrap_or_default());
        self.rest.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Messages {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut socket = Pin::new(&mut self.socket);
        ready!(socket.as_mut().poll_ready(context)).map_err(failed)?;
        socket
            .as_mut()
            .start_send(Message::Binary(Bytes::copy_from_slice(bytes)))
            .map_err(failed)?;
        // Nobody flushes behind a piece: it goes out now, or with what comes next.
        let _later = socket.poll_flush(context).map_err(failed)?;
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context).map_err(failed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_close(context).map_err(failed)
    }
}

fn failed(error: Error) -> io::Error {
    if let Error::Io(error) = error {
        return error;
    }
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answers_key_is_that_of_the_rfc() {
        assert_eq!(accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}
