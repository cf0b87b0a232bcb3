//! A container with a terminal: its own, of the right size, controlling its session.

use std::os::fd::OwnedFd;

use libcontainer::cgroup::Cgroup;
use libcontainer::{Context, Process, Stdio, TerminalChoices, create, plan};
use rustix::termios::{Winsize, tcsetwinsize};
use spec::runtime::{ConsoleSize, Spec};

use crate::support::{Bed, PATIENCE, bind, linux, process, put, read_all, wait};

/// Starts while a link and the console exchange their names.
const STARTS: usize = 20;

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

/// Their masters come in their order; each is at its place, in a directory with a link where that is wanted.
#[test]
fn there_are_others_beside_it() {
    for (directory, links) in
        [("", "/dev/console\n/dev/tty2\n"), ("lxc", "/dev/lxc/console\n/dev/lxc/tty2\n")]
    {
        let bed = Bed::new();
        let script = "for n in 1 2; do echo number $n >/dev/tty$n; done; readlink -f /dev/console; readlink -f /dev/tty2; stat -L -c %t:%T /dev/tty1; tty";
        let context = Context {
            terminals: TerminalChoices { count: 2, directory: directory.to_owned() },
            ..bed.context()
        };
        let plan = plan(&terminal(&bed, script), &context).unwrap();
        let mut created = create(&plan, Stdio::Terminal).unwrap();
        let (console, others) = (created.take_console().unwrap(), created.take_terminals());
        let (process, cgroup) = created.start().unwrap();
        let text = read_all(console).replace('\r', "");
        assert_eq!(wait(&process), 0, "{text}");
        assert_eq!(text, format!("{links}88:1\n/dev/pts/0\n"));
        let shown: Vec<String> = others.into_iter().map(read_all).collect();
        assert_eq!(shown, ["number 1\r\n", "number 2\r\n"]);
        cgroup.remove(PATIENCE).unwrap();
        bed.assert_nothing_left();
    }
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

/// CVE-2025-52565: a link, or a file that is exchanged for one, takes the place of the console. What it leads to stays what it is.
#[test]
fn a_linked_console_leads_nowhere() {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use std::sync::atomic::{AtomicBool, Ordering};
    let bed = Bed::new();
    let dev = bed.path("dev");
    std::fs::create_dir_all(dev.join("pts")).unwrap();
    put(bed.rootfs().join("etc/target"), "untouched");
    let (console, link) = (dev.join("console"), dev.join("link"));
    put(&console, "");
    std::os::unix::fs::symlink("/etc/target", &link).unwrap();
    let mut spec = terminal(&bed, "cat /etc/target; grep -c ' /etc/target ' /proc/self/mountinfo");
    spec.mounts.retain(|mount| {
        !mount.destination.starts_with("/dev") || mount.destination.ends_with("pts")
    });
    spec.mounts.insert(0, bind(&dev, "/dev", &[]));
    linux(&mut spec).masked_paths.clear();
    let done = AtomicBool::new(false);
    let texts = std::thread::scope(|scope| {
        let racer = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                renameat_with(CWD, &console, CWD, &link, RenameFlags::EXCHANGE).unwrap();
            }
        });
        let attempt = |_| -> String {
            match create(&bed.plan(&spec), Stdio::Terminal) {
                Err(error) => libcontainer::chain(&error),
                Ok(mut created) => {
                    let console = created.take_console().unwrap();
                    let (process, cgroup) = created.start().unwrap();
                    let text = read_all(console);
                    let _code = wait(&process);
                    cgroup.remove(PATIENCE).unwrap();
                    text
                }
            }
        };
        let texts: Vec<String> = (0..STARTS).map(attempt).collect();
        done.store(true, Ordering::Relaxed);
        racer.join().unwrap();
        texts
    });
    assert_eq!(texts, vec!["untouched0\r\n"; STARTS]);
    bed.assert_nothing_left();
}
