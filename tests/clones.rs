//! `clone` and `snapshot`: containers with the files of others, of which nothing was copied; each goes on alone, and what they share
//! goes with the last of them.

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;
    use std::path::PathBuf;

    use testkit::Corten;

    fn corten() -> Corten {
        Corten::with_busybox(env!("CARGO_BIN_EXE_corten"))
    }

    /// A container that has run this script and stands still.
    fn ended(corten: &Corten, name: &str, script: &str) {
        let run = ["run", "--network", "none", "--name", name, "busybox", "sh", "-c", script];
        corten.ok(&run);
    }

    /// A container that prints this file whenever it is started.
    fn printer(corten: &Corten, name: &str, file: &str) {
        corten.ok(&["create", "--network", "none", "--name", name, "busybox", "cat", file]);
    }

    fn put(corten: &Corten, name: &str, file: &str, contents: &str) {
        let source = corten.directory().join("source");
        #[expect(clippy::disallowed_methods, reason = "a test's own file")]
        std::fs::write(&source, contents).unwrap();
        corten.ok(&["cp", source.to_str().unwrap(), &format!("{name}:{file}")]);
    }

    fn told(corten: &Corten, name: &str, format: &str) -> String {
        corten.ok(&["inspect", "-f", format, name]).trim().to_owned()
    }

    fn upper(corten: &Corten, name: &str) -> PathBuf {
        told(corten, name, "{{.GraphDriver.Data.UpperDir}}").into()
    }

    fn frozen(corten: &Corten) -> usize {
        std::fs::read_dir(corten.root().join("frozen")).map_or(0, Iterator::count)
    }

    fn is_consistent(corten: &Corten) {
        let checked = corten.ok(&["system", "check"]);
        assert!(checked.contains("consistent"), "{checked}");
    }

    #[test]
    fn a_clone_has_the_files_and_each_goes_on_alone() {
        let corten = corten();
        ended(
            &corten,
            "box",
            "echo 1 > /own; mkdir /d; echo 2 > /d/two; rm /etc/group; chmod 711 /",
        );
        let before = std::fs::metadata(upper(&corten, "box").join("own")).unwrap().ino();
        let changes = corten.ok(&["diff", "box"]);
        let id = corten.ok(&["clone", "box"]);
        assert_eq!(told(&corten, "box-clone", "{{.Id}}"), id);
        // Nothing was copied: the same file is below both.
        let lower = |name| told(&corten, name, "{{.GraphDriver.Data.LowerDir}}");
        assert_eq!(lower("box"), lower("box-clone"));
        let shared = PathBuf::from(lower("box").split(':').next().unwrap());
        assert_eq!(std::fs::metadata(shared.join("own")).unwrap().ino(), before);
        let mode = |name| std::fs::metadata(upper(&corten, name)).unwrap().mode() & 0o7777;
        assert_eq!((mode("box"), mode("box-clone")), (0o711, 0o711));
        // Both have changed the image as the original had.
        assert_eq!(corten.ok(&["diff", "box"]), changes);
        assert_eq!(corten.ok(&["diff", "box-clone"]), changes);
        put(&corten, "box", "/own", "of the original");
        put(&corten, "box-clone", "/d/three", "of the clone");
        let has = |name: &str, path: &str| corten.run(&["cp", &format!("{name}:{path}"), "-"]).code;
        assert_eq!((has("box", "/d/three"), has("box-clone", "/d/three")), (1, 0));
        assert_eq!((has("box", "/etc/group"), has("box-clone", "/etc/group")), (1, 1));
        is_consistent(&corten);
        // One that has written nothing since shares what there is.
        corten.ok(&["clone", "box-clone", "third"]);
        corten.ok(&["clone", "box-clone", "fourth"]);
        assert_eq!(frozen(&corten), 2);
        corten.ok(&["rm", "box"]);
        assert_eq!(frozen(&corten), 2);
        corten.ok(&["rm", "box-clone", "third"]);
        assert_eq!(frozen(&corten), 2);
        let listed = corten.ok(&["export", "fourth", "-o", "/dev/null"]);
        assert_eq!(listed, "");
        corten.ok(&["rm", "fourth"]);
        assert_eq!(frozen(&corten), 0);
        is_consistent(&corten);
    }

    #[test]
    fn an_image_and_an_archive_of_a_clone_have_all_that_was_written() {
        let corten = corten();
        let script = "echo 1 > /own; mkdir -p /d/e; echo 2 > /d/e/two; rm -r /home; ln /own /again";
        ended(&corten, "box", script);
        corten.ok(&["clone", "box", "clone"]);
        put(&corten, "clone", "/d/three", "3");
        corten.ok(&["clone", "clone", "next"]);
        put(&corten, "next", "/own", "other");
        corten.ok(&["commit", "next", "made:1"]);
        let look = "cat /own /again /d/e/two /d/three; ls -d /home";
        let run = ["run", "--network", "none", "--rm", "made:1", "sh", "-c", look];
        let seen = corten.run(&run);
        assert_eq!(seen.stdout.replace('\n', ""), "other123");
        assert_ne!(seen.code, 0, "/home is gone");
        let layers = corten.ok(&["image", "inspect", "-f", "{{len .RootFS.Layers}}", "made:1"]);
        assert_eq!(layers.trim(), "2", "one layer more than busybox has");
        let archive = corten.directory().join("next.tar");
        corten.ok(&["export", "-o", archive.to_str().unwrap(), "next"]);
        let listed = std::process::Command::new("tar").arg("tf").arg(&archive).output().unwrap();
        let listed = String::from_utf8(listed.stdout).unwrap();
        for name in ["own", "again", "d/e/two", "d/three"] {
            assert!(listed.lines().any(|line| line == name), "{name}: {listed}");
        }
        assert!(!listed.lines().any(|line| line.starts_with("home")), "{listed}");
    }

    /// What a container shows of itself, without times.
    fn shown(corten: &Corten, name: &str) -> Vec<String> {
        let image = format!("shown/{name}:1");
        corten.ok(&["commit", name, &image]);
        let look = "find / -xdev | grep -vE '^/(proc|sys|dev|etc/(hosts|hostname|resolv.conf))' | sort | while read f; do stat -c '%A %u %g %h %N' \"$f\"; [ ! -f \"$f\" ] || md5sum \"$f\"; done";
        let run = ["run", "--network", "none", "--rm", &image, "sh", "-c", look];
        let committed = corten.ok(&run);
        let archive = corten.directory().join("archive.tar");
        corten.ok(&["export", "-o", archive.to_str().unwrap(), name]);
        let list = "tar --numeric-owner -tvf $0 | awk '{ $4 = $5 = \"\"; print }' | sort";
        let listed = std::process::Command::new("sh").args(["-c", list]).arg(&archive).output();
        let listed = String::from_utf8(listed.unwrap().stdout).unwrap();
        vec![corten.ok(&["diff", name]), committed, listed]
    }

    /// Whiteouts, directories that hide others, and names of one file, across layers.
    #[test]
    fn cut_into_layers_it_is_the_same_as_in_one() {
        let corten = corten();
        let steps = [
            "echo 1 > /own; mkdir -p /d/e; echo 2 > /d/e/two; rm -r /tmp; ln /own /again; mkdir /etc/sub; echo x > /etc/sub/x; chmod 2750 /d/e",
            "rm -r /d; mkdir /d; echo 3 > /d/three; mkdir /tmp; echo t > /tmp/t; rm /own; echo y > /etc/sub/y; chown 4:5 /etc",
            "rm /tmp/t; rm -r /etc/sub; echo z > /etc/sub; mkdir /d/e; mv /d /moved; ln -s /moved /d; rmdir /tmp; echo f > /tmp",
            "rm /tmp /d; mkdir /d; rm -r /etc; mkdir /etc; echo p > /etc/passwd; chmod 700 /moved",
        ];
        for name in ["plain", "cut"] {
            corten.ok(&["create", "--network", "none", "--name", name, "busybox", "sleep", "1000"]);
            for step in steps {
                corten.ok(&["start", name]);
                corten.ok(&["exec", name, "sh", "-c", step]);
                corten.ok(&["kill", name]);
                corten.ok(&["wait", name]);
                if name == "cut" {
                    corten.ok(&["snapshot", "create", name]);
                    assert_eq!(shown(&corten, "cut").len(), 3);
                }
            }
        }
        assert_eq!(frozen(&corten), 4);
        for (plain, cut) in shown(&corten, "plain").iter().zip(shown(&corten, "cut")) {
            assert_eq!(*plain, cut);
        }
    }

    #[test]
    fn one_that_runs_is_copied_and_goes_on() {
        let corten = corten();
        let script = "echo now > /now; exec sleep 1000";
        corten.ok(&[
            "run",
            "--network",
            "none",
            "-d",
            "--name",
            "box",
            "busybox",
            "sh",
            "-c",
            script,
        ]);
        testkit::wait_until("it has written", || {
            corten.run(&["exec", "box", "cat", "/now"]).stdout == "now\n"
        });
        corten.ok(&["clone", "box", "clone"]);
        assert_eq!(corten.ok(&["snapshot", "create", "box"]), "snap0");
        corten.ok(&["exec", "box", "sh", "-c", "echo later > /now"]);
        assert!(!corten.ok(&["cp", "clone:/now", "-"]).contains("later"));
        corten.ok(&["start", "clone"]);
        assert_eq!(corten.ok(&["exec", "clone", "cat", "/now"]), "now");
        let refused = corten.fails(&["snapshot", "restore", "box", "snap0"], 1);
        assert!(refused.contains("it is running"), "{refused}");
        corten.ok(&["kill", "box"]);
        corten.ok(&["wait", "box"]);
        corten.ok(&["snapshot", "restore", "box", "snap0"]);
        corten.ok(&["start", "box"]);
        testkit::wait_until("it is what it was", || {
            corten.run(&["exec", "box", "cat", "/now"]).stdout == "now\n"
        });
        corten.ok(&["rm", "-f", "box", "clone"]);
        assert_eq!(frozen(&corten), 0);
        is_consistent(&corten);
    }

    #[test]
    fn clones_with_other_users_have_the_same_owners_inside() {
        let corten = corten();
        let script = "echo x > /f; chown 5:6 /f; chown 7 /";
        let run = ["run", "--network", "none", "--name", "box", "--userns", "auto", "busybox"];
        corten.ok(&[&run[..], &["sh", "-c", script]].concat());
        corten.ok(&["clone", "box", "clone"]);
        let look = "stat -c '%u %g' /f; stat -c %u /; cat /proc/self/uid_map; echo y >> /f";
        corten.ok(&["commit", "box", "made:1"]);
        corten.ok(&["rm", "box"]);
        let run = |image: &str| {
            let run = ["run", "--network", "none", "--rm", "--userns", "auto", image];
            corten.ok(&[&run[..], &["sh", "-c", look]].concat())
        };
        assert!(run("made:1").starts_with("5 6\n"));
        corten.ok(&["container", "clone", "--files", "--run", "clone", "again"]);
        corten.ok(&["wait", "again"]);
        let uids = |name| told(&corten, name, "{{json .HostConfig.IDMappings.UidMap}}");
        assert_ne!(uids("clone"), uids("again"));
        // The script has run once more above the same files, by other users of the machine.
        let archive = corten.directory().join("again.tar");
        corten.ok(&["export", "-o", archive.to_str().unwrap(), "again"]);
        let listed = std::process::Command::new("tar")
            .args(["--numeric-owner", "-tvf"])
            .args([archive.as_os_str(), "f".as_ref()])
            .output()
            .unwrap();
        let listed = String::from_utf8(listed.stdout).unwrap();
        assert!(listed.contains(" 5/6 "), "{listed}");
    }

    #[test]
    fn snapshots_bring_back_files_and_configuration() {
        let corten = corten();
        printer(&corten, "box", "/f");
        put(&corten, "box", "/f", "one");
        assert_eq!(corten.ok(&["snapshot", "create", "-c", "the first", "box"]), "snap0");
        put(&corten, "box", "/f", "two");
        corten.ok(&["update", "--memory", "64m", "box"]);
        assert_eq!(corten.ok(&["snapshot", "create", "box", "second"]), "second");
        assert_eq!(corten.ok(&["snapshot", "create", "box"]), "snap1");
        let listed = corten.ok(&["snapshot", "ls", "--format", "{{.Name}}:{{.Comment}}", "box"]);
        assert_eq!(listed, "snap0:the first\nsecond:\nsnap1:");
        assert_eq!(corten.ok(&["snapshot", "ls", "-q", "-f", "name=snap", "box"]), "snap0\nsnap1");
        assert_eq!(told(&corten, "box", "{{json .Snapshots}}"), r#"["snap0","second","snap1"]"#);
        for (words, told) in [
            (vec!["create", "box", "second"], "the snapshot second exists already"),
            (vec!["create", "box", "a/b"], "invalid snapshot name"),
            (vec!["restore", "box", "snap7"], "no such snapshot: snap7"),
            (vec!["rm", "box", "snap7"], "no such snapshot: snap7"),
            (vec!["create", "nobody"], "no such container"),
        ] {
            let refused = corten.fails(&[&["snapshot"], &words[..]].concat(), 1);
            assert!(refused.contains(told), "{refused}");
        }
        put(&corten, "box", "/f", "three");
        put(&corten, "box", "/g", "new");
        corten.ok(&["snapshot", "restore", "box", "snap0"]);
        assert_eq!(corten.ok(&["start", "-a", "box"]), "one");
        assert_eq!(told(&corten, "box", "{{.HostConfig.Memory}}"), "0");
        assert_eq!(corten.ok(&["diff", "box"]), "A /f");
        corten.ok(&["snapshot", "restore", "box", "second", "--name", "other"]);
        assert_eq!(corten.ok(&["start", "-a", "other"]), "two");
        assert_eq!(told(&corten, "other", "{{.HostConfig.Memory}}"), (64 << 20).to_string());
        assert_eq!(corten.ok(&["start", "-a", "box"]), "one");
        // Back and forth.
        corten.ok(&["snapshot", "restore", "box", "snap1"]);
        assert_eq!(corten.ok(&["start", "-a", "box"]), "two");
        assert_eq!(corten.ok(&["snapshot", "ls", "-q", "other"]), "");
        corten.ok(&["snapshot", "rm", "box", "snap0", "second", "snap1"]);
        is_consistent(&corten);
        corten.ok(&["rm", "box", "other"]);
        assert_eq!(frozen(&corten), 0);
    }

    #[test]
    fn what_cannot_be_is_refused_and_leaves_nothing() {
        let corten = corten();
        printer(&corten, "box", "/f");
        put(&corten, "box", "/f", "one");
        printer(&corten, "taken", "/f");
        corten.fails(&["clone", "box", "taken"], 1);
        corten.fails(&["clone", "nobody"], 1);
        let refused = corten.fails(&["container", "clone", "--files", "box", "new", "busybox"], 1);
        assert!(refused.contains("above the original's image"), "{refused}");
        corten.ok(&["mount", "box"]);
        let refused = corten.fails(&["clone", "box", "new"], 1);
        assert!(refused.contains("mounted on the host"), "{refused}");
        corten.ok(&["unmount", "box"]);
        assert_eq!(corten.ok(&["ps", "-aq"]).lines().count(), 2);
        corten.ok(&["rm", "taken"]);
        corten.ok(&["clone", "--destroy", "box", "new"]);
        assert_eq!(corten.ok(&["ps", "-a", "--format", "{{.Names}}"]), "new");
        assert_eq!(corten.ok(&["start", "-a", "new"]), "one");
        corten.ok(&["rm", "new"]);
        assert_eq!(frozen(&corten), 0);
        is_consistent(&corten);
    }

    #[test]
    fn a_directory_as_root_is_shared_too() {
        let corten = corten();
        let root = corten.directory().join("tree");
        testkit::busybox_rootfs(&root);
        let run = ["run", "--network", "none", "--name", "box", "--rootfs", root.to_str().unwrap()];
        corten.ok(&[&run[..], &["sh", "-c", "echo x > /new"]].concat());
        corten.ok(&["clone", "box", "clone"]);
        corten.ok(&["start", "-a", "clone"]);
        assert!(corten.ok(&["diff", "clone"]).contains("/new"));
        assert!(!root.join("new").exists());
    }

    #[test]
    fn users_without_rights_have_clones_too() {
        let script = r"
            corten template build busybox > /dev/null
            corten run --network none --name box busybox sh -c 'echo one > /f; chown 3:4 /f; rm -r /tmp'
            corten clone box two > /dev/null && corten diff two
            corten snapshot create box
            corten rm box > /dev/null
            corten commit two made:1 > /dev/null
            corten run --rm --network none made:1 stat -c 'owner %u:%g' /f
            corten export two | tar --numeric-owner -tvf - f
            corten run --network none --userns auto:size=1000 --name own busybox sh -c 'echo one > /f'
            corten clone own other
            corten system check
            corten rm two own > /dev/null
            ls -A .local/share/corten/frozen .local/share/corten/tmp
        ";
        let program = env!("CARGO_BIN_EXE_corten");
        let said = testkit::on_user_host(program, &format!("{}{script}", testkit::USER_RANGES));
        for line in ["A /f", "D /tmp", "snap0", "owner 3:4", "consistent"] {
            assert!(said.contains(line), "{line}: {said}");
        }
        assert!(said.contains(" 3/4 "), "{said}");
        assert!(said.contains("cannot be mapped here"), "{said}");
    }

    #[test]
    fn layers_are_not_stacked_without_end() {
        let corten = corten();
        printer(&corten, "box", "/f");
        for number in 0..100 {
            put(&corten, "box", "/f", &number.to_string());
            corten.ok(&["snapshot", "create", "box"]);
        }
        assert_eq!(corten.ok(&["start", "-a", "box"]), "99", "so many can be mounted");
        put(&corten, "box", "/f", "more");
        let refused = corten.fails(&["clone", "box"], 1);
        assert!(refused.contains("corten commit makes an image"), "{refused}");
        corten.ok(&["commit", "box", "made:1"]);
        corten.ok(&["snapshot", "restore", "box", "snap0"]);
        assert_eq!(corten.ok(&["start", "-a", "box"]), "0");
        corten.ok(&["rm", "box"]);
        assert_eq!(frozen(&corten), 0);
    }
}
