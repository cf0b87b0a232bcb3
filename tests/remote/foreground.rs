//! Containers elsewhere whose foreground is here: streams, exit codes, signals, terminals.

use std::process::Stdio;

use testkit::{signal, wait_until};

use crate::base::{Client, PROGRAM, Server};

#[test]
fn at_corten() {
    let server = Server::corten();
    foreground(&server.client());
}

#[test]
fn at_dockerd() {
    let server = Server::docker();
    foreground(&server.client());
}

/// As a server of that version is spoken with.
#[test]
fn as_it_was_long_ago() {
    let server = Server::corten();
    let far = server.client().with("CORTEN_API_VERSION", "1.24");
    assert_eq!(far.ok(&["version", "-f", "{{.Client.ApiVersion}}"]), "1.24");
    let done = far.run_with(&["run", "-i", "busybox", "sh", "-c", "cat; exit 3"], b"input\n");
    assert_eq!((done.code, done.stdout.as_str()), (3, "input\n"), "{}", done.stderr);
    far.ok(&["run", "-d", "--name", "dd", "busybox", "sleep", "1000"]);
    let done = far.run(&["exec", "dd", "sh", "-c", "echo out; exit 7"]);
    assert_eq!((done.code, done.stdout.as_str()), (7, "out\n"));
    for (args, what) in [
        (&["run", "--rm", "busybox", "true"][..], "--rm needs version 1.25"),
        (&["exec", "-e", "A=b", "dd", "true"], "--env needs version 1.25"),
        (&["stop", "-s", "INT", "dd"], "--signal needs version 1.42"),
        (&["create", "--platform", "linux/amd64", "busybox"], "--platform needs version 1.41"),
    ] {
        let told = far.run(args).stderr;
        assert!(told.contains(what) && told.contains("speaks 1.24"), "{told}");
    }
    assert_eq!(far.ok(&["ps", "--format", "{{.Names}}"]), "dd");
    far.ok(&["rm", "-f", "--all"]);
    let far = server.client().with("CORTEN_API_VERSION", "1.9");
    assert!(far.fails(&["ps"], 1).contains("not within 1.24 to 1.52"));
}

fn foreground(far: &Client) {
    streams(far);
    codes(far);
    execs(far);
    attaches(far);
    signals(far);
    terminals(far);
    assert_eq!(far.ok(&["ps", "-aq"]), "", "--rm leaves nothing");
}

fn streams(far: &Client) {
    let script = "echo out; echo err >&2; cat; exit 3";
    let done = far.run_with(&["run", "--rm", "-i", "busybox", "sh", "-c", script], b"input\n");
    assert_eq!(
        (done.code, done.stdout.as_str(), done.stderr.as_str()),
        (3, "out\ninput\n", "err\n")
    );
    let large = vec![b'x'; 3_000_000];
    let done = far.run_with(&["run", "--rm", "-i", "busybox", "cat"], &large);
    assert!(done.stdout.as_bytes() == large, "{} bytes", done.stdout.len());
    let done = far.run(&["run", "--rm", "busybox", "sh", "-c", "head -c 3000000 /dev/zero"]);
    assert_eq!(done.stdout.len(), 3_000_000);
    let id = far.ok(&["run", "-d", "--rm", "--name", "back", "busybox", "sleep", "1000"]);
    assert_eq!(id.len(), 64);
    far.ok(&["rm", "-f", "back"]);
}

fn codes(far: &Client) {
    far.fails(&["run", "--rm", "busybox", "nosuchprogram"], 127);
    far.fails(&["run", "--rm", "busybox", "/etc"], 126);
    far.fails(&["run", "--no-such-flag", "busybox"], 125);
    let told = far.fails(&["run", "--rm", "--name", "a b", "busybox", "true"], 125);
    assert!(told.contains("a b"), "{told}");
}

fn execs(far: &Client) {
    far.ok(&["run", "-d", "--name", "dd", "busybox", "sleep", "1000"]);
    let done = far.run(&["exec", "dd", "sh", "-c", "echo o; echo e >&2; exit 7"]);
    assert_eq!((done.code, done.stdout.as_str(), done.stderr.as_str()), (7, "o\n", "e\n"));
    let done = far.run_with(
        &["exec", "-i", "-e", "A=b", "-w", "/tmp", "dd", "sh", "-c", "cat; pwd; echo $A"],
        b"in\n",
    );
    assert_eq!((done.code, done.stdout.as_str()), (0, "in\n/tmp\nb\n"));
    assert_eq!(far.ok(&["exec", "-d", "dd", "touch", "/made"]), "");
    wait_until("the detached process is done", || {
        far.run(&["exec", "dd", "ls", "/made"]).code == 0
    });
    // The server's own code: 126 of dockerd 20.10.
    let code = far.run(&["exec", "dd", "nosuchprogram"]).code;
    assert!(matches!(code, 126 | 127), "{code}");
    far.fails(&["exec", "nosuch", "true"], 1);
    far.ok(&["rm", "-f", "dd"]);
}

