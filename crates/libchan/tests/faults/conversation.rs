//! A conversation with everything that there is, both ways; whoever receives writes down what came and how it ended.

use libchan::{ByteReader, ByteStream, ByteWriter, Error, Receiver, Sender, Session, pipe};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Numbers of each channel of numbers.
const NUMBERS: u64 = 5;

/// How large things are.
#[derive(Clone, Copy)]
pub(crate) struct Sizes {
    /// Bytes of each byte stream.
    pub(crate) stream: usize,
    /// Bytes of the large message.
    pub(crate) text: usize,
}

#[derive(Serialize, Deserialize, Default)]
struct Item {
    number: u64,
    text: String,
    /// The far side answers.
    back: Option<Sender<u64>>,
    /// The far side receives.
    from: Option<Receiver<u64>>,
    read: Option<ByteReader>,
    written: Option<ByteWriter>,
    both: Option<ByteStream>,
}

/// What one end has seen.
#[derive(Debug)]
pub(crate) struct Seen {
    what: &'static str,
    /// Pieces in order.
    got: Vec<u8>,
    wanted: Vec<u8>,
    /// Whether it ended well.
    is_whole: bool,
}

impl Seen {
    /// What came is what was sent, in order and nothing twice, and it looks complete only if it is.
    pub(crate) fn check(&self, context: &str) {
        let Self { what, got, wanted, is_whole } = self;
        assert!(wanted.starts_with(got), "{context}: {what}: {} bytes are others", got.len());
        assert!(!is_whole || got == wanted, "{context}: {what}: ended after {}", got.len());
    }

    pub(crate) fn is_whole(&self) -> bool {
        self.is_whole
    }
}

fn pattern(size: usize) -> Vec<u8> {
    (0..size).map(|at| u8::try_from(at * 7 % 251).unwrap()).collect()
}

async fn numbers(what: &'static str, mut receiver: Receiver<u64>) -> Seen {
    let mut got = Vec::new();
    let is_whole = loop {
        match receiver.recv().await {
            Ok(Some(number)) => got.extend_from_slice(&number.to_be_bytes()),
            Ok(None) => break true,
            Err(error) => break not_ours(what, &error),
        }
    };
    Seen { what, got, wanted: (0..NUMBERS).flat_map(u64::to_be_bytes).collect(), is_whole }
}

/// Nobody here breaks rules or limits; a frame may be cut.
fn not_ours(what: &str, error: &Error) -> bool {
    let is_an_end = matches!(error, Error::Closed | Error::Reset(_) | Error::TimedOut);
    let is_cut = |why: &str| why.contains("too early") || why.contains("inside a frame");
    let fits = is_an_end || matches!(error, Error::Protocol(why) if is_cut(why));
    assert!(fits, "{what}: {error:?}");
    false
}

async fn bytes(what: &'static str, mut from: impl AsyncRead + Unpin, size: usize) -> Seen {
    let mut got = Vec::new();
    let is_whole = from.read_to_end(&mut got).await.is_ok();
    Seen { what, got, wanted: pattern(size), is_whole }
}

/// Once the other side is gone, nothing is sent.
async fn count(sender: Sender<u64>) {
    for number in 0..NUMBERS {
        if sender.send(number).await.is_err() {
            return;
        }
    }
}

async fn write(mut to: impl AsyncWrite + Unpin, size: usize) {
    for piece in pattern(size).chunks(size / 3 + 1) {
        if to.write_all(piece).await.is_err() {
            return;
        }
    }
    let _gone = to.shutdown().await;
}

/// The side that asks.
pub(crate) async fn near(session: Session, sizes: Sizes) -> Vec<Seen> {
    let asks = async {
        let Ok(sender) = session.open::<Item>() else { return Vec::new() };
        let (back, answered) = pipe();
        let (fed, from) = pipe();
        let (own_read, read) = ByteStream::pair();
        let (own_written, written) = ByteStream::pair();
        let (own_both, both) = ByteStream::pair();
        let (both_read, both_written) = tokio::io::split(own_both);
        let text = String::from_utf8_lossy(&pattern(sizes.text)).into_owned();
        let items = [
            Item::default(),
            Item { number: 1, back: Some(back), ..Item::default() },
            Item { number: 2, from: Some(from), ..Item::default() },
            Item { number: 3, read: Some(ByteReader::new(read)), ..Item::default() },
            Item { number: 4, written: Some(ByteWriter::new(written)), ..Item::default() },
            Item { number: 5, both: Some(both), ..Item::default() },
            Item { number: 6, text, ..Item::default() },
        ];
        let sends = async move {
            for item in items {
                if sender.send(item).await.is_err() {
                    // What was not sent goes, and with it the other ends below.
                    return;
                }
            }
        };
        let seen = tokio::join!(
            sends,
            count(fed),
            write(own_read, sizes.stream),
            write(both_written, sizes.stream),
            numbers("answers", answered),
            bytes("written by the far side", own_written, sizes.stream),
            bytes("both, from the far side", both_read, sizes.stream),
        );
        vec![seen.4, seen.5, seen.6]
    };
    let (mut seen, own) = tokio::join!(asks, accepts(&session));
    seen.extend(own);
    seen
}

/// The channel that the far side opens.
async fn accepts(session: &Session) -> Option<Seen> {
    let receiver = session.accept::<u64>().await.ok()??;
    Some(numbers("opened by the far side", receiver).await)
}

/// The side that is asked.
pub(crate) async fn far(session: Session, sizes: Sizes) -> Vec<Seen> {
    let opens = async {
        if let Ok(sender) = session.open::<u64>() {
            count(sender).await;
        }
    };
    let serves = async {
        let mut seen = Vec::new();
        if let Ok(Some(items)) = session.accept::<Item>().await {
            serve(items, sizes, &mut seen).await;
        }
        seen
    };
    tokio::join!(opens, serves).1
}

async fn serve(mut items: Receiver<Item>, sizes: Sizes, seen: &mut Vec<Seen>) {
    let wanted = (0..=6_u8).flat_map(|number| [vec![number], text_of(number, sizes)].concat());
    let mut all =
        Seen { what: "items", got: Vec::new(), wanted: wanted.collect(), is_whole: false };
    let mut parts = tokio::task::JoinSet::new();
    loop {
        match items.recv().await {
            Ok(Some(item)) => {
                all.got.push(u8::try_from(item.number).unwrap());
                all.got.extend_from_slice(item.text.as_bytes());
                parts.spawn(answer(item, sizes));
            }
            Ok(None) => break all.is_whole = true,
            Err(error) => break all.is_whole = not_ours("items", &error),
        }
    }
    seen.push(all);
    seen.extend(parts.join_all().await.into_iter().flatten());
}

fn text_of(number: u8, sizes: Sizes) -> Vec<u8> {
    let text = String::from_utf8_lossy(&pattern(sizes.text)).into_owned();
    if number == 6 { text.into_bytes() } else { Vec::new() }
}

async fn answer(item: Item, sizes: Sizes) -> Option<Seen> {
    if let Some(back) = item.back {
        count(back).await;
    } else if let Some(from) = item.from {
        return Some(numbers("fed", from).await);
    } else if let Some(read) = item.read {
        return Some(bytes("read by the far side", read, sizes.stream).await);
    } else if let Some(written) = item.written {
        write(written, sizes.stream).await;
    } else if let Some(both) = item.both {
        let (read, written) = tokio::io::split(both);
        let seen = bytes("both, from the near side", read, sizes.stream);
        return Some(tokio::join!(seen, write(written, sizes.stream)).0);
    }
    None
}
