//! WebSockets: bytes in binary messages, whose bounds mean nothing. A text message is an error. Source: RFC 6455.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use futures_util::{Sink, Stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode, header};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as WebSocketError, Message};

use super::{ConnectError, Options, io};

/// The largest message that is sent: a peer keeps one in memory.
const MESSAGE_BYTES: usize = 64 << 10;
/// The largest that is taken; the original writes small ones.
const MOST_MESSAGE_BYTES: usize = 1 << 20;

pub(super) async fn connect<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    (host, path): (&str, &str),
    options: &Options,
) -> Result<Bytewise<S>, ConnectError> {
    let failed = || io("open a WebSocket at", format!("{host}{path}"));
    let request = format!("ws://{host}{path}").into_client_request();
    let mut request = request.map_err(std::io::Error::other).map_err(failed())?;
    if let Some(subprotocol) = &options.subprotocol {
        let value = HeaderValue::from_str(subprotocol).map_err(std::io::Error::other);
        request.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, value.map_err(failed())?);
    }
    let opened = tokio_tungstenite::client_async_with_config(request, stream, Some(config())).await;
    let (socket, _head) = opened.map_err(cause).map_err(failed())?;
    Ok(Bytewise { socket, rest: Bytes::new() })
}

pub(crate) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    path: &str,
    options: &Options,
) -> Result<Bytewise<S>, ConnectError> {
    #[expect(clippy::result_large_err, reason = "the callback's type")]
    let check = |request: &Request, response: Response| answer(request, response, path, options);
    let accepted =
        tokio_tungstenite::accept_hdr_async_with_config(stream, check, Some(config())).await;
    let socket = accepted.map_err(cause).map_err(io("accept a WebSocket at", path))?;
    Ok(Bytewise { socket, rest: Bytes::new() })
}

/// A server's, whose head is done with.
#[cfg(any(all(test, not(model)), fuzzing))]
pub(crate) async fn opened<S: AsyncRead + AsyncWrite + Unpin>(stream: S) -> Bytewise<S> {
    let role = tokio_tungstenite::tungstenite::protocol::Role::Server;
    let socket = WebSocketStream::from_raw_socket(stream, role, Some(config())).await;
    Bytewise { socket, rest: Bytes::new() }
}

/// Another path is not found; a subprotocol that is demanded has to be among those that are offered.
#[expect(clippy::result_large_err, reason = "the callback's type")]
fn answer(
    request: &Request,
    mut response: Response,
    path: &str,
    options: &Options,
) -> Result<Response, ErrorResponse> {
    let refuse = |status| {
        let mut refused = ErrorResponse::new(None);
        *refused.status_mut() = status;
        Err(refused)
    };
    if request.uri().path() != path {
        return refuse(StatusCode::NOT_FOUND);
    }
    let Some(wanted) = &options.subprotocol else { return Ok(response) };
    let offered = request.headers().get_all(header::SEC_WEBSOCKET_PROTOCOL);
    let mut offered = offered.iter().filter_map(|value| value.to_str().ok());
    let is_offered = offered.any(|list| list.split(',').any(|one| one.trim() == wanted));
    match HeaderValue::from_str(wanted) {
        Ok(value) if is_offered => {
            response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, value);
            Ok(response)
        }
        _ => refuse(StatusCode::BAD_REQUEST),
    }
}

fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .max_message_size(Some(MOST_MESSAGE_BYTES))
        .max_frame_size(Some(MOST_MESSAGE_BYTES))
}

fn cause(error: WebSocketError) -> std::io::Error {
    if let WebSocketError::Io(error) = error { error } else { std::io::Error::other(error) }
}

/// The bytes of a WebSocket.
#[derive(Debug)]
pub(crate) struct Bytewise<S> {
    socket: WebSocketStream<S>,
    /// Of the message that is being read.
    rest: Bytes,
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Bytewise<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        while self.rest.is_empty() {
            match ready!(Pin::new(&mut self.socket).poll_next(context)) {
                Some(Ok(Message::Binary(bytes))) => self.rest = bytes,
                Some(Ok(Message::Text(_))) => {
                    return Poll::Ready(Err(std::io::ErrorKind::InvalidData.into()));
                }
                // The library answers them.
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Close(_))) | None => return Poll::Ready(Ok(())),
                Some(Err(WebSocketError::ConnectionClosed)) => return Poll::Ready(Ok(())),
                Some(Err(error)) => return Poll::Ready(Err(cause(error))),
            }
        }
        let size = self.rest.len().min(buffer.remaining());
        buffer.put_slice(&self.rest[..size]);
        self.rest.advance(size);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Bytewise<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let mut socket = Pin::new(&mut self.socket);
        ready!(socket.as_mut().poll_ready(context)).map_err(cause)?;
        let size = bytes.len().min(MESSAGE_BYTES);
        socket.start_send(Message::binary(bytes[..size].to_vec())).map_err(cause)?;
        Poll::Ready(Ok(size))
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context).map_err(cause)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.socket).poll_close(context).map_err(cause)
    }
}
