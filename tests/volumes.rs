//! Volumes and mounts through the program: what is made, listed, copied and removed, and what a container sees.

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::path::{Path, PathBuf};
    use std::process::Command;

    use testkit::Corten;

    fn corten() -> Corten {
        Corten::with_busybox(env!("CARGO_BIN_EXE_corten"))
    }

    fn sh(corten: &Corten, mount: &[&str], script: &str) -> String {
        let words = [&["run", "--rm"], mount, &["busybox", "sh", "-c", script]].concat();
        corten.ok(&words)
    }

    fn data(corten: &Corten, name: &str) -> PathBuf {
        corten.root().join("volumes").join(name).join("_data")
    }

    #[expect(clippy::disallowed_methods, reason = "a test's own file")]
    fn write(path: &Path, text: &str) {
        std::fs::write(path, text).unwrap();
    }

    #[test]
    fn the_life_of_a_volume() {
        let corten = corten();
        assert_eq!(
            corten.ok(&["volume", "create", "--label", "a=1", "--label", "b", "data"]),
            "data"
        );
        assert_eq!(corten.ok(&["volume", "create", "data"]), "data");
        let anonymous = corten.ok(&["volume", "create"]);
        assert_eq!(anonymous.len(), 64);
        let table = corten.ok(&["volume", "ls"]);
        assert!(table.starts_with("DRIVER    VOLUME NAME\nlocal     "), "{table}");
        assert_eq!(corten.ok(&["volume", "ls", "-q", "--filter", "label=a=1"]), "data");
        assert_eq!(
            corten.ok(&["volume", "ls", "-q", "-f", "name=at", "-f", "driver=local"]),
            "data"
        );
        corten.ok(&["create", "--name", "holds", "-v", "data:/data", "busybox", "true"]);
        assert_eq!(corten.ok(&["volume", "ls", "-q", "-f", "dangling=false"]), "data");
        assert_eq!(corten.ok(&["volume", "ls", "-q", "-f", "dangling=true"]), anonymous);
        let inspected = corten.ok(&["volume", "inspect", "data"]);
        let document: serde_json::Value = serde_json::from_str(&inspected).unwrap();
        assert_eq!(document[0]["Labels"], serde_json::json!({"a": "1", "b": ""}));
        assert_eq!(document[0]["Mountpoint"], data(&corten, "data").to_str().unwrap());
        assert_eq!(document[0]["Options"], serde_json::Value::Null);
        corten.ok(&["volume", "update", "--label", "c=3", "--label-rm", "a", "data"]);
        let labels = corten.ok(&["volume", "inspect", "-f", "{{json .Labels}}", "data"]);
        assert_eq!(labels, r#"{"b":"","c":"3"}"#);
        let told = corten.fails(&["volume", "rm", "data"], 1);
        assert!(told.contains("used by container holds"), "{told}");
        let told = corten.fails(&["volume", "rename", "data", "other"], 1);
        assert!(told.contains("used by container holds"), "{told}");
        corten.ok(&["rm", "holds"]);
        corten.ok(&["volume", "rename", "data", "other"]);
        assert!(data(&corten, "other").is_dir() && !data(&corten, "data").exists());
        assert_eq!(corten.run(&["volume", "exists", "data"]).code, 1);
        assert_eq!(corten.run(&["volume", "exists", "other"]).code, 0);
        let pruned = corten.ok(&["volume", "prune", "-f"]);
        assert!(pruned.contains(&anonymous) && !pruned.contains("other"), "{pruned}");
        assert!(
            corten
                .ok(&["volume", "prune", "-f", "--filter", "label=no", "-a"])
                .starts_with("Total")
        );
        let pruned = corten.ok(&["volume", "prune", "-f", "-a"]);
        assert!(
            pruned.starts_with("Deleted Volumes:\nother\n\nTotal reclaimed space:"),
            "{pruned}"
        );
        assert!(corten.fails(&["volume", "rm", "other"], 1).contains("no such volume: other"));
        corten.ok(&["volume", "rm", "-f", "other"]);
        for wrong in [
            &["volume", "create", "-d", "nfs", "x"][..],
            &["volume", "create", "-o", "what=1", "x"],
            &["volume", "create", "-o", "type=tmpfs", "x"],
            &["volume", "create", "../x"],
            &["volume", "ls", "-f", "what=1"],
        ] {
            assert_ne!(corten.run(wrong).code, 0, "{wrong:?}");
        }
        assert_eq!(corten.ok(&["volume", "ls", "-q"]), "");
    }

    /// Owners, modes, times, attributes, hard links, holes, links, pipes and devices.
    #[test]
    fn a_clone_is_as_good() {
        let corten = corten();
        corten.ok(&["volume", "create", "one"]);
        let at = |name: &str| data(&corten, "one").join(name);
        let script = "cd \"$0\"; mkdir -p d/e; echo hello > d/file; chown 12:34 d/file; chmod 4751 d/file; ln d/file d/e/again; \
            ln -s nowhere link; mkfifo pipe; mknod null c 1 3; truncate -s 1G hole; printf x | dd of=hole bs=1 seek=500M conv=notrunc 2>/dev/null; \
            touch -d '2001-02-03 04:05:06.123456789' d/file link -h d/e d; setfattr -n user.a -v b d/file || true; chmod 700 .";
        assert!(
            Command::new("sh")
                .args(["-c", script])
                .arg(data(&corten, "one"))
                .status()
                .unwrap()
                .success()
        );
        corten.ok(&["volume", "clone", "one", "two"]);
        let copy = |name: &str| data(&corten, "two").join(name);
        for name in ["d", "d/file", "d/e", "link", "pipe", "null", "hole", "."] {
            let (one, two) =
                (at(name).symlink_metadata().unwrap(), copy(name).symlink_metadata().unwrap());
            let facts = |about: &std::fs::Metadata| {
                let size = if about.is_dir() { 0 } else { about.size() };
                (
                    about.mode(),
                    about.uid(),
                    about.gid(),
                    about.rdev(),
                    size,
                    about.nlink(),
                    about.mtime(),
                    about.mtime_nsec(),
                )
            };
            assert_eq!(facts(&one), facts(&two), "{name}");
        }
        assert!(copy("hole").metadata().unwrap().blocks() < 1000, "the hole is filled");
        assert_eq!(
            copy("d/file").metadata().unwrap().ino(),
            copy("d/e/again").metadata().unwrap().ino()
        );
        let attributes = |path: PathBuf| {
            Command::new("getfattr").args(["-d", "--absolute-names"]).arg(path).output().map(
                |done| {
                    String::from_utf8_lossy(&done.stdout)
                        .lines()
                        .filter(|line| !line.starts_with('#'))
                        .collect::<String>()
                },
            )
        };
        if let (Ok(one), Ok(two)) = (attributes(at("d/file")), attributes(copy("d/file"))) {
            assert_eq!(one, two);
        }
        assert!(corten.fails(&["volume", "clone", "one", "two"], 1).contains("exists already"));
        corten.fails(&["volume", "clone", "none", "three"], 1);
        assert_eq!(std::fs::read_dir(corten.root().join("tmp")).unwrap().count(), 0);
    }

    #[test]
    fn who_is_there_already_keeps_what_it_is() {
        let corten = corten();
        let create = ["volume", "create", "-o", "type=tmpfs", "-o", "device=tmpfs"];
        corten.ok(&[&create[..], &["data"]].concat());
        assert_eq!(corten.ok(&[&create[..], &["data"]].concat()), "data");
        let others = [&create[..], &["-o", "o=size=1m", "data"]].concat();
        assert!(corten.fails(&others, 1).contains("other options"));
        // One that nobody named is somebody's as soon as it has a name.
        let unnamed = corten.ok(&["volume", "create"]);
        corten.ok(&["volume", "rename", &unnamed, "kept"]);
        corten.ok(&["volume", "create"]);
        corten.ok(&["volume", "prune", "-f"]);
        assert_eq!(corten.ok(&["volume", "ls", "-q"]), "data\nkept");
    }

    #[test]
    fn snapshots_come_back() {
        let corten = corten();
        sh(&corten, &["-v", "data:/data"], "echo first > /data/file");
        assert_eq!(corten.ok(&["volume", "snapshot", "data", "before"]), "before");
        assert!(corten.ok(&["volume", "snapshot", "data"]).starts_with("data-"));
        sh(&corten, &["-v", "data:/data"], "echo second > /data/file; touch /data/more");
        corten.ok(&["volume", "create", "stranger"]);
        // What is made of a snapshot is a volume as any other.
        corten.ok(&["volume", "clone", "before", "copy"]);
        assert!(corten.fails(&["volume", "restore", "data", "copy"], 1).contains("no snapshot"));
        assert!(
            corten.fails(&["volume", "restore", "data", "stranger"], 1).contains("no snapshot")
        );
        corten.ok(&["run", "-d", "--name", "runs", "-v", "data:/data", "busybox", "sleep", "1000"]);
        assert!(corten.fails(&["volume", "restore", "data", "before"], 1).contains("runs"));
        corten.ok(&["rm", "-f", "runs"]);
        corten.ok(&["volume", "restore", "data", "before"]);
        assert_eq!(sh(&corten, &["-v", "data:/data"], "cat /data/*"), "first");
        // They are what is left when everything else is gone.
        corten.ok(&["volume", "prune", "-a", "-f"]);
        assert_eq!(corten.ok(&["volume", "ls", "-q"]).lines().count(), 2);
        corten.ok(&["volume", "prune", "-a", "-f", "--filter", "label=corten.snapshot-of=data"]);
        assert_eq!(corten.ok(&["volume", "ls", "-q"]), "");
    }

    #[test]
    fn archives_go_out_and_in() {
        let corten = corten();
        sh(&corten, &["-v", "data:/data"], "mkdir /data/d; echo x > /data/d/f; chown -R 5:6 /data");
        let archive = corten.directory().join("data.tar");
        let archive = archive.to_str().unwrap();
        corten.ok(&["volume", "export", "-o", archive, "data"]);
        corten.ok(&["volume", "import", "other", archive]);
        let file = data(&corten, "other").join("d/f").metadata().unwrap();
        assert_eq!((file.uid(), file.gid()), (5, 6));
        assert!(corten.fails(&["volume", "import", "other", archive], 1).contains("not empty"));
        let zipped = Command::new("gzip").args(["-c", archive]).output().unwrap().stdout;
        corten.ok(&["volume", "create", "third"]);
        assert_eq!(corten.run_with(&["volume", "import", "third", "-"], &zipped).code, 0);
        assert!(data(&corten, "third").join("d/f").is_file());
        let cut = corten.run_with(&["volume", "import", "fourth"], &zipped[..zipped.len() / 2]);
        assert_ne!(cut.code, 0);
        assert_eq!(corten.run(&["volume", "exists", "fourth"]).code, 1);
        assert!(!data(&corten, "fourth").exists());
    }

    #[test]
    fn options_are_mounted_in_the_container_alone() {
        let corten = corten();
        let shared = corten.directory().join("shared");
        std::fs::create_dir(&shared).unwrap();
        write(&shared.join("file"), "there");
        let device = format!("device={}", shared.display());
        corten.ok(&["volume", "create", "-o", "type=none", "-o", &device, "-o", "o=bind", "bound"]);
        corten.ok(&[
            "volume",
            "create",
            "-o",
            "type=tmpfs",
            "-o",
            "device=tmpfs",
            "-o",
            "o=size=1m,uid=7",
            "memory",
        ]);
        assert_eq!(sh(&corten, &["-v", "bound:/b"], "cat /b/file"), "there");
        let told = sh(
            &corten,
            &["-v", "memory:/m"],
            "stat -c %u /m; grep -c ' /m tmpfs' /proc/mounts; touch /m/x",
        );
        assert_eq!(told, "7\n1");
        assert_eq!(std::fs::read_dir(data(&corten, "memory")).unwrap().count(), 0);
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
        assert!(!mounts.contains(shared.to_str().unwrap()), "{mounts}");
        assert!(
            corten.fails(&["volume", "clone", "bound", "x"], 1).contains("mounted in its place")
        );
    }

    #[test]
    fn mounts_in_every_form() {
        let corten = corten();
        let host = corten.directory().join("host");
        std::fs::create_dir(&host).unwrap();
        std::fs::set_permissions(&host, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::os::unix::fs::chown(&host, Some(1234), Some(1235)).unwrap();
        let path = host.to_str().unwrap();
        // The container's user writes, and the owner of the directory has it.
        sh(
            &corten,
            &["-u", "77:78", "-v", &format!("{path}:/h:idmap")],
            "echo mine > /h/file; test $(stat -c %u /h) = 77",
        );
        let file = host.join("file").metadata().unwrap();
        assert_eq!((file.uid(), file.gid()), (1234, 1235));
        sh(
            &corten,
            &["-v", &format!("{path}:/h:idmap")],
            "echo root > /h/roots; test $(stat -c %u /h/file) = 0",
        );
        assert_eq!(host.join("roots").metadata().unwrap().uid(), 1234);
        sh(&corten, &["-u", "77:78", "-v", &format!("{path}:/h:U")], "echo x > /h/given");
        assert_eq!(host.join("roots").metadata().unwrap().uid(), 77);
        // A tree is read-only down to its last mount.
        let below = host.join("below");
        std::fs::create_dir(&below).unwrap();
        let inner = format!("mount -t tmpfs tmpfs '{0}' && exec \"$@\"", below.display());
        let run = |options: &str, script: &str| {
            let mut command = Command::new("unshare");
            command.args(["-m", "sh", "-c", &inner, "sh"]);
            let ours = corten.command();
            command.arg(ours.get_program()).args(ours.get_args());
            command.args([
                "run",
                "--rm",
                "--mount",
                &format!("type=bind,src={path},dst=/h,{options}"),
                "busybox",
                "sh",
                "-c",
                script,
            ]);
            command.output().unwrap().status.code().unwrap()
        };
        assert_ne!(run("readonly", "touch /h/below/x"), 0);
        assert_eq!(run("readonly,bind-recursive=writable", "touch /h/below/x && ! touch /h/x"), 0);
        assert_eq!(run("bind-recursive=disabled", "! grep ' /h/below ' /proc/mounts"), 0);
        let missing = host.join("missing");
        let words = format!("type=bind,src={},dst=/h", missing.display());
        corten.fails(&["run", "--rm", "--mount", &words, "busybox", "true"], 125);
        sh(&corten, &["--mount", &format!("{words},bind-create-src")], "true");
        assert!(missing.is_dir());
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "one mount after the other, on one container")]
    fn images_and_other_containers_are_mounted() {
        let corten = corten();
        let files = sh(
            &corten,
            &["--mount", "type=image,src=busybox,dst=/image"],
            "ls /image/bin/busybox; touch /image/x 2>/dev/null || echo sealed",
        );
        assert_eq!(files, "/image/bin/busybox\nsealed");
        let part = sh(
            &corten,
            &["--mount", "type=image,src=busybox,dst=/image,image-subpath=bin"],
            "ls /image/busybox",
        );
        assert_eq!(part, "/image/busybox");
        corten.fails(
            &[
                "run",
                "--rm",
                "--mount",
                "type=image,src=busybox,dst=/i,image-subpath=none",
                "busybox",
                "true",
            ],
            125,
        );
        // Two layers, and an image that is kept by nothing but the mount.
        corten.ok(&["run", "--name", "more", "busybox", "sh", "-c", "echo more > /more"]);
        corten.ok(&["commit", "more", "other"]);
        corten.ok(&["rm", "more"]);
        corten.ok(&[
            "create",
            "--name",
            "sees",
            "--mount",
            "type=image,src=other,dst=/o",
            "busybox",
            "cat",
            "/o/more",
        ]);
        assert!(corten.fails(&["rmi", "other"], 1).contains("used by container sees"));
        assert_eq!(corten.ok(&["start", "-a", "sees"]), "more");
        corten.ok(&["rm", "sees"]);
        corten.ok(&["rmi", "other"]);
        corten.ok(&[
            "run",
            "--name",
            "first",
            "-v",
            "data:/data",
            "-v",
            "/anonymous",
            "busybox",
            "sh",
            "-c",
            "echo 1 > /data/f; echo 2 > /anonymous/f",
        ]);
        assert_eq!(sh(&corten, &["--volumes-from", "first"], "cat /data/f /anonymous/f"), "1\n2");
        assert_eq!(
            sh(
                &corten,
                &["--volumes-from", "first:ro"],
                "touch /data/f 2>/dev/null || echo sealed"
            ),
            "sealed"
        );
        assert!(
            corten.ok(&["volume", "ls", "-q"]).lines().count() == 2,
            "the anonymous one is the first's"
        );
    }

    /// A part of a volume that became a link to the host: what another container did leads nowhere (CVE-2021-30465, CVE-2023-2640).
    #[test]
    fn a_part_of_a_volume_stays_inside() {
        let corten = corten();
        sh(
            &corten,
            &["-v", "data:/data"],
            "mkdir -p /data/real; echo inside > /data/real/f; ln -s /etc /data/absolute; ln -s ../../../../../../etc /data/up; ln -s real /data/good",
        );
        let part = |name: &str| format!("type=volume,src=data,dst=/part,volume-subpath={name}");
        assert_eq!(sh(&corten, &["--mount", &part("real")], "cat /part/f"), "inside");
        assert_eq!(sh(&corten, &["--mount", &part("good")], "cat /part/f"), "inside");
        for name in ["absolute", "up", "none"] {
            let told = corten
                .fails(&["run", "--rm", "--mount", &part(name), "busybox", "ls", "/part"], 125);
            assert!(told.contains("ENOENT"), "{told}");
        }
    }

    #[test]
    fn what_happens_to_volumes_is_told() {
        let corten = corten();
        corten.ok(&["volume", "create", "--label", "a=b", "data"]);
        corten.ok(&["volume", "rename", "data", "other"]);
        corten.ok(&["volume", "rm", "other"]);
        let events = std::fs::read_dir(corten.state()).unwrap().flatten();
        let told: String = events
            .filter(|entry| entry.file_name().to_string_lossy().starts_with("events"))
            .map(|entry| std::fs::read_to_string(entry.path()).unwrap())
            .collect();
        let actions: Vec<String> = told
            .lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
            .filter(|event| event["Type"] == "volume")
            .map(|event| {
                format!(
                    "{} {}",
                    event["Action"].as_str().unwrap(),
                    event["Actor"]["ID"].as_str().unwrap()
                )
            })
            .collect();
        assert_eq!(actions, ["create data", "rename other", "destroy other"]);
    }
}
