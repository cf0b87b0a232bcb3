//! One session with LXC's own tools and with these.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::ground::{Step, containers, corten, ours, words};

/// What both do alike. The containers are `one`, `two` (starts with the machine, in group `web`) and `three` (the same without a group).
const SESSION: &[Step] = &[
    &["ls", "-1"],
    &["ls"],
    &["ls", "-f"],
    &["ls", "-f", "-F", "NAME,STATE,PID,AUTOSTART,GROUPS"],
    &["ls", "-1", "--running"],
    &["ls", "-1", "--stopped"],
    &["ls", "-1", "--defined"],
    &["ls", "-1", "--filter", "^t"],
    &["ls", "-1", "-g", "web"],
    &["info", "one"],
    &["info", "-n", "one", "-s"],
    &["info", "-n", "one", "--state", "-H"],
    &["info", "-n", "nosuch"],
    &["wait", "-n", "one", "-s", "STOPPED", "-t", "5"],
    &["wait", "-n", "nosuch", "-s", "STOPPED", "-t", "5"],
    &["wait", "-n", "one", "-s", "ODD"],
    &["wait", "-n", "one"],
    &["autostart", "-L"],
    &["autostart", "-L", "-a"],
    &["autostart", "-L", "-g", "web"],
    &["autostart", "-L", "-r", "-a"],
    &["freeze", "-n", "one"],
    &["unfreeze", "one"],
    &["stop", "one"],
    &["attach", "-n", "one", "--", "/bin/true"],
    &["console", "one"],
    &["start"],
    &["start", "--bogus"],
    &["start", "-n", "nosuch"],
    &["start", "one"],
    &["start", "--name", "one"],
    &["info", "--sta", "one"],
    &["info", "-p", "-H", "one"],
    &["info", "--pi", "--no-h", "one"],
    &["info", "-n", "one", "-c", "lxc.uts.name"],
    &["info", "-n", "one", "-c", "lxc.uts.name", "-H"],
    &["ls", "-1", "--running"],
    &["ls", "--active", "-f", "-F", "NAME,STATE"],
    &["wait", "one", "-s", "RUNNING|FROZEN", "-t", "5"],
    &["attach", "-n", "one", "--", "/bin/echo", "-n", "words"],
    &["attach", "one", "--", "/bin/sh", "-c", "exit 7"],
    &["attach", "one", "--", "/bin/sh", "-c", "kill -9 $$"],
    &["attach", "one", "--", "/bin/nosuch"],
    &[
        "attach",
        "one",
        "--clear-env",
        "-v",
        "A=1",
        "--",
        "/bin/sh",
        "-c",
        "echo $A $B $container $PATH",
    ],
    &["attach", "one", "-u", "5", "-g", "6", "--", "/bin/id", "-u"],
    &["attach", "one", "--", "/bin/hostname"],
    &["freeze", "one"],
    &["info", "-s", "one"],
    &["ls", "-1", "--frozen"],
    &["wait", "one", "-s", "FROZEN", "-t", "5"],
    &["unfreeze", "one"],
    &["info", "-s", "-H", "one"],
    &["cgroup", "one", "pids.max"],
    &["cgroup", "-n", "one", "pids.max", "50"],
    &["cgroup", "one", "pids.max"],
    &["cgroup", "one", "pids.nosuch"],
    &["destroy", "one"],
    &["copy", "-n", "one", "-N", "four"],
    &["start", "two"],
    &["stop", "two"],
    &["stop", "-n", "two"],
    &["stop", "-k", "one"],
    &["info", "one"],
    &["execute", "-n", "one", "--", "/bin/echo", "in", "it"],
    &["execute", "one", "--", "/bin/sh", "-c", "exit 3"],
    &["execute", "one", "--", "/bin/hostname"],
    &["ls", "-1", "--active"],
    &["copy", "-n", "one", "-N", "over", "-s"],
    &["ls", "-1"],
    &["destroy", "one"],
    &["destroy", "over"],
    &["snapshot", "one", "-L"],
    &["snapshot", "nosuch"],
    &["snapshot", "one", "-d", "snap7"],
    &["create", "-n", "new", "-t", "none"],
    &["create", "-n", "new", "-t", "none"],
    &["create", "-n", "other"],
    &["ls", "-1"],
    &["destroy", "new"],
    &["destroy", "new"],
    &["destroy", "-n", "one"],
    &["ls", "-1"],
];

/// Those that are about no directory.
const ELSEWHERE: &[Step] = &[
    &["config", "-l"],
    &["config", "lxc.default_config"],
    &["config", "lxc.bdev.lvm.vg"],
    &["config", "nosuch"],
    &["unshare", "-s", "UTSNAME", "-H", "named", "--", "hostname"],
    &["unshare", "--", "hostname"],
    &["unshare", "-s", "ODD", "--", "hostname"],
];

fn theirs(path: Option<&Path>, step: &[&str]) -> Output {
    let words = words(path, step);
    let mut command = Command::new(format!("lxc-{}", words[0]));
    command.args(&words[1..]).stdin(Stdio::null()).env_remove("B");
    command.output().unwrap()
}

/// Code and output, with what differs from one run to the next taken out.
fn seen(output: &Output, path: &Path) -> String {
    let text = String::from_utf8_lossy(&output.stdout).replace(&path.display().to_string(), "{P}");
    let line = |line: &str| {
        let is_number = !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_digit());
        if is_number && line != "50" { "NUMBER".to_owned() } else { line.trim_end().to_owned() }
    };
    let lines: Vec<String> = text.lines().map(line).collect();
    let code = output.status.code().unwrap_or_else(|| 128 + output.status.signal().unwrap_or(0));
    format!("{code}: {}", lines.join("\n"))
}

fn has_peer() -> bool {
    let is_there = Path::new("/usr/bin/lxc-start").exists();
    if !is_there {
        eprintln!("LXC's own tools are not installed: nothing to compare with");
    }
    is_there
}

#[test]
fn a_session_is_as_with_lxcs_own_tools() {
    let corten = corten();
    let own = corten.directory().join("own");
    containers(&own);
    let peer: Option<PathBuf> = has_peer().then(|| corten.directory().join("peer"));
    if let Some(peer) = &peer {
        containers(peer);
    }
    let mut differences = Vec::new();
    for step in SESSION {
        let mine = ours(&corten, Some(&own), step);
        let Some(peer) = &peer else { continue };
        let (mine_seen, their_seen) = (seen(&mine, &own), seen(&theirs(Some(peer), step), peer));
        if mine_seen != their_seen {
            let talk = String::from_utf8_lossy(&mine.stderr).into_owned();
            differences
                .push(format!("{step:?}\n--- LXC\n{their_seen}\n--- ours\n{mine_seen}\n{talk}"));
        }
    }
    for step in ELSEWHERE.iter().filter(|_| peer.is_some()) {
        let (mine, their) = (ours(&corten, None, step), theirs(None, step));
        if seen(&mine, &own) != seen(&their, &own) {
            differences.push(format!("{step:?}\n{their:?}\n{mine:?}"));
        }
    }
    // Whatever went wrong, nothing goes on.
    for name in ["one", "two", "three"] {
        let _stopped = ours(&corten, Some(&own), &["stop", "-k", name]);
        if let Some(peer) = &peer {
            let words = ["-P", peer.to_str().unwrap(), "-k", "-n", name];
            let _stopped = Command::new("lxc-stop").args(words).output().unwrap();
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
}
