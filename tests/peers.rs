//! Podman, Docker and containerd with Corten as their OCI runtime: real engines with private directories, started and ended here.
//!
//! `CORTEN_PEERS_RUNTIME=/usr/bin/crun` runs the same with another runtime, to see what the engines themselves do.

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixStream;
    use std::path::{Path, PathBuf};
    use std::process::{Child, Command, Stdio};

    use rustix::process::{Pid, Signal, kill_process};
    use testkit::{Finished, Leftovers, busybox_rootfs, holds_in_time, wait_until};

    const CORTEN: &str = env!("CARGO_BIN_EXE_corten");
    const IMAGE: &str = "docker.io/library/busybox:latest";

    /// A directory for one engine, the servers in it, and the control groups that its containers are in.
    struct Ground {
        directory: tempfile::TempDir,
        runtime: PathBuf,
        group: String,
        servers: Vec<Child>,
    }

    impl Ground {
        fn new(engine: &str) -> Self {
            // A short path: sockets below it have at most 107 bytes, unix(7).
            let directory = tempfile::Builder::new().prefix("corten-peer-").tempdir().unwrap();
            let link = directory.path().join("corten-oci");
            symlink(CORTEN, &link).unwrap();
            let runtime = std::env::var_os("CORTEN_PEERS_RUNTIME").map_or(link, PathBuf::from);
            let group = format!("{engine}-{}", std::process::id());
            Self { directory, runtime, group, servers: Vec::new() }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.directory.path().join(name)
        }

        fn text(&self, name: &str) -> String {
            self.path(name).to_str().unwrap().to_owned()
        }

        fn runtime(&self) -> &str {
            self.runtime.to_str().unwrap()
        }

        /// Busybox as an archive that all three load: one layer, in the form that `docker save` writes.
        fn image(&self) -> String {
            let root = self.path("image");
            busybox_rootfs(&root.join("layer"));
            let (root, image) = (root.to_str().unwrap(), self.text("busybox.tar"));
            let layer = format!("{root}/layer.tar");
            tool(
                "tar",
                &["--create", "--file", &layer, "--directory", &format!("{root}/layer"), "."],
            );
            let digest = tool("sha256sum", &[&layer]);
            let digest = digest.split(' ').next().unwrap();
            let config = serde_json::json!({
                "architecture": "amd64", "os": "linux",
                "config": {"Env": ["PATH=/bin"], "Cmd": ["sh"]},
                "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{digest}")]},
                "history": [{"created": "2026-01-01T00:00:00Z", "created_by": "tar"}],
            });
            let config = self.write("image/config.json", &config.to_string());
            let name =
                tool("sha256sum", &[&config]).split(' ').next().unwrap().to_owned() + ".json";
            std::fs::rename(&config, format!("{root}/{name}")).unwrap();
            let manifest = serde_json::json!([
                {"Config": name, "RepoTags": [IMAGE], "Layers": ["layer.tar"]}
            ]);
            self.write("image/manifest.json", &manifest.to_string());
            tool(
                "tar",
                &[
                    "--create",
                    "--file",
                    &image,
                    "--directory",
                    root,
                    "manifest.json",
                    &name,
                    "layer.tar",
                ],
            );
            image
        }

        fn write(&self, name: &str, text: &str) -> String {
            #[expect(
                clippy::disallowed_methods,
                reason = "a test's own file needs no atomic write"
            )]
            std::fs::write(self.path(name), text).unwrap();
            self.text(name)
        }

        /// Starts a server whose messages go to a file, and waits until its socket answers.
        fn serve(&mut self, program: &str, args: &[&str], socket: &str) {
            let messages = std::fs::File::create(self.path(&format!("{program}.log"))).unwrap();
            let mut command = Command::new(program);
            command.args(args).stdin(Stdio::null()).stdout(messages.try_clone().unwrap());
            self.servers.push(command.stderr(messages).spawn().unwrap());
            wait_until(&format!("{program} answers"), || {
                let server = self.servers.last_mut().unwrap();
                assert!(server.try_wait().unwrap().is_none(), "{program} ended: {args:?}");
                UnixStream::connect(socket).is_ok()
            });
        }

        /// A containerd with nothing of Kubernetes.
        fn serve_containerd(&mut self) -> String {
            let disabled = r#"disabled_plugins = ["io.containerd.grpc.v1.cri"]"#;
            let config = self.write("containerd.toml", &format!("version = 2\n{disabled}\n"));
            let socket = self.text("containerd.sock");
            let (root, state) = (self.text("containerd"), self.text("containerd-state"));
            let places = ["--address", &socket, "--root", &root, "--state", &state];
            let args = [&["--config", config.as_str()], places.as_slice()].concat();
            self.serve("containerd", &args, &socket);
            socket
        }

        fn processes(&self) -> Vec<Pid> {
            let directory = self.directory.path().to_str().unwrap();
            let entries = std::fs::read_dir("/proc").unwrap().flatten();
            let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
            let own = i32::try_from(std::process::id()).unwrap();
            pids.filter(|pid| *pid != own)
                .filter(|pid| {
                    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
                    String::from_utf8_lossy(&line).contains(directory)
                })
                .filter_map(Pid::from_raw)
                .collect()
        }

        /// What still runs, and what the servers said last: the reader of a failure cannot look any more.
        fn told(&self) -> String {
            let mut told = String::new();
            for pid in self.processes().into_iter().map(Pid::as_raw_nonzero) {
                let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
                let line = String::from_utf8_lossy(&line).replace('\0', " ");
                let place =
                    std::fs::read_to_string(format!("/proc/{pid}/wchan")).unwrap_or_default();
                told += &format!("{pid} in {place}: {line}\n");
            }
            for group in self.groups() {
                told += &format!("{}\n", group.display());
            }
            for server in ["dockerd.log", "containerd.log"] {
                let said = std::fs::read_to_string(self.path(server)).unwrap_or_default();
                let last: Vec<&str> = said.lines().rev().take(40).collect();
                told.extend(last.into_iter().rev().map(|line| format!("{server}: {line}\n")));
            }
            told
        }

        /// The directories that carry the group's name, deepest first.
        fn groups(&self) -> Vec<PathBuf> {
            let mut found = Vec::new();
            let mut pending = vec![PathBuf::from("/sys/fs/cgroup")];
            while let Some(directory) = pending.pop() {
                for entry in std::fs::read_dir(&directory).into_iter().flatten().flatten() {
                    if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                        pending.push(entry.path());
                        found.push(entry.path());
                    }
                }
            }
            found.retain(|path| path.to_str().is_some_and(|path| path.contains(&self.group)));
            found.sort_by_key(|path| std::cmp::Reverse(path.components().count()));
            found
        }
    }

    #[track_caller]
    fn tool(program: &str, args: &[&str]) -> String {
        let output = Command::new(program).args(args).output().unwrap();
        assert!(output.status.success(), "{program} {args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    impl Drop for Ground {
        fn drop(&mut self) {
            while let Some(mut server) = self.servers.pop() {
                let _gone = kill_process(Pid::from_child(&server), Signal::TERM);
                let _status = server.wait();
            }
            let panicking = std::thread::panicking();
            let ended = panicking || holds_in_time(|| self.processes().is_empty());
            let engines = [self.group.as_str(), "conmon"];
            let mut containers = self.groups();
            containers.retain(|group| !engines.iter().any(|name| group.ends_with(name)));
            let wrong = !containers.is_empty() || self.processes().into_iter().any(is_ours);
            if !ended || wrong {
                eprintln!("left when the engine had ended:\n{}", self.told());
            }
            for pid in self.processes() {
                let _gone = kill_process(pid, Signal::KILL);
            }
            unmount_below(self.directory.path());
            // The engines leave their parent groups; the containers' own were the runtime's to remove.
            for group in self.groups() {
                let _left = std::fs::remove_dir(group);
            }
            remove_groups_of_no_controller(&self.group);
            let left = Leftovers::of(self.directory.path(), std::slice::from_ref(&self.group));
            assert!(panicking || left.is_empty(), "{left:#?}");
            // A shim of containerd's may outlive all of its containers; what it held of ours would be a group or a process.
            assert!(panicking || !wrong, "the runtime left something: {containers:#?}");
        }
    }

    /// Whether a process is the runtime, and not an engine that was told of it.
    fn is_ours(pid: Pid) -> bool {
        let program = std::fs::read_link(format!("/proc/{}/exe", pid.as_raw_nonzero()));
        program.is_ok_and(|program| program == Path::new(CORTEN))
    }

    /// The engines keep some of their own mounts until they are removed themselves: network namespaces, secrets.
    fn unmount_below(directory: &Path) {
        let table = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
        let targets = table.lines().rev().filter_map(|line| line.split(' ').nth(4));
        for target in targets.filter(|target| target.starts_with(directory.to_str().unwrap())) {
            let _left = Command::new("umount").args(["--lazy", target]).status();
        }
    }

    /// Podman makes directories for controllers that are not mounted: plain ones, in the tmpfs that holds the mounts.
    fn remove_groups_of_no_controller(group: &str) {
        const TMPFS: i64 = 0x0102_1994;
        let top = Path::new("/sys/fs/cgroup");
        let of = |path: &Path| rustix::fs::statfs(path).is_ok_and(|about| about.f_type == TMPFS);
        if !of(top) {
            return;
        }
        for controller in std::fs::read_dir(top).into_iter().flatten().flatten() {
            let plain = controller.file_type().is_ok_and(|kind| kind.is_dir());
            if plain && of(&controller.path()) {
                let _none = std::fs::remove_dir_all(controller.path().join(group));
                let _another_uses_it = std::fs::remove_dir(controller.path());
            }
        }
    }

    /// One engine's command line.
    struct Engine {
        program: &'static str,
        arguments: Vec<String>,
        config: Option<String>,
    }

    impl Engine {
        fn run(&self, args: &[&str]) -> Finished {
            let mut command = Command::new(self.program);
            command.args(&self.arguments).args(args).stdin(Stdio::null());
            if let Some(config) = &self.config {
                command.env("CONTAINERS_CONF", config);
            }
            Finished::from(command.output().unwrap())
        }

        #[track_caller]
        fn ok(&self, args: &[&str]) -> String {
            let finished = self.run(args);
            assert_eq!(finished.code, 0, "{} {args:?}: {finished:#?}", self.program);
            finished.stdout.trim_end().replace('\r', "")
        }
    }

    /// What Podman and Docker are both asked for. `options` go to every `run`.
    fn life_of_a_container(engine: &Engine, options: &[&str]) {
        let run = |args: &[&str]| {
            let all = [&["run"], options, args].concat();
            engine.run(&all)
        };
        let said = run(&["--rm", IMAGE, "sh", "-c", "echo out; echo err >&2; exit 7"]);
        assert_eq!((said.code, said.stdout.trim_end()), (7, "out"), "{said:#?}");
        assert_eq!(said.stderr.trim_end(), "err");
        let missing = run(&["--rm", IMAGE, "nonesuch"]);
        assert_eq!(missing.code, 127, "{missing:#?}");
        let refused = run(&["--rm", IMAGE, "/etc"]);
        assert_eq!(refused.code, 126, "{refused:#?}");
        let terminal = run(&["--rm", "--tty", IMAGE, "sh", "-c", "tty; stty size"]);
        assert!(terminal.stdout.starts_with("/dev/pts/0"), "{terminal:#?}");
        let limits = ["--memory", "64m", "--pids-limit", "50", "--cpu-shares", "512"];
        let strict = ["--rm", "--read-only", "--user", "65534", "--cap-drop", "ALL", IMAGE];
        let inside = [
            "sh",
            "-c",
            "id -u; touch /file 2>/dev/null || echo refused; grep CapEff /proc/self/status",
        ];
        let strict = run(&[&limits[..], &strict, &inside].concat());
        assert_eq!(strict.stdout, "65534\nrefused\nCapEff:\t0000000000000000\n", "{strict:#?}");

        let started =
            run(&["--detach", "--name", "one", "--init=false", IMAGE, "sh", "-c", ENDLESS]);
        assert_eq!(started.code, 0, "{started:#?}");
        assert_eq!(engine.ok(&["exec", "one", "cat", "/proc/1/comm"]), "sh");
        assert_eq!(engine.run(&["exec", "one", "sh", "-c", "exit 9"]).code, 9);
        assert_eq!(engine.ok(&["exec", "--tty", "one", "tty"]), "/dev/pts/0");
        let identity =
            ["exec", "--user", "65534:65534", "--workdir", "/tmp", "--env", "A=b", "one"];
        let inside = ["sh", "-c", "echo $(id -u) $(pwd) $A"];
        assert_eq!(engine.ok(&[&identity[..], &inside].concat()), "65534 /tmp b");
        let top = engine.ok(&["top", "one"]);
        assert!(top.contains("sleep"), "{top}");

        let status = || engine.ok(&["inspect", "--format", "{{.State.Status}}", "one"]);
        engine.ok(&["pause", "one"]);
        assert_eq!(status(), "paused");
        engine.ok(&["unpause", "one"]);
        assert_eq!(status(), "running");
        assert_eq!(engine.ok(&["exec", "one", "echo", "again"]), "again");
        engine.ok(&["kill", "--signal", "USR1", "one"]);
        wait_until("the signal's answer is logged", || {
            engine.ok(&["logs", "one"]).contains("signalled")
        });
        engine.ok(&["stop", "--time", "30", "one"]);
        let ended =
            engine.ok(&["inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", "one"]);
        assert_eq!(ended, "exited 3", "its own answer to the signal, not a kill");
        engine.ok(&["start", "one"]);
        assert_eq!(engine.ok(&["exec", "one", "echo", "third"]), "third");
        engine.ok(&["rm", "--force", "one"]);
        assert_eq!(engine.ok(&["ps", "--all", "--quiet"]), "");
    }

    /// Answers two signals, and is awake at once when one comes.
    const ENDLESS: &str = "trap 'exit 3' TERM; trap 'echo signalled' USR1; echo ready; while :; do sleep 1000 & wait; done";

    #[test]
    fn podman_runs_its_containers_by_corten() {
        let ground = Ground::new("podman");
        // The file's lock type keeps this Podman's locks apart from another's in /dev/shm.
        // Its own default would raise limits, which not every machine's root may.
        let config = "[engine]\nlock_type = \"file\"\nevents_logger = \"file\"\n\
            [containers]\ndefault_ulimits = [\"nofile=1024:1024\", \"nproc=1024:1024\"]\n";
        let config = ground.write("containers.conf", config);
        let places = [
            ("--root", "root"),
            ("--runroot", "runroot"),
            ("--tmpdir", "tmp"),
            ("--volumepath", "volumes"),
        ];
        let mut arguments: Vec<String> = places
            .iter()
            .flat_map(|(flag, name)| [(*flag).to_owned(), ground.text(name)])
            .collect();
        arguments
            .extend(["--runtime", ground.runtime(), "--storage-driver", "vfs"].map(str::to_owned));
        arguments.extend(["--cgroup-manager", "cgroupfs"].map(str::to_owned));
        let podman = Engine { program: "podman", arguments, config: Some(config) };

        podman.ok(&["load", "--input", &ground.image()]);
        let parent = format!("--cgroup-parent=/{}", ground.group);
        let options = ["--network=none", "--log-driver=k8s-file", &parent];
        life_of_a_container(&podman, &options);
        podman.ok(&["rmi", "--all", "--force"]);
    }

    #[test]
    fn docker_runs_its_containers_by_corten() {
        let mut ground = Ground::new("docker");
        let image = ground.image();
        let containerd = ground.serve_containerd();
        let socket = ground.text("docker.sock");
        let host = format!("unix://{socket}");
        let config = ground.write("daemon.json", "{}");
        let runtime = format!("corten={}", ground.runtime());
        let (data, exec, pid) =
            (ground.text("data"), ground.text("exec"), ground.text("docker.pid"));
        let parent = format!("/{}", ground.group);
        let places =
            ["--data-root", &data, "--exec-root", &exec, "--pidfile", &pid, "--host", &host];
        let without =
            ["--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false"];
        let with = ["--containerd", &containerd, "--config-file", &config, "--storage-driver=vfs"];
        let ours =
            ["--add-runtime", &runtime, "--default-runtime", "corten", "--cgroup-parent", &parent];
        let args = [&places[..], &without, &with, &ours].concat();
        ground.serve("dockerd", &args, &socket);
        let arguments =
            vec!["--config".to_owned(), ground.text("client"), "--host".to_owned(), host.clone()];
        let docker = Engine { program: "docker", arguments, config: None };

        docker.ok(&["load", "--input", &image]);
        life_of_a_container(&docker, &["--network=none"]);

        let two = docker.ok(&[
            "run",
            "--detach",
            "--network=none",
            "--name",
            "two",
            IMAGE,
            "sleep",
            "1000",
        ]);
        docker.ok(&[
            "update",
            "--pids-limit",
            "77",
            "--memory",
            "128m",
            "--memory-swap",
            "-1",
            "two",
        ]);
        let limit = docker.ok(&["inspect", "--format", "{{.HostConfig.Memory}}", "two"]);
        assert_eq!(limit, "134217728");
        let limits: Vec<String> = ground
            .groups()
            .into_iter()
            .filter(|group| group.ends_with(&two))
            .filter_map(|group| std::fs::read_to_string(group.join("pids.max")).ok())
            .collect();
        assert_eq!(limits, ["77\n"], "{:#?}", ground.groups());
        let statistics = docker.ok(&["stats", "--no-stream", "--format", "{{.PIDs}}", "two"]);
        assert_eq!(statistics, "1");
        docker.ok(&["rm", "--force", "two"]);
    }

    #[test]
    fn containerd_runs_its_containers_by_corten() {
        let mut ground = Ground::new("containerd");
        let image = ground.image();
        let socket = ground.serve_containerd();
        let arguments = ["--address", &socket].map(str::to_owned).to_vec();
        let ctr = Engine { program: "ctr", arguments, config: None };
        ctr.ok(&["images", "import", "--snapshotter", "native", &image]);

        let run = |id: &str, options: &[&str], args: &[&str]| {
            let group = format!("/{}/{id}", ground.group);
            let ours = ["--runtime", "io.containerd.runc.v2", "--runc-binary", ground.runtime()];
            let state = ground.text("runtime");
            let places = ["--snapshotter", "native", "--cgroup", &group, "--runc-root", &state];
            let all = [&["run"], &ours[..], &places, options, &[IMAGE, id], args].concat();
            ctr.run(&all)
        };
        let said = run("one", &["--rm"], &["sh", "-c", "echo out; exit 7"]);
        assert_eq!((said.code, said.stdout.as_str()), (7, "out\n"), "{said:#?}");
        let missing = run("two", &["--rm"], &["nonesuch"]);
        assert!(missing.code != 0 && missing.stderr.contains("nonesuch"), "{missing:#?}");

        let started = run("three", &["--detach", "--null-io"], &["sh", "-c", ENDLESS]);
        assert_eq!(started.code, 0, "{started:#?}");
        let exec =
            |args: &[&str]| ctr.run(&[&["task", "exec", "--exec-id", "a", "three"], args].concat());
        assert_eq!(exec(&["cat", "/proc/1/comm"]).stdout, "sh\n");
        assert_eq!(exec(&["sh", "-c", "exit 9"]).code, 9);
        let status = || {
            let listed = ctr.ok(&["task", "ls"]);
            listed.split_whitespace().last().unwrap_or_default().to_owned()
        };
        assert_eq!(status(), "RUNNING");
        ctr.ok(&["task", "pause", "three"]);
        assert_eq!(status(), "PAUSED");
        ctr.ok(&["task", "resume", "three"]);
        assert_eq!(status(), "RUNNING");
        let listed = ctr.ok(&["task", "ps", "three"]);
        assert!(listed.lines().count() >= 3, "the shell and its sleep: {listed}");
        let statistics = ctr.ok(&["task", "metrics", "three"]);
        assert!(statistics.contains("pids.current"), "{statistics}");
        ctr.ok(&["task", "kill", "--signal", "SIGTERM", "three"]);
        wait_until("the task ends", || status() == "STOPPED");
        let deleted = ctr.run(&["task", "delete", "three"]);
        assert!(deleted.stderr.contains("code 3"), "its own answer to the signal: {deleted:#?}");
        ctr.ok(&["container", "delete", "three"]);
        ctr.ok(&["images", "rm", IMAGE]);
    }
}
