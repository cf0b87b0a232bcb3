//! Nothing of the caller comes along: what `corten run hello` finds around it is the same whoever has started it. The keys of his session and
//! his open directories are attacks (`keys-of-the-session`, `open-descriptor`).

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use testkit::{Corten, Finished, on_terminal};

/// Rows that differ from one container to the next.
const OWN: &[&str] = &["host name", "namespaces"];

/// The program as the caller of `caller.py` starts it.
fn by_unusual_caller(corten: &Corten, args: &[&str]) -> Command {
    let plain = corten.command();
    let mut command = Command::new("python3");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/attacks/caller.py");
    command.arg("-B").arg(script).arg(plain.get_program()).args(plain.get_args()).args(args);
    command.stdin(std::process::Stdio::null());
    command
}

/// The rows of the table that belong to every container.
fn rows(table: &str) -> BTreeMap<String, String> {
    let lines = table.lines().filter_map(|line| line.strip_prefix("  "));
    let pairs = lines.filter_map(|line| Some((line.get(..18)?.trim(), line.get(18..)?.trim())));
    pairs
        .filter(|(name, _)| !name.is_empty() && !OWN.contains(name))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn hello(command: &mut Command) -> BTreeMap<String, String> {
    let said = Finished::from(command.output().unwrap());
    assert_eq!((said.code, said.stderr.as_str()), (0, ""), "{said:#?}");
    rows(&said.stdout)
}

#[test]
fn nothing_of_the_caller_comes_along() {
    let corten = Corten::new(env!("CARGO_BIN_EXE_corten"));
    let plain = hello(corten.command().args(["run", "--rm", "hello"]));
    let seen = hello(&mut by_unusual_caller(&corten, &["run", "--rm", "hello"]));
    assert_eq!(seen, plain);
    for (row, expected) in [
        ("process", "pid 1, parent 0"),
        ("descriptors", "0 1 2"),
        ("caps inheritable", "none"),
        ("caps ambient", "none"),
        ("seccomp", "filter (1)"),
        ("groups", "0"),
        ("session", "1, terminal none"),
        ("directory", "/"),
        ("environment", "HOME HOSTNAME PATH"),
        ("umask", "0022"),
        ("signals blocked", "none"),
        ("signals ignored", "none"),
        ("scheduling", "other, nice 0"),
        ("i/o priority", "none"),
        ("timer slack", "50000 ns"),
        ("oom score", "0"),
        ("personality", "00000000"),
        ("secure bits", "none"),
        ("dumpable", "yes"),
        ("parent's death", "no signal"),
    ] {
        assert_eq!(seen.get(row).map(String::as_str), Some(expected), "{row}: {seen:#?}");
    }
    let limits = &seen["limits"];
    assert!(
        limits.contains("core file size 0") && limits.contains("stack size 8388608"),
        "{limits}"
    );
    for soft in ["7777", "5555", "333 of", "777 of", "3145728"] {
        assert!(!limits.contains(soft), "{limits}");
    }
}

/// The caller's terminal is not its controlling one, with a terminal of its own or without.
#[test]
fn no_container_has_the_callers_terminal() {
    let corten = Corten::new(env!("CARGO_BIN_EXE_corten"));
    let run = |flags: &[&str]| {
        let line = [&["run", "--rm", "--network", "none"], flags, &["hello"]].concat();
        on_terminal(&by_unusual_caller(&corten, &line), &[])
    };
    assert_eq!(rows(&run(&[]))["session"], "1, terminal none");
    // 136:0 is /dev/pts/0, of its own devpts.
    assert_eq!(rows(&run(&["-t"]))["session"], "1, terminal 34816");
}

fn start(name: &str) -> [&str; 7] {
    ["run", "-d", "--name", name, "busybox", "sleep", "1000"]
}

fn exec<'a>(name: &'a str, script: &'a str) -> [&'a str; 5] {
    ["exec", name, "sh", "-c", script]
}

/// A further process is the monitor's, who is nobody's.
#[test]
fn nothing_of_the_caller_comes_along_by_exec() {
    let corten = Corten::with_busybox(env!("CARGO_BIN_EXE_corten"));
    let script = "cat /proc/$$/limits /proc/$$/personality /proc/$$/timerslack_ns /proc/$$/oom_score_adj; \
        grep -E '^(Groups|Umask|SigBlk|SigIgn|Cap|Cpus_allowed_list)' /proc/$$/status; \
        cut -d' ' -f7,18,19,40,41 /proc/$$/stat; ls /proc/$$/fd; env | grep -v HOSTNAME; pwd";
    corten.ok(&start("plain"));
    let plain = corten.ok(&exec("plain", script));
    let ended = by_unusual_caller(&corten, &start("unusual")).output().unwrap();
    assert!(ended.status.success(), "{ended:?}");
    let seen = by_unusual_caller(&corten, &exec("unusual", script)).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&seen.stdout).trim_end(), plain, "{seen:?}");
}
