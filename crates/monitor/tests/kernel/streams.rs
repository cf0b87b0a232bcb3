//! Output and input: nothing is lost, nothing grows, a terminal is one.

use std::io::Write;
use std::process::{Command, Stdio};

use monitor::{FromMonitor, Life, Received};

use crate::Test;
use crate::bed::{Bed, hear, hear_until, is_readable};
use crate::memory::anonymous_kib;

pub(crate) const TESTS: &[Test] = &[
    ("streams::a_hundred_megabytes_arrive_whole", a_hundred_megabytes_arrive_whole),
    ("streams::both_streams_are_told_apart", both_streams_are_told_apart),
    ("streams::input_arrives_and_ends", input_arrives_and_ends),
    ("streams::input_that_is_not_taken_blocks_nobody", input_that_is_not_taken_blocks_nobody),
    ("streams::the_end_is_recorded_before_a_client_reads", the_end_is_recorded_before_read),
    ("streams::what_outlives_process_one_does_not_hold_the_end", descendants_do_not_hold_the_end),
    ("streams::a_terminal_has_a_size_and_an_input", a_terminal_has_a_size_and_an_input),
];

fn a_hundred_megabytes_arrive_whole() {
    let script = "mkfifo /tmp/f; sha256sum </tmp/f >/sum & head -c 100000000 /dev/urandom | tee /tmp/f; wait";
    let mut bed = Bed::new(script);
    bed.handoff.log.driver = monitor::log::LogDriver::None;
    let mut connection = bed.start();
    let (container, monitor) = bed.pids();
    let runs = || std::path::Path::new(&format!("/proc/{container}")).exists();
    let mut digest =
        Command::new("sha256sum").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut sink = digest.stdin.take().unwrap();
    // While it runs, and at its end.
    let mut most_kib = [0, 0];
    let mut packets = 0_u32;
    loop {
        match connection.receive().unwrap() {
            Received::Message(FromMonitor::Stdout(bytes)) => sink.write_all(bytes).unwrap(),
            Received::Message(FromMonitor::Exited { code }) => break assert_eq!(code, 0),
            other => panic!("{other:?}"),
        }
        packets += 1;
        if packets.is_multiple_of(100) {
            let kib = anonymous_kib(monitor).unwrap_or(0);
            // A look that ends before the container does saw nothing of its end.
            let phase = usize::from(!runs());
            most_kib[phase] = most_kib[phase].max(kib);
        }
    }
    drop(sink);
    let received = digest.wait_with_output().unwrap().stdout;
    let sent = std::fs::read(bed.path("rootfs/sum")).unwrap();
    assert_eq!(String::from_utf8_lossy(&received), String::from_utf8_lossy(&sent));
    let [running, ending] = most_kib;
    assert!(running > 0 && running < 320, "the monitor grew to {running} KiB");
    // What the pipe held last, a megabyte, waits for the client by then: MOST_DRAINED of outputs.rs.
    assert!(ending < 320 + 1024, "the monitor ended with {ending} KiB");
}

fn both_streams_are_told_apart() {
    let bed = Bed::new("echo out; echo err >&2");
    let heard = hear(&mut bed.start());
    assert_eq!((heard.stdout.as_slice(), heard.stderr.as_slice()), (&b"out\n"[..], &b"err\n"[..]));
}

fn input_arrives_and_ends() {
    let bed = Bed::new("sha256sum; exit 4").with_input();
    let mut connection = bed.start();
    let mut expected =
        Command::new("sha256sum").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|number| (number % 251) as u8).collect();
    expected.stdin.take().unwrap().write_all(&bytes).unwrap();
    connection.write_stdin(&bytes).unwrap();
    connection.end_stdin().unwrap();
    let heard = hear(&mut connection);
    assert_eq!(heard.stdout, expected.wait_with_output().unwrap().stdout);
    assert_eq!(heard.code, Some(4));
}

/// The container's output is full because the client reads nothing, so it takes no input: the client must be able to notice.
fn input_that_is_not_taken_blocks_nobody() {
    let bed = Bed::new("cat").with_input();
    let mut connection = bed.start();
    let bytes = vec![b'x'; 3_000_000];
    let (mut written, mut read) = (0, 0);
    while written < bytes.len() {
        let end = bytes.len().min(written + 32 * 1024);
        match connection.try_write_stdin(&bytes[written..end]) {
            Ok(()) => {
                written = end;
                continue;
            }
            Err(errno) => assert_eq!(errno.raw(), libc::EAGAIN),
        }
        if is_readable(&connection) {
            let Received::Message(FromMonitor::Stdout(bytes)) = connection.receive().unwrap()
            else {
                panic!("no output")
            };
            read += bytes.len();
        }
    }
    connection.end_stdin().unwrap();
    assert_eq!(read + hear(&mut connection).stdout.len(), bytes.len());
}

/// A client that stands still delays the container's output, but not the news of its end. The output fits into the pipe,
/// and a line at a time not into the client's socket.
fn the_end_is_recorded_before_read() {
    let bed = Bed::new(
        "read go; i=0; while [ $i -lt 1500 ]; do echo 0123456789012345678901234567890123456789; i=$((i+1)); done; exit 5",
    )
    .with_input();
    let mut attached = bed.start();
    let mut idle = bed.attach();
    attached.write_stdin(b"go\n").unwrap();
    bed.wait_until(|life| matches!(life, Life::Exited(exit) if exit.code == 5));
    let all = hear(&mut attached);
    assert_eq!((all.stdout.len(), all.code), (1500 * 41, Some(5)));
    let some = hear(&mut idle);
    assert!(all.stdout.ends_with(&some.stdout));
    assert_eq!(some.code, Some(5));
    bed.wait_for_groups();
}

fn descendants_do_not_hold_the_end() {
    let bed = Bed::new("sleep 1000 & echo done");
    let heard = hear(&mut bed.start());
    assert_eq!((heard.stdout.as_slice(), heard.code), (&b"done\n"[..], Some(0)));
    // In the host's pid namespace they live on, until the group is ended.
    let mut bed = Bed::new("sleep 1000 & echo done");
    bed.handoff.plan.namespaces.create.retain(|kind| *kind != spec::runtime::NamespaceKind::Pid);
    let heard = hear(&mut bed.start());
    assert_eq!((heard.stdout.as_slice(), heard.code), (&b"done\n"[..], Some(0)));
    bed.wait_for_groups();
}

fn a_terminal_has_a_size_and_an_input() {
    let script = "stty -echo; stty size; read x; stty size; echo got $x; read y || echo end";
    let bed = Bed::with(&["/bin/sh", "-c", script], Some((33, 77))).with_input();
    let mut connection = bed.start();
    assert!(hear_until(&mut connection, "\n").contains("33 77\r\n"));
    connection.resize(44, 88).unwrap();
    connection.write_stdin(b"it\n").unwrap();
    let heard = hear_until(&mut connection, "got it\r\n");
    assert!(heard.contains("44 88\r\n"), "{heard:?}");
    // A second client writes although a first has left: a terminal does not end with one.
    let mut second = bed.attach();
    drop(connection);
    second.write_stdin(b"\x04").unwrap();
    let heard = hear(&mut second);
    assert!(String::from_utf8_lossy(&heard.stdout).contains("end\r\n"), "{heard:?}");
    assert_eq!(heard.code, Some(0));
}
