//! `--system`: a whole system, whose init is the first process, in a container of its own.

#[cfg(test)]
mod tests {
    use testkit::Corten;

    fn corten() -> Corten {
        Corten::with_busybox(env!("CARGO_BIN_EXE_corten"))
    }

    /// A system of busybox that runs.
    fn begin(corten: &Corten, flags: &[&str]) {
        let line = [&["run", "-d", "--network", "none", "--system", "--name", "web"], flags];
        corten.ok(&[&line.concat()[..], &["busybox"]].concat());
    }

    fn inside(corten: &Corten, script: &str) -> String {
        corten.ok(&["exec", "web", "sh", "-c", script])
    }

    /// What takes the system down may take its own caller with it.
    fn begin_inside(corten: &Corten, script: &str) {
        corten.ok(&["exec", "-d", "web", "sh", "-c", script]);
    }

    fn inspected(corten: &Corten, template: &str) -> String {
        corten.ok(&["inspect", "--format", template, "web"])
    }

    #[test]
    fn its_own_init_is_the_first_process_and_finds_a_machine() {
        let corten = corten();
        begin(&corten, &[]);
        let seen = inside(
            &corten,
            "readlink /proc/1/exe; tr '\\0' '\\n' </proc/1/environ | grep ^container=; hostname; id -u; \
             stat -f -c %T /run; stat -c %a /dev/shm; mountpoint -q /dev/shm; stat -c %d /dev /dev/shm | uniq | wc -l",
        );
        assert_eq!(seen, "/bin/busybox\ncontainer=corten\nweb\n0\ntmpfs\n1777\n1");
        let outside: u32 = inside(&corten, "awk '{print $2}' /proc/self/uid_map").parse().unwrap();
        assert!(outside > 0, "root of the machine");
        testkit::wait_until("its services run", || {
            inside(&corten, "ps -o comm").lines().any(|line| line == "syslogd")
        });
    }

    #[test]
    fn its_groups_are_its_own_to_divide() {
        let corten = corten();
        begin(&corten, &[]);
        let made = inside(
            &corten,
            "cd /sys/fs/cgroup; for tree in . *; do test -e $tree/cgroup.procs && mkdir $tree/part && rmdir $tree/part && echo made; done; true",
        );
        assert!(made.lines().count() >= 1 && made.lines().all(|line| line == "made"), "{made}");
    }

    #[test]
    fn its_settings_are_its_own() {
        let corten = corten();
        begin(&corten, &[]);
        inside(&corten, "echo 1 >/proc/sys/net/ipv4/ip_forward; hostname other");
        let refused = corten.run(&["exec", "web", "sh", "-c", "echo 1 >/proc/sys/kernel/sysrq"]);
        assert!(refused.code != 0, "{refused:?}");
    }

