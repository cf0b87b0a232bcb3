//! TLS: what is in the other transports, inside of it. Which certificates are trusted, and with which one is answered, is the
//! program's to say ([`Options`]); none is ever taken unseen.

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

use super::{Address, ConnectError, Options, io};

pub(super) async fn connect<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    host: &str,
    options: &Options,
) -> Result<client::TlsStream<S>, ConnectError> {
    let no_tls = || ConnectError::NoTls(host.to_owned());
    let connector = TlsConnector::from(options.tls_client.clone().ok_or_else(no_tls)?);
    let bare = host.rsplit_once(':').map_or(host, |(bare, _port)| bare);
    let bare = bare.trim_start_matches('[').trim_end_matches(']').to_owned();
    let name = ServerName::try_from(bare).map_err(std::io::Error::other);
    let name = name.map_err(io("name the server", host))?;
    connector.connect(name, stream).await.map_err(io("secure the connection to", host))
}

pub(super) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    address: &Address,
    options: &Options,
) -> Result<server::TlsStream<S>, ConnectError> {
    let no_tls = || ConnectError::NoTls(address.to_string());
    let acceptor = TlsAcceptor::from(options.tls_server.clone().ok_or_else(no_tls)?);
    acceptor.accept(stream).await.map_err(io("secure a connection at", address))
}
