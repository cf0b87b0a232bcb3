//! Commands of several containers: by name, all of them, or those that a filter finds; at once, and told in their order.

#[cfg(test)]
mod tests {
    use testkit::Corten;

    fn corten_with(names: &[&str]) -> Corten {
        let corten = Corten::with_busybox(env!("CARGO_BIN_EXE_corten"));
        for name in names {
            let label = format!("first={}", &name[..1]);
            corten
                .ok(&["run", "-d", "--name", name, "--label", &label, "busybox", "sleep", "9999"]);
        }
        corten
    }

    /// Names in the order of their making, each with its state.
    fn states(corten: &Corten) -> String {
        let text = corten.ok(&["ps", "--all", "--format", "{{.Names}}={{.State}}"]);
        text.lines().rev().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn they_are_stopped_at_once() {
        let corten = Corten::with_busybox(env!("CARGO_BIN_EXE_corten"));
        // The first one ends only when the second one was asked to.
        for (name, handler) in [
            ("waits", "while test ! -e /shared/asked; do sleep 0.01; done"),
            ("asked", "touch /shared/asked"),
        ] {
            let script = format!(
                "trap '{handler}; exit 3' TERM; touch /shared/{name}.up; while :; do sleep 0.05; done"
            );
            corten.ok(&[
                "run",
                "-d",
                "--name",
                name,
                "-v",
                "shared:/shared",
                "busybox",
                "sh",
                "-c",
                &script,
            ]);
            testkit::wait_until("it hears", || {
                corten.run(&["exec", name, "test", "-e", &format!("/shared/{name}.up")]).code == 0
            });
        }
        assert_eq!(corten.ok(&["stop", "--timeout", "60", "waits", "asked"]), "waits\nasked");
        assert_eq!(corten.ok(&["inspect", "-f", "{{.State.ExitCode}}", "waits", "asked"]), "3\n3");
    }

    #[test]
    fn names_and_failures_come_in_the_order_of_the_line() {
        let corten = corten_with(&["a1", "b1", "b2"]);
        let done = corten.run(&["rm", "--force", "b2", "a1", "b1"]);
        assert_eq!((done.code, done.stdout.as_str()), (0, "b2\na1\nb1\n"));
        let done = corten.run(&["kill", "none", "nope"]);
        assert_eq!(done.code, 1);
        assert_eq!(done.stderr, "error: no such container: none\nerror: no such container: nope\n");
        let done = corten.run(&["rm", "--force", "gone"]);
        assert_eq!((done.code, done.stdout.as_str()), (0, ""));
    }

    #[test]
    fn all_are_those_that_it_can_be_done_to() {
        let corten = corten_with(&["a1", "b1", "b2"]);
        corten.ok(&["kill", "b2"]);
        corten.ok(&["wait", "b2"]);
        assert_eq!(corten.ok(&["pause", "--all"]), "b1\na1");
        assert_eq!(corten.ok(&["unpause", "-a"]), "b1\na1");
        assert_eq!(corten.ok(&["stop", "--all", "-t", "0"]), "b1\na1");
        assert_eq!(corten.ok(&["start", "--all"]), "b2\nb1\na1");
        corten.ok(&["kill", "a1"]);
        corten.ok(&["wait", "a1"]);
        assert_eq!(corten.ok(&["restart", "--all", "-t", "0"]), "b2\nb1");
        assert_eq!(states(&corten), "a1=exited b1=running b2=running");
        assert_eq!(corten.ok(&["kill", "-a"]), "b2\nb1");
        corten.ok(&["wait", "b1", "b2"]);
        assert_eq!(corten.ok(&["rm", "-a"]), "b2\nb1\na1");
        assert_eq!(corten.ok(&["rm", "--all"]), "", "there is nothing to do");
    }

    #[test]
    fn a_filter_finds_them() {
        let corten = corten_with(&["a1", "b1", "b2"]);
        assert_eq!(corten.ok(&["stop", "--filter", "label=first=b", "-t", "0"]), "b2\nb1");
        assert_eq!(states(&corten), "a1=running b1=exited b2=exited");
        assert_eq!(corten.ok(&["start", "--filter", "name=b2"]), "b2");
        assert_eq!(corten.ok(&["rm", "--force", "--filter", "status=running"]), "b2\na1");
        assert_eq!(states(&corten), "b1=exited");
        let error = corten.fails(&["rm", "--filter", "nonsense"], 125);
        assert!(error.contains("nonsense"), "{error}");
    }

    #[test]
    fn names_and_flags_do_not_go_together_and_nothing_is_too_little() {
        let corten = corten_with(&["a1"]);
        for command in ["start", "stop", "restart", "kill", "rm", "pause", "unpause"] {
            let error = corten.fails(&[command, "--all", "a1"], 1);
            assert!(error.contains("--all"), "{error}");
            let error = corten.fails(&[command], 1);
            assert!(
                error.starts_with(&format!(
                    "error: 'corten {command}' requires at least 1 argument\n"
                )),
                "{error}"
            );
        }
        assert_eq!(states(&corten), "a1=running");
        corten.ok(&["container", "exists", "a1"]);
        assert_eq!(corten.run(&["container", "exists", "nope"]).code, 1);
    }
}
