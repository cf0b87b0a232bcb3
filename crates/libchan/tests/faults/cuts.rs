//! A connection that is cut after every single byte, in either direction.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use libchan::{Limits, Session, Side};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use crate::conversation::{Seen, Sizes, far, near};

/// Long enough that nothing right takes it.
const PATIENCE: Duration = Duration::from_secs(60);

const SMALL: Sizes = Sizes { stream: 90, text: 300 };
const LARGE: Sizes = Sizes { stream: 200_000, text: 150_000 };

/// What a connection does with bytes.
#[derive(Clone, Copy, Debug)]
struct Wire {
    /// At once.
    piece: usize,
    /// Others run so often before a piece arrives.
    delay: usize,
    /// After so many bytes, from the near side and from the far side, all is over.
    cut: [usize; 2],
}

const WHOLE: Wire = Wire { piece: 4096, delay: 0, cut: [usize::MAX; 2] };

/// Two ends of a connection, and how many bytes went there and back.
fn connection(wire: Wire) -> (DuplexStream, DuplexStream, tokio::task::JoinHandle<[usize; 2]>) {
    let (near, near_end) = tokio::io::duplex(8192);
    let (far, far_end) = tokio::io::duplex(8192);
    let passes = tokio::spawn(async move {
        let (mut near_read, mut near_write) = tokio::io::split(near_end);
        let (mut far_read, mut far_write) = tokio::io::split(far_end);
        let passed = [AtomicUsize::new(0), AtomicUsize::new(0)];
        let there_done = pass(&mut near_read, &mut far_write, wire, wire.cut[0], &passed[0]);
        let back_done = pass(&mut far_read, &mut near_write, wire, wire.cut[1], &passed[1]);
        let mut both = std::pin::pin!(there_done);
        let mut other = std::pin::pin!(back_done);
        tokio::select! {
            is_cut = &mut both => if !is_cut { other.await; },
            is_cut = &mut other => if !is_cut { both.await; },
        }
        [0, 1].map(|direction: usize| passed[direction].load(Ordering::Relaxed))
    });
    (near, far, passes)
}

/// Whether it was cut.
async fn pass(
    from: &mut tokio::io::ReadHalf<DuplexStream>,
    to: &mut tokio::io::WriteHalf<DuplexStream>,
    wire: Wire,
    most: usize,
    passed: &AtomicUsize,
) -> bool {
    let mut block = vec![0; wire.piece];
    loop {
        let left = most - passed.load(Ordering::Relaxed);
        if left == 0 {
            return true;
        }
        let size = block.len().min(left);
        let Ok(size @ 1..) = from.read(&mut block[..size]).await else { break };
        for _ in 0..wire.delay {
            tokio::task::yield_now().await;
        }
        if to.write_all(&block[..size]).await.is_err() {
            break;
        }
        passed.fetch_add(size, Ordering::Relaxed);
    }
    let _gone = to.shutdown().await;
    false
}

fn sessions(near: DuplexStream, far: DuplexStream) -> (Session, Session) {
    let server = Session::new(far, Side::Server, Limits::default());
    (Session::new(near, Side::Client, Limits::default()), server)
}

/// The conversation over such a connection.
async fn converse(wire: Wire, sizes: Sizes) -> (Vec<Seen>, [usize; 2]) {
    let (client, server, passes) = connection(wire);
    talk(wire, sizes, sessions(client, server), passes).await
}

/// The same, with a relay behind it, whose other connection is whole.
async fn converse_relayed(wire: Wire, sizes: Sizes) -> (Vec<Seen>, [usize; 2]) {
    let (client, entry, passes) = connection(wire);
    let (client, entry) = sessions(client, entry);
    let (near, far) = tokio::io::duplex(8192);
    let (exit, server) = sessions(near, far);
    tokio::spawn(libchan::relay(entry, exit));
    talk(wire, sizes, (client, server), passes).await
}

/// Between two sessions; afterwards nothing is left of them.
async fn talk(
    wire: Wire,
    sizes: Sizes,
    (client, server): (Session, Session),
    passes: tokio::task::JoinHandle<[usize; 2]>,
) -> (Vec<Seen>, [usize; 2]) {
    let talks = async {
        let (mut seen, rest) = tokio::join!(near(client, sizes), far(server, sizes));
        seen.extend(rest);
        (seen, passes.await.unwrap())
    };
    let done = tokio::time::timeout(PATIENCE, talks).await;
    let done = done.unwrap_or_else(|_late| panic!("{wire:?} does not end"));
    let metrics = tokio::runtime::Handle::current().metrics();
    let nobody = async {
        while metrics.num_alive_tasks() > 0 {
            tokio::task::yield_now().await;
        }
    };
    let gone = tokio::time::timeout(PATIENCE, nobody).await;
    assert!(gone.is_ok(), "{wire:?} leaves {} tasks", metrics.num_alive_tasks());
    done
}

/// All that can be seen when nothing is cut.
const ALL: usize = 8;

#[tokio::test]
async fn a_conversation_in_pieces_of_every_size_is_whole() {
    for piece in [1, 2, 3, 5, 8, 13, 100, 1000, 65536] {
        for delay in [0, 3] {
            let (seen, _passed) = converse(Wire { piece, delay, ..WHOLE }, SMALL).await;
            assert_eq!(seen.len(), ALL);
            for seen in seen {
                seen.check("in pieces");
                assert!(seen.is_whole(), "{piece} bytes: {seen:?}");
            }
        }
    }
    let (seen, _passed) = converse(Wire { piece: 999, ..WHOLE }, LARGE).await;
    assert!(seen.len() == ALL && seen.iter().all(Seen::is_whole));
}

#[tokio::test]
async fn a_cut_after_any_byte_is_told() {
    let (_whole, passed) = converse(WHOLE, SMALL).await;
    assert!(passed.iter().all(|bytes| (500..5000).contains(bytes)), "{passed:?}");
    let mut incomplete = 0;
    for (direction, all) in passed.into_iter().enumerate() {
        for at in 0..=all {
            let mut wire = WHOLE;
            wire.cut[direction] = at;
            let (seen, _passed) = converse(wire, SMALL).await;
            for seen in &seen {
                seen.check(&format!("{direction} is cut after {at}"));
            }
            incomplete += usize::from(!seen.iter().all(Seen::is_whole));
        }
    }
    assert!(incomplete > passed.iter().sum::<usize>() / 3, "{incomplete} were seen");
}

#[tokio::test]
async fn a_cut_in_large_things_is_told() {
    let (_whole, passed) = converse(WHOLE, LARGE).await;
    for (direction, all) in passed.into_iter().enumerate() {
        for at in (0..all).step_by(all / 97) {
            let mut wire = WHOLE;
            wire.cut[direction] = at;
            let (seen, _passed) = converse(wire, LARGE).await;
            seen.iter().for_each(|seen| seen.check(&format!("{direction} is cut after {at}")));
        }
    }
}

#[tokio::test]
async fn a_cut_before_a_relay_is_told_behind_it() {
    let (whole, passed) = converse_relayed(WHOLE, SMALL).await;
    assert!(whole.len() == ALL && whole.iter().all(Seen::is_whole));
    for (direction, all) in passed.into_iter().enumerate() {
        for at in (0..all).step_by(3) {
            let mut wire = WHOLE;
            wire.cut[direction] = at;
            let (seen, _passed) = converse_relayed(wire, SMALL).await;
            seen.iter().for_each(|seen| seen.check(&format!("{direction} is cut after {at}")));
        }
    }
}
