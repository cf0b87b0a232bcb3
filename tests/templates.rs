//! Templates: images made of scripts, archives and image servers, as users of LXC know them.

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::{Path, PathBuf};
    use std::process::{Command, Stdio};

    use testkit::{Corten, Finished, wait_until};

    fn corten() -> Corten {
        Corten::new(env!("CARGO_BIN_EXE_corten"))
    }

    fn script(corten: &Corten, name: &str, text: &str) -> String {
        let path = corten.directory().join(name);
        fs::write(&path, format!("#!/bin/sh\n{text}")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn build(corten: &Corten, words: &[&str]) -> Finished {
        corten.run(&[&["template", "build"], words].concat())
    }

    fn nothing_is_left(corten: &Corten) {
        assert_eq!(corten.ok(&["images", "-q"]), "");
        assert_eq!(fs::read_dir(corten.root().join("tmp")).unwrap().count(), 0);
    }

    /// Files of a small root: a busybox that runs, and one file more.
    const ROOT: &str = "mkdir -p \"$R/bin\" \"$R/etc\" \"$R/dev\" \"$R/proc\" \"$R/sys\"\n\
        cp \"$(command -v busybox)\" \"$R/bin/busybox\"; ln -s busybox \"$R/bin/sh\"; ln -s busybox \"$R/bin/cat\"\n\
        echo made > \"$R/etc/made\"\n";

    #[test]
    fn a_script_is_called_as_by_lxc_and_what_it_writes_is_kept() {
        let corten = corten();
        let told = corten.directory().join("told");
        let text = format!(
            "for word; do echo \"$word\"; done > {told}\n\
             P=${{1#--path=}}; R=${{3#--rootfs=}}\n\
             cat \"$P/config\" >> {told}; stat -c %a \"$P\" \"$R\" >> {told}; echo to-stdout\n\
             {ROOT}\
             mount -t tmpfs none \"$R/proc\"; touch \"$R/proc/hidden\"\n\
             echo 'lxc.uts.name = my' >> \"$P/config\"; echo \"lxc.mount.fstab = $P/fstab\" >> \"$P/config\"\n\
             echo 'lxc.tty.max = 5' >> \"$P/config\"; echo \"$R/x x none bind 0 0\" > \"$P/fstab\"\n",
            told = told.display()
        );
        let path = script(&corten, "lxc-my", &text);
        let built = build(&corten, &[&path, "--", "--own", "a b"]);
        assert_eq!((built.code, built.stdout.as_str()), (0, "lxc-my:latest\n"), "{built:?}");
        assert!(built.stderr.contains("to-stdout"), "{built:?}");
        let told = fs::read_to_string(told).unwrap();
        let lines: Vec<&str> = told.lines().collect();
        let at = lines[0].strip_prefix("--path=").unwrap();
        assert!(at.ends_with("/my"), "{told}");
        let expected = [
            format!("--path={at}"),
            "--name=my".to_owned(),
            format!("--rootfs={at}/rootfs"),
            "--own".to_owned(),
            "a b".to_owned(),
            format!("lxc.rootfs.path = dir:{at}/rootfs"),
            "770".to_owned(),
            "755".to_owned(),
        ];
        assert_eq!(lines, expected);
        assert!(!Path::new(at).exists(), "its directory is gone");

        let run = corten.ok(&["run", "--rm", "lxc-my", "cat", "/etc/made"]);
        assert_eq!(run, "made");
        let label = |name: &str| {
            let format = format!("{{{{index .Config.Labels \"corten.lxc.{name}\"}}}}");
            corten.ok(&["image", "inspect", "-f", &format, "lxc-my"])
        };
        assert_eq!(label("config"), "lxc.mount.fstab = LXC_PATH/fstab\nlxc.tty.max = 5");
        assert_eq!(label("fstab"), "LXC_ROOTFS/x x none bind 0 0");
        // Its mounts were its own: nothing of them is in the image, or on the machine.
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        assert!(!mounts.contains(at), "{mounts}");
        let save = corten.command().args(["image", "save", "lxc-my"]).output().unwrap();
        assert!(!save.stdout.windows(6).any(|bytes| bytes == b"hidden"));
        assert_eq!(build(&corten, &[&path, "--tag", "own:1", "--name", "c9"]).stdout, "own:1\n");
    }

    #[test]
    fn a_script_that_fails_leaves_nothing() {
        let corten = corten();
        let half = script(&corten, "half", &format!("R=${{3#--rootfs=}}; {ROOT} exit 3"));
        let said = corten.fails(&["template", "build", &half], 1);
        assert!(said.ends_with("half: it ended with exit code 3"), "{said}");
        nothing_is_left(&corten);
        let empty = script(&corten, "empty", "exit 0");
        let said = corten.fails(&["template", "build", &empty], 1);
        assert!(said.ends_with("empty: it has made no files"), "{said}");
        let long = script(
            &corten,
            "long",
            &format!(
                "R=${{3#--rootfs=}}; {ROOT} yes lxc.x | head -c 100000 > ${{1#--path=}}/config"
            ),
        );
        let said = corten.fails(&["template", "build", &long], 1);
        assert!(said.contains("65536 bytes"), "{said}");
        nothing_is_left(&corten);

        for (words, expected) in [
            (&[half.as_str(), "--name", "a/b"][..], "invalid name \"a/b\""),
            (&[&half, "--name", ".."], "invalid name \"..\""),
            (&[&half, "--tag", "A/B"], "invalid image name \"A/B\""),
            (&[&half, "--suite", "x"], "half has no --suite"),
            (&["/nothing/there"], "invalid template \"/nothing/there\""),
            (&["no-such-template"], "invalid template \"no-such-template\""),
            (&["../busybox"], "invalid template \"../busybox\""),
            (&["busybox", "--rootfs", "x"], "the template busybox has no --rootfs"),
            (&["busybox", "word"], "the template busybox takes no \"word\""),
        ] {
            let refused = build(&corten, words);
            assert!(
                refused.code == 1 && refused.stderr.contains(expected),
                "{words:?} {refused:?}"
            );
        }
        nothing_is_left(&corten);
    }

    #[test]
    fn an_interrupted_script_leaves_neither_files_nor_processes() {
        let corten = corten();
        let begun = corten.directory().join("begun");
        let text = format!(
            "R=${{3#--rootfs=}}; {ROOT} (setsid sleep 4711 &) ; sleep 4712 & echo $! > {0}.tmp; mv {0}.tmp {0}; wait",
            begun.display()
        );
        let path = script(&corten, "slow", &text);
        for name in ["INT", "TERM", "HUP"] {
            let _first = fs::remove_file(&begun);
            let mut child = corten.command();
            let child = child.args(["template", "build", &path]).stderr(Stdio::piped());
            let child = child.stdout(Stdio::piped()).spawn().unwrap();
            wait_until("the script works", || begun.exists());
            testkit::signal(name, child.id());
            let ended = Finished::from(child.wait_with_output().unwrap());
            assert!(ended.code == 1 && ended.stderr.contains("interrupted by signal"), "{ended:?}");
            nothing_is_left(&corten);
            let pid = fs::read_to_string(&begun).unwrap();
            assert!(!Path::new("/proc").join(pid.trim()).exists(), "{name}");
            assert!(!lives("sleep\u{0}4711"), "{name}");
        }
    }

    fn lives(words: &str) -> bool {
        let all = fs::read_dir("/proc").unwrap().flatten();
        let mut lines =
            all.filter_map(|entry| fs::read_to_string(entry.path().join("cmdline")).ok());
        lines.any(|line| line.starts_with(words))
    }

    #[test]
    fn scripts_of_lxc_and_of_the_user_have_names() {
        let corten = corten();
        let config = corten.directory().join("config");
        let own = config.join("corten/templates");
        fs::create_dir_all(&own).unwrap();
        let path = script(&corten, "lxc-mine", &format!("R=${{3#--rootfs=}}; {ROOT}"));
        fs::rename(path, own.join("lxc-mine")).unwrap();
        let with = |words: &[&str]| {
            let mut command = corten.command();
            let command = command.env("XDG_CONFIG_HOME", &config).args(words);
            Finished::from(command.output().unwrap())
        };
        let built = with(&["template", "build", "mine"]);
        assert_eq!((built.code, built.stdout.as_str()), (0, "lxc-mine:latest\n"), "{built:?}");
        assert_eq!(corten.ok(&["run", "--rm", "lxc-mine", "cat", "/etc/made"]), "made");
        let listed = with(&["template", "list", "--format", "{{.Name}} {{.Available}}"]).stdout;
        assert!(listed.contains("lxc-mine yes\n") && listed.contains("local yes\n"), "{listed}");
        let shown = with(&["template", "show", "mine"]).stdout;
        assert!(shown.contains(own.join("lxc-mine").to_str().unwrap()), "{shown}");
        assert!(shown.contains("  --name"), "{shown}");
        let names = with(&["template", "ls", "-q"]).stdout;
        assert!(names.lines().any(|name| name == "busybox"), "{names}");
    }

    #[test]
    fn debians_busybox_script_makes_a_system() {
        let lxc = Path::new("/usr/share/lxc/templates/lxc-busybox");
        if !lxc.exists() {
            eprintln!("passed over: the package lxc is not installed");
            return;
        }
        let corten = corten();
        let built = build(&corten, &["lxc-busybox"]);
        assert_eq!((built.code, built.stdout.as_str()), (0, "lxc-busybox:latest\n"), "{built:?}");
        let format = "{{index .Config.Labels \"corten.lxc.config\"}}";
        let config = corten.ok(&["image", "inspect", "-f", format, "lxc-busybox"]);
        assert!(config.starts_with("lxc.signal.halt = SIGUSR1\n"), "{config}");
        assert!(!config.contains("lxc.uts.name") && !config.contains("rootfs.path"), "{config}");
        let said = corten.ok(&[
            "run",
            "--rm",
            "lxc-busybox",
            "sh",
            "-c",
            "echo $((6*7)); cat /etc/inittab",
        ]);
        assert!(said.starts_with("42\n") && said.contains("tty1::respawn"), "{said}");
        let help = build(&corten, &["lxc-busybox", "--", "--help"]);
        assert!(help.code == 0 && help.stdout.contains("--busybox-path"), "{help:?}");
    }

    /// A root and LXC's metadata for it, packed with the machine's tar.
    fn archives(directory: &Path) -> (PathBuf, PathBuf) {
        let pack = "set -e; cd \"$1\"; R=$1/root\n".to_owned()
            + ROOT
            + "chown 7:8 \"$R/etc/made\"; mkdir meta; cd meta\n\
               printf 'lxc.include = LXC_TEMPLATE_CONFIG/common.conf\\nlxc.arch = x86_64\\n' > config\n\
               cp config config-user; echo 4102444800 > expiry; echo /etc/hostname > templates\n\
               printf 'welcome\\033[2J\\n' > create-message; cd ..\n\
               tar -cJf meta.tar.xz -C meta .; tar -cJf rootfs.tar.xz -C root .; tar -cjf rootfs.tar.bz2 -C root .";
        let packed = Command::new("sh").args(["-c", &pack, "sh"]).arg(directory).status().unwrap();
        assert!(packed.success());
        (directory.join("rootfs.tar.xz"), directory.join("meta.tar.xz"))
    }

    #[test]
    fn an_archive_becomes_a_system() {
        let corten = corten();
        let (root, meta) = archives(corten.directory());
        let (root, meta) = (root.to_str().unwrap(), meta.to_str().unwrap());
        let built = build(&corten, &["local", "--rootfs", root, "--metadata", meta, "-t", "sys:1"]);
        assert_eq!((built.code, built.stdout.as_str()), (0, "sys:1\n"), "{built:?}");
        assert!(
            built.stderr.contains("welcome[2J") && !built.stderr.contains('\u{1b}'),
            "{built:?}"
        );
        let labels = corten.ok(&["image", "inspect", "-f", "{{json .Config.Labels}}", "sys:1"]);
        let labels: serde_json::Value = serde_json::from_str(&labels).unwrap();
        assert_eq!(labels["corten.lxc.expiry"], "4102444800");
        assert_eq!(labels["corten.lxc.templates"], "/etc/hostname");
        let config = "lxc.include = LXC_TEMPLATE_CONFIG/common.conf\nlxc.arch = x86_64\n";
        assert_eq!(labels["corten.lxc.config"], config);
        let owner = ["run", "--rm", "sys:1", "sh", "-c", "busybox stat -c %u:%g /etc/made"];
        assert_eq!(corten.ok(&owner), "7:8");

        let bzip2 = corten.directory().join("rootfs.tar.bz2");
        let built = build(&corten, &["local", "--rootfs", bzip2.to_str().unwrap()]);
        assert_eq!(built.stdout, "local:latest\n", "{built:?}");
        corten.ok(&["rmi", "sys:1", "local"]);

        // Cut, of another kind, missing, hostile.
        let cut = corten.directory().join("cut.tar.xz");
        let whole = fs::read(root).unwrap();
        fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
        let squash = corten.directory().join("root.squashfs");
        fs::write(&squash, [b"hsqs".as_slice(), &[0; 96]].concat()).unwrap();
        let evil = corten.directory().join("evil.tar");
        let pack = "cd \"$1\" && echo x > ../outside-$$ && tar -cPf evil.tar ../outside-$$; rm -f ../outside-$$";
        Command::new("sh").args(["-c", pack, "sh"]).arg(corten.directory()).status().unwrap();
        for (words, expected) in [
            (vec!["local", "--rootfs", cut.to_str().unwrap()], "error: "),
            (vec!["local", "--rootfs", squash.to_str().unwrap()], "squashfs"),
            (vec!["local", "--rootfs", "/nothing"], "open /nothing"),
            (vec!["local", "--rootfs", root, "--metadata", cut.to_str().unwrap()], "metadata"),
            (vec!["local", "--rootfs", evil.to_str().unwrap()], "error: "),
            (vec!["local"], "needs --rootfs"),
        ] {
            let refused = build(&corten, &words);
            assert!(
                refused.code == 1 && refused.stderr.contains(expected),
                "{words:?} {refused:?}"
            );
        }
        nothing_is_left(&corten);
    }
}
