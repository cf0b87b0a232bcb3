//! Clients, several and bad ones.

use std::os::fd::{AsRawFd, OwnedFd};

use monitor::{Life, connect};
use rustix::fs::{Mode, OFlags, open};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType, recv, send,
    socket_with, sockopt,
};

use crate::Test;
use crate::bed::{Bed, hear, hear_until, wait_until};
use crate::memory::anonymous_kib;

pub(crate) const TESTS: &[Test] = &[
    ("clients::three_hear_the_same", three_hear_the_same),
    ("clients::one_that_dies_harms_nobody", one_that_dies_harms_nobody),
    ("clients::a_writer_that_dies_ends_the_input", a_writer_that_dies_ends_the_input),
    ("clients::a_newer_one_is_refused", a_newer_one_is_refused),
    ("clients::hostile_ones_are_left", hostile_ones_are_left),
];

fn three_hear_the_same() {
    let bed = Bed::new("read go; i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done")
        .with_input();
    let mut all = [bed.start(), bed.attach(), bed.attach()];
    all[2].write_stdin(b"go\n").unwrap();
    let expected: String = (0..2000).map(|number| format!("line {number}\n")).collect();
    for connection in &mut all {
        let heard = hear(connection);
        assert_eq!((heard.stdout.as_slice(), heard.code), (expected.as_bytes(), Some(0)));
    }
}

fn one_that_dies_harms_nobody() {
    let bed = Bed::new("i=0; while :; do echo line $i; i=$((i+1)); done");
    let mut first = bed.start();
    hear_until(&mut first, "line 100\n");
    drop(first);
    let mut second = bed.attach();
    hear_until(&mut second, "0\n");
    second.signal(9).unwrap();
    assert_eq!(hear(&mut second).code, Some(137));
}

fn a_writer_that_dies_ends_the_input() {
    let bed = Bed::new("cat >/dev/null; echo end").with_input();
    let first = bed.start();
    let mut second = connect(&bed.handoff.state_dir).unwrap();
    second.attach(false, true).unwrap();
    first.write_stdin(b"text").unwrap();
    drop(first);
    assert_eq!(hear(&mut second).stdout, b"end\n");
}

fn raw(bed: &Bed) -> OwnedFd {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let directory = open(&bed.handoff.state_dir, flags, Mode::empty()).unwrap();
    let path = format!("/proc/self/fd/{}/monitor.sock", directory.as_raw_fd());
    let socket =
        socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
            .unwrap();
    rustix::net::connect(&socket, &SocketAddrUnix::new(path).unwrap()).unwrap();
    socket
}

fn is_left(socket: &OwnedFd) -> bool {
    let mut space = [0_u8; 16];
    loop {
        match recv(socket, &mut space, RecvFlags::empty()) {
            Ok((0, _)) | Err(_) => return true,
            Ok(_) => {}
        }
    }
}

fn a_newer_one_is_refused() {
    let bed = Bed::new("sleep 1000");
    let _first = bed.start();
    let socket = raw(&bed);
    send(&socket, b"H\xff", SendFlags::NOSIGNAL).unwrap();
    let mut space = [0_u8; 16];
    assert_eq!(recv(&socket, &mut space, RecvFlags::empty()).unwrap().0, 2);
    assert_eq!(space[0], b'V');
    assert!(is_left(&socket));
}

fn hostile_ones_are_left() {
    let bed = Bed::new("read x; exit 6").with_input();
    let mut first = bed.start();
    let before = bed.descriptors().len();
    let (_, monitor) = bed.pids();
    let packets: [&[u8]; 9] =
        [b"", b"?", b"A\x03", b"H\x01\0", b"i", b"w12345", b"k\0", b"x{", b"\xff\xff\xff\xff"];
    for packet in packets {
        let socket = raw(&bed);
        send(&socket, packet, SendFlags::NOSIGNAL).unwrap();
        let _left = send(&socket, b"?", SendFlags::NOSIGNAL);
        assert!(is_left(&socket), "{packet:?}");
    }
    let socket = raw(&bed);
    sockopt::set_socket_send_buffer_size_force(&socket, 8_000_000).unwrap();
    send(&socket, b"H\x01", SendFlags::NOSIGNAL).unwrap();
    send(&socket, &vec![b'x'; 1_000_000], SendFlags::NOSIGNAL).unwrap();
    assert!(is_left(&socket));
    // Some say nothing, many come: more than fit are turned away.
    let silent: Vec<OwnedFd> = (0..100).map(|_| raw(&bed)).collect();
    drop(silent);
    for _ in 0..1000 {
        drop(raw(&bed));
    }
    wait_until("the monitor to leave them", || bed.descriptors().len() == before);
    assert!(anonymous_kib(monitor).unwrap() < 512, "{:?} KiB", anonymous_kib(monitor));
    assert!(matches!(bed.life(), Life::Running { monitored: true, .. }));
    first.write_stdin(b"x\n").unwrap();
    assert_eq!(hear(&mut first).code, Some(6));
}
