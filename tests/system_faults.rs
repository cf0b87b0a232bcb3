//! Whole systems that go wrong: an init that hears no signal, one that makes processes without end, one that takes all memory. Each ends
//! within its own limits; those beside it, and everybody's monitor, live.

#[cfg(test)]
mod tests {
    use testkit::{Corten, wait_until};

    fn corten() -> Corten {
        Corten::with_busybox(env!("CARGO_BIN_EXE_corten"))
    }

    fn begin(corten: &Corten, name: &str, flags: &[&str], init: &[&str]) {
        let run = ["run", "-d", "--network", "none", "--system", "--ttys", "0", "--name", name];
        corten.ok(&[&run, flags, &["busybox"], init].concat());
    }

    /// An init that hears no signal: the kernel keeps those from a first process that it has no handler for. signal(7) of pid_namespaces(7).
    const DEAF: [&str; 3] = ["sh", "-c", "while :; do sleep 1000; done"];

    fn inspected(corten: &Corten, name: &str, template: &str) -> String {
        corten.ok(&["inspect", "--format", template, name])
    }

    const ENDED: &str = "{{.State.Status}} {{.State.ExitCode}}";

    /// What it was sent, in turn, and when.
    fn signals(corten: &Corten, name: &str) -> Vec<(String, u64)> {
        let format = "{{.Actor.Attributes.signal}} {{.TimeNano}}";
        let container = format!("container={name}");
        let past = ["events", "--since", "1h", "--until", "0s", "-f", "event=kill", "-f"];
        let told = corten.ok(&[&past[..], &[&container, "--format", format]].concat());
        let line = |line: &str| {
            let (signal, moment) = line.split_once(' ').unwrap();
            (signal.to_owned(), moment.parse().unwrap())
        };
        told.lines().map(line).collect()
    }

    fn numbers(signals: &[(String, u64)]) -> Vec<&str> {
        signals.iter().map(|(signal, _)| signal.as_str()).collect()
    }

    #[test]
    fn an_init_that_hears_nothing_is_killed_when_its_time_is_over() {
        let corten = corten();
        // Patience of its own, of the command, and none: 30 is SIGPWR, a shutdown for an init of no kind that is known.
        for (name, flags, words, patience_s) in [
            ("own", &["--stop-timeout", "1"][..], &["stop", "own"][..], 1),
            ("said", &[], &["stop", "--time", "2", "said"], 2),
            ("none", &[], &["stop", "-t", "0", "none"], 0),
        ] {
            // Neither a restart policy nor autostart brings it back.
            let flags = [&["--restart", "always", "--autostart"], flags].concat();
            begin(&corten, name, &flags, &DEAF);
            assert_eq!(corten.ok(words), name);
            assert_eq!(inspected(&corten, name, ENDED), "exited 137");
            let sent = signals(&corten, name);
            if patience_s == 0 {
                assert_eq!(numbers(&sent).last(), Some(&"9"), "{sent:?}");
                continue;
            }
            assert_eq!(numbers(&sent), ["30", "9"], "{name}");
            assert!(sent[1].1 - sent[0].1 >= patience_s * 1_000_000_000, "{name} {sent:?}");
        }
        assert_eq!(corten.ok(&["ps", "-q"]), "");
        // Its own way back, by the same patience.
        corten.ok(&["start", "own"]);
        corten.ok(&["restart", "own"]);
        assert_eq!(inspected(&corten, "own", ENDED), "running 0");
        corten.ok(&["rm", "-f", "own"]);
    }

    /// Who would not wait so long takes back the command, and nothing else: the container runs on, and is ended by another.
    #[test]
    fn a_stop_that_is_interrupted_kills_nobody() {
        let corten = corten();
        begin(&corten, "web", &["--stop-timeout", "1000"], &DEAF);
        let mut stop = corten.command().args(["stop", "web"]).spawn().unwrap();
        wait_until("it is asked", || numbers(&signals(&corten, "web")) == ["30"]);
        testkit::signal("INT", stop.id());
        assert!(!stop.wait().unwrap().success());
        assert_eq!(inspected(&corten, "web", ENDED), "running 0");
        corten.ok(&["stop", "-t", "0", "web"]);
        assert_eq!(inspected(&corten, "web", ENDED), "exited 137");
    }

    /// First processes and monitors of those that nothing may happen to.
    fn lives(corten: &Corten) -> Vec<[u32; 2]> {
        ["one", "two"].iter().map(|name| corten.pids(name)).collect()
    }

    fn are_well(corten: &Corten, before: &[[u32; 2]]) {
        assert_eq!(lives(corten), before);
        for name in ["one", "two"] {
            assert_eq!(corten.ok(&["exec", name, "echo", "well"]), "well");
            assert_eq!(inspected(corten, name, "{{.RestartCount}}"), "0");
        }
    }

    fn processes(corten: &Corten, name: &str) -> u32 {
        let format = ["stats", "--no-stream", "--format", "{{.PIDs}}", name];
        corten.ok(&format).trim().parse().unwrap()
    }

    #[test]
    fn a_fork_bomb_ends_at_its_limit() {
        let corten = corten();
        begin(&corten, "one", &[], &[]);
        begin(&corten, "two", &[], &[]);
        begin(&corten, "bomb", &["--pids-limit", "64"], &[]);
        let before = lives(&corten);
        let own = corten.pids("bomb");
        corten.ok(&["exec", "-d", "bomb", "sh", "-c", testkit::FORK_BOMB]);
        wait_until("it has all that it may have", || processes(&corten, "bomb") >= 64);
        for _ in 0..20 {
            // The kernel counts an attempt before it refuses it: kernel/cgroup/pids.c, `pids_try_charge`.
            assert!(processes(&corten, "bomb") < 128);
        }
        are_well(&corten, &before);
        assert_eq!(corten.pids("bomb"), own);
        // Nothing more begins in it, and that is told; it is ended all the same.
        let refused = corten.run(&["exec", "bomb", "true"]);
        assert!(refused.code == 0 || !refused.stderr.is_empty(), "{refused:?}");
        corten.ok(&["stop", "-t", "5", "bomb"]);
        assert!(inspected(&corten, "bomb", ENDED).starts_with("exited "));
        corten.ok(&["rm", "bomb"]);
        are_well(&corten, &before);
    }

    #[test]
    fn who_takes_too_much_memory_is_killed_in_its_own_system() {
        let corten = corten();
        begin(&corten, "one", &[], &[]);
        begin(&corten, "two", &[], &[]);
        begin(&corten, "hog", &["--memory", "24m", "--memory-swap", "24m"], &[]);
        let before = lives(&corten);
        let own = corten.pids("hog");
        let take = "x=$(head -c 200000000 /dev/zero | tr '\\0' x); echo ${#x}";
        for _ in 0..3 {
            let taken = corten.run(&["exec", "hog", "sh", "-c", take]);
            assert!(taken.code != 0 && taken.stdout.is_empty(), "{taken:?}");
            are_well(&corten, &before);
        }
        // Its init has taken nothing, and neither has its monitor.
        assert_eq!(corten.pids("hog"), own);
        assert_eq!(corten.ok(&["exec", "hog", "echo", "well"]), "well");
        // Files in memory stay when whoever wrote them is killed.
        let filled = corten.run(&["exec", "hog", "sh", "-c", "cat /dev/zero > /run/file"]);
        assert_ne!(filled.code, 0, "{filled:?}");
        assert_eq!(inspected(&corten, "hog", "{{.State.OOMKilled}}"), "true");
        are_well(&corten, &before);
        corten.ok(&["rm", "-f", "hog"]);
        are_well(&corten, &before);
    }
}
