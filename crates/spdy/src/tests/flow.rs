//! Windows, and what a peer can make the session hold.

use std::task::Poll;

use bytes::Bytes;

use super::{Pair, data, input, quiet, reset};
use crate::{Error, Frame, Headers, Limits, Opening, Setting, Status};

#[test]
fn a_peer_without_windows_is_never_waited_for() {
    let mut pair = Pair::new(quiet());
    pair.accepted(1);
    for _ in 0..10 {
        assert!(pair.send(1, 1 << 20));
        assert_eq!(pair.heard().1, [(1, 1 << 20, false)]);
    }
}

#[test]
fn nothing_is_overrun_while_windows_may_be_under_way() {
    let mut pair = Pair::new(Limits::default());
    let stream = pair.state.open(Headers::new(), Opening::default()).unwrap();
    assert!(pair.send(stream, 100_000) && !pair.send(stream, 1));
    assert_eq!(pair.heard().1, [(stream, 64 << 10, false)]);
    // Any frame says that none are.
    pair.say(&Frame::Ping { id: 2 });
    assert_eq!(pair.heard().1, [(stream, 100_000 - (64 << 10), false)]);
    assert!(pair.send(stream, 10 << 20));
    assert_eq!(pair.heard().1, [(stream, 10 << 20, false)]);
}

#[test]
fn windows_hold_data_back_once_the_peer_takes_part() {
    let mut pair = Pair::new(quiet());
    pair.accepted(1);
    pair.accepted(3);
    assert!(pair.send(1, 1000));
    pair.heard();
    let value = 10_000;
    let values = vec![Setting { flags: 0, id: Setting::INITIAL_WINDOW_SIZE, value }];
    pair.say(&Frame::Settings { clear: false, values });
    // All is taken, and what the window allows is sent.
    assert!(pair.send(1, 25_000) && !pair.send(1, 1));
    assert_eq!(pair.heard().1, [(1, 9000, false)]);
    pair.state.finish(1).unwrap();
    assert!(pair.send(3, 10));
    assert_eq!(pair.heard().1, [(3, 10, false)]);
    pair.say(&Frame::WindowUpdate { stream: 1, delta: 6000 });
    assert_eq!(pair.heard().1, [(1, 6000, false)]);
    pair.say(&Frame::WindowUpdate { stream: 1, delta: 60_000 });
    // FIN goes with the rest.
    assert_eq!(pair.heard().1, [(1, 10_000, true)]);
    // The window of the session: all bytes so far count.
    pair.say(&Frame::WindowUpdate { stream: 0, delta: 1 });
    let left = (64 << 10) + 1 - 26_010;
    pair.say(&Frame::WindowUpdate { stream: 3, delta: 1 << 20 });
    assert!(pair.send(3, 100_000));
    assert_eq!(pair.heard().1, [(3, left, false)]);
    pair.say(&Frame::WindowUpdate { stream: 0, delta: 1 << 20 });
    assert_eq!(pair.heard().1, [(3, 100_000 - left, false)]);
    // A smaller initial window may make windows negative; data waits until they are not.
    let values = vec![Setting { flags: 0, id: Setting::INITIAL_WINDOW_SIZE, value: 0 }];
    pair.say(&Frame::Settings { clear: false, values });
    pair.accepted(5);
    assert!(!pair.send(5, 1));
    pair.say(&Frame::WindowUpdate { stream: 5, delta: 0x7fff_ffff });
    assert!(pair.send(5, 1));
    pair.heard();
    pair.say(&Frame::WindowUpdate { stream: 5, delta: 2 });
    assert_eq!(pair.answers(), [reset(5, Status::FLOW_CONTROL_ERROR)]);
}

#[test]
fn windows_are_announced_and_opened_as_data_is_read() {
    let mut pair = Pair::new(Limits::default());
    let said = pair.answers();
    let Frame::Settings { values, .. } = &said[0] else { panic!("{said:?}") };
    assert!(values.iter().any(|setting| (setting.id, setting.value) == (7, 256 << 10)));
    assert_eq!(said[1], Frame::WindowUpdate { stream: 0, delta: (16 << 20) - (64 << 10) });
    assert_eq!(said[2], Frame::Ping { id: 2 });
    pair.accepted(1);
    let (mut stream_credit, mut session_credit) = (256_i64 << 10, 16_i64 << 20);
    for _ in 0..4000 {
        assert_eq!(pair.bytes(&data(1, &[0; 16 << 10], false)), 0);
        stream_credit -= 16 << 10;
        session_credit -= 16 << 10;
        assert!(pair.read(1).is_ready());
        for frame in pair.answers() {
            let Frame::WindowUpdate { stream, delta } = frame else { panic!("{frame:?}") };
            match stream {
                0 => session_credit += i64::from(delta),
                _ => stream_credit += i64::from(delta),
            }
        }
        assert!(stream_credit > 0 && session_credit > 0);
    }
}

