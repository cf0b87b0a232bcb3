//! Terminals, through a real pseudo-terminal: `-it`, sizes, detach keys, and that the caller's terminal is given back.

#[cfg(test)]
mod tests {
    use std::process::Command;

    use testkit::Corten;

    /// Runs the program on a new terminal of 30 rows and 90 columns, with `typed` written when `when` was seen; prints what
    /// came, then its exit code, and whether the terminal's settings are as they were. Python's pty is the other end.
    const DRIVER: &str = r#"
import fcntl, os, pty, select, struct, subprocess, sys, termios, time
when, typed, argv = sys.argv[1].encode(), sys.argv[2].encode().decode("unicode_escape").encode("latin-1"), sys.argv[3:]
master, slave = pty.openpty()
fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 90, 0, 0))
before = termios.tcgetattr(slave)
child = subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
seen, deadline = b"", time.monotonic() + 20
while time.monotonic() < deadline:
    ready, _, _ = select.select([master], [], [], 0.05)
    if ready:
        seen += os.read(master, 65536)
    if typed and when in seen and termios.tcgetattr(slave) != before:
        os.write(master, typed)
        typed = b""
    if ready:
        continue
    if child.poll() is not None:
        break
else:
    child.kill()
code = child.wait()
same = termios.tcgetattr(slave) == before
sys.stdout.write(seen.decode(errors="replace").replace("\r\n", "\n") + "[code %d, %s]" % (code, "restored" if same else "raw"))
"#;

    fn on_terminal(corten: &Corten, when: &str, typed: &str, args: &[&str]) -> String {
        let program = corten.command();
        let mut driver = Command::new("python3");
        driver
            .args(["-c", DRIVER, when, typed])
            .arg(program.get_program())
            .args(program.get_args());
        let output = driver.args(args).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn corten() -> Corten {
        Corten::with_busybox(env!("CARGO_BIN_EXE_corten"))
    }

    #[test]
    fn run_has_a_terminal_of_the_callers_size() {
        let corten = corten();
        let script = "tty; sleep 0.3; stty size; read word; echo got $word; exit 4";
        let seen = on_terminal(
            &corten,
            "30 90",
            "abc\\r",
            &["run", "--rm", "-it", "busybox", "sh", "-c", script],
        );
        assert!(seen.contains("/dev/pts/0") || seen.contains("/dev/console"), "{seen}");
        assert!(seen.contains("30 90\n") && seen.contains("got abc\n"), "{seen}");
        assert!(seen.ends_with("[code 4, restored]"), "{seen}");
    }

    #[test]
    fn ctrl_c_goes_to_the_container() {
        let corten = corten();
        let script = "trap 'exit 9' INT; echo ready; while :; do sleep 0.05; done";
        let seen = on_terminal(
            &corten,
            "ready",
            "\\x03",
            &["run", "--rm", "-it", "busybox", "sh", "-c", script],
        );
        assert!(seen.ends_with("[code 9, restored]"), "{seen}");
    }

    #[test]
    fn detach_keys_leave_it_running() {
        let corten = corten();
        let seen = on_terminal(
            &corten,
            "ready",
            "\\x10\\x11",
            &["run", "--name", "tt", "-it", "busybox", "sh", "-c", "echo ready; cat"],
        );
        assert!(seen.ends_with("[code 0, restored]"), "{seen}");
        assert_eq!(corten.ok(&["inspect", "-f", "{{.State.Status}}", "tt"]), "running");
        // The container echoes what is typed: "x" was passed on, and what it says comes to the next one that attaches.
        let seen = on_terminal(&corten, "", "x\\rab", &["attach", "--detach-keys", "a,b", "tt"]);
        assert!(seen.ends_with("[code 0, restored]"), "{seen}");
        assert_eq!(corten.ok(&["inspect", "-f", "{{.State.Status}}", "tt"]), "running");
    }

    #[test]
    fn exec_has_a_terminal() {
        let corten = corten();
        corten.ok(&["run", "-d", "--name", "tt", "busybox", "sleep", "1000"]);
        let script = "stty size; read word; echo got $word; exit 6";
        let seen =
            on_terminal(&corten, "30 90", "abc\\r", &["exec", "-it", "tt", "sh", "-c", script]);
        assert!(seen.contains("got abc\n") && seen.ends_with("[code 6, restored]"), "{seen}");
    }

    #[test]
    fn a_terminal_that_is_none_is_refused() {
        let corten = corten();
        let said = corten.fails(&["run", "-it", "busybox", "true"], 125);
        assert!(said.contains("the input device is not a TTY"), "{said}");
    }
}
