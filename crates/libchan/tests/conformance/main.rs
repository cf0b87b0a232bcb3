//! One suite for every transport: what channels do over a session, whatever it is made of.

#[cfg(test)]
mod suite;

#[cfg(test)]
mod tests {
    use libchan::{Limits, Session, Side};

    use super::suite;

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

    #[tokio::test]
    async fn a_unix_socket() {
        suite::run(|| async {
            let (near, far) = tokio::net::UnixStream::pair().unwrap();
            sessions(near, far)
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn tcp() {
        suite::run(|| async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let near = tokio::net::TcpStream::connect(listener.local_addr().unwrap());
            let (near, far) = tokio::join!(near, listener.accept());
            sessions(near.unwrap(), far.unwrap().0)
        })
        .await;
    }
}
