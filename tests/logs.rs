//! Logs through the program: every driver against a real receiver, bounds, compression, what is lost and how that is told.

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read};
    use std::net::TcpListener;
    use std::os::unix::net::UnixDatagram;
    use std::process::Command;

    use testkit::{Corten, Finished, wait_until};

    const COUNT: &str = "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done";

    fn corten() -> Corten {
        Corten::with_busybox(env!("CARGO_BIN_EXE_corten"))
    }

    /// Runs a container named `c` to its end.
    fn run(corten: &Corten, options: &[&str], script: &str) {
        let argv = [&["run", "--name", "cc"], options, &["busybox", "sh", "-c", script]].concat();
        corten.ok(&argv);
    }

    fn lines(range: std::ops::Range<u32>) -> Vec<String> {
        range.map(|number| format!("line {number}")).collect()
    }

    #[test]
    fn files_are_bounded_compressed_and_read_as_one() {
        let corten = corten();
        let bounds =
            ["--log-opt", "max-size=20k", "--log-opt", "max-file=4", "--log-opt", "compress=true"];
        run(&corten, &bounds, &format!("{COUNT}; sleep 0.3; {COUNT}; echo end"));
        let path = corten.ok(&["inspect", "-f", "{{.LogPath}}", "cc"]);
        let packed = std::path::PathBuf::from(format!("{path}.2.gz"));
        assert!(packed.exists(), "{}", packed.display());
        let all = [lines(0..3000), lines(0..3000), vec!["end".to_owned()]].concat();
        let read = corten.run(&["logs", "cc"]).stdout;
        let read: Vec<&str> = read.lines().collect();
        assert!(read.len() > 500 && read.len() < 1500, "{}", read.len());
        assert_eq!(read, all[all.len() - read.len()..]);
        for tail in [1, 250, read.len() - 1] {
            let shown = corten.run(&["logs", "-n", &tail.to_string(), "cc"]).stdout;
            assert_eq!(shown.lines().collect::<Vec<_>>(), read[read.len() - tail..], "{tail}");
        }
        let format = "{{.HostConfig.LogConfig.Type}} {{json .HostConfig.LogConfig.Config}}";
        assert_eq!(
            corten.ok(&["inspect", "-f", format, "cc"]),
            r#"json-file {"compress":"true","max-file":"4","max-size":"20k"}"#
        );
    }

    #[test]
    fn what_stands_beside_a_line_is_shown_on_demand() {
        let corten = corten();
        let options = ["--label", "a=b c", "--env", "E=1", "--log-opt", "labels=a", "--log-opt"];
        let options =
            [&options[..], &["env-regex=^E$", "--log-opt", "tag={{.Name}}/{{.ImageName}}"]]
                .concat();
        run(&corten, &options, "printf '\\377\\000\\tx\\nno end'");
        assert_eq!(corten.run(&["logs", "cc"]).stdout, "\u{fffd}\0\tx\nno end");
        let shown = corten.run(&["logs", "--details", "cc"]).stdout;
        let details = "E=1,a=b+c,tag=cc%2Fbusybox";
        assert_eq!(shown, format!("{details} \u{fffd}\0\tx\n{details} no end"));
    }

    #[test]
    fn kubernetes_lines_mark_parts() {
        let corten = corten();
        let file = corten.directory().join("own.log");
        let path = format!("path={}", file.display());
        let long = "head -c 20000 /dev/zero | tr '\\0' x; echo; echo err >&2";
        run(&corten, &["--log-driver", "k8s-file", "--log-opt", &path], long);
        let text = std::fs::read_to_string(&file).unwrap();
        let words: Vec<Vec<&str>> =
            text.lines().map(|line| line.splitn(4, ' ').collect()).collect();
        let parts: Vec<_> =
            words.iter().map(|words| (words[1], words[2], words[3].len())).collect();
        let expected = [("stdout", "P", 16384), ("stdout", "F", 3616), ("stderr", "F", 3)];
        assert_eq!(parts, expected);
        let read = corten.run(&["logs", "cc"]);
        assert_eq!((read.stdout, read.stderr.as_str()), ("x".repeat(20_000) + "\n", "err\n"));
        assert_eq!(corten.ok(&["inspect", "-f", "{{.LogPath}}", "cc"]), file.to_str().unwrap());
    }

    #[test]
    fn a_receiver_of_syslog_hears_every_line() {
        let corten = corten();
        let path = corten.directory().join("syslog");
        let receiver = UnixDatagram::bind(&path).unwrap();
        let address = format!("syslog-address=unix://{}", path.display());
        let driver =
            ["--log-driver", "syslog", "--log-opt", &address, "--log-opt", "tag={{.Name}}"];
        run(&corten, &driver, "echo out; echo err >&2");
        let mut heard = Vec::new();
        for _ in 0..2 {
            let mut packet = [0; 1024];
            let count = receiver.recv(&mut packet).unwrap();
            heard.push(String::from_utf8_lossy(&packet[..count]).into_owned());
        }
        heard.sort();
        assert!(heard[0].starts_with("<27>") && heard[0].ends_with("]: err"), "{heard:?}");
        assert!(heard[1].starts_with("<30>") && heard[1].contains(" cc["), "{heard:?}");
        let refused = corten.fails(&["logs", "cc"], 1);
        assert!(
            refused.contains("configured logging driver does not support reading"),
            "{refused}"
        );
        drop(receiver);
        let argv = [&["run", "--rm"], &driver[..], &["busybox", "true"]].concat();
        let refused = corten.fails(&argv, 125);
        assert!(refused.contains("failed to initialize logging driver"), "{refused}");
        assert!(refused.contains("ECONNREFUSED"), "{refused}");
    }

    /// The receiver begins to read when the container has written more than all buffers hold; nothing is lost.
    #[test]
    fn a_slow_receiver_slows_the_container() {
        let corten = corten();
        let receiver = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("syslog-address=tcp://{}", receiver.local_addr().unwrap());
        corten.ok(&[
            "run",
            "-d",
            "--name",
            "cc",
            "--log-driver",
            "syslog",
            "--log-opt",
            &address,
            "--log-opt",
            "syslog-format=rfc5424micro",
            "--log-opt",
            "syslog-facility=local0",
            "busybox",
            "sh",
            "-c",
            "seq 1 300000",
        ]);
        let (stream, _) = receiver.accept().unwrap();
        for (number, line) in BufReader::new(stream).lines().map(Result::unwrap).enumerate() {
            assert!(line.starts_with("<134>1 20"), "{line}");
            assert!(line.ends_with(&format!(" - {}", number + 1)), "{line}");
            if number + 1 == 300_000 {
                break;
            }
        }
        assert_eq!(corten.ok(&["wait", "cc"]), "0");
    }

    #[test]
    fn without_blocking_lines_are_lost_and_that_is_told() {
        let corten = corten();
        let receiver = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("syslog-address=tcp://{}", receiver.local_addr().unwrap());
        let script =
            "seq 1 300000; touch /done; while [ ! -e /go ]; do sleep 0.02; done; echo last";
        corten.ok(&[
            "run",
            "-d",
            "--name",
            "cc",
            "--log-driver",
            "syslog",
            "--log-opt",
            &address,
            "--log-opt",
            "mode=non-blocking",
            "--log-opt",
            "max-buffer-size=64k",
            "busybox",
            "sh",
            "-c",
            script,
        ]);
        let (stream, _) = receiver.accept().unwrap();
        // Nobody reads, and yet it goes on.
        wait_until("all is written", || {
            corten.run(&["exec", "cc", "test", "-e", "/done"]).code == 0
        });
        let reader = std::thread::spawn(move || {
            let lines = BufReader::new(stream).lines().map(Result::unwrap);
            let mut heard = Vec::new();
            for line in lines {
                let text = line.split_once("]: ").unwrap().1.to_owned();
                let is_last = text == "last";
                heard.push(text);
                if is_last {
                    break;
                }
            }
            heard
        });
        // What waits has gone when the loss can be told.
        corten.ok(&["exec", "cc", "touch", "/go"]);
        let heard = reader.join().unwrap();
        let kept = heard.iter().take_while(|line| line.parse::<u32>().is_ok()).count();
        assert!(kept > 100 && kept < 300_000, "{kept}");
        assert!(heard[..kept].iter().enumerate().all(|(at, line)| *line == (at + 1).to_string()));
        let told = heard.iter().find(|line| line.starts_with("corten: ")).unwrap();
        assert!(told.contains("its receiver was too slow"), "{told}");
    }

    #[test]
    fn with_passthrough_the_streams_are_the_callers() {
        let corten = corten();
        let file = corten.directory().join("out");
        let script = "[ -f /proc/self/fd/1 ] && echo a file; cat; exit 3";
        let mut command = corten.command();
        command.args(["run", "-i", "--name", "cc", "--log-driver", "passthrough", "busybox", "sh"]);
        let input = corten.directory().join("in");
        #[expect(clippy::disallowed_methods, reason = "a test's own file")]
        std::fs::write(&input, "input\n").unwrap();
        command.args(["-c", script]).stdout(std::fs::File::create(&file).unwrap());
        let status = command.stdin(std::fs::File::open(&input).unwrap()).status().unwrap();
        assert_eq!(status.code(), Some(3));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "a file\ninput\n");
        for argv in [
            &["run", "-d", "--log-driver", "passthrough", "busybox", "true"][..],
            &["run", "-t", "--log-driver", "passthrough", "busybox", "true"],
            &["create", "-t", "--log-driver", "passthrough", "busybox", "true"],
        ] {
            let refused = corten.run(argv);
            assert!(refused.code != 0, "{refused:?}");
            assert!(refused.stderr.contains("invalid log driver \"passthrough\""), "{refused:?}");
        }
        corten.fails(&["start", "cc"], 1);
        let read = corten.fails(&["logs", "cc"], 1);
        assert!(read.contains("does not support reading"), "{read}");
    }

    #[test]
    fn what_no_driver_knows_is_refused() {
        let corten = corten();
        for (options, words) in [
            (&["--log-driver", "fluentd"][..], "json-file, local, k8s-file, journald, syslog"),
            (&["--log-opt", "max-sise=1"], "max-size"),
            (&["--log-driver", "none", "--log-opt", "tag=x"], "no options"),
        ] {
            let argv = [&["run"], options, &["busybox", "true"]].concat();
            let refused = corten.fails(&argv, 125);
            assert!(refused.contains(words), "{refused}");
        }
        let no_place = ["--log-driver", "k8s-file", "--log-opt", "path=/nowhere/at/all"];
        let refused = corten.fails(&[&["run"], &no_place[..], &["busybox", "true"]].concat(), 125);
        assert!(refused.contains("open /nowhere/at/all: ENOENT"), "{refused}");
        run(&corten, &["--log-driver", "none"], "echo out");
        let read = corten.fails(&["logs", "cc"], 1);
        assert!(read.contains("configured logging driver does not support reading"), "{read}");
        assert_eq!(corten.ok(&["inspect", "-f", "{{.LogPath}}", "cc"]), "");
    }

    /// The journal's own socket, where only the command and its monitor see it.
    fn with_journal(corten: &Corten, directory: &std::path::Path, argv: &[&str]) -> Finished {
        let script = "mount -t tmpfs run /run && mkdir /run/systemd && mount --bind \"$0\" /run/systemd && exec \"$@\"";
        let own = corten.command();
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "sh", "-c", script]).arg(directory);
        command.arg(own.get_program()).args(own.get_args()).args(argv);
        for (name, value) in own.get_envs() {
            if let Some(value) = value {
                command.env(name, value);
            }
        }
        Finished::from(command.output().unwrap())
    }

    #[test]
    fn the_journal_gets_an_entry_for_each_line() {
        let corten = corten();
        let systemd = corten.directory().join("systemd");
        std::fs::create_dir_all(systemd.join("journal")).unwrap();
        let argv = [
            "run",
            "--name",
            "cc",
            "--label",
            "my.key=v",
            "--log-driver",
            "journald",
            "--log-opt",
            "labels=my.key",
            "busybox",
            "sh",
            "-c",
            "echo out; echo err >&2",
        ];
        let refused = with_journal(&corten, &systemd, &argv);
        assert_eq!(refused.code, 125, "{refused:?}");
        assert!(refused.stderr.contains("journald is not enabled on this host"), "{refused:?}");
        corten.ok(&["rm", "cc"]);
        let journal = UnixDatagram::bind(systemd.join("journal/socket")).unwrap();
        let done = with_journal(&corten, &systemd, &argv);
        assert_eq!(done.code, 0, "{done:?}");
        let id = corten.ok(&["inspect", "-f", "{{.Id}}", "cc"]);
        let mut heard = String::new();
        for _ in 0..2 {
            let mut packet = [0; 4096];
            let count = journal.recv(&mut packet).unwrap();
            heard.push_str(&String::from_utf8_lossy(&packet[..count]));
        }
        for field in [
            "MESSAGE=out\nPRIORITY=6\n",
            "MESSAGE=err\nPRIORITY=3\n",
            "CONTAINER_NAME=cc\n",
            "IMAGE_NAME=busybox\n",
            "MY_KEY=v\n",
            &format!("CONTAINER_ID_FULL={id}\n"),
            &format!("CONTAINER_TAG={}\n", &id[..12]),
        ] {
            assert!(heard.contains(field), "{field:?} is missing: {heard}");
        }
    }

    /// Runs a script of `sh` beside systemd's own journal, where this machine has one; the program and its arguments are `"$0" "$@"`.
    fn beside_a_journal(corten: &Corten, script: &str) -> Option<Finished> {
        const JOURNALD: &str = "/usr/lib/systemd/systemd-journald";
        if !std::path::Path::new(JOURNALD).exists() {
            return None;
        }
        let script = format!(
            "mount -t tmpfs run /run; mkdir -p /run/systemd/journal /run/log/journal; {JOURNALD} & pid=$!; trap 'kill $pid; wait $pid' EXIT
            while [ ! -S /run/systemd/journal/socket ]; do sleep 0.02; done
            {script}"
        );
        let own = corten.command();
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "sh", "-c", &script]);
        command.arg(own.get_program()).args(own.get_args());
        command.envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
        Some(Finished::from(command.output().unwrap()))
    }

    /// What went in comes out by `logs`.
    #[test]
    fn a_real_journal_is_read() {
        let script = "\"$0\" \"$@\" run --name cc --label k=v --log-driver journald --log-opt labels=k busybox sh -c 'head -c 20000 /dev/zero | tr \"\\0\" x; echo; echo err >&2; sleep 0.2; echo last' >/run/own 2>&1 || exit
            journalctl --sync --quiet 2>/dev/null || :
            until \"$0\" \"$@\" logs cc | grep -q last; do sleep 0.05; done
            \"$0\" \"$@\" logs --details -n 1 cc; \"$0\" \"$@\" logs cc";
        let Some(read) = beside_a_journal(&corten(), script) else { return };
        assert_eq!(read.stdout, format!("K=v last\n{}\nlast\n", "x".repeat(20_000)), "{read:?}");
        assert!(read.stderr.contains("err\n"), "{read:?}");
    }

    /// The same over the Docker API; who follows hears the end.
    #[test]
    fn a_real_journal_is_followed_over_the_api() {
        let script = "\"$0\" \"$@\" serve --listen unix:///run/api 2>/dev/null & server=$!
            \"$0\" \"$@\" run -d --name cc --label k=v --log-driver journald --log-opt labels=k busybox sh -c 'echo first; while [ ! -e /go ]; do sleep 0.05; done; echo last' >/dev/null || exit
            get() { curl --silent --no-buffer --unix-socket /run/api \"http://docker/containers/cc/logs?stdout=1&stderr=1&$1\"; }
            until get tail=1 | grep -aq first; do sleep 0.05; done
            get follow=1 >/run/followed & follower=$!
            \"$0\" \"$@\" exec cc touch /go; wait $follower
            grep -ao 'first\\|last' /run/followed; get 'details=1&tail=1' | grep -ao 'K=v last'
            kill $server; wait $server; pgrep -f CONTAINER_ID_FULL=$(\"$0\" \"$@\" inspect -f '{{.Id}}' cc); echo over";
        let Some(read) = beside_a_journal(&corten(), script) else { return };
        assert_eq!(read.stdout, "first\nlast\nK=v last\nover\n", "{read:?}");
    }

    #[test]
    fn a_follower_goes_on_over_restarts_and_rotations() {
        let corten = corten();
        let bounds =
            ["--log-opt", "max-size=20k", "--log-opt", "max-file=40", "--log-opt", "compress=true"];
        let argv = ["run", "-d", "--name", "cc", "--restart", "on-failure:1"];
        let script = format!("{COUNT}; exit 1");
        corten.ok(&[&argv[..], &bounds, &["busybox", "sh", "-c", &script]].concat());
        let mut follower = corten.command();
        let mut child = follower
            .args(["logs", "-f", "cc"])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut read = String::new();
        child.stdout.take().unwrap().read_to_string(&mut read).unwrap();
        assert!(child.wait().unwrap().success());
        let all = [lines(0..3000), lines(0..3000)].concat();
        let read: Vec<&str> = read.lines().collect();
        assert_eq!(read, all);
    }
}
