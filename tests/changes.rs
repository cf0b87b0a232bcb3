//! Containers that become other while they are: `rename`, `restart`, `update`, `port`; and what `stats` says of them.

#[cfg(test)]
mod tests {
    use testkit::{Corten, wait_until};

    fn corten() -> Corten {
        Corten::with_busybox(env!("CARGO_BIN_EXE_corten"))
    }

    fn sleeper(corten: &Corten, name: &str, flags: &[&str]) -> String {
        let args = [&["run", "-d", "--name", name][..], flags, &["busybox", "sleep", "1000"]];
        corten.ok(&args.concat())
    }

    /// A limit of a container's group, of whichever version this machine has.
    fn limit(id: &str, old: &str, new: &str) -> String {
        let (controller, file) = old.split_once('/').unwrap();
        let old = format!("/sys/fs/cgroup/{controller}/corten/{id}/{file}");
        let new = format!("/sys/fs/cgroup/corten/{id}/{new}");
        let text = std::fs::read_to_string(old).or_else(|_v2| std::fs::read_to_string(new));
        text.unwrap().trim().to_owned()
    }

    #[test]
    fn rename_is_dockers() {
        let corten = corten();
        let id = sleeper(&corten, "web", &[]);
        corten.ok(&["create", "--name", "other", "busybox"]);
        assert!(corten.fails(&["rename", "web", "other"], 1).contains("other"));
        assert!(corten.fails(&["rename", "web", "web"], 1).contains("own"));
        assert!(corten.fails(&["rename", "web", "x y"], 1).contains("container name"));
        assert!(corten.fails(&["rename", "none", "x1"], 1).contains("no such container: none"));
        corten.ok(&["rename", "web", "shop"]);
        corten.ok(&["container", "rename", "other", "web"]);
        assert_eq!(
            corten.ok(&["inspect", "-f", "{{.Id}} {{.Name}}", "shop"]),
            format!("{id} /shop")
        );
        assert_eq!(corten.ok(&["exec", "shop", "hostname"]), id[..12]);
    }

    #[test]
    fn restart_starts_what_runs_and_what_does_not() {
        let corten = corten();
        let id = sleeper(&corten, "web", &["--rm"]);
        let pid = || corten.ok(&["inspect", "-f", "{{.State.Pid}}", "web"]);
        let first = pid();
        assert_eq!(corten.ok(&["restart", "-t", "0", "web"]), "web");
        let second = pid();
        assert_ne!(first, second);
        // It was to be removed at its end, and the restart is none.
        assert_eq!(corten.ok(&["ps", "-q", "--no-trunc"]), id);
        corten.ok(&["rm", "-f", "web"]);
        corten.ok(&["create", "--name", "web", "busybox", "sleep", "1000"]);
        corten.ok(&["restart", "web"]);
        corten.ok(&["pause", "web"]);
        corten.ok(&["restart", "-s", "KILL", "web"]);
        corten.ok(&["kill", "web"]);
        corten.ok(&["wait", "web"]);
        let finished = corten.run(&["restart", "none", "web"]);
        assert_eq!((finished.code, finished.stdout.as_str()), (1, "web\n"));
        assert!(finished.stderr.contains("no such container: none"), "{finished:?}");
    }

