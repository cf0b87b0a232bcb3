//! Terminals: the console of a system, and those beside it.

use std::fs;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;

use libcontainer::Step;
use monitor::{ConsoleFile, ConsoleRules, FromMonitor, Received, connect};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::Test;
use crate::bed::{Bed, hear, hear_until, is_readable};

pub(crate) const TESTS: &[Test] = &[
    ("terminals::a_console_stays_open_and_is_written_down", a_console_stays_open),
    ("terminals::a_terminal_of_the_machine_is_at_the_console", a_terminal_of_the_machine),
    ("terminals::who_does_not_read_holds_up_that_one_alone", who_does_not_read),
    ("terminals::what_cannot_be_opened_is_why_it_does_not_start", what_cannot_be_opened),
];

/// With a console that more is done with, and two terminals beside it.
fn bed(script: &str, console: ConsoleRules) -> Bed {
    let mut bed = Bed::with(&["/bin/sh", "-c", script], Some((24, 80)));
    let steps = &mut bed.handoff.plan.steps;
    let console_at = steps.iter().position(|step| matches!(step, Step::Console { .. })).unwrap();
    let directory = String::new();
    steps.insert(console_at + 1, Step::Terminals { count: 2, directory });
    bed.handoff.console = ConsoleRules { stays_open: true, kept_bytes: 1024, ..console };
    bed
}

/// An init has its console open only while it says something.
fn a_console_stays_open() {
    let script = "exec </dev/null >/dev/null 2>&1; echo first >/dev/console; \
         read word </dev/tty1; echo second >/dev/console; read word </dev/tty1; exit 3";
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("console.log");
    let file = ConsoleFile { path: path.clone(), most_bytes: 100, rotates: false };
    let bed = bed(script, ConsoleRules { file: Some(file), ..ConsoleRules::default() });
    let mut first = bed.start();
    hear_until(&mut first, "first");
    let mut typist = connect(&bed.handoff.state_dir).unwrap();
    assert_eq!(typist.attach_to_terminal(None).unwrap(), Some(1));
    let mut other = connect(&bed.handoff.state_dir).unwrap();
    assert_eq!(other.attach_to_terminal(None).unwrap(), Some(2));
    assert_eq!(other.attach_to_terminal(Some(3)).unwrap(), None);
    typist.write_stdin(b"on\r").unwrap();
    hear_until(&mut first, "second");
    // Who comes later sees all of it, and what comes.
    let mut later = connect(&bed.handoff.state_dir).unwrap();
    assert_eq!(later.attach_to_terminal(Some(0)).unwrap(), Some(0));
    assert_eq!(hear_until(&mut later, "second\r\n"), "first\r\nsecond\r\n");
    typist.write_stdin(b"on\r").unwrap();
    assert_eq!(hear(&mut later).code, Some(3));
    assert_eq!(hear(&mut typist).code, Some(3));
    assert_eq!(fs::read_to_string(path).unwrap(), "first\r\nsecond\r\n");
}

/// A pseudo terminal of the machine's: its master, and its name.
fn pseudo_terminal() -> (OwnedFd, String) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
    (master, name)
}

fn a_terminal_of_the_machine() {
    let (master, name) = pseudo_terminal();
    let device = Some(name.into());
    let script = "echo ready; read word; echo heard $word; exit 4";
    let bed = bed(script, ConsoleRules { device, ..ConsoleRules::default() });
    let mut connection = bed.start();
    let mut master = fs::File::from(master);
    let read_until = |master: &mut fs::File, words: &str| {
        let (mut seen, mut chunk) = (String::new(), [0; 256]);
        while !seen.contains(words) {
            let count = master.read(&mut chunk).unwrap();
            seen.push_str(&String::from_utf8_lossy(&chunk[..count]));
        }
    };
    read_until(&mut master, "ready\r\n");
    master.write_all(b"some words\r").unwrap();
    read_until(&mut master, "heard some words\r\n");
    assert_eq!(hear(&mut connection).code, Some(4));
}

fn who_does_not_read() {
    let script = "seq 1 200000 >/dev/tty1 & (read word; echo second got $word) </dev/tty2 >/dev/tty2; wait; exit 5";
    let bed = bed(script, ConsoleRules::default());
    let mut console = bed.start();
    let mut slow = connect(&bed.handoff.state_dir).unwrap();
    assert_eq!(slow.attach_to_terminal(Some(1)).unwrap(), Some(1));
    let mut quick = connect(&bed.handoff.state_dir).unwrap();
    assert_eq!(quick.attach_to_terminal(Some(2)).unwrap(), Some(2));
    quick.write_stdin(b"something\r").unwrap();
    hear_until(&mut quick, "second got something");
    assert!(!is_readable(&console), "it has ended");
    // It gets all of it once it reads.
    hear_until(&mut slow, "\n200000\r\n");
    assert!(matches!(
        console.receive().unwrap(),
        Received::Message(FromMonitor::Exited { code: 5 })
    ));
}

fn what_cannot_be_opened() {
    let device = Some("/nonexistent/tty".into());
    let bed = bed("exit 0", ConsoleRules { device, ..ConsoleRules::default() });
    let (code, words) = hear(&mut bed.spawn()).failure.unwrap();
    assert_eq!(
        (code, words.as_str()),
        (125, "open the console's terminal /nonexistent/tty: ENOENT")
    );
}
