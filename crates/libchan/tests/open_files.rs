//! Nothing stays open: in a process of its own, since descriptors are counted.

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use libchan::{ByteReader, Descriptor, Limits, Session, Side};
    use serde::{Deserialize, Serialize};
    use tokio::io::AsyncReadExt;
    use tokio::net::UnixStream;

    const MESSAGES: u32 = 10_000;
    /// Long enough that nothing right takes it.
    const PATIENCE: Duration = Duration::from_secs(60);

    #[derive(Serialize)]
    struct Sent {
        number: u32,
        file: Descriptor,
    }

    #[derive(Deserialize)]
    struct Received {
        number: u32,
        file: Option<Descriptor>,
    }

    #[derive(Deserialize)]
    struct Streamed {
        number: u32,
        file: ByteReader,
    }

    #[derive(Deserialize)]
    struct Unwanted {
        number: u32,
    }

    fn open_files() -> usize {
        std::fs::read_dir("/proc/self/fd").unwrap().count()
    }

    #[tokio::test]
    async fn ten_thousand_messages_leave_none() {
        // Once before: the runtime opens some of its own.
        round(10).await;
        let before = open_files();
        round(MESSAGES).await;
        // What came from a peer is closed by other threads.
        let closed = tokio::time::timeout(PATIENCE, async {
            while open_files() > before {
                tokio::task::yield_now().await;
            }
        });
        closed.await.unwrap_or_else(|_| panic!("{} before, {} after", before, open_files()));
    }

    async fn round(messages: u32) {
        let (near, far) = UnixStream::pair().unwrap();
        let near = Session::over_unix(near, Side::Client, Limits::default());
        let far = Session::over_unix(far, Side::Server, Limits::default());
        let wanted = near.open().unwrap();
        let unwanted = near.open().unwrap();
        let streams = near.open().unwrap();
        let sends = tokio::spawn(async move {
            let null = std::fs::File::open("/dev/null").unwrap();
            let file = || Descriptor::from(null.try_clone().unwrap());
            for number in 0..messages {
                let sent = match number % 3 {
                    0 => wanted.send(Sent { number, file: file() }).await,
                    1 => unwanted.send(Sent { number, file: file() }).await,
                    _ => streams.send(Sent { number, file: file() }).await,
                };
                sent.unwrap();
            }
        });
        // The descriptor of some is taken, that of others passed over, and that of others read.
        let mut wanted = far.accept::<Received>().await.unwrap().unwrap();
        let mut unwanted = far.accept::<Unwanted>().await.unwrap().unwrap();
        let mut streams = far.accept::<Streamed>().await.unwrap().unwrap();
        for number in 0..messages {
            match number % 3 {
                0 => {
                    let received = wanted.recv().await.unwrap().unwrap();
                    assert_eq!(received.number, number);
                    assert!(!received.file.unwrap().is_proxy());
                }
                1 => assert_eq!(unwanted.recv().await.unwrap().unwrap().number, number),
                _ => {
                    let mut received = streams.recv().await.unwrap().unwrap();
                    assert_eq!(received.number, number);
                    assert_eq!(received.file.read(&mut [0]).await.unwrap(), 0);
                }
            }
        }
        sends.await.unwrap();
    }
}
