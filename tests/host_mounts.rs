//! `container mount` and `volume mount`: files of containers and volumes on the host, and that nothing of it stays.

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;
    use std::path::{Path, PathBuf};
    use std::process::Command;

    use testkit::{Corten, Finished};

    const EXPECTED_FLAGS: [&str; 2] = ["nosuid", "nodev"];

    fn corten() -> Corten {
        Corten::with_busybox(env!("CARGO_BIN_EXE_corten"))
    }

    #[expect(clippy::disallowed_methods, reason = "a test's own file")]
    fn write(path: &Path, text: &str) {
        std::fs::write(path, text).unwrap();
    }

    fn mounted(corten: &Corten, name: &str) -> PathBuf {
        corten.ok(&["container", "mount", name]).trim().into()
    }

    fn read(path: &Path) -> String {
        std::fs::read_to_string(path).unwrap_or_else(|error| error.to_string())
    }

    /// Rows of the table of mounts whose place begins so.
    fn rows(place: &Path) -> Vec<String> {
        let table = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
        let is_there =
            |row: &&str| row.split(' ').nth(4).is_some_and(|at| Path::new(at).starts_with(place));
        table.lines().filter(is_there).map(str::to_owned).collect()
    }

    fn refused(done: &Finished, why: &str) {
        assert!(done.code == 1 && done.stderr.contains(why), "{why}: {done:?}");
    }

    fn inside(corten: &Corten, name: &str, script: &str) -> String {
        corten.ok(&["exec", name, "sh", "-c", script])
    }

    /// Both see what the other one writes, over starts and restarts, whoever was first.
    fn is_one_overlay(corten: &Corten, path: &Path, turn: &str) {
        // Two overlays have two devices, and each remembers what was not there. stat(2), overlayfs.rst.
        let device = std::fs::metadata(path).unwrap().dev().to_string();
        assert_eq!(inside(corten, "box", "stat -c %d /"), device, "{turn}");
        inside(corten, "box", &format!("echo inside {turn} > /both"));
        assert_eq!(read(&path.join("both")), format!("inside {turn}\n"));
        write(&path.join("both"), &format!("outside {turn}"));
        assert_eq!(inside(corten, "box", "cat /both"), format!("outside {turn}"));
    }

    #[test]
    fn host_and_container_have_one_overlay() {
        let corten = corten();
        corten.ok(&["create", "--name", "box", "--restart", "always", "busybox", "sleep", "1000"]);
        let path = mounted(&corten, "box");
        assert!(path.starts_with(corten.state()), "{path:?}");
        assert_eq!(mounted(&corten, "box"), path, "once is enough");
        assert_eq!(rows(&path).len(), 1);
        write(&path.join("before"), "before");
        corten.ok(&["start", "box"]);
        assert_eq!(inside(&corten, "box", "cat /before"), "before");
        is_one_overlay(&corten, &path, "started");
        corten.ok(&["restart", "-t", "0", "box"]);
        is_one_overlay(&corten, &path, "restarted");
        // The container's own root has neither of the flags that protect the host.
        let own = inside(&corten, "box", "grep ' / / ' /proc/self/mountinfo");
        assert!(!EXPECTED_FLAGS.iter().any(|flag| own.contains(flag)), "{own}");
        // Its monitor starts it again.
        let pid = corten.ok(&["inspect", "-f", "{{.State.Pid}}", "box"]);
        assert!(Command::new("kill").args(["-9", pid.trim()]).status().unwrap().success());
        testkit::wait_until("it runs again", || {
            corten.run(&["inspect", "-f", "{{.RestartCount}}", "box"]).stdout == "1\n"
                && corten.run(&["exec", "box", "true"]).code == 0
        });
        is_one_overlay(&corten, &path, "restarted by its monitor");
        let id = corten.ok(&["container", "unmount", "box"]);
        assert_eq!(id, corten.ok(&["inspect", "-f", "{{.Id}}", "box"]));
        assert_eq!(inside(&corten, "box", "cat /before"), "before");
        assert_eq!(rows(&corten.state()), Vec::<String>::new());
        assert!(!corten.state().join("mounts").exists());
        refused(&corten.run(&["umount", "box"]), "it is not mounted on the host");
        corten.ok(&["umount", "--force", "box"]);
    }

    #[test]
    fn a_running_container_is_seen_and_cannot_lend_rights() {
        let corten = corten();
        corten.ok(&[
            "run",
            "-d",
            "--name",
            "box",
            "--restart",
            "always",
            "--read-only",
            "-v",
            "data:/data",
            "busybox",
            "sleep",
            "1000",
        ]);
        let path = mounted(&corten, "box");
        assert_eq!(mounted(&corten, "box"), path);
        let rows = rows(&path);
        let row: Vec<&str> = rows[0].split(' ').collect();
        assert!(EXPECTED_FLAGS.iter().all(|flag| row[5].split(',').any(|own| own == *flag)));
        // What spreads has a group here: mount_namespaces(7), "/proc/pid/mountinfo".
        assert_eq!((rows.len(), row[6]), (1, "-"), "{rows:?}");
        let id = corten.ok(&["inspect", "-f", "{{.Id}}", "box"]);
        let list = format!("{}  {}", &id[..12], path.display());
        assert_eq!(corten.ok(&["mount"]), list);
        let json = corten.ok(&["mount", "--format", "json"]);
        assert!(json.contains(r#""mountpoint": "/"#) && json.contains(id.trim()), "{json}");
        // Its own mounts are not there, and its root is read-only for itself alone.
        assert!(path.join("bin/sh").exists() && !path.join("proc/self").exists());
        write(&path.join("written"), "written");
        assert_eq!(inside(&corten, "box", "cat /written"), "written");
        let device = std::fs::metadata(&path).unwrap().dev().to_string();
        assert_eq!(inside(&corten, "box", "stat -c %d /"), device);
        corten.ok(&["restart", "-t", "0", "box"]);
        assert_eq!(inside(&corten, "box", "stat -c %d /"), device);
        corten.ok(&["pause", "box"]);
        write(&path.join("written"), "again");
        corten.ok(&["unpause", "box"]);
        assert_eq!(inside(&corten, "box", "cat /written"), "again");
        assert_eq!(corten.run(&["exec", "box", "touch", "/x"]).code, 1);
    }

    #[test]
    fn a_root_that_was_moved_is_refused() {
        let corten = corten();
        let script = "mkdir /new; cp -a /bin /new; exec chroot /new /bin/sleep 1000";
        corten.ok(&["run", "-d", "--name", "box", "busybox", "sh", "-c", script]);
        let comm = format!("/proc/{}/comm", corten.ok(&["inspect", "-f", "{{.State.Pid}}", "box"]));
        testkit::wait_until("it has another root", || read(Path::new(&comm)) == "sleep\n");
        let done = corten.run(&["mount", "box"]);
        refused(&done, "its root is not the one that it was started with\nhint: ");
        assert!(!corten.state().join("mounts").exists());
    }

    #[test]
    fn whoever_removes_a_container_takes_its_mount_away() {
        let corten = corten();
        corten.ok(&["create", "--name", "one", "busybox"]);
        corten.ok(&["run", "-d", "--rm", "--name", "two", "busybox", "sleep", "1000"]);
        corten.ok(&["create", "--name", "three", "busybox"]);
        let paths = corten.ok(&["mount", "--all"]);
        assert_eq!(paths.lines().count(), 3, "{paths}");
        let busy = mounted(&corten, "one");
        let mut user = Command::new("sleep").arg("1000").current_dir(&busy).spawn().unwrap();
        refused(&corten.run(&["unmount", "one"]), "EBUSY\nhint: ");
        corten.ok(&["rm", "one"]);
        assert_eq!(rows(&busy), Vec::<String>::new());
        corten.ok(&["stop", "-t", "0", "two"]);
        testkit::wait_until("it is removed", || {
            corten.run(&["container", "exists", "two"]).code == 1
        });
        assert_eq!(corten.ok(&["mount"]).lines().count(), 1);
        corten.ok(&["unmount", "--all"]);
        assert_eq!(rows(&corten.state()), Vec::<String>::new());
        user.kill().unwrap();
        user.wait().unwrap();
    }

    #[test]
    fn copies_in_other_mount_namespaces_go_too() {
        let corten = corten();
        corten.ok(&["create", "--name", "box", "busybox"]);
        let path = mounted(&corten, "box");
        let mut other = Command::new("unshare").args(["-m", "sleep", "1000"]).spawn().unwrap();
        let table = format!("/proc/{}/mountinfo", other.id());
        let sees = || read(Path::new(&table)).contains(&*path.to_string_lossy());
        testkit::wait_until("it has its namespace", || {
            read(&PathBuf::from(format!("/proc/{}/comm", other.id()))) == "sleep\n"
        });
        assert!(sees());
        corten.ok(&["unmount", "box"]);
        assert!(!sees());
        other.kill().unwrap();
        other.wait().unwrap();
    }

    #[test]
    fn what_belongs_to_nobody_is_found_and_taken_away() {
        let corten = corten();
        let place = corten.state().join("mounts/containers").join("ab".repeat(32));
        for mend in [&["system", "check", "--repair"][..], &["system", "prune", "-f"]] {
            std::fs::create_dir_all(&place).unwrap();
            let mount = Command::new("mount").args(["-t", "tmpfs", "none"]).arg(&place).status();
            assert!(mount.unwrap().success());
            let found = corten.run(&["system", "check"]);
            assert_eq!(found.code, 1);
            assert!(found.stdout.contains("is mounted for nothing that is recorded"), "{found:?}");
            let done = corten.ok(mend);
            assert!(done.contains(&*place.to_string_lossy()), "{done}");
            assert_eq!(rows(&corten.state()), Vec::<String>::new());
            corten.ok(&["system", "check"]);
        }
    }

    #[test]
    fn sizes_count_files_once() {
        let corten = corten();
        corten.ok(&["create", "--name", "box", "busybox"]);
        let records = || {
            let told = corten.ok(&["system", "df", "--format", "{{.Type}} {{.Size}}"]);
            told.lines().find(|line| line.starts_with("Records")).unwrap().to_owned()
        };
        corten.ok(&["mount", "box"]);
        let big = mounted(&corten, "box").join("big");
        let before = records();
        write(&big, &"x".repeat(3_000_000));
        assert_eq!(records(), before);
    }

    #[test]
    fn volumes_have_a_place_on_the_host() {
        let corten = corten();
        corten.ok(&["volume", "create", "data"]);
        let data = corten.root().join("volumes/data/_data");
        assert_eq!(corten.ok(&["volume", "mount", "data"]), data.display().to_string());
        corten.ok(&["volume", "unmount", "data"]);
        let layers = ["low", "top"].map(|name| corten.directory().join(name));
        for layer in &layers {
            std::fs::create_dir(layer).unwrap();
        }
        write(&layers[0].join("file"), "file");
        let words = format!("o=lowerdir={}:{}", layers[1].display(), layers[0].display());
        corten.ok(&[
            "volume",
            "create",
            "-o",
            "type=overlay",
            "-o",
            "device=overlay",
            "-o",
            &words,
            "joined",
        ]);
        let path = PathBuf::from(corten.ok(&["volume", "mount", "joined"]).trim());
        assert_eq!(corten.ok(&["volume", "mount", "joined"]).trim(), path.to_string_lossy());
        assert_eq!((read(&path.join("file")).as_str(), rows(&path).len()), ("file", 1));
        refused(&corten.run(&["volume", "rename", "joined", "other"]), "unmount it first");
        corten.ok(&["volume", "unmount", "joined"]);
        assert_eq!(rows(&corten.state()), Vec::<String>::new());
        corten.ok(&["volume", "mount", "joined"]);
        corten.ok(&["volume", "rm", "joined"]);
        assert_eq!(rows(&corten.state()), Vec::<String>::new());
        corten.ok(&["volume", "create", "-o", "type=tmpfs", "-o", "device=tmpfs", "memory"]);
        refused(&corten.run(&["volume", "mount", "memory"]), "it is memory");
        refused(&corten.run(&["volume", "mount", "none"]), "no such volume");
    }

    #[test]
    fn wrong_lines_say_so() {
        let corten = corten();
        refused(&corten.run(&["mount", "none"]), "no such container");
        refused(&corten.run(&["mount", "--format", "yaml"]), "there is json");
        refused(&corten.run(&["mount", "--all", "box"]), "--all");
        assert_ne!(corten.run(&["unmount"]).code, 0);
        assert_eq!(corten.ok(&["mount"]), "");
        assert_eq!(corten.ok(&["mount", "--format", "json"]), "[]");
    }
}
