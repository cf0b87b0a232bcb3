//! Creations that are killed, that race, that meet a full disk; starts in which the kernel refuses a call.

use std::process::{Command, Stdio};

use testkit::{Corten, Finished, Leftovers, wait_until};

use crate::{corten, create, with_busybox, write};

const SHOW: &[&str] = &["secret", "inspect", "--showsecret", "-f", "{{.SecretData}}", "pw"];
const CALLS: &str =
    "write,pwrite64,fsync,fdatasync,mkdir,linkat,link,ftruncate,unlink,unlinkat,openat,getrandom";

/// `secret create pw FILE` under strace with these options.
fn traced(corten: &Corten, options: &[&str], more: &[&str]) -> Finished {
    let content = corten.directory().join("content");
    write(&content, b"s3cr3t");
    let plain = corten.command();
    let mut command = Command::new("strace");
    command.args(["-f", "-qq"]).args(options).arg(plain.get_program()).args(plain.get_args());
    command.args(["secret", "create"]).args(more).arg("pw").arg(content);
    Finished::from(command.output().unwrap())
}

fn counts(corten: &Corten, more: &[&str]) -> Vec<(String, usize)> {
    let output = corten.directory().join("trace");
    let trace = format!("trace={CALLS}");
    let traced = traced(corten, &["-o", output.to_str().unwrap(), "-e", &trace], more);
    assert_eq!(traced.code, 0, "{traced:?}");
    let text = std::fs::read_to_string(output).unwrap();
    let name = |line: &str| {
        let call = line.split_once(' ')?.1.trim_start();
        call.split_once('(').map(|(name, _)| name.to_owned())
    };
    let mut counts = std::collections::BTreeMap::new();
    for call in text.lines().filter_map(name) {
        *counts.entry(call).or_insert(0) += 1;
    }
    counts.into_iter().collect()
}

/// Killed at the n-th call of a kind, for every n: the first secret of a store, and one that takes another's place.
#[test]
fn a_creation_that_is_killed_leaves_all_or_nothing() {
    let (mut killed, mut whole) = (0, 0);
    for (call, most) in counts(&corten(), &[]) {
        let step = most.div_ceil(12);
        for number in (1..=most).step_by(step) {
            let corten = corten();
            let inject = format!("inject={call}:signal=KILL:when={number}");
            let finished = traced(&corten, &["-o", "/dev/null", "-e", &inject], &[]);
            killed += u32::from(finished.code == 137);
            let shown = corten.run(SHOW);
            match shown.code {
                0 => whole += 1,
                _ => assert!(shown.stderr.contains("no such secret"), "{call} {number}: {shown:?}"),
            }
            assert!(shown.code != 0 || shown.stdout == "s3cr3t\n", "{call} {number}: {shown:?}");
            corten.ok(&["system", "check"]);
            create(&corten, &["--replace", "pw"], b"next");
            assert_eq!(corten.ok(SHOW), "next", "{call} {number}");
        }
    }
    assert!(killed > 20 && whole > 0, "{killed} killed, {whole} whole");
}

#[test]
fn a_replacement_that_is_killed_leaves_the_old_or_the_new() {
    let corten = corten();
    create(&corten, &["pw"], b"old");
    let (mut killed, mut old) = (0, 0);
    for (call, most) in counts(&corten, &["--replace"]) {
        for number in (1..=most).step_by(most.div_ceil(8)) {
            create(&corten, &["--replace", "pw"], b"old");
            let inject = format!("inject={call}:signal=KILL:when={number}");
            let options = ["-o", "/dev/null", "-e", &*inject];
            killed += u32::from(traced(&corten, &options, &["--replace"]).code == 137);
            let shown = corten.ok(SHOW);
            assert!(matches!(&*shown, "old" | "s3cr3t"), "{call} {number}: {shown}");
            old += u32::from(shown == "old");
        }
    }
    assert!(killed > 10 && old > 0, "{killed} killed, {old} old");
    corten.ok(&["system", "check"]);
}

/// Two keys would make one of the secrets unreadable.
#[test]
fn the_first_secrets_are_made_at_once() {
    for _ in 0..5 {
        let corten = corten();
        let spawn = |name: String| {
            let file = corten.directory().join(&name);
            let mut command = corten.command();
            command.args(["secret", "create", &name]).arg(file);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        };
        for name in ["s0", "s1", "s2", "s3"] {
            write(&corten.directory().join(name), name.as_bytes());
        }
        let children: Vec<_> = (0..8).map(|number| spawn(format!("s{}", number / 2))).collect();
        let ends =
            children.into_iter().map(|child| Finished::from(child.wait_with_output().unwrap()));
        let ends: Vec<Finished> = ends.collect();
        let made = ends.iter().filter(|end| end.code == 0).count();
        assert_eq!(made, 4, "of two with one name one is first: {ends:#?}");
        for end in ends.iter().filter(|end| end.code != 0) {
            assert!(end.stderr.ends_with("exists already\n"), "{end:?}");
        }
        let names = ["s0", "s1", "s2", "s3"];
        let show = [&["secret", "inspect", "--showsecret", "-f", "{{.SecretData}}"], &names[..]];
        assert_eq!(corten.ok(&show.concat()), "s0\ns1\ns2\ns3");
    }
}

