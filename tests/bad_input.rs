//! Bad input: one clear line that says what, where and why, the right exit code, and nothing left behind.

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    use testkit::{Corten, wait_until};

    fn corten() -> Corten {
        Corten::with_busybox(env!("CARGO_BIN_EXE_corten"))
    }

    #[track_caller]
    fn one_line(stderr: &str, words: &[&str]) {
        let lines: Vec<&str> = stderr.lines().filter(|line| !line.starts_with("hint: ")).collect();
        let usage = stderr.contains("See 'corten");
        assert!(lines.len() == 1 || usage, "not one line: {stderr}");
        assert!(!stderr.contains("failed to") && !stderr.contains("panicked"), "{stderr}");
        for word in words {
            assert!(stderr.contains(word), "{word:?} is missing: {stderr}");
        }
    }

    #[track_caller]
    fn nothing_left(corten: &Corten) {
        assert_eq!(corten.ok(&["ps", "--all", "--quiet"]), "");
        let entries = |name: &str| fs::read_dir(corten.root().join(name)).unwrap().count();
        assert_eq!((entries("containers"), entries("tmp")), (0, 0));
    }

    #[test]
    fn exit_codes_of_commands_that_cannot_run() {
        let corten = corten();
        one_line(
            &corten.fails(&["run", "--rm", "busybox", "no-such-command"], 127),
            &["no-such-command"],
        );
        one_line(&corten.fails(&["run", "--rm", "busybox", "/etc/passwd"], 126), &["/etc/passwd"]);
        one_line(&corten.fails(&["run", "--rm", "busybox", "/etc"], 126), &["/etc"]);
        let missing = ["run", "--rm", "--pull", "never", "no-such-image"];
        one_line(&corten.fails(&missing, 125), &["no-such-image"]);
        one_line(
            &corten.fails(&["run", "--rm", "--no-such-flag", "busybox"], 125),
            &["--no-such-flag"],
        );
        nothing_left(&corten);
        assert_eq!(corten.run(&["run", "--rm", "busybox", "sh", "-c", "exit 42"]).code, 42);
        // Process 1 is deaf to its own namespace's SIGKILL, pid_namespaces(7): a child of it is not.
        let killed = "sh -c 'kill -9 $$'; exit $?";
        assert_eq!(corten.run(&["run", "--rm", "busybox", "sh", "-c", killed]).code, 137);
        nothing_left(&corten);
    }

    #[test]
    fn an_unknown_image_names_the_closest() {
        let corten = corten();
        let misspelt = ["run", "--pull", "never", "busibox", "true"];
        one_line(&corten.fails(&misspelt, 125), &["busibox", "busybox"]);
        nothing_left(&corten);
    }

    #[test]
    fn invalid_names_references_and_limits() {
        let corten = corten();
        for (args, words) in [
            (&["run", "--name", "a b", "busybox", "true"][..], &["a b", "name"][..]),
            (&["run", "Busybox", "true"], &["Busybox", "lower"]),
            (&["run", "--memory", "12q", "busybox", "true"], &["12q"]),
            (&["run", "--memory", "1k", "busybox", "true"], &["memory"]),
            (&["run", "--cpus", "-1", "busybox", "true"], &["cpus"]),
            (&["run", "--cpus", "10000", "busybox", "true"], &["cpus"]),
            (&["run", "--pids-limit", "many", "busybox", "true"], &["many"]),
            (&["run", "--cpuset-cpus", "9-1", "busybox", "true"], &["9-1"]),
            (&["run", "--cap-add", "CAP_NOTHING", "busybox", "true"], &["CAP_NOTHING"]),
            (&["run", "--ulimit", "nofile=2:1", "busybox", "true"], &["nofile"]),
            (&["run", "--sysctl", "kernel.panic=1", "busybox", "true"], &["kernel.panic"]),
            (&["run", "--network", "container:nobody", "busybox", "true"], &["nobody"]),
            (
                &["run", "--security-opt", "seccomp=/no/such/file", "busybox", "true"],
                &["/no/such/file"],
            ),
            (
                &["run", "--device", "/dev/no-such-device", "busybox", "true"],
                &["/dev/no-such-device"],
            ),
            (&["run", "--user", "nobody-knows", "busybox", "true"], &["nobody-knows"]),
            (&["run", "-v", "relative/../path:/x", "busybox", "true"], &["relative/../path"]),
            (&["run", "-w", "not/absolute", "busybox", "true"], &["not/absolute"]),
            (&["run", "--env-file", "/no/such/file", "busybox", "true"], &["/no/such/file"]),
            (&["run", "--stop-signal", "SIGNOTHING", "busybox", "true"], &["SIGNOTHING"]),
        ] {
            one_line(&corten.fails(args, 125), words);
        }
        nothing_left(&corten);
    }

    #[test]
    fn unknown_containers() {
        let corten = corten();
        for command in
            ["stop", "kill", "rm", "wait", "pause", "unpause", "top", "logs", "attach", "start"]
        {
            one_line(&corten.fails(&[command, "nobody"], 1), &["nobody", "no such container"]);
        }
        one_line(&corten.fails(&["inspect", "nobody"], 1), &["nobody"]);
        one_line(&corten.fails(&["exec", "nobody", "true"], 1), &["nobody", "no such container"]);
    }

    #[test]
    fn archives_that_are_none() {
        let corten = corten();
        for (name, bytes) in [
            ("empty", &b""[..]),
            ("text", b"this is no archive, it is a text that is longer than one might think"),
            ("gzip", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03truncated"),
            ("zeros", &[0; 10_240]),
        ] {
            let path = corten.directory().join(name);
            #[expect(clippy::disallowed_methods, reason = "a test's own file")]
            fs::write(&path, bytes).unwrap();
            one_line(&corten.fails(&["load", "--input", path.to_str().unwrap()], 1), &["load"]);
        }
        one_line(&corten.fails(&["load", "--input", "/no/such/archive"], 1), &["/no/such/archive"]);
        one_line(&corten.run_with(&["load"], b"").stderr, &["load"]);
        nothing_left(&corten);
        assert_eq!(corten.ok(&["images", "--quiet"]).lines().count(), 1);
    }

    #[test]
    fn the_store_of_another_user() {
        let corten = corten();
        fs::set_permissions(corten.directory(), fs::Permissions::from_mode(0o755)).unwrap();
        // The build directory may be unreadable to others: a copy is not.
        let program = corten.directory().join("corten");
        fs::copy(env!("CARGO_BIN_EXE_corten"), &program).unwrap();
        let mut command = Command::new(&program);
        command
            .arg("--root")
            .arg(corten.root())
            .arg("--state")
            .arg(corten.state())
            .args(["run", "busybox", "true"]);
        let output = command.uid(65534).gid(65534).output().unwrap();
        assert_eq!(output.status.code(), Some(125));
        one_line(&String::from_utf8(output.stderr).unwrap(), &["keeper.users", "EACCES"]);
    }

    /// A store on a file system of 8 MiB: the load does not fit, says so, and gives back what it took.
    #[test]
    fn a_full_disk() {
        let corten = Corten::new(env!("CARGO_BIN_EXE_corten"));
        let archive = corten.directory().join("big.tar");
        let tree = corten.directory().join("tree");
        fs::create_dir(&tree).unwrap();
        let mut made = Command::new("dd");
        made.args(["if=/dev/urandom", "bs=1M", "count=16", "status=none"])
            .arg(format!("of={}", tree.join("big").display()));
        assert!(made.status().unwrap().success());
        assert!(
            Command::new("tar")
                .arg("-C")
                .arg(&tree)
                .arg("-cf")
                .arg(&archive)
                .arg(".")
                .status()
                .unwrap()
                .success()
        );

        // The mount lives in a mount namespace of its own: it is gone with the shell, whatever happens.
        let root = corten.directory().join("small");
        fs::create_dir(&root).unwrap();
        let script = r#"mount -t tmpfs -o size=8m tmpfs "$1" || exit 99
            "$0" --root "$1/root" --state "$1/state" import "$2" big 2>&1; code=$?
            find "$1/root/tmp" "$1/root/layers" "$1/root/blobs" -type f 2>/dev/null | wc -l
            exit $code"#;
        let output = Command::new("unshare")
            .args([
                "--mount",
                "--propagation",
                "private",
                "sh",
                "-c",
                script,
                env!("CARGO_BIN_EXE_corten"),
            ])
            .args([&root, &archive])
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        let (error, left) = said.trim_end().rsplit_once('\n').unwrap();
        one_line(error, &["ENOSPC"]);
        assert_eq!(left, "0", "files were left on the full disk: {said}");
    }

    #[test]
    fn a_read_only_root() {
        let corten = corten();
        let script = r#"mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" || exit 99
            exec "$0" --root "$1" --state "$2" run busybox true"#;
        let output = Command::new("unshare")
            .args([
                "--mount",
                "--propagation",
                "private",
                "sh",
                "-c",
                script,
                env!("CARGO_BIN_EXE_corten"),
            ])
            .args([corten.root(), corten.state()])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(125));
        one_line(&String::from_utf8(output.stderr).unwrap(), &["root"]);
    }

    #[test]
    fn a_command_that_is_interrupted_leaves_its_container_to_the_next_command() {
        let corten = corten();
        let mut run = corten
            .command()
            .args(["run", "--rm", "--name", "victim", "busybox", "sleep", "1000"])
            .spawn()
            .unwrap();
        wait_until("it runs", || corten.ok(&["ps", "--quiet"]).lines().count() == 1);
        run.kill().unwrap();
        run.wait().unwrap();
        assert_eq!(corten.ok(&["ps", "--quiet"]).lines().count(), 1, "the container lives on");
        corten.ok(&["kill", "victim"]);
        wait_until("--rm is kept by the monitor", || {
            corten.ok(&["ps", "--all", "--quiet"]).is_empty()
        });
    }
}
