//! LXC's tools: one session with LXC's own and with these, on two equal directories of containers; codes and output are the same. And
//! what they have in common with the rest of the program.

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::path::{Path, PathBuf};
    use std::process::{Command, Output, Stdio};

    use testkit::Corten;

    /// A line of the session: a tool and its words, `{P}` for the directory.
    type Step = &'static [&'static str];

    /// What both do alike. The containers are `one`, `two` (starts with the machine, in group `web`) and `three` (the same without a group).
    const SESSION: &[Step] = &[
        &["ls", "-1"],
        &["ls"],
        &["ls", "-f"],
        &["ls", "-f", "-F", "NAME,STATE,PID,AUTOSTART,GROUPS"],
        &["ls", "-1", "--running"],
        &["ls", "-1", "--stopped"],
        &["ls", "-1", "--defined"],
        &["ls", "-1", "--filter", "^t"],
        &["ls", "-1", "-g", "web"],
        &["info", "one"],
        &["info", "-n", "one", "-s"],
        &["info", "-n", "one", "--state", "-H"],
        &["info", "-n", "nosuch"],
        &["wait", "-n", "one", "-s", "STOPPED", "-t", "5"],
        &["wait", "-n", "nosuch", "-s", "STOPPED", "-t", "5"],
        &["wait", "-n", "one", "-s", "ODD"],
        &["wait", "-n", "one"],
        &["autostart", "-L"],
        &["autostart", "-L", "-a"],
        &["autostart", "-L", "-g", "web"],
        &["autostart", "-L", "-r", "-a"],
        &["freeze", "-n", "one"],
        &["unfreeze", "one"],
        &["stop", "one"],
        &["attach", "-n", "one", "--", "/bin/true"],
        &["console", "one"],
        &["start"],
        &["start", "--bogus"],
        &["start", "-n", "nosuch"],
        &["start", "one"],
        &["start", "--name", "one"],
        &["info", "--sta", "one"],
        &["info", "-p", "-H", "one"],
        &["info", "--pi", "--no-h", "one"],
        &["info", "-n", "one", "-c", "lxc.uts.name"],
        &["info", "-n", "one", "-c", "lxc.uts.name", "-H"],
        &["ls", "-1", "--running"],
        &["ls", "--active", "-f", "-F", "NAME,STATE"],
        &["wait", "one", "-s", "RUNNING|FROZEN", "-t", "5"],
        &["attach", "-n", "one", "--", "/bin/echo", "-n", "words"],
        &["attach", "one", "--", "/bin/sh", "-c", "exit 7"],
        &["attach", "one", "--", "/bin/sh", "-c", "kill -9 $$"],
        &["attach", "one", "--", "/bin/nosuch"],
        &[
            "attach",
            "one",
            "--clear-env",
            "-v",
            "A=1",
            "--",
            "/bin/sh",
            "-c",
            "echo $A $B $container $PATH",
        ],
        &["attach", "one", "-u", "5", "-g", "6", "--", "/bin/id", "-u"],
        &["attach", "one", "--", "/bin/hostname"],
        &["freeze", "one"],
        &["info", "-s", "one"],
        &["ls", "-1", "--frozen"],
        &["wait", "one", "-s", "FROZEN", "-t", "5"],
        &["unfreeze", "one"],
        &["info", "-s", "-H", "one"],
        &["cgroup", "one", "pids.max"],
        &["cgroup", "-n", "one", "pids.max", "50"],
        &["cgroup", "one", "pids.max"],
        &["cgroup", "one", "pids.nosuch"],
        &["destroy", "one"],
        &["copy", "-n", "one", "-N", "four"],
        &["start", "two"],
        &["stop", "two"],
        &["stop", "-n", "two"],
        &["stop", "-k", "one"],
        &["info", "one"],
        &["execute", "-n", "one", "--", "/bin/echo", "in", "it"],
        &["execute", "one", "--", "/bin/sh", "-c", "exit 3"],
        &["execute", "one", "--", "/bin/hostname"],
        &["ls", "-1", "--active"],
        &["copy", "-n", "one", "-N", "over", "-s"],
        &["ls", "-1"],
        &["destroy", "one"],
        &["destroy", "over"],
        &["snapshot", "one", "-L"],
        &["snapshot", "nosuch"],
        &["snapshot", "one", "-d", "snap7"],
        &["create", "-n", "new", "-t", "none"],
        &["create", "-n", "new", "-t", "none"],
        &["create", "-n", "other"],
        &["ls", "-1"],
        &["destroy", "new"],
        &["destroy", "new"],
        &["destroy", "-n", "one"],
        &["ls", "-1"],
    ];

    /// Those that are about no directory.
    const ELSEWHERE: &[Step] = &[
        &["config", "-l"],
        &["config", "lxc.default_config"],
        &["config", "lxc.bdev.lvm.vg"],
        &["config", "nosuch"],
        &["unshare", "-s", "UTSNAME", "-H", "named", "--", "hostname"],
        &["unshare", "--", "hostname"],
        &["unshare", "-s", "ODD", "--", "hostname"],
    ];

    #[expect(clippy::disallowed_methods, reason = "files of a test")]
    fn write(path: impl AsRef<Path>, text: impl AsRef<[u8]>) -> std::io::Result<()> {
        std::fs::write(path, text)
    }

    fn corten() -> Corten {
        Corten::new(env!("CARGO_BIN_EXE_corten"))
    }

    /// Containers of busybox that sleep.
    fn containers(path: &Path) {
        for (name, more) in [
            ("one", ""),
            (
                "two",
                "lxc.start.auto = 1\nlxc.start.delay = 3\nlxc.start.order = 5\nlxc.group = web\n",
            ),
            ("three", "lxc.start.auto = 1\n"),
        ] {
            let root = path.join(name).join("rootfs");
            testkit::busybox_rootfs(&root);
            let text = format!(
                "lxc.uts.name = {name}\nlxc.rootfs.path = dir:{}\nlxc.net.0.type = empty\nlxc.apparmor.profile = unconfined\n\
                 lxc.init.cmd = /bin/sleep 1000\nlxc.signal.halt = SIGKILL\n{more}",
                root.display()
            );
            write(path.join(name).join("config"), text).unwrap();
        }
    }

    fn words(path: Option<&Path>, step: &[&str]) -> Vec<String> {
        let (tool, rest) = step.split_first().unwrap();
        let place = path.map(|path| ["-P".to_owned(), path.display().to_string()]);
        let rest = rest.iter().map(|word| (*word).to_owned());
        std::iter::once((*tool).to_owned()).chain(place.into_iter().flatten()).chain(rest).collect()
    }

    fn ours(corten: &Corten, path: Option<&Path>, step: &[&str]) -> Output {
        let mut command = corten.command();
        command.arg("lxc").args(words(path, step)).env_remove("B");
        command.output().unwrap()
    }

    fn theirs(path: Option<&Path>, step: &[&str]) -> Output {
        let words = words(path, step);
        let mut command = Command::new(format!("lxc-{}", words[0]));
        command.args(&words[1..]).stdin(Stdio::null()).env_remove("B");
        command.output().unwrap()
    }

    /// Code and output, with what differs from one run to the next taken out.
    fn seen(output: &Output, path: &Path) -> String {
        let text =
            String::from_utf8_lossy(&output.stdout).replace(&path.display().to_string(), "{P}");
        let line = |line: &str| {
            let is_number = !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_digit());
            if is_number && line != "50" { "NUMBER".to_owned() } else { line.trim_end().to_owned() }
        };
        let lines: Vec<String> = text.lines().map(line).collect();
        let code =
            output.status.code().unwrap_or_else(|| 128 + output.status.signal().unwrap_or(0));
        format!("{code}: {}", lines.join("\n"))
    }

    fn has_peer() -> bool {
        let is_there = Path::new("/usr/bin/lxc-start").exists();
        if !is_there {
            eprintln!("LXC's own tools are not installed: nothing to compare with");
        }
        is_there
    }

    #[test]
    fn a_session_is_as_with_lxcs_own_tools() {
        let corten = corten();
        let own = corten.directory().join("own");
        containers(&own);
        let peer: Option<PathBuf> = has_peer().then(|| corten.directory().join("peer"));
        if let Some(peer) = &peer {
            containers(peer);
        }
        let mut differences = Vec::new();
        for step in SESSION {
            let mine = ours(&corten, Some(&own), step);
            let Some(peer) = &peer else { continue };
            let (mine_seen, their_seen) =
                (seen(&mine, &own), seen(&theirs(Some(peer), step), peer));
            if mine_seen != their_seen {
                let talk = String::from_utf8_lossy(&mine.stderr).into_owned();
                differences.push(format!(
                    "{step:?}\n--- LXC\n{their_seen}\n--- ours\n{mine_seen}\n{talk}"
                ));
            }
        }
        for step in ELSEWHERE.iter().filter(|_| peer.is_some()) {
            let (mine, their) = (ours(&corten, None, step), theirs(None, step));
            if seen(&mine, &own) != seen(&their, &own) {
                differences.push(format!("{step:?}\n{their:?}\n{mine:?}"));
            }
        }
        // Whatever went wrong, nothing goes on.
        for name in ["one", "two", "three"] {
            let _stopped = ours(&corten, Some(&own), &["stop", "-k", name]);
            if let Some(peer) = &peer {
                let words = ["-P", peer.to_str().unwrap(), "-k", "-n", name];
                let _stopped = Command::new("lxc-stop").args(words).output().unwrap();
            }
        }
        assert!(differences.is_empty(), "{}", differences.join("\n\n"));
    }

    fn ok(corten: &Corten, path: &Path, words: &[&str]) -> String {
        let mut command = corten.command();
        command.arg("lxc").arg(words[0]).arg("-P").arg(path).args(&words[1..]);
        let output = command.output().unwrap();
        let talk = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{words:?}: {talk}");
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    #[test]
    fn a_container_is_the_same_everywhere() {
        let corten = corten();
        let path = corten.directory().join("lxc");
        containers(&path);
        ok(&corten, &path, &["start", "one"]);
        assert_eq!(corten.ok(&["ps", "--format", "{{.Names}} {{.State}}"]), "one running");
        let id = corten.ok(&["ps", "-q", "--no-trunc"]);
        // What it changes is changed in its directory, and the record is the same as long as the configuration is.
        ok(&corten, &path, &["attach", "one", "--", "/bin/sh", "-c", "echo here > /made"]);
        assert_eq!(std::fs::read_to_string(path.join("one/rootfs/made")).unwrap(), "here\n");
        ok(&corten, &path, &["stop", "one"]);
        assert_eq!(corten.ok(&["ps", "-a", "--format", "{{.Names}} {{.State}}"]), "one exited");
        ok(&corten, &path, &["start", "one"]);
        assert_eq!(corten.ok(&["ps", "-q", "--no-trunc"]), id);
        corten.ok(&["stop", "-t", "0", "one"]);
        assert_eq!(ok(&corten, &path, &["info", "-s", "-H", "one"]), "STOPPED");
        let config = path.join("one/config");
        let text = std::fs::read_to_string(&config).unwrap();
        write(&config, format!("{text}lxc.uts.name = changed\n")).unwrap();
        ok(&corten, &path, &["start", "one"]);
        assert_eq!(ok(&corten, &path, &["attach", "one", "--", "/bin/hostname"]), "changed");
        assert_ne!(corten.ok(&["ps", "-q", "--no-trunc"]), id);
        // Another directory has no such container.
        let elsewhere = corten.directory().join("elsewhere");
        assert_eq!(ok(&corten, &elsewhere, &["ls", "-1"]), "");
        ok(&corten, &path, &["destroy", "-f", "one"]);
        assert!(!path.join("one").exists());
        assert_eq!(corten.ok(&["ps", "-a", "-q"]), "");
    }

    #[test]
    fn snapshots_and_copies_are_containers() {
        let corten = corten();
        let path = corten.directory().join("lxc");
        containers(&path);
        let file = path.join("one/rootfs/file");
        write(&file, "before").unwrap();
        ok(&corten, &path, &["snapshot", "one"]);
        write(&file, "after").unwrap();
        let listed = ok(&corten, &path, &["snapshot", "one", "-L"]);
        assert!(listed.starts_with(&format!("snap0 ({}/one/snaps) ", path.display())), "{listed}");
        ok(&corten, &path, &["snapshot", "one", "-r", "snap0", "-N", "restored"]);
        ok(&corten, &path, &["copy", "one", "-N", "copied"]);
        ok(&corten, &path, &["copy", "one", "-N", "over", "-s"]);
        for (name, text) in [("restored", "before"), ("copied", "after"), ("over", "after")] {
            ok(&corten, &path, &["start", name]);
            assert_eq!(
                ok(&corten, &path, &["attach", name, "--", "/bin/cat", "/file"]),
                text,
                "{name}"
            );
            ok(&corten, &path, &["attach", name, "--", "/bin/sh", "-c", "echo own > /file"]);
            ok(&corten, &path, &["stop", name]);
        }
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "after");
        ok(&corten, &path, &["snapshot", "one", "-r", "snap0"]);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "before");
        ok(&corten, &path, &["copy", "copied", "-N", "renamed", "-R"]);
        assert_eq!(ok(&corten, &path, &["ls", "-1"]), "one\nover\nrenamed\nrestored\nthree\ntwo");
    }

    #[test]
    fn keys_that_nobody_heeds_are_named() {
        let corten = corten();
        let path = corten.directory().join("lxc");
        containers(&path);
        let config = path.join("one/config");
        let text = std::fs::read_to_string(&config).unwrap();
        write(&config, format!("{text}lxc.hook.mount = /bin/true\n")).unwrap();
        let output = ours(&corten, Some(&path), &["start", "one"]);
        let talk = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1));
        assert!(talk.starts_with("lxc-start: one: ") && talk.contains("lxc.hook.mount"), "{talk}");
    }

    #[test]
    fn hooks_of_the_host_are_run() {
        let corten = corten();
        let path = corten.directory().join("lxc");
        containers(&path);
        let config = path.join("one/config");
        let text = std::fs::read_to_string(&config).unwrap();
        let log = corten.directory().join("log");
        let line = format!("/bin/sh -c 'echo $LXC_HOOK_TYPE $LXC_NAME >> {}'", log.display());
        let hooks: String = ["pre-start", "start-host", "post-stop", "destroy"]
            .iter()
            .map(|name| format!("lxc.hook.{name} = {line}\n"))
            .collect();
        write(&config, format!("{text}{hooks}lxc.hook.version = 1\n")).unwrap();
        ok(&corten, &path, &["execute", "one", "--", "/bin/true"]);
        ok(&corten, &path, &["destroy", "one"]);
        let told = std::fs::read_to_string(&log).unwrap();
        assert_eq!(told, "pre-start one\nstart-host one\npost-stop one\ndestroy one\n");
    }

    #[test]
    fn it_is_called_by_lxcs_names() {
        let corten = corten();
        let links = corten.directory().join("links");
        std::fs::create_dir(&links).unwrap();
        corten.ok(&["lxc", "install-links", links.to_str().unwrap()]);
        corten.ok(&["lxc", "install-links", links.to_str().unwrap()]);
        let mut command = Command::new(links.join("lxc-ls"));
        command.env("CORTEN_ROOT", corten.root()).env("CORTEN_STATE", corten.state());
        let output =
            command.arg("-P").arg(corten.directory().join("lxc")).arg("--bogus").output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&output.stderr).starts_with("lxc-ls: "), "{output:?}");
        let output = Command::new(links.join("lxc-start")).arg("--version").output().unwrap();
        assert!(output.status.success() && !output.stdout.is_empty(), "{output:?}");
    }

    #[test]
    fn templates_fill_a_root_in_place() {
        let corten = corten();
        let path = corten.directory().join("lxc");
        let script = corten.directory().join("template");
        let text = "#!/bin/sh\nfor word; do case $word in --rootfs=*) root=${word#*=};; --path=*) path=${word#*=};; --fail) exit 4;; esac; done\n\
                    mkdir \"$root/bin\"; echo made > \"$root/made\"; echo lxc.tty.max = 0 >> \"$path/config\"\n";
        write(&script, text).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&script, mode).unwrap();
        let script = script.to_str().unwrap();
        ok(&corten, &path, &["create", "new", "-f", "/dev/null", "-t", script, "--", "--mine"]);
        assert_eq!(std::fs::read_to_string(path.join("new/rootfs/made")).unwrap(), "made\n");
        let config = std::fs::read_to_string(path.join("new/config")).unwrap();
        let root = path.join("new/rootfs");
        assert_eq!(config, format!("lxc.rootfs.path = dir:{}\nlxc.tty.max = 0\n", root.display()));
        let path_text = path.to_str().unwrap();
        corten.fails(&["lxc", "create", "-P", path_text, "bad", "-t", script, "--", "--fail"], 1);
        assert!(!path.join("bad").exists(), "something is left of a template that failed");
    }
}
