//! What fuzz/ reaches beyond the public items: a session without its connection, against any bytes and any use of it.
//! Exists with `--cfg fuzzing`, as cargo-fuzz sets it, and in tests: no release holds this module. Talks to nobody.

use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use crate::outgoing::Outgoing;
use crate::sending::Piece;
use crate::state::State;
use crate::{Headers, Limits, Opening, Role, Status};

/// A server whose peer is `bytes`; what it does meanwhile is in `script`. Whatever they say, its bounds hold.
///
/// # Panics
/// When they do not.
pub fn serve(bytes: &[u8], script: &[u8]) {
    let limits = Limits {
        header_bytes: 2048,
        streams: 8,
        stream_bytes: 1024,
        session_bytes: 4096,
        out_bytes: 4096,
        lingering: 4,
        windows: script.len().is_multiple_of(2),
        ..Limits::default()
    };
    let mut state = State::new(Role::Server, limits);
    let mut context = Context::from_waker(Waker::noop());
    let (mut at, mut there) = (0, 0);
    let mut streams = Vec::new();
    for &step in script {
        there = (there + usize::from(step >> 3) * 8 + 1).min(bytes.len());
        let block = Bytes::copy_from_slice(&bytes[at..there]);
        let mut input = &block[..];
        state.input(&block, &mut input);
        at = there - input.len();
        act(&mut state, &mut streams, step, &mut context);
        check(&state);
    }
    state.input_ended(0);
    for stream in streams {
        state.let_go(stream);
    }
    while let Poll::Ready(Some((stream, _))) = state.poll_accept(&context) {
        state.let_go(stream);
    }
    assert!(state.streams.is_empty() && state.flow.held == 0);
}

fn act(state: &mut State, streams: &mut Vec<u32>, step: u8, context: &mut Context<'_>) {
    let some = streams.get(usize::from(step) % streams.len().max(1)).copied();
    match (step & 7, some) {
        (0, _) if streams.len() < 16 => {
            streams.extend(state.open(Headers::new(), Opening::default()));
        }
        (1, _) => {
            if let Poll::Ready(Some((stream, opened))) = state.poll_accept(context) {
                let done = state.reply(stream, Headers::new(), false, opened.unidirectional);
                match done {
                    Ok(()) => streams.push(stream),
                    Err(_) => state.let_go(stream),
                }
            }
        }
        (2, Some(stream)) => {
            if let Poll::Ready(Ok(())) = state.poll_ready(stream, context) {
                let sent = state.send(stream, Piece::Lent(&[step; 3000]));
                assert!(sent.is_ok());
            }
        }
        (3, Some(stream)) => drop(state.poll_receive(stream, context)),
        (4, Some(stream)) => drop(state.finish(stream)),
        (5, Some(stream)) => {
            streams.retain(|other| *other != stream);
            state.let_go(stream);
        }
        (6, _) => {
            state.begin_stall();
            state.end_stall();
        }
        (7, Some(stream)) if step > 200 => {
            let end = crate::entry::End::Reset(Status::CANCEL);
            state.reset(stream, Status::CANCEL, end);
        }
        _ => state.take_output(&mut Outgoing::default()),
    }
}

fn check(state: &State) {
    let limits = &state.limits;
    assert!(state.ids.remote <= limits.streams && state.lingering.len() <= limits.lingering);
    assert!(state.flow.held <= limits.session_bytes);
    let held: usize = state.streams.values().map(crate::entry::Entry::held_bytes).sum();
    assert_eq!(held, state.flow.held);
    assert!(state.streams.values().all(|entry| entry.queue.len() <= state.flow.queue_bytes));
}
