//! One suite for every transport: what channels do over a session, whatever it is made of.

#[cfg(test)]
mod behind;
#[cfg(test)]
mod certificates;
#[cfg(test)]
mod descriptors;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod proxies;
#[cfg(test)]
mod suite;

#[cfg(test)]
mod tests {
    use libchan::{ConnectError, Error, Limits, Listener, Options, Session, Side};
    use tokio::io::AsyncReadExt;

    use super::{certificates, suite};

    fn sessions(
        near: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + 'static,
        far: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + 'static,
    ) -> (Session, Session) {
        (
            Session::new(near, Side::Client, Limits::default()),
            Session::new(far, Side::Server, Limits::default()),
        )
    }

    #[tokio::test]
    async fn in_this_process() {
        let options = Options::default();
        suite::run(|| connected("memory://conformance", &options)).await;
    }

    #[tokio::test]
    async fn a_pipe() {
        suite::run(|| async {
            let (near, far) = tokio::io::duplex(1000);
            sessions(near, far)
        })
        .await;
    }

    /// Both sides by the address of a listener.
    async fn connected(url: &str, options: &Options) -> (Session, Session) {
        let listener = Listener::bind(url, options.clone()).await.unwrap();
        // Its certificate has the name.
        let url = listener.address().to_string().replace("127.0.0.1", "localhost");
        let near = libchan::connect(&url, options);
        let far = async { listener.accept().await.unwrap().session().await };
        let (near, far) = tokio::join!(near, far);
        (near.unwrap(), far.unwrap())
    }

    #[tokio::test]
    async fn a_unix_socket() {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("unix://{}", directory.path().join("socket").display());
        let options = Options::default();
        suite::run(|| connected(&url, &options)).await;
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "the socket goes");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn tcp() {
        let options = Options::default();
        suite::run(|| connected("tcp://127.0.0.1:0", &options)).await;
    }

    #[tokio::test]
    async fn tls_with_certificates_of_both() {
        let options = certificates::options();
        suite::run(|| connected("tls://localhost:0", &options)).await;
    }

    #[tokio::test]
    async fn websockets() {
        let mut options = Options::default();
        suite::run(|| connected("ws://127.0.0.1:0/channels", &options)).await;
        options.subprotocol = Some("libchan".to_owned());
        let (near, _far) = connected("ws://[::1]:0/", &options).await;
        near.ping().await.unwrap();
    }

    #[tokio::test]
    async fn websockets_over_tls() {
        let options = certificates::options();
        suite::run(|| connected("wss://localhost:0/", &options)).await;
    }

    /// Through one relay more for each further pair.
    async fn through_relays(pairs: Vec<(Session, Session)>) -> (Session, Session) {
        let mut pairs = pairs.into_iter();
        let (client, mut last) = pairs.next().unwrap();
        for (entry, next) in pairs {
            tokio::spawn(libchan::relay(last, entry));
            last = next;
        }
        (client, last)
    }

