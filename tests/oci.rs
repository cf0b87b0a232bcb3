//! The OCI runtime's face as an engine calls it: by several commands, with files and sockets of the caller's.

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::process::CommandExt;
    use std::path::{Path, PathBuf};
    use std::process::{Command, Output, Stdio};

    use serde_json::{Value, json};
    use tempfile::TempDir;
    use testkit::wait_until;

    /// A bundle, and a runtime's directory beside it.
    struct Bench {
        directory: TempDir,
    }

    impl Bench {
        fn new() -> Self {
            let directory = tempfile::Builder::new().prefix("oci-").tempdir().unwrap();
            for name in ["rootfs", "run"] {
                fs::create_dir(directory.path().join(name)).unwrap();
            }
            testkit::busybox_rootfs(&directory.path().join("rootfs"));
            let bench = Self { directory };
            bench.configure(|_unchanged| ());
            bench
        }

        fn path(&self, name: &str) -> PathBuf {
            self.directory.path().join(name)
        }

        fn text(&self, name: &str) -> String {
            self.path(name).to_str().unwrap().to_owned()
        }

        #[expect(clippy::disallowed_methods, reason = "a test's own file")]
        fn configure(&self, change: impl FnOnce(&mut Value)) {
            let kinds = ["pid", "mount", "network", "ipc", "uts"];
            let namespaces = kinds.map(|kind| json!({ "type": kind }));
            let mut spec = json!({
                "ociVersion": "1.3.0",
                "process": {
                    "args": ["sleep", "1000"], "env": ["PATH=/bin"], "cwd": "/", "user": { "uid": 0, "gid": 0 },
                },
                "root": { "path": "rootfs" },
                "mounts": [
                    { "destination": "/proc", "type": "proc", "source": "proc" },
                    { "destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["mode=755"] },
                    {
                        "destination": "/dev/pts", "type": "devpts", "source": "devpts",
                        "options": ["newinstance", "ptmxmode=0666"],
                    },
                ],
                "linux": {
                    "cgroupsPath": format!("/corten-test/oci-{}", self.id()),
                    "namespaces": namespaces,
                },
            });
            change(&mut spec);
            fs::write(self.path("config.json"), spec.to_string()).unwrap();
        }

        fn id(&self) -> String {
            self.directory.path().file_name().unwrap().to_str().unwrap().to_owned()
        }

        fn command(&self, words: &[&str]) -> Command {
            let mut command = Command::new(env!("CARGO_BIN_EXE_corten"));
            command.arg0("corten-oci").arg("--root").arg(self.path("run")).args(words);
            command.current_dir(self.directory.path()).stdin(Stdio::null());
            command
        }

        fn run(&self, words: &[&str]) -> Output {
            // A container keeps the streams of its maker: files, so that nobody waits for it.
            let (out, err) = (self.path("out"), self.path("err"));
            let status = self
                .command(words)
                .stdout(fs::File::create(&out).unwrap())
                .stderr(fs::File::create(&err).unwrap())
                .status()
                .unwrap();
            Output { status, stdout: fs::read(out).unwrap(), stderr: fs::read(err).unwrap() }
        }

        fn ok(&self, words: &[&str]) -> String {
            let output = self.run(words);
            let said = String::from_utf8(output.stderr).unwrap();
            assert_eq!((output.status.code(), said.as_str()), (Some(0), ""), "{words:?}");
            String::from_utf8(output.stdout).unwrap()
        }

        /// Demands the exit code, and gives what was said.
        fn refused(&self, words: &[&str], code: i32) -> String {
            let output = self.run(words);
            assert_eq!(output.status.code(), Some(code), "{words:?}: {output:?}");
            String::from_utf8(output.stderr).unwrap()
        }

        fn state(&self) -> Value {
            serde_json::from_str(&self.ok(&["state", "web"])).unwrap()
        }

        fn has_status(&self, status: &str) -> bool {
            self.state()["status"] == status
        }
    }

    impl Drop for Bench {
        fn drop(&mut self) {
            let _ended = self.command(&["delete", "--force", "web"]).output();
        }
    }

    /// The descriptor of one message.
    fn receive(connection: &std::os::unix::net::UnixStream) -> std::os::fd::OwnedFd {
        use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
        let mut bytes = [0; 64];
        let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut parts = [std::io::IoSliceMut::new(&mut bytes)];
        recvmsg(connection, &mut parts, &mut control, RecvFlags::CMSG_CLOEXEC).unwrap();
        let message = control.drain().next().unwrap();
        let RecvAncillaryMessage::ScmRights(mut descriptors) = message else { panic!("no rights") };
        descriptors.next().unwrap()
    }

    fn read(path: &Path) -> String {
        fs::read_to_string(path).unwrap()
    }

    #[test]
    fn a_life_by_its_commands() {
        let bench = Bench::new();
        let pid_file = bench.text("pid");
        bench.ok(&["create", "--pid-file", &pid_file, "web"]);
        let state = bench.state();
        assert_eq!((&state["status"], &state["id"]), (&json!("created"), &json!("web")));
        assert_eq!(state["bundle"], bench.text("").trim_end_matches('/'));
        assert_eq!(read(Path::new(&pid_file)), state["pid"].to_string());
        bench.ok(&["start", "web"]);
        assert!(bench.has_status("running"));
        assert!(bench.refused(&["start", "web"], 1).contains("already running"));
        assert_eq!(bench.ok(&["exec", "web", "cat", "/proc/1/comm"]), "sleep\n");
        let pids: Vec<i64> =
            serde_json::from_str(&bench.ok(&["ps", "--format", "json", "web"])).unwrap();
        assert_eq!(json!(pids), json!([state["pid"]]));
        bench.ok(&["pause", "web"]);
        assert!(bench.has_status("paused"));
        assert!(bench.refused(&["exec", "web", "true"], 255).contains("paused container"));
        bench.ok(&["resume", "web"]);
        assert!(bench.refused(&["delete", "web"], 1).contains("it is running"));
        assert_eq!(bench.ok(&["list", "-q"]), "web\n");
        bench.ok(&["kill", "web", "KILL"]);
        wait_until("it has ended", || bench.has_status("stopped"));
        assert_eq!(bench.state()["pid"], 0);
        assert!(bench.refused(&["kill", "web"], 1).contains("container not running"));
        bench.ok(&["delete", "web"]);
        assert!(bench.refused(&["state", "web"], 1).contains("does not exist"));
        assert_eq!(bench.ok(&["delete", "--force", "web"]), "");
        assert_eq!(bench.ok(&["list", "--format", "json"]), "null\n");
    }

    #[test]
    fn a_run_ends_as_its_program_does_and_leaves_nothing() {
        let bench = Bench::new();
        bench.configure(|spec| {
            spec["process"]["args"] = json!(["sh", "-c", "echo out; echo err >&2; exit 7"]);
        });
        let output = bench.run(&["run", "web"]);
        assert_eq!(output.status.code(), Some(7));
        assert_eq!((&output.stdout[..], &output.stderr[..]), (&b"out\n"[..], &b"err\n"[..]));
        assert_eq!(fs::read_dir(bench.path("run")).unwrap().count(), 0);
        bench.configure(|spec| spec["process"]["args"] = json!(["nonesuch"]));
        assert!(bench.refused(&["run", "web"], 1).contains("executable file not found in $PATH"));
        assert_eq!(fs::read_dir(bench.path("run")).unwrap().count(), 0);
    }

    #[test]
    fn the_log_has_the_last_error_as_engines_read_it() {
        let bench = Bench::new();
        let log = bench.text("log.json");
        let failing = ["--log", &log, "--log-format", "json", "start", "web"];
        bench.refused(&failing, 1);
        let line: Value = serde_json::from_str(read(Path::new(&log)).trim()).unwrap();
        assert_eq!(
            (&line["level"], &line["msg"]),
            (&json!("error"), &json!("container \"web\" does not exist"),)
        );
    }

    #[test]
    fn descriptors_are_passed_when_asked_and_never_else() {
        let bench = Bench::new();
        bench.configure(|spec| {
            spec["process"]["args"] = json!(["sh", "-c", "echo $(cd /proc/self/fd && echo *)"]);
        });
        let with_a_file = |words: &[&str]| {
            let line = format!(
                "exec 3</etc/hostname 4</etc/hostname; exec -a corten-oci {} --root {} run {} web",
                env!("CARGO_BIN_EXE_corten"),
                bench.text("run"),
                words.join(" ")
            );
            let mut shell = Command::new("bash");
            let shell = shell.args(["-c", &line]).current_dir(bench.directory.path());
            String::from_utf8(shell.stdin(Stdio::null()).output().unwrap().stdout).unwrap()
        };
        // The last is the shell's own, for the directory it looks at.
        assert_eq!(with_a_file(&[]), "0 1 2 3\n");
        assert_eq!(with_a_file(&["--preserve-fds", "2"]), "0 1 2 3 4 5\n");
        let refused = bench.refused(&["run", "--preserve-fds", "90", "web"], 1);
        assert!(refused.contains("is not open"), "{refused}");
        // A file that this program opens itself is none of the caller's: the log, the container's directory.
        let log = bench.text("log");
        let refused = bench.refused(&["--log", &log, "run", "--preserve-fds", "1", "web"], 1);
        assert!(refused.contains("descriptor 3 is not open"), "{refused}");
        bench.configure(|_unchanged| ());
        bench.ok(&["run", "--detach", "web"]);
        let refused = bench.refused(&["exec", "--preserve-fds", "1", "web", "true"], 255);
        assert!(refused.contains("descriptor 3 is not open"), "{refused}");
    }

    #[test]
    fn a_terminal_is_sent_to_the_callers_socket() {
        let bench = Bench::new();
        bench.configure(|spec| {
            spec["process"]["terminal"] = json!(true);
            spec["process"]["args"] = json!(["sh", "-c", "tty; sleep 1000"]);
        });
        let socket = bench.text("console");
        assert!(bench.refused(&["create", "web"], 1).contains("without setting console socket"));
        let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        // By pipes, as engines call it: they end with the command, not with the container.
        let created = bench.command(&["create", "--console-socket", &socket, "web"]).output();
        assert_eq!(created.unwrap().status.code(), Some(0));
        let (connection, _) = listener.accept().unwrap();
        let master = receive(&connection);
        bench.ok(&["start", "web"]);
        let mut text = [0_u8; 64];
        let count = rustix::io::read(&master, &mut text[..]).unwrap();
        let said = String::from_utf8_lossy(&text[..count]).into_owned();
        assert!(said.starts_with("/dev/pts/0") || said.starts_with("/dev/console"), "{said}");
    }

    #[test]
    fn create_says_that_the_program_is_missing() {
        let bench = Bench::new();
        bench.configure(|spec| spec["process"]["args"] = json!(["nonesuch"]));
        let said = bench.refused(&["create", "web"], 1);
        assert!(said.contains("executable file not found in $PATH"), "{said}");
        assert!(bench.refused(&["state", "web"], 1).contains("does not exist"));
    }

    #[test]
    fn lines_of_a_terminal_that_is_served_here_end_as_the_container_wrote_them() {
        let bench = Bench::new();
        bench.configure(|spec| {
            spec["process"]["terminal"] = json!(true);
            spec["process"]["args"] = json!(["sh", "-c", "tty; echo end"]);
        });
        let output = bench.run(&["run", "web"]);
        assert_eq!(String::from_utf8_lossy(&output.stdout), "/dev/pts/0\nend\n", "{output:?}");
    }

    #[test]
    fn what_a_container_uses_is_told_until_its_end() {
        let bench = Bench::new();
        bench.ok(&["run", "--detach", "web"]);
        let line = bench.ok(&["events", "--stats", "web"]);
        assert!(line.starts_with(r#"{"type":"stats","id":"web","data":{"#), "{line}");
        let told: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(told["data"]["pids"]["current"], 1);
        assert!(
            bench.refused(&["events", "--interval", "0s", "web"], 1).contains("greater than 0")
        );
        let lines = bench.path("events");
        let mut command = bench.command(&["events", "--interval", "20ms", "web"]);
        let mut events = command.stdout(fs::File::create(&lines).unwrap()).spawn().unwrap();
        wait_until("it was told twice", || read(&lines).lines().count() >= 2);
        bench.ok(&["delete", "--force", "web"]);
        assert!(events.wait().unwrap().success());
    }

    #[test]
    fn only_what_is_inheritable_becomes_ambient_by_a_flag() {
        let bench = Bench::new();
        bench.configure(|spec| {
            spec["process"]["capabilities"] = json!({
                "bounding": ["CAP_CHOWN"], "permitted": ["CAP_CHOWN"], "inheritable": ["CAP_CHOWN"],
            });
        });
        bench.ok(&["run", "--detach", "web"]);
        let exec = ["exec", "--cap", "CAP_CHOWN", "--cap", "CAP_KILL", "web"];
        let said = bench.ok(&[&exec[..], &["grep", "Cap", "/proc/self/status"]].concat());
        assert!(said.contains("CapBnd:\t0000000000000021"), "{said}");
        assert!(said.contains("CapAmb:\t0000000000000001"), "{said}");
    }

    /// As a whole machine may lack some: this one's caller has all but one.
    #[test]
    fn capabilities_that_the_caller_lacks_are_told_and_left_out() {
        let bench = Bench::new();
        let given = json!(["CAP_KILL", "CAP_SYS_TIME"]);
        bench.configure(|spec| {
            spec["process"]["capabilities"] = json!({
                "bounding": given, "effective": given, "permitted": given,
            });
        });
        let without = |words: &[&str]| {
            let mut command = Command::new("setpriv");
            let program = bench.path("corten-oci");
            let _there = std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_corten"), &program);
            command.arg("--bounding-set=-sys_time").arg(program).arg("--root");
            command.arg(bench.path("run")).args(words).current_dir(bench.directory.path());
            let said = fs::File::create(bench.path("said")).unwrap();
            let null = || fs::File::options().write(true).open("/dev/null").unwrap();
            let status = command.stdin(Stdio::null()).stdout(null()).stderr(said).status().unwrap();
            assert!(status.success(), "{words:?}: {}", read(&bench.path("said")));
            read(&bench.path("said"))
        };
        let warning = "ignoring unavailable capability \"CAP_SYS_TIME\"";
        let said = without(&["run", "--detach", "web"]);
        assert!(said.contains(warning) && said.lines().count() == 1, "{said}");
        let status = read(format!("/proc/{}/status", bench.state()["pid"]).as_ref());
        assert!(status.contains("CapPrm:\t0000000000000020"), "{status}");
        let said = without(&["exec", "web", "true"]);
        assert!(said.contains(warning), "{said}");
        // Whoever has it is told nothing.
        if said.matches("CAP_").count() == 1 {
            bench.ok(&["exec", "web", "true"]);
        }
    }

    #[test]
    fn a_container_without_a_process_is_created_and_not_started() {
        let bench = Bench::new();
        bench.configure(|spec| drop(spec.as_object_mut().unwrap().remove("process")));
        bench.ok(&["create", "web"]);
        let said = bench.refused(&["start", "web"], 1);
        assert!(said.contains("process: is missing: there is nothing to start"), "{said}");
        assert!(bench.has_status("created"));
        bench.ok(&["exec", "web", "/bin/true"]);
        bench.ok(&["kill", "web", "KILL"]);
        wait_until("it has ended", || bench.has_status("stopped"));
        bench.ok(&["delete", "web"]);
        assert!(bench.refused(&["run", "web"], 1).contains("nothing to start"));
        assert_eq!(groups(&bench), Vec::<PathBuf>::new());
    }

    #[test]
    fn a_named_root_that_is_missing_and_a_signal_that_only_asks() {
        let bench = Bench::new();
        fs::remove_dir(bench.path("run")).unwrap();
        assert!(bench.refused(&["list"], 1).contains("ENOENT"));
        bench.ok(&["run", "--detach", "web"]);
        bench.ok(&["kill", "web", "0"]);
        assert!(bench.has_status("running"));
    }

    #[test]
    fn a_kill_reaches_what_lives_on_without_the_first_process() {
        let bench = Bench::new();
        bench.configure(|spec| {
            let namespaces = spec["linux"]["namespaces"].as_array_mut().unwrap();
            namespaces.retain(|namespace| namespace["type"] != "pid");
        });
        bench.ok(&["run", "--detach", "web"]);
        let pid_file = bench.text("pid");
        bench.ok(&["exec", "--detach", "--pid-file", &pid_file, "web", "sleep", "1000"]);
        let first = i32::try_from(bench.state()["pid"].as_i64().unwrap()).unwrap();
        let pid = |number| rustix::process::Pid::from_raw(number).unwrap();
        rustix::process::kill_process(pid(first), rustix::process::Signal::KILL).unwrap();
        wait_until("the first process has ended", || bench.has_status("stopped"));
        let second = read(Path::new(&pid_file));
        let lives = || {
            let status = fs::read_to_string(format!("/proc/{second}/status")).unwrap_or_default();
            !(status.is_empty() || status.contains("State:\tZ") || status.contains("State:\tX"))
        };
        assert!(lives());
        bench.ok(&["kill", "web", "KILL"]);
        wait_until("the second has ended", || !lives());
    }

    #[test]
    fn processes_of_a_container_share_its_session_keyring() {
        // A kernel without keys has nothing to share.
        if !Path::new("/proc/keys").exists() {
            return;
        }
        let bench = Bench::new();
        // Root sees every keyring of root's; another user those that he has.
        let keyrings = |id: &str| {
            let script = format!("grep -c _ses.{id} /proc/keys || true");
            bench.ok(&["exec", "--user", "7:7", id, "sh", "-c", &script])
        };
        let (own, kept) = (format!("{}-own", bench.id()), format!("{}-kept", bench.id()));
        bench.ok(&["run", "-d", &own]);
        assert_eq!([keyrings(&own), keyrings(&own)], ["1\n", "1\n"]);
        bench.ok(&["delete", "--force", &own]);
        bench.ok(&["run", "-d", "--no-new-keyring", &kept]);
        assert_eq!(keyrings(&kept), "0\n");
        bench.ok(&["delete", "--force", &kept]);
    }

    #[test]
    fn every_command_has_its_help() {
        let bench = Bench::new();
        let overview = bench.ok(&["--help"]);
        for command in ["create", "start", "run", "state", "kill", "delete", "exec", "list", "ps"] {
            assert!(overview.contains(&format!("  {command} ")), "{command}: {overview}");
            let help = bench.ok(&[command, "--help"]);
            assert!(help.starts_with(&format!("Usage:  corten oci {command} ")), "{help}");
        }
        assert!(bench.refused(&["strat", "web"], 1).contains("did you mean 'corten oci start'?"));
        assert!(bench.ok(&["--version"]).starts_with("corten-oci version "));
    }

    /// Groups of the bench's container, in any hierarchy.
    fn groups(bench: &Bench) -> Vec<PathBuf> {
        let hierarchies =
            fs::read_dir("/sys/fs/cgroup").unwrap().map(|entry| entry.unwrap().path());
        let group = format!("corten-test/oci-{}", bench.id());
        hierarchies.map(|hierarchy| hierarchy.join(&group)).filter(|group| group.exists()).collect()
    }

    /// Kills a command, and with `follow` its children too, at the n-th call of whichever kind comes to so many first; whether it
    /// lived to its end.
    fn survives(bench: &Bench, words: &[&str], number: usize, follow: bool) -> bool {
        let inject = format!("inject=all:signal=KILL:when={number}");
        let program = bench.path("corten-oci");
        let _there = std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_corten"), &program);
        let mut command = Command::new("strace");
        command.args(follow.then_some("-f")).args(["-qqq", "-o", "/dev/null", "-e", "trace=all"]);
        command
            .args(["-e", &inject])
            .arg(&program)
            .arg("--root")
            .arg(bench.path("run"))
            .args(words);
        command.current_dir(bench.directory.path()).stdin(Stdio::null());
        // A container that waits keeps what it was given.
        let null = || fs::File::options().write(true).open("/dev/null").unwrap();
        command.stdout(null()).stderr(null());
        command.status().unwrap().success()
    }

    /// Whatever the killed command left is gone after the next one.
    fn is_swept(bench: &Bench, number: usize) {
        bench.ok(&["list"]);
        if bench.path("run/web").exists() {
            bench.ok(&["delete", "--force", "web"]);
        }
        let left = fs::read_dir(bench.path("run")).into_iter().flatten().count();
        assert_eq!((left, groups(bench)), (0, Vec::new()), "killed at call {number}");
        // The id is free, and what is made under it works.
        bench.ok(&["create", "web"]);
        bench.ok(&["delete", "web"]);
    }

    /// Calls of one kind come in groups (one per hierarchy, two per mount); this meets each place in them.
    const STRIDE: usize = 3;

    #[test]
    fn a_create_that_is_killed_anywhere_is_swept_by_the_next_command() {
        let bench = Bench::new();
        let mut killed = 0;
        for number in (1..).step_by(STRIDE) {
            let survived = survives(&bench, &["create", "web"], number, false);
            is_swept(&bench, number);
            if survived {
                break;
            }
            killed += 1;
        }
        // With one hierarchy of control groups it is over sooner.
        assert!(killed > 5, "{killed} kills");
    }

    #[test]
    fn a_run_whose_processes_are_killed_anywhere_is_swept_by_the_next_command() {
        let bench = Bench::new();
        bench.configure(|spec| spec["process"]["args"] = json!(["true"]));
        let mut killed = 0;
        for number in (1..).step_by(STRIDE) {
            let survived = survives(&bench, &["run", "web"], number, true);
            is_swept(&bench, number);
            if survived {
                break;
            }
            killed += 1;
        }
        assert!(killed > 10, "{killed} kills");
    }

    /// The processes of the bench's container, as its groups have them.
    fn processes(bench: &Bench) -> Vec<Value> {
        serde_json::from_str(&bench.ok(&["ps", "--format", "json", "web"])).unwrap()
    }

    fn files(directory: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(directory).unwrap();
        let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort_unstable();
        files
    }

    #[test]
    fn an_exec_that_is_killed_anywhere_leaves_nothing_and_the_container_goes_on() {
        let bench = Bench::new();
        bench.ok(&["run", "--detach", "web"]);
        let kept = bench.path("run/web");
        let (files_before, groups_before) = (files(&kept), groups(&bench));
        let exec = ["exec", "web", "sh", "-c", "exit 0"];
        let mut killed = 0;
        for number in 1.. {
            let survived = survives(&bench, &exec, number, false);
            // A program that had begun comes to its end by itself; what had not become one must not wait for ever.
            wait_until("nothing is left of the exec", || processes(&bench).len() == 1);
            assert_eq!(files(&kept), files_before, "killed at call {number}");
            assert_eq!(groups(&bench), groups_before, "killed at call {number}");
            assert!(bench.has_status("running"), "killed at call {number}");
            bench.ok(&exec);
            if survived {
                break;
            }
            killed += 1;
        }
        assert!(killed > 10, "{killed} kills");
    }

    /// Each command in its turn, killed at each call, on a container that is made anew for it.
    fn is_killed_anywhere(before: &[&[&str]], words: &[&str]) {
        let bench = Bench::new();
        let mut killed = 0;
        for number in (1..).step_by(STRIDE) {
            for command in before {
                bench.ok(command);
            }
            let survived = survives(&bench, words, number, false);
            let told = bench.run(&["state", "web"]);
            let gone = !bench.path("run/web").exists();
            assert!(told.status.success() || gone, "{words:?}, call {number}: {told:?}");
            bench.ok(&["delete", "--force", "web"]);
            let left = fs::read_dir(bench.path("run")).unwrap().count();
            assert_eq!((left, groups(&bench)), (0, Vec::new()), "{words:?}, call {number}");
            if survived {
                break;
            }
            killed += 1;
        }
        assert!(killed > 2, "{words:?}: {killed} kills");
    }

    /// Whichever of the two is sooner: each time both have reason to be content.
    #[test]
    fn one_in_the_foreground_that_is_deleted_tells_its_code_alone() {
        let bench = Bench::new();
        for _ in 0..5 {
            let mut run = bench.command(&["run", "web"]);
            run.stdout(Stdio::null()).stderr(Stdio::piped());
            let run = run.spawn().unwrap();
            wait_until("it runs", || {
                let listed: Value =
                    serde_json::from_str(&bench.ok(&["list", "-f", "json"])).unwrap();
                listed[0]["status"] == "running"
            });
            bench.ok(&["delete", "--force", "web"]);
            let Output { status, stderr, .. } = run.wait_with_output().unwrap();
            assert_eq!((status.code(), String::from_utf8_lossy(&stderr).as_ref()), (Some(137), ""));
        }
    }

    #[test]
    fn a_start_that_is_killed_anywhere_leaves_a_container_that_can_be_deleted() {
        is_killed_anywhere(&[&["create", "web"]], &["start", "web"]);
    }

    #[test]
    fn a_change_that_is_killed_anywhere_leaves_a_container_that_can_be_deleted() {
        let run: &[&str] = &["run", "--detach", "web"];
        is_killed_anywhere(&[run], &["update", "--pids-limit", "50", "--memory", "64m", "web"]);
        is_killed_anywhere(&[run], &["pause", "web"]);
        is_killed_anywhere(&[run, &["pause", "web"]], &["resume", "web"]);
    }

    #[test]
    fn a_delete_that_is_killed_anywhere_is_ended_by_the_next_one() {
        is_killed_anywhere(&[&["run", "--detach", "web"]], &["delete", "--force", "web"]);
    }
}
