//! Files of containers with user namespaces: owners on the disk, in volumes and mounts, and where the kernel maps no ids.

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;
    use std::path::{Path, PathBuf};
    use std::process::Command;

    use testkit::{Corten, Finished, give_id_ranges};

    const PROGRAM: &str = env!("CARGO_BIN_EXE_corten");

    fn corten() -> Corten {
        give_id_ranges("containers:1000000:196608\n");
        Corten::with_busybox(PROGRAM)
    }

    fn sh(corten: &Corten, flags: &[&str], script: &str) -> String {
        corten.ok(&[&["run", "--rm"], flags, &["busybox", "sh", "-c", script]].concat())
    }

    /// A container that stays.
    fn keep(corten: &Corten, name: &str, flags: &[&str]) {
        let words = [&["run", "-d", "--name", name], flags, &["busybox", "sleep", "1000"]].concat();
        corten.ok(&words);
    }

    fn uid_map(corten: &Corten, name: &str) -> Vec<u64> {
        let [_, pid] = corten.pids(name);
        let text = std::fs::read_to_string(format!("/proc/{pid}/uid_map")).unwrap();
        text.split_whitespace().map(|word| word.parse().unwrap()).collect()
    }

    fn owner(path: &Path) -> (u32, u32) {
        let about = std::fs::symlink_metadata(path).unwrap();
        (about.uid(), about.gid())
    }

    #[test]
    fn a_volume_is_shared_by_containers_of_different_ids() {
        let corten = corten();
        let flags = ["--userns", "auto", "-v", "data:/data"];
        keep(&corten, "one", &flags);
        corten.ok(&[
            "exec",
            "one",
            "sh",
            "-c",
            "umask 077; echo mine > /data/one; chown 33:33 /data/one",
        ]);
        keep(&corten, "two", &flags);
        assert_ne!(uid_map(&corten, "one")[1], uid_map(&corten, "two")[1]);
        let both = "stat -c %u:%g /data/one; cat /data/one; echo more >> /data/one";
        assert_eq!(corten.ok(&["exec", "two", "sh", "-c", both]), "33:33\nmine");
        // And by one without.
        let told = sh(&corten, &["-v", "data:/data"], "stat -c %u:%g /data/one; cat /data/one");
        assert_eq!(told, "33:33\nmine\nmore");
        // A directory of the machine stays as it is there.
        let host = corten.directory().join("host");
        std::fs::create_dir(&host).unwrap();
        let bind = format!("{}:/host", host.display());
        assert_eq!(sh(&corten, &["--userns", "auto", "-v", &bind], "stat -c %u /host"), "65534");
        let bind = format!("{}:/host:idmap", host.display());
        assert_eq!(
            sh(&corten, &["--userns", "auto", "-v", &bind], "stat -c %u /host; touch /host/x"),
            "0"
        );
        assert_eq!(owner(&host.join("x")), (0, 0));
    }

    #[test]
    fn files_are_copied_with_the_owners_that_the_container_knows() {
        let corten = corten();
        let tree = corten.directory().join("tree");
        std::fs::create_dir(&tree).unwrap();
        let file = std::fs::File::create(tree.join("file")).unwrap();
        std::os::unix::fs::fchown(&file, Some(33), Some(34)).unwrap();
        let host = tree.to_str().unwrap();
        keep(&corten, "web", &["--userns", "auto"]);
        let look = |path: &str| {
            corten.ok(&["exec", "web", "stat", "-c", "%u:%g", path, &format!("{path}/file")])
        };
        corten.ok(&["cp", host, "web:/plain"]);
        assert_eq!(look("/plain"), "0:0\n0:0");
        corten.ok(&["cp", "-a", host, "web:/kept"]);
        assert_eq!(look("/kept"), "0:0\n33:34");
        // By an archive owners are those in it.
        let archive = Command::new("tar").args(["-C", host, "-c", "."]).output().unwrap().stdout;
        corten.ok(&["exec", "web", "mkdir", "/unpacked"]);
        assert_eq!(corten.run_with(&["cp", "-", "web:/unpacked"], &archive).code, 0);
        assert_eq!(look("/unpacked"), "0:0\n33:34");
        let [plain, kept] = ["plain", "kept"].map(|name| corten.directory().join(name));
        corten.ok(&["cp", "-a", "web:/kept", kept.to_str().unwrap()]);
        assert_eq!((owner(&kept), owner(&kept.join("file"))), ((0, 0), (33, 34)));
        corten.ok(&["cp", "web:/kept", plain.to_str().unwrap()]);
        assert_eq!(owner(&plain.join("file")), (0, 0));
        let archived = corten.directory().join("archived.tar");
        let script = format!(
            "{} --root {} --state {} cp web:/kept - > {}",
            PROGRAM,
            corten.root().display(),
            corten.state().display(),
            archived.display()
        );
        assert!(Command::new("sh").args(["-c", &script]).status().unwrap().success());
        let listed =
            Command::new("tar").arg("--numeric-owner").arg("-tvf").arg(&archived).output().unwrap();
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        assert!(
            listed.lines().any(|line| line.contains(" 33/34 ") && line.ends_with("kept/file")),
            "{listed}"
        );
        // What is stopped has them on the disk.
        corten.ok(&["stop", "-t", "0", "web"]);
        corten.ok(&["cp", "-a", host, "web:/later"]);
        corten.ok(&["start", "web"]);
        assert_eq!(look("/later"), "0:0\n33:34");
    }

    #[test]
    fn a_container_is_seen_on_the_host_by_its_ids() {
        let corten = corten();
        keep(&corten, "web", &["--userns", "auto"]);
        let place = PathBuf::from(corten.ok(&["container", "mount", "web"]));
        assert_eq!(owner(&place.join("bin")), (1_000_000, 1_000_000));
        corten.ok(&["container", "unmount", "web"]);
        corten.ok(&["stop", "-t", "0", "web"]);
        let place = PathBuf::from(corten.ok(&["container", "mount", "web"]));
        assert_eq!(owner(&place.join("bin")), (1_000_000, 1_000_000));
        // The next start has the same files, in the same overlay.
        corten.ok(&["start", "web"]);
        corten.ok(&["exec", "web", "touch", "/seen"]);
        assert_eq!(owner(&place.join("seen")), (1_000_000, 1_000_000));
        corten.ok(&["container", "unmount", "web"]);
    }

    #[test]
    fn what_layers_hide_stays_hidden() {
        let corten = corten();
        keep(&corten, "low", &[]);
        corten.ok(&["exec", "low", "sh", "-c", "mkdir -p /d/e; touch /d/hidden /d/e/f /gone"]);
        corten.ok(&["commit", "low", "local/low"]);
        corten.ok(&[
            "run",
            "--name",
            "top",
            "local/low",
            "sh",
            "-c",
            "rm -r /d /gone; mkdir /d; touch /d/seen",
        ]);
        corten.ok(&["commit", "top", "local/top"]);
        let words =
            ["run", "--rm", "--userns", "auto", "local/top", "sh", "-c", "ls /d; ls /gone 2>&1"];
        assert_eq!(corten.run(&words).stdout, "seen\nls: /gone: No such file or directory\n");
    }

    /// The command of a kernel that answers otherwise, by strace(1).
    fn with_answer(corten: &Corten, inject: &str, words: &[&str]) -> Finished {
        let plain = corten.command();
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("inject={inject}")]);
        command.arg(plain.get_program()).args(plain.get_args());
        Finished::from(command.args(words).output().unwrap())
    }

    /// An image of two layers: one file with owners, one directory in the place of another one.
    fn two_layers(corten: &Corten) {
        let script = "mkdir -p /srv/old; echo 1 > /srv/old/file; chown 33:34 /srv/old/file; \
             ln /srv/old/file /srv/second; rm -r /home; mkdir /home; touch /home/new";
        corten.ok(&["run", "--name", "one", "--network", "none", "busybox", "sh", "-c", script]);
        corten.ok(&["commit", "one", "local/two"]);
        corten.ok(&["rm", "one"]);
    }

    fn copies(corten: &Corten) -> Vec<PathBuf> {
        let entries = |path: &Path| -> Vec<PathBuf> {
            let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
            entries.map(|entry| entry.path()).collect()
        };
        entries(&corten.root().join("shifted")).iter().flat_map(|map| entries(map)).collect()
    }

    /// A container that is made where the kernel maps no ids: that is found out once in each boot.
    fn create_unmapped(corten: &Corten, words: &[&str]) {
        let start = ["create", "--network", "none", "--userns", "auto", "--name"];
        let words = [&start, words].concat();
        let made = with_answer(corten, "mount_setattr:error=EINVAL", &words);
        assert_eq!(made.code, 0, "{made:?}");
        let known = std::fs::read_to_string(corten.state().join("id-mapped-mounts")).unwrap();
        assert_eq!(known, "no");
    }

    #[test]
    fn where_the_kernel_maps_no_ids_layers_are_copied() {
        let corten = corten();
        two_layers(&corten);
        let script = "id -u; stat -c %u:%g / /bin/busybox /srv/old/file; ls /home; cat /srv/second";
        let volume = ["-v", "data:/srv"];
        let words = [&["web"], &volume[..], &["local/two", "sh", "-c", script]].concat();
        create_unmapped(&corten, &words);
        assert_eq!(copies(&corten).len(), 0);
        assert_eq!(corten.ok(&["start", "-a", "web"]), "0\n0:0\n0:0\n33:34\nnew\n1");
        // On the disk all of it is the container's by the machine's numbers.
        let made = copies(&corten);
        assert_eq!(made.len(), 2);
        let of = |name: &str| made.iter().map(|copy| copy.join(name)).find(|path| path.exists());
        let number = |name: &str| std::fs::metadata(of(name).unwrap()).unwrap();
        assert_eq!(owner(&of("bin/busybox").unwrap()), (1_000_000, 1_000_000));
        assert_eq!(owner(&of("srv/old/file").unwrap()), (1_000_033, 1_000_034));
        assert_eq!(number("srv/old/file").ino(), number("srv/second").ino());
        let volume = corten.root().join("volumes/data/_data");
        assert_eq!(owner(&volume.join("second")), (1_000_033, 1_000_034));
        // Whoever has the same ids has the same copies, and they go with their image, or by a prune.
        corten.ok(&["rm", "-f", "web"]);
        create_unmapped(&corten, &["next", "local/two", "true"]);
        corten.ok(&["start", "-a", "next"]);
        assert_eq!(copies(&corten), made);
        corten.ok(&["rm", "next"]);
        corten.ok(&["rmi", "-f", "local/two"]);
        assert_eq!(copies(&corten).len(), 1);
        corten.ok(&["image", "prune", "-f"]);
        assert_eq!(copies(&corten).len(), 0);
        assert!(corten.ok(&["system", "check"]).contains("consistent"));
    }

    #[test]
    fn what_comes_out_of_copies_has_the_containers_ids() {
        let corten = corten();
        two_layers(&corten);
        let script = "echo 1 > /made; chown 5:6 /made; rm -r /srv/old; mkdir /srv/old; ls /srv/old";
        create_unmapped(&corten, &["web", "local/two", "sh", "-c", script]);
        assert_eq!(corten.ok(&["start", "-a", "web"]), "");
        let changed = corten.ok(&["diff", "web"]);
        assert_eq!(changed, "A /made\nC /srv\nC /srv/old\nD /srv/old/file");
        corten.ok(&["commit", "web", "local/made"]);
        let look = "stat -c %u:%g /made /bin/busybox; ls /srv/old";
        let words = ["run", "--rm", "--network", "none", "local/made", "sh", "-c", look];
        assert_eq!(corten.ok(&words), "5:6\n0:0");
        let exported = corten.directory().join("exported.tar");
        corten.ok(&["export", "-o", exported.to_str().unwrap(), "web"]);
        let mut listed = Command::new("tar");
        let listed = listed.arg("--numeric-owner").arg("-tvf").arg(&exported).output().unwrap();
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        let has = |owner: &str, name: &str| {
            listed.lines().any(|line| line.contains(owner) && line.ends_with(name))
        };
        assert!(has(" 5/6 ", " made") && has(" 0/0 ", " bin/busybox"), "{listed}");
        let out = corten.directory().join("out");
        corten.ok(&["cp", "-a", "web:/made", out.to_str().unwrap()]);
        assert_eq!(owner(&out), (5, 6));
    }

    #[test]
    fn images_of_several_layers_are_mounted_with_the_containers_ids() {
        let corten = corten();
        two_layers(&corten);
        let script = "stat -c %u:%g /img /img/bin/busybox /img/srv/old/file; ls /img/home; touch /img/x 2>&1";
        let mount = ["--userns", "auto", "--mount", "type=image,source=local/two,target=/img"];
        let told = sh(&corten, &mount, &format!("{script}; true"));
        assert_eq!(told, "0:0\n0:0\n33:34\nnew\ntouch: /img/x: Read-only file system");
        // One that stands still is seen, too.
        keep(&corten, "web", &mount);
        corten.ok(&["stop", "-t", "0", "web"]);
        let out = corten.directory().join("out");
        corten.ok(&["cp", "web:/img/srv/old/file", out.to_str().unwrap()]);
        assert_eq!(std::fs::read_to_string(out).unwrap(), "1\n");
    }

    /// A file system of its own: its ids are mapped, or it is refused by name.
    #[test]
    fn volumes_with_a_file_system_have_the_containers_ids() {
        let corten = corten();
        let image = corten.directory().join("image");
        std::fs::File::create(&image).unwrap().set_len(20 << 20).unwrap();
        let made = Command::new("mkfs.ext4").arg("-q").arg(&image).status().unwrap();
        assert!(made.success());
        let attached = Command::new("losetup").args(["-f", "--show"]).arg(&image).output().unwrap();
        let device = String::from_utf8(attached.stdout).unwrap().trim().to_owned();
        let seen = std::panic::catch_unwind(|| {
            let options =
                ["volume", "create", "-o", "type=ext4", "-o", &format!("device={device}"), "disk"];
            corten.ok(&options);
            let script = "stat -c %u:%g /disk/lost+found; touch /disk/new; chown 7:8 /disk/new";
            let told = sh(&corten, &["--userns", "auto", "-v", "disk:/disk"], script);
            let outside = sh(
                &corten,
                &["-v", "disk:/disk:ro"],
                "stat -c %u:%g /disk/new; touch /disk/x 2>&1; true",
            );
            let refused = with_answer(
                &corten,
                "fsmount:error=EINVAL",
                &[
                    "run",
                    "--rm",
                    "--network",
                    "none",
                    "--userns",
                    "auto",
                    "-v",
                    "disk:/disk",
                    "busybox",
                    "true",
                ],
            );
            corten.ok(&[
                "volume",
                "create",
                "-o",
                "type=tmpfs",
                "-o",
                "device=tmpfs",
                "-o",
                "o=size=1m,uid=5",
                "memory",
            ]);
            let memory = sh(&corten, &["--userns", "auto", "-v", "memory:/m"], "stat -c %u /m");
            (told, outside, refused, memory)
        });
        assert!(Command::new("losetup").args(["-d", &device]).status().unwrap().success());
        let (told, outside, refused, memory) = seen.unwrap();
        assert_eq!(told, "0:0");
        assert_eq!(outside, "7:8\ntouch: /disk/x: Read-only file system");
        assert_eq!(refused.code, 125, "{refused:?}");
        assert_eq!(memory, "5");
    }

    /// What an older kernel answers, by strace(1).
    #[test]
    fn a_kernel_that_cannot_is_named() {
        let corten = corten();
        // It could when the machine was started.
        assert_eq!(sh(&corten, &["--network", "none", "--userns", "auto"], "id -u"), "0");
        for (inject, part) in [
            ("mount_setattr:error=ENOSYS", ": id-mapped mounts take Linux 5.19: ENOSYS"),
            (
                "mount_setattr:error=EINVAL",
                "its file system knows no id-mapped mounts on this kernel: EINVAL",
            ),
            (
                "fsconfig:error=EPERM",
                "mount an overlay of layers with mapped ids, which Linux can since 5.19: EPERM",
            ),
        ] {
            let words = ["run", "--rm", "--network", "none", "--userns", "auto", "busybox", "true"];
            let finished = with_answer(&corten, inject, &words);
            assert_eq!(finished.code, 125, "{finished:?}");
            assert!(finished.stderr.contains(part), "{finished:?}");
        }
    }
}
