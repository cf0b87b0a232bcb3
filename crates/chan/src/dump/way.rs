//! Where connections are whose bytes are looked at. HTTP/2 is carried by TCP, or by TLS that agrees on it by ALPN: RFC 9113, sections 3.2 and
//! 3.3. What a URL says of a path is between the two peers. Start at [`Way::of`].

use std::sync::Arc;

use libchan::{Address, ByteStream, ConnectError, Listener, Options, connect_bytes};

use crate::conversation::Conversation;
use crate::error::ChanError;
use crate::peer::Place;

/// ALPN's name for HTTP/2.
const H2: &[u8] = b"h2";

/// What carries the bytes of a place.
pub(super) struct Way {
    /// A URL of one connection.
    url: String,
    options: Options,
    /// What is behind the host, by HTTP/2.
    path: Option<String>,
}

impl Way {
    pub(super) fn of(place: &Place) -> Result<Self, ChanError> {
        let (url, path) = match place.url.parse() {
            Ok(Address::Http2 { host, path, is_secure }) => {
                let scheme = if is_secure { "tls" } else { "tcp" };
                (format!("{scheme}://{host}"), Some(path))
            }
            Ok(Address::Memory(_)) => return Err(ConnectError::NoBytes(place.url.clone()).into()),
            // What is no address at all is told where it is used.
            _ => (place.url.clone(), None),
        };
        let mut options = if place.listens {
            place.tls.for_listening(&place.url)?
        } else {
            place.tls.for_connecting(&place.url)?
        };
        if path.is_some() {
            if let Some(client) = &mut options.tls_client {
                Arc::make_mut(client).alpn_protocols = vec![H2.to_vec()];
            }
            if let Some(server) = &mut options.tls_server {
                Arc::make_mut(server).alpn_protocols = vec![H2.to_vec()];
            }
        }
        Ok(Self { url, options, path })
    }

    pub(super) async fn connect(&self) -> Result<ByteStream, ConnectError> {
        connect_bytes(&self.url, &self.options).await
    }

    /// Listens, and says where.
    pub(super) async fn listen(&self, conversation: &Conversation) -> Result<Listener, ChanError> {
        let listener = Listener::bind(&self.url, self.options.clone()).await?;
        let address = match (listener.address(), self.path.clone()) {
            (Address::Tcp(host), Some(path)) => Address::Http2 { host, path, is_secure: false },
            (Address::Tls(host), Some(path)) => Address::Http2 { host, path, is_secure: true },
            (address, _) => address,
        };
        conversation.say(&format!("listening at {address}"));
        Ok(listener)
    }
}