    #[tokio::test]
    async fn a_relay_from_a_unix_socket_to_tcp() {
        let directory = tempfile::tempdir().unwrap();
        let unix = format!("unix://{}", directory.path().join("socket").display());
        let options = Options::default();
        suite::run(|| async {
            through_relays(vec![
                connected(&unix, &options).await,
                connected("tcp://127.0.0.1:0", &options).await,
            ])
            .await
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn two_relays_from_tls_by_websockets_to_a_unix_socket() {
        let directory = tempfile::tempdir().unwrap();
        let unix = format!("unix://{}", directory.path().join("socket").display());
        let options = certificates::options();
        suite::run(|| async {
            through_relays(vec![
                connected("tls://localhost:0", &options).await,
                connected("ws://127.0.0.1:0/channels", &options).await,
                connected(&unix, &options).await,
            ])
            .await
        })
        .await;
    }

    /// The servers are those that dial: what is opened goes the other way.
    #[tokio::test]
    async fn three_relays_backwards() {
        let options = certificates::options();
        let backwards = |(near, far)| (far, near);
        suite::run(|| async {
            through_relays(vec![
                backwards(connected("tcp://127.0.0.1:0", &options).await),
                connected("wss://localhost:0/", &options).await,
                backwards(connected("tls://localhost:0", &options).await),
                connected("tcp://127.0.0.1:0", &options).await,
            ])
            .await
        })
        .await;
    }

    #[tokio::test]
    async fn a_relay_ends_with_what_it_relays() {
        let options = Options::default();
        let (client, entry) = connected("tcp://127.0.0.1:0", &options).await;
        let (exit, server) = connected("tcp://127.0.0.1:0", &options).await;
        let relay = tokio::spawn(libchan::relay(entry, exit));
        let sender = client.open::<u64>().unwrap();
        sender.send(1).await.unwrap();
        let mut receiver = server.accept::<u64>().await.unwrap().unwrap();
        client.close();
        assert_eq!(receiver.recv().await, Ok(Some(1)));
        sender.send(2).await.unwrap();
        drop(sender);
        assert_eq!(receiver.recv().await, Ok(Some(2)));
        assert_eq!(receiver.recv().await, Ok(None));
        assert_eq!(relay.await.unwrap(), Ok(()));
        assert_eq!(client.ended().await, Ok(()));
        assert_eq!(server.ended().await, Ok(()));
    }

    #[tokio::test]
    async fn a_wrong_channel_ends_alone() {
        let options = Options::default();
        let (client, entry) = connected("tcp://127.0.0.1:0", &options).await;
        let (exit, server) = connected("tcp://127.0.0.1:0", &options).await;
        tokio::spawn(libchan::relay(entry, exit));
        let (good, wrong) = (client.open::<u64>().unwrap(), client.open::<u64>().unwrap());
        good.send(1).await.unwrap();
        let mut arrived = server.accept::<u64>().await.unwrap().unwrap();
        assert_eq!(arrived.recv().await, Ok(Some(1)));
        wrong.send(2).await.unwrap();
        let mut text = server.accept::<String>().await.unwrap().unwrap();
        assert!(matches!(text.recv().await, Err(Error::Protocol(_))));
        wrong.closed().await;
        good.send(3).await.unwrap();
        assert_eq!(arrived.recv().await, Ok(Some(3)));
    }

    /// The two sides of HTTP/2 open streams in ways of their own.
    pub(crate) fn swapped((near, far): (Session, Session)) -> (Session, Session) {
        (far, near)
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn http2() {
        let options = Options::default();
        let url = "http://127.0.0.1:0/channels";
        suite::run(|| connected(url, &options)).await;
        suite::run(|| async { swapped(connected(url, &options).await) }).await;
    }

    #[tokio::test]
    async fn http2_over_tls_with_certificates_of_both() {
        let options = certificates::options();
        suite::run(|| connected("https://localhost:0/", &options)).await;
    }

    #[tokio::test]
    async fn http2_by_extended_connect() {
        let mut options = Options::default();
        options.http2_connect = true;
        suite::run(|| connected("http://127.0.0.1:0/", &options)).await;
    }

    #[tokio::test]
    async fn who_is_not_let_in_is_told() {
        let (options, nobody) = certificates::with_and_without();
        let listener = Listener::bind("tls://localhost:0", options).await.unwrap();
        let url = listener.address().to_string().replace("127.0.0.1", "localhost");
        let far = async { listener.accept().await.unwrap().session().await };
        let (near, far) = tokio::join!(libchan::connect(&url, &nobody), far);
        assert!(matches!(far, Err(ConnectError::Io { .. })), "{far:?}");
        // In TLS 1.3 a client hears of it by its first read.
        if let Ok(near) = near {
            assert!(near.accept::<u8>().await.unwrap().is_none());
        }

        let asked = Options::default();
        let listener = Listener::bind("ws://127.0.0.1:0/right", asked.clone()).await.unwrap();
        let url = listener.address().to_string().replace("right", "wrong");
        let far = async { listener.accept().await.unwrap().session().await };
        let (near, far) = tokio::join!(libchan::connect(&url, &asked), far);
        assert!(far.is_err());
        let told = near.unwrap_err();
        let why = std::error::Error::source(&told).unwrap().to_string();
        assert!(why.contains("404"), "{why}");
    }

    #[tokio::test]
    async fn who_says_nothing_is_given_up() {
        let mut options = certificates::options();
        options.limits.greeting_wait = std::time::Duration::from_millis(1);
        for (scheme, path) in [("ws", "/"), ("tls", ""), ("wss", "/")] {
            let url = format!("{scheme}://127.0.0.1:0{path}");
            let listener = Listener::bind(&url, options.clone()).await.unwrap();
            let address = listener.address().to_string();
            let (_, rest) = address.split_once("://").unwrap();
            let host = rest.trim_end_matches('/');
            let mut silent = tokio::net::TcpStream::connect(host).await.unwrap();
            let told = listener.accept().await.unwrap().session().await.unwrap_err();
            is_late(&told);
            // It is let go: nothing is said, and the connection ends.
            assert_eq!(silent.read_to_end(&mut Vec::new()).await.unwrap_or_default(), 0);
            // The other way round: nobody takes what the system has accepted.
            is_late(&libchan::connect(&address, &options).await.unwrap_err());
        }
    }

    fn is_late(told: &ConnectError) {
        let ConnectError::Io { cause, .. } = told else { panic!("{told:?}") };
        assert_eq!(cause.kind(), std::io::ErrorKind::TimedOut, "{told:?}");
    }
}
