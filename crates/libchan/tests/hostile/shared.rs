//! A peer that counts streams as the original does: a channel of ours and one of its own have the same number, and a stream says that it
//! belongs to that.

use std::time::Duration;

use libchan::{Limits, Receiver, Sender, Session, Value, buffered};

use crate::peer::{Heard, Peer, in_time};

/// The number that both channels have: ours, since a server's nested ones begin with it.
const SHARED: u64 = 4;
/// The stream of our channel with it, which the peer sends on, that of the peer's, and one that belongs to either.
const OURS: u32 = 4;
const ITS: u32 = 3;
const NESTED: u32 = 5;
/// The number of the last one, and a message that names it as a channel to receive from.
const NUMBER: u64 = 9;
const NAMES_IT: [u8; 6] = [0xd6, 5, 0, 0, 0, 9];

/// Both channels, of which neither has brought a message, and a stream that one of them is to bring.
struct Shared {
    peer: Peer,
    _session: Session,
    ours: Receiver<Value>,
    its: Receiver<Value>,
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.reference_wait = Duration::from_millis(20);
    limits
}

async fn shared() -> Shared {
    let (mut peer, session) = Peer::of_session(limits());
    let (sender, ours) = buffered::<Value>(1);
    session.open::<Sender<Value>>().unwrap().send(sender).await.unwrap();
    let headers = vec![
        ("libchan-ref".to_owned(), SHARED.to_string()),
        ("libchan-parent-ref".to_owned(), "2".to_owned()),
    ];
    in_time("ours", peer.hear(&Heard::Open(OURS, 0, headers))).await;
    let block = peer.block(&[(":status", "200")]);
    peer.control(2, 0, &[&OURS.to_be_bytes()[..], &block].concat()).await;
    peer.channel(ITS, SHARED, None).await;
    let its = session.accept::<Value>().await.unwrap().unwrap();
    peer.channel(NESTED, NUMBER, Some(SHARED)).await;
    peer.ping().await;
    Shared { peer, _session: session, ours, its }
}

/// Answers what the session asks, until the stream is reset.
async fn is_reset(peer: &mut Peer, stream: u32) {
    loop {
        let heard = in_time("the reset", peer.next()).await;
        if heard == Heard::Reset(stream, 5) {
            return;
        }
        assert_ne!(heard, Heard::End);
        answer(peer, &heard).await;
    }
}

/// Gives a sign of life where it is asked for; says whether it was.
async fn answer(peer: &mut Peer, heard: &Heard) -> bool {
    let Heard::Ping(id) = heard else { return false };
    peer.control(6, 0, &id.to_be_bytes()).await;
    true
}

/// It hears of no reset.
async fn stays(peer: &mut Peer) {
    let heard = peer.ping().await;
    assert!(!heard.iter().any(|heard| matches!(heard, Heard::Reset(NESTED, _))), "{heard:?}");
}

#[tokio::test]
async fn it_is_the_others_once_one_has_come_to_its_end() {
    for ends in [OURS, ITS] {
        let Shared { mut peer, _session, mut ours, mut its } = shared().await;
        peer.finish(ends).await;
        let (ended, rest) = if ends == OURS { (&mut ours, its) } else { (&mut its, ours) };
        assert!(matches!(in_time("the end", ended.recv()).await, Ok(None)));
        stays(&mut peer).await;
        // Nothing is in doubt, whoever reads that one: with it, the stream goes.
        drop(rest);
        is_reset(&mut peer, NESTED).await;
    }
}

#[tokio::test]
async fn it_is_named_on_either() {
    for by in [OURS, ITS] {
        let Shared { mut peer, _session, mut ours, mut its } = shared().await;
        peer.data(by, &NAMES_IT).await;
        let named = if by == OURS { &mut ours } else { &mut its };
        let Ok(Some(Value::Receiver(mut nested))) = in_time("named", named.recv()).await else {
            panic!("no channel came on {by}")
        };
        peer.data(NESTED, &[7]).await;
        assert!(matches!(in_time("it", nested.recv()).await, Ok(Some(Value::Unsigned(7)))));
    }
}

/// One is left: the message that names it may have been on that one, or may be about to come on the other one, where nothing comes.
#[tokio::test]
async fn what_nobody_names_goes_though_the_other_one_is_there() {
    for leaves in [OURS, ITS] {
        let Shared { mut peer, _session, ours, its } = shared().await;
        let (left, mut rest) = if leaves == OURS { (ours, its) } else { (its, ours) };
        drop(left);
        // Its receiver waits for what comes.
        let waits = tokio::spawn(async move {
            let received = rest.recv().await;
            (received.is_ok_and(|received| received.is_some()), rest)
        });
        is_reset(&mut peer, NESTED).await;
        // And the other one is as it was.
        peer.data(if leaves == OURS { ITS } else { OURS }, &[7]).await;
        assert!(in_time("the other one", waits).await.unwrap().0);
    }
}

/// The peer has opened it before it heard that its parent was left.
#[tokio::test]
async fn one_that_comes_too_late_goes_though_the_other_one_is_there() {
    let Shared { mut peer, _session, ours, mut its } = shared().await;
    drop(ours);
    tokio::spawn(async move { while let Ok(Some(_)) = its.recv().await {} });
    is_reset(&mut peer, NESTED).await;
    let late = 7;
    peer.channel(late, NUMBER + 1, Some(SHARED)).await;
    is_reset(&mut peer, late).await;
}

/// It is in doubt, and nobody has read what has come on the other channel: the message may be there, and is.
#[tokio::test]
async fn what_was_not_read_yet_names_it() {
    let Shared { mut peer, _session, ours, mut its } = shared().await;
    // Somebody has looked once, and does something else.
    assert!(matches!(its.try_recv(), Ok(None)));
    drop(ours);
    peer.data(ITS, &NAMES_IT).await;
    // It is looked at whenever the session asks for a sign of life: the second time, the first look was over.
    let mut asked = 0;
    while asked < 2 {
        let heard = in_time("the question", peer.next()).await;
        assert!(!matches!(heard, Heard::Reset(NESTED, _)), "{heard:?}");
        asked += u32::from(answer(&mut peer, &heard).await);
    }
    let received = in_time("named", its.recv()).await;
    assert!(matches!(received, Ok(Some(Value::Receiver(_)))), "{received:?}");
}