    #[test]
    fn update_changes_what_runs_and_what_is_started_again() {
        let corten = corten();
        let id = sleeper(&corten, "web", &["-m", "64m", "--pids-limit", "50"]);
        let memory = || limit(&id, "memory/memory.limit_in_bytes", "memory.max");
        let pids = || limit(&id, "pids/pids.max", "pids.max");
        assert_eq!((memory(), pids()), ("67108864".to_owned(), "50".to_owned()));
        let flags = ["-m", "100m", "--cpus", "0.5", "--pids-limit", "77", "--restart", "always"];
        assert_eq!(corten.ok(&[&["update"][..], &flags, &["web"]].concat()), "web");
        assert_eq!((memory(), pids()), ("104857600".to_owned(), "77".to_owned()));
        let format = "{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{.HostConfig.NanoCpus}} {{.HostConfig.PidsLimit}} {{.HostConfig.RestartPolicy.Name}}";
        let known = "104857600 134217728 500000000 77 always";
        assert_eq!(corten.ok(&["inspect", "-f", format, "web"]), known);
        // Refused as a whole.
        let refused = ["update", "--pids-limit", "5", "-m", "1g", "web"];
        assert!(corten.fails(&refused, 1).contains("--memory-swap"));
        let told = corten.fails(&["update", "--cpu-quota", "1000", "web"], 1);
        assert!(told.contains("invalid cpu-quota \"1000\"") && told.contains("CPUs"), "{told}");
        assert!(corten.fails(&["update", "web"], 1).contains("nothing is to be changed"));
        let error = corten.fails(&["update", "--blkio-weight", "5", "web"], 1);
        assert!(error.contains("invalid blkio-weight \"5\""), "in the words of run: {error}");
        assert_eq!(corten.ok(&["inspect", "-f", format, "web"]), known);
        assert_eq!((memory(), pids()), ("104857600".to_owned(), "77".to_owned()));
        // The kernel takes the first and refuses the second.
        let refused = ["update", "--pids-limit", "5", "--cpuset-cpus", "4000", "web"];
        let told = corten.fails(&refused, 1);
        assert!(told.contains("set cpuset.cpus to \"4000\": there are 0"), "{told}");
        assert_eq!(corten.ok(&["inspect", "-f", format, "web"]), known);
        assert_eq!((memory(), pids()), ("104857600".to_owned(), "77".to_owned()));
        corten.ok(&["update", "--cpu-shares", "512", "--memory-reservation", "32m", "web"]);
        let further = "{{.HostConfig.CpuShares}} {{.HostConfig.MemoryReservation}}";
        assert_eq!(corten.ok(&["inspect", "-f", further, "web"]), "512 33554432");
        assert_eq!(
            limit(&id, "memory/memory.soft_limit_in_bytes", "memory.low"),
            "33554432".to_owned()
        );
        // 0 says nothing, to the record as to the kernel.
        let lifted = ["update", "--cpus", "0", "--memory-reservation", "0", "--memory", "0", "web"];
        corten.ok(&lifted);
        assert_eq!(corten.ok(&["inspect", "-f", format, "web"]), known);
        assert_eq!(corten.ok(&["inspect", "-f", further, "web"]), "512 33554432");
        // The monitor starts it by what it was told since.
        let pid: i32 = corten.ok(&["inspect", "-f", "{{.State.Pid}}", "web"]).parse().unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        wait_until("it was started again", || {
            corten.ok(&["inspect", "-f", "{{.RestartCount}} {{.State.Status}}", "web"])
                == "1 running"
        });
        assert_eq!((memory(), pids()), ("104857600".to_owned(), "77".to_owned()));
        let rm = sleeper(&corten, "once", &["--rm"]);
        assert!(corten.fails(&["update", "--restart", "always", &rm], 1).contains("--rm"));
    }

