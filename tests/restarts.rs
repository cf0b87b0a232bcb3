//! Containers that are started again: by which policy, how often, and what stops it; and what a health check makes of them.

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use testkit::{Corten, wait_until};

    fn corten() -> Corten {
        Corten::with_busybox(env!("CARGO_BIN_EXE_corten"))
    }

    fn look(corten: &Corten, name: &str, format: &str) -> String {
        corten.ok(&["inspect", "-f", format, name])
    }

    fn id(corten: &Corten, name: &str) -> String {
        look(corten, name, "{{.Id}}")
    }

    /// The actions that were told of a container, in their order.
    fn told(corten: &Corten, id: &str) -> Vec<String> {
        let text = std::fs::read_to_string(corten.state().join("events.log")).unwrap();
        let events = text.lines().map(|line| serde_json::from_str(line).unwrap());
        events
            .filter(|event: &serde_json::Value| event["Actor"]["ID"] == id)
            .map(|event| event["Action"].as_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn a_failure_is_tried_again_so_often_and_no_more() {
        let corten = corten();
        corten.ok(&[
            "run",
            "-d",
            "--name",
            "fails",
            "--restart",
            "on-failure:2",
            "busybox",
            "sh",
            "-c",
            "echo run; exit 4",
        ]);
        assert_eq!(corten.ok(&["wait", "fails"]), "4", "the last end is what is waited for");
        assert_eq!(
            look(&corten, "fails", "{{.RestartCount}} {{.State.Status}} {{.State.ExitCode}}"),
            "2 exited 4"
        );
        assert_eq!(corten.ok(&["logs", "fails"]), "run\nrun\nrun");
        let once = ["start", "die"];
        let expected = [&["create"][..], &once, &once, &once].concat();
        assert_eq!(told(&corten, &id(&corten, "fails")), expected);
        corten.ok(&["start", "fails"]);
        assert_eq!(corten.ok(&["wait", "fails"]), "4");
        assert_eq!(look(&corten, "fails", "{{.RestartCount}}"), "2", "a start by hand counts anew");
        corten.ok(&["rm", "fails"]);
    }

    #[test]
    fn success_is_no_failure() {
        let corten = corten();
        corten.ok(&["run", "-d", "--name", "works", "--restart", "on-failure", "busybox", "true"]);
        assert_eq!(corten.ok(&["wait", "works"]), "0");
        assert_eq!(look(&corten, "works", "{{.RestartCount}} {{.State.Status}}"), "0 exited");
    }

    /// It makes a file, waits for another one, and ends.
    const TURNS: &str = "touch /began; while test ! -e /end; do sleep 0.05; done; rm /end; exit 7";

    #[test]
    fn always_is_until_somebody_stops_it() {
        let corten = corten();
        corten.ok(&[
            "run",
            "-d",
            "--name",
            "on",
            "--restart",
            "always",
            "busybox",
            "sh",
            "-c",
            TURNS,
        ]);
        for turn in 1..=2 {
            wait_until("it runs", || look(&corten, "on", "{{.State.Status}}") == "running");
            wait_until("it ends", || corten.run(&["exec", "on", "touch", "/end"]).code == 0);
            wait_until("it was started again", || {
                look(&corten, "on", "{{.RestartCount}}") == turn.to_string()
            });
        }
        wait_until("it runs", || look(&corten, "on", "{{.State.Status}}") == "running");
        corten.ok(&["stop", "-t", "0", "on"]);
        assert_eq!(
            look(&corten, "on", "{{.State.Status}} {{.State.ExitCode}} {{.RestartCount}}"),
            "exited 137 2"
        );
        corten.ok(&["start", "on"]);
        assert_eq!(look(&corten, "on", "{{.State.Status}} {{.RestartCount}}"), "running 0");
        corten.ok(&["kill", "on"]);
        assert_eq!(corten.ok(&["wait", "on"]), "137", "who kills it wants it down");
        corten.ok(&["rm", "on"]);
    }

    #[test]
    fn while_it_waits_it_can_be_stopped_and_removed() {
        let corten = corten();
        let run = ["run", "-d", "--restart", "always", "--name"];
        let ends = ["busybox", "false"];
        corten.ok(&[&run[..], &["one"], &ends].concat());
        let restarting = |name: &str| look(&corten, name, "{{.State.Restarting}}") == "true";
        // The waits double: one of them is long enough to be met.
        wait_until("it waits", || restarting("one"));
        wait_until("exec says so", || {
            let refused = corten.run(&["exec", "one", "true"]);
            refused.code == 1 && refused.stderr.contains("restarting")
        });
        assert!(
            corten.ok(&["ps", "--format", "{{.Status}}"]).starts_with("Restarting (1)")
                || !restarting("one")
        );
        corten.ok(&["stop", "one"]);
        assert_eq!(look(&corten, "one", "{{.State.Status}} {{.State.ExitCode}}"), "exited 1");
        corten.ok(&["rm", "one"]);
        corten.ok(&[&run[..], &["two"], &ends].concat());
        wait_until("it waits", || restarting("two"));
        corten.ok(&["rm", "-f", "two"]);
        assert_eq!(corten.ok(&["ps", "-aq"]), "");
    }

    /// What nobody looked at before a reboot is known after it: the monitor has written the last word where it stays.
    #[test]
    fn who_stops_it_while_it_waits_is_its_end() {
        let corten = corten();
        let run = ["run", "-d", "--restart", "always", "--name", "web", "busybox", "sh", "-c"];
        corten.ok(&[&run[..], &["exit 7"]].concat());
        // The waits double: this one is longer than a second.
        wait_until("it waits", || {
            let seen = look(&corten, "web", "{{.RestartCount}} {{.State.Restarting}}");
            let (count, waits) = seen.split_once(' ').unwrap();
            count.parse::<u32>().unwrap() >= 5 && waits == "true"
        });
        let id = id(&corten, "web");
        let mut waiting = corten.command();
        waiting.args(["wait", "web"]).stdout(std::process::Stdio::piped());
        let waiting = waiting.spawn().unwrap();
        corten.ok(&["stop", "web"]);
        assert_eq!(waiting.wait_with_output().unwrap().stdout, b"7\n");
        let exit = corten.root().join("containers").join(&id).join("exit.json");
        let exit: serde_json::Value =
            serde_json::from_slice(&std::fs::read(exit).unwrap()).unwrap();
        assert_eq!((&exit["code"], &exit["error"]), (&7.into(), &"".into()));
        // What is true of a boot goes with it.
        std::fs::remove_dir_all(corten.state().join("containers").join(id)).unwrap();
        let format = "{{.State.Status}} {{.State.ExitCode}} {{.State.Restarting}} {{.State.Error}}";
        assert_eq!(look(&corten, "web", format), "exited 7 false ");
        corten.ok(&["rm", "web"]);
    }

    #[test]
    fn a_foreground_run_ends_with_its_first_run() {
        let corten = corten();
        let finished = corten.run(&[
            "run",
            "--name",
            "front",
            "--restart",
            "always",
            "busybox",
            "sh",
            "-c",
            "echo out; exit 3",
        ]);
        assert_eq!((finished.code, finished.stdout.as_str()), (3, "out\n"));
        wait_until("it was started again", || look(&corten, "front", "{{.RestartCount}}") != "0");
        corten.ok(&["rm", "-f", "front"]);
    }

    #[test]
    fn a_killed_monitor_starts_nothing() {
        let corten = corten();
        corten.ok(&[
            "run",
            "-d",
            "--name",
            "lost",
            "--restart",
            "always",
            "busybox",
            "sleep",
            "1000",
        ]);
        let state = corten.state().join("containers").join(id(&corten, "lost")).join("state.json");
        let state: serde_json::Value =
            serde_json::from_slice(&std::fs::read(state).unwrap()).unwrap();
        for pid in ["monitor_pid", "pid"] {
            let pid = i32::try_from(state[pid].as_i64().unwrap()).unwrap();
            let pid = rustix::process::Pid::from_raw(pid).unwrap();
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        }
        wait_until("its end is seen", || {
            look(&corten, "lost", "{{.State.Status}} {{.State.ExitCode}}") == "exited 255"
        });
        corten.ok(&["rm", "lost"]);
    }

    #[test]
    fn policies_and_counts_that_make_no_sense_are_refused() {
        let corten = corten();
        for (flags, words) in [
            (&["--restart", "sometimes"][..], "on-unhealthy[:N], always, unless-stopped"),
            (&["--restart", "always:3"], "only on-failure and on-unhealthy take a count"),
            (&["--restart", "always", "--rm"], "--rm removes the container"),
            (&["--no-healthcheck", "--health-cmd", "true"], "it excludes the --health-... flags"),
            (&["--health-interval", "soon"], "it is no duration"),
            (&["--health-cmd", "true", "--health-interval", "10us"], "cannot be shorter than 1ms"),
            (&["--health-on-failure", "sing"], "none, kill, restart, stop"),
        ] {
            let stderr = corten.fails(&[&["run", "-d"], flags, &["busybox", "true"]].concat(), 125);
            assert!(stderr.contains(words), "{flags:?}: {stderr}");
        }
        assert_eq!(corten.ok(&["ps", "-aq"]), "");
    }

    /// A container whose check looks for a file, with short times.
    fn checked(corten: &Corten, name: &str, flags: &[&str]) {
        let check = [
            "--health-cmd",
            "echo looked; test ! -e /sick",
            "--health-interval",
            "50ms",
            "--health-retries",
            "2",
        ];
        let run = ["run", "-d", "--name", name];
        corten.ok(&[&run[..], &check, flags, &["busybox", "sleep", "1000"]].concat());
    }

    fn health(corten: &Corten, name: &str) -> String {
        look(corten, name, "{{.State.Health.Status}}")
    }

    #[test]
    fn health_is_what_the_check_says() {
        let corten = corten();
        checked(&corten, "well", &[]);
        wait_until("it is well", || health(&corten, "well") == "healthy");
        assert!(corten.ok(&["ps", "--format", "{{.Status}}"]).ends_with("(healthy)"));
        corten.ok(&["exec", "well", "touch", "/sick"]);
        wait_until("it is not", || health(&corten, "well") == "unhealthy");
        let log =
            look(&corten, "well", "{{range .State.Health.Log}}{{.ExitCode}} {{.Output}}{{end}}");
        assert!(log.contains("1 looked\n"), "{log}");
        assert_eq!(
            look(&corten, "well", "{{.State.Status}}"),
            "running",
            "nothing is done about it"
        );
        corten.ok(&["exec", "well", "rm", "/sick"]);
        wait_until("it is well again", || health(&corten, "well") == "healthy");
        let told = told(&corten, &id(&corten, "well"));
        let verdicts: Vec<&str> =
            told.iter().filter_map(|action| action.strip_prefix("health_status: ")).collect();
        assert_eq!(verdicts, ["healthy", "unhealthy", "healthy"]);
        corten.ok(&["rm", "-f", "well"]);
    }

    #[test]
    fn who_is_unhealthy_is_treated_as_asked() {
        let corten = corten();
        for (name, flags, status) in [
            ("killed", &["--health-on-failure", "kill"][..], "exited 137"),
            // Its first process is deaf to the signal that asks it to end.
            ("deaf", &["--health-on-failure", "stop", "--stop-timeout", "1"], "exited 137"),
            (
                "stopped",
                &["--health-on-failure", "stop", "--stop-signal", "KILL", "--restart", "always"],
                "exited 137",
            ),
        ] {
            checked(&corten, name, flags);
            corten.ok(&["exec", name, "touch", "/sick"]);
            assert_eq!(corten.ok(&["wait", name]), "137");
            assert_eq!(look(&corten, name, "{{.State.Status}} {{.State.ExitCode}}"), status);
        }
        for (name, flags) in [
            ("again", &["--health-on-failure", "restart"][..]),
            ("policy", &["--restart", "on-unhealthy"]),
        ] {
            checked(&corten, name, &[flags, &["--stop-signal", "KILL"]].concat());
            corten.ok(&["exec", name, "touch", "/sick"]);
            wait_until("it was started again", || look(&corten, name, "{{.RestartCount}}") != "0");
            corten.ok(&["rm", "-f", name]);
        }
    }

    #[test]
    fn a_check_that_hangs_or_never_stops_talking_is_ended() {
        let corten = corten();
        let run = [
            "run",
            "-d",
            "--health-interval",
            "50ms",
            "--health-timeout",
            "200ms",
            "--health-retries",
            "1",
        ];
        for (name, check) in
            [("hangs", "sleep 1000"), ("talks", "while :; do echo and another thing; done")]
        {
            corten.ok(&[
                &run[..],
                &["--name", name, "--health-cmd", check, "busybox", "sleep", "1000"],
            ]
            .concat());
            wait_until("it is unhealthy", || health(&corten, name) == "unhealthy");
            let first = look(
                &corten,
                name,
                "{{(index .State.Health.Log 0).ExitCode}} {{(index .State.Health.Log 0).Output}}",
            );
            assert_eq!(first, "-1 Health check exceeded timeout (200ms)");
            assert_eq!(corten.ok(&["exec", name, "echo", "still", "here"]), "still here");
            corten.ok(&["rm", "-f", name]);
        }
    }

    #[test]
    fn a_check_runs_when_somebody_asks() {
        let corten = corten();
        let name = "asked";
        checked(&corten, name, &["--health-interval", "1h"]);
        corten.ok(&["healthcheck", "run", name]);
        assert_eq!(health(&corten, name), "healthy");
        corten.ok(&["exec", name, "touch", "/sick"]);
        for verdict in ["healthy", "unhealthy"] {
            let asked = corten.run(&["healthcheck", "run", name]);
            assert_eq!((asked.code, asked.stdout.as_str()), (1, "unhealthy\n"), "of the probe");
            assert_eq!(health(&corten, name), verdict, "it counts as any other");
        }
        corten.ok(&["pause", name]);
        let error = corten.fails(&["healthcheck", "run", name], 1);
        assert!(error.contains("asked: it is paused"), "{error}");
        corten.ok(&["run", "-d", "--name", "plain", "busybox", "sleep", "1000"]);
        let error = corten.fails(&["healthcheck", "run", "plain"], 1);
        assert!(error.contains("without a health check"), "{error}");
        corten.ok(&["rm", "-f", name, "plain"]);
    }

    #[test]
    fn who_asks_for_a_check_is_answered_when_the_run_ends() {
        let corten = corten();
        let flags = ["--health-cmd", "touch /begun; sleep 1000", "--health-interval", "1h"];
        let run = ["run", "-d", "--name", "ends"];
        corten.ok(&[&run[..], &flags, &["busybox", "sleep", "1000"]].concat());
        let mut asked = corten.command().args(["healthcheck", "run", "ends"]).spawn().unwrap();
        wait_until("it has begun", || {
            corten.run(&["exec", "ends", "test", "-e", "/begun"]).code == 0
        });
        corten.ok(&["rm", "-f", "ends"]);
        assert_eq!(asked.wait().unwrap().code(), Some(1));
    }

    #[test]
    fn what_a_check_says_is_kept_up_to_a_length() {
        let corten = corten();
        let check = "yes | head -c 100000; exit 7";
        let run = ["run", "-d", "--name", "web", "--health-interval", "20ms", "--health-cmd"];
        corten.ok(&[&run[..], &[check, "busybox", "sleep", "1000"]].concat());
        let log =
            || look(&corten, "web", "{{range .State.Health.Log}}{{.ExitCode}} {{.Output}}{{end}}");
        wait_until("it was checked", || !log().is_empty());
        let first = look(&corten, "web", "{{(index .State.Health.Log 0).Output}}");
        assert!(first.starts_with("y\ny\n"), "{first}");
        // A template's own newline is cut by the test's trim.
        assert!((4095..=4099).contains(&first.len()), "{}", first.len());
    }

    /// Only what asks it to end keeps it down.
    #[test]
    fn a_signal_that_is_no_stop_leaves_the_policy_in_force() {
        let corten = corten();
        let script =
            "trap 'exit 5' USR1; trap 'exit 6' USR2; echo ready; while :; do sleep 0.01; done";
        let flags = ["run", "-d", "--name", "web", "--restart", "always", "--stop-signal", "USR2"];
        corten.ok(&[&flags[..], &["busybox", "sh", "-c", script]].concat());
        let hears = |runs: usize| {
            wait_until("it hears", || corten.ok(&["logs", "web"]).lines().count() == runs);
        };
        hears(1);
        corten.ok(&["kill", "-s", "USR1", "web"]);
        hears(2);
        assert_eq!(look(&corten, "web", "{{.RestartCount}}"), "1");
        corten.ok(&["restart", "web"]);
        hears(3);
        corten.ok(&["stop", "web"]);
        assert_eq!(look(&corten, "web", "{{.State.Status}} {{.State.ExitCode}}"), "exited 6");
    }

    #[test]
    fn a_paused_container_is_not_checked() {
        let corten = corten();
        checked(&corten, "still", &[]);
        wait_until("it is well", || health(&corten, "still") == "healthy");
        corten.ok(&["pause", "still"]);
        let file: PathBuf =
            corten.state().join("containers").join(id(&corten, "still")).join("health.json");
        // One that had begun may still end.
        let known = || std::fs::read(&file).unwrap();
        let before = std::cell::RefCell::new(known());
        wait_until("nothing more is written", || {
            let now = known();
            let same = now == *before.borrow();
            *before.borrow_mut() = now;
            same
        });
        assert_eq!(health(&corten, "still"), "healthy");
        corten.ok(&["unpause", "still"]);
        corten.ok(&["rm", "-f", "still"]);
    }

    #[test]
    fn the_images_check_counts_unless_it_is_turned_off() {
        let corten = corten();
        corten.ok(&["run", "--name", "base", "busybox", "true"]);
        corten.ok(&[
            "commit",
            "-c",
            "HEALTHCHECK --interval=50ms CMD echo from the image",
            "base",
            "checked",
        ]);
        corten.ok(&["run", "-d", "--name", "image", "checked", "sleep", "1000"]);
        wait_until("it is well", || health(&corten, "image") == "healthy");
        corten.ok(&["run", "-d", "--name", "none", "--no-healthcheck", "checked", "sleep", "1000"]);
        assert_eq!(look(&corten, "none", "{{.State.Health}}"), "<nil>");
        corten.ok(&["rm", "-f", "image", "none", "base"]);
    }
}
