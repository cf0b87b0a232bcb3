//! Interleavings of threads, by loom: nothing is lost, doubled or left waiting.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use loom::future::block_on;
use loom::thread;

use super::{buffered, pipe};

/// Threads are taken off a processor so many times at moments that the model chooses: errors that take more are not known.
const PREEMPTIONS: usize = 2;

fn model(run: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(PREEMPTIONS);
    builder.check(run);
}

fn poll_once<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

#[test]
fn values_arrive_once_and_in_order() {
    for capacity in [0, 1, 2] {
        model(move || {
            let (sender, mut receiver) = buffered(capacity);
            let sends = thread::spawn(move || {
                block_on(async {
                    sender.send(1).await.unwrap();
                    sender.send(2).await.unwrap();
                });
            });
            let received = block_on(async {
                [receiver.recv().await, receiver.recv().await, receiver.recv().await]
            });
            assert_eq!(received, [Ok(Some(1)), Ok(Some(2)), Ok(None)]);
            sends.join().unwrap();
        });
    }
}

#[test]
fn two_senders_are_both_heard() {
    model(|| {
        let (sender, mut receiver) = pipe();
        let threads = [1, 2].map(|value| {
            let sender = sender.clone();
            thread::spawn(move || block_on(sender.send(value)).unwrap())
        });
        drop(sender);
        let mut received = [0, 0];
        for value in &mut received {
            *value = block_on(receiver.recv()).unwrap().unwrap();
        }
        received.sort_unstable();
        assert_eq!(received, [1, 2]);
        assert_eq!(block_on(receiver.recv()), Ok(None));
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

#[test]
fn a_cancelled_send_has_its_value_or_was_received() {
    for capacity in [0, 1] {
        model(move || {
            let (sender, mut receiver) = buffered(capacity);
            let sends = thread::spawn(move || {
                let mut slot = Some(1);
                let _sent = poll_once(sender.send_from(&mut slot));
                slot
            });
            let received = block_on(receiver.recv()).unwrap();
            let kept = sends.join().unwrap();
            assert_ne!(received, kept);
            assert_eq!(received.or(kept), Some(1));
        });
    }
}

#[test]
fn a_receiver_that_leaves_ends_every_send() {
    for capacity in [0, 1] {
        model(move || {
            let (sender, mut receiver) = buffered(capacity);
            let sends = thread::spawn(move || {
                let first = block_on(sender.send(1));
                block_on(sender.closed());
                let second = block_on(sender.send(2));
                [first, second].map(|sent| sent.err().and_then(|refused| refused.value))
            });
            let received = receiver.try_recv().unwrap();
            drop(receiver);
            let [first, second] = sends.join().unwrap();
            assert_eq!(second, Some(2));
            assert!(received.is_none() || first.is_none(), "{received:?} {first:?}");
        });
    }
}

#[test]
fn a_receiver_that_closes_gets_what_was_sent() {
    for capacity in [0, 1] {
        model(move || {
            let (sender, mut receiver) = buffered(capacity);
            let sends = thread::spawn(move || {
                let first = block_on(sender.send(1));
                block_on(sender.closed());
                let second = block_on(sender.send(2));
                assert_eq!(second.unwrap_err().value, Some(2));
                first.is_ok()
            });
            receiver.close();
            let received = block_on(receiver.recv()).unwrap();
            assert_eq!(block_on(receiver.recv()), Ok(None));
            assert_eq!(sends.join().unwrap(), received.is_some());
        });
    }
}

#[test]
fn a_close_loses_nothing_that_was_taken() {
    model(|| {
        let (sender, mut receiver) = buffered(1);
        let closer = sender.clone();
        let closes = thread::spawn(move || closer.close());
        let sent = sender.try_send(1).is_ok();
        let received = block_on(receiver.recv()).unwrap();
        assert_eq!(received.is_some(), sent);
        closes.join().unwrap();
    });
}
