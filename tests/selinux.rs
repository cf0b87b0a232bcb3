//! Containers that a policy of SELinux confines, on a machine that has one; permissive it says less than enforcing.

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::net::UnixListener;
    use std::path::Path;
    use std::process::Command;

    use testkit::{Corten, Finished};

    const LEVEL: [&str; 2] = ["--security-opt", "label=level:s0:c1,c2"];
    const PROCESS: &str = "system_u:system_r:container_t:s0:c1,c2";

    /// Nothing where the machine has no SELinux.
    fn corten() -> Option<Corten> {
        if !Path::new("/sys/fs/selinux/enforce").exists() {
            eprintln!("skipped: this machine runs without SELinux");
            return None;
        }
        Some(Corten::with_busybox(env!("CARGO_BIN_EXE_corten")))
    }

    fn run(corten: &Corten, flags: &[&str], command: &[&str]) -> String {
        let line = [&["run"][..], flags, &["busybox"], command].concat();
        corten.ok(&line).trim_matches(['\0', '\n']).to_owned()
    }

    /// Pipes of ours have our label, which the container may not use: what it wrote was lost without a word.
    #[test]
    fn what_a_confined_container_writes_arrives() {
        let Some(corten) = corten() else { return };
        let script = "cat; echo out; echo err >&2; cat /proc/self/attr/current";
        let line = [&["run", "--rm", "-i"], &LEVEL[..], &["busybox", "sh", "-c", script]].concat();
        let all = corten.run_with(&line, b"in ");
        let expected = format!("in out\n{PROCESS}");
        assert_eq!((all.stdout.trim_end_matches('\0'), all.stderr.as_str()), (&*expected, "err\n"));
        // The same to its log, to a further process, and to whoever asks for its health.
        let health = ["--health-cmd", "echo fine", "--health-interval", "1s"];
        let flags = [&["-d", "--name", "long"], &LEVEL[..], &health].concat();
        run(&corten, &flags, &["sh", "-c", "echo logged; exec sleep 1000"]);
        corten.ok(&["wait", "--condition", "healthy", "long"]);
        assert_eq!(corten.ok(&["logs", "long"]), "logged");
        let probe = corten.ok(&["inspect", "-f", "{{(index .State.Health.Log 0).Output}}", "long"]);
        assert_eq!(probe.trim(), "fine");
        let further = corten.run_with(&["exec", "-i", "long", "sh", "-c", script], b"in ");
        assert_eq!(further.stdout.trim_end_matches('\0'), expected);
        assert_eq!(further.stderr, "err\n");
        let shown = corten.ok(&["inspect", "-f", "{{.ProcessLabel}} {{.MountLabel}}", "long"]);
        assert_eq!(shown, format!("{PROCESS} system_u:object_r:container_file_t:s0:c1,c2"));
    }

    #[test]
    fn a_label_that_the_policy_does_not_know_is_refused_and_nothing_is_left() {
        let Some(corten) = corten() else { return };
        for part in ["type:no_such_t", "level:s9", "filetype:no_such_t", "user:no_u", "role:no_r"] {
            let option = format!("label={part}");
            let line = ["run", "--name", "bad", "--security-opt", &option, "busybox", "true"];
            let told = corten.fails(&line, 125);
            assert!(told.contains("invalid SELinux label"), "{part}: {told}");
        }
        assert_eq!(corten.ok(&["ps", "-aq"]), "");
    }

    #[test]
    fn a_volume_is_every_confined_containers() {
        let Some(corten) = corten() else { return };
        let volume = ["--rm", "-v", "shared:/d"];
        run(&corten, &[&volume, &LEVEL[..]].concat(), &["sh", "-c", "echo x >/d/x"]);
        let other = ["--security-opt", "label=level:s0:c5,c6"];
        let label = "cat /d/x; cat /proc/self/attr/current";
        let shown = run(&corten, &[&volume, &other[..]].concat(), &["sh", "-c", label]);
        assert_eq!(shown, "x\nsystem_u:system_r:container_t:s0:c5,c6");
    }

    #[test]
    fn who_joins_a_container_has_its_label() {
        let Some(corten) = corten() else { return };
        let flags = [&["-d", "--name", "first", "--ipc", "shareable"], &LEVEL[..]].concat();
        run(&corten, &flags, &["sh", "-c", "echo 5 >/dev/shm/z; exec sleep 1000"]);
        let label = ["cat", "/proc/self/attr/current"];
        for flags in [
            &["--rm", "--ipc", "container:first"][..],
            &["--rm", "--pid", "container:first", "--security-opt", "label=type:container_t"],
        ] {
            assert_eq!(run(&corten, flags, &label), PROCESS, "{flags:?}");
        }
        let own = ["--rm", "--ipc", "container:first", "--security-opt", "label=level:s0:c8,c9"];
        assert_eq!(run(&corten, &own, &label), "system_u:system_r:container_t:s0:c8,c9");
    }

    fn labels(corten: &Corten, name: &str) -> [String; 2] {
        ["ProcessLabel", "MountLabel"]
            .map(|field| corten.ok(&["inspect", "-f", &format!("{{{{.{field}}}}}"), name]))
    }

    /// Whether the policy has the types that containers are labelled with.
    fn has_types(corten: &Corten) -> bool {
        let info = corten.ok(&["info", "-f", "{{.Warnings}}"]);
        !info.contains("SELinux does not label containers")
    }

    #[test]
    fn every_container_has_categories_of_its_own_unless_it_is_told_otherwise() {
        let Some(corten) = corten() else { return };
        if !has_types(&corten) {
            corten.ok(&["create", "--name", "one", "busybox", "true"]);
            assert_eq!(labels(&corten, "one"), ["", ""]);
            return;
        }
        let mut levels = Vec::new();
        for name in ["one", "two", "three"] {
            corten.ok(&["create", "--name", name, "busybox", "cat", "/proc/self/attr/current"]);
            let [process, files] = labels(&corten, name);
            let level = process.strip_prefix("system_u:system_r:container_t:").unwrap().to_owned();
            assert!(level.starts_with("s0:c") && level.contains(','), "{process}");
            assert_eq!(files, format!("system_u:object_r:container_file_t:{level}"));
            assert!(!levels.contains(&level), "{level} in {levels:?}");
            levels.push(level);
            let shown = corten.ok(&["start", "-a", name]);
            assert_eq!(shown.trim_matches(['\0', '\n']), process);
        }
        assert_eq!(corten.ok(&["inspect", "-f", "{{.HostConfig.SecurityOpt}}", "one"]), "[]");
        corten.ok(&["container", "clone", "one", "clone"]);
        assert!(!levels.iter().any(|level| labels(&corten, "clone")[0].ends_with(level)));
        for flags in [
            &["--privileged"][..],
            &["--security-opt", "label=disable"],
            &["--pid", "host"],
            &["--ipc", "host"],
        ] {
            let line = [&["create", "--name", "free"], flags, &["busybox", "true"]].concat();
            corten.ok(&line);
            assert_eq!(labels(&corten, "free"), ["", ""], "{flags:?}");
            corten.ok(&["rm", "free"]);
        }
        let init = ["create", "--name", "init", "busybox", "/sbin/init"];
        corten.ok(&init);
        // Policies of some distributions have no type for them.
        let kinds = [":container_init_t:s0:c", ":container_t:s0:c"];
        assert!(kinds.iter().any(|kind| labels(&corten, "init")[0].contains(kind)));
    }

    #[test]
    fn what_a_container_has_it_can_use_and_another_cannot() {
        let Some(corten) = corten() else { return };
        if !has_types(&corten) {
            return eprintln!("skipped: the policy of this machine has no types for containers");
        }
        let own = "echo x >/x && cat /x /etc/hosts /etc/resolv.conf /etc/hostname >/dev/null && echo y >/dev/shm/y && \
                   test -w /dev/mqueue && cat /vol/in && echo v >/vol/v && echo fine";
        let flags = ["--rm", "-v", "data:/vol"];
        corten.ok(&["volume", "create", "data"]);
        let filled = corten.run_with(
            &["run", "--rm", "-i", "-v", "data:/vol", "busybox", "sh", "-c", "cat >/vol/in"],
            b"in\n",
        );
        assert_eq!(filled.code, 0, "{filled:?}");
        let shown = run(&corten, &flags, &["sh", "-c", own]);
        assert!(shown.ends_with("fine"), "{shown}");
        // A directory that is one container's alone.
        let directory = corten.directory().join("private");
        std::fs::create_dir(&directory).unwrap();
        let private = format!("{}:/d:Z", directory.display());
        run(&corten, &["--rm", "-v", &private], &["sh", "-c", "echo secret >/d/s"]);
        let plain = format!("{}:/d", directory.display());
        let read = ["run", "--rm", "-v", &plain, "busybox", "cat", "/d/s"];
        let is_enforcing = std::fs::read("/sys/fs/selinux/enforce").unwrap() == b"1";
        let other = corten.run(&read);
        assert_eq!(other.code != 0, is_enforcing, "{other:?}");
        let shared = format!("{}:/d:z", directory.display());
        assert_eq!(run(&corten, &["--rm", "-v", &shared], &["cat", "/d/s"]), "secret");
        // Who is nested is shown SELinux, and may ask it what the policy lets him ask.
        let is_shown = ["sh", "-c", "grep -c '^selinuxfs /sys/fs/selinux ' /proc/mounts; true"];
        let nested = ["--rm", "--security-opt", "label=nested"];
        assert_eq!(run(&corten, &nested, &is_shown), "1");
        assert_eq!(run(&corten, &["--rm"], &is_shown), "0");
    }

    #[test]
    fn the_tightest_walls_have_labels_too() {
        let Some(corten) = corten() else { return };
        let script = "cat /proc/self/attr/current; echo; echo x >/tmp/x && cat /tmp/x /vol/in; stat -c %u /dev/mqueue";
        let filled =
            ["run", "--rm", "-i", "-v", "data:/vol", "busybox", "sh", "-c", "cat >/vol/in"];
        assert_eq!(corten.run_with(&filled, b"in\n").code, 0);
        let flags = [&["--rm", "--hardened", "-v", "data:/vol"], &LEVEL[..]].concat();
        let told = run(&corten, &flags, &["sh", "-c", script]);
        let words: Vec<&str> = told.split(['\0', '\n']).filter(|word| !word.is_empty()).collect();
        assert_eq!(words, [PROCESS, "x", "in", "0"], "{told:?}");
    }

    /// Layers and files of a context have labels of the machine where they lie, which no container may use.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "files of a test")]
    fn what_is_mounted_from_images_and_contexts_can_be_read() {
        let Some(corten) = corten() else { return };
        let image = ["--rm", "--mount", "type=image,src=busybox,dst=/i"];
        let script = "/i/bin/busybox echo executed; echo x >/i/x || echo kept";
        assert_eq!(run(&corten, &image, &["sh", "-c", script]), "executed\nkept");
        let part =
            ["--rm", "--mount", "type=image,src=busybox,dst=/busybox,image-subpath=bin/busybox"];
        assert_eq!(run(&corten, &part, &["sh", "-c", "/busybox echo executed"]), "executed");
        let context = corten.directory().join("context");
        std::fs::create_dir(&context).unwrap();
        std::fs::write(context.join("file"), "content\n").unwrap();
        let file = "FROM busybox\nRUN --mount=type=bind,source=file,target=/f \\\n\
                    --mount=type=bind,from=busybox,target=/i \\\n--mount=type=cache,target=/c \\\n\
                    cat /f && /i/bin/busybox touch /c/x\n";
        std::fs::write(context.join("Dockerfile"), file).unwrap();
        let built =
            corten.run(&["build", "--network", "none", "-t", "built", context.to_str().unwrap()]);
        assert_eq!(built.code, 0, "{built:?}");
    }

    /// Nobody who is confined may connect to a socket of the machine's programs: Corten's own stands before it.
    #[test]
    #[expect(clippy::disallowed_methods, reason = "files of a test")]
    fn a_step_reaches_an_agent_of_the_machine() {
        let Some(corten) = corten() else { return };
        let context = corten.directory().join("context");
        let copy = "for file in $(command -v socat) $(ldd $(command -v socat) | grep -o '/[^ ]*'); do \
                    mkdir -p \"$0$(dirname $file)\" && cp -L $file \"$0$file\"; done";
        let mut copy_socat = Command::new("sh");
        copy_socat.args(["-c", copy]).arg(context.join("root"));
        assert!(copy_socat.status().unwrap().success());
        let file = "FROM busybox\nCOPY root/ /\nRUN --mount=type=ssh socat -u UNIX-CONNECT:$SSH_AUTH_SOCK -\n";
        std::fs::write(context.join("Dockerfile"), file).unwrap();
        let socket = corten.directory().join("agent");
        let agent = UnixListener::bind(&socket).unwrap();
        let answers = std::thread::spawn(move || {
            agent.accept().unwrap().0.write_all(b"hello of the agent\n")
        });
        let ssh = format!("default={}", socket.display());
        let line = ["build", "--network", "none", "--progress", "plain", "--ssh", &ssh];
        let built = corten.run(&[&line[..], &[context.to_str().unwrap()]].concat());
        assert!(built.code == 0 && built.stderr.contains("hello of the agent"), "{built:?}");
        answers.join().unwrap().unwrap();
    }

    /// The policy without its own word on containers: what names their types names such as nobody has.
    fn without_types(corten: &Corten, args: &[&str], input: &str) -> Finished {
        let policy = std::fs::read_to_string("/etc/selinux/config").unwrap();
        let policy = policy.lines().find_map(|line| line.strip_prefix("SELINUXTYPE=")).unwrap();
        let script = "printf 'process = \"a:b:no_such_t:s0\"\\n' >\"$0\" && mount --bind \"$0\" \"$1\" && shift && exec \"$@\"";
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", script]).arg(corten.directory().join("contexts"));
        command.arg(format!("/etc/selinux/{policy}/contexts/lxc_contexts"));
        corten.run_behind(command, args, input.as_bytes())
    }

    /// What is the machine's, and another container's, a process of our type cannot use.
    fn is_kept_out(corten: &Corten) {
        let plain = |args: &[&str]| without_types(corten, args, "");
        let is_enforcing = std::fs::read("/sys/fs/selinux/enforce").unwrap() == b"1";
        let directory = corten.directory().join("private");
        std::fs::create_dir(&directory).unwrap();
        let [private, plainly] =
            ["Z", "rw"].map(|option| format!("{}:/d:{option}", directory.display()));
        let made = plain(&[
            "run",
            "--rm",
            "-v",
            &private,
            "busybox",
            "sh",
            "-c",
            "echo secret >/d/s && cat /d/s",
        ]);
        assert_eq!(made.code, 0, "{made:?}");
        let machine = ["-v", "/etc:/host", "-v", &plainly];
        for refused in ["cat /host/shadow", "cat /d/s", "cat /proc/1/environ"] {
            let pids = ["--pid", "host", "--security-opt", "label=type:corten_t"];
            let line = [&["run", "--rm"][..], &machine, &pids, &["busybox", "sh", "-c", refused]];
            let done = plain(&line.concat());
            assert_eq!(done.code != 0, is_enforcing, "{refused}: {done:?}");
        }
    }

    #[test]
    fn a_policy_without_types_for_containers_gets_ours() {
        let Some(corten) = corten() else { return };
        let plain = |args: &[&str]| without_types(&corten, args, "");
        let told = |args: &[&str]| {
            let done = plain(args);
            assert_eq!(done.code, 0, "{args:?}: {done:?}");
            done.stdout.trim_matches(['\0', '\n']).to_owned()
        };
        let label = "cat /proc/self/attr/current";
        let open = told(&["run", "--rm", "busybox", "sh", "-c", label]);
        assert!(!open.contains("container"), "{open}");
        let warning = "SELinux does not label containers: the policy of this machine has no no_such_t; corten selinux load adds types";
        assert!(plain(&["info"]).stderr.contains(warning), "{:?}", plain(&["info"]));
        corten.ok(&["selinux", "load"]);
        assert!(!plain(&["info"]).stderr.contains("SELinux"), "{:?}", plain(&["info"]));
        let own = told(&["run", "--rm", "busybox", "sh", "-c", label]);
        assert!(own.starts_with("system_u:system_r:corten_t:s0:c"), "{own}");
        // What a container has it can use.
        let uses = "echo x >/x && cat /x /etc/hosts /etc/resolv.conf >/dev/null && echo y >/dev/shm/y && test -w /dev/mqueue && \
                    mkfifo /p && (echo z >/p & cat /p) && ls /proc/self /sys/class >/dev/null && head -c 1 /dev/urandom >/dev/null && \
                    (nc -l -p 99 -e true & sleep 0; kill $!) && cat /i/etc/passwd >/dev/null && /i/bin/busybox kill -0 $$ && echo fine";
        let image = ["--mount", "type=image,src=busybox,dst=/i", "-v", "data:/vol"];
        for flags in [&["-i"][..], &["-t"], &["--hardened", "--tmpfs", "/w"], &["--init"]] {
            let line = [&["run", "--rm"], flags, &image, &["busybox", "sh", "-c"]].concat();
            let script = if flags[0] == "--hardened" {
                "cat /i/etc/passwd >/tmp/x && echo fine"
            } else {
                uses
            };
            let done = plain(&[&line[..], &[script]].concat());
            assert!(done.code == 0 && done.stdout.contains("fine"), "{flags:?}: {done:?}");
        }
        let arrives = without_types(&corten, &["run", "--rm", "-i", "busybox", "cat"], "in");
        assert_eq!(arrives.stdout, "in", "{arrives:?}");
        is_kept_out(&corten);
        told(&["create", "--name", "holds", "busybox", "true"]);
        let kept = plain(&["selinux", "unload"]);
        assert!(
            kept.code == 1 && kept.stderr.contains("container holds has labels of it"),
            "{kept:?}"
        );
        told(&["rm", "holds"]);
        told(&["selinux", "unload"]);
        let again = told(&["run", "--rm", "busybox", "sh", "-c", label]);
        assert_eq!(again, open);
    }
}
