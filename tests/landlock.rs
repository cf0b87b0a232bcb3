//! `--security-opt landlock=…`: walls around files and ports, run against from inside.

#[cfg(test)]
mod tests {
    use testkit::{Corten, Finished};

    fn corten() -> Corten {
        Corten::with_busybox(env!("CARGO_BIN_EXE_corten"))
    }

    /// One container with these rules, and flags before them.
    fn run(corten: &Corten, flags: &[&str], rules: &str, script: &str) -> Finished {
        let rules = format!("landlock={rules}");
        corten.script(&[flags, &["--security-opt", &rules]].concat(), script)
    }

    /// What a script says that tries each of these commands: `+` for one that works.
    fn tries(commands: &[&str]) -> String {
        commands
            .iter()
            .map(|command| format!("({command}) >/dev/null 2>&1 && echo -n + || echo -n -; "))
            .collect()
    }

    #[test]
    fn the_preset_lets_write_where_programs_write_and_nowhere_else() {
        let corten = corten();
        let allowed = tries(&[
            "touch /tmp/x && rm /tmp/x",
            "mkdir -p /var/a && mv /var/a /var/b && rmdir /var/b",
            "echo x > /data/x && ln /data/x /data/y && mv /data/y /tmp/y",
            "echo x > /dev/null && mkfifo /run/f && ln -s a /run/l",
            "cp /bin/busybox /tmp/sh && /tmp/sh -c true",
            "cat /etc/passwd /conf/../proc/self/status && ls / /sys",
            "echo 7 > /proc/self/oom_score_adj",
        ]);
        let refused = tries(&[
            "touch /etc/x",
            "echo x >> /etc/passwd",
            "rm /etc/passwd",
            "mv /etc/passwd /tmp",
            "ln /bin/busybox /tmp/busybox",
            "mkdir /new",
            "ln -s a /link",
            "mknod /tmp/null c 1 3",
            "touch /conf/x",
            "touch /sys/x",
            "mount -t tmpfs none /tmp",
        ]);
        let mounts = ["-v", "data:/data", "-v", "conf:/conf:ro"];
        // Root with every capability, too.
        for flags in [&[][..], &["--privileged"], &["--init"], &["--user", "0:0", "-t"]] {
            let flags = [&mounts, flags].concat();
            let seen = run(&corten, &flags, "default", &format!("{allowed}echo -n ' '; {refused}"));
            assert_eq!(seen.stdout.trim_end(), "+++++++ -----------", "{flags:?}: {seen:?}");
        }
        // Without the wall: /etc/passwd, which was removed, cannot be moved; a read-only mount and /sys refuse files.
        let flags = [&mounts[..], &["--privileged"]].concat();
        let open = corten.script(&flags, &format!("{allowed}{refused}"));
        assert_eq!(open.stdout.trim_end(), "++++++++++-++++--+", "the script can tell");
    }

    #[test]
    fn rules_are_what_is_open() {
        let corten = corten();
        let script = tries(&[
            "cat /etc/passwd",
            "ls /etc",
            "cat /proc/self/status",
            "echo x > /data/x && cat /data/x",
            "cp /bin/busybox /data/sh && /data/sh -c true",
            "echo x > /etc/x",
            "cat /one",
            "echo x > /one",
            "echo x > /dev/null",
        ]);
        let flags = ["-v", "data:/data", "-v", &format!("{}:/one", file(&corten))];
        let seen = |rules: &str| run(&corten, &flags, rules, &script).stdout;
        assert_eq!(seen("rx:/bin"), "--------+");
        assert_eq!(seen("rx:/bin,ro:/etc:/proc"), "+++-----+");
        assert_eq!(seen("rx:/bin,rw:/data"), "---+----+");
        assert_eq!(seen("rx:/bin,rwx:/data"), "---++---+");
        assert_eq!(seen("rx:/bin,ro:/one"), "------+-+");
        assert_eq!(seen("rx:/bin,rw:/one,ro:?/missing"), "------+++");
        assert_eq!(seen("rwx:/"), "+++++++++");
    }

    /// A file of the host to bind.
    fn file(corten: &Corten) -> String {
        let file = corten.directory().join("one");
        #[expect(clippy::disallowed_methods, reason = "a test's own file")]
        std::fs::write(&file, "text").unwrap();
        file.to_str().unwrap().to_owned()
    }

    /// A link of the image leads to where it leads inside the image, never to the host's file.
    #[test]
    fn a_link_stays_inside() {
        let corten = corten();
        corten.ok(&[
            "run",
            "--name",
            "made",
            "--network",
            "none",
            "busybox",
            "ln",
            "-s",
            "/../../etc",
            "/var/out",
        ]);
        corten.ok(&["commit", "made", "linked"]);
        let line = |rules| {
            [
                "run",
                "--rm",
                "--network",
                "none",
                "--security-opt",
                rules,
                "linked",
                "cat",
                "/etc/passwd",
            ]
        };
        assert!(corten.ok(&line("landlock=rx:/bin,ro:/var/out")).starts_with("root:x:0:0"));
        let refused = corten.run(&line("landlock=rx:/bin,ro:/var"));
        assert!(refused.stderr.contains("Permission denied"), "{refused:?}");
        let refused = corten.run(&line("landlock=rx:/bin,ro:/proc/self/root"));
        assert!(refused.stderr.contains("allow /proc/self/root by Landlock: it leads round in a circle, or through a link of /proc: ELOOP"), "{refused:?}");
    }

