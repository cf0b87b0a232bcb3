//! Containers with user namespaces: which ids they have of the machine, and that everything else is as without one.

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;
    use std::path::{Path, PathBuf};
    use std::process::Command;

    use testkit::{Corten, Finished, give_id_ranges, signal, wait_until};

    const PROGRAM: &str = env!("CARGO_BIN_EXE_corten");
    /// Room for three containers.
    const RANGES: &str = "containers:1000000:196608\n";

    fn corten() -> Corten {
        give_id_ranges(RANGES);
        Corten::with_busybox(PROGRAM)
    }

    fn sh(corten: &Corten, flags: &[&str], script: &str) -> String {
        corten.ok(&[&["run", "--rm"], flags, &["busybox", "sh", "-c", script]].concat())
    }

    /// A container that stays.
    fn keep(corten: &Corten, name: &str, flags: &[&str]) {
        let words = [&["run", "-d", "--name", name], flags, &["busybox", "sleep", "1000"]].concat();
        corten.ok(&words);
    }

    fn uid_map(corten: &Corten, name: &str) -> Vec<u64> {
        let [_, pid] = corten.pids(name);
        let text = std::fs::read_to_string(format!("/proc/{pid}/uid_map")).unwrap();
        text.split_whitespace().map(|word| word.parse().unwrap()).collect()
    }

    fn volume(corten: &Corten, name: &str) -> PathBuf {
        corten.root().join("volumes").join(name).join("_data")
    }

    fn owner(path: &Path) -> (u32, u32) {
        let about = std::fs::symlink_metadata(path).unwrap();
        (about.uid(), about.gid())
    }

    #[test]
    fn root_inside_is_nobody_outside() {
        let corten = corten();
        let script = "id -u; cat /proc/self/uid_map /proc/self/gid_map | tr -s ' '; \
             stat -c %u:%g / /bin/busybox /etc/passwd /etc/hosts /etc/resolv.conf /etc/hostname; \
             echo x > /made && chown 5:6 /made && stat -c %u:%g /made";
        let told = sh(&corten, &["--userns", "auto"], script);
        let expected = "0\n 0 1000000 65536\n 0 1000000 65536\n0:0\n0:0\n0:0\n0:0\n0:0\n0:0\n5:6";
        assert_eq!(told, expected);
        keep(&corten, "web", &["--userns=auto", "-v", "data:/data"]);
        let [_, pid] = corten.pids("web");
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        assert!(status.contains("\nUid:\t1000000\t1000000\t1000000\t1000000\n"), "{status}");
        // On the disk it has the container's ids.
        corten.ok(&[
            "exec",
            "web",
            "sh",
            "-c",
            "echo x > /data/file; chown 7:8 /data/file; touch /own",
        ]);
        assert_eq!(owner(&volume(&corten, "data").join("file")), (7, 8));
        assert_eq!(owner(&volume(&corten, "data")), (0, 0));
        let upper = corten.ok(&["inspect", "-f", "{{.GraphDriver.Data.UpperDir}}", "web"]);
        assert_eq!(owner(&Path::new(&upper).join("own")), (0, 0));
    }

    #[test]
    fn no_two_containers_have_the_same_ids_and_they_come_back() {
        let corten = corten();
        let auto = ["--userns", "auto"];
        for name in ["aa", "bb", "cc"] {
            keep(&corten, name, &auto);
        }
        let firsts: Vec<u64> =
            ["aa", "bb", "cc"].iter().map(|name| uid_map(&corten, name)[1]).collect();
        assert_eq!(firsts, [1_000_000, 1_065_536, 1_131_072]);
        let told = corten.fails(&["run", "--userns", "auto", "busybox", "true"], 125);
        assert!(told.contains("no 65536 ids are left for a user namespace"), "{told}");
        assert!(
            told.contains("of 196608 in /etc/subuid and /etc/subgid 3 containers have"),
            "{told}"
        );
        assert!(told.contains("hint: echo corten:"), "{told}");
        // A smaller one would not fit either; nothing of those that were refused is left.
        assert_eq!(corten.ok(&["ps", "-aq"]).lines().count(), 3);
        // One that has ended keeps what it has.
        corten.ok(&["stop", "-t", "0", "bb"]);
        assert_eq!(corten.run(&["run", "--userns", "auto", "busybox", "true"]).code, 125);
        corten.ok(&["rm", "bb"]);
        keep(&corten, "dd", &auto);
        assert_eq!(uid_map(&corten, "dd")[1], 1_065_536);
        let first = corten.ok(&["inspect", "-f", "{{.HostConfig.IDMappings.UidMap}}", "dd"]);
        assert_eq!(first, "[0:1065536:65536]");
    }

    #[test]
    fn without_lines_ids_are_taken_that_are_nobodys() {
        give_id_ranges("somebody:1:1\n");
        let corten = Corten::with_busybox(PROGRAM);
        keep(&corten, "aa", &["--userns", "auto"]);
        assert_eq!(uid_map(&corten, "aa")[1], 1_879_048_192);
    }

    #[test]
    fn where_somebody_has_those_the_line_that_is_missing_is_named() {
        give_id_ranges("somebody:2000000000:1\n");
        let corten = Corten::with_busybox(PROGRAM);
        let told = corten.fails(&["create", "--userns", "auto", "busybox", "true"], 1);
        assert!(told.contains("have no line in both /etc/subuid and /etc/subgid"), "{told}");
        assert!(told.contains("hint: echo corten:2147483648:2147483647 | tee -a"), "{told}");
        assert_eq!(corten.ok(&["ps", "-aq"]), "");
    }

    /// Killed at calls of each kind: before its record, between record and directory, behind the hand-off.
    #[test]
    fn whenever_a_command_is_killed_no_ids_are_lost() {
        let corten = corten();
        let plain = corten.command();
        for (call, number) in [
            ("mkdir", 1),
            ("mkdir", 2),
            ("pwrite64", 1),
            ("pwrite64", 3),
            ("pwrite64", 6),
            ("rename,renameat,renameat2", 1),
            ("sendmsg", 1),
            ("sendmsg", 2),
        ] {
            let mut command = Command::new("strace");
            let inject = format!("inject={call}:signal=KILL:when={number}");
            command.args(["-qq", "-o", "/dev/null", "-e", &inject]);
            command.arg(plain.get_program()).args(plain.get_args());
            let words = ["run", "--name", "killed", "--userns", "auto", "busybox", "true"];
            let _killed = Finished::from(command.args(words).output().unwrap());
            let _gone = corten.run(&["rm", "-f", "killed"]);
            // All three have room.
            for name in ["aa", "bb", "cc"] {
                corten.ok(&["create", "--name", name, "--userns", "auto", "busybox", "true"]);
            }
            corten.ok(&["rm", "aa", "bb", "cc"]);
        }
    }

    #[test]
    fn what_others_do_with_a_container_works() {
        let corten = corten();
        keep(&corten, "web", &["--userns", "auto", "--init", "--hostname", "web"]);
        corten.ok(&[
            "exec",
            "-u",
            "33:34",
            "web",
            "sh",
            "-c",
            "id -u > /tmp/id; cat /etc/hostname",
        ]);
        assert_eq!(corten.ok(&["exec", "web", "stat", "-c", "%u:%g", "/tmp/id"]), "33:34");
        assert!(corten.ok(&["diff", "web"]).contains("A /tmp/id"));
        corten.ok(&[
            "exec",
            "web",
            "sh",
            "-c",
            "rm -r /etc/group; mkdir -p /srv/a; echo 1 > /srv/a/f; chown 5 /srv/a/f",
        ]);
        corten.ok(&["commit", "web", "local/made:1"]);
        let script = "stat -c %u:%g /tmp/id /srv/a/f; ls /etc/group 2>&1";
        let of_image = |flags: &[&str]| {
            let words = [&["run", "--rm"], flags, &["local/made:1", "sh", "-c", script]].concat();
            corten.run(&words).stdout
        };
        let expected = "33:34\n5:0\nls: /etc/group: No such file or directory\n";
        assert_eq!(of_image(&[]), expected);
        assert_eq!(of_image(&["--userns", "auto"]), expected);
        let exported = corten.directory().join("exported.tar");
        corten.ok(&["export", "-o", exported.to_str().unwrap(), "web"]);
        let listed = Command::new("tar")
            .args(["-tvf"])
            .arg(&exported)
            .arg("--numeric-owner")
            .output()
            .unwrap();
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        assert!(
            listed.lines().any(|line| line.contains(" 33/34 ") && line.ends_with("tmp/id")),
            "{listed}"
        );
        corten.ok(&["restart", "-t", "0", "web"]);
        assert_eq!(corten.ok(&["exec", "web", "stat", "-c", "%u:%g", "/tmp/id"]), "33:34");
    }

    #[test]
    fn the_machines_default_is_one_setting() {
        let corten = corten();
        assert_eq!(corten.ok(&["system", "settings"]), "SETTING   VALUE\nuserns    host");
        corten.ok(&["system", "settings", "--userns", "auto"]);
        assert_eq!(corten.ok(&["system", "settings", "--format", "{{.UserNamespace}}"]), "auto");
        keep(&corten, "web", &[]);
        assert_eq!(uid_map(&corten, "web")[1], 1_000_000);
        assert_eq!(corten.ok(&["inspect", "-f", "{{.HostConfig.UsernsMode}}", "web"]), "auto");
        keep(&corten, "other", &["--userns", "host"]);
        assert_eq!(uid_map(&corten, "other")[1], 0);
        let told = corten.fails(&["run", "--privileged", "busybox", "true"], 125);
        assert!(
            told.contains("privileged mode is incompatible with user namespaces: --userns host"),
            "{told}"
        );
        let told = corten.fails(&["system", "settings", "--userns", "private"], 1);
        assert!(told.contains("every container can have host or auto"), "{told}");
        corten.ok(&["system", "settings", "--reset"]);
        corten.ok(&["restart", "-t", "0", "web"]);
        assert_eq!(uid_map(&corten, "web")[1], 1_000_000);
        assert_eq!(sh(&corten, &[], "cat /proc/self/uid_map | tr -s ' '"), " 0 0 4294967295");
    }

    #[test]
    fn streams_can_be_opened_by_their_names() {
        let corten = corten();
        let script = "echo out > /dev/stdout; echo err > /dev/stderr; cat /dev/stdin";
        let words = ["run", "--rm", "-i", "--userns", "auto", "busybox", "sh", "-c", script];
        let finished = corten.run_with(&words, b"in\n");
        assert_eq!(
            (finished.code, finished.stdout.as_str(), finished.stderr.as_str()),
            (0, "out\nin\n", "err\n")
        );
        keep(&corten, "web", &["--userns", "auto"]);
        let words = ["exec", "-i", "-u", "7", "web", "sh", "-c", script];
        let finished = corten.run_with(&words, b"in\n");
        assert_eq!(
            (finished.code, finished.stdout.as_str(), finished.stderr.as_str()),
            (0, "out\nin\n", "err\n")
        );
    }

    #[test]
    fn a_network_of_its_own_with_low_ports() {
        let corten = corten();
        let server = ["nc", "-ll", "-p", "80", "-e", "echo", "hello"];
        let words = [
            "run",
            "-d",
            "--name",
            "web",
            "--userns",
            "auto",
            "--network",
            "bridge",
            "-p",
            "8080:80",
            "busybox",
        ];
        corten.ok(&[&words[..], &server].concat());
        wait_until("the port answers", || {
            let asked = Command::new("bash")
                .args(["-c", "exec 3<>/dev/tcp/127.0.0.1/8080; cat <&3"])
                .output();
            asked.is_ok_and(|output| output.stdout == b"hello\n")
        });
        let told = sh(
            &corten,
            &["--userns", "auto", "--network", "bridge"],
            "cat /proc/sys/net/ipv4/ip_unprivileged_port_start; ip -4 addr show eth0 | grep -c inet; ping -c1 -W2 127.0.0.1 | grep -c from",
        );
        assert_eq!(told, "0\n1\n1");
        let sysctl = [
            "--userns",
            "auto",
            "--network",
            "bridge",
            "--sysctl",
            "net.ipv4.conf.eth0.log_martians=1",
        ];
        assert_eq!(sh(&corten, &sysctl, "cat /proc/sys/net/ipv4/conf/eth0/log_martians"), "1");
        corten.ok(&["network", "create", "second"]);
        corten.ok(&["network", "connect", "second", "web"]);
        assert_eq!(
            corten.ok(&["exec", "web", "sh", "-c", "ip -4 addr show eth1 | grep -c inet"]),
            "1"
        );
    }

    #[test]
    fn everything_together() {
        let corten = corten();
        let flags = [
            "--userns",
            "auto",
            "--read-only",
            "--user",
            "33:34",
            "--init",
            "--tmpfs",
            "/run",
            "--workdir",
            "/tmp",
            "--shm-size",
            "1m",
            "--security-opt",
            "no-new-privileges",
            "--cap-drop",
            "ALL",
            "-v",
            "vol:/vol",
        ];
        let told = sh(
            &corten,
            &flags,
            "id -u; touch /x 2>&1; stat -c %u /run /dev/mqueue; df -k /dev/shm | tail -1 | tr -s ' ' | cut -d' ' -f2; ls -d /sys/class; head -c1 /dev/zero | wc -c",
        );
        assert_eq!(told, "33\ntouch: /x: Read-only file system\n0\n0\n1024\n/sys/class\n1");
    }

    #[test]
    fn it_is_healthy_and_starts_again() {
        let corten = corten();
        let words = [
            "run",
            "-d",
            "--name",
            "sick",
            "--userns",
            "auto",
            "--health-cmd",
            "test $(id -u) = 0",
            "--health-interval",
            "100ms",
            "busybox",
            "sleep",
            "1000",
        ];
        corten.ok(&words);
        wait_until("it is healthy", || {
            corten.ok(&["inspect", "-f", "{{.State.Health.Status}}", "sick"]) == "healthy"
        });
        let [_, pid] = corten.pids("sick");
        signal("KILL", pid);
        wait_until("it has ended", || {
            corten.ok(&["inspect", "-f", "{{.State.Status}}", "sick"]) == "exited"
        });
        corten.ok(&["start", "sick"]);
        assert_eq!(uid_map(&corten, "sick")[1..], [1_000_000, 65_536]);
        assert_eq!(
            corten.run(&["run", "--rm", "-t", "--userns", "auto", "busybox", "tty"]).stdout.trim(),
            "/dev/pts/0"
        );
    }

    #[test]
    fn a_namespace_is_joined() {
        let corten = corten();
        keep(&corten, "first", &["--userns", "auto", "--network", "bridge", "--ipc", "shareable"]);
        let of_first = uid_map(&corten, "first");
        keep(&corten, "second", &["--userns", "container:first", "--network", "bridge"]);
        assert_eq!(uid_map(&corten, "second"), of_first);
        let [namespaces, others] = ["first", "second"].map(|name| {
            let [_, pid] = corten.pids(name);
            ["user", "net", "mnt"]
                .map(|kind| std::fs::read_link(format!("/proc/{pid}/ns/{kind}")).unwrap())
        });
        assert_eq!(namespaces[0], others[0]);
        assert!(namespaces[1] != others[1] && namespaces[2] != others[2]);
        assert_eq!(
            corten.ok(&[
                "exec",
                "second",
                "sh",
                "-c",
                "touch /x; stat -c %u /x; ip -4 addr show eth0 | grep -c inet"
            ]),
            "0\n1"
        );
        let all = [
            "--userns",
            "container:first",
            "--network",
            "container:first",
            "--pid",
            "container:first",
            "--ipc",
            "container:first",
        ];
        assert_eq!(sh(&corten, &all, "id -u; ps | grep -c '[s]leep 1000'"), "0\n1");
        let told = corten.fails(
            &["run", "--userns", "auto", "--network", "container:first", "busybox", "true"],
            125,
        );
        assert!(
            told.contains(
                "the network namespace of first belongs to other users: --userns container:first"
            ),
            "{told}"
        );
        assert_eq!(corten.ok(&["inspect", "-f", "{{len .HostConfig.UsernsMode}}", "second"]), "74");
    }

    #[test]
    fn modes_of_ones_own() {
        let corten = corten();
        let map = "cat /proc/self/uid_map | tr -s ' '";
        assert_eq!(sh(&corten, &["--userns", "auto:size=1000"], map), " 0 1000000 1000");
        assert_eq!(sh(&corten, &["--userns", "private"], map), " 0 1000000 65536");
        assert_eq!(sh(&corten, &["--userns", "host"], map), " 0 0 4294967295");
        assert_eq!(sh(&corten, &["--userns", "keep-id:size=1000"], map), " 0 0 1000");
        let explicit =
            ["--uidmap", "0:1000000:10", "--uidmap", "10:5000:5", "--gidmap", "0:6000:100"];
        assert_eq!(
            sh(&corten, &explicit, "cat /proc/self/uid_map /proc/self/gid_map | tr -s ' '"),
            " 0 1000000 10\n 10 5000 5\n 0 6000 100"
        );
        let wanted = ["--userns", "auto:uidmapping=0:7000:1"];
        assert_eq!(sh(&corten, &wanted, map), " 0 7000 1\n 1 1000000 65535");
        assert_eq!(sh(&corten, &["--subuidname", "containers"], map), " 0 1000000 196608");
        let told = corten.fails(&["run", "--subuidname", "nobody", "busybox"], 125);
        assert!(
            told.contains("invalid subuidname \"nobody\": /etc/subuid has no line for it"),
            "{told}"
        );
        // Ids that somebody has chosen are leased to nobody.
        corten.ok(&["create", "--name", "chosen", "--uidmap", "0:1000000:10", "busybox"]);
        keep(&corten, "next", &["--userns", "auto"]);
        assert_eq!(uid_map(&corten, "next")[1], 1_000_010);
        // As many as who runs in it needs.
        assert_eq!(sh(&corten, &["--userns", "auto", "--user", "70000"], "id -u"), "70000");
        let told = corten.fails(
            &["run", "--userns", "auto:size=100", "--user", "33:500", "busybox", "true"],
            125,
        );
        assert!(
            told.contains("invalid group \"500\": the container's user namespace has no such id"),
            "{told}"
        );
    }

    #[test]
    fn what_is_the_machines_is_refused() {
        let corten = corten();
        for (flags, part) in [
            (&["--privileged"][..], "privileged mode is incompatible with user namespaces"),
            (&["--network", "host"], "cannot share the host's network namespace"),
            (&["--pid", "host"], "cannot share the host PID namespace"),
            (&["--userns", "nomap"], "the machine's root has all"),
            (&["--userns", "ns:/proc/self/ns/user"], "is not supported yet"),
            (&["--userns", "container:nobody"], "no such container: nobody"),
        ] {
            let words = [&["run", "--userns", "auto"], flags, &["busybox", "true"]].concat();
            let told = corten.fails(&words, 125);
            assert!(told.contains(part), "{told}");
        }
        assert_eq!(corten.ok(&["ps", "-aq"]), "");
    }
}
