//! Sessions that are joined by a relay, and how ends pass.

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use libchan::{Error, Limits, Sender, Session, Side, pipe, relay};

    const PATIENCE: Duration = Duration::from_secs(60);

    fn session_pair() -> (Session, Session) {
        let (near, far) = tokio::io::duplex(1 << 16);
        let session = |io, side| Session::new(io, side, Limits::default());
        (session(near, Side::Client), session(far, Side::Server))
    }

    async fn in_time<T>(work: impl Future<Output = T>) -> T {
        tokio::time::timeout(PATIENCE, work).await.unwrap()
    }

    #[tokio::test]
    async fn channels_of_both_sides_and_what_is_in_them_pass() {
        let ((client, near), (far, server)) = (session_pair(), session_pair());
        let relayed = tokio::spawn(relay(near, far));
        for (opens, accepts) in [(&client, &server), (&server, &client)] {
            let requests = opens.open::<Sender<u64>>().unwrap();
            let (answer, mut answered) = pipe();
            requests.send(answer).await.unwrap();
            let mut arrived = in_time(accepts.accept::<Sender<u64>>()).await.unwrap().unwrap();
            let sender = in_time(arrived.recv()).await.unwrap().unwrap();
            sender.send(7).await.unwrap();
            drop(sender);
            assert_eq!(in_time(answered.recv()).await, Ok(Some(7)));
            assert_eq!(in_time(answered.recv()).await, Ok(None));
            requests.close();
            assert_eq!(in_time(arrived.recv()).await.map(|sender| sender.is_none()), Ok(true));
        }
        client.close();
        assert_eq!(in_time(relayed).await.unwrap(), Ok(()));
    }

    /// It is not told as an end in good order, however many are between.
    #[tokio::test]
    async fn a_return_channel_whose_session_was_cut_is_closed() {
        let (io, far) = tokio::io::duplex(1 << 16);
        let client = Session::new(io, Side::Client, Limits::default());
        let requests = client.open::<Sender<u64>>().unwrap();
        let (answer, mut answered) = pipe();
        requests.send(answer).await.unwrap();
        drop(far);
        assert_eq!(in_time(answered.recv()).await, Err(Error::Closed));
    }
}
