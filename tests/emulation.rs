//! `--security-opt emulate=…`: calls that the monitor answers in the kernel's place, seen from inside.

#[cfg(test)]
mod tests {
    use testkit::{Corten, Finished};

    fn corten() -> Corten {
        Corten::with_busybox(env!("CARGO_BIN_EXE_corten"))
    }

    /// A container that may make no node by itself.
    fn run(corten: &Corten, flags: &[&str], script: &str) -> Finished {
        corten.script(&[&["--cap-drop", "MKNOD"], flags].concat(), script)
    }

    const MKNOD: [&str; 2] = ["--security-opt", "emulate=mknod"];

    #[test]
    fn devices_that_harm_nobody_are_made() {
        let corten = corten();
        let script = "cd /tmp; mknod null c 1 3 && mknod /var/zero c 1 5 && mknod -m 640 /dev/new c 1 9 && echo > null && \
            head -c 2 /var/zero | wc -c && stat -c '%t:%T %a %u:%g' null /dev/new && ln -s /etc there && mknod there/tty c 5 0 && ls /etc/tty";
        let plain = run(&corten, &[], script);
        assert!(plain.stderr.contains("mknod: null: Operation not permitted"), "{plain:?}");
        for flags in [&[][..], &["--security-opt", "seccomp=unconfined"], &["--init"]] {
            let made = run(&corten, &[&MKNOD, flags].concat(), script);
            let expected = "2\n1:3 644 0:0\n1:9 640 0:0\n/etc/tty\n";
            assert_eq!((made.stdout.as_str(), made.stderr.as_str()), (expected, ""), "{flags:?}");
        }
    }

    #[test]
    fn other_devices_are_refused_and_so_is_whoever_may_not_write() {
        let corten = corten();
        let script = "mknod /tmp/kmsg c 1 11; mknod /tmp/mem c 1 1; mknod /tmp/sda b 8 0; mknod /tmp/pipe p && ls /tmp; mknod /tmp/pipe c 1 3; mknod /missing/x c 1 3";
        let seen = run(&corten, &MKNOD, script);
        assert_eq!(seen.stdout, "pipe\n", "{seen:?}");
        let said: Vec<&str> =
            seen.stderr.lines().filter_map(|line| line.rsplit(": ").next()).collect();
        let refused = "Operation not permitted";
        let expected = [refused, refused, refused, "File exists", "No such file or directory"];
        assert_eq!(said, expected, "{seen:?}");
        let user =
            [&MKNOD[..], &["--user", "1000", "--tmpfs", "/own:mode=777", "--read-only"]].concat();
        let seen = run(
            &corten,
            &user,
            "umask 077; mknod /etc/x c 1 3; mknod /root/x c 1 3; mknod /own/x c 1 3; stat -c '%a %u' /own/x",
        );
        assert_eq!(seen.stdout, "600 1000\n", "{seen:?}");
        assert_eq!(seen.stderr.lines().count(), 2, "{seen:?}");
        let read_only =
            run(&corten, &[&MKNOD[..], &["--read-only"]].concat(), "mknod /etc/x c 1 3");
        assert!(read_only.stderr.contains("Read-only file system"), "{read_only:?}");
    }

    #[test]
    fn memory_is_that_of_the_limits() {
        let corten = corten();
        let seen = |flags: &[&str], script: &str| {
            let seen = corten.script(flags, script);
            assert_eq!(seen.code, 0, "{seen:?}");
            seen.stdout.trim_end().to_owned()
        };
        // The next column subtracts what /proc/meminfo says of the machine, and runs into this one.
        let total = "free -m | sed -n '/Mem:/p' | cut -c 5-19 | tr -d ' '";
        let limited = ["-m", "64m", "--security-opt", "emulate=sysinfo,mknod"];
        assert_eq!(seen(&limited, total), "64");
        assert_ne!(seen(&limited[..2], total), "64", "it can tell");
        assert!(seen(&limited, "uptime").contains("up 0 min"));
        // As many calls as anybody likes, from many processes at once.
        let many = "for n in 1 2 3 4 5 6 7 8 9 10 11 12; do (for m in 1 2 3 4 5; do free > /dev/null || echo lost; done) & done; wait; echo all";
        assert_eq!(seen(&limited, many), "all");
    }

    #[test]
    fn further_processes_and_further_runs_are_answered() {
        let corten = corten();
        corten.ok(&[
            "run",
            "-d",
            "--name",
            "web",
            "--network",
            "none",
            "--cap-drop",
            "MKNOD",
            "--security-opt",
            "emulate=mknod",
            "busybox",
            "sleep",
            "1000",
        ]);
        corten.ok(&["exec", "web", "mknod", "/tmp/null", "c", "1", "3"]);
        corten.ok(&["restart", "-t", "0", "web"]);
        corten.ok(&["exec", "web", "mknod", "/tmp/zero", "c", "1", "5"]);
        let options =
            corten.ok(&["inspect", "--format", "{{json .HostConfig.SecurityOpt}}", "web"]);
        assert_eq!(options, r#"["emulate=mknod"]"#);
        corten.ok(&["rm", "-f", "web"]);
    }
}
