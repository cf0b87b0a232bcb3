//! What holds for two sessions that are connected. Each part has a pair of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use libchan::{
    ByteReader, ByteStream, ByteWriter, Error, Receiver, Sender, Session, Time, Value, buffered,
    copy, pipe,
};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::descriptors::{
    a_file_is_read_by_the_peer, a_file_is_written_by_the_peer,
    a_socket_is_a_byte_stream_of_the_peer, descriptors_nest, the_end_of_a_pipe_is_read_by_the_peer,
    the_end_of_a_pipe_is_written_by_the_peer,
};

/// Long enough that nothing right takes it.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) async fn run<F: Future<Output = (Session, Session)>>(pair: impl Fn() -> F) {
    macro_rules! parts {
        ($($part:ident),*) => {$(
            let done = tokio::time::timeout(PATIENCE, async {
                let (near, far) = pair().await;
                $part(near, far).await;
            });
            done.await.expect(concat!(stringify!($part), " does not end"));
        )*};
    }
    parts!(
        values_arrive_in_order_and_end,
        both_sides_open_channels,
        a_return_channel_answers,
        a_channel_to_receive_from_travels,
        channels_nest,
        a_byte_stream_goes_both_ways,
        byte_streams_go_one_way,
        a_reader_that_the_peer_drops_is_dropped,
        times_and_large_messages_arrive,
        what_was_not_expected_is_told,
        a_receiver_that_leaves_is_heard,
        a_receiver_that_closes_is_heard,
        every_sender_hears_that_a_receiver_leaves,
        a_relay_passes_everything_on,
        a_session_that_is_closed_ends_its_peer,
        a_file_is_read_by_the_peer,
        a_file_is_written_by_the_peer,
        the_end_of_a_pipe_is_written_by_the_peer,
        the_end_of_a_pipe_is_read_by_the_peer,
        a_socket_is_a_byte_stream_of_the_peer,
        descriptors_nest
    );
}

#[derive(Serialize, Deserialize)]
struct Question {
    text: String,
    answer: Sender<String>,
}

pub(crate) async fn first<T: serde::de::DeserializeOwned + Send + 'static>(
    session: &Session,
) -> Receiver<T> {
    session.accept().await.unwrap().expect("no channel came")
}

async fn values_arrive_in_order_and_end(near: Session, far: Session) {
    let sender = near.open::<u64>().unwrap();
    let sends = tokio::spawn(async move {
        for value in 0..1000 {
            sender.send(value).await.unwrap();
        }
    });
    let mut receiver = first::<u64>(&far).await;
    for value in 0..1000 {
        assert_eq!(receiver.recv().await, Ok(Some(value)));
    }
    assert_eq!(receiver.recv().await, Ok(None));
    assert_eq!(receiver.recv().await, Ok(None));
    sends.await.unwrap();
}

async fn both_sides_open_channels(near: Session, far: Session) {
    near.open().unwrap().send("from near".to_owned()).await.unwrap();
    far.open().unwrap().send("from far".to_owned()).await.unwrap();
    assert_eq!(first::<String>(&near).await.recv().await, Ok(Some("from far".to_owned())));
    assert_eq!(first::<String>(&far).await.recv().await, Ok(Some("from near".to_owned())));
}

async fn a_return_channel_answers(near: Session, far: Session) {
    let answers = tokio::spawn(async move {
        let mut questions = first::<Question>(&far).await;
        while let Some(question) = questions.recv().await.unwrap() {
            question.answer.send(question.text.to_uppercase()).await.unwrap();
        }
    });
    let questions = near.open().unwrap();
    for text in ["one", "two", "three"] {
        let (answer, mut answered) = pipe();
        questions.send(Question { text: text.to_owned(), answer }).await.unwrap();
        assert_eq!(answered.recv().await, Ok(Some(text.to_uppercase())));
        assert_eq!(answered.recv().await, Ok(None));
    }
    drop(questions);
    answers.await.unwrap();
}

async fn a_channel_to_receive_from_travels(near: Session, far: Session) {
    let (sender, receiver) = buffered(2);
    let channels = near.open::<Receiver<u32>>().unwrap();
    channels.send(receiver).await.unwrap();
    let mut received = first::<Receiver<u32>>(&far).await.recv().await.unwrap().unwrap();
    let sends = tokio::spawn(async move {
        for value in 0..100 {
            sender.send(value).await.unwrap();
        }
    });
    for value in 0..100 {
        assert_eq!(received.recv().await, Ok(Some(value)));
    }
    assert_eq!(received.recv().await, Ok(None));
    sends.await.unwrap();
}