#[test]
fn a_stream_that_nobody_reads_is_reset_and_others_go_on() {
    let mut pair = Pair::new(Limits { stream_bytes: 1000, ..quiet() });
    pair.accepted(1);
    pair.accepted(3);
    assert_eq!(pair.bytes(&data(1, &[0; 1000], false)), 0);
    let behind = Bytes::from([data(1, &[0; 10], false), data(3, b"hello", false)].concat());
    // The connection stands still in front of what stream 1 does not take.
    assert_eq!(input(&mut pair.state, &behind), (true, 10 + 8 + 5));
    let behind = behind.slice(8..);
    assert!(pair.state.is_pressed());
    // Whoever reads is given time, again and again.
    pair.state.begin_stall();
    assert!(matches!(pair.read(1), Poll::Ready(Ok(Some(1000)))));
    pair.state.end_stall();
    assert_eq!(input(&mut pair.state, &behind), (false, 0));
    assert!(matches!(pair.read(3), Poll::Ready(Ok(Some(5)))));
    assert_eq!(pair.answers(), []);
    // Whoever does not read, is not.
    let behind = Bytes::from([data(1, &[0; 2000], false), data(3, b"again", false)].concat());
    let (still, left) = input(&mut pair.state, &behind);
    assert!(still);
    pair.state.begin_stall();
    pair.state.end_stall();
    assert_eq!(pair.answers(), [reset(1, Status::FLOW_CONTROL_ERROR)]);
    assert_eq!(input(&mut pair.state, &behind.slice(behind.len() - left..)), (false, 0));
    assert!(matches!(pair.read(3), Poll::Ready(Ok(Some(5)))));
    let told = pair.read(1);
    assert!(matches!(told, Poll::Ready(Err(Error::Limit { name: "stream_bytes" }))), "{told:?}");
    assert_eq!(pair.state.flow.held, 0);
}

#[test]
fn all_streams_together_hold_no_more_than_the_session_may() {
    let limits = Limits { stream_bytes: 1000, session_bytes: 4000, ..quiet() };
    let mut pair = Pair::new(limits);
    for stream in [1, 3, 5, 7, 9] {
        pair.accepted(stream);
    }
    for stream in [1, 3, 5, 7] {
        pair.bytes(&data(stream, &vec![0; 900 + stream as usize], false));
    }
    let mut left = data(9, &[0; 900], false);
    let mut rounds = 0;
    while !left.is_empty() {
        let rest = pair.bytes(&left);
        left.drain(..left.len() - rest);
        assert!(pair.state.flow.held <= 4000);
        assert!(left.is_empty() || pair.state.is_pressed());
        pair.state.begin_stall();
        // Only stream 7, the fullest, is read.
        assert!(rounds > 0 || pair.read(7).is_ready());
        pair.state.end_stall();
        rounds += 1;
        assert!(rounds < 10);
    }
    let resets = pair.answers();
    assert!(resets.contains(&reset(5, Status::FLOW_CONTROL_ERROR)), "{resets:?}");
    assert!(matches!(pair.read(5), Poll::Ready(Err(Error::Limit { name: "session_bytes" }))));
    assert!(matches!(pair.read(7), Poll::Pending));
}

#[test]
fn many_tiny_frames_cost_no_more_than_their_bytes() {
    let mut pair = Pair::new(quiet());
    pair.accepted(1);
    let frame = data(1, b"x", false);
    let many = frame.repeat(256 << 10);
    assert_eq!(pair.bytes(&many), 0);
    assert!(pair.state.streams[&1].queue.capacity() <= 512 << 10);
    assert_eq!(pair.bytes(&frame), 1);
    assert!(matches!(pair.read(1), Poll::Ready(Ok(Some(0x40000)))));
    assert_eq!(pair.state.streams[&1].queue.capacity(), 0);
}

#[test]
fn dropping_the_receiver_alone_lets_the_sender_go_on() {
    let mut pair = Pair::new(Limits { stream_bytes: 64 << 10, ..Limits::default() });
    pair.heard();
    pair.accepted(1);
    pair.state.let_go_receiving(1);
    let mut opened = 0;
    for _ in 0..100 {
        assert_eq!(pair.bytes(&data(1, &[0; 10_000], false)), 0);
        let windows = pair.answers();
        opened += windows
            .iter()
            .filter(|frame| matches!(frame, Frame::WindowUpdate { stream: 1, .. }))
            .count();
    }
    assert!(opened > 10 && pair.state.flow.held == 0);
    assert!(pair.send(1, 100));
}

#[test]
fn a_flood_of_pings_is_not_read_while_nothing_is_written() {
    let mut pair = Pair::new(quiet());
    let ping = pair.encoded(&Frame::Ping { id: 1 });
    let mut many = Bytes::from(ping.repeat(100_000));
    while !many.is_empty() {
        let (_, left) = input(&mut pair.state, &many);
        many = many.slice(many.len() - left..);
        assert!(pair.state.out.len() <= 66 << 10);
        pair.heard();
    }
}
