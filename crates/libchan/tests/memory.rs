//! What a peer can have a session keep: one test in a process of its own, which looks at the most memory that it has had.

#[cfg(test)]
#[expect(dead_code, reason = "the other tests of hostile peers use all of it")]
#[path = "hostile/peer.rs"]
mod peer;

#[cfg(test)]
mod tests {
    use libchan::{Error, Limits, Session, Value};

    use crate::peer::{Peer, in_time};

    /// Streams of each attack.
    const MANY: u32 = 300;
    /// What an attack may take: all limits below together, some times over since buffers grow by doubling, and the test's own.
    const MOST: usize = 48 << 20;

    fn limits() -> Limits {
        let mut limits = Limits::default();
        limits.message_bytes = 1 << 20;
        limits.queue_bytes = 64 << 10;
        limits.session_bytes = 2 << 20;
        limits.partial_bytes = 4 << 20;
        limits
    }

    /// The most that this process has had at once, proc_pid_status(5).
    fn most_bytes() -> usize {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() << 10
    }

    /// Receives from every channel that comes until it is told an error; gives how many were told of that limit.
    async fn receives(session: Session, limit: &'static str) -> usize {
        let mut channels = tokio::task::JoinSet::new();
        while let Ok(Some(mut receiver)) = session.accept::<Value>().await {
            channels.spawn(async move {
                loop {
                    match receiver.recv().await {
                        Ok(Some(_)) => {}
                        Ok(None) => return false,
                        Err(error) => return error == Error::Limit(limit),
                    }
                }
            });
        }
        let told = channels.join_all().await;
        told.into_iter().filter(|told| *told).count()
    }

    /// On each of many channels; every one is received from.
    async fn on_each(message: &[u8], limit: &'static str) -> usize {
        let (mut peer, session) = Peer::of_session(limits());
        let receives = tokio::spawn(receives(session, limit));
        for stream in (1..).step_by(2).take(MANY as usize) {
            peer.channel(stream, u64::from(stream) + 1, None).await;
            peer.data(stream, message).await;
        }
        peer.ping().await;
        peer.end().await;
        in_time("the session", receives).await.unwrap()
    }

    #[tokio::test]
    async fn a_peer_costs_at_most_its_limits() {
        let before = most_bytes();
        let grown = || most_bytes() - before;

        // Large messages, of each of which something is missing.
        let begun = [&[0xdb, 0, 0x0f, 0, 0][..], &vec![b'x'; 900_000]].concat();
        assert!(on_each(&begun, "partial_bytes").await > MANY as usize / 2);
        assert!(grown() < MOST, "begun: {}", grown());

        // Whole ones, with the beginning of the next.
        let whole = [&[0xdb, 0, 0x0d, 0xbb, 0xa0][..], &vec![b'x'; 900_000], &[0x92]].concat();
        assert_eq!(on_each(&whole, "partial_bytes").await, 0);
        assert!(grown() < MOST, "whole: {}", grown());

        // Such as wait for a stream.
        let waits = [&[0x92, 0xd6, 4, 0, 0, 0, 99][..], &begun[..5], &vec![b'x'; 0xf_0000]];
        assert!(on_each(&waits.concat(), "partial_bytes").await > MANY as usize / 2);
        assert!(grown() < MOST, "waiting: {}", grown());

        // Channels that nobody accepts, with what fits into their queues, and long headers.
        let (mut peer, session) = Peer::of_session(limits());
        let long = "x".repeat(60_000);
        for stream in (1..).step_by(2).take(MANY as usize) {
            peer.open(stream, &[("libchan-ref", "2"), ("other", &long)]).await;
            peer.data(stream, &[0xc0; 6000]).await;
        }
        peer.ping().await;
        assert!(grown() < MOST, "unread: {}", grown());
        drop(session);
    }
}
