//! Every command against the real kernel: what it prints, what it returns, and that streams, signals and terminals arrive whole.

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read};
    use std::process::{Command, Stdio};

    use testkit::{Corten, wait_until};

    fn corten() -> Corten {
        Corten::with_busybox(env!("CARGO_BIN_EXE_corten"))
    }

    /// Ends at SIGTERM with 7; says when it is ready for it.
    const SERVER: &str = "trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done";

    fn server(corten: &Corten, name: &str) {
        corten.ok(&[
            "run",
            "-d",
            "--name",
            name,
            "--network",
            "none",
            "busybox",
            "sh",
            "-c",
            SERVER,
        ]);
        wait_until("it is ready", || corten.run(&["logs", name]).stdout == "ready\n");
    }

    #[test]
    fn streams_and_environment_of_run() {
        let corten = corten();
        let both =
            corten.run(&["run", "--rm", "busybox", "sh", "-c", "echo out; echo err >&2; exit 3"]);
        assert_eq!((both.code, both.stdout.as_str(), both.stderr.as_str()), (3, "out\n", "err\n"));
        let input: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
        let summed = corten.run_with(&["run", "--rm", "-i", "busybox", "sha256sum"], &input);
        let own = Command::new("sha256sum").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut own = own.unwrap();
        std::io::Write::write_all(&mut own.stdin.take().unwrap(), &input).unwrap();
        let own = own.wait_with_output().unwrap();
        assert_eq!(summed.stdout.as_bytes(), own.stdout, "{summed:?}");
        let flood = corten.run(&["run", "--rm", "busybox", "sh", "-c", "yes | head -c 3000000"]);
        assert_eq!(flood.stdout.len(), 3_000_000);

        let file = corten.directory().join("env");
        #[expect(clippy::disallowed_methods, reason = "a test's own file")]
        std::fs::write(&file, "# comment\n\nFILED=x y\n").unwrap();
        let file = file.to_str().unwrap();
        let mut command = corten.command();
        command.env("CALLERS", "seen").env_remove("ABSENT").args([
            "run",
            "--rm",
            "-e",
            "A=b",
            "-eCALLERS",
            "-e",
            "ABSENT",
            "--env-file",
            file,
            "busybox",
            "env",
        ]);
        let printed = String::from_utf8(command.output().unwrap().stdout).unwrap();
        for line in ["A=b", "CALLERS=seen", "FILED=x y"] {
            assert!(printed.lines().any(|printed| printed == line), "{line} is missing: {printed}");
        }
        assert!(!printed.contains("ABSENT"), "{printed}");
    }

    #[test]
    fn a_reader_that_leaves_is_no_error() {
        let corten = corten();
        let mut command = corten.command();
        command.args(["run", "--rm", "--name", "yes", "busybox", "yes"]);
        let mut run = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut first = String::new();
        BufReader::new(run.stdout.take().unwrap()).read_line(&mut first).unwrap();
        let ended = run.wait_with_output().unwrap();
        assert_eq!((first.as_str(), ended.stderr.as_slice()), ("y\n", &b""[..]));
        assert!(!ended.status.success());
    }

    #[test]
    fn a_life_from_create_to_rm() {
        let corten = corten();
        let id = corten.ok(&["create", "--name", "web", "busybox", "sh", "-c", SERVER]);
        assert_eq!(id.len(), 64);
        let state =
            || corten.ok(&["inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", "web"]);
        assert_eq!(state(), "created 0");
        assert_eq!(corten.ok(&["start", "web"]), "web");
        assert_eq!(state(), "running 0");
        wait_until("it is ready", || corten.run(&["logs", "web"]).stdout == "ready\n");
        corten.fails(&["rm", "web"], 1);
        assert_eq!(corten.ok(&["pause", "web"]), "web");
        assert_eq!(state(), "paused 0");
        assert!(corten.ok(&["ps"]).contains("(Paused)"));
        corten.fails(&["pause", "web"], 1);
        assert_eq!(corten.ok(&["unpause", "web"]), "web");
        assert!(corten.ok(&["top", "web"]).lines().next().unwrap().starts_with("UID"));
        assert_eq!(corten.ok(&["stop", "-t", "10", "web"]), "web");
        assert_eq!(state(), "exited 7");
        assert_eq!(corten.ok(&["wait", "web"]), "7");
        assert_eq!(corten.ok(&["ps", "-q"]), "");
        assert_eq!(corten.ok(&["container", "ls", "-aq", "--no-trunc"]), id);
        corten.ok(&["start", "web"]);
        assert_eq!(corten.ok(&["kill", "web"]), "web");
        assert_eq!(corten.ok(&["wait", "web"]), "137");
        assert_eq!(corten.ok(&["rm", "-v", "web"]), "web");
        corten.fails(&["inspect", "web"], 1);
    }

    #[test]
    fn signals_of_the_foreground_are_passed_on() {
        let corten = corten();
        for (number, code) in [("-TERM", 7), ("-INT", 9)] {
            let script =
                "trap 'exit 7' TERM; trap 'exit 9' INT; echo ready; while :; do sleep 0.05; done";
            let mut command = corten.command();
            command.args(["run", "--rm", "busybox", "sh", "-c", script]);
            let mut run = command.stdout(Stdio::piped()).spawn().unwrap();
            let mut out = BufReader::new(run.stdout.take().unwrap());
            let mut ready = String::new();
            out.read_line(&mut ready).unwrap();
            assert_eq!(ready, "ready\n");
            let pid = run.id().to_string();
            assert!(Command::new("kill").args([number, &pid]).status().unwrap().success());
            assert_eq!(run.wait().unwrap().code(), Some(code), "{number}");
        }
        assert_eq!(corten.ok(&["ps", "-aq"]), "");
    }

    #[test]
    fn further_processes() {
        let corten = corten();
        server(&corten, "web");
        let exec = corten.run(&[
            "exec",
            "-e",
            "A=b",
            "-w",
            "/tmp",
            "web",
            "sh",
            "-c",
            "echo $A; pwd >&2; exit 5",
        ]);
        assert_eq!((exec.code, exec.stdout.as_str(), exec.stderr.as_str()), (5, "b\n", "/tmp\n"));
        assert_eq!(corten.run_with(&["exec", "-i", "web", "cat"], b"through").stdout, "through");
        assert_eq!(corten.ok(&["exec", "-u", "65534", "web", "id", "-u"]), "65534");
        let groups = ["-u", "1000:5", "web", "grep", "Groups", "/proc/self/status"];
        assert_eq!(corten.ok(&[&["exec"], &groups[..]].concat()), "Groups:\t5 ");
        corten.fails(&["exec", "web", "no-such-command"], 127);
        corten.fails(&["exec", "web", "/etc/passwd"], 126);
        corten.ok(&["exec", "-d", "web", "touch", "/made"]);
        wait_until("the detached one did its work", || {
            corten.run(&["exec", "web", "test", "-e", "/made"]).code == 0
        });
    }

    #[test]
    fn logs_by_tail_and_time_and_on() {
        let corten = corten();
        let script = "for n in 1 2 3 4 5; do echo line $n; done; echo err >&2; read go; echo last";
        corten.ok(&["run", "-d", "-i", "--name", "talk", "busybox", "sh", "-c", script]);
        wait_until("all was said", || corten.run(&["logs", "talk"]).stderr == "err\n");
        let logs = corten.run(&["logs", "talk"]);
        assert_eq!(logs.stdout, "line 1\nline 2\nline 3\nline 4\nline 5\n");
        let lines = |args: &[&str]| {
            let logs = corten.run(args);
            logs.stdout.lines().count() + logs.stderr.lines().count()
        };
        assert_eq!(lines(&["logs", "-n", "2", "talk"]), 2);
        assert_eq!(lines(&["logs", "--tail=all", "talk"]), 6);
        assert_eq!(lines(&["logs", "--since", "1h", "talk"]), 6);
        assert_eq!(lines(&["logs", "--until", "1h", "talk"]), 0);
        assert_eq!(lines(&["logs", "--until", "-1.5h", "--since", "", "--tail", "", "talk"]), 6);
        let stamped = corten.run(&["logs", "-t", "talk"]).stdout;
        let time = stamped.split(' ').next().unwrap();
        assert!(time.ends_with('Z') && time.parse::<jiff::Timestamp>().is_ok(), "{stamped}");

        let mut follower = corten.command();
        let follower =
            follower.args(["logs", "-f", "-n", "2", "talk"]).stdout(Stdio::piped()).spawn();
        let mut follower = follower.unwrap();
        // Its first line says that it has begun.
        let mut followed = BufReader::new(follower.stdout.take().unwrap());
        let mut line = String::new();
        followed.read_line(&mut line).unwrap();
        assert_eq!(line, "line 5\n");
        let attached = corten.run_with(&["attach", "talk"], b"go\n");
        assert_eq!((attached.code, attached.stdout.as_str()), (0, "last\n"));
        let mut rest = String::new();
        followed.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "last\n");
        assert!(follower.wait().unwrap().success());
    }

    #[test]
    fn lists_and_filters() {
        let corten = corten();
        server(&corten, "web");
        corten.ok(&["create", "--name", "idle", "--label", "a.b=c", "busybox", "true"]);
        let names = |args: &[&str]| {
            let out = corten.ok(&[&["ps", "--format", "{{.Names}}"], args].concat());
            let mut names: Vec<String> = out.lines().map(str::to_owned).collect();
            names.sort();
            names.join(" ")
        };
        assert_eq!(names(&[]), "web");
        assert_eq!(names(&["-a"]), "idle web");
        assert_eq!(names(&["-a", "--filter", "status=created"]), "idle");
        assert_eq!(names(&["-a", "-f", "label=a.b"]), "idle");
        assert_eq!(names(&["-a", "-f", "label=a.b=d"]), "");
        assert_eq!(names(&["-af", "name=we"]), "web");
        assert_eq!(names(&["-af", "name=^/?(web|x)$"]), "web");
        assert_eq!(names(&["-af", "name=^we$"]), "");
        assert_eq!(names(&["-a", "-f", "label=a.b", "-f", "label=absent"]), "");
        assert_eq!(names(&["-a", "-f", "name=web", "-f", "name=idle"]), "idle web");
        assert_eq!(names(&["-a", "-f", "health=healthy"]), "");
        assert_eq!(names(&["-n", "0"]), "web");
        assert_eq!(names(&["-f", "status=created"]), "idle");
        assert_eq!(names(&["-f", "exited=0"]), "");
        assert_eq!(names(&["-n", "2"]), "idle web");
    }

    /// Words of a table's line, which are parted by two spaces or more.
    fn words_of(line: &str) -> Vec<&str> {
        line.split("  ").map(str::trim).filter(|word| !word.is_empty()).collect()
    }

    #[test]
    fn formats() {
        let corten = corten();
        server(&corten, "web");
        corten.ok(&["create", "--name", "idle", "--label", "a.b=c", "busybox", "true"]);
        let label = corten.ok(&["ps", "-af", "name=idle", "--format", r#"{{.Label "a.b"}}"#]);
        assert_eq!(label, "c");
        let table = corten.ok(&["ps", "--format", "table {{.Names}}\t{{.Image}}"]);
        assert_eq!(table, "NAMES     IMAGE\nweb       busybox");
        let table = corten.ok(&[
            "ps",
            "-af",
            "name=idle",
            "--format",
            r#"table {{.State}}\t{{.LocalVolumes}}\t{{.Networks}}\t{{.Label "a.some-label"}}\t{{.CreatedAt}}"#,
        ]);
        let mut lines = table.lines();
        let head = words_of(lines.next().unwrap());
        assert_eq!(head, ["STATE", "LOCAL VOLUMES", "NETWORKS", "some label", "CREATED AT"]);
        assert!(lines.next().unwrap().starts_with("created   0               bridge"), "{table}");
        let empty =
            corten.ok(&["ps", "-f", "name=nobody", "--format", "table {{.Names}} {{.Mounts}}"]);
        assert_eq!(empty, "NAMES MOUNTS");
        let sized = corten.ok(&["inspect", "-s", "-f", "{{lt .SizeRw .SizeRootFs}}", "web"]);
        assert_eq!(sized, "true");
        let sized = corten.ok(&["ps", "--format", "{{.Size}}"]);
        assert!(sized.contains("B (virtual "), "{sized}");
        corten.ok(&["create", "--name", "words", "busybox", "sh", "-c", "echo \"a b\""]);
        let command = ["ps", "-af", "name=words", "--no-trunc", "--format", "{{.Command}}"];
        assert_eq!(corten.ok(&command), r#""sh -c 'echo \"a b\"'""#);
        let top = corten.ok(&["top", "web", "-o", "pid,comm,args"]);
        let top: Vec<Vec<&str>> = top.lines().map(words_of).collect();
        assert_eq!(top.first().unwrap(), &["PID", "COMMAND", "COMMAND"]);
        assert!(top.get(1).unwrap().get(2).unwrap().starts_with("sh -c trap"), "{top:?}");
        let quiet = corten.run(&["ps", "-q", "--format", "{{.Names}}"]);
        assert!(quiet.stdout.len() == 13 && quiet.stderr.contains("ignored"), "{quiet:?}");
        let head = corten.ok(&["ps", "-s"]);
        let head = words_of(head.lines().next().unwrap());
        assert_eq!(
            head,
            ["CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES", "SIZE"]
        );
        let json = corten.ok(&["ps", "--format", "json"]);
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!((&json["Names"], &json["State"]), (&"web".into(), &"running".into()));
        assert_eq!(corten.ok(&["inspect", "-f", "{{index .Config.Labels \"a.b\"}}", "idle"]), "c");
        let image = corten.ok(&[
            "inspect",
            "--format",
            "{{json .Config.Cmd}}",
            "--type",
            "image",
            "busybox",
        ]);
        assert!(image.starts_with('['), "{image}");
        for bad in ["{{.Names", "{{.Nope}}", "{{nope}}"] {
            assert!(
                corten.fails(&["ps", "--format", bad], 1).starts_with("error: template: "),
                "{bad}"
            );
        }
    }

    #[test]
    fn images_are_filtered() {
        let corten = corten();
        corten.ok(&["tag", "busybox", "local/tools:2"]);
        let archive = corten.directory().join("empty.tar");
        let mut tar = Command::new("tar");
        tar.arg("-cf").arg(&archive).args(["-C", "/etc", "hostname"]);
        assert!(tar.status().unwrap().success());
        corten.ok(&["import", "-c", "LABEL a=b", archive.to_str().unwrap()]);
        let names = |args: &[&str]| {
            let format = ["images", "--format", "{{.Repository}}:{{.Tag}}"];
            let out = corten.ok(&[&format, args].concat());
            let mut names: Vec<String> = out.lines().map(str::to_owned).collect();
            names.sort();
            names.join(" ")
        };
        for (args, found) in [
            (&[][..], "<none>:<none> busybox:latest local/tools:2"),
            (&["busy*"], "busybox:latest"),
            (&["local/tools"], "local/tools:2"),
            (&["local/*:1"], ""),
            (
                &["-f", "reference=*/tools", "-f", "reference=busybox:latest"],
                "busybox:latest local/tools:2",
            ),
            (&["-f", "dangling=true"], "<none>:<none>"),
            (&["-f", "dangling=false"], "busybox:latest local/tools:2"),
            (&["-f", "label=a=b"], "<none>:<none>"),
            (&["-f", "label=a", "-f", "label=c"], ""),
            (&["-f", "since=busybox"], "<none>:<none>"),
            (&["-f", "before=busybox"], ""),
        ] {
            assert_eq!(names(args), found, "{args:?}");
        }
        corten.fails(&["images", "-f", "since=nothing"], 1);
        let bytes = corten.ok(&["history", "--human=false", "--format", "{{.Size}}", "busybox"]);
        assert!(bytes.parse::<u64>().is_ok_and(|bytes| bytes > 100_000), "{bytes}");
        assert!(
            corten.fails(&["images", "-f", "size=1"], 1).contains("dangling, label, reference")
        );
    }

    /// Exit codes, and words on standard error.
    fn refused(cases: &[(&[&str], i32, &[&str])]) {
        let corten = Corten::new(env!("CARGO_BIN_EXE_corten"));
        for (args, code, words) in cases {
            let said = corten.fails(args, *code);
            for word in *words {
                assert!(said.contains(word), "{args:?}: {word:?} is missing: {said}");
            }
        }
    }

    #[test]
    fn usage_errors_are_dockers() {
        refused(&[
            (
                &["run", "--memroy", "1", "x"],
                125,
                &["unknown flag: --memroy", "did you mean --memory?", "See 'corten run --help'."],
            ),
            (&["run", "-itz", "x"], 125, &["unknown shorthand flag: 'z' in -itz"]),
            (&["run"], 1, &["'corten run' requires at least 1 argument"]),
            (&["ps", "x"], 1, &["'corten ps' accepts no arguments"]),
            (&["ps", "--al"], 125, &["unknown flag: --al", "did you mean --all?"]),
            (&["strat"], 1, &["'strat' is not a corten command", "did you mean 'corten start'?"]),
            (
                &["container", "strat"],
                1,
                &[
                    "'container strat' is not a corten command",
                    "did you mean 'corten container start'?",
                    "See 'corten container --help'.",
                ],
            ),
            (&["stop", "--timeout"], 125, &["flag needs an argument: --timeout"]),
            (
                &["stop", "-t", "soon", "x"],
                125,
                &["invalid argument \"soon\" for \"-t, --timeout\" flag"],
            ),
            (
                &["ps", "-f", "status"],
                125,
                &["\"-f, --filter\" flag: it is not of the form KIND=VALUE"],
            ),
            (&["create", "-m", "x", "x"], 125, &["memory limit"]),
            (&["create", "--pull=never", "-m", "1g", "x"], 1, &["no such image"]),
        ]);
    }

    #[test]
    fn what_does_not_exist_yet_is_refused_by_name() {
        refused(&[
            (&["create", "--use-api-socket", "x"], 125, &["--use-api-socket is not supported yet"]),
            (&["ps", "--restart"], 125, &["unknown flag: --restart"]),
        ]);
    }

    #[test]
    fn values_that_cannot_be_are_refused() {
        refused(&[
            (&["image", "foo"], 1, &["'image foo' is not a corten command\nSee"]),
            (&["logs", "--since", "never", "x"], 1, &["invalid value \"never\" for --since"]),
            (
                &["run", "--network", "container:x", "-h", "y", "x"],
                125,
                &["invalid hostname \"y\""],
            ),
            (&["run", "-v", "/tmp:/x:ro,rw", "x"], 125, &["both ro and rw"]),
            (
                &["run", "--mount", "type=bind,src=/a,dst=/b,bind-propagation=no", "x"],
                125,
                &["rslave"],
            ),
            (&["run", "-m", "", "x"], 125, &["invalid memory limit \"\""]),
            (&["exec", "-w", "etc", "x", "true"], 125, &["invalid working directory \"etc\""]),
            (&["rm", "-f", ""], 1, &["no such container"]),
            (&["rmi", "-f", "nothing"], 0, &["no such image"]),
            (&["inspect", "-f", "{{", "x"], 64, &["template: unclosed action"]),
            (&["--debug", "ps"], 125, &["unknown flag: --debug", "See 'corten --help'."]),
            (&["--root"], 125, &["flag needs an argument: --root"]),
            (&["--root=", "ps"], 1, &["--root is empty"]),
            (&["help", "nothing"], 1, &["'nothing' is not a corten command"]),
        ]);
    }

    /// As `corten … | head -1`: nothing is said, and the exit code is that of a program that SIGPIPE ended.
    #[test]
    fn a_reader_that_has_gone_is_no_error() {
        let corten = corten();
        corten.ok(&["run", "--name", "box", "busybox", "seq", "100000"]);
        for words in [
            &["ps", "-a"][..],
            &["ps", "-aq"],
            &["ps", "-a", "--format", "{{.ID}}"],
            &["images"],
            &["images", "-q"],
            &["images", "--tree"],
            &["history", "busybox"],
            &["history", "-q", "busybox"],
            &["logs", "box"],
            &["save", "busybox"],
            &["export", "box"],
            &["export", "-o", "/dev/stdout", "box"],
            &["inspect", "box"],
            &["image", "inspect", "busybox"],
            &["info"],
            &["version"],
            &["system", "df"],
            &["system", "df", "-v"],
            &["system", "check"],
            &["system", "prune", "-f", "--filter", "until=1h"],
            &["completion", "bash"],
            &["oci", "list"],
            &["oci", "features"],
        ] {
            let (reader, writer) = std::io::pipe().unwrap();
            drop(reader);
            let output = corten.command().args(words).stdout(writer).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!((output.status.code(), &*said), (Some(141), ""), "{words:?}");
        }
        // What a command did is done, whether or not its words are read.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = corten.command().args(["rm", "box"]).stdout(writer).output().unwrap();
        assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
        assert_eq!(corten.ok(&["ps", "-aq"]), "");
    }

    #[test]
    fn an_id_file_is_made_once() {
        let corten = corten();
        let file = corten.directory().join("id");
        let path = file.to_str().unwrap();
        let id = corten.ok(&["run", "-d", "--cidfile", path, "busybox", "true"]);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), id);
        assert!(
            corten.fails(&["run", "--cidfile", path, "busybox", "true"], 125).contains("EEXIST")
        );
        let other = corten.directory().join("other");
        corten.fails(&["create", "--cidfile", other.to_str().unwrap(), "no-such-image"], 1);
        assert!(!other.exists(), "a failed create leaves no id file");
    }
}
