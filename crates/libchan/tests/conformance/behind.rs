//! HTTP/2 through real proxies.

use libchan::{
    Address, ByteStream, ConnectError, Listener, Options, Receiver, Sender, Session, pipe,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::proxies::{Proxy, Setup};
use super::tests::swapped;
use super::{certificates, suite};

/// More than a test takes.
const LONG: &str = "1h";

/// A proxy before servers.
struct Behind {
    options: Options,
    proxy: Proxy,
    listeners: [Listener; 2],
}

impl Behind {
    async fn start(
        start: impl FnOnce(Setup<'_>) -> Proxy,
        (scheme, silence): (&str, &str),
        change: impl FnOnce(&mut Options),
    ) -> Self {
        let papers = certificates::of_proxy();
        let mut options = papers.options.clone();
        change(&mut options);
        let url = format!("{scheme}://127.0.0.1:0/channels");
        let bind = || Listener::bind(&url, options.clone());
        let listeners = [bind().await.unwrap(), bind().await.unwrap()];
        let servers = listeners.each_ref().map(|listener| {
            let Address::Http2 { host, .. } = listener.address() else { panic!("no HTTP/2") };
            host
        });
        // nginx goes away after so many that a session needs several connections.
        let setup = Setup {
            servers: &servers,
            papers: &papers,
            is_secure: scheme == "https",
            silence,
            requests: 9,
        };
        let proxy = start(setup);
        Self { options, proxy, listeners }
    }

    /// Both sides of a session.
    async fn connected(&self) -> (Session, Session) {
        let near = libchan::connect(self.proxy.url(), &self.options);
        let far = async {
            let far = tokio::select! {
                far = self.listeners[0].accept() => far,
                far = self.listeners[1].accept() => far,
            };
            far?.session().await
        };
        tokio::try_join!(near, far).unwrap()
    }

    async fn run_suite(&self) {
        suite::run(|| self.connected()).await;
        suite::run(|| async { swapped(self.connected().await) }).await;
    }
}

#[tokio::test]
async fn http2_behind_nginx() {
    Behind::start(Proxy::nginx, ("http", LONG), |_| {}).await.run_suite().await;
}

#[tokio::test]
async fn http2_behind_haproxy() {
    Behind::start(Proxy::haproxy, ("http", LONG), |_| {}).await.run_suite().await;
}

/// The servers want the proxy's certificate, and it one of theirs.
#[tokio::test]
async fn http2_over_tls_behind_nginx() {
    Behind::start(Proxy::nginx, ("https", LONG), |_| {}).await.run_suite().await;
}

#[tokio::test]
async fn http2_over_tls_behind_haproxy() {
    Behind::start(Proxy::haproxy, ("https", LONG), |_| {}).await.run_suite().await;
}

/// haproxy takes a protocol that it does not know for one like a WebSocket's, and passes it on.
#[tokio::test]
async fn http2_by_extended_connect_behind_haproxy() {
    let behind = Behind::start(Proxy::haproxy, ("http", LONG), |options| {
        options.http2_connect = true;
    });
    behind.await.run_suite().await;
}

/// nginx says that it knows none, and asked by POST instead it passes the same on.
#[tokio::test]
async fn extended_connect_behind_nginx() {
    let behind = Behind::start(Proxy::nginx, ("http", LONG), |options| {
        options.http2_connect = true;
    });
    let behind = behind.await;
    let told = libchan::connect(behind.proxy.url(), &behind.options).await.unwrap_err();
    assert!(matches!(told, ConnectError::NoExtendedConnect(_)), "{told:?}");
}

/// How long the proxies wait, far more than a loaded machine takes for a sign of life.
const SILENCE: &str = "3s";

/// A session whose streams are silent ends at the proxy's hand, unless they give signs of life: its end says how much time has passed for
/// the one that does, too, since its proxy waits as long.
async fn outlives_silence(start: impl Fn(Setup<'_>) -> Proxy) {
    let often = std::time::Duration::from_millis(100);
    let living = Behind::start(&start, ("http", SILENCE), |options| {
        options.limits.stream_keep_alive = Some(often);
    });
    let dying =
        Behind::start(&start, ("http", SILENCE), |options| options.limits.stream_keep_alive = None);
    let (living, dying) = tokio::join!(living, dying);
    let (near, far) = living.connected().await;
    let mut channels = Vec::new();
    for (one, other) in [(&near, &far), (&far, &near)] {
        let sender = one.open::<(Sender<u8>, ByteStream)>().unwrap();
        let (answer, answered) = pipe();
        let (own, theirs) = ByteStream::pair();
        sender.send((answer, theirs)).await.unwrap();
        let mut receiver: Receiver<(Sender<u8>, ByteStream)> = suite::first(other).await;
        let (answer, stream) = receiver.recv().await.unwrap().unwrap();
        // One way is over, and the other one is not.
        let (mut own, mut stream) = (own, stream);
        stream.shutdown().await.unwrap();
        assert_eq!(own.read(&mut [0]).await.unwrap(), 0);
        channels.push((sender, receiver, answer, answered, own, stream));
    }
    for _ in 0..2 {
        let (silent, _far) = dying.connected().await;
        silent.ended().await.unwrap_err();
    }
    for (sender, mut receiver, answer, mut answered, mut own, mut stream) in channels {
        assert!(!sender.is_closed());
        let sent = tokio::spawn(async move { answer.send(7).await });
        assert_eq!(answered.recv().await, Ok(Some(7)));
        sent.await.unwrap().unwrap();
        own.write_all(b"there").await.unwrap();
        own.shutdown().await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "there");
        drop(sender);
        assert!(receiver.recv().await.unwrap().is_none());
    }
    // What waits for streams of the server's was not ended, either.
    assert!(!near.is_closed() && !far.is_closed());
    far.open().unwrap().send(8_u8).await.unwrap();
    assert_eq!(suite::first::<u8>(&near).await.recv().await, Ok(Some(8)));
}

#[tokio::test]
async fn silence_behind_nginx() {
    outlives_silence(Proxy::nginx).await;
}

#[tokio::test]
async fn silence_behind_haproxy() {
    outlives_silence(Proxy::haproxy).await;
}
