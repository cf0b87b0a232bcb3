//! What goes out: saved images that other tools read, exported root file systems, committed containers that run, and the list of
//! what a container changed.

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::{Command, Stdio};

    use testkit::{Corten, wait_until};

    fn corten() -> Corten {
        Corten::with_busybox(env!("CARGO_BIN_EXE_corten"))
    }

    fn tool(program: &str, arguments: &[&str]) -> String {
        let output = Command::new(program).args(arguments).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{program} {arguments:?}: {stderr}");
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    fn text(path: &Path) -> &str {
        path.to_str().unwrap()
    }

    /// A container that has ended, with changes.
    fn changed(corten: &Corten) {
        let script = "echo words > /root/note; rm /etc/group; mkdir -p /opt/made; ln /root/note /opt/made/again";
        corten.ok(&["run", "--name", "box", "-e", "A=1", "busybox", "sh", "-c", script]);
    }

    #[test]
    fn other_tools_read_what_is_saved() {
        let corten = corten();
        changed(&corten);
        corten.ok(&["commit", "box", "example.test/team/changed:v1"]);
        let archive = corten.directory().join("saved.tar");
        let names = ["example.test/team/changed:v1", "busybox"];
        corten.ok(&["save", "-o", text(&archive), names[0], names[1]]);
        for name in names {
            let id = corten.ok(&["image", "inspect", "-f", "{{.Id}}", name]);
            let layers = corten.ok(&["image", "inspect", "-f", "{{json .RootFS.Layers}}", name]);
            let full = if name == "busybox" { "docker.io/library/busybox:latest" } else { name };
            let docker = format!("docker-archive:{}:{full}", archive.display());
            let config = tool("skopeo", &["inspect", "--config", "--raw", &docker]);
            let layers: serde_json::Value = serde_json::from_str(&layers).unwrap();
            let parsed: serde_json::Value = serde_json::from_str(&config).unwrap();
            assert_eq!(parsed["rootfs"]["diff_ids"], layers);
            // The configuration's own bytes: their digest is the image's id.
            let hash = format!("skopeo inspect --config --raw {docker} | sha256sum");
            assert_eq!(format!("{id}  -"), format!("sha256:{}", tool("sh", &["-c", &hash])));
            // Every byte of every layer is read, and its digest compared.
            let to = format!("oci:{}:x", corten.directory().join("layout").display());
            tool("skopeo", &["--insecure-policy", "copy", "--quiet", &docker, &to]);
        }
        // Podman's ids are the digests of configurations too.
        let storage = corten.directory().join("podman");
        let podman = |arguments: &[&str]| {
            let (root, run) = (storage.join("root"), storage.join("run"));
            let own = ["--root", text(&root), "--runroot", text(&run), "--storage-driver", "vfs"];
            tool("podman", &[&own[..], arguments].concat())
        };
        podman(&["load", "--quiet", "-i", text(&archive)]);
        let known = podman(&["images", "--no-trunc", "--quiet"]);
        for name in names {
            let id = corten.ok(&["image", "inspect", "-f", "{{.Id}}", name]);
            assert!(known.contains(&id), "{name}: {id} is none of {known}");
        }
        // As an OCI layout, with one name for each tag.
        let oci = corten.directory().join("oci");
        std::fs::create_dir(&oci).unwrap();
        tool("tar", &["-xf", text(&archive), "-C", text(&oci)]);
        tool("umoci", &["stat", "--image", &format!("{}:v1", oci.display())]);
        let config = tool("skopeo", &["inspect", "--config", &format!("oci:{}:v1", oci.display())]);
        assert!(config.contains("A=1"), "{config}");
        // And our own, into another store.
        let other = Corten::new(env!("CARGO_BIN_EXE_corten"));
        other.ok(&["load", "-i", text(&archive)]);
        let ids = |corten: &Corten| {
            let listed = corten.ok(&[
                "images",
                "--no-trunc",
                "--format",
                "{{.Repository}} {{.Tag}} {{.ID}}",
            ]);
            let mut lines: Vec<String> = listed.lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        assert_eq!(ids(&other), ids(&corten));
        assert_eq!(other.ok(&["run", "--rm", names[0], "cat", "/opt/made/again"]), "words");
    }

    #[test]
    fn an_output_is_whole_or_not_there() {
        let corten = corten();
        let out = corten.directory().join("out");
        std::fs::create_dir(&out).unwrap();
        let path = out.join("saved.tar");
        let said = corten.fails(&["save", "-o", text(&path), "busybox", "missing"], 1);
        assert!(said.contains("no such image: missing"), "{said}");
        let layers = std::fs::read_dir(corten.root().join("layers")).unwrap();
        let layer = layers.map(|layer| layer.unwrap().path()).next().unwrap();
        std::fs::File::create(layer.join("bin/busybox")).unwrap();
        let said = corten.fails(&["save", "-o", text(&path), "busybox"], 1);
        assert!(said.contains("\"bin/busybox\" of the layer has 0 bytes instead of"), "{said}");
        assert_eq!(std::fs::read_dir(&out).unwrap().count(), 0);
        let said = corten.fails(&["save", "--platform", "linux/riscv64", "busybox"], 1);
        assert!(said.contains("image busybox is for linux/"), "{said}");
        let full = corten.fails(&["export", "-o", "/dev/full", "missing"], 1);
        assert!(full.contains("no such container: missing"), "{full}");
    }

    #[test]
    fn a_committed_container_is_an_image_that_runs() {
        let corten = corten();
        changed(&corten);
        let id = corten.ok(&[
            "commit",
            "-a",
            "Ada",
            "-m",
            "words",
            "-c",
            "CMD [\"cat\", \"/root/note\"]",
            "--change",
            "LABEL x=\"1 2\"",
            "box",
            "changed",
        ]);
        assert_eq!(corten.ok(&["run", "--rm", "changed"]), "words");
        assert_eq!(
            corten.ok(&["run", "--rm", &id, "sh", "-c", "echo $A; test -e /opt/made/again"]),
            "1"
        );
        let of = |format: &str| corten.ok(&["image", "inspect", "-f", format, "changed"]);
        assert_eq!(of("{{.Author}} {{.Config.Labels.x}}"), "Ada 1 2");
        let history = corten.ok(&[
            "history",
            "--no-trunc",
            "--format",
            "{{.Comment}}|{{.CreatedBy}}",
            "changed",
        ]);
        assert!(history.starts_with("words|sh -c echo words"), "{history}");
        let said = corten.fails(&["commit", "-c", "RUN true", "box"], 1);
        assert!(said.contains("invalid change \"RUN true\""), "{said}");
    }

    #[test]
    fn a_running_container_stands_still_only_meanwhile() {
        let corten = corten();
        corten.ok(&[
            "run",
            "-d",
            "--name",
            "loop",
            "busybox",
            "sh",
            "-c",
            "dd if=/dev/zero of=/root/large bs=1M count=100; while :; do date > /root/now; done",
        ]);
        let has_now = ["exec", "loop", "test", "-e", "/root/now"];
        wait_until("the container has made its files", || corten.run(&has_now).code == 0);
        let status = || corten.ok(&["inspect", "-f", "{{.State.Status}}", "loop"]);
        let pid = corten.ok(&["inspect", "-f", "{{.State.Pid}}", "loop"]);
        for (flags, pauses) in [(&["commit"][..], true), (&["commit", "--pause=false"], false)] {
            let mut commit = corten.command();
            commit.args(flags).args(["loop", "running"]).stdout(Stdio::null());
            let mut commit = commit.spawn().unwrap();
            let mut stood_still = false;
            let ended = loop {
                stood_still |= is_frozen(&pid);
                if let Some(ended) = commit.try_wait().unwrap() {
                    break ended;
                }
            };
            assert_eq!((ended.success(), stood_still), (true, pauses), "{flags:?}");
            assert_eq!(status(), "running");
        }
        corten.ok(&["pause", "loop"]);
        corten.ok(&["commit", "loop"]);
        assert_eq!(corten.ok(&["inspect", "-f", "{{.State.Status}}", "loop"]), "paused");
        corten.ok(&["unpause", "loop"]);
        corten.ok(&["rm", "-f", "loop"]);
    }

    /// A commit that stands still itself, at its last flush, while it holds the container; and its own pid.
    fn held_commit(corten: &Corten, container: &str) -> (std::process::Child, u32) {
        let plain = corten.command();
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=syncfs"]);
        command.args(["-e", "inject=syncfs:signal=STOP"]);
        command.arg(plain.get_program()).args(plain.get_args()).args(["commit", container, "new"]);
        let strace = command.spawn().unwrap();
        // The tracer has children of its own before it begins.
        let path = format!("/proc/{0}/task/{0}/children", strace.id());
        let children = || -> Vec<u32> {
            let text = std::fs::read_to_string(&path).unwrap();
            text.split_whitespace().map(|pid| pid.parse().unwrap()).collect()
        };
        // Its tracer stops it for a moment at other calls too. /proc/PID/syscall tells which one it is in, or comes from.
        let flushes = format!("{} ", libc::SYS_syncfs);
        let stopped = |pid: &u32| {
            let read = |file| std::fs::read_to_string(format!("/proc/{pid}/{file}"));
            let (state, call) = (read("stat").unwrap_or_default(), read("syscall"));
            (state.contains("(corten) t ") || state.contains("(corten) T "))
                && call.is_ok_and(|call| call.starts_with(&flushes))
        };
        wait_until("the container stands still", || stands_still(corten, container));
        wait_until("the commit stands still", || children().iter().any(stopped));
        (strace, children()[0])
    }

    fn stands_still(corten: &Corten, container: &str) -> bool {
        is_frozen(&corten.ok(&["inspect", "-f", "{{.State.Pid}}", container]))
    }

    /// Whether the group of a process is, in either version of groups.
    fn is_frozen(pid: &str) -> bool {
        let cgroups = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
        cgroups.lines().any(|line| {
            let mut parts = line.splitn(3, ':').skip(1);
            let (names, path) = (parts.next().unwrap(), parts.next().unwrap());
            let read = |file: String| std::fs::read_to_string(file).unwrap_or_default();
            read(format!("/sys/fs/cgroup{path}/cgroup.freeze")).trim() == "1"
                || read(format!("/sys/fs/cgroup/{names}{path}/freezer.state")).trim() == "FROZEN"
        })
    }

    fn signal(pid: u32, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Lets a held commit go on, and waits for its end. One that was met at another stop of its tracer's stops only afterwards.
    fn go_on(strace: &mut std::process::Child, pid: u32) -> std::process::ExitStatus {
        let mut ended = None;
        wait_until("the commit ends", || {
            ended = strace.try_wait().unwrap();
            if ended.is_none() {
                let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
                // It may be gone already, and its tracer not yet.
                let _gone = rustix::process::kill_process(pid, rustix::process::Signal::CONT);
            }
            ended.is_some()
        });
        ended.unwrap()
    }

    #[test]
    fn a_commit_that_ends_early_lets_the_container_go_on() {
        use rustix::process::Signal;
        let corten = corten();
        corten.ok(&["run", "-d", "--name", "loop", "busybox", "sleep", "1000"]);
        for ended_by in [Signal::KILL, Signal::INT, Signal::TERM] {
            let (mut strace, pid) = held_commit(&corten, "loop");
            assert_eq!(corten.ok(&["inspect", "-f", "{{.State.Status}}", "loop"]), "running");
            assert!(corten.fails(&["exec", "loop", "true"], 125).contains("paused"));
            signal(pid, ended_by);
            go_on(&mut strace, pid);
            wait_until("the container goes on", || !stands_still(&corten, "loop"));
            corten.ok(&["exec", "loop", "true"]);
        }
        // Two of them: it goes on when both have gone.
        let (mut first, first_pid) = held_commit(&corten, "loop");
        let (mut second, second_pid) = held_commit(&corten, "loop");
        signal(first_pid, Signal::KILL);
        go_on(&mut first, first_pid);
        assert!(stands_still(&corten, "loop"));
        // Somebody who pauses it meanwhile is not undone.
        corten.ok(&["pause", "loop"]);
        assert!(go_on(&mut second, second_pid).success());
        assert!(stands_still(&corten, "loop"));
        assert_eq!(corten.ok(&["inspect", "-f", "{{.State.Status}}", "loop"]), "paused");
        corten.ok(&["unpause", "loop"]);
        assert!(!stands_still(&corten, "loop"));
        corten.ok(&["rm", "-f", "loop"]);
    }

    /// Nobody is left who would let the container go on by itself; `unpause` does, and so does a commit that lives.
    #[test]
    fn a_monitor_that_is_killed_while_it_holds_a_container() {
        use rustix::process::Signal;
        let corten = corten();
        for is_killed in [true, false] {
            corten.ok(&["run", "-d", "--name", "loop", "busybox", "sleep", "1000"]);
            let (mut strace, pid) = held_commit(&corten, "loop");
            let id = corten.ok(&["inspect", "-f", "{{.Id}}", "loop"]);
            let state = corten.state().join("containers").join(&id).join("state.json");
            let state: serde_json::Value =
                serde_json::from_slice(&std::fs::read(state).unwrap()).unwrap();
            signal(u32::try_from(state["monitor_pid"].as_u64().unwrap()).unwrap(), Signal::KILL);
            let frozen = || is_frozen(&state["pid"].to_string());
            assert!(frozen());
            if is_killed {
                signal(pid, Signal::KILL);
            }
            assert_eq!(go_on(&mut strace, pid).success(), !is_killed);
            if is_killed {
                assert!(frozen());
                corten.ok(&["unpause", "loop"]);
            }
            assert!(!frozen());
            corten.fails(&["unpause", "loop"], 1);
            corten.ok(&["rm", "-f", "loop"]);
        }
    }

    /// An image with nothing but a shell and these directories.
    fn bare(corten: &Corten, name: &str, directories: &[&str]) {
        let layer = ["image", "inspect", "-f", "{{.GraphDriver.Data.UpperDir}}", "busybox"];
        let busybox = Path::new(&corten.ok(&layer)).join("bin/busybox");
        let tree = corten.directory().join(name);
        std::fs::create_dir_all(tree.join("bin")).unwrap();
        std::fs::copy(busybox, tree.join("bin/busybox")).unwrap();
        for directory in directories {
            std::fs::create_dir_all(tree.join(directory)).unwrap();
        }
        std::os::unix::fs::symlink("/there", tree.join("link")).unwrap();
        let archive = corten.directory().join("bare.tar");
        tool("tar", &["--owner=0", "--group=0", "-C", text(&tree), "-cf", text(&archive), "."]);
        corten.ok(&["import", "-c", "ENV PATH=/bin", text(&archive), name]);
    }

    #[test]
    fn what_was_made_to_mount_on_is_no_change() {
        let corten = corten();
        let file = corten.directory().join("file");
        std::fs::File::create(&file).unwrap();
        let app = format!("{}:/opt/app/app.conf", file.display());
        let tmp = format!("{}:/deep/er/tmp", corten.directory().display());
        let options = ["-v", "/volume", "-v", &app, "-v", &tmp, "-v", "named:/link/data"];
        let options = [&options[..], &["--tmpfs", "/scratch"]].concat();
        let listed = |container: &str| -> Vec<String> {
            let archive = corten.directory().join("listed.tar");
            corten.ok(&["export", "-o", text(&archive), container]);
            let listing = tool("tar", &["-tf", text(&archive)]);
            listing.lines().map(|line| line.trim_matches(['.', '/']).to_owned()).collect()
        };
        let layer_of = |container: &str| -> Vec<String> {
            let id = corten.ok(&["commit", container]);
            let upper = ["image", "inspect", "-f", "{{.GraphDriver.Data.UpperDir}}", &id];
            let found = tool("find", &[&corten.ok(&upper), "-mindepth", "1", "-printf", "%P\n"]);
            let mut found: Vec<String> = found.lines().map(str::to_owned).collect();
            found.sort();
            found
        };
        for (image, directories) in [("bare", &[][..]), ("half", &["etc", "opt/app", "there"])] {
            bare(&corten, image, directories);
            let run = |name: &str, script: &str| {
                let words = [&["run", "--name", name][..], &options, &[image]].concat();
                corten.ok(&[&words[..], &["busybox", "sh", "-c", script]].concat());
            };
            let own = if image == "bare" {
                vec!["", "bin", "bin/busybox", "link"]
            } else {
                vec!["", "bin", "bin/busybox", "etc", "link", "opt", "opt/app", "there"]
            };
            let silent = format!("{image}-silent");
            run(&silent, "echo into the volume > /volume/x; echo x > /scratch/x");
            assert_eq!(corten.ok(&["diff", &silent]), "", "{image}");
            assert_eq!(listed(&silent), own, "{image}");
            assert_eq!(layer_of(&silent), [""; 0], "{image}");
            // What somebody wrote beside them, or changed of them, is there; and it alone.
            let busy = format!("{image}-busy");
            run(&busy, "cd /bin; busybox touch /etc/own /opt/own; busybox mkdir /scratch/x /sys2");
            let expected = match image {
                "bare" => "A /etc\nA /etc/own\nA /opt\nA /opt/own\nA /sys2",
                _ => "C /etc\nA /etc/own\nC /opt\nA /opt/own\nA /sys2",
            };
            assert_eq!(corten.ok(&["diff", &busy]), expected, "{image}");
            assert_eq!(layer_of(&busy), ["etc", "etc/own", "opt", "opt/own", "sys2"], "{image}");
            let (exported, new) = (listed(&busy), ["etc/own", "opt/own", "sys2"]);
            let mut all: Vec<&str> = own.iter().chain(&new).copied().collect();
            all.extend(["etc", "opt"]);
            all.sort_unstable();
            all.dedup();
            assert_eq!(exported, all, "{image}");
            let changed = format!("{image}-changed");
            run(&changed, "cd /bin; busybox chmod 700 /deep");
            assert_eq!(corten.ok(&["diff", &changed]), "A /deep", "{image}");
            // Mounted on again, in a container of what was committed.
            let id = corten.ok(&["commit", &busy]);
            let again = ["run", "--rm", "-v", "/volume", &id, "busybox", "ls", "/etc"];
            assert_eq!(corten.ok(&again), "hostname\nhosts\nown\nresolv.conf");
        }
    }

    #[test]
    fn what_is_exported_is_imported_as_it_was() {
        let corten = corten();
        changed(&corten);
        let archive = corten.directory().join("c.tar");
        corten.ok(&["export", "-o", text(&archive), "box"]);
        let streamed = corten.command().args(["export", "box"]).output().unwrap().stdout;
        assert!(streamed == std::fs::read(&archive).unwrap());
        let listing = tool("tar", &["-tf", text(&archive)]);
        assert!(listing.lines().any(|line| line == "opt/made/again"), "{listing}");
        assert!(!listing.contains("etc/group\n") && !listing.contains(".wh."), "{listing}");
        corten.ok(&[
            "import",
            "-c",
            "CMD cat /root/note",
            "--platform",
            "linux/amd64",
            text(&archive),
            "flat",
        ]);
        assert_eq!(corten.ok(&["run", "--rm", "flat"]), "words");
    }

    #[test]
    fn changes_are_printed() {
        let corten = corten();
        changed(&corten);
        let expected =
            "C /etc\nD /etc/group\nA /opt\nA /opt/made\nA /opt/made/again\nC /root\nA /root/note";
        assert_eq!(corten.ok(&["diff", "box"]), expected);
        corten.ok(&["create", "--name", "new", "busybox"]);
        assert_eq!(corten.ok(&["container", "diff", "new"]), "");
    }

    #[test]
    fn archives_that_are_compressed_as_a_whole_come_in_from_files_and_pipes() {
        let corten = corten();
        let id = corten.ok(&["image", "inspect", "-f", "{{.Id}}", "busybox"]);
        let plain = corten.directory().join("plain.tar");
        corten.ok(&["save", "-o", text(&plain), "busybox"]);
        let oci = corten.directory().join("oci.tar");
        let digest = corten.ok(&[
            "image",
            "copy",
            "-q",
            "busybox",
            &format!("oci-archive:{}:docker.io/library/busybox:latest", text(&oci)),
        ]);
        for (program, of) in [("gzip", &plain), ("zstd", &plain), ("gzip", &oci), ("zstd", &oci)] {
            let compressed = of.with_extension(program);
            let line = format!("{program} -c {} > {}", of.display(), compressed.display());
            tool("sh", &["-c", &line]);
            let other = Corten::new(env!("CARGO_BIN_EXE_corten"));
            let what = format!("{program} of {}", of.display());
            let known = || other.ok(&["image", "inspect", "-f", "{{.Id}}", "busybox:latest"]);
            other.ok(&["load", "-i", text(&compressed)]);
            assert_eq!(known(), id, "{what}");
            other.ok(&["rmi", "busybox"]);
            let finished = other.run_with(&["load"], &std::fs::read(&compressed).unwrap());
            assert_eq!(finished.code, 0, "{what}: {finished:?}");
            assert_eq!(known(), id, "{what}");
            // The same as the source of a copy: to the store, and on without one.
            let transport = if of == &oci { "oci-archive" } else { "docker-archive" };
            let from = format!("{transport}:{}", compressed.display());
            other.ok(&["image", "copy", "-q", &from, "store:copied:1"]);
            assert_eq!(other.ok(&["image", "inspect", "-f", "{{.Id}}", "copied:1"]), id);
            let alone = Corten::new(env!("CARGO_BIN_EXE_corten"));
            let to = format!("oci:{}", alone.directory().join("layout").display());
            let copied = alone.ok(&["image", "copy", "-q", &from, &to]);
            if of == &oci {
                assert_eq!(copied, digest, "{what}");
            }
            // What it was expanded into is gone, and no store was made.
            assert_eq!(std::fs::read_dir(alone.root().join("tmp")).unwrap().count(), 0);
            assert!(!alone.root().join("corten.db").exists());
        }
        let cut = corten.directory().join("cut.gz");
        let line = format!("gzip -c {} | head -c 300000 > {}", plain.display(), cut.display());
        tool("sh", &["-c", &line]);
        let from = format!("docker-archive:{}", cut.display());
        let refused = corten.fails(&["image", "copy", "-q", &from, "store:cut:1"], 1);
        assert!(refused.contains("unpack the archive"), "{refused}");
    }

    #[test]
    fn names_of_saved_images_are_read_by_podman_and_skopeo_as_they_were() {
        let corten = corten();
        corten.ok(&["tag", "busybox", "example.test/team/box:v1"]);
        let names = ["docker.io/library/busybox:latest", "example.test/team/box:v1"];
        for (number, saved) in [&["busybox"][..], &names].into_iter().enumerate() {
            let archive = corten.directory().join(format!("{number}.tar"));
            corten.ok(&[&["save", "-o", text(&archive)], saved].concat());
            let storage = corten.directory().join(format!("podman{number}"));
            let (root, run) = (storage.join("root"), storage.join("run"));
            let podman = |arguments: &[&str]| {
                let own =
                    ["--root", text(&root), "--runroot", text(&run), "--storage-driver", "vfs"];
                tool("podman", &[&own[..], arguments].concat())
            };
            podman(&["load", "--quiet", "-i", text(&archive)]);
            let known = podman(&["images", "--format", "{{.Repository}}:{{.Tag}}"]);
            let mut known: Vec<&str> = known.lines().collect();
            known.sort_unstable();
            assert_eq!(known, &names[..saved.len()]);
            for name in known {
                let place = format!("docker-archive:{}:{name}", archive.display());
                tool("skopeo", &["inspect", "--raw", &place]);
            }
            let other = Corten::new(env!("CARGO_BIN_EXE_corten"));
            let loaded = other.ok(&["load", "-i", text(&archive)]);
            assert!(loaded.contains("Loaded image: busybox:latest"), "{loaded}");
        }
    }

    #[test]
    fn a_platform_is_what_the_image_is_for_or_nothing() {
        let corten = corten();
        let archive = corten.directory().join("box.tar");
        corten.ok(&["save", "-o", text(&archive), "busybox"]);
        let (own, foreign) = if cfg!(target_arch = "aarch64") {
            ("linux/arm64", "linux/amd64")
        } else {
            ("linux/amd64", "linux/arm64")
        };
        let commands: [&[&str]; 6] = [
            &["image", "inspect", "busybox"],
            &["history", "busybox"],
            &["save", "busybox"],
            &["push", "busybox"],
            &["load", "-i", text(&archive)],
            &["rmi", "busybox"],
        ];
        for command in commands {
            let at = 1 + usize::from(command[0] == "image");
            let with =
                |platform| [&command[..at], &["--platform", platform], &command[at..]].concat();
            let refused = corten.fails(&with(foreign), 1);
            assert!(refused.contains(own) && refused.contains(foreign), "{command:?}: {refused}");
            corten.ok(&["image", "inspect", "busybox"]);
            if command[0] != "push" {
                corten.ok(&with(own));
            }
            let refused = corten.fails(&with("nonsense/of/too/many"), 1);
            assert!(refused.contains("nonsense"), "{command:?}: {refused}");
        }
        corten.fails(&["image", "inspect", "busybox"], 1);
        // Of a layout with several it is the one that comes.
        corten.ok(&["load", "-i", text(&archive)]);
        let (layout, other) =
            (corten.directory().join("layout"), Corten::new(env!("CARGO_BIN_EXE_corten")));
        corten.ok(&["image", "copy", "-q", "busybox", &format!("oci:{}:box", text(&layout))]);
        tool("skopeo", &["inspect", &format!("oci:{}:box", text(&layout))]);
        let none = other.fails(&["load", "--platform", foreign, "-i", text(&layout)], 1);
        assert!(none.contains(&format!("no image for {foreign}; there are {own}")), "{none}");
        other.ok(&["load", "--platform", own, "-i", text(&layout)]);
    }
}
