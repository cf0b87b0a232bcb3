//! How streams and sessions end, and that nothing is left of them.

use std::task::Poll;

use super::{Pair, context, data, quiet, reset, syn};
use crate::entry::End;
use crate::state::Over;
use crate::{Error, Frame, Headers, Limits, Opening, Setting, Status};

#[test]
fn nothing_is_left_of_streams_that_have_ended() {
    let mut pair = Pair::new(quiet());
    let nothing = |pair: &Pair| {
        assert!(pair.state.streams.is_empty() && pair.state.lingering.is_empty());
        assert_eq!((pair.state.ids.local, pair.state.ids.remote, pair.state.flow.held), (0, 0, 0));
    };
    // FIN both ways, in both orders.
    pair.accepted(1);
    pair.bytes(&data(1, b"x", true));
    pair.state.finish(1).unwrap();
    pair.state.let_go(1);
    nothing(&pair);
    pair.accepted(3);
    pair.state.finish(3).unwrap();
    pair.state.let_go(3);
    assert_eq!(pair.state.lingering.len(), 1);
    pair.bytes(&data(3, b"", true));
    nothing(&pair);
    pair.heard();
    // Dropped unfinished; data that nobody reads after our end; data that was not read.
    pair.accepted(5);
    pair.state.let_go(5);
    assert_eq!(pair.answers(), [reset(5, Status::CANCEL)]);
    nothing(&pair);
    for (stream, before) in [(7, false), (9, true)] {
        pair.accepted(stream);
        if before {
            pair.bytes(&data(stream, b"x", false));
        }
        pair.state.finish(stream).unwrap();
        pair.state.let_go(stream);
        if !before {
            pair.bytes(&data(stream, b"x", false));
        }
        assert_eq!(pair.answers(), [reset(stream, Status::CANCEL)]);
        nothing(&pair);
    }
    // Reset by the peer, accepted or not; nobody accepts.
    pair.accepted(11);
    pair.say(&reset(11, Status::CANCEL));
    assert!(matches!(pair.read(11), Poll::Ready(Err(Error::Reset(Status::CANCEL)))));
    pair.state.let_go(11);
    nothing(&pair);
    pair.say(&syn(13));
    pair.say(&reset(13, Status::CANCEL));
    let Poll::Ready(Some((13, _))) = pair.state.poll_accept(&context()) else { panic!() };
    pair.state.reply(13, Headers::new(), false, false).unwrap();
    assert_eq!(pair.answers(), []);
    assert!(matches!(pair.read(13), Poll::Ready(Err(Error::Reset(Status::CANCEL)))));
    pair.state.let_go(13);
    nothing(&pair);
    // Half-closed streams that the peer never ends: the oldest go.
    pair.state.limits.lingering = 10;
    for stream in (21..121).step_by(2) {
        pair.accepted(stream);
        pair.state.finish(stream).unwrap();
        pair.state.let_go(stream);
        assert!(pair.state.streams.len() <= 10);
    }
    pair.state.end(Over::Closed);
    nothing(&pair);
}

#[test]
fn a_peer_that_goes_away_has_not_begun_what_came_later() {
    let mut pair = Pair::new(quiet());
    let first = pair.state.open(Headers::new(), Opening::default()).unwrap();
    let second = pair.state.open(Headers::new(), Opening::default()).unwrap();
    pair.say(&Frame::GoAway { last: first, status: 0 });
    assert!(matches!(pair.read(second), Poll::Ready(Err(Error::GoingAway))));
    assert!(pair.read(first).is_pending());
    let refused = pair.state.open(Headers::new(), Opening::default());
    assert!(matches!(refused, Err(Error::GoingAway)));
    assert!(matches!(pair.state.poll_accept(&context()), Poll::Ready(None)));
    assert!(!pair.state.is_done());
    pair.state.reset(first, Status::CANCEL, End::Reset(Status::CANCEL));
    assert!(pair.state.is_done());
}

#[test]
fn streams_beyond_the_limit_and_during_the_end_are_refused() {
    let mut pair = Pair::new(Limits { streams: 2, ..quiet() });
    pair.accepted(1);
    pair.say(&syn(3));
    pair.say(&syn(5));
    assert_eq!(pair.answers(), [reset(5, Status::REFUSED_STREAM)]);
    pair.state.let_go(1);
    pair.heard();
    pair.state.life.closing = true;
    pair.say(&syn(7));
    assert_eq!(pair.answers(), [reset(7, Status::REFUSED_STREAM)]);
    assert!(matches!(pair.state.open(Headers::new(), Opening::default()), Err(Error::Closed)));
}

#[test]
fn ids_run_out_and_settings_limit_streams() {
    let mut pair = Pair::new(quiet());
    pair.state.ids.next_local = 0x7fff_fffe;
    assert_eq!(pair.state.open(Headers::new(), Opening::default()).unwrap(), 0x7fff_fffe);
    let exhausted = pair.state.open(Headers::new(), Opening::default());
    assert!(matches!(exhausted, Err(Error::Exhausted)));
    let mut pair = Pair::new(quiet());
    let values = vec![Setting { flags: 0, id: Setting::MAX_CONCURRENT_STREAMS, value: 1 }];
    pair.say(&Frame::Settings { clear: false, values });
    pair.state.open(Headers::new(), Opening::default()).unwrap();
    let many = pair.state.open(Headers::new(), Opening::default());
    assert!(matches!(many, Err(Error::Limit { name: "MAX_CONCURRENT_STREAMS" })));
    // The peer's last id, and nothing after it.
    pair.accepted(0x7fff_ffff);
    pair.heard();
    pair.say(&syn(1));
    assert_eq!(pair.answers(), [reset(1, Status::PROTOCOL_ERROR)]);
}

/// All of it may come at once, before anybody has looked.
#[test]
fn streams_that_came_before_the_end_are_accepted() {
    let mut pair = Pair::new(quiet());
    pair.say(&syn(1));
    pair.bytes(&data(1, b"x", true));
    pair.say(&syn(3));
    pair.say(&Frame::GoAway { last: 0, status: 0 });
    pair.state.input_ended(0);
    for stream in [1, 3] {
        let Poll::Ready(Some((accepted, _))) = pair.state.poll_accept(&context()) else { panic!() };
        assert_eq!(accepted, stream);
        pair.state.reply(stream, Headers::new(), false, false).unwrap();
    }
    assert!(matches!(pair.read(1), Poll::Ready(Ok(Some(1)))));
    assert!(matches!(pair.read(1), Poll::Ready(Ok(None))));
    assert!(matches!(pair.read(3), Poll::Ready(Err(Error::Closed))));
    assert!(matches!(pair.state.poll_accept(&context()), Poll::Ready(None)));
    for stream in [1, 3] {
        pair.state.let_go(stream);
    }
    assert!(pair.state.streams.is_empty());
}
