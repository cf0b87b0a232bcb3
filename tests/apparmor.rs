//! Containers that AppArmor confines, on a machine whose kernel has it.

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::path::Path;
    use std::process::Command;

    use testkit::{Corten, Finished};

    const POLICY: &str = "/sys/kernel/security/apparmor";
    const OWN: &str = "cat /proc/self/attr/apparmor/current";
    const DEFAULT: &str = "corten-default (enforce)";

    /// Nothing where the machine has no AppArmor. Profiles are the machine's: one test at a time has them.
    fn corten() -> Option<(Corten, File)> {
        let is_on = std::fs::read("/sys/module/apparmor/parameters/enabled")
            .is_ok_and(|text| text.starts_with(b"Y"));
        if !is_on || !Path::new(POLICY).join("profiles").exists() {
            eprintln!("skipped: this machine runs without AppArmor");
            return None;
        }
        let policy = File::open(POLICY).unwrap();
        policy.lock().unwrap();
        Some((Corten::with_busybox(env!("CARGO_BIN_EXE_corten")), policy))
    }

    fn shell(corten: &Corten, flags: &[&str], script: &str) -> Finished {
        corten.run(&[&["run", "--rm"], flags, &["busybox", "sh", "-c", script]].concat())
    }

    fn is_loaded(name: &str) -> bool {
        let all = std::fs::read_to_string(Path::new(POLICY).join("profiles")).unwrap();
        all.lines().any(|line| line.starts_with(&format!("{name} (")))
    }

    /// A profile of that name that allows everything but writing below one directory; unloaded when it is dropped.
    struct Own<'a>(&'a Corten, &'static str);

    impl<'a> Own<'a> {
        fn load(corten: &'a Corten, name: &'static str, denied: &str) -> Self {
            let text = format!(
                "profile {name} flags=(attach_disconnected) {{ file, network, capability, mount, umount, pivot_root, \
                 ptrace, signal, change_profile, deny {denied}/** w, }}\n"
            );
            let loaded = corten.run_with(&["apparmor", "load", "-"], text.as_bytes());
            assert_eq!((loaded.code, loaded.stdout.trim()), (0, name), "{loaded:?}");
            Self(corten, name)
        }
    }

    impl Drop for Own<'_> {
        fn drop(&mut self) {
            let _gone = self.0.run(&["apparmor", "unload", "--force", self.1]);
        }
    }

    #[test]
    fn a_container_is_confined_unless_it_is_told_otherwise() {
        let Some((corten, _policy)) = corten() else { return };
        let _absent = corten.run(&["apparmor", "unload", "--force", "corten-default"]);
        assert_eq!(shell(&corten, &[], OWN).stdout.trim(), DEFAULT);
        assert_eq!(shell(&corten, &["--user", "7"], OWN).stdout.trim(), DEFAULT);
        let free = ["apparmor=unconfined", "apparmor:unconfined"];
        for flags in
            [&["--privileged"][..], &["--security-opt", free[0]], &["--security-opt", free[1]]]
        {
            assert_eq!(shell(&corten, flags, OWN).stdout.trim(), "unconfined", "{flags:?}");
        }
        let asked = ["--privileged", "--security-opt", "apparmor=corten-default"];
        assert_eq!(shell(&corten, &asked, OWN).stdout.trim(), DEFAULT);
        // What a start makes ready, a further process and a probe have as well, and whoever looks is told.
        let health = ["--health-cmd", OWN, "--health-interval", "1s"];
        let line = [&["run", "-d", "--name", "long"], &health[..], &["busybox", "sleep", "1000"]];
        corten.ok(&line.concat());
        assert_eq!(corten.ok(&["exec", "long", "sh", "-c", OWN]), DEFAULT);
        assert_eq!(corten.ok(&["exec", "--privileged", "long", "sh", "-c", OWN]), DEFAULT);
        corten.ok(&["wait", "--condition", "healthy", "long"]);
        let probe = corten.ok(&["inspect", "-f", "{{(index .State.Health.Log 0).Output}}", "long"]);
        assert_eq!(probe.trim(), DEFAULT);
        let shown = |name: &str| corten.ok(&["inspect", "-f", "{{.AppArmorProfile}}", name]);
        assert_eq!(shown("long"), "corten-default");
        corten.ok(&["create", "--name", "free", "--privileged", "busybox", "true"]);
        assert_eq!(shown("free"), "unconfined");
        let info = corten.ok(&["info", "-f", "{{.SecurityOptions}} {{.Warnings}}"]);
        assert!(info.contains("name=apparmor") && !info.contains("AppArmor"), "{info}");
        let init = "cat /proc/1/attr/apparmor/current && kill -0 1 && echo reached";
        let init = shell(&corten, &["--init"], init);
        assert_eq!(init.stdout, format!("{DEFAULT}\nreached\n"), "{init:?}");
        // Signals come through, from us and from within.
        corten.ok(&["kill", "-s", "WINCH", "long"]);
        corten.ok(&["exec", "long", "sh", "-c", "sleep 100 & kill $!"]);
        corten.ok(&["stop", "-t", "0", "long"]);
    }

    #[test]
    fn the_tightest_walls_have_the_profile_too() {
        let Some((corten, _policy)) = corten() else { return };
        let flags = ["--hardened", "-v", "data:/vol"];
        let script = format!("{OWN}; echo x >/tmp/x && cat /tmp/x; kill -0 1 && echo reached");
        let told = shell(&corten, &flags, &script);
        assert_eq!(told.stdout, format!("{DEFAULT}\nx\nreached\n"), "{told:?}");
    }

    #[test]
    fn a_whole_system_mounts_and_is_confined_all_the_same() {
        let Some((corten, _policy)) = corten() else { return };
        let _absent = corten.run(&["apparmor", "unload", "--force", "corten-system"]);
        corten.ok(&["run", "-d", "--system", "--name", "web", "--network", "none", "busybox"]);
        let inside = |script: &str| corten.run(&["exec", "web", "sh", "-c", script]);
        assert_eq!(inside(OWN).stdout.trim(), "corten-system (enforce)");
        for allowed in [
            "mount -t tmpfs x /tmp && umount /tmp",
            "mount -o bind /etc /tmp && umount /tmp",
            "echo 1 >/proc/sys/net/ipv4/ip_forward",
            "hostname other",
        ] {
            assert_eq!(inside(allowed).code, 0, "{allowed}: {:?}", inside(allowed));
        }
        for refused in ["umount /proc", "echo h >/proc/sysrq-trigger", "head -c 1 /proc/kcore"] {
            assert!(inside(refused).code != 0, "{refused}");
        }
        assert_eq!(corten.ok(&["inspect", "-f", "{{.AppArmorProfile}}", "web"]), "corten-system");
        corten.ok(&["rm", "-f", "web"]);
    }

    /// Without the other walls: rights, a filter, masked paths and mounts that are read-only. Each is done without the profile.
    #[test]
    fn the_default_profile_holds_alone() {
        let Some((corten, _policy)) = corten() else { return };
        let open = ["--privileged", "--pid", "host", "-v", "/:/host", "--security-opt"];
        let free = [&open[..], &["apparmor=unconfined"]].concat();
        let open = [&open[..], &["apparmor=corten-default"]].concat();
        for refused in [
            "mount -t tmpfs x /tmp",
            "mount -o bind /etc /tmp",
            "mount -o remount,bind /",
            "umount /proc",
            "umount -l /sys",
            "echo 1 >/proc/sys/vm/drop_caches",
            "cat /proc/sys/kernel/core_pattern >/proc/sys/kernel/core_pattern",
            "cat /proc/sys/kernel/hostname >/proc/sys/kernel/hostname",
            "cat /proc/irq/default_smp_affinity >/proc/irq/default_smp_affinity",
            "echo h >/proc/sysrq-trigger",
            "head -c 1 /proc/kcore",
            "cat /sys/kernel/mm/ksm/run >/sys/kernel/mm/ksm/run",
            "echo 0 >/sys/module/apparmor/parameters/debug",
            "cat /sys/firmware/memmap/0/start",
            "kill -0 1",
            "cat /proc/1/environ",
            "ls /proc/1/root/",
            "printf 'changeprofile unconfined' >/proc/self/attr/apparmor/current",
        ] {
            let line = format!("{refused} && echo through");
            let tried = shell(&corten, &open, &line);
            assert!(tried.code != 0 && !tried.stdout.contains("through"), "{refused}: {tried:?}");
            let done = shell(&corten, &free, &line);
            assert!(done.stdout.contains("through"), "without the profile, {refused}: {done:?}");
        }
        for allowed in [
            "echo 5 >/proc/self/oom_score_adj",
            "echo name >/proc/self/comm",
            "cat /proc/sys/kernel/shmmax >/proc/sys/kernel/shmmax",
            "mkdir /sys/fs/cgroup/$$ 2>/dev/null && rmdir /sys/fs/cgroup/$$ || test -d /sys/fs/cgroup/memory",
            "cat /proc/$$/environ",
            "ls /sys/class/net",
            "echo x >/file && rm /file",
            "chown 5 /etc && chmod 700 /etc",
            "nc -l -p 99 -e true & sleep 0; kill $!",
        ] {
            let done = shell(&corten, &open, allowed);
            assert_eq!(done.code, 0, "{allowed}: {done:?}");
        }
    }

    #[test]
    fn profiles_of_ones_own() {
        let Some((corten, _policy)) = corten() else { return };
        let mine = Own::load(&corten, "corten-test-mine", "/etc");
        let _other = Own::load(&corten, "corten-test-other", "/tmp");
        assert!(corten.ok(&["apparmor", "ls", "-q"]).lines().any(|name| name == mine.1));
        let listed = corten.ok(&["apparmor", "ls", "--format", "{{.Name}} is in {{.Mode}}"]);
        assert!(listed.contains("corten-test-mine is in enforce"), "{listed}");
        let option = "apparmor=corten-test-mine";
        let line = ["run", "-d", "--name", "web", "--security-opt", option, "busybox"];
        corten.ok(&[&line[..], &["sleep", "1000"]].concat());
        let other = ["exec", "--security-opt", "apparmor=corten-test-other", "web", "sh", "-c"];
        let write = "echo x >/etc/x && echo etc; echo x >/tmp/x && echo tmp";
        assert_eq!(corten.run(&["exec", "web", "sh", "-c", write]).stdout, "tmp\n");
        assert_eq!(corten.run(&[&other[..], &[write]].concat()).stdout, "etc\n");
        let free = ["exec", "--security-opt", "apparmor=unconfined", "web", "sh", "-c", OWN];
        assert_eq!(corten.ok(&free), "unconfined");
        assert_eq!(corten.ok(&["inspect", "-f", "{{.AppArmorProfile}}", "web"]), mine.1);
        let told = corten.fails(&["apparmor", "unload", mine.1], 1);
        assert!(told.contains("container web runs in it"), "{told}");
        assert!(is_loaded(mine.1));
        corten.ok(&["rm", "-f", "web"]);
        assert_eq!(corten.ok(&["apparmor", "unload", mine.1]), mine.1);
        assert!(!is_loaded(mine.1));
    }

    #[test]
    fn a_profile_that_is_not_loaded_is_refused_and_nothing_is_left() {
        let Some((corten, _policy)) = corten() else { return };
        let flags = ["--security-opt", "apparmor=corten-test-none", "busybox", "true"];
        for (command, code) in [("run", 125), ("create", 1)] {
            let told = corten.fails(&[&[command], &flags[..]].concat(), code);
            assert!(told.contains("\"corten-test-none\": no such profile is loaded"), "{told}");
        }
        assert_eq!(corten.ok(&["ps", "-aq"]), "");
        corten.ok(&["run", "-d", "--name", "web", "busybox", "sleep", "1000"]);
        let exec = ["exec", "--security-opt", "apparmor=corten-test-none", "web", "true"];
        assert!(corten.fails(&exec, 125).contains("no such profile is loaded"));
        let told = corten.fails(&["apparmor", "unload", "corten-test-none"], 1);
        assert!(told.contains("no such profile is loaded"), "{told}");
        let bad = corten.run_with(&["apparmor", "load", "-"], b"profile x {");
        assert!(bad.code == 1 && bad.stderr.contains("apparmor_parser refuses it"), "{bad:?}");
        let none = corten.run_with(&["apparmor", "load", "-"], b"# nothing\n");
        assert!(none.code == 1 && none.stderr.contains("it holds none"), "{none:?}");
    }

    /// The same line in a mount namespace of its own, where nothing compiles profiles.
    fn without_parser(corten: &Corten, args: &[&str]) -> Finished {
        let script = "mkdir -p \"$0\" && mount --bind \"$0\" /usr/sbin && exec \"$@\"";
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", script]).arg(corten.directory().join("empty"));
        corten.run_behind(command, args, b"")
    }

    #[test]
    fn what_is_compiled_once_needs_no_parser_and_without_either_it_is_said() {
        let Some((corten, _policy)) = corten() else { return };
        let _absent = corten.run(&["apparmor", "unload", "--force", "corten-default"]);
        let run = ["run", "--rm", "busybox", "sh", "-c", OWN];
        let open = without_parser(&corten, &run);
        assert_eq!((open.code, open.stdout.trim()), (0, "unconfined"), "{open:?}");
        let info = without_parser(&corten, &["info"]).stderr;
        let warning = "AppArmor does not confine containers by corten-default: it is not loaded, and apparmor_parser is not there";
        assert!(info.contains(warning), "{info}");
        let option = ["--security-opt", "apparmor=corten-default"];
        let asked = [&run[..2], &option, &run[2..]].concat();
        let told = without_parser(&corten, &asked);
        assert!(told.code == 125 && told.stderr.contains("apparmor_parser is not"), "{told:?}");
        // Compiled.
        assert_eq!(corten.ok(&run), DEFAULT);
        assert_eq!(std::fs::read_dir(corten.root().join("apparmor")).unwrap().count(), 1);
        // The next boot.
        corten.ok(&["apparmor", "unload", "corten-default"]);
        let kept = without_parser(&corten, &run);
        assert_eq!((kept.code, kept.stdout.trim()), (0, DEFAULT), "{kept:?}");
    }

    /// A run by who is confined by that profile himself.
    fn run_within(corten: &Corten, outer: &str, flags: &[&str]) -> Finished {
        let script = "printf 'exec %s' \"$0\" >/proc/self/attr/apparmor/exec && exec \"$@\"";
        let mut command = Command::new("sh");
        command.args(["-c", script, outer]);
        let run = [&["run", "--rm"], flags, &["busybox", "sh", "-c", OWN]].concat();
        corten.run_behind(command, &run, b"")
    }

    #[test]
    fn who_is_confined_himself_adds_the_profile_to_his_own() {
        let Some((corten, _policy)) = corten() else { return };
        let outer = Own::load(&corten, "corten-test-outer", "/etc");
        corten.ok(&["apparmor", "load"]);
        let added = run_within(&corten, outer.1, &[]);
        let label = added.stdout.trim();
        for part in ["corten-default", "//&", outer.1] {
            assert!(label.contains(part), "{added:?}");
        }
        // Where that is not allowed the container has what its maker has.
        let text = "profile corten-test-outer flags=(attach_disconnected) { file, network, capability, mount, umount, pivot_root, ptrace, signal, }";
        let reloaded = corten.run_with(&["apparmor", "load", "-"], text.as_bytes());
        assert_eq!(reloaded.code, 0, "{reloaded:?}");
        let kept = run_within(&corten, outer.1, &[]);
        assert_eq!(kept.stdout.trim(), "corten-test-outer (enforce)", "{kept:?}");
        let asked = ["--security-opt", "apparmor=corten-default"];
        let told = run_within(&corten, outer.1, &asked);
        let why = "corten itself is confined by corten-test-outer";
        assert!(told.code == 125 && told.stderr.contains(why), "{told:?}");
    }

    #[test]
    fn the_default_profile_is_printed_for_a_beginning() {
        let Some((corten, _policy)) = corten() else { return };
        let text = corten.ok(&["apparmor", "print", "corten-test-printed"]);
        let loaded = corten.run_with(&["apparmor", "load", "-"], format!("{text}\n").as_bytes());
        assert_eq!((loaded.code, loaded.stdout.trim()), (0, "corten-test-printed"), "{loaded:?}");
        let option = ["--security-opt", "apparmor=corten-test-printed"];
        let own = shell(&corten, &option, OWN);
        corten.ok(&["apparmor", "unload", "corten-test-printed"]);
        assert_eq!(own.stdout.trim(), "corten-test-printed (enforce)");
        corten.fails(&["apparmor", "print", "a b"], 1);
    }
}
