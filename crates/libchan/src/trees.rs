//! Random trees of channels and byte streams in each other's messages, both ways: what is sent arrives once and in order, nobody waits, and
//! nothing is left. Of a channel whose receiver leaves early, and of all that was in its messages, the beginning arrives, and the end is told.

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::sync::Arc;
    use std::time::Duration;

    use proptest::collection::vec;
    use proptest::prelude::*;
    use serde::{Deserialize, Serialize};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::task::JoinSet;

    use crate::{ByteStream, Error, Limits, Receiver, Sender, Session, Side, buffered, pipe};

    /// Longer than anything right takes by the tests' clock, which goes on when nobody has anything to do: who waits for ever is seen.
    const PATIENCE: Duration = Duration::from_secs(600);

    /// A channel: what is sent on it.
    #[derive(Clone, Debug)]
    struct Channel {
        messages: Vec<Vec<Attached>>,
        /// After how many messages the receiver leaves.
        leaves: Option<usize>,
        /// Of the channel in memory that is its other end.
        capacity: usize,
    }

    #[derive(Clone, Debug)]
    enum Attached {
        /// Who receives the message sends on it.
        Sender(Arc<Channel>),
        /// Who receives the message receives from it.
        Receiver(Arc<Channel>),
        /// Bytes there and back; whether the receiver leaves it at once.
        Stream(usize, usize, bool),
    }

    #[derive(Serialize, Deserialize)]
    struct Message {
        number: usize,
        senders: Vec<Sender<Self>>,
        receivers: Vec<Receiver<Self>>,
        streams: Vec<ByteStream>,
    }

    fn channel() -> impl Strategy<Value = Channel> {
        let leaves = || prop_oneof![4 => Just(None), 1 => (0..3_usize).prop_map(Some)];
        let size = || prop_oneof![0..20_usize, Just(100_000)];
        let plain = vec(Just(Vec::new()), 0..4);
        let made = |(messages, leaves, capacity)| Channel { messages, leaves, capacity };
        let leaf = (plain, leaves(), 0..3_usize).prop_map(made);
        leaf.prop_recursive(4, 40, 6, move |inner| {
            let inner = inner.prop_map(Arc::new);
            let attached = prop_oneof![
                2 => inner.clone().prop_map(Attached::Sender),
                2 => inner.prop_map(Attached::Receiver),
                1 => (size(), size(), prop::bool::weighted(0.2))
                    .prop_map(|(there, back, leaves)| Attached::Stream(there, back, leaves)),
            ];
            (vec(vec(attached, 0..3), 0..4), leaves(), 0..3_usize).prop_map(made)
        })
    }

    type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

    /// Sends what is to be sent. `excused`: it may not arrive, since somebody above leaves.
    fn send(sender: Sender<Message>, channel: Arc<Channel>, excused: bool) -> Work {
        Box::pin(async move {
            let excused = excused || channel.leaves.is_some();
            let mut parts = JoinSet::new();
            for (number, attached) in channel.messages.iter().enumerate() {
                let mut works: Vec<Work> = Vec::new();
                let empty = || (Vec::new(), Vec::new(), Vec::new());
                let (senders, receivers, streams) = empty();
                let mut message = Message { number, senders, receivers, streams };
                for attached in attached {
                    match attached {
                        Attached::Sender(inner) => {
                            let (sender, receiver) = ends(inner.capacity);
                            message.senders.push(sender);
                            works.push(receive(receiver, Arc::clone(inner), excused));
                        }
                        Attached::Receiver(inner) => {
                            let (sender, receiver) = ends(inner.capacity);
                            message.receivers.push(receiver);
                            works.push(send(sender, Arc::clone(inner), excused));
                        }
                        Attached::Stream(there, back, leaves) => {
                            let (own, theirs) = ByteStream::pair();
                            message.streams.push(theirs);
                            works.push(Box::pin(bytes(own, *there, *back, excused || *leaves)));
                        }
                    }
                }
                if let Err(refused) = sender.send(message).await {
                    assert!(excused, "{number} of {channel:?}: {refused:?}");
                    break;
                }
                works.into_iter().for_each(|work| drop(parts.spawn(work)));
            }
            drop(sender);
            joined(parts).await;
        })
    }

    fn ends(capacity: usize) -> (Sender<Message>, Receiver<Message>) {
        if capacity == 0 { pipe() } else { buffered(capacity) }
    }

    /// Receives what is to be received.
    fn receive(mut receiver: Receiver<Message>, channel: Arc<Channel>, excused: bool) -> Work {
        Box::pin(async move {
            let mut parts = JoinSet::new();
            let all = channel.messages.len();
            let most = channel.leaves.unwrap_or(usize::MAX);
            let below = excused || channel.leaves.is_some();
            for wanted in 0..most {
                match receiver.recv().await {
                    Ok(Some(message)) => {
                        assert_eq!(message.number, wanted);
                        take(message, &channel.messages[wanted], below, &mut parts);
                    }
                    Ok(None) => {
                        // Whoever sends may have been told that nobody receives, further up.
                        assert!(excused || wanted == all, "{wanted} of {all}");
                        assert!(wanted <= all);
                        break;
                    }
                    Err(error) => {
                        let told = matches!(error, Error::Reset(_) | Error::Closed);
                        assert!(excused && told, "{wanted} of {all}: {error:?}");
                        break;
                    }
                }
            }
            drop(receiver);
            joined(parts).await;
        })
    }

    fn take(message: Message, attached: &[Attached], excused: bool, parts: &mut JoinSet<()>) {
        let mut senders = message.senders.into_iter();
        let mut receivers = message.receivers.into_iter();
        let mut streams = message.streams.into_iter();
        for attached in attached {
            match attached {
                Attached::Sender(inner) => {
                    let work = send(senders.next().unwrap(), Arc::clone(inner), excused);
                    parts.spawn(work);
                }
                Attached::Receiver(inner) => {
                    let work = receive(receivers.next().unwrap(), Arc::clone(inner), excused);
                    parts.spawn(work);
                }
                Attached::Stream(_, _, true) => drop(streams.next()),
                Attached::Stream(there, back, false) => {
                    parts.spawn(bytes(streams.next().unwrap(), *back, *there, excused));
                }
            }
        }
        assert!(senders.next().is_none() && receivers.next().is_none() && streams.next().is_none());
    }

    fn pattern(size: usize) -> Vec<u8> {
        (0..size).map(|at| u8::try_from(at % 251).unwrap()).collect()
    }

    async fn bytes(stream: ByteStream, there: usize, back: usize, excused: bool) {
        let (mut read, mut write) = tokio::io::split(stream);
        let writes = async {
            let written = write.write_all(&pattern(there)).await;
            let ended = write.shutdown().await;
            assert!(excused || (written.is_ok() && ended.is_ok()));
        };
        let reads = async {
            let mut got = Vec::new();
            let read = read.read_to_end(&mut got).await;
            assert!(pattern(back).starts_with(&got));
            assert!(excused || (read.is_ok() && got.len() == back), "{} {read:?}", got.len());
            assert!(read.is_err() || got.len() == back || there == usize::MAX || excused);
        };
        tokio::join!(writes, reads);
    }

    async fn joined(mut parts: JoinSet<()>) {
        while let Some(part) = parts.join_next().await {
            if let Err(failed) = part {
                std::panic::resume_unwind(failed.into_panic());
            }
        }
    }

    /// How both sides number their streams.
    #[derive(Clone, Copy, Debug)]
    enum Numbers {
        Ours,
        /// Both the same ones.
        Originals,
    }

    /// Both sides open a channel.
    async fn grow(near_channel: Arc<Channel>, far_channel: Arc<Channel>, numbers: Numbers) {
        let (near, far) = tokio::io::duplex(1000);
        let near = Session::new(near, Side::Client, Limits::default());
        let far = Session::new(far, Side::Server, Limits::default());
        if let Numbers::Originals = numbers {
            near.count_as_the_original();
            far.count_as_the_original();
        }
        let mut parts = JoinSet::new();
        let pairs =
            [(near.clone(), far.clone(), near_channel), (far.clone(), near.clone(), far_channel)];
        for (opens, accepts, channel) in pairs {
            parts.spawn(send(opens.open().unwrap(), Arc::clone(&channel), false));
            parts.spawn(async move {
                receive(accepts.accept().await.unwrap().unwrap(), channel, false).await;
            });
        }
        joined(parts).await;
        // Only now: neither session goes before its streams have gone.
        near.close();
        near.ended().await.unwrap();
        far.ended().await.unwrap();
    }

    fn check(near: Channel, far: Channel, numbers: Numbers) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let grown = grow(Arc::new(near), Arc::new(far), numbers);
            let grown = tokio::time::timeout(PATIENCE, grown).await;
            grown.expect("somebody waits");
            let metrics = tokio::runtime::Handle::current().metrics();
            let nobody = async {
                while metrics.num_alive_tasks() > 0 {
                    tokio::task::yield_now().await;
                }
            };
            let gone = tokio::time::timeout(PATIENCE, nobody).await;
            assert!(gone.is_ok(), "{} tasks are left", metrics.num_alive_tasks());
        });
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 200,
            max_shrink_time: 300_000,
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn trees_arrive_whole(near in channel(), far in channel()) {
            check(near, far, Numbers::Ours);
        }

        /// What both sides give the same number is taken for what it is.
        #[test]
        fn trees_of_shared_numbers_arrive_whole(near in channel(), far in channel()) {
            check(near, far, Numbers::Originals);
        }
    }

    /// The original gives the first stream in an answer the number that the channel of the answer has.
    #[test]
    fn a_stream_is_not_its_own_parent() {
        let channel = |messages, leaves| Channel { messages, leaves, capacity: 0 };
        let leaf = channel(Vec::new(), None);
        let answers = channel(vec![vec![Attached::Sender(Arc::new(leaf.clone()))]], Some(0));
        let asks = channel(vec![vec![Attached::Sender(Arc::new(answers))]], None);
        check(asks, leaf, Numbers::Originals);
    }

    /// A message that nobody receives: what it names is told so, and the session comes to its end.
    #[test]
    fn what_was_in_a_message_that_is_lost_ends() {
        let leaf = Arc::new(Channel { messages: vec![Vec::new(); 3], leaves: None, capacity: 0 });
        let deep = Attached::Receiver(Arc::new(Channel {
            messages: vec![vec![Attached::Sender(Arc::clone(&leaf))]],
            leaves: None,
            capacity: 1,
        }));
        let attached =
            vec![Attached::Sender(leaf), deep, Attached::Stream(100_000, 100_000, false)];
        let left = Channel { messages: vec![attached; 4], leaves: Some(1), capacity: 0 };
        let other = Channel { messages: Vec::new(), leaves: None, capacity: 0 };
        check(left, other, Numbers::Ours);
    }
}