/// A sender that arrived carries a sender, which carries another one. Each takes a value before it is received: in one process it is
/// the very channel that arrives.
async fn channels_nest(near: Session, far: Session) {
    let outer = near.open::<Sender<Sender<Sender<String>>>>().unwrap();
    let (first_sender, mut first_receiver) = buffered(1);
    outer.send(first_sender).await.unwrap();
    let arrived =
        first::<Sender<Sender<Sender<String>>>>(&far).await.recv().await.unwrap().unwrap();
    let (second_sender, mut second_receiver) = buffered(1);
    arrived.send(second_sender).await.unwrap();
    let back: Sender<Sender<String>> = first_receiver.recv().await.unwrap().unwrap();
    let (third_sender, mut third_receiver) = buffered(1);
    back.send(third_sender).await.unwrap();
    let there: Sender<String> = second_receiver.recv().await.unwrap().unwrap();
    there.send("deep".to_owned()).await.unwrap();
    assert_eq!(third_receiver.recv().await, Ok(Some("deep".to_owned())));
}

async fn a_byte_stream_goes_both_ways(near: Session, far: Session) {
    let echo = tokio::spawn(async move {
        let mut stream = first::<ByteStream>(&far).await.recv().await.unwrap().unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.unwrap();
        bytes.reverse();
        stream.write_all(&bytes).await.unwrap();
        stream.shutdown().await.unwrap();
    });
    let (mut own, theirs) = ByteStream::pair();
    near.open().unwrap().send(theirs).await.unwrap();
    let bytes: Vec<u8> = (0..300_000_u32).map(|number| number.to_le_bytes()[0] ^ 7).collect();
    own.write_all(&bytes).await.unwrap();
    own.shutdown().await.unwrap();
    let mut back = Vec::new();
    own.read_to_end(&mut back).await.unwrap();
    assert!(back.iter().rev().eq(&bytes), "{} bytes came back", back.len());
    echo.await.unwrap();
}

#[derive(Serialize, Deserialize)]
struct Streams {
    input: ByteReader,
    output: ByteWriter,
}

async fn byte_streams_go_one_way(near: Session, far: Session) {
    let (own, theirs) = ByteStream::pair();
    let streams = Streams { input: ByteReader::new(&b"read"[..]), output: ByteWriter::new(theirs) };
    near.open().unwrap().send(streams).await.unwrap();
    let mut streams = first::<Streams>(&far).await.recv().await.unwrap().unwrap();
    let mut text = String::new();
    streams.input.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "read");
    streams.output.write_all(b"written").await.unwrap();
    streams.output.shutdown().await.unwrap();
    let (mut own, mut text) = (own, String::new());
    own.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "written");
}

/// What is read here may have nothing to read, and holds nothing for a peer that has no use for it.
async fn a_reader_that_the_peer_drops_is_dropped(near: Session, far: Session) {
    let (mut own, theirs) = tokio::io::duplex(10);
    near.open().unwrap().send(ByteReader::new(theirs)).await.unwrap();
    let reader = first::<ByteReader>(&far).await.recv().await.unwrap().unwrap();
    drop(reader);
    assert_eq!(own.read(&mut [0]).await.unwrap(), 0, "the other end is gone");
}

async fn times_and_large_messages_arrive(near: Session, far: Session) {
    let sender = near.open::<(Time, String)>().unwrap();
    let time = Time { seconds: -5, nanoseconds: 999_999_999 };
    let message = (time, "x".repeat(3_000_000));
    let sends = tokio::spawn({
        let message = message.clone();
        async move { sender.send(message).await.unwrap() }
    });
    assert_eq!(first::<(Time, String)>(&far).await.recv().await, Ok(Some(message)));
    sends.await.unwrap();
}

async fn what_was_not_expected_is_told(near: Session, far: Session) {
    let sender = near.open::<String>().unwrap();
    sender.send("no number".to_owned()).await.unwrap();
    let mut receiver = first::<u64>(&far).await;
    let told = receiver.recv().await.unwrap_err();
    assert!(matches!(&told, Error::Protocol(why) if why.contains("no number")), "{told:?}");
    assert_eq!(receiver.recv().await, Err(told), "it stays so");
    sender.closed().await;
    // Others go on.
    near.open().unwrap().send(7_u64).await.unwrap();
    assert_eq!(first::<u64>(&far).await.recv().await, Ok(Some(7)));
}

