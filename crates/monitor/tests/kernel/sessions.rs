//! Further processes in a container.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Instant;

use libcontainer::ProcessPlan;
use monitor::{Connection, FromMonitor, Received, connect};
use rustix::pipe::{PipeFlags, pipe_with};

use crate::Test;
use crate::bed::{Bed, status, wait_until};

pub(crate) const TESTS: &[Test] = &[
    ("sessions::one_has_streams_and_a_code", one_has_streams_and_a_code),
    ("sessions::one_has_a_terminal", one_has_a_terminal),
    ("sessions::one_without_a_client_is_reaped", one_without_a_client_is_reaped),
    ("sessions::many_at_once_leave_no_descriptor", many_at_once_leave_no_descriptor),
    ("sessions::a_failed_one_says_why", a_failed_one_says_why),
    ("sessions::one_ends_with_the_container", one_ends_with_the_container),
    ("sessions::how_long_one_takes", how_long_one_takes),
];

fn program(script: &str, terminal: bool) -> ProcessPlan {
    ProcessPlan {
        args: ["/bin/sh", "-c", script].map(str::to_owned).into(),
        programs: vec!["/bin/sh".to_owned()],
        env: vec!["PATH=/bin".to_owned()],
        cwd: "/".into(),
        umask: 0o022,
        terminal,
        ..ProcessPlan::default()
    }
}

/// Runs a process whose output comes back through the pipe.
fn exec(bed: &Bed, script: &str) -> (Connection, OwnedFd) {
    let connection = connect(&bed.handoff.state_dir).unwrap();
    let (ours, theirs) = pipe_with(PipeFlags::CLOEXEC).unwrap();
    let null = File::open("/dev/null").unwrap();
    let streams = [null.as_fd(), theirs.as_fd(), theirs.as_fd()];
    connection.exec(&program(script, false), Some(streams), None).unwrap();
    (connection, ours)
}

fn code(connection: &mut Connection) -> i32 {
    loop {
        match connection.receive().unwrap() {
            Received::Message(FromMonitor::ExecExited { code }) => return code,
            Received::Message(FromMonitor::ExecStarted { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
}

fn text(pipe: OwnedFd) -> String {
    let mut text = String::new();
    File::from(pipe).read_to_string(&mut text).unwrap();
    text
}

fn one_has_streams_and_a_code() {
    let bed = Bed::new("sleep 1000");
    let _first = bed.start();
    let (mut connection, output) = exec(&bed, "echo hello; exit 9");
    assert_eq!(text(output), "hello\n");
    assert_eq!(code(&mut connection), 9);
}

fn one_has_a_terminal() {
    let bed = Bed::new("sleep 1000");
    let _first = bed.start();
    let mut connection = connect(&bed.handoff.state_dir).unwrap();
    connection.exec(&program("tty; read x; echo got $x; exit 2", true), None, None).unwrap();
    let Received::Message(FromMonitor::ExecStarted { console: Some(console), .. }) =
        connection.receive().unwrap()
    else {
        panic!("no terminal")
    };
    let mut console = File::from(console);
    console.write_all(b"it\n").unwrap();
    let mut heard = String::new();
    let mut space = [0; 100];
    // EIO once nobody has the other end.
    while let Ok(count) = console.read(&mut space) {
        heard.push_str(&String::from_utf8_lossy(&space[..count]));
    }
    assert!(heard.contains("/dev/pts/0") && heard.contains("got it"), "{heard:?}");
    assert_eq!(code(&mut connection), 2);
}

fn one_without_a_client_is_reaped() {
    let bed = Bed::new("sleep 1000");
    let _first = bed.start();
    let mut connection = connect(&bed.handoff.state_dir).unwrap();
    connection.exec(&program("while [ ! -e /go ]; do :; done", false), None, None).unwrap();
    let Received::Message(FromMonitor::ExecStarted { pid, .. }) = connection.receive().unwrap()
    else {
        panic!("not started")
    };
    drop(connection);
    File::create(bed.path("rootfs/go")).unwrap();
    wait_until("the process to be reaped", || status(pid, "State:").is_none());
}

fn many_at_once_leave_no_descriptor() {
    let bed = Bed::new("sleep 1000");
    let _first = bed.start();
    let before = bed.descriptors().len();
    for _ in 0..3 {
        let mut all: Vec<_> =
            (0..20).map(|number| (number, exec(&bed, &format!("exit {number}")))).collect();
        for (number, (connection, _)) in &mut all {
            assert_eq!(code(connection), *number);
        }
    }
    wait_until("descriptors to be closed", || bed.descriptors().len() == before);
}

fn a_failed_one_says_why() {
    let bed = Bed::new("sleep 1000");
    let _first = bed.start();
    let mut connection = connect(&bed.handoff.state_dir).unwrap();
    let missing = ProcessPlan {
        args: vec!["nosuch".to_owned()],
        programs: vec!["/bin/nosuch".to_owned()],
        ..program("", false)
    };
    connection.exec(&missing, None, None).unwrap();
    match connection.receive().unwrap() {
        Received::Message(FromMonitor::ExecFailed { code: 127, error }) => {
            assert!(error.contains("nosuch"), "{error}");
        }
        other => panic!("{other:?}"),
    }
    // The connection is still good.
    connection.exec(&program("exit 1", false), None, None).unwrap();
    assert_eq!(code(&mut connection), 1);
}

fn one_ends_with_the_container() {
    let bed = Bed::new("sleep 1000");
    let first = bed.start();
    let (mut connection, _output) = exec(&bed, "sleep 1000");
    let Received::Message(FromMonitor::ExecStarted { .. }) = connection.receive().unwrap() else {
        panic!("not started")
    };
    first.signal(9).unwrap();
    assert_eq!(code(&mut connection), 137);
}

fn how_long_one_takes() {
    let bed = Bed::new("sleep 1000");
    let _first = bed.start();
    let mut times: Vec<_> = (0..40)
        .map(|_| {
            let begin = Instant::now();
            let (mut connection, output) = exec(&bed, "exit 0");
            text(output);
            code(&mut connection);
            begin.elapsed()
        })
        .collect();
    times.sort_unstable();
    println!("connect, exec, exit: median {:?}", times[20]);
}
