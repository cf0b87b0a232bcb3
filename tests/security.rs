//! What confines a container, asked for by flags and seen from inside.

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use testkit::{Corten, Finished};

    fn corten() -> Corten {
        Corten::with_busybox(env!("CARGO_BIN_EXE_corten"))
    }

    /// Docker's form: a rule for those without a capability, one for those with it, one for another machine, one for old kernels.
    const PROFILE: &str = r#"{
        "defaultAction": "SCMP_ACT_ALLOW", "defaultErrnoRet": null,
        "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]}],
        "syscalls": [
            {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28, "args": [],
             "comment": "no space for those who are no administrators", "includes": {}, "excludes": {"caps": ["CAP_SYS_ADMIN"]}},
            {"name": "sethostname", "action": "SCMP_ACT_ERRNO", "errnoRet": 5, "includes": {"caps": ["CAP_SYS_ADMIN"]}},
            {"names": ["chmod", "fchmodat"], "action": "SCMP_ACT_ERRNO", "includes": {"arches": ["s390x"]}},
            {"names": ["unlink", "unlinkat"], "action": "SCMP_ACT_ERRNO", "excludes": {"minKernel": "3.0"}},
            {"names": ["symlink", "symlinkat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38, "includes": {"minKernel": "3.0"}}
        ]}"#;

    fn profile(corten: &Corten, text: &str) -> String {
        let file = corten.directory().join("profile.json");
        #[expect(clippy::disallowed_methods, reason = "a test's own file")]
        std::fs::write(&file, text).unwrap();
        format!("seccomp={}", file.display())
    }

    #[test]
    fn a_profiles_conditions_follow_the_container() {
        let corten = corten();
        let option = profile(&corten, PROFILE);
        let run = |flags: &[&str], script: &str| {
            let mut line = vec!["run", "--rm", "--network", "none", "--security-opt", &option];
            line.extend(flags);
            line.extend(["busybox", "sh", "-c", script]);
            corten.run(&line)
        };
        let plain = run(&[], "touch f && chmod 600 f && rm f && ln -s a b; mkdir /x");
        assert!(plain.stderr.contains("No space left"), "{plain:?}");
        assert!(plain.stderr.contains("Function not implemented"), "{plain:?}");
        assert_eq!(plain.stderr.lines().count(), 2, "{plain:?}");
        let admin = run(&["--cap-add", "SYS_ADMIN"], "mkdir /x && hostname other");
        assert!(admin.stderr.contains("Input/output error"), "{admin:?}");
        assert_eq!(admin.stderr.lines().count(), 1, "{admin:?}");
        // A further process has the same filter.
        corten.ok(&[
            "run",
            "-d",
            "--name",
            "web",
            "--security-opt",
            &option,
            "busybox",
            "sleep",
            "99",
        ]);
        let exec = corten.run(&["exec", "web", "mkdir", "/x"]);
        assert!(exec.stderr.contains("No space left"), "{exec:?}");
        // Who asks for a profile has it, privileged or not.
        let privileged = run(&["--privileged"], "mkdir /x && hostname other");
        assert!(privileged.stderr.contains("Input/output error"), "{privileged:?}");
    }

    /// What happens between the filter and the program must not need calls that a profile of 2018 does not have.
    #[test]
    fn an_old_profile_denies_us_nothing() {
        let corten = corten();
        let text = r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["close_range", "clone3", "openat2", "faccessat2",
            "open_tree", "move_mount", "mount_setattr", "pidfd_open", "rseq", "epoll_pwait2", "fsopen", "execveat", "statx"],
            "action": "SCMP_ACT_ERRNO", "errnoRet": 38}]}"#;
        let option = profile(&corten, text);
        // The shell closes descriptors of its own meanwhile.
        let script = "ls -l /proc/1/fd 2>/dev/null | grep -c socket:; exit 7";
        for flags in [&[][..], &["--init"], &["--security-opt", "no-new-privileges"], &["-t"]] {
            let mut line = vec!["run", "--rm", "--security-opt", &option];
            line.extend(flags);
            line.extend(["busybox", "sh", "-c", script]);
            let run = corten.run(&line);
            assert_eq!((run.code, run.stdout.trim_end()), (7, "0"), "{flags:?}: {run:?}");
        }
    }

    #[test]
    fn a_wrong_profile_is_refused_when_it_is_given() {
        let corten = corten();
        for (text, words) in [
            (PROFILE.replace("excludes", "exclude"), "unknown field `exclude`"),
            (PROFILE.replace("3.0", "3"), "\"3\" is no kernel version"),
            (PROFILE.replace("SCMP_ACT_ERRNO", "SCMP_ACT_SULK"), "SCMP_ACT_SULK"),
            (
                PROFILE.replace("mkdirat\"]", "mkdirat\"], \"name\": \"mkdir\""),
                "syscalls[0] has both",
            ),
            ("{".to_owned(), "EOF"),
        ] {
            let option = profile(&corten, &text);
            let made = corten.run(&["create", "--security-opt", &option, "busybox", "true"]);
            assert_eq!((made.code, made.stdout.as_str()), (125, ""), "{made:?}");
            assert!(made.stderr.contains(words), "{words}: {made:?}");
        }
        assert_eq!(corten.ok(&["ps", "-aq"]), "");
    }

    #[test]
    fn no_process_of_a_container_gains_rights_that_is_not_to() {
        let corten = corten();
        let line = "grep NoNewPrivs /proc/self/status";
        let begin = |name: &str, option: &str| {
            let health = ["--health-cmd", "grep NoNewPrivs /proc/self/status > /tmp/seen"];
            let flags = ["--network", "none", "--security-opt", option];
            let run = [&["run", "-d", "--name", name], &flags[..], &health].concat();
            corten.ok(&[&run[..], &["busybox", "sleep", "1000"]].concat());
            corten.ok(&["healthcheck", "run", name]);
            ["cat /tmp/seen", line].map(|line| corten.ok(&["exec", name, "sh", "-c", line]))
        };
        assert_eq!(begin("kept", "no-new-privileges"), ["NoNewPrivs:\t1"; 2]);
        assert_eq!(begin("kept-too", "no-new-privileges:true"), ["NoNewPrivs:\t1"; 2]);
        assert_eq!(begin("free", "no-new-privileges=false"), ["NoNewPrivs:\t0"; 2]);
        let exec = corten.ok(&["exec", "--privileged", "kept", "sh", "-c", line]);
        assert_eq!(exec, "NoNewPrivs:\t1");
    }

    /// The program in a mount namespace without the hierarchy of `controller`.
    fn without(corten: &Corten, controller: &str, args: &[&str]) -> Finished {
        let plain = corten.command();
        let script = format!("umount /sys/fs/cgroup/{controller} && exec \"$@\"");
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-c", &script, "sh"]).arg(plain.get_program());
        let output = command.args(plain.get_args()).args(args).stdin(Stdio::null()).output();
        Finished::from(output.unwrap())
    }

    #[test]
    fn a_limit_that_cannot_be_set_is_said_once() {
        let corten = corten();
        let said = "WARNING: --pids-limit discarded: the pids controller is not available\n";
        let limited = ["--pids-limit", "9", "--name", "web", "busybox", "echo", "ran"];
        let run = without(&corten, "pids", &[&["run", "--rm"][..], &limited].concat());
        assert_eq!((run.stdout.as_str(), run.stderr.as_str(), run.code), ("ran\n", said, 0));
        let create = without(&corten, "pids", &[&["create"][..], &limited].concat());
        assert_eq!((create.stdout.len(), create.stderr.as_str(), create.code), (65, said, 0));
        let there = corten.run(&[&["run", "--rm"][..], &limited[..2], &limited[4..]].concat());
        assert_eq!((there.stdout.as_str(), there.stderr.as_str()), ("ran\n", ""));
    }

    #[test]
    fn called_as_corten_oci_it_is_that_face_and_no_other() {
        use std::os::unix::process::CommandExt;
        let mut command = Command::new(env!("CARGO_BIN_EXE_corten"));
        let called = command.arg0("/usr/bin/corten-oci").args(["images", "-a"]).output().unwrap();
        assert_ne!(called.status.code(), Some(0));
        let said = String::from_utf8(called.stderr).unwrap();
        assert!(said.contains("oci images"), "{said}");
    }

    /// CVE-2020-15257: whoever shares the host's network reaches abstract sockets, which have no permissions. Ours are files.
    #[test]
    fn no_control_socket_is_abstract() {
        let corten = corten();
        corten.ok(&["run", "-d", "--name", "web", "--network", "host", "busybox", "sleep", "1000"]);
        let id = corten.ok(&["inspect", "--format", "{{.Id}}", "web"]);
        let state = corten.state().join("containers").join(id).join("state.json");
        let state: serde_json::Value =
            serde_json::from_slice(&std::fs::read(state).unwrap()).unwrap();
        let sockets: Vec<String> = std::fs::read_dir(format!("/proc/{}/fd", state["monitor_pid"]))
            .unwrap()
            .flatten()
            .filter_map(|entry| std::fs::read_link(entry.path()).ok())
            .filter_map(|link| {
                Some(link.to_str()?.strip_prefix("socket:[")?.trim_end_matches(']').to_owned())
            })
            .collect();
        assert!(!sockets.is_empty(), "a monitor listens");
        // Num RefCount Protocol Flags Type St Inode Path: proc_net(5); an abstract name begins with "@".
        let seen = corten.ok(&["exec", "web", "cat", "/proc/net/unix"]);
        let mut found = false;
        for line in seen.lines() {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let [_, _, _, _, _, _, inode, path] = fields.as_slice() else { continue };
            let ours = sockets.iter().any(|socket| socket == inode);
            found |= ours;
            assert!(!(ours && path.starts_with('@')), "{line}");
        }
        assert!(found, "the container sees the host's sockets");
    }

    /// CVE-2024-21626: a directory of the host that the caller had open is no working directory, for `run` and for `exec`.
    #[test]
    fn an_open_directory_of_the_caller_is_no_way_out() {
        let corten = corten();
        corten.ok(&["run", "-d", "--name", "web", "--network", "none", "busybox", "sleep", "1000"]);
        let host = corten.directory().join("host");
        std::fs::create_dir_all(host.join("marker-of-the-host")).unwrap();
        let plain = corten.command();
        let mut words: Vec<_> = vec![plain.get_program().to_owned()];
        words.extend(plain.get_args().map(std::ffi::OsStr::to_owned));
        let words: Vec<_> = words.iter().map(|word| word.to_str().unwrap()).collect();
        let plainly = Command::new("bash")
            .args(["-c", "exec 9<.; ls -a /proc/self/fd/9/"])
            .current_dir(&host)
            .output()
            .unwrap();
        assert!(String::from_utf8_lossy(&plainly.stdout).contains("marker-of-the-host"));
        for number in 3..20 {
            for command in ["run --rm --network none -w DIR busybox", "exec -w DIR web"] {
                let command = command.replace("DIR", &format!("/proc/self/fd/{number}"));
                let script = format!(
                    "exec {number}<.; {} {command} sh -c 'ls -a . .. ../.. 2>&1; pwd'",
                    words.join(" ")
                );
                let output =
                    Command::new("bash").args(["-c", &script]).current_dir(&host).output().unwrap();
                let said = String::from_utf8_lossy(&output.stdout).into_owned()
                    + &String::from_utf8_lossy(&output.stderr);
                assert!(!said.contains("marker-of-the-host"), "{command}: {said}");
            }
        }
    }

    /// CVE-2023-25809: what a container sees of its control groups it cannot change.
    #[test]
    fn control_groups_are_read_only() {
        let corten = corten();
        let script = "for d in /sys/fs/cgroup /sys/fs/cgroup/*/; do mkdir $d/mine 2>/dev/null && echo made in $d; done; true";
        let seen = |flags: &[&str]| {
            let line =
                [&["run", "--rm", "--network", "none"], flags, &["busybox", "sh", "-c", script]];
            corten.ok(&line.concat())
        };
        assert_eq!(seen(&[]), "");
        assert!(seen(&["--privileged"]).contains("made in"), "the script can tell");
    }

    /// Through a descriptor of the host's `/dev/null` root inside could change its mode and owner for everybody.
    #[test]
    fn an_empty_stream_is_the_containers_own_null() {
        use std::os::unix::fs::MetadataExt;
        let corten = corten();
        let of_host = std::fs::metadata("/dev/null").unwrap();
        let of_host = format!("{}:{}", of_host.dev(), of_host.ino());
        let script = "for n in 0 1 2; do stat -L -c '%t:%T %d:%i' /proc/$$/fd/$n; done > /tmp/streams; stat -L -c '1:3 %d:%i' /dev/null";
        let check = |seen: &str, own: &str| {
            let stdin = seen.lines().next().unwrap_or_default();
            assert_eq!(stdin, own.trim(), "{seen}");
            assert!(!stdin.ends_with(&of_host), "{seen}");
        };
        corten.ok(&[
            "run",
            "-d",
            "--name",
            "shop",
            "--network",
            "none",
            "busybox",
            "sleep",
            "1000",
        ]);
        let run =
            ["run", "--rm", "--network", "none", "-v", "seen:/tmp", "busybox", "sh", "-c", script];
        let own = corten.ok(&run);
        let look = [
            "run",
            "--rm",
            "--network",
            "none",
            "-v",
            "seen:/tmp",
            "busybox",
            "cat",
            "/tmp/streams",
        ];
        check(&corten.ok(&look), &own);
        let own = corten.ok(&["exec", "shop", "sh", "-c", script]);
        check(&corten.ok(&["exec", "shop", "cat", "/tmp/streams"]), &own);
    }
}