/// All clones of its sender hear of it, and wait meanwhile instead of waking each other.
async fn every_sender_hears_that_a_receiver_leaves(near: Session, far: Session) {
    let sender = near.open::<u64>().unwrap();
    sender.send(1).await.unwrap();
    let mut waiting = tokio::task::JoinSet::new();
    let looked = Arc::new(AtomicUsize::new(0));
    for _ in 0..3 {
        let (sender, looked) = (sender.clone(), Arc::clone(&looked));
        waiting.spawn(async move {
            let mut closed = std::pin::pin!(sender.closed());
            std::future::poll_fn(|context| {
                looked.fetch_add(1, Ordering::SeqCst);
                closed.as_mut().poll(context)
            })
            .await;
        });
    }
    let mut receiver = first::<u64>(&far).await;
    for value in 1..100 {
        assert_eq!(receiver.recv().await, Ok(Some(value)));
        sender.send(value + 1).await.unwrap();
    }
    let looked = looked.load(Ordering::SeqCst);
    assert!(looked < 50, "{looked} times");
    drop(receiver);
    waiting.join_all().await;
    // What is ended here is heard here.
    let sender = near.open::<u64>().unwrap();
    let other = sender.clone();
    let waiting = tokio::spawn(async move { other.closed().await });
    tokio::task::yield_now().await;
    sender.close();
    waiting.await.unwrap();
}

async fn a_receiver_that_leaves_is_heard(near: Session, far: Session) {
    let sender = near.open::<u64>().unwrap();
    sender.send(1).await.unwrap();
    drop(first::<u64>(&far).await);
    sender.closed().await;
    let refused = loop {
        if let Err(refused) = sender.send(2).await {
            break refused;
        }
    };
    assert_eq!(refused.value, Some(2));
}

async fn a_receiver_that_closes_is_heard(near: Session, far: Session) {
    let sender = near.open::<Sender<u64>>().unwrap();
    let (answer, mut answered) = buffered(9);
    sender.send(answer).await.unwrap();
    let mut receiver = first::<Sender<u64>>(&far).await;
    let answers = receiver.recv().await.unwrap().unwrap();
    receiver.close();
    sender.closed().await;
    assert!(receiver.recv().await.unwrap().is_none());
    for value in 1..4 {
        answers.send(value).await.unwrap();
    }
    assert_eq!(answered.recv().await, Ok(Some(1)));
    answered.close();
    answers.closed().await;
    let refused = loop {
        if let Err(refused) = answers.send(9).await {
            break refused;
        }
    };
    assert_eq!(refused.value, Some(9));
    // Of what was on its way the beginning has come.
    let mut wanted = 2;
    while let Some(value) = answered.recv().await.unwrap() {
        assert_eq!(value, wanted);
        wanted += 1;
    }
    assert!(wanted <= 4);
}

/// Near and far are both ends of a relay, which knows nothing of what it passes on.
async fn a_relay_passes_everything_on(near: Session, far: Session) {
    let (before, hop) = tokio::io::duplex(500);
    let client = Session::new(before, libchan::Side::Client, libchan::Limits::default());
    let entry = Session::new(hop, libchan::Side::Server, libchan::Limits::default());
    let relay = tokio::spawn(async move {
        let from = first::<Value>(&entry).await;
        let to = near.open::<Value>().unwrap();
        copy(&to, from).await.unwrap()
    });
    let (mut own, theirs) = ByteStream::pair();
    let (answer, mut answered) = pipe();
    let sender = client.open::<(Question, ByteStream)>().unwrap();
    sender.send((Question { text: "hop".to_owned(), answer }, theirs)).await.unwrap();
    drop(sender);
    // It stays to the end: where it leaves before, the relay is told so.
    let mut questions = first::<(Question, ByteStream)>(&far).await;
    let (question, mut stream) = questions.recv().await.unwrap().unwrap();
    question.answer.send(format!("{} hop", question.text)).await.unwrap();
    assert_eq!(answered.recv().await, Ok(Some("hop hop".to_owned())));
    own.write_all(b"there").await.unwrap();
    own.shutdown().await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    stream.write_all(b" and back").await.unwrap();
    stream.shutdown().await.unwrap();
    own.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "there and back");
    assert_eq!(relay.await.unwrap(), 1);
}

async fn a_session_that_is_closed_ends_its_peer(near: Session, far: Session) {
    let sender = near.open::<u64>().unwrap();
    sender.send(1).await.unwrap();
    near.close();
    assert!(near.open::<u64>().is_err());
    let mut receiver = first::<u64>(&far).await;
    assert_eq!(receiver.recv().await, Ok(Some(1)));
    sender.send(2).await.unwrap();
    drop(sender);
    assert_eq!(receiver.recv().await, Ok(Some(2)));
    assert_eq!(receiver.recv().await, Ok(None));
    assert!(far.accept::<u64>().await.unwrap().is_none());
}
