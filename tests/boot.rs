//! The end of a machine and its beginning: what is true of containers afterwards, and which of them run again.
//!
//! What a reboot takes is taken by hand: processes, control groups, and the state directory, or the boot that it names.

#[cfg(test)]
mod tests {
    use std::path::Path;

    use testkit::{Corten, wait_until};

    fn corten() -> Corten {
        Corten::with_busybox(env!("CARGO_BIN_EXE_corten"))
    }

    fn made(corten: &Corten, name: &str, flags: &[&str], script: &str) -> String {
        let args = [&["run", "-d", "--name", name][..], flags, &["busybox", "sh", "-c", script]];
        corten.ok(&args.concat())
    }

    fn kill(pid: &serde_json::Value) {
        let pid = pid.as_i64().and_then(|pid| i32::try_from(pid).ok());
        if let Some(pid) = pid.and_then(rustix::process::Pid::from_raw) {
            let _gone = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }

    fn remove_groups(id: &str) {
        let mut groups = vec![Path::new("/sys/fs/cgroup").join("corten").join(id)];
        groups.extend(
            std::fs::read_dir("/sys/fs/cgroup")
                .unwrap()
                .flatten()
                .map(|hierarchy| hierarchy.path().join("corten").join(id)),
        );
        for group in groups.iter().filter(|group| group.exists()) {
            wait_until("its processes have left", || std::fs::remove_dir(group).is_ok());
        }
    }

    /// Nothing of it runs, and nobody wrote that down.
    fn cut_power(corten: &Corten) {
        for directory in std::fs::read_dir(corten.state().join("containers")).unwrap().flatten() {
            let Ok(text) = std::fs::read(directory.path().join("state.json")) else { continue };
            let state: serde_json::Value = serde_json::from_slice(&text).unwrap();
            // One that has ended has given its numbers away.
            let monitor = state["monitor_pid"].as_i64().unwrap();
            let about = std::fs::read_to_string(format!("/proc/{monitor}/cmdline"));
            if !about.is_ok_and(|words| words.contains("monitor")) {
                continue;
            }
            kill(&state["monitor_pid"]);
            if state["pid"].as_i64() != Some(0) {
                kill(&state["pid"]);
            }
            remove_groups(directory.file_name().to_str().unwrap());
        }
    }

    const FORMAT: &str = "{{.Names}} {{.State}} {{.Status}}";

    /// Names and states, without how long ago.
    fn states(corten: &Corten) -> Vec<String> {
        let listed = corten.ok(&["ps", "-a", "--format", FORMAT]);
        let mut states: Vec<String> = listed
            .lines()
            .map(|line| line.split(' ').take(4).collect::<Vec<_>>().join(" "))
            .map(|line| line.split_once(" Up").map_or(line.clone(), |(head, _)| head.to_owned()))
            .collect();
        states.sort();
        states
    }

    fn population(corten: &Corten) {
        let forever = "exec sleep 1000";
        made(corten, "always", &["--restart", "always"], forever);
        made(corten, "always-stopped", &["--restart", "always"], forever);
        made(corten, "unless", &["--restart", "unless-stopped"], forever);
        made(corten, "unless-stopped", &["--restart", "unless-stopped"], forever);
        made(corten, "failing", &["--restart", "on-failure"], forever);
        made(corten, "failing-stopped", &["--restart", "on-failure"], forever);
        made(corten, "plain", &[], forever);
        made(corten, "gone", &["--rm"], forever);
        made(corten, "done", &["--restart", "on-failure"], "exit 0");
        corten.ok(&["create", "--restart", "always", "--name", "never", "busybox", "true"]);
        corten.ok(&["stop", "-t", "0", "always-stopped", "unless-stopped", "failing-stopped"]);
        corten.ok(&["wait", "done"]);
    }

    const AFTER: [&str; 9] = [
        "always exited Exited (255)",
        "always-stopped exited Exited (137)",
        "done exited Exited (0)",
        "failing exited Exited (255)",
        "failing-stopped exited Exited (137)",
        "never created Created",
        "plain exited Exited (255)",
        "unless exited Exited (255)",
        "unless-stopped exited Exited (137)",
    ];

    fn begin_again(corten: &Corten) {
        assert_eq!(states(corten), AFTER);
        let started = corten.ok(&["system", "start-all"]);
        let expected = ["always", "always-stopped", "unless", "failing"];
        assert_eq!(started.lines().collect::<Vec<_>>(), expected);
        assert_eq!(corten.ok(&["system", "start-all"]), "");
        let mut running: Vec<String> =
            corten.ok(&["ps", "--format", "{{.Names}}"]).lines().map(str::to_owned).collect();
        running.sort();
        assert_eq!(running, ["always", "always-stopped", "failing", "unless"]);
    }

    #[test]
    fn a_reboot_takes_the_state_and_nothing_else() {
        let corten = corten();
        population(&corten);
        cut_power(&corten);
        std::fs::remove_dir_all(corten.state()).unwrap();
        begin_again(&corten);
    }

    /// A whole system in a network, which starts with the machine, in this turn.
    fn system(corten: &Corten, name: &str, order: &str, flags: &[&str]) {
        let run = ["run", "-d", "--system", "--ttys", "0", "--network", "web", "--name", name];
        let turn = ["--autostart", "--autostart-order", order, "--autostart-delay", "1"];
        corten.ok(&[&run, &turn[..], flags, &["busybox"]].concat());
    }

    fn place(corten: &Corten, name: &str) -> String {
        let networks = "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{.MacAddress}}{{end}}";
        corten.ok(&["inspect", "-f", networks, name])
    }

    /// By its name, from another one; and from the machine, by its port.
    fn are_reached(corten: &Corten) {
        corten.ok(&["exec", "front", "ping", "-c", "1", "-W", "5", "store"]);
        corten.ok(&["exec", "store", "httpd", "-h", "/etc"]);
        wait_until("its port answers", || {
            std::net::TcpStream::connect(("127.0.0.1", 8071)).is_ok_and(|mut stream| {
                use std::io::{Read as _, Write as _};
                let mut answer = String::new();
                let asked = stream.write_all(b"GET /hostname HTTP/1.0\r\n\r\n");
                asked.and_then(|()| stream.read_to_string(&mut answer)).is_ok()
                    && answer.ends_with("\r\n\r\nstore\n")
            })
        });
    }

    /// Interfaces are there no more, nor rules, nor who answers for names.
    #[test]
    fn a_reboot_takes_networks_and_brings_them_back() {
        let corten = corten();
        corten.ok(&["network", "create", "--subnet", "10.7.0.0/24", "web"]);
        let plain =
            ["run", "-d", "--network", "web", "--name", "plain", "busybox", "sleep", "1000"];
        corten.ok(&plain);
        let port = ["-p", "127.0.0.1:8071:80", "--autostart-group", "onboot"];
        system(&corten, "store", "7", &port);
        system(&corten, "front", "3", &["--autostart-group", "onboot"]);
        system(&corten, "last", "-9", &["--restart", "always"]);
        system(&corten, "other", "1", &["--autostart-group", "by-hand"]);
        are_reached(&corten);
        let names = ["front", "store", "last"];
        let places = names.map(|name| place(&corten, name));
        cut_power(&corten);
        if let Some(pid) = corten.resolver() {
            testkit::signal("KILL", pid);
        }
        std::fs::remove_dir_all(corten.state()).unwrap();
        testkit::enter_another_host();

        assert_eq!(corten.ok(&["system", "start-all"]).lines().collect::<Vec<_>>(), names);
        let mut running = corten.ok(&["ps", "--format", "{{.Names}}"]);
        running = running.lines().rev().collect::<Vec<_>>().join(" ");
        assert_eq!(running.split(' ').count(), 3, "{running}");
        assert_eq!(names.map(|name| place(&corten, name)), places);
        are_reached(&corten);
        let began = |name| {
            let past = ["events", "--since", "1h", "--until", "0s", "-f", "event=start", "-f"];
            let container = format!("container={name}");
            let told = corten.ok(&[&past[..], &[&container, "--format", "{{.TimeNano}}"]].concat());
            told.lines().last().unwrap().parse::<u64>().unwrap()
        };
        let began = names.map(began);
        for pair in began.windows(2) {
            assert!(pair[1] - pair[0] >= 1_000_000_000, "{began:?}");
        }
        // Whoever comes next takes none of what is theirs.
        corten.ok(&["start", "plain", "other"]);
        assert_eq!(names.map(|name| place(&corten, name)), places);
        let all = ["front", "store", "last", "other", "plain"];
        corten.ok(&[&["rm", "-f"], &all[..]].concat());
        corten.ok(&["network", "rm", "web"]);
        let left = std::process::Command::new("ip").args(["-o", "link"]).output().unwrap().stdout;
        let left = String::from_utf8(left).unwrap();
        assert!(left.lines().all(|line| line.contains(": lo:")), "{left}");
    }

    /// Where the state directory is on a disk, the boot that it names tells.
    #[test]
    fn the_state_of_another_boot_is_no_state() {
        let corten = corten();
        population(&corten);
        cut_power(&corten);
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
        for directory in std::fs::read_dir(corten.state().join("containers")).unwrap().flatten() {
            let path = directory.path().join("state.json");
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            // Whatever has the number now.
            let text = text.replace(boot.trim(), "00000000-0000-0000-0000-000000000000");
            #[expect(clippy::disallowed_methods, reason = "a test's own file")]
            std::fs::write(&path, text).unwrap();
        }
        begin_again(&corten);
    }

    #[test]
    fn a_shutdown_stops_everything_and_nothing_counts_as_stopped() {
        let corten = corten();
        let term = "trap 'exit 3' TERM; while :; do sleep 0.01; done";
        made(&corten, "unless", &["--restart", "unless-stopped"], term);
        made(&corten, "failing", &["--restart", "on-failure"], term);
        made(&corten, "plain", &[], term);
        made(&corten, "deaf", &["--restart", "always"], "exec sleep 1000");
        corten.ok(&["pause", "plain"]);
        let stopped = corten.ok(&["system", "stop-all", "-t", "1"]);
        assert_eq!(stopped.lines().count(), 4, "{stopped}");
        assert_eq!(corten.ok(&["ps", "-q"]), "");
        let ended = [
            "deaf exited Exited (137)",
            "failing exited Exited (3)",
            "plain exited Exited (3)",
            "unless exited Exited (3)",
        ];
        assert_eq!(states(&corten), ended);
        let started = corten.ok(&["system", "start-all"]);
        assert_eq!(started.lines().collect::<Vec<_>>(), ["unless", "failing", "deaf"]);
    }

    /// Nobody lives longer because somebody else may.
    #[test]
    fn a_shutdown_waits_for_each_as_long_as_it_may_take() {
        let corten = corten();
        let deaf = "exec sleep 1000";
        made(&corten, "short", &["--stop-timeout", "1"], deaf);
        made(&corten, "middle", &["--stop-timeout", "2"], deaf);
        made(&corten, "long", &["--stop-timeout", "3"], deaf);
        // Seen to in the order of the list, the newest first, all would end with the long one.
        let stopped = corten.ok(&["system", "stop-all"]);
        assert_eq!(stopped.lines().collect::<Vec<_>>(), ["short", "middle", "long"]);
        let format = "{{.Actor.Attributes.name}} {{.Actor.Attributes.signal}} {{.TimeNano}}";
        let past = ["events", "--since", "1h", "--until", "0s", "-f", "event=kill", "--format"];
        let told = corten.ok(&[&past[..], &[format]].concat());
        for (name, least) in [("short", 1), ("middle", 2), ("long", 3)] {
            let at = |signal: &str| {
                let line = told.lines().find(|line| line.starts_with(&format!("{name} {signal} ")));
                line.unwrap().rsplit(' ').next().unwrap().parse::<i64>().unwrap()
            };
            let lived = at("9") - at("15");
            assert!((least..least + 2).contains(&(lived / 1_000_000_000)), "{name} {lived}");
        }
    }

    #[test]
    fn one_that_cannot_start_does_not_keep_the_others() {
        let corten = corten();
        let missing = corten.directory().join("source");
        std::fs::create_dir(&missing).unwrap();
        let mount = format!("type=bind,source={},target=/x", missing.display());
        made(&corten, "bad", &["--restart", "always", "--mount", &mount], "exec sleep 1000");
        made(&corten, "good", &["--restart", "always"], "exec sleep 1000");
        corten.ok(&["stop", "-t", "0", "bad", "good"]);
        std::fs::remove_dir(&missing).unwrap();
        let finished = corten.run(&["system", "start-all"]);
        assert_eq!((finished.code, finished.stdout.as_str()), (1, "good\n"), "{finished:?}");
        assert!(finished.stderr.contains("start container bad"), "{finished:?}");
    }

    fn state(corten: &Corten, id: &str) -> serde_json::Value {
        let file = corten.state().join("containers").join(id).join("state.json");
        serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
    }

    #[test]
    fn one_that_waits_to_be_started_again_is_left_to_its_monitor() {
        let corten = corten();
        let id = made(&corten, "again", &["--restart", "always"], "exit 7");
        // The waits double: this one is longer than a second.
        wait_until("it waits", || {
            let format = "{{.RestartCount}} {{.State.Restarting}}";
            let seen = corten.ok(&["inspect", "-f", format, "again"]);
            let (count, waits) = seen.split_once(' ').unwrap();
            count.parse::<u32>().unwrap() >= 5 && waits == "true"
        });
        let monitor = state(&corten, &id)["monitor_pid"].clone();
        let finished = corten.run(&["system", "start-all"]);
        assert_eq!((finished.code, finished.stdout + &finished.stderr), (0, String::new()));
        assert_eq!(state(&corten, &id)["monitor_pid"], monitor);
        corten.ok(&["rm", "-f", "again"]);
    }

    /// A monitor that has written the end down and has not gone yet: whoever tells an event waits for those who read it.
    #[test]
    fn one_whose_monitor_lives_is_left_to_it() {
        let corten = corten();
        let script = "[ -e /again ] && exec sleep 1000; touch /again; exit 1";
        let id = made(&corten, "web", &["--restart", "on-failure:1"], script);
        let format = "{{.RestartCount}} {{.State.Status}} {{.State.ExitCode}}";
        let look = || corten.ok(&["inspect", "-f", format, "web"]);
        wait_until("its last run", || look() == "1 running 0");
        let events = corten.state().join("events.log");
        std::fs::remove_file(&events).unwrap();
        let made = std::process::Command::new("mkfifo").arg(&events).status().unwrap();
        assert!(made.success());
        kill(&state(&corten, &id)["pid"]);
        let exit = corten.root().join("containers").join(&id).join("exit.json");
        wait_until("its end is written down", || exit.exists());
        assert_eq!(look(), "1 exited 137");
        let mut start = corten.command();
        let start = start.args(["system", "start-all"]).stdout(std::process::Stdio::piped());
        let mut start = start.stderr(std::process::Stdio::piped()).spawn().unwrap();
        // Who would start it waits for its monitor.
        let begun = std::time::Instant::now();
        let is_late = || begun.elapsed() > std::time::Duration::from_secs(10);
        wait_until("it is passed over", || start.try_wait().unwrap().is_some() || is_late());
        let _ended = start.kill();
        let finished = start.wait_with_output().unwrap();
        // The monitor goes on, and finds another file under the name.
        let reader = std::fs::File::open(&events).unwrap();
        std::fs::remove_file(&events).unwrap();
        assert_eq!(finished.status.code(), Some(0), "{finished:?}");
        assert_eq!((finished.stdout, finished.stderr), (Vec::new(), Vec::new()));
        assert_eq!(look(), "1 exited 137");
        drop(reader);
        // Once it is gone it is started as any other.
        wait_until("it is started", || corten.ok(&["system", "start-all"]) == "web");
        corten.ok(&["rm", "-f", "web"]);
    }

    #[test]
    fn the_unit_names_the_program_and_its_directories() {
        let corten = corten();
        let unit = corten.ok(&["system", "install-units", "--print"]);
        let program = env!("CARGO_BIN_EXE_corten");
        let (root, state) = (corten.root(), corten.state());
        let line = format!(
            "\"{program}\" --root \"{}\" --state \"{}\" system",
            root.display(),
            state.display()
        );
        assert!(unit.contains(&format!("ExecStart={line} start-all\n")), "{unit}");
        assert!(unit.contains(&format!("ExecStop={line} stop-all\n")), "{unit}");
        assert!(unit.contains("After=local-fs.target network-online.target"), "{unit}");
    }

    /// Who ends a service or a session ends what is in its group, and a monitor is not.
    #[test]
    fn a_monitor_lives_in_a_group_of_its_own() {
        let corten = Corten::with_busybox(env!("CARGO_BIN_EXE_corten"));
        let unified = |mount: &&str| std::path::Path::new(mount).join("cgroup.procs").exists();
        let mounts = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"];
        let Some(_mount) = mounts.iter().find(|mount| unified(mount)) else {
            eprintln!("skipped: this machine has no unified hierarchy");
            return;
        };
        let id = corten.ok(&["run", "-d", "busybox", "sleep", "1000"]);
        let file = corten.state().join("containers").join(&id).join("state.json");
        let state: serde_json::Value =
            serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        let group = |pid: &serde_json::Value| {
            let text = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
            text.lines().find_map(|line| line.strip_prefix("0::")).unwrap().to_owned()
        };
        assert!(group(&state["monitor_pid"]).ends_with("/corten-monitors"));
        assert!(group(&state["pid"]).ends_with(&format!("/corten/{id}")));
        corten.ok(&["rm", "-f", &id]);
    }
}