    #[test]
    fn its_boot_has_a_name_of_its_own() {
        let corten = corten();
        begin(&corten, &[]);
        let name = || inside(&corten, "cat /proc/sys/kernel/random/boot_id");
        let first = name();
        assert_eq!(name(), first);
        let parts: Vec<usize> = first.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12], "{first}");
        let machines = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
        assert_ne!(first, machines.trim());
        let refused =
            corten.run(&["exec", "web", "sh", "-c", "echo x >/proc/sys/kernel/random/boot_id"]);
        assert_ne!(refused.code, 0, "{refused:?}");
        corten.ok(&["restart", "web"]);
        let second = name();
        assert_ne!(second, first);
        begin_inside(&corten, "reboot");
        testkit::wait_until("it is there again", || {
            inspected(&corten, "{{.State.Status}} {{.RestartCount}}") == "running 1"
        });
        assert_ne!(name(), second);
    }

    #[test]
    fn it_sees_its_own_limits() {
        let corten = corten();
        begin(&corten, &["--memory", "100m"]);
        let total = "grep MemTotal /proc/meminfo; free | awk '/Mem:/ {print $2}'";
        assert_eq!(inside(&corten, total), "MemTotal:         102400 kB\n102400");
        corten.ok(&["update", "--memory", "200m", "--memory-swap", "400m", "web"]);
        // What was asked for just before is told again: docs/system.md.
        testkit::wait_until("other limits are seen", || {
            inside(&corten, total) == "MemTotal:         204800 kB\n204800"
        });
    }

    #[test]
    fn it_has_containers_of_its_own() {
        let corten = corten();
        let program = format!("{}:/bin/corten:ro", env!("CARGO_BIN_EXE_corten"));
        let nesting = ["--security-opt", "nesting", "-v", &program, "-v", "inner:/var/lib/corten"];
        begin(&corten, &nesting);
        inside(&corten, "corten template build busybox");
        let run = "corten run --rm --network none";
        assert_eq!(inside(&corten, &format!("{run} busybox echo inner")), "inner");
        let system = format!("{run} -d --system --name in busybox >/dev/null 2>&1");
        inside(&corten, &format!("{system}; corten exec in readlink /proc/1/exe; corten rm -f in"));
        let told = corten.fails(&["create", "--security-opt", "nesting", "busybox"], 1);
        assert!(told.contains("needs users of its own"), "{told}");
    }

    #[test]
    fn a_reboot_begins_it_anew() {
        let corten = corten();
        begin(&corten, &[]);
        let began = inspected(&corten, "{{.State.StartedAt}}");
        begin_inside(&corten, "touch /kept; reboot");
        testkit::wait_until("it is there again", || {
            let now =
                inspected(&corten, "{{.State.Status}} {{.RestartCount}} {{.State.StartedAt}}");
            now.starts_with("running 1 ") && !now.ends_with(&began)
        });
        inside(&corten, "test -e /kept");
    }

    #[test]
    fn it_is_removed_while_it_reboots() {
        let corten = corten();
        begin(&corten, &[]);
        begin_inside(&corten, "reboot");
        testkit::wait_until("it is down", || {
            inspected(&corten, "{{.State.Status}}") == "restarting"
                || inspected(&corten, "{{.RestartCount}}") == "1"
        });
        corten.ok(&["rm", "-f", "web"]);
    }

    #[test]
    fn who_turns_it_off_inside_has_it_off() {
        let corten = corten();
        begin(&corten, &["--restart", "always"]);
        begin_inside(&corten, "poweroff");
        assert_eq!(corten.ok(&["wait", "web"]), "0");
        assert_eq!(inspected(&corten, "{{.State.Status}} {{.RestartCount}}"), "exited 0");
    }

    #[test]
    fn it_is_asked_to_shut_down() {
        let corten = corten();
        begin(&corten, &[]);
        assert_eq!(
            inspected(&corten, "{{.Config.StopSignal}} {{.Config.StopTimeout}}"),
            "SIGUSR2 60"
        );
        corten.ok(&["stop", "web"]);
        assert_eq!(inspected(&corten, "{{.State.Status}} {{.State.ExitCode}}"), "exited 0");
    }

    #[test]
    fn what_no_system_can_have_is_refused() {
        let corten = corten();
        for (flags, why) in [
            (&["--init"][..], "the system's own init is the first process"),
            (&["--hardened"], "it makes the root read-only"),
            (&["--user", "1000"], "its first process is root"),
            (&["--cgroupns", "host"], "the machine's control groups"),
            (&["--pid", "host"], "the first process of its own"),
        ] {
            let line = [&["create", "--system"], flags, &["busybox"]].concat();
            let told = corten.fails(&line, 1);
            assert!(told.contains(why), "{told}");
        }
        let told = corten.fails(&["create", "--system", "--entrypoint", "", "hello"], 1);
        assert!(told.contains("name the system's first process"), "{told}");
        assert_eq!(corten.ok(&["ps", "-aq"]), "");
    }
}
