//! A container with a terminal: its own, of the right size, controlling its session.

use std::os::fd::OwnedFd;

use libcontainer::cgroup::Cgroup;
use libcontainer::{Process, Stdio, create};
use rustix::termios::{Winsize, tcsetwinsize};
use spec::runtime::{ConsoleSize, Spec};

use crate::support::{Bed, PATIENCE, process, read_all, wait};

fn terminal(bed: &Bed, script: &str) -> Spec {
    let mut spec = bed.spec(script);
    process(&mut spec).terminal = true;
    process(&mut spec).console_size = Some(ConsoleSize { height: 33, width: 77 });
    spec
}

fn start(bed: &Bed, spec: &Spec) -> (Process, Cgroup, OwnedFd) {
    let mut created = create(&bed.plan(spec), Stdio::Terminal).unwrap();
    let console = created.take_console().unwrap();
    let (process, cgroup) = created.start().unwrap();
    (process, cgroup, console)
}

fn run(bed: &Bed, spec: &Spec) -> String {
    let (process, cgroup, console) = start(bed, spec);
    let text = read_all(console);
    assert_eq!(wait(&process), 0, "{text}");
    cgroup.remove(PATIENCE).unwrap();
    bed.assert_nothing_left();
    text.replace('\r', "")
}

#[test]
fn it_is_the_containers_own_and_has_the_size() {
    let bed = Bed::new();
    assert_eq!(
        run(&bed, &terminal(&bed, "tty; stty size; ls /dev/pts")),
        "/dev/pts/0\n33 77\n0     ptmx\n"
    );
}

#[test]
fn it_is_the_console_too() {
    let bed = Bed::new();
    let text = run(
        &bed,
        &terminal(
            &bed,
            "echo over > /dev/console; stat -c %t:%T /dev/console /dev/pts/0; grep -c ' /dev/console ' /proc/self/mountinfo",
        ),
    );
    assert_eq!(text, "over\n88:0\n88:0\n1\n");
}

#[test]
fn it_controls_the_session() {
    let bed = Bed::new();
    // /dev/tty opens only for a process with a controlling terminal; a shell that owns it reports no trouble.
    let text = run(
        &bed,
        &terminal(
            &bed,
            "echo hello > /dev/tty; cut -d' ' -f5-8 /proc/self/stat >/dev/null; set -m 2>&1; (exit 0) & wait; echo done",
        ),
    );
    assert!(
        text.starts_with("hello\n") && text.ends_with("done\n") && !text.contains("can't"),
        "{text}"
    );
}

#[test]
fn the_interrupt_key_reaches_the_foreground() {
    let bed = Bed::new();
    let (process, cgroup, console) = start(
        &bed,
        &terminal(&bed, "trap 'echo caught; exit 0' INT; echo ready; while :; do sleep 0.02; done"),
    );
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen).contains("ready") {
        let mut chunk = [0; 64];
        let length = rustix::io::read(&console, &mut chunk).unwrap();
        seen.extend_from_slice(&chunk[..length]);
    }
    rustix::io::write(&console, b"\x03").unwrap();
    let text = read_all(console);
    assert_eq!(wait(&process), 0);
    cgroup.remove(PATIENCE).unwrap();
    assert!(text.contains("caught"), "{text}");
}

#[test]
fn a_new_size_arrives() {
    let bed = Bed::new();
    let (process, cgroup, console) = start(
        &bed,
        &terminal(&bed, "trap 'stty size; exit 0' WINCH; echo ready; while :; do sleep 0.02; done"),
    );
    let mut chunk = [0; 64];
    rustix::io::read(&console, &mut chunk).unwrap();
    tcsetwinsize(&console, Winsize { ws_row: 10, ws_col: 20, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    let text = read_all(console);
    assert_eq!(wait(&process), 0);
    cgroup.remove(PATIENCE).unwrap();
    assert!(text.contains("10 20"), "{text}");
}

#[test]
fn another_user_owns_it() {
    let bed = Bed::new();
    let mut spec = terminal(&bed, "stat -c '%u %a' /dev/pts/0; echo works > /dev/pts/0");
    process(&mut spec).user.uid = 1000;
    assert_eq!(run(&bed, &spec), "1000 620\nworks\n");
}

#[test]
fn init_passes_it_on() {
    let mut bed = Bed::new();
    bed.init = true;
    assert_eq!(
        run(&bed, &terminal(&bed, "tty; echo hello > /dev/tty; echo $$")),
        "/dev/pts/0\nhello\n2\n"
    );
}