fn attaches(far: &Client) {
    far.ok(&["create", "--name", "aa", "-i", "busybox", "sh", "-c", "cat; exit 4"]);
    let done = far.run_with(&["start", "-a", "-i", "aa"], b"typed\n");
    assert_eq!((done.code, done.stdout.as_str()), (4, "typed\n"));
    far.ok(&["rm", "aa"]);
    let script = "read word; echo got $word; exit 5";
    far.ok(&["run", "-d", "-i", "--name", "bb", "busybox", "sh", "-c", script]);
    // Its input stays open: dockerd closes all streams of an attachment whose input has ended.
    let mut command = far.command();
    command.args(["attach", "bb"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut input, b"word\n").unwrap();
    let done = testkit::Finished::from(child.wait_with_output().unwrap());
    drop(input);
    assert_eq!((done.code, done.stdout.as_str()), (5, "got word\n"));
    far.ok(&["rm", "bb"]);
}

fn signals(far: &Client) {
    let script = "trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done";
    let mut command = far.command();
    command.args(["run", "--rm", "--name", "ss", "busybox", "sh", "-c", script]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let out = child.stdout.take().unwrap();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(out), &mut line).unwrap();
    assert_eq!(line, "ready\n");
    signal("TERM", child.id());
    assert_eq!(child.wait().unwrap().code(), Some(9));
}

/// As in the tests of terminals here: a real one, 30 rows and 90 columns.
fn terminals(far: &Client) {
    let driver = r#"
import fcntl, os, pty, select, struct, subprocess, sys, termios, time
when, typed, argv = sys.argv[1].encode(), sys.argv[2].encode("latin-1").decode("unicode_escape").encode("latin-1"), sys.argv[3:]
master, slave = pty.openpty()
fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 90, 0, 0))
before = termios.tcgetattr(slave)
child = subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
    preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
seen, given, deadline = b"", False, time.monotonic() + 120
while time.monotonic() < deadline:
    ready = select.select([master], [], [], 0.02)[0]
    if ready:
        seen += os.read(master, 65536)
    if not given and when in seen and termios.tcgetattr(slave) != before:
        given = True
        os.write(master, typed)
    if not ready and child.poll() is not None:
        break
else:
    child.kill()
state = "restored" if termios.tcgetattr(slave) == before else "raw"
sys.stdout.write(seen.decode(errors="replace").replace("\r\n", "\n") + "[code %d, %s]" % (child.wait(), state))
"#;
    let on_terminal = |when: &str, typed: &str, args: &[&str]| {
        let own = far.command();
        let mut command = std::process::Command::new("python3");
        command.args(["-c", driver, when, typed, PROGRAM]).args(&far.arguments).args(args);
        command.envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    // The size may come after the start, as with Docker: it is looked at until it is there.
    let script = "until [ \"$(stty size)\" = '30 90' ]; do sleep 0.05; done; echo sized; read word; echo got $word; exit 4";
    let seen =
        on_terminal("sized", "abc\\r", &["run", "--rm", "-it", "busybox", "sh", "-c", script]);
    assert!(seen.contains("got abc\n") && seen.ends_with("[code 4, restored]"), "{seen}");
    let line = ["run", "--name", "tt", "-it", "busybox", "sh", "-c", "echo ready; cat"];
    let seen = on_terminal("ready", "\\x10\\x11", &line);
    assert!(seen.ends_with("[code 0, restored]"), "{seen}");
    assert_eq!(far.ok(&["inspect", "-f", "{{.State.Status}}", "tt"]), "running");
    let script = "tty >/dev/null && echo terminal; read word; exit 6";
    let seen = on_terminal("terminal", "x\\r", &["exec", "-it", "tt", "sh", "-c", script]);
    assert!(seen.ends_with("[code 6, restored]"), "{seen}");
    far.ok(&["rm", "-f", "tt"]);
    let told = far.fails(&["run", "--rm", "-it", "busybox", "true"], 1);
    assert!(told.contains("not a TTY"), "{told}");
}
