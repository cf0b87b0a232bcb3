//! Roots that are changed where they are, `--rootfs DIRECTORY:rw`: the caller's files, which outlive the container.

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, symlink};
    use std::path::PathBuf;

    use testkit::Corten;

    const USERS: [&str; 4] = ["--uidmap", "0:100000:65536", "--gidmap", "0:100000:65536"];

    /// A root with busybox in it.
    fn scene() -> (Corten, PathBuf) {
        let corten = Corten::new(env!("CARGO_BIN_EXE_corten"));
        let root = corten.directory().join("system");
        testkit::busybox_rootfs(&root);
        (corten, root)
    }

    fn word(root: &std::path::Path, suffix: &str) -> String {
        format!("{}{suffix}", root.display())
    }

    fn script(corten: &Corten, flags: &[&str], root: &str, script: &str) -> String {
        let line = [&["run", "--rm", "--network", "none"], flags, &["--rootfs", root]].concat();
        corten.ok(&[&line[..], &["sh", "-c", script]].concat())
    }

    #[test]
    fn what_is_written_is_in_the_directory_and_stays_there() {
        let (corten, root) = scene();
        script(&corten, &[], &word(&root, ":rw"), "echo own >/made");
        assert_eq!(fs::read_to_string(root.join("made")).unwrap(), "own\n");
        script(&corten, &[], &word(&root, ""), "rm /made");
        assert!(root.join("made").exists(), "without :rw it is only read");
        let line = ["run", "-d", "--name", "box", "--network", "none", "--rootfs"];
        corten.ok(&[&line[..], &[&word(&root, ":rw"), "sleep", "1000"]].concat());
        corten.ok(&["rm", "-f", "box"]);
        assert!(root.join("bin/busybox").exists(), "removed with its container");
    }

    #[test]
    fn a_root_that_is_read_only_is() {
        let (corten, root) = scene();
        let seen = script(&corten, &["--read-only"], &word(&root, ":rw"), "touch /made || echo no");
        assert_eq!((seen.as_str(), root.join("made").exists()), ("no", false));
    }

    #[test]
    fn owners_are_the_machines_or_are_mapped() {
        let (corten, root) = scene();
        // Nobody but the machine's root gets there by the path.
        let closed = corten.directory().join("closed");
        fs::create_dir(&closed).unwrap();
        fs::set_permissions(&closed, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        let root = {
            let moved = closed.join("system");
            fs::rename(&root, &moved).unwrap();
            moved
        };
        let owner = |name: &str| fs::metadata(root.join(name)).unwrap().uid();
        let mapped = word(&root, ":rw,idmap");
        assert_eq!(script(&corten, &USERS, &mapped, "touch /mapped; stat -c %u /mapped"), "0");
        assert_eq!(owner("mapped"), 0);
        let mut give = std::process::Command::new("chown");
        assert!(give.args(["-hR", "100000:100000"]).arg(&root).status().unwrap().success());
        let seen = script(&corten, &USERS, &word(&root, ":rw"), "touch /own; stat -c %u /own /bin");
        assert_eq!((seen.as_str(), owner("own")), ("0\n0", 100_000));
    }

    #[test]
    fn files_are_copied_exported_and_shown_where_they_are() {
        let (corten, root) = scene();
        let line = ["create", "--name", "box", "--network", "none", "--rootfs"];
        corten.ok(&[&line[..], &[&word(&root, ":rw"), "sleep", "1000"]].concat());
        let file = corten.directory().join("file");
        testkit::write(&file, "file").unwrap();
        corten.ok(&["cp", file.to_str().unwrap(), "box:/etc/here"]);
        assert_eq!(fs::read_to_string(root.join("etc/here")).unwrap(), "file");
        let archive = corten.directory().join("box.tar");
        corten.ok(&["export", "-o", archive.to_str().unwrap(), "box"]);
        let names = std::process::Command::new("tar").arg("-tf").arg(&archive).output().unwrap();
        assert!(String::from_utf8_lossy(&names.stdout).contains("etc/here"));
        for _ in ["standing", "running"] {
            let shown = PathBuf::from(corten.ok(&["container", "mount", "box"]));
            assert_eq!(fs::read_to_string(shown.join("etc/here")).unwrap(), "file");
            corten.ok(&["container", "unmount", "box"]);
            corten.ok(&["start", "box"]);
        }
        corten.ok(&["rm", "-f", "box"]);
    }

    #[test]
    fn what_takes_a_layer_is_refused_by_name() {
        let (corten, root) = scene();
        let line = ["create", "--name", "box", "--network", "none", "--rootfs"];
        corten.ok(&[&line[..], &[&word(&root, ":rw"), "true"]].concat());
        for line in
            [&["diff", "box"][..], &["commit", "box", "image"], &["container", "clone", "box"]]
        {
            let refused = corten.run(line);
            assert_ne!(refused.code, 0, "{line:?}");
            assert!(refused.stderr.contains("a layer of the container's own"), "{refused:?}");
        }
        for (flags, root) in [
            (&["--storage-opt", "size=10m"][..], word(&root, ":rw")),
            (&["--userns", "host"], word(&root, ":rw,idmap")),
            (&["--hardened"], word(&root, ":rw")),
            (&[], word(&root, "/not/there:rw")),
        ] {
            let line = [&["create"], flags, &["--rootfs", &root, "true"]].concat();
            let refused = corten.run(&line);
            assert!(refused.code != 0 && refused.stderr.contains("rootfs"), "{refused:?}");
        }
        corten.ok(&["rm", "box"]);
    }

    /// CVE-2021-30465 and its like: links of the root lead to the root.
    #[test]
    fn links_of_the_root_do_not_lead_out_of_it() {
        let (corten, root) = scene();
        let outside = corten.directory().join("outside");
        fs::create_dir(&outside).unwrap();
        for name in ["dev", "proc", "sys"] {
            let _absent = fs::remove_dir_all(root.join(name));
        }
        symlink(&outside, root.join("dev")).unwrap();
        let bound = format!("{}:/link/made", outside.display());
        symlink(&outside, root.join("link")).unwrap();
        let line = ["run", "--rm", "--network", "none", "-v", &bound, "--rootfs"];
        let _either = corten.run(&[&line[..], &[&word(&root, ":rw"), "true"]].concat());
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    }
}
