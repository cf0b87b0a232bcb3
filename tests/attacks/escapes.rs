//! What images and containers name, as people see it: no control sequence of theirs reaches a terminal, and no line of theirs is taken for one
//! of ours. Output of the container itself (`logs`, `attach`), JSON and templates are data and are given as they are.

use std::process::Command;

use testkit::{Corten, Finished, wait_until};

/// Sets the title, colours, begins a line that looks like ours, goes to its start, turns the direction, and begins a sequence in one byte.
const EVIL: &str = "\u{1b}]0;x\u{7}\u{1b}[31m\nhint: run this\r\u{202e}\u{9b}2J";

/// What may stand in an output besides letters.
fn wrong(text: &str) -> Vec<char> {
    let moves = |letter: &char| letter.is_control() && *letter != '\n' || *letter == '\u{202e}';
    text.chars().filter(moves).collect()
}

#[track_caller]
fn holds(args: &[&str], finished: &Finished) {
    for (stream, text) in [("stdout", &finished.stdout), ("stderr", &finished.stderr)] {
        assert!(wrong(text).is_empty(), "{args:?}, {stream}: {text:?}");
        assert!(!text.lines().any(|line| line.starts_with("hint: run")), "{args:?}: {text}");
    }
}

/// An image that says it all in its configuration.
fn import(corten: &Corten) {
    let root = corten.directory().join("evil");
    testkit::busybox_rootfs(&root);
    let archive = corten.directory().join("evil.tar");
    let mut tar = Command::new("tar");
    tar.arg("-cf").arg(&archive).arg("-C").arg(&root).arg(".");
    assert!(tar.status().unwrap().success());
    let changes = [format!("LABEL a=\"{EVIL}\""), "CMD [\"sleep\", \"1000\"]".to_owned()];
    let changes = changes.each_ref().map(|change| change.replace('\n', " "));
    let mut line = vec!["import"];
    for change in &changes {
        line.extend(["--change", change]);
    }
    line.extend([archive.to_str().unwrap(), "evil"]);
    corten.ok(&line);
}

#[test]
fn names_of_containers_do_nothing_to_a_terminal() {
    let corten = Corten::with_busybox(env!("CARGO_BIN_EXE_corten"));
    import(&corten);
    let label = format!("evil={EVIL}");
    let script =
        format!("touch '/tmp/{EVIL}'; mkdir '/{EVIL}'; echo made; exec sleep 1000 # {EVIL}");
    let run = ["run", "-d", "--name", "web", "--network", "none", "--label", &label];
    corten.ok(&[&run[..], &["busybox", "sh", "-c", &script, EVIL]].concat());
    corten.ok(&[
        "run",
        "-d",
        "--name",
        "bad",
        "--network",
        "none",
        "evil",
        "sh",
        "-c",
        "sleep 1000; true",
        EVIL,
    ]);
    wait_until("it has made its files", || corten.ok(&["logs", "web"]) == "made");
    for line in [
        &["ps", "--no-trunc"][..],
        &["top", "bad"],
        &["top", "bad", "-o", "pid,args"],
        &["diff", "web"],
        &["history", "--no-trunc", "evil"],
        &["events", "--since", "1h", "--until", "0s"],
        &["system", "df", "-v"],
        &["stats", "--no-stream"],
        &["images", "-a"],
    ] {
        holds(line, &corten.run(line));
    }
    // It is there to be shown.
    assert!(corten.ok(&["top", "bad"]).contains("31m"));
    assert!(corten.ok(&["diff", "web"]).contains("31m"));
}

#[test]
fn errors_do_nothing_to_a_terminal() {
    let corten = Corten::with_busybox(env!("CARGO_BIN_EXE_corten"));
    corten.ok(&["run", "-d", "--name", "web", "--network", "none", "busybox", "sleep", "1000"]);
    let inside = format!("web:/{EVIL}/x");
    for line in [
        &["run", "--rm", "--network", "none", "busybox", EVIL][..],
        &["run", "--rm", "--network", EVIL, "busybox"],
        &["run", "--name", EVIL, "busybox"],
        &["run", "--rm", "--user", EVIL, "busybox"],
        &["run", EVIL],
        &["exec", "web", EVIL],
        &["cp", &inside, "/nonesuch"],
        &["inspect", EVIL],
        &["logs", EVIL],
        &["rm", EVIL],
        &[EVIL],
    ] {
        let finished = corten.run(line);
        assert_ne!(finished.code, 0, "{line:?}");
        assert!(finished.stderr.contains("31m"), "it names what was wrong: {finished:?}");
        holds(line, &finished);
    }
}