#[test]
fn a_full_disk() {
    let corten = corten();
    let place = corten.directory().join("small");
    std::fs::create_dir(&place).unwrap();
    // The mount lives in a mount namespace of its own: it is gone with the shell, whatever happens.
    let script = r#"mount -t tmpfs -o size=2m tmpfs "$1" || exit 99
        corten() { "$0" --root "$1/root" --state "$1/state" "${@:2}" 2>&1; }
        corten "$1" secret ls -q || exit 98
        head -c 3m /dev/zero > "$1/fill" 2>/dev/null
        echo word > /dev/shm/corten-word-$$; head -c 400k /dev/zero > /dev/shm/corten-large-$$
        corten "$1" secret create pw /dev/shm/corten-word-$$; echo "code $?"
        test ! -e "$1/root/secrets.key" || stat -c 'key %s' "$1/root/secrets.key"
        rm "$1/fill"; corten "$1" secret create pw /dev/shm/corten-word-$$ > /dev/null; echo "code $?"
        corten "$1" secret inspect --showsecret -f '{{.SecretData}}' pw
        head -c 1600k /dev/zero > "$1/fill" 2>/dev/null
        corten "$1" secret create large /dev/shm/corten-large-$$; echo "code $?"
        corten "$1" secret ls --format '{{.Name}}'
        rm "$1/fill"; corten "$1" system check | tail -n 1
        rm /dev/shm/corten-*-$$"#;
    let output = Command::new("unshare")
        .args(["--mount", "--propagation", "private", "bash", "-c", script])
        .args([env!("CARGO_BIN_EXE_corten").as_ref(), place.as_os_str()])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = said.lines().filter(|line| !line.is_empty()).collect();
    let [error, hint, code, next, word, large_error, large_hint, large_code, listed, checked] =
        lines[..]
    else {
        panic!("{said}");
    };
    for (error, hint, code) in [(error, hint, code), (large_error, large_hint, large_code)] {
        assert!(error.starts_with("error: "), "{said}");
        assert_eq!((hint, code), ("hint: the disk is full", "code 1"), "{said}");
    }
    assert_eq!((next, word, listed), ("code 0", "word", "pw"), "{said}");
    assert!(checked.ends_with("the store is consistent"), "{said}");
}

/// The calls by which secrets reach a container, refused one after the other.
#[test]
fn a_refused_call_is_told_and_leaves_nothing() {
    let corten = with_busybox();
    create(&corten, &["pw"], b"s3cr3t");
    let mut refused = 0;
    for call in [
        "fsopen",
        "fsconfig",
        "fsmount",
        "sendfile",
        "fchown",
        "fchmod",
        "memfd_create",
        "mlock",
        "open_tree",
        "umount2",
    ] {
        for when in 1..=4 {
            let plain = corten.command();
            let mut command = Command::new("strace");
            let inject = format!("inject={call}:error=EPERM:when={when}");
            command.args(["-f", "-qq", "-o", "/dev/null", "-e", &inject]);
            command.arg(plain.get_program()).args(plain.get_args());
            command.args(["run", "--rm", "--secret=pw", "--secret=pw,target=/etc/pw"]);
            command.args(["--secret=pw,type=env", "busybox", "sh", "-c"]);
            command.arg("test $(cat /run/secrets/pw /etc/pw)$pw = s3cr3ts3cr3ts3cr3t");
            let finished = Finished::from(command.output().unwrap());
            // Some are dispensable.
            if finished.code != 0 {
                refused += 1;
                assert_eq!(finished.code, 125, "{call} {when}: {finished:?}");
                assert!(finished.stderr.starts_with("error: "), "{call} {when}: {finished:?}");
                assert!(!finished.stderr.contains("s3cr3t"), "{call} {when}: {finished:?}");
            }
        }
    }
    assert!(refused > 10, "{refused}");
    let left = corten.ok(&["ps", "-aq", "--no-trunc"]);
    assert_eq!(left, "");
    wait_until("nothing is left", || Leftovers::of(corten.directory(), &[]).is_empty());
}