    /// Limits that it never had, too: nothing of the record says what those were.
    #[test]
    fn update_that_the_kernel_refuses_half_way_changes_nothing() {
        let corten = corten();
        let id = sleeper(&corten, "web", &["--restart", "always"]);
        let files = || {
            [
                ("memory/memory.limit_in_bytes", "memory.max"),
                ("memory/memory.soft_limit_in_bytes", "memory.low"),
                ("cpu/cpu.shares", "cpu.weight"),
                ("cpu/cpu.cfs_quota_us", "cpu.max"),
                ("pids/pids.max", "pids.max"),
                ("cpuset/cpuset.cpus", "cpuset.cpus"),
            ]
            .map(|(old, new)| limit(&id, old, new))
        };
        let record = || {
            let document = corten.ok(&["inspect", "-f", "{{json .HostConfig}}", "web"]);
            let pid = corten.ok(&["inspect", "-f", "{{.State.Pid}}", "web"]);
            (document, pid)
        };
        let (before, recorded) = (files(), record());
        let flags = ["-m", "64m", "--memory-reservation", "32m", "--cpu-shares", "300"];
        let more = ["--cpus", "0.5", "--pids-limit", "9", "--restart", "no"];
        let update =
            |cpus| [&["update"][..], &flags, &more, &["--cpuset-cpus", cpus, "web"]].concat();
        assert!(corten.fails(&update("4000"), 1).contains("cpuset.cpus"));
        assert_eq!(files(), before);
        assert_eq!(record(), recorded);
        // Its monitor was not told either.
        let pid = rustix::process::Pid::from_raw(recorded.1.parse().unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
        wait_until("it was started again", || {
            corten.ok(&["inspect", "-f", "{{.RestartCount}} {{.State.Status}}", "web"])
                == "1 running"
        });
        assert_eq!(files(), before);
        // The same without what is refused is something else in each file but the last.
        corten.ok(&update("0"));
        for (now, before) in files().iter().zip(&before).take(5) {
            assert_ne!(now, before);
        }
        // A limit that there was is there again.
        let between = (files(), record());
        let refused =
            ["update", "-m", "128m", "--memory-swap", "-1", "--cpuset-cpus", "4000", "web"];
        corten.fails(&refused, 1);
        assert_eq!((files(), record()), between);
    }

    #[test]
    fn wait_knows_conditions() {
        let corten = corten();
        let wait = |condition: &str, name: &str| {
            let child = corten
                .command()
                .args(["wait", "-i", "1h", "--condition", condition, name])
                .stdout(std::process::Stdio::piped())
                .spawn();
            let child = child.unwrap();
            // It watches before it looks.
            let place = format!("/proc/{}/wchan", child.id());
            wait_until("it waits", || {
                std::fs::read_to_string(&place).is_ok_and(|place| place.contains("poll"))
            });
            child
        };
        let said = |child: std::process::Child| {
            let output = child.wait_with_output().unwrap();
            String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
        };
        corten.ok(&[
            "create",
            "--name",
            "web",
            "--health-cmd",
            "test -e /well",
            "--health-interval",
            "20ms",
            "--health-retries",
            "1",
            "busybox",
            "sleep",
            "1000",
        ]);
        assert_eq!(corten.ok(&["wait", "--condition", "created", "web"]), "-1");
        assert_eq!(corten.ok(&["wait", "--condition", "running,not-running", "web"]), "-1");
        let running = wait("running", "web");
        let unhealthy = wait("unhealthy", "web");
        let next = wait("next-exit", "web");
        corten.ok(&["start", "web"]);
        assert_eq!((said(running).as_str(), said(unhealthy).as_str()), ("-1", "-1"));
        let healthy = wait("healthy", "web");
        corten.ok(&["exec", "web", "touch", "/well"]);
        assert_eq!(said(healthy), "-1");
        let paused = wait("paused", "web");
        corten.ok(&["pause", "web"]);
        assert_eq!(said(paused), "-1");
        let exited = wait("stopped", "web");
        corten.ok(&["unpause", "web"]);
        corten.ok(&["kill", "web"]);
        assert_eq!((said(exited).as_str(), said(next).as_str()), ("137", "137"));
        let removed = wait("removed", "web");
        corten.ok(&["rm", "web"]);
        assert_eq!(said(removed), "-1");
        // Gone before anybody can look.
        sleeper(&corten, "once", &["--rm"]);
        let gone = wait("not-running", "once");
        corten.ok(&["kill", "once"]);
        assert_eq!(said(gone), "137");
    }

    #[test]
    fn conditions_and_intervals_that_make_no_sense_are_refused() {
        let corten = corten();
        assert!(corten.fails(&["wait", "--condition", "happy", "x"], 1).contains("next-exit"));
        let nothing = ["wait", "-i", "0", "--condition", "exited", "x"];
        assert!(corten.fails(&nothing, 1).contains("250ms"));
        let none = ["wait", "--condition", "removed", "none"];
        assert!(corten.fails(&none, 1).contains("no such container"));
    }

    #[test]
    fn port_of_a_container_without_ports() {
        let corten = corten();
        sleeper(&corten, "web", &[]);
        assert_eq!(corten.ok(&["port", "web"]), "");
        let refused = corten.fails(&["port", "web", "80"], 1);
        assert!(refused.contains("no public port '80/tcp' published for web"), "{refused}");
        assert!(corten.fails(&["port", "none"], 1).contains("no such container"));
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table of filters")]
    fn filters_of_ps_are_dockers() {
        let corten = corten();
        let web = sleeper(
            &corten,
            "web-1",
            &[
                "--label",
                "tier=front",
                "-v",
                "data:/srv",
                "--health-cmd",
                "true",
                "--health-interval",
                "20ms",
            ],
        );
        let commit = ["commit", "-c", "EXPOSE 8080", "-c", "EXPOSE 53/udp", "web-1", "derived:1"];
        corten.ok(&commit);
        corten.ok(&[
            "run",
            "-d",
            "--name",
            "shop",
            "--network",
            "host",
            "derived:1",
            "sleep",
            "99",
        ]);
        assert_eq!(corten.run(&["run", "--name", "done", "busybox", "sh", "-c", "exit 3"]).code, 3);
        corten.ok(&["create", "--name", "made", "busybox"]);
        wait_until("it is healthy", || {
            corten.ok(&["inspect", "-f", "{{.State.Health.Status}}", "web-1"]) == "healthy"
        });
        let listed = |filters: &[&str]| {
            let mut args = vec!["ps", "-a", "--format", "{{.Names}}"];
            filters.iter().for_each(|filter| args.extend(["-f", filter]));
            let mut names: Vec<String> = corten.ok(&args).lines().map(str::to_owned).collect();
            names.sort();
            names.join(" ")
        };
        let id = format!("id={}", &web[..8]);
        for (filters, names) in [
            (&["name=web"][..], "web-1"),
            (&["name=^/web-1$"], "web-1"),
            (&[id.as_str()], "web-1"),
            (&["label=tier"], "shop web-1"),
            (&["label=tier=back"], ""),
            (&["status=running"], "shop web-1"),
            (&["status=exited", "status=created"], "done made"),
            (&["status=dead"], ""),
            (&["exited=3"], "done"),
            (&["ancestor=busybox"], "done made shop web-1"),
            (&["ancestor=derived:1"], "shop"),
            (&["ancestor=none"], ""),
            (&["before=shop"], "web-1"),
            (&["since=shop"], "done made"),
            (&["volume=data"], "web-1"),
            (&["volume=/srv"], "web-1"),
            (&["network=host"], "shop"),
            (&["publish=80"], ""),
            (&["expose=8080"], "shop"),
            (&["expose=50-60/udp"], "shop"),
            (&["expose=53"], ""),
            (&["expose=8081-9000"], ""),
            (&["expose=1-8079"], ""),
            (&["health=none", "name=made"], "made"),
            (&["isolation=default"], "done made shop web-1"),
            (&["is-task=true"], ""),
            (&["is-task=false", "name=made"], "made"),
        ] {
            assert_eq!(listed(filters), names, "{filters:?}");
        }
        assert_eq!(listed(&["health=healthy", "name=web"]), "web-1");
        assert!(corten.fails(&["ps", "-f", "status=up"], 1).contains("status"));
        assert!(corten.fails(&["ps", "-f", "before=none"], 1).contains("no such container"));
    }

    #[test]
    fn stats_are_dockers() {
        let corten = corten();
        let id = sleeper(&corten, "web", &["-m", "64m"]);
        corten.ok(&["run", "-d", "--name", "busy", "busybox", "sh", "-c", "while :; do :; done"]);
        corten.ok(&["create", "--name", "still", "busybox"]);
        let once = |args: &[&str]| corten.ok(&[&["stats", "--no-stream"][..], args].concat());
        let table = once(&[]);
        let head = table.lines().next().unwrap();
        let columns = "CONTAINER ID NAME CPU % MEM USAGE / LIMIT MEM % NET I/O BLOCK I/O PIDS";
        assert_eq!(head.split_whitespace().collect::<Vec<_>>().join(" "), columns);
        assert_eq!(table.lines().count(), 3, "{table}");
        assert_eq!(once(&["--all", "--format", "{{.Name}}"]).lines().count(), 3);
        let json: serde_json::Value =
            serde_json::from_str(&once(&["--format", "json", "web"])).unwrap();
        assert_eq!((&json["Container"], &json["ID"]), (&"web".into(), &id[..12].into()));
        assert_eq!(json["PIDs"], "1");
        assert!(json["NetIO"].as_str().unwrap().contains("B / "), "{json}");
        let memory = json["MemUsage"].as_str().unwrap();
        assert!(memory.ends_with(" / 64MiB") && !memory.starts_with("0B"), "{memory}");
        let share = once(&["--format", "{{.CPUPerc}}", "busy"]);
        assert!(share.trim_end_matches('%').parse::<f64>().unwrap() > 5.0, "{share}");
        let still = once(&["--format", "{{.MemUsage}} {{.PIDs}} {{.ID}}", "--no-trunc", "still"]);
        assert!(still.starts_with("0B / 0B 0 ") && still.len() > 70, "{still}");
        assert!(corten.fails(&["stats", "--no-stream", "none"], 1).contains("no such container"));
    }
}
