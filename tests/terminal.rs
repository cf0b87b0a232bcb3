//! Terminals, through a real pseudo-terminal: `-it`, sizes, detach keys, and that the caller's terminal is given back.

#[cfg(test)]
mod tests {
    use testkit::{Corten, TerminalStep};

    fn stepwise(corten: &Corten, steps: &[TerminalStep<'_>], args: &[&str]) -> String {
        testkit::on_terminal(corten.command().args(args), steps)
    }

    /// With `typed` written when `when` was seen.
    fn on_terminal(corten: &Corten, when: &str, typed: &str, args: &[&str]) -> String {
        stepwise(corten, &[(when, "raw", "type", typed.into())], args)
    }

    fn corten() -> Corten {
        Corten::with_busybox(env!("CARGO_BIN_EXE_corten"))
    }

    #[test]
    fn run_has_a_terminal_of_the_callers_size() {
        let corten = corten();
        let script = "tty; stty size; read word; echo got $word; exit 4";
        let seen = on_terminal(
            &corten,
            "30 90",
            "abc\r",
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
            "\x03",
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
            "\x10\x11",
            &["run", "--name", "tt", "-it", "busybox", "sh", "-c", "echo ready; cat"],
        );
        assert!(seen.ends_with("[code 0, restored]"), "{seen}");
        assert_eq!(corten.ok(&["inspect", "-f", "{{.State.Status}}", "tt"]), "running");
        // The container echoes what is typed: "x" was passed on, and what it says comes to the next one that attaches.
        let seen = on_terminal(&corten, "", "x\rab", &["attach", "--detach-keys", "a,b", "tt"]);
        assert!(seen.ends_with("[code 0, restored]"), "{seen}");
        assert_eq!(corten.ok(&["inspect", "-f", "{{.State.Status}}", "tt"]), "running");
    }

    #[test]
    fn exec_has_a_terminal() {
        let corten = corten();
        corten.ok(&["run", "-d", "--name", "tt", "busybox", "sleep", "1000"]);
        let script = "stty size; read word; echo got $word; exit 6";
        let seen =
            on_terminal(&corten, "30 90", "abc\r", &["exec", "-it", "tt", "sh", "-c", script]);
        assert!(seen.contains("got abc\n") && seen.ends_with("[code 6, restored]"), "{seen}");
    }

    #[test]
    fn a_new_size_reaches_the_container() {
        let corten = corten();
        let script = "trap 'stty size; exit 8' WINCH; stty size; while :; do sleep 0.05; done";
        let seen = stepwise(
            &corten,
            &[("30 90", "raw", "resize", [50, 132].into())],
            &["run", "--rm", "-it", "busybox", "sh", "-c", script],
        );
        assert_eq!(seen, "30 90\n50 132\n[code 8, restored]");
        corten.ok(&["run", "-d", "--name", "tt", "busybox", "sleep", "1000"]);
        let seen = stepwise(
            &corten,
            &[("30 90", "raw", "resize", [50, 132].into())],
            &["exec", "-it", "tt", "sh", "-c", script],
        );
        assert_eq!(seen, "30 90\n50 132\n[code 8, restored]");
    }

    /// Says so when it is sent a signal; `ready` when it listens.
    const LISTENER: &str = "trap 'echo heard HUP; exit 1' HUP; trap 'echo heard TERM; exit 7' TERM; echo ready; while :; do sleep 0.05; done";
    const HUP: i32 = 1;
    const TERM: i32 = 15;

    #[test]
    fn signals_of_run_go_to_the_container() {
        let corten = corten();
        for (signal, heard, code) in [(TERM, "TERM", 7), (HUP, "HUP", 1)] {
            let seen = stepwise(
                &corten,
                &[("ready", "raw", "kill", signal.into())],
                &["run", "--rm", "-it", "busybox", "sh", "-c", LISTENER],
            );
            assert!(seen.ends_with(&format!("heard {heard}\n[code {code}, restored]")), "{seen}");
        }
        // Without -i the terminal is the caller's own; ctrl-c there is a signal like any other.
        let script = "trap 'exit 9' INT; echo ready; while :; do sleep 0.05; done";
        let seen = stepwise(
            &corten,
            &[("ready", "cooked", "type", "\x03".into())],
            &["run", "--rm", "-t", "busybox", "sh", "-c", script],
        );
        assert!(seen.ends_with("[code 9, restored]"), "{seen}");
    }

    #[test]
    fn a_signal_that_ends_the_client_restores_the_terminal() {
        let corten = corten();
        for signal in [HUP, TERM, 3, 10, 14] {
            let name = format!("tt{signal}");
            let args = ["run", "--sig-proxy=false", "--name", &name, "-it", "busybox", "sh"];
            let seen = stepwise(
                &corten,
                &[("ready", "raw", "kill", signal.into())],
                &[&args[..], &["-c", LISTENER]].concat(),
            );
            assert!(seen.ends_with(&format!("[code -{signal}, restored]")), "{seen}");
            assert_eq!(corten.ok(&["inspect", "-f", "{{.State.Status}}", &name]), "running");
        }
        for (command, more) in [("attach", &[][..]), ("exec", &["sh", "-c", LISTENER])] {
            let flags: &[&str] = if command == "exec" { &["-it"] } else { &[] };
            let when = if command == "exec" { "ready" } else { "" };
            let seen = stepwise(
                &corten,
                &[(when, "raw", "kill", TERM.into())],
                &[&[command], flags, &["tt1"], more].concat(),
            );
            assert!(seen.ends_with(&format!("[code -{TERM}, restored]")), "{command}: {seen}");
            assert_eq!(corten.ok(&["inspect", "-f", "{{.State.Status}}", "tt1"]), "running");
        }
    }

    #[test]
    fn the_end_of_the_terminal_ends_the_client_and_tells_the_container() {
        let corten = corten();
        let args = ["run", "--name", "tt", "-it", "busybox", "sh", "-c", LISTENER];
        let seen = stepwise(&corten, &[("ready", "raw", "hangup", 0.into())], &args);
        assert!(seen.ends_with(", hung up]"), "{seen}");
        assert_eq!(corten.ok(&["wait", "tt"]), "1");
        assert!(corten.ok(&["logs", "tt"]).contains("heard HUP"));
    }

    /// -t gives the process a terminal; only -i gives it what is typed.
    #[test]
    fn exec_without_input_leaves_the_terminal_alone() {
        let corten = corten();
        corten.ok(&["run", "-d", "--name", "tt", "busybox", "sleep", "1000"]);
        let script = "echo ready; read word; echo got $word";
        let seen = stepwise(
            &corten,
            &[("ready", "cooked", "type", "\x03".into())],
            &["exec", "-t", "tt", "sh", "-c", script],
        );
        assert!(seen.ends_with("[code -2, restored]") && !seen.contains("got"), "{seen}");
    }

    #[test]
    fn a_terminal_that_is_none_is_refused() {
        let corten = corten();
        let said = corten.fails(&["run", "-it", "busybox", "true"], 1);
        assert!(said.contains("the input device is not a TTY"), "{said}");
    }
}
