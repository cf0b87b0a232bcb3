//! A content is nowhere but in the container and in the memory of its monitor: the whole root and the whole state are read for it.

use std::path::Path;

use testkit::{Corten, wait_until};

use crate::{create, with_busybox};

const CONTENT: &str = "correct-horse-battery-staple-0123456789";

/// Files below a directory that hold the content, in one piece or its first half.
fn holders(directory: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        if kind.is_dir() {
            holders(&path, found);
        } else if kind.is_file() {
            let bytes = std::fs::read(&path).unwrap_or_default();
            let half = &CONTENT.as_bytes()[..CONTENT.len() / 2];
            if bytes.windows(half.len()).any(|window| window == half) {
                found.push(path.display().to_string());
            }
        }
    }
}

#[track_caller]
fn assert_nowhere(corten: &Corten, when: &str) {
    let mut found = Vec::new();
    holders(corten.directory(), &mut found);
    assert!(found.is_empty(), "{when}: {found:?}");
}

/// The process that stays with a container.
fn monitor_of(id: &str) -> String {
    let mut processes = std::fs::read_dir("/proc").unwrap().flatten();
    let is_monitor = |entry: &std::fs::DirEntry| {
        let words = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let words = String::from_utf8_lossy(&words).into_owned();
        words.contains("monitor\0") && words.contains(&id[..12])
    };
    let process = processes.find(is_monitor).unwrap();
    process.file_name().to_string_lossy().into_owned()
}

#[test]
fn contents_are_on_no_disk() {
    let corten = with_busybox();
    create(&corten, &["pw"], CONTENT.as_bytes());
    assert_nowhere(&corten, "created");
    let flags = [
        "--secret=pw",
        "--secret=pw,type=env",
        "--secret=pw,target=/etc/pw",
        "--health-cmd=test ${#pw} = 39 -a ${#PATH} -gt 9",
        "--health-interval=20ms",
        "--restart=on-failure:2",
    ];
    // It fails once; what it has is counted, not shown.
    let script = "echo $(wc -c < /run/secrets/pw) $(wc -c < /etc/pw) ${#pw}; [ -e /again ] && exec sleep 100; touch /again; exit 1";
    let words = [&["run", "-d", "--name", "box"], &flags[..], &["busybox", "sh", "-c", script]];
    let id = corten.ok(&words.concat());
    wait_until("it was started again", || corten.ok(&["logs", "box"]) == "39 39 39\n39 39 39");
    wait_until("it is healthy", || {
        corten.ok(&["inspect", "-f", "{{.State.Health.Status}}", "box"]) == "healthy"
    });
    assert_nowhere(&corten, "runs");
    let status = std::fs::read_to_string(format!("/proc/{}/status", monitor_of(&id))).unwrap();
    let locked = status.lines().find(|line| line.starts_with("VmLck:")).unwrap();
    assert!(!locked.contains(" 0 kB"), "what the monitor keeps may be swapped: {locked}");
    let shown = corten.ok(&["exec", "box", "sh", "-c", "echo $pw"]);
    assert_eq!(shown, CONTENT);
    let told = [
        corten.ok(&["inspect", "-s", "box"]),
        corten.ok(&["ps", "-a", "--no-trunc", "--format", "json"]),
        corten.ok(&["events", "--since", "1", "--until", "0s"]),
        corten.ok(&["logs", "box"]),
        corten.ok(&["secret", "inspect", "pw"]),
        corten.ok(&["top", "box"]),
        corten.ok(&["system", "check"]),
    ];
    for text in told {
        assert!(!text.contains(CONTENT), "{text}");
    }
    assert_eq!(corten.ok(&["diff", "box"]), "A /again");
    corten.ok(&["commit", "box", "kept"]);
    assert_nowhere(&corten, "committed");
    let look = "ls /run/secrets /etc/pw 2>&1 | grep -c 'No such'; echo \"[$pw]\"";
    assert_eq!(corten.ok(&["run", "--rm", "kept", "sh", "-c", look]), "2\n[]");
    let archive = corten.command().args(["export", "box"]).output().unwrap().stdout;
    assert!(!String::from_utf8_lossy(&archive).contains(&CONTENT[..20]));
    let update = corten.ok(&["update", "--pids-limit", "50", "box"]);
    assert_eq!(update, "box");
    assert_nowhere(&corten, "updated");
    corten.ok(&["restart", "-t", "0", "box"]);
    assert_nowhere(&corten, "restarted");
    corten.ok(&["stop", "-t", "0", "box"]);
    assert_nowhere(&corten, "stopped");
    corten.ok(&["cp", "box:/again", corten.directory().join("copied").to_str().unwrap()]);
    corten.ok(&["rm", "box"]);
    assert_nowhere(&corten, "removed");
    // The test finds what is there.
    crate::write(&corten.directory().join("there"), CONTENT.as_bytes());
    let mut found = Vec::new();
    holders(corten.directory(), &mut found);
    assert_eq!(found.len(), 1);
}
