//! `console`: the console of a whole system and its terminals beside it, by somebody on a terminal of his own.

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::process::{Child, Stdio};

    use testkit::{Corten, TerminalStep};

    const LEAVE: &str = "\x01q";

    fn corten() -> Corten {
        Corten::with_busybox(env!("CARGO_BIN_EXE_corten"))
    }

    /// A system of busybox that runs, with a shell on tty1.
    fn begin(corten: &Corten, flags: &[&str]) {
        let inittab = corten.directory().join("inittab");
        let lines = "::respawn:/bin/syslogd -n\nconsole::respawn:-/bin/sh\ntty1::respawn:/sbin/getty -n -l /bin/sh 0 tty1\n";
        #[expect(clippy::disallowed_methods, reason = "a test's own file")]
        std::fs::write(&inittab, lines).unwrap();
        let bind = format!("{}:/etc/inittab:ro", inittab.display());
        let line = ["run", "-d", "--network", "none", "--system", "--name", "web", "-v", &bind];
        corten.ok(&[&line[..], flags, &["busybox"]].concat());
    }

    fn inside(corten: &Corten, script: &str) -> String {
        corten.ok(&["exec", "web", "sh", "-c", script])
    }

    /// At a terminal of the container, through our own: each text is typed once the words before it are there.
    fn at(corten: &Corten, flags: &[&str], typed: &[(&str, &str)]) -> String {
        let steps: Vec<TerminalStep<'_>> =
            typed.iter().map(|(when, text)| (*when, "raw", "type", (*text).into())).collect();
        let line = [&["console"], flags, &["web"]].concat();
        testkit::on_terminal(corten.command().args(line), &steps)
    }

    fn environment(corten: &Corten) -> Vec<String> {
        let script = "tr '\\0' '\\n' </proc/1/environ | grep ^container_ | sort";
        inside(corten, script).lines().map(str::to_owned).collect()
    }

    #[test]
    fn what_the_console_has_shown_comes_first_and_leaving_ends_nothing() {
        let corten = corten();
        begin(&corten, &[]);
        testkit::wait_until("its shell is there", || {
            corten.ok(&["logs", "web"]).contains("Enter 'help'")
        });
        inside(&corten, "echo spoken to >/dev/console");
        let seen = at(
            &corten,
            &[],
            &[("spoken to", "echo sum=$((40+2))\r"), ("sum=42", "\x01\x01x"), ("", LEAVE)],
        );
        assert!(seen.contains("Connected to the console: ctrl-a q leaves it"), "{seen}");
        assert!(seen.contains("sum=42\n") && seen.ends_with("[code 0, restored]"), "{seen}");
        assert_eq!(corten.ok(&["inspect", "-f", "{{.State.Status}}", "web"]), "running");
        // Other keys, the size of who looks, and what was typed before.
        let keys = ["--detach-keys", "ctrl-x,x"];
        let seen = at(&corten, &keys, &[("sum=42", "\x15stty size\r"), ("30 90", "\x18x")]);
        assert!(seen.ends_with("[code 0, restored]"), "{seen}");
        assert!(corten.ok(&["logs", "web"]).contains("30 90"));
    }

    /// Reads until the words are there.
    fn read_until(child: &mut Child, words: &str) {
        let (mut seen, mut byte) = (Vec::new(), [0]);
        while !String::from_utf8_lossy(&seen).contains(words) {
            let stdout = child.stdout.as_mut().unwrap();
            let count = stdout.read(&mut byte).unwrap();
            assert_eq!(count, 1, "{}", String::from_utf8_lossy(&seen));
            seen.push(byte[0]);
        }
    }

    #[test]
    fn several_look_at_the_same() {
        let corten = corten();
        begin(&corten, &[]);
        for flags in [&["-t", "0"], &["-t", "1"]] {
            let mut other = corten.command();
            other.args(["console", flags[0], flags[1], "web"]).stdout(Stdio::piped());
            let mut other = other.stdin(Stdio::piped()).spawn().unwrap();
            let seen = at(&corten, flags, &[("# ", "echo sum=$((40+2))\r"), ("sum=42", LEAVE)]);
            assert!(seen.ends_with("[code 0, restored]"), "{seen}");
            read_until(&mut other, "sum=42");
            other.kill().unwrap();
            other.wait().unwrap();
        }
    }

    #[test]
    fn a_getty_lives_on_each_terminal_and_the_init_is_told() {
        let corten = corten();
        begin(&corten, &[]);
        let told = environment(&corten);
        let [ttys, uuid] = told.as_slice() else { panic!("{told:?}") };
        assert_eq!(ttys, "container_ttys=pts/1 pts/2 pts/3 pts/4");
        let id = corten.ok(&["inspect", "-f", "{{.Id}}", "web"]);
        let uuid = uuid.strip_prefix("container_uuid=").unwrap();
        assert!(uuid.len() == 36 && uuid.starts_with(&id[..8]), "{uuid}");
        // The shell's end is its terminal's hang-up: the next getty finds it as the first did.
        let seen = at(
            &corten,
            &["--tty", "1"],
            &[
                ("# ", "tty; exit\r"),
                ("/dev/tty1\r\n", ""),
                ("# ", "stty size; echo sum=$((40+2))\r"),
                ("sum=42", LEAVE),
            ],
        );
        assert!(seen.contains("Connected to tty1") && seen.contains("30 90\n"), "{seen}");
        assert!(seen.ends_with("[code 0, restored]"), "{seen}");
        // Begun anew it has new ones, and is the same machine.
        corten.ok(&["exec", "-d", "web", "reboot"]);
        testkit::wait_until("it is there again", || {
            corten.ok(&["inspect", "-f", "{{.State.Status}} {{.RestartCount}}", "web"])
                == "running 1"
        });
        assert_eq!(environment(&corten), told);
        let seen = at(&corten, &["-t", "1"], &[("# ", "echo sum=$((40+2))\r"), ("sum=42", LEAVE)]);
        assert!(seen.ends_with("[code 0, restored]"), "{seen}");
    }

    #[test]
    fn nobody_has_to_look() {
        let corten = corten();
        begin(&corten, &[]);
        // Much more than a terminal holds.
        let script = "seq 1 100000 >/dev/tty2; echo sum=$((40+2)) >/dev/tty2; echo done";
        assert_eq!(inside(&corten, script), "done");
        let seen = at(&corten, &["-t", "2"], &[("sum=42", LEAVE)]);
        let shown = seen.split_once("\n").unwrap().1;
        assert!(shown.contains("\n100000\nsum=42\n") && shown.len() < 16_000, "{seen}");
        // Nor to type what somebody reads.
        let seen = at(&corten, &["-t", "3"], &[("", "typed ahead\r"), ("typed ahead", LEAVE)]);
        assert!(seen.ends_with("[code 0, restored]"), "{seen}");
        assert_eq!(inside(&corten, "head -n 1 </dev/tty3"), "typed ahead");
    }

    #[test]
    fn the_first_free_one_is_found() {
        let corten = corten();
        begin(&corten, &["--ttys", "2"]);
        let seen = at(&corten, &["-t", "free"], &[("# ", LEAVE)]);
        assert!(seen.contains("Connected to tty1"), "{seen}");
        let mut other = corten.command();
        other.args(["console", "-t", "1", "web"]).stdout(Stdio::piped()).stdin(Stdio::piped());
        let mut other = other.spawn().unwrap();
        read_until(&mut other, "# ");
        let seen = at(&corten, &["-t", "free"], &[("tty2", LEAVE)]);
        assert!(seen.contains("Connected to tty2"), "{seen}");
        other.kill().unwrap();
        other.wait().unwrap();
    }

    #[test]
    fn what_is_not_there_is_named() {
        let corten = corten();
        corten.ok(&["create", "--name", "web", "--ttys", "1", "busybox", "sleep", "1000"]);
        let told = |line: &[&str], code| corten.fails(line, code);
        assert!(told(&["console", "web"], 1).contains("it is not running"));
        corten.ok(&["start", "web"]);
        assert_eq!(inside(&corten, "readlink -f /dev/tty1; ls /dev/tty? | wc -l"), "/dev/tty1\n1");
        assert!(told(&["console", "web"], 1).contains("without --tty and without --system"));
        assert!(told(&["console", "-t", "2", "web"], 1).contains("web has tty1 alone"));
        assert!(told(&["console", "-t", "two", "web"], 1).contains("the number of a terminal"));
        assert!(told(&["console", "-e", "^aa", "web"], 1).contains("it is a letter"));
        assert!(told(&["create", "--ttys", "64", "busybox"], 1).contains("at most 63"));
        corten.ok(&["run", "-d", "--name", "other", "busybox", "sleep", "1000"]);
        assert!(told(&["console", "-t", "1", "other"], 1).contains("see --ttys"));
    }
}
