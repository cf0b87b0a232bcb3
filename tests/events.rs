//! What is told as it happens: by commands, and by monitors that no command waits for.

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::process::{Child, Stdio};

    use testkit::{Corten, wait_until};

    fn corten() -> Corten {
        Corten::with_busybox(env!("CARGO_BIN_EXE_corten"))
    }

    /// `corten events` that follows.
    struct Following {
        child: Child,
        lines: BufReader<std::process::ChildStdout>,
    }

    impl Following {
        fn begin(corten: &Corten, args: &[&str]) -> Self {
            let mut command = corten.command();
            let mut child =
                command.arg("events").args(args).stdout(Stdio::piped()).spawn().unwrap();
            let lines = BufReader::new(child.stdout.take().unwrap());
            // It watches the directory before it looks.
            let fds = format!("/proc/{}/fd", child.id());
            wait_until("events are watched", || {
                std::fs::read_dir(&fds).unwrap().flatten().any(|fd| {
                    std::fs::read_link(fd.path()).is_ok_and(|to| to.ends_with("anon_inode:inotify"))
                }) && std::fs::read_to_string(format!("/proc/{}/wchan", child.id()))
                    .is_ok_and(|place| place.contains("poll"))
            });
            Self { child, lines }
        }

        /// Lines up to the one that has this in it.
        fn until(&mut self, last: &str) -> Vec<String> {
            let mut seen = Vec::new();
            loop {
                let mut line = String::new();
                assert!(self.lines.read_line(&mut line).unwrap() > 0, "{last:?} not in {seen:?}");
                seen.push(line.trim_end().to_owned());
                if line.contains(last) {
                    return seen;
                }
            }
        }
    }

    impl Drop for Following {
        fn drop(&mut self) {
            let _gone = self.child.kill();
            let _gone = self.child.wait();
        }
    }

    const ACTIONS: &str = "{{.Type}} {{.Action}} {{.Actor.Attributes.name}}";

    #[test]
    fn a_life_is_told_in_order_across_processes() {
        let corten = corten();
        let mut following = Following::begin(&corten, &["--format", ACTIONS]);
        corten.ok(&["run", "-d", "--name", "web", "busybox", "sleep", "1000"]);
        corten.ok(&["exec", "web", "true"]);
        corten.ok(&["pause", "web"]);
        corten.ok(&["unpause", "web"]);
        corten.ok(&["top", "web"]);
        corten.ok(&["rename", "web", "shop"]);
        corten.ok(&["update", "--pids-limit", "100", "shop"]);
        corten.ok(&["restart", "-t", "0", "shop"]);
        corten.ok(&["commit", "shop", "shop:1"]);
        corten.ok(&["export", "shop", "-o", corten.directory().join("x").to_str().unwrap()]);
        let copy = corten.directory().join("copy").display().to_string();
        corten.ok(&["cp", "-q", "shop:/etc/passwd", &copy]);
        corten.ok(&["cp", "-q", &copy, "shop:/copy"]);
        corten.ok(&["kill", "-s", "USR1", "shop"]);
        corten.ok(&["rm", "-f", "shop"]);
        let seen = following.until("destroy");
        let expected = [
            "create web",
            "start web",
            "exec_create: true web",
            "exec_start: true web",
            "exec_die web",
            "pause web",
            "unpause web",
            "top web",
            "rename shop",
            "update shop",
            "kill shop",
            "kill shop",
            "die shop",
            "stop shop",
            "start shop",
            "restart shop",
            "commit shop",
            "export shop",
            "archive-path shop",
            "extract-to-dir shop",
            "kill shop",
            "kill shop",
            "die shop",
            "destroy shop",
        ];
        let args = ["events", "--since", "1h", "--until", "0s", "-f", "event=rename", "--format"];
        let renamed = corten.ok(&[&args[..], &["{{.Actor.Attributes.oldName}}"]].concat());
        assert_eq!(renamed, "/web");
        let expected: Vec<String> =
            expected.iter().map(|words| format!("container {words}")).collect();
        let (networks, seen): (Vec<_>, Vec<_>) =
            seen.into_iter().partition(|words| words.starts_with("network "));
        assert_eq!(seen, expected);
        let expected = ["connect", "disconnect", "connect", "disconnect"];
        assert_eq!(networks, expected.map(|action| format!("network {action} bridge")));
    }

    #[test]
    fn images_are_told_and_filters_choose() {
        let corten = corten();
        let archive = corten.directory().join("busybox.tar");
        let archive = archive.to_str().unwrap();
        corten.ok(&["tag", "busybox", "other:2"]);
        corten.ok(&["save", "-o", archive, "busybox"]);
        corten.ok(&["rmi", "other:2"]);
        corten.ok(&["rmi", "busybox"]);
        corten.ok(&["load", "-q", "-i", archive]);
        corten.ok(&["run", "--rm", "--label", "tier=front", "--name", "one", "busybox", "true"]);
        assert_eq!(corten.run(&["run", "--name", "two", "busybox", "sh", "-c", "exit 7"]).code, 7);
        corten.ok(&["container", "prune", "-f"]);
        let past = |filters: &[&str]| {
            let mut args = vec!["events", "--since", "1h", "--until", "0s", "--format"];
            args.push("{{.Type}} {{.Action}}");
            filters.iter().for_each(|filter| args.extend(["--filter", filter]));
            corten.ok(&args).lines().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(
            past(&["type=image"]),
            [
                "image import",
                "image tag",
                "image save",
                "image untag",
                "image untag",
                "image delete",
                "image load"
            ]
        );
        let life = ["create", "attach", "start", "die", "destroy"];
        let life: Vec<String> = life.iter().map(|action| format!("container {action}")).collect();
        assert_eq!(past(&["container=one"]), life);
        assert_eq!(past(&["label=tier=front"]), life);
        assert_eq!(past(&["type=container", "event=prune"]), ["container prune"]);
        assert_eq!(past(&["event=start", "image=busybox"]).len(), 2);
        assert!(past(&["volume=data"]).is_empty() && past(&["daemon=x"]).is_empty());
        assert!(corten.fails(&["events", "--filter", "colour=red"], 1).contains("kind"));
        assert!(corten.fails(&["events", "--since", "yesterday"], 1).contains("--since"));
        let die = corten.ok(&[
            "events",
            "--since",
            "1h",
            "--until",
            "0s",
            "--filter",
            "event=die",
            "--filter",
            "container=two",
            "--format",
            "{{.From}} {{.Actor.Attributes.exitCode}} {{.Status}}",
        ]);
        assert_eq!(die, "busybox 7 die");
    }

    #[test]
    fn lines_are_dockers() {
        let corten = corten();
        let id = corten.ok(&["create", "--name", "web", "--label", "a=b", "busybox", "true"]);
        let args = ["events", "--since", "1h", "--until", "0s", "--filter", "event=create"];
        let line = corten.ok(&args);
        let (time, rest) = line.split_once(' ').unwrap();
        assert_eq!(rest, format!("container create {id} (a=b, image=busybox, name=web)"));
        assert!(time.len() >= 30 && time.contains('T') && time.contains('.'), "{time}");
        let json = corten.ok(&[&args[..], &["--format", "json"]].concat());
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!((&json["status"], &json["from"]), (&"create".into(), &"busybox".into()));
        assert_eq!((&json["Type"], &json["Action"]), (&"container".into(), &"create".into()));
        assert_eq!(json["Actor"]["Attributes"]["a"], "b");
        assert_eq!((&json["id"], &json["Actor"]["ID"]), (&id.clone().into(), &id.into()));
        assert_eq!(
            json["timeNano"].as_i64().unwrap() / 1_000_000_000,
            json["time"].as_i64().unwrap()
        );
    }

    /// A clock that is set back gives what happens now a time that has been.
    #[test]
    fn who_follows_hears_what_a_clock_that_was_set_back_tells() {
        let corten = corten();
        corten.ok(&["create", "--name", "web", "busybox", "true"]);
        let place = corten.state().join("events.log");
        let line = std::fs::read_to_string(&place).unwrap().lines().last().unwrap().to_owned();
        let mut event: serde_json::Value = serde_json::from_str(&line).unwrap();
        let mut append = |action: &str, hours: i64| {
            use std::io::Write;
            event["Action"] = action.into();
            let time_ns = event["timeNano"].as_i64().unwrap() + hours * 3_600_000_000_000;
            let mut moved = event.clone();
            moved["timeNano"] = time_ns.into();
            let mut file = std::fs::OpenOptions::new().append(true).open(&place).unwrap();
            writeln!(file, "{moved}").unwrap();
        };
        append("old", -3);
        append("tomorrow", 20);
        append("new", 0);
        let past =
            |args: &[&str]| corten.ok(&[&["events", "--format", "{{.Action}}"], args].concat());
        // One with a later time hides nothing behind it.
        assert_eq!(past(&["--since", "1h", "--until", "0s", "-f", "container=web"]), "create\nnew");
        let args = ["--since", "1h", "--format", "{{.Action}}", "-f", "container=web"];
        let mut following = Following::begin(&corten, &args);
        append("set-back", -2);
        append("last", 0);
        let seen = following.until("last");
        assert_eq!(seen, ["create", "tomorrow", "new", "set-back", "last"]);
    }

    /// Nobody but its monitor sees this one end and begin.
    #[test]
    fn restarts_and_health_are_told_by_the_monitor() {
        let corten = corten();
        let mut following = Following::begin(&corten, &["--format", ACTIONS]);
        corten.ok(&[
            "run",
            "-d",
            "--name",
            "web",
            "--restart",
            "on-failure:1",
            "--health-cmd",
            "true",
            "--health-interval",
            "10ms",
            "busybox",
            "sh",
            "-c",
            "[ -e /again ] && exec sleep 1000; touch /again; sleep 1; exit 1",
        ]);
        let seen = following.until("die");
        assert!(seen.contains(&"container health_status: healthy web".to_owned()), "{seen:?}");
        let again = ["network disconnect bridge", "network connect bridge", "container start web"];
        assert_eq!(following.until("start"), again);
    }

    /// Who hears of an end and looks sees it: thirty ends, each watched as closely as can be.
    #[test]
    fn an_end_is_told_when_it_can_be_seen() {
        let corten = corten();
        let log = corten.state().join("events.log");
        for round in 0..30 {
            let name = format!("web{round}");
            corten.ok(&["run", "-d", "--name", &name, "busybox", "sleep", "1000"]);
            let id = corten.ok(&["inspect", "-f", "{{.Id}}", &name]);
            let end = corten.root().join("containers").join(&id).join("exit.json");
            let seen = usize::try_from(std::fs::metadata(&log).unwrap().len()).unwrap();
            let mut killer = corten.command().args(["kill", &name]).spawn().unwrap();
            loop {
                let text = std::fs::read(&log).unwrap();
                let news = String::from_utf8_lossy(&text[seen..]);
                if news.lines().any(|line| line.contains("\"die\"") && line.contains(&id)) {
                    break;
                }
            }
            assert!(end.exists(), "round {round}");
            killer.wait().unwrap();
            corten.ok(&["rm", "-f", &name]);
        }
    }

    #[test]
    fn want_of_memory_is_told_while_the_container_runs_and_once() {
        let corten = corten();
        let limits = ["-m", "16m", "--memory-swap", "16m"];
        corten
            .ok(&[&["run", "-d", "--name", "web"], &limits[..], &["busybox", "sleep", "1000"]]
                .concat());
        let told = || {
            let text = std::fs::read_to_string(corten.state().join("events.log")).unwrap();
            text.lines().filter(|line| line.contains(r#""Action":"oom""#)).count()
        };
        assert_eq!(corten.run(&["exec", "web", "tail", "/dev/zero"]).code, 137);
        testkit::wait_until("it is told", || told() > 0);
        let format = "{{.State.Status}} {{.State.OOMKilled}} {{.RestartCount}}";
        let look = |name: &str| corten.ok(&["inspect", "-f", format, name]);
        assert_eq!(look("web"), "running true 0", "who hears of it sees it");
        let before = told();
        corten.ok(&["stop", "-t", "0", "web"]);
        assert_eq!(told(), before, "the end tells nothing again");
        assert_eq!(look("web"), "exited true 0");
        corten.ok(&["start", "web"]);
        assert_eq!(look("web"), "running false 0", "it is true of one run");
        corten.ok(&["rm", "-f", "web"]);
    }

    /// Neither a restart by policy nor a monitor that is gone changes what is true of which run.
    #[test]
    fn want_of_memory_is_true_of_its_run() {
        let corten = corten();
        let flags = ["-m", "16m", "--memory-swap", "16m", "--restart", "always"];
        corten
            .ok(&[&["run", "-d", "--name", "web"], &flags[..], &["busybox", "sleep", "1000"]]
                .concat());
        let format = "{{.State.Status}} {{.State.OOMKilled}} {{.RestartCount}}";
        let look = || corten.ok(&["inspect", "-f", format, "web"]);
        let state = corten.state().join("containers");
        let state = state.join(corten.ok(&["inspect", "-f", "{{.Id}}", "web"])).join("state.json");
        let kill = |what: &str| {
            let state: serde_json::Value =
                serde_json::from_slice(&std::fs::read(&state).unwrap()).unwrap();
            let pid = i32::try_from(state[what].as_i64().unwrap()).unwrap();
            let pid = rustix::process::Pid::from_raw(pid).unwrap();
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        };
        for restarts in 0..2 {
            assert_eq!(look(), format!("running false {restarts}"));
            assert_eq!(corten.run(&["exec", "web", "tail", "/dev/zero"]).code, 137);
            testkit::wait_until("it is seen", || look() == format!("running true {restarts}"));
            if restarts == 0 {
                kill("pid");
                testkit::wait_until("it was started again", || look().starts_with("running false"));
            }
        }
        kill("monitor_pid");
        assert_eq!(look(), "running true 1");
        kill("pid");
        testkit::wait_until("its end is seen", || look() == "exited true 0");
        corten.ok(&["rm", "web"]);
    }
}
