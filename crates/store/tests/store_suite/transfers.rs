//! Blobs that come in pieces, in any order, by processes that end at any moment.

use std::io::Read;
use std::sync::Arc;

use spec::Digest;
use store::{Begun, CHUNK_BYTES, Transfer};

use crate::fixture::Bench;

fn digest() -> Digest {
    format!("sha256:{}", "5".repeat(64)).parse().unwrap()
}

fn begin(bench: &Bench, size: u64) -> Arc<Transfer> {
    match bench.store().transfers().begin(&digest(), size).unwrap() {
        Begun::Ours(transfer) => transfer,
        Begun::Busy(_) => panic!("nobody else has it"),
    }
}

fn contents(size: u64) -> Vec<u8> {
    (0..size).map(|at| u8::try_from(at % 251).unwrap()).collect()
}

#[test]
fn two_connections_fill_it_while_it_is_read() {
    let bench = Bench::new();
    let size = 5 * CHUNK_BYTES + 77;
    let bytes = contents(size);
    let transfer = begin(&bench, size);
    let mut reader = transfer.reader();
    let read = std::thread::spawn(move || {
        let mut read = Vec::new();
        reader.read_to_end(&mut read).map(|_| read)
    });
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(mut claim) = transfer.claim() {
                    while !claim.is_done() {
                        let at = usize::try_from(claim.at()).unwrap();
                        let to = (at + 70_001).min(bytes.len());
                        assert!(claim.write(&bytes[at..to]).unwrap() > 0);
                    }
                }
            });
        }
    });
    assert_eq!(transfer.filled(), size);
    assert!(read.join().unwrap().unwrap() == bytes);
    transfer.remove().unwrap();
    assert_eq!(std::fs::read_dir(bench.path("root/transfers")).unwrap().count(), 0);
}

#[test]
fn it_goes_on_at_its_byte() {
    let bench = Bench::new();
    let size = 2 * CHUNK_BYTES;
    let bytes = contents(size);
    let first = begin(&bench, size);
    first.claim().unwrap().write(&bytes[..1000]).unwrap();
    let (mut early, mut late) = (first.claim().unwrap(), first.claim().unwrap());
    assert_eq!((early.at(), late.at()), (1000, CHUNK_BYTES));
    late.write(&bytes[usize::try_from(CHUNK_BYTES).unwrap()..][..500]).unwrap();
    early.write(&bytes[1000..1234]).unwrap();
    // As a kill does: nothing is closed in order.
    drop((early, late, first));
    let second = begin(&bench, size);
    assert_eq!((second.resumed(), second.unclaimed()), (1734, 2));
    let claim = second.claim().unwrap();
    assert_eq!((claim.at(), claim.end()), (1234, CHUNK_BYTES));
    let mut start = vec![0; 1234];
    second.reader().read_exact(&mut start).unwrap();
    assert!(start == bytes[..1234]);
    // A blob of another size under the same digest, or a map that cannot be true, is begun anew.
    drop((claim, second));
    assert_eq!(begin(&bench, size + 1).resumed(), 0);
}

#[test]
fn one_fills_it_and_the_others_wait() {
    let bench = Bench::new();
    let ours = begin(&bench, 10);
    let Begun::Busy(busy) = bench.store().transfers().begin(&digest(), 10).unwrap() else {
        panic!("two have it")
    };
    let waiting = std::thread::spawn(move || busy.wait());
    ours.claim().unwrap().write(b"0123456789").unwrap();
    ours.remove().unwrap();
    drop(ours);
    waiting.join().unwrap().unwrap();
    assert_eq!(begin(&bench, 10).resumed(), 0);
}

#[test]
fn what_is_removed_is_let_go_whoever_still_has_it() {
    let bench = Bench::new();
    let ours = begin(&bench, 10);
    let (claim, reader) = (ours.claim().unwrap(), ours.reader());
    let Begun::Busy(busy) = bench.store().transfers().begin(&digest(), 10).unwrap() else {
        panic!("two have it")
    };
    assert!(!busy.is_released().unwrap());
    ours.remove().unwrap();
    assert!(busy.is_released().unwrap());
    drop((claim, reader));
}

#[test]
fn who_reads_learns_why_nothing_comes() {
    let bench = Bench::new();
    let transfer = begin(&bench, 10);
    transfer.claim().unwrap().write(b"0123").unwrap();
    let mut reader = transfer.reader();
    let read = std::thread::spawn(move || {
        let mut read = Vec::new();
        (reader.read_to_end(&mut read).unwrap_err().to_string(), read)
    });
    transfer.stop("the registry is gone");
    assert_eq!(read.join().unwrap(), ("the registry is gone".to_owned(), b"0123".to_vec()));
    assert!(transfer.claim().is_none());
}

#[test]
fn what_a_killed_command_left_is_discarded_and_what_another_fills_is_not() {
    let bench = Bench::new();
    let transfers = bench.store().transfers();
    let digest: spec::Digest = format!("sha256:{}", "d".repeat(64)).parse().unwrap();
    transfers.discard(&digest).unwrap();
    let Begun::Ours(held) = transfers.begin(&digest, 1000).unwrap() else { panic!("busy") };
    transfers.discard(&digest).unwrap();
    assert_eq!(crate::fixture::names(&bench.path("root/transfers")).len(), 2);
    drop(held);
    transfers.discard(&digest).unwrap();
    assert!(crate::fixture::names(&bench.path("root/transfers")).is_empty());
}
