//! A client of HTTP/2 by hand, which does what it likes.

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use h2::client::SendRequest;
use h2::{RecvStream, SendStream};
use http::{Request, StatusCode};
use libchan::{Address, Listener, Options, Session};
use tokio::net::TcpStream;

/// Long enough that nothing right takes it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
pub(crate) const TOKEN: &str = "0123456789abcdef0123456789abcdef";
pub(crate) const CONTROL: (&str, &str) = ("libchan-control", "1");
pub(crate) const ACCEPT: (&str, &str) = ("libchan-accept", "1");

pub(crate) async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.expect("it does not end")
}

/// A listener, and where it is.
pub(crate) async fn listen(options: Options) -> (Listener, String) {
    let listener = Listener::bind("http://127.0.0.1:0/channels", options).await.unwrap();
    let Address::Http2 { host, .. } = listener.address() else { panic!("no HTTP/2") };
    (listener, host)
}

/// A client by hand.
pub(crate) struct Client {
    pub(crate) requests: SendRequest<Bytes>,
    pub(crate) connection: tokio::task::JoinHandle<Result<(), h2::Error>>,
}

/// A request by hand.
pub(crate) struct Exchange {
    pub(crate) send: SendStream<Bytes>,
    pub(crate) answer: h2::client::ResponseFuture,
}

impl Client {
    pub(crate) async fn connect(host: &str) -> Self {
        let stream = TcpStream::connect(host).await.unwrap();
        let (requests, connection) = h2::client::handshake(stream).await.unwrap();
        Self { requests, connection: tokio::spawn(connection) }
    }

    pub(crate) async fn ask(&mut self, headers: &[(&str, &str)]) -> Exchange {
        let mut request = Request::post("http://host/channels");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(()).unwrap()).await
    }

    pub(crate) async fn send(&mut self, request: Request<()>) -> Exchange {
        self.requests = self.requests.clone().ready().await.unwrap();
        let (answer, send) = self.requests.send_request(request, false).unwrap();
        Exchange { send, answer }
    }

    /// A session, which stays as long as what is given.
    pub(crate) async fn session(
        &mut self,
        listener: &Listener,
    ) -> (Session, SendStream<Bytes>, RecvStream) {
        let control = self.ask(&[("libchan-session", TOKEN), CONTROL]).await;
        let both = async { tokio::join!(control.answer, listener.accept()) };
        let (taken, session) = in_time(both).await;
        let taken = taken.unwrap();
        assert_eq!(taken.status(), StatusCode::OK);
        (session.unwrap().session().await.unwrap(), control.send, taken.into_body())
    }

    pub(crate) async fn stream(&mut self, number: &str) -> Exchange {
        self.ask(&[("libchan-session", TOKEN), ("libchan-ref", number)]).await
    }
}

impl Exchange {
    pub(crate) async fn status(self) -> StatusCode {
        self.answer.await.unwrap().status()
    }
}

pub(crate) fn part(kind: u8, content: &[u8]) -> Bytes {
    let mut part = BytesMut::new();
    part.put_u8(kind);
    part.put_u32(u32::try_from(content.len()).unwrap());
    part.extend_from_slice(content);
    part.freeze()
}

/// All of a body, to its end or why there is none.
pub(crate) async fn read(body: &mut RecvStream) -> (Vec<u8>, Option<h2::Error>) {
    let mut bytes = Vec::new();
    while let Some(piece) = body.data().await {
        match piece {
            Ok(piece) => {
                bytes.extend_from_slice(&piece);
                body.flow_control().release_capacity(piece.len()).unwrap();
            }
            Err(error) => return (bytes, Some(error)),
        }
    }
    (bytes, None)
}
