//! A channel that is ended while somebody sends: what was sent arrives, what waits to be is still the sender's, and the end follows.

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use libchan::{Error, Limits, Receiver, Sender, Session, Side};

    /// Long enough that nothing right takes it.
    const PATIENCE: Duration = Duration::from_secs(60);
    /// More than the windows of a stream have room for.
    const LARGE: usize = 200_000;

    async fn in_time<T>(work: impl Future<Output = T>) -> T {
        tokio::time::timeout(PATIENCE, work).await.expect("somebody waits")
    }

    /// A channel in which one message is all that fits, and the sessions that it is of.
    async fn channel() -> (Sender<Vec<u8>>, Receiver<Vec<u8>>, (Session, Session)) {
        let mut limits = Limits::default();
        limits.queue_bytes = 64 << 10;
        let (near, far) = tokio::io::duplex(1 << 16);
        let near = Session::new(near, Side::Client, limits.clone());
        let far = Session::new(far, Side::Server, limits);
        let sender = near.open().unwrap();
        let receiver = far.accept().await.unwrap().unwrap();
        // So that both know each other's windows.
        near.ping().await.unwrap();
        (sender, receiver, (near, far))
    }

    fn text(number: u8) -> Vec<u8> {
        vec![number; LARGE]
    }

    /// One is sent, one waits for room and has its turn, and one waits for its turn: as in memory, who waits has not sent.
    #[tokio::test]
    async fn a_close_gives_values_back_to_those_who_wait() {
        let (sender, mut receiver, _sessions) = channel().await;
        sender.send(text(1)).await.unwrap();
        let sends = |number| {
            let sender = sender.clone();
            tokio::spawn(async move { sender.send(text(number)).await })
        };
        let (second, third) = (sends(2), sends(3));
        tokio::task::yield_now().await;
        sender.close();
        assert!(sender.is_closed());
        for (send, number) in [(second, 2), (third, 3)] {
            let refused = in_time(send).await.unwrap().unwrap_err();
            assert_eq!((refused.error, refused.value), (Error::Closed, Some(text(number))));
        }
        assert_eq!(in_time(receiver.recv()).await, Ok(Some(text(1))));
        assert_eq!(in_time(receiver.recv()).await, Ok(None));
    }

    #[tokio::test]
    async fn a_sender_whose_receiver_is_gone_is_closed() {
        let (sender, receiver, _sessions) = channel().await;
        assert!(!sender.is_closed());
        drop(receiver);
        in_time(sender.closed()).await;
        assert!(sender.is_closed());
    }

    #[tokio::test]
    async fn a_close_follows_a_send_that_is_given_up() {
        let (sender, mut receiver, _sessions) = channel().await;
        sender.send(text(1)).await.unwrap();
        let other = sender.clone();
        let gives_up = tokio::spawn(async move { other.send(text(2)).await });
        tokio::task::yield_now().await;
        sender.close();
        gives_up.abort();
        assert_eq!(in_time(receiver.recv()).await, Ok(Some(text(1))));
        assert_eq!(in_time(receiver.recv()).await, Ok(None));
    }

    /// Threads of their own, so that a close comes at every moment of a send.
    #[tokio::test(flavor = "multi_thread", worker_threads = 3)]
    async fn what_was_sent_before_a_close_arrives_and_the_end_behind_it() {
        let (near, far) = tokio::io::duplex(1 << 16);
        let near = Session::new(near, Side::Client, Limits::default());
        let far = Session::new(far, Side::Server, Limits::default());
        for round in 0..300_u32 {
            let sender = near.open::<u32>().unwrap();
            let sends = [0, 1].map(|_| {
                let sender = sender.clone();
                tokio::spawn(async move {
                    let mut sent = 0;
                    while sender.send(sent).await.is_ok() {
                        sent += 1;
                    }
                    sent
                })
            });
            let mut receiver = far.accept::<u32>().await.unwrap().unwrap();
            let mut received = 0;
            while received < round % 7 + 1 {
                assert!(in_time(receiver.recv()).await.unwrap().is_some());
                received += 1;
            }
            let closes = tokio::spawn(async move { sender.close() });
            while in_time(receiver.recv()).await.unwrap().is_some() {
                received += 1;
            }
            closes.await.unwrap();
            let mut sent = 0;
            for sends in sends {
                sent += in_time(sends).await.unwrap();
            }
            assert_eq!(received, sent);
        }
    }
}