    #[test]
    fn ports_are_those_that_are_named() {
        let corten = corten();
        let script = "nc -l -p 8081 -e true & nc -l -p 8080 -e echo hello & \
            until grep -q :1F90 /proc/net/tcp*; do true; done; nc 127.0.0.1 8080 </dev/null; nc 127.0.0.1 8082 </dev/null";
        let seen = run(&corten, &[], "bind:8080,connect:8000-8080", script);
        assert_eq!(seen.stdout, "hello\n", "{seen:?}");
        let refused: Vec<_> = seen.stderr.lines().collect();
        assert_eq!(refused.len(), 2, "{seen:?}");
        assert!(refused.iter().all(|line| line.contains("Permission denied")), "{seen:?}");
        // What nothing is said about is open: files here, and then the other way of ports.
        assert_eq!(run(&corten, &[], "bind:none", "touch /x; nc -l -p 1").code, 1);
        let refused = run(&corten, &[], "connect:none", "nc 127.0.0.1 1");
        assert!(refused.stderr.contains("Permission denied"), "{refused:?}");
        let open = run(&corten, &[], "bind:none", "nc 127.0.0.1 1");
        assert!(open.stderr.contains("refused"), "{open:?}");
    }

    #[test]
    fn a_further_process_and_a_probe_have_the_same_walls() {
        let corten = corten();
        let health = "touch /etc/x && exit 0; touch /tmp/x";
        let rules = "landlock=default,bind:80,scope:signals";
        corten.ok(&[
            "run",
            "-d",
            "--name",
            "web",
            "--network",
            "none",
            "--security-opt",
            rules,
            "--health-cmd",
            health,
            "busybox",
            "sleep",
            "1000",
        ]);
        let refused = corten.run(&[
            "exec",
            "--privileged",
            "web",
            "sh",
            "-c",
            "touch /tmp/y && touch /etc/y",
        ]);
        assert_eq!(refused.stderr, "touch: /etc/y: Permission denied\n", "{refused:?}");
        assert_eq!(corten.run(&["exec", "web", "nc", "-l", "-p", "81"]).code, 1);
        let killed = corten.run(&["exec", "web", "kill", "1"]);
        assert!(killed.stderr.contains("not permitted"), "{killed:?}");
        corten.ok(&["healthcheck", "run", "web"]);
        assert_eq!(corten.ok(&["exec", "web", "ls", "/tmp"]).trim(), "x\ny");
        let options =
            corten.ok(&["inspect", "--format", "{{json .HostConfig.SecurityOpt}}", "web"]);
        assert_eq!(options.trim(), format!("[\"{rules}\"]"));
        // Nobody but its monitor stops it.
        corten.ok(&["stop", "-t", "0", "web"]);
        // What is refused as it was asked for is asked for when it starts again.
        corten.ok(&["start", "web"]);
        assert_eq!(corten.run(&["exec", "web", "touch", "/etc/y"]).code, 1);
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        let corten = corten();
        let refused = |flags: &[&str], rules: &str| {
            let refused = run(&corten, flags, rules, "true");
            (refused.code, refused.stderr)
        };
        let (code, said) = refused(&[], "rx:/,ro:/missing");
        assert_eq!(code, 125, "{said}");
        let words = "allow /missing by Landlock: it is not in the container; with ?/missing it may be missing: ENOENT";
        assert!(said.contains(words), "{said}");
        let (code, said) = refused(&[], "ro:/");
        assert_eq!(code, 126, "{said}");
        assert!(said.contains(
            "the rules of Landlock may not let it, or its interpreter, be executed: EACCES"
        ));
        let (code, said) = refused(&[], "bind:1-5000");
        assert_eq!(code, 125, "{said}");
        assert!(said.contains("5000 ports are named, 4096 are the most"), "{said}");
        let (_, said) = refused(&[], "files");
        assert!(said.contains("\"files\" is none of default, try, ro:PATH"), "{said}");
        // Taken back again.
        let back =
            run(&corten, &["--security-opt", "landlock=ro:/missing"], "unconfined", "touch /etc/x");
        assert_eq!(back.code, 0, "{back:?}");
        assert_eq!(corten.ok(&["ps", "-aq"]), "");
    }

    /// Without rights only a process that can gain none may confine itself, landlock_restrict_self(2).
    #[test]
    fn it_goes_with_no_new_privileges_and_without() {
        let corten = corten();
        let script = "touch /etc/x; grep -c 'NoNewPrivs:.1' /proc/self/status; id -u";
        for (flag, expected) in
            [("no-new-privileges", "1\n1000\n"), ("no-new-privileges=false", "0\n1000\n")]
        {
            let flags = ["--user", "1000", "--cap-drop", "ALL", "--security-opt", flag];
            let seen = run(&corten, &flags, "default", script);
            assert_eq!(seen.stdout, expected, "{seen:?}");
        }
    }
}
