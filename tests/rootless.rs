//! The OCI runtime's face as a user without rights calls it. Each command runs as user 1500, who owns his bundle and nothing else.

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    use std::os::unix::process::CommandExt;
    use std::path::{Path, PathBuf};
    use std::process::{Command, Output, Stdio};

    use libcontainer::cgroup::{Controller, Layout};
    use serde_json::{Value, json};
    use tempfile::TempDir;
    use testkit::wait_until;

    const USER: u32 = 1500;
    /// What /etc/subuid gives the user.
    const SUBORDINATE: u32 = 100_000;

    /// A user's bundle, home and runtime directory, and the program where he can reach it.
    struct Home {
        directory: TempDir,
    }

    impl Home {
        fn new() -> Self {
            assert!(rustix::process::geteuid().is_root(), "run these tests as root");
            let directory = tempfile::Builder::new().prefix("rootless-").tempdir().unwrap();
            fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
            let home = Self { directory };
            for name in ["rootfs", "run"] {
                fs::create_dir(home.path(name)).unwrap();
                chown(home.path(name), Some(USER), Some(USER)).unwrap();
            }
            testkit::busybox_rootfs(&home.path("rootfs"));
            fs::copy(env!("CARGO_BIN_EXE_corten"), home.path("corten")).unwrap();
            home.configure(|_unchanged| ());
            home
        }

        fn path(&self, name: &str) -> PathBuf {
            self.directory.path().join(name)
        }

        fn text(&self, name: &str) -> String {
            self.path(name).to_str().unwrap().to_owned()
        }

        /// What `spec --rootless` writes, without a terminal.
        fn configure(&self, change: impl FnOnce(&mut Value)) {
            let mut spec =
                serde_json::to_value(spec::runtime::Spec::example().into_rootless(USER, USER))
                    .unwrap();
            spec["process"]["terminal"] = json!(false);
            spec["process"]["args"] = json!(["sleep", "1000"]);
            spec["process"]["env"] = json!(["PATH=/bin"]);
            change(&mut spec);
            put(&self.path("config.json"), &spec.to_string());
        }

        fn command(&self, program: &str, words: &[&str]) -> Command {
            let mut command = Command::new(program);
            command.args(words).current_dir(self.directory.path()).stdin(Stdio::null());
            command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
            command.env("XDG_RUNTIME_DIR", self.path("run"));
            command
        }

        fn oci(&self, words: &[&str]) -> Command {
            let words: Vec<&str> = ["oci"].iter().chain(words).copied().collect();
            let mut command = self.command(&self.text("corten"), &words);
            command.uid(USER).gid(USER);
            command
        }

        /// Runs a command whose container may keep its streams.
        fn output(&self, mut command: Command) -> Output {
            let (out, err) = (self.path("out"), self.path("err"));
            let status = command
                .stdout(fs::File::create(&out).unwrap())
                .stderr(fs::File::create(&err).unwrap())
                .status()
                .unwrap();
            Output { status, stdout: fs::read(out).unwrap(), stderr: fs::read(err).unwrap() }
        }

        fn ok(&self, words: &[&str]) -> String {
            succeeded(&self.output(self.oci(words)))
        }

        fn refused(&self, words: &[&str]) -> String {
            failed(&self.output(self.oci(words)))
        }

        /// Runs a script as root in a mount namespace where /etc knows the user, and what is subordinate to him.
        fn with_subordinate(&self, ranges: &str, script: &str) -> Output {
            put(&self.path("passwd"), &format!("ann:x:{USER}:{USER}::/:/bin/sh\n"));
            put(&self.path("sub"), ranges);
            let user = format!("setpriv --reuid {USER} --regid {USER} --clear-groups");
            let all = format!(
                "mount --bind passwd /etc/passwd && mount --bind sub /etc/subuid && \
                 mount --bind sub /etc/subgid && exec {user} sh -c '{script}'"
            );
            // Whatever it leaves running ends with it.
            let words = ["-mpf", "--kill-child", "--mount-proc", "sh", "-c", all.as_str()];
            self.output(self.command("unshare", &words))
        }
    }

    impl Drop for Home {
        fn drop(&mut self) {
            let _ended = self.oci(&["delete", "--force", "web"]).output();
        }
    }

    #[expect(clippy::disallowed_methods, reason = "a test's own file")]
    fn put(path: &Path, text: &str) {
        fs::write(path, text).unwrap();
    }

    fn succeeded(output: &Output) -> String {
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), said.as_ref()), (Some(0), ""));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn failed(output: &Output) -> String {
        assert!(!output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    fn state(home: &Home) -> Value {
        serde_json::from_str(&home.ok(&["state", "web"])).unwrap()
    }

    fn id_map(spec: &mut Value, inside: u32, outside: u32, size: u32) {
        for kind in ["uidMappings", "gidMappings"] {
            let row = json!({ "containerID": inside, "hostID": outside, "size": size });
            spec["linux"][kind].as_array_mut().unwrap().push(row);
        }
    }

    #[test]
    fn a_life_with_one_id() {
        let home = Home::new();
        fs::remove_file(home.path("config.json")).unwrap();
        chown(home.directory.path(), Some(USER), Some(USER)).unwrap();
        home.ok(&["spec", "--rootless"]);
        home.configure(|spec| spec["process"]["oomScoreAdj"] = json!(500));
        home.ok(&["create", "web"]);
        assert_eq!(state(&home)["status"], "created");
        let pid = state(&home)["pid"].to_string();
        // Who stands at the gate is hidden even from its maker: its memory and its program are the runtime's.
        let hidden = "cat /proc/$0/environ; readlink /proc/$0/exe; ls /proc/$0/fd";
        let mut look = home.command("sh", &["-c", hidden, &pid]);
        let seen = home.output({
            look.uid(USER).gid(USER);
            look
        });
        assert_eq!(String::from_utf8_lossy(&seen.stdout), "");
        // Nor by who comes in meanwhile.
        let look = "for name in exe ns/net fd/0; do readlink /proc/1/$name; done; id -u";
        assert_eq!(home.ok(&["exec", "web", "sh", "-c", look]), "0\n");
        home.ok(&["start", "web"]);
        assert_eq!(home.ok(&["exec", "web", "cat", "/proc/1/oom_score_adj"]), "500\n");
        let map = home.ok(&["exec", "web", "cat", "/proc/self/uid_map", "/proc/self/setgroups"]);
        assert_eq!(map.split_whitespace().collect::<Vec<_>>(), ["0", "1500", "1", "deny"]);
        // CAP_KILL, CAP_NET_BIND_SERVICE and CAP_AUDIT_WRITE, which he has not outside.
        let rights = home.ok(&["exec", "web", "grep", "CapEff", "/proc/self/status"]);
        assert_eq!(rights.trim_end(), "CapEff:\t0000000020000420");
        assert!(home.ok(&["list", "-q"]).contains("web"));
        let listed = home.ok(&["ps", "web"]);
        assert!(listed.contains(&pid) && listed.lines().count() == 2, "{listed}");
        home.ok(&["kill", "web", "KILL"]);
        wait_until("it has stopped", || state(&home)["status"] == "stopped");
        home.ok(&["delete", "web"]);
        let directory = fs::metadata(home.path("run/corten/oci")).unwrap();
        assert_eq!((directory.mode() & 0o7777, directory.uid()), (0o1700, USER));
    }

    #[test]
    fn a_program_ends_with_its_code_and_hooks_see_its_namespaces() {
        let home = Home::new();
        home.configure(|spec| {
            spec["process"]["args"] = json!(["sh", "-c", "ls /sys/fs/cgroup; exit 3"]);
            let script = "pid=$(sed 's/.*\"pid\":\\([0-9]*\\).*/\\1/') && readlink /proc/$pid/ns/net > run/net";
            let hook = json!({ "path": "/bin/sh", "args": ["sh", "-c", script], "env": ["PATH=/usr/bin:/bin"] });
            spec["hooks"] = json!({ "createRuntime": [hook] });
        });
        let output = home.output(home.oci(&["run", "web"]));
        assert_eq!(
            (output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()),
            (Some(3), "")
        );
        assert!(fs::read_to_string(home.path("run/net")).unwrap().starts_with("net:["));
    }

    #[test]
    fn mounts_of_the_host_arrive_where_they_are_asked_for() {
        let home = Home::new();
        fs::create_dir(home.path("source")).unwrap();
        home.configure(|spec| {
            for (target, option) in [("/s", "rslave"), ("/p", "rprivate"), ("/n", "nodev")] {
                let bind = json!({ "destination": target, "type": "bind", "source": home.text("source"),
                    "options": ["rbind", option] });
                spec["mounts"].as_array_mut().unwrap().push(bind);
            }
        });
        let user = format!("setpriv --reuid {USER} --regid {USER} --clear-groups ./corten oci");
        let script = format!(
            "mount -t tmpfs tmpfs source && mount --make-shared source && mkdir source/inner && \
             {user} create web >/dev/null 2>&1 && {user} start web && \
             mount -t tmpfs tmpfs source/inner && touch source/inner/file && \
             {user} exec web sh -c 'ls /s/inner; ls -A /p/inner /n/inner | wc -w'"
        );
        // Whatever it mounts or leaves running ends with it.
        let words = ["-mpf", "--kill-child", "--mount-proc", "sh", "-c", script.as_str()];
        let said = succeeded(&home.output(home.command("unshare", &words)));
        // The names of the two directories alone.
        assert_eq!(said, "file\n2\n");
    }

    #[test]
    fn many_ids_are_mapped_by_the_setuid_programs() {
        let home = Home::new();
        home.configure(|spec| {
            id_map(spec, 1, SUBORDINATE, 65_536);
            spec["process"]["user"] = json!({ "uid": 1, "gid": 2, "additionalGids": [5, 6] });
            let script = "id -G; cat /proc/self/uid_map /proc/self/gid_map; touch /tmp/mine";
            spec["process"]["args"] = json!(["sh", "-c", script]);
            let scratch = json!({ "destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["mode=1777"] });
            spec["mounts"].as_array_mut().unwrap().push(scratch);
        });
        let given = format!("{USER}:{SUBORDINATE}:65536\n");
        let said = succeeded(&home.with_subordinate(&given, "./corten oci run web"));
        let one = "0 1500 1 1 100000 65536";
        let words = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(words, format!("2 5 6 {one} {one}"));

        let said = failed(&home.with_subordinate("", "./corten oci run web"));
        assert!(said.contains("map ids by newuidmap: ") && said.contains("/etc/subuid"), "{said}");
        let script = "PATH=/nowhere ./corten oci run web";
        let said = failed(&home.with_subordinate(&given, script));
        assert!(said.contains("newuidmap: it is not there") && said.contains("uidmap)"), "{said}");
    }

    #[test]
    fn root_of_a_user_namespace_makes_another_one_inside() {
        let home = Home::new();
        home.configure(|spec| {
            for kind in ["uidMappings", "gidMappings"] {
                spec["linux"][kind] = json!([]);
            }
            id_map(spec, 0, 0, 1);
            // Nobody in there may set groups: they are passed over.
            spec["process"]["user"]["additionalGids"] = json!([5]);
            spec["process"]["args"] = json!(["cat", "/proc/self/uid_map"]);
        });
        let nested = |script: &str| {
            let mut command = home.command("unshare", &["-Ur", "sh", "-c", script]);
            command.uid(USER).gid(USER);
            home.output(command)
        };
        let map = succeeded(&nested("./corten oci run web"));
        assert_eq!(map.split_whitespace().collect::<Vec<_>>(), ["0", "0", "1"]);
        assert!(home.path("run/corten/oci").is_dir());
        let off = "echo 0 > /proc/sys/user/max_user_namespaces; ./corten oci run web";
        let said = failed(&nested(off));
        assert!(said.contains("/proc/sys/user/max_user_namespaces is 0: ENOSPC"), "{said}");
    }

    #[test]
    fn what_a_user_may_not_have_is_refused_with_its_reason() {
        let home = Home::new();
        for (change, expected) in [
            (
                json!({ "linux": { "namespaces": [{ "type": "mount" }, { "type": "uts" }] } }),
                "a user without rights needs a new user namespace: EPERM",
            ),
            (
                json!({ "process": { "user": { "uid": 7, "gid": 0 } } }),
                "not mapped in the user namespace: EINVAL",
            ),
            (
                json!({ "process": { "user": { "uid": 0, "gid": 0, "additionalGids": [5] } } }),
                "set the groups: a user who maps only his own group may set none",
            ),
            (
                json!({ "linux": { "resources": { "memory": { "limit": 9_000_000 } } } }),
                "rootless needs no limits + no cgrouppath",
            ),
            (
                json!({ "linux": { "cgroupsPath": "/corten-nobody/x" } }),
                "systemd delegates one to each login",
            ),
            (
                json!({ "mounts": [{ "destination": "/m", "type": "tmpfs", "source": "m", "options": ["gid=5"] }] }),
                "an id of its options may not be mapped in the user namespace: EINVAL",
            ),
        ] {
            home.configure(|spec| {
                for (part, members) in change.as_object().unwrap() {
                    match members.as_object() {
                        Some(members) => members
                            .iter()
                            .for_each(|(name, value)| spec[part][name] = value.clone()),
                        None => spec[part] = members.clone(),
                    }
                }
            });
            let said = home.refused(&["run", "web"]);
            assert!(said.contains(expected), "{said}");
        }
        let mut nowhere = home.oci(&["run", "web"]);
        nowhere.env_remove("XDG_RUNTIME_DIR");
        let said = failed(&home.output(nowhere));
        assert!(said.contains("$XDG_RUNTIME_DIR or --root"), "{said}");
    }

    /// Else its own /proc would show what is covered outside: kernel fs/namespace.c, mount_too_revealing.
    #[test]
    fn a_covered_proc_outside_is_told() {
        let home = Home::new();
        let user = format!("setpriv --reuid {USER} --regid {USER} --clear-groups");
        let script = format!("mount -t tmpfs cover /proc/tty && exec {user} ./corten oci run web");
        let words = ["-m", "--propagation", "private", "sh", "-c", script.as_str()];
        let said = failed(&home.output(home.command("unshare", &words)));
        assert!(
            said.contains("mount proc on /proc: ")
                && said.contains("a /proc outside without covers"),
            "{said}"
        );
    }

    #[test]
    fn without_control_groups_there_is_no_pause_and_a_kill_reaches_the_first_process() {
        let home = Home::new();
        home.ok(&["run", "-d", "web"]);
        assert!(home.ok(&["events", "--stats", "web"]).starts_with("{\"type\":\"stats\""));
        for command in ["pause", "update"] {
            let words: &[&str] = if command == "update" { &["--pids-limit", "5"] } else { &[] };
            let said = home.refused(&[&[command], words, &["web"]].concat());
            assert!(said.contains("systemd delegates one to each login"), "{said}");
        }
        home.ok(&["delete", "--force", "web"]);
        home.configure(|spec| {
            let kinds = spec["linux"]["namespaces"].as_array_mut().unwrap();
            kinds.retain(|kind| kind["type"] != "pid");
            spec["mounts"][0] = json!({ "destination": "/proc", "type": "bind", "source": "/proc", "options": ["rbind"] });
        });
        let output = home.output(home.oci(&["run", "-d", "web"]));
        assert!(output.status.success(), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("strongly discouraged"));
        assert!(home.refused(&["ps", "web"]).contains("list the processes of"));
        home.ok(&["kill", "web", "KILL"]);
        wait_until("it has stopped", || state(&home)["status"] == "stopped");
    }

    #[test]
    fn a_container_joins_the_pids_and_ids_of_another_one() {
        let home = Home::new();
        home.ok(&["run", "-d", "web"]);
        let pid = state(&home)["pid"].to_string();
        home.configure(|spec| {
            for kind in spec["linux"]["namespaces"].as_array_mut().unwrap() {
                if kind["type"] == "user" || kind["type"] == "pid" {
                    kind["path"] =
                        json!(format!("/proc/{pid}/ns/{}", kind["type"].as_str().unwrap()));
                }
            }
            spec["linux"]["uidMappings"] = json!([]);
            spec["linux"]["gidMappings"] = json!([]);
            spec["process"]["args"] = json!(["cat", "/proc/1/cmdline", "/proc/self/setgroups"]);
        });
        let output = home.output(home.oci(&["run", "beside"]));
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            "sleep\u{0}1000\u{0}deny\n",
            "{output:?}"
        );
    }

    /// Control groups of every hierarchy that were given to the user: one that he begins in, beside his containers'.
    struct Delegation {
        path: String,
        groups: Vec<PathBuf>,
    }

    impl Delegation {
        fn new(home: &Home) -> Self {
            let name = home.directory.path().file_name().unwrap().to_str().unwrap();
            let path = format!("corten-test/{name}");
            let mut groups = Vec::new();
            for hierarchy in Layout::detect().unwrap().hierarchies {
                let given = hierarchy.mount.join(&path);
                fs::create_dir_all(given.join("caller")).unwrap();
                for above in ["", "corten-test"] {
                    let control = hierarchy.mount.join(above).join("cgroup.subtree_control");
                    if control.exists() && hierarchy.controllers.contains(&Controller::Pids) {
                        put(&control, "+pids");
                    }
                }
                // cgroups(7), "Cgroup delegation"; of a v1 cpuset also what nobody could enter it without.
                let lists = ["cpuset.cpus", "cpuset.mems"];
                lists
                    .iter()
                    .for_each(|file| fill(&hierarchy.mount, &format!("{path}/caller"), file));
                let files = ["", "cgroup.procs", "tasks", "cgroup.subtree_control"];
                for group in [given.clone(), given.join("caller")] {
                    let files = files.iter().chain(&lists).map(|file| group.join(file));
                    files
                        .filter(|file| file.exists())
                        .for_each(|file| chown(file, Some(USER), Some(USER)).unwrap());
                }
                groups.push(given);
            }
            Self { path, groups }
        }

        /// The user's command, which begins in his group.
        fn oci(&self, home: &Home, words: &str) -> Output {
            let enter: String = self
                .groups
                .iter()
                .map(|group| format!("echo $$ > {}/caller/cgroup.procs && ", group.display()))
                .collect();
            let script = format!(
                "{enter}exec setpriv --reuid {USER} --regid {USER} --clear-groups ./corten oci {words}"
            );
            home.output(home.command("sh", &["-c", &script]))
        }

        /// What a file of the container's group holds, by its name on v1 or that on v2.
        fn holds(&self, files: [&str; 2]) -> String {
            let all =
                self.groups.iter().flat_map(|group| files.map(|file| group.join("web").join(file)));
            let text = all.filter_map(|file| fs::read_to_string(file).ok()).next().unwrap();
            text.trim().to_owned()
        }
    }

    impl Drop for Delegation {
        fn drop(&mut self) {
            for group in &self.groups {
                let _gone = fs::remove_dir(group.join("caller"));
                let _gone = fs::remove_dir(group);
            }
        }
    }

    /// Copies a list of a v1 cpuset downwards, where it is empty.
    fn fill(mount: &Path, path: &str, file: &str) {
        let mut group = mount.to_owned();
        let Ok(mut above) = fs::read_to_string(group.join(file)) else { return };
        for name in path.split('/') {
            group.push(name);
            match fs::read_to_string(group.join(file)) {
                Ok(own) if own.trim().is_empty() => put(&group.join(file), above.trim()),
                Ok(own) => above = own,
                // v2 hands the controller down by its container only.
                Err(_absent) => return,
            }
        }
    }

    #[test]
    fn with_groups_that_were_given_to_him_he_has_limits() {
        let home = Home::new();
        let given = Delegation::new(&home);
        home.configure(|spec| {
            spec["linux"]["cgroupsPath"] = json!(format!("/{}/web", given.path));
            // Rules for devices only root may set.
            let rule =
                json!({ "allow": true, "type": "c", "major": 10, "minor": 229, "access": "rw" });
            spec["linux"]["resources"] = json!({ "pids": { "limit": 10 }, "devices": [rule] });
        });
        let ok = |words: &str| succeeded(&given.oci(&home, words));
        ok("run -d web");
        assert_eq!(given.holds(["pids.max", "pids.max"]), "10");
        ok("update --pids-limit 7 web");
        assert_eq!(given.holds(["pids.max", "pids.max"]), "7");
        ok("pause web");
        assert_eq!(state(&home)["status"], "paused");
        ok("resume web");
        assert!(ok("events --stats web").contains("\"limit\":7"));
        assert_eq!(ok("ps web").lines().count(), 2);
        // From where he may not move a process into them, it stays outside.
        home.ok(&["exec", "web", "true"]);
        ok("delete --force web");
        assert!(given.groups.iter().all(|group| !group.join("web").exists()));
    }

    /// Its own user namespace comes first, and the container's is beside or below it: a map within a map.
    #[test]
    fn podman_runs_its_containers_for_a_user() {
        let home = Home::new();
        std::os::unix::fs::symlink("corten", home.path("corten-oci")).unwrap();
        let tar = home.command("tar", &["--create", "--file=image", "--directory=rootfs", "."]);
        succeeded(&home.output(tar));
        // Its last word ends the process that keeps its user namespace.
        let script = "export HOME=$PWD/run; set -e; \
            podman() { command podman --root run/a --runroot run/b --storage-driver vfs --cgroup-manager cgroupfs \
                --events-backend file --runtime $PWD/corten-oci --log-level error \"$@\"; }; \
            podman import --quiet image box >/dev/null; \
            podman run --rm --network none --user 5:6 box id -u; \
            podman run --detach --name web --network none box sleep 1000 >/dev/null; \
            podman exec web cat /proc/self/uid_map; \
            podman rm --force web >/dev/null; podman system migrate";
        let given = format!("{USER}:{SUBORDINATE}:65536\n");
        let output = home.with_subordinate(&given, script);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let words: Vec<&str> = said.split_whitespace().collect();
        let expected = ["5", "0", "1500", "1", "1", "100000", "65536"];
        assert_eq!(words, expected, "{output:?}");
    }
}
