//! TCP: bytes as they are. Small messages are sent at once (TCP_NODELAY): whoever waits for an answer waits for nothing else.

use tokio::net::{TcpListener, TcpStream};

use super::{ConnectError, io};

pub(super) async fn connect(host: &str) -> Result<TcpStream, ConnectError> {
    let stream = TcpStream::connect(host).await.map_err(io("connect to", host))?;
    stream.set_nodelay(true).map_err(io("set up the connection to", host))?;
    Ok(stream)
}

pub(super) async fn listen(host: &str) -> Result<TcpListener, ConnectError> {
    TcpListener::bind(host).await.map_err(io("listen at", host))
}

pub(super) async fn accept(listener: &TcpListener) -> Result<TcpStream, ConnectError> {
    let (stream, peer) = listener.accept().await.map_err(io("accept at", "a TCP port"))?;
    stream.set_nodelay(true).map_err(io("set up the connection of", peer))?;
    Ok(stream)
}
