//! `cp` through the program: Docker's rules for paths, both ways, of containers that run or not; and containers that fight back.

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, symlink};
    use std::path::{Path, PathBuf};
    use std::process::Command;

    use testkit::Corten;

    fn corten() -> Corten {
        Corten::with_busybox(env!("CARGO_BIN_EXE_corten"))
    }

    #[expect(clippy::disallowed_methods, reason = "a test's own file")]
    fn write(path: &Path, bytes: impl AsRef<[u8]>) {
        std::fs::write(path, bytes).unwrap();
    }

    /// A directory of the host with a file, a directory, and a link.
    fn tree(corten: &Corten) -> PathBuf {
        let tree = corten.directory().join("tree");
        std::fs::create_dir_all(tree.join("sub")).unwrap();
        write(&tree.join("file"), "file");
        write(&tree.join("sub/below"), "below");
        symlink("file", tree.join("link")).unwrap();
        tree
    }

    fn made(corten: &Corten, runs: bool) {
        let made = "mkdir /dir; echo old > /dir/old; ln -s /dir /to-dir; ln -s /dir/new /to-new";
        let (switch, then) = if runs { (&["-d"][..], "; exec sleep 1000") } else { (&[][..], "") };
        let script = format!("{made}{then}");
        corten.ok(&[
            &["run"],
            switch,
            &["--name", "box", "-v", "data:/data", "busybox", "sh", "-c", &script],
        ]
        .concat());
        if runs {
            testkit::wait_until("it is ready", || {
                corten.run(&["exec", "box", "ls", "/to-new"]).code == 1
                    && corten.run(&["exec", "box", "readlink", "/to-new"]).code == 0
            });
        }
    }

    /// What a container has under a path.
    fn has(corten: &Corten, path: &str) -> Option<String> {
        let archive = corten.command().args(["cp", &format!("box:{path}"), "-"]).output().unwrap();
        if !archive.status.success() {
            return None;
        }
        let file = corten.directory().join("out.tar");
        write(&file, &archive.stdout);
        let told = Command::new("tar").args(["-xOf"]).arg(&file).output().unwrap();
        assert!(told.status.success());
        Some(String::from_utf8(told.stdout).unwrap())
    }

    #[expect(clippy::too_many_lines, reason = "one rule after the other, on one container")]
    fn rules_of_paths(runs: bool) {
        let corten = corten();
        made(&corten, runs);
        let tree = tree(&corten);
        let at = |name: &str| tree.join(name).display().to_string();
        let cp = |from: &str, to: &str| corten.run(&["cp", from, to]);
        let ok = |from: &str, to: &str| {
            let done = cp(from, to);
            assert_eq!(done.code, 0, "{from} {to}: {done:?}");
            done.stderr
        };
        // Into a container.
        assert_eq!(ok(&at("file"), "box:/dir/new"), "Successfully copied 2.05kB to box:/dir/new\n");
        assert_eq!(has(&corten, "/dir/new").as_deref(), Some("file"));
        ok(&at("file"), "box:/dir");
        assert_eq!(has(&corten, "/dir/file").as_deref(), Some("file"));
        ok(&at("file"), "box:dir/relative");
        assert!(has(&corten, "/dir/relative").is_some());
        ok(&at("sub"), "box:/dir/made");
        assert_eq!(has(&corten, "/dir/made/below").as_deref(), Some("below"));
        ok(&at("sub"), "box:/dir/made");
        assert_eq!(has(&corten, "/dir/made/sub/below").as_deref(), Some("below"));
        ok(&at("sub/."), "box:/to-dir");
        assert_eq!(has(&corten, "/dir/below").as_deref(), Some("below"));
        ok(&at("link"), "box:/dir");
        assert_eq!(has(&corten, "/dir/link").as_deref(), Some(""), "the link itself");
        corten.ok(&["cp", "-L", &at("link"), "box:/dir/followed"]);
        assert_eq!(has(&corten, "/dir/followed").as_deref(), Some("file"));
        ok(&at("file"), "box:/to-new");
        assert_eq!(has(&corten, "/dir/new").as_deref(), Some("file"));
        ok(&at("file"), "box:/data/in-volume");
        let volume = corten.root().join("volumes/data/_data/in-volume");
        assert_eq!(std::fs::read_to_string(volume).unwrap(), "file");
        for (from, to, why) in [
            ("file", "box:/none/file", "ENOENT"),
            ("file", "box:/none/", "no such directory"),
            ("sub", "box:/dir/old", "over a file"),
            ("file", "box:/dir/old/", "no directory"),
            ("none", "box:/dir", "ENOENT"),
            ("file/", "box:/dir", "no directory"),
        ] {
            let done = cp(&at(from), to);
            assert!(done.code == 1 && done.stderr.contains(why), "{from} {to}: {done:?}");
        }
        // Out of it.
        let out = corten.directory().join("out");
        std::fs::create_dir(&out).unwrap();
        let to = |name: &str| out.join(name).display().to_string();
        ok("box:/dir/old", &to("renamed"));
        ok("box:/dir/old", &to(""));
        ok("box:/dir/made", &to("new"));
        ok("box:/dir/made", &to("new"));
        ok("box:/dir/made/.", &to("contents"));
        ok("box:/to-dir", &to("link"));
        ok("box:/to-dir/", &to("directory"));
        corten.ok(&["cp", "-q", "-L", "box:/to-dir", &to("followed")]);
        for path in [
            "renamed",
            "old",
            "new/below",
            "new/made/below",
            "contents/below",
            "directory/old",
            "followed/old",
        ] {
            assert!(out.join(path).is_file(), "{path}");
        }
        assert!(out.join("link").is_symlink());
        assert_eq!(cp("box:/none", &to("x")).code, 1);
        assert!(cp("box:/dir", "box:/x").stderr.contains("between containers"));
        assert!(cp("a", "b").stderr.contains("at least one container"));
        assert_eq!(cp("nobody:/x", &to("x")).code, 1);
    }

    #[test]
    fn paths_of_a_stopped_container() {
        rules_of_paths(false);
    }

    #[test]
    fn paths_of_a_running_container() {
        rules_of_paths(true);
    }

    #[test]
    fn owners_modes_and_kinds() {
        let corten = corten();
        made(&corten, false);
        let tree = tree(&corten);
        std::os::unix::fs::chown(tree.join("file"), Some(5), Some(6)).unwrap();
        let script = "cd \"$0\"; mkfifo pipe; mknod null c 1 3; ln file again; truncate -s 8E huge 2>/dev/null || truncate -s 1T huge; chmod 4755 file; touch -d '2001-02-03 04:05:06' sub";
        assert!(Command::new("sh").args(["-c", script]).arg(&tree).status().unwrap().success());
        corten.ok(&["cp", "-a", tree.to_str().unwrap(), "box:/kept"]);
        corten.ok(&["cp", tree.to_str().unwrap(), "box:/roots"]);
        corten.ok(&["start", "box"]);
        let out = corten.directory().join("out");
        corten.ok(&["cp", "-a", "box:/kept", out.to_str().unwrap()]);
        let about = |name: &str| out.join(name).symlink_metadata().unwrap();
        assert_eq!(
            (about("file").uid(), about("file").gid(), about("file").mode() & 0o7777),
            (5, 6, 0o4755)
        );
        assert_eq!(about("file").ino(), about("again").ino());
        assert_eq!(about("null").rdev(), 0x103);
        assert_eq!(about("sub").mtime(), 981_173_106);
        assert_eq!(about("huge").size(), tree.join("huge").metadata().unwrap().size());
        assert!(about("huge").blocks() < 1000);
        let roots = corten.directory().join("roots");
        corten.ok(&["cp", "-a", "box:/roots/file", roots.to_str().unwrap()]);
        assert_eq!(roots.metadata().unwrap().uid(), 0);
        assert_eq!(roots.metadata().unwrap().mode() & 0o7777, 0o755, "a program of nobody else's");
    }

    #[test]
    fn archives_are_streamed() {
        let corten = corten();
        made(&corten, false);
        let tree = tree(&corten);
        let archive =
            Command::new("tar").arg("-cz").arg("-C").arg(&tree).arg(".").output().unwrap().stdout;
        let done = corten.run_with(&["cp", "-", "box:/dir"], &archive);
        assert_eq!(done.code, 0, "{done:?}");
        assert_eq!(has(&corten, "/dir/sub/below").as_deref(), Some("below"));
        assert!(has(&corten, "/dir/old").is_some(), "what was there stays");
        assert_eq!(corten.run_with(&["cp", "-", "box:/dir/old"], &archive).code, 1);
        assert_eq!(
            corten.run_with(&["cp", "-", "box:/dir"], b"no archive, as every reader will see").code,
            1
        );
        let out = corten.command().args(["cp", "box:/dir/sub", "-"]).output().unwrap().stdout;
        let file = corten.directory().join("list.tar");
        write(&file, &out);
        let listed = Command::new("tar").arg("-tf").arg(&file).output().unwrap();
        assert_eq!(String::from_utf8(listed.stdout).unwrap(), "sub/\nsub/below\n");
    }

    #[test]
    fn a_sealed_root_stays_sealed() {
        let corten = corten();
        corten.ok(&[
            "create",
            "--name",
            "box",
            "--read-only",
            "-v",
            "data:/data:ro",
            "-v",
            "free:/free",
            "busybox",
            "true",
        ]);
        let file = tree(&corten).join("file");
        for (path, code) in [("box:/x", 1), ("box:/data/x", 1), ("box:/free/x", 0)] {
            let done = corten.run(&["cp", file.to_str().unwrap(), path]);
            assert_eq!(done.code, code, "{path}: {done:?}");
        }
    }

    #[test]
    fn nothing_is_left_on_the_host() {
        let corten = corten();
        made(&corten, false);
        let before = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
        let out = corten.directory().join("out");
        corten.ok(&["cp", "box:/dir", out.to_str().unwrap()]);
        // A reader that goes away, and a command that is killed in the middle.
        let mut child = corten
            .command()
            .args(["cp", "box:/", "-"])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Read::read_exact(&mut child.stdout.take().unwrap(), &mut [0; 512]).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        let root = corten.root().display().to_string();
        testkit::wait_until("nobody holds it", || {
            std::fs::read_dir("/proc").unwrap().flatten().all(|entry| {
                let mounts =
                    std::fs::read_to_string(entry.path().join("mountinfo")).unwrap_or_default();
                !mounts.contains(&root)
            })
        });
        assert_eq!(std::fs::read_to_string("/proc/self/mountinfo").unwrap(), before);
        corten.ok(&["start", "box"]);
    }

    /// CVE-2018-15664: a directory on the way changes places with a link to the host's root, all the time.
    #[test]
    fn a_container_that_swaps_links_wins_nothing() {
        let corten = corten();
        let host = tempfile::tempdir().unwrap();
        write(&host.path().join("secret"), "the host's");
        let inner = host.path().strip_prefix("/").unwrap().display().to_string();
        let script = format!(
            "mkdir -p /real/{inner}; echo own > /real/{inner}/secret; cp -r /real /turn; ln -s / /bad; touch /ready; \
             while :; do mv -T /turn /spare; mv -T /bad /turn; mv -T /turn /bad; mv -T /spare /turn; done"
        );
        corten.ok(&["run", "-d", "--name", "box", "busybox", "sh", "-c", &script]);
        testkit::wait_until("it turns", || {
            corten.run(&["exec", "box", "test", "-e", "/ready"]).code == 0
        });
        let file = corten.directory().join("mine");
        write(&file, "mine");
        let out = corten.directory().join("out");
        let path = format!("box:/turn/{inner}/secret");
        for _ in 0..150 {
            let _raced = corten.run(&["cp", &path, out.to_str().unwrap()]);
            if let Ok(text) = std::fs::read_to_string(&out) {
                assert_eq!(text, "own\n");
                std::fs::remove_file(&out).unwrap();
            }
            let _raced =
                corten.run(&["cp", file.to_str().unwrap(), &format!("box:/turn/{inner}/other")]);
        }
        assert_eq!(std::fs::read_to_string(host.path().join("secret")).unwrap(), "the host's");
        assert!(!host.path().join("other").exists());
    }

    /// CVE-2019-14271: the container brings libraries and a name service of its own; nothing of it is loaded by a process that
    /// copies. What a process has mapped is seen in /proc.
    #[test]
    fn nothing_of_the_container_is_loaded() {
        let corten = corten();
        let script = "mkdir -p /lib /lib64 /etc; for n in libnss_files.so.2 libnss_dns.so.2 libc.so.6; do echo x > /lib/$n; echo x > /lib64/$n; done; \
            echo 'passwd: files dns' > /etc/nsswitch.conf; mkfifo /pipe; exec sleep 1000";
        corten.ok(&["run", "-d", "--name", "box", "busybox", "sh", "-c", script]);
        testkit::wait_until("it is ready", || {
            corten.run(&["exec", "box", "test", "-p", "/pipe"]).code == 0
        });
        // Held by a reader that does not read.
        let mut child = corten
            .command()
            .args(["cp", "box:/", "-"])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Read::read_exact(&mut child.stdout.as_mut().unwrap(), &mut [0; 512]).unwrap();
        let maps = std::fs::read_to_string(format!("/proc/{}/maps", child.id())).unwrap();
        let root = std::fs::read_link(format!("/proc/{}/root", child.id())).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(root, Path::new("/"));
        for line in maps.lines().filter(|line| line.contains(".so")) {
            let path = line.split_whitespace().last().unwrap();
            assert!(Path::new(path).metadata().unwrap().len() > 2, "{line}");
        }
    }

    #[test]
    fn hard_cases() {
        let corten = corten();
        made(&corten, false);
        let out = corten.directory().join("out");
        let cp = |path: &str| corten.run(&["cp", &format!("box:{path}"), out.to_str().unwrap()]);
        // 4,096 bytes and more are too long for the kernel; a little less is not.
        let long = format!("/{}", "d/".repeat(2100));
        assert!(cp(&long).stderr.contains("ENAMETOOLONG"), "{:?}", cp(&long));
        corten.ok(&[
            "run",
            "--name",
            "loops",
            "busybox",
            "sh",
            "-c",
            "ln -s /b /a; ln -s /a /b; ln -s / /r",
        ]);
        let loops =
            |path: &str| corten.run(&["cp", &format!("loops:{path}"), out.to_str().unwrap()]);
        assert!(loops("/a/x").stderr.contains("ELOOP"));
        assert!(loops("/a/").stderr.contains("ELOOP"));
        assert_eq!(loops("/a").code, 0, "the link itself");
        std::fs::remove_file(&out).unwrap();
        assert_eq!(loops("/r/r/r/../../etc/hostname").code, 0);
        // A full disk: an error that says so, and no half file.
        let full = corten.directory().join("full");
        std::fs::create_dir(&full).unwrap();
        let big = corten.directory().join("big");
        write(&big, vec![7; 3 << 20]);
        corten.ok(&["cp", big.to_str().unwrap(), "box:/big"]);
        let script = format!(
            "mount -t tmpfs -o size=1m tmpfs '{0}' && \"$@\"; code=$?; ls '{0}'; exit $code",
            full.display()
        );
        let ours = corten.command();
        let done = Command::new("unshare")
            .args(["-m", "sh", "-c", &script, "sh"])
            .arg(ours.get_program())
            .args(ours.get_args())
            .args(["cp", "box:/big"])
            .arg(&full)
            .output()
            .unwrap();
        assert_eq!(done.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&done.stderr).contains("ENOSPC"), "{done:?}");
        assert_eq!(String::from_utf8_lossy(&done.stdout), "", "half a file stayed");
    }

    /// Neither the namespaces of a container that has gone nor a root without an image stand between `cp` and the files.
    #[test]
    fn one_that_leaned_on_others_is_reached() {
        let corten = corten();
        let root = corten.directory().join("root-of-it");
        std::fs::create_dir_all(root.join("etc")).unwrap();
        write(&root.join("etc/own"), "own");
        corten.ok(&[
            "run",
            "-d",
            "--name",
            "giver",
            "--ipc",
            "shareable",
            "busybox",
            "sleep",
            "1000",
        ]);
        let joined = ["--pid", "container:giver", "--ipc", "container:giver"];
        let make = [&["create", "--name", "box"][..], &joined, &["busybox", "true"]].concat();
        corten.ok(&make);
        corten.ok(&["rm", "-f", "giver"]);
        let file = corten.directory().join("file");
        write(&file, "file");
        corten.ok(&["cp", file.to_str().unwrap(), "box:/here"]);
        assert_eq!(has(&corten, "/here").unwrap(), "file");
        corten.ok(&["rm", "box"]);
        corten.ok(&["create", "--name", "box", "--rootfs", root.to_str().unwrap(), "/none"]);
        corten.ok(&["cp", file.to_str().unwrap(), "box:/etc/here"]);
        assert_eq!(has(&corten, "/etc/here").unwrap(), "file");
        assert_eq!(has(&corten, "/etc/own").unwrap(), "own");
        assert!(!root.join("etc/here").exists());
    }
}
