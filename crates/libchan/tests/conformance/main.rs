//! One suite for every transport: what channels do over a session, whatever it is made of.

#[cfg(test)]
mod certificates;
#[cfg(test)]
mod descriptors;
#[cfg(test)]
mod suite;

#[cfg(test)]
mod tests {
    use libchan::{ConnectError, Limits, Listener, Options, Session, Side};

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
        let mut options = Options::default();
        options.limits.greeting_wait = std::time::Duration::from_millis(1);
        let listener = Listener::bind("ws://127.0.0.1:0/", options.clone()).await.unwrap();
        let address = listener.address().to_string();
        let host = address.trim_start_matches("ws://").trim_end_matches('/').to_owned();
        let silent = tokio::net::TcpStream::connect(host).await.unwrap();
        let told = listener.accept().await.unwrap().session().await.unwrap_err();
        let ConnectError::Io { cause, .. } = told else { panic!("{told:?}") };
        assert_eq!(cause.kind(), std::io::ErrorKind::TimedOut);
        drop(silent);
        // The other way round: nobody takes what the system has accepted.
        let told = libchan::connect(&address, &options).await.unwrap_err();
        let ConnectError::Io { cause, .. } = told else { panic!("{told:?}") };
        assert_eq!(cause.kind(), std::io::ErrorKind::TimedOut);
    }
}
