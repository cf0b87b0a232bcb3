//! Bounds of sizes through the program: on a container's own layer and on volumes, where the file system has project quotas, and
//! what is said where it has none.
//!
//! Each test makes file systems of its own, on loop devices. A kernel without quotas for one of them has nothing to test there,
//! which is said; a machine whose kernel has both runs all of it.

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};
    use std::process::Command;

    use testkit::{Corten, wait_until};

    /// A store on a file system of its own; unmounted before the rest of the test's directory goes.
    struct Bench {
        kind: &'static str,
        corten: Corten,
    }

    impl Drop for Bench {
        fn drop(&mut self) {
            self.corten.remove_containers();
            let _gone = run("umount", &[&self.corten.root()]);
        }
    }

    impl Bench {
        /// Nothing where this kernel cannot.
        fn new(kind: &'static str, make: &[&str], options: &str) -> Option<Self> {
            let corten = Corten::new(env!("CARGO_BIN_EXE_corten"));
            let (disk, root) = (corten.directory().join("disk"), corten.root());
            std::fs::File::create(&disk).unwrap().set_len(400 << 20).unwrap();
            std::fs::create_dir(&root).unwrap();
            let mkfs = format!("mkfs.{kind}");
            let made = Command::new(&mkfs).args(make).arg("-q").arg(&disk).output().unwrap();
            assert!(made.status.success(), "{mkfs}: {made:?}");
            let options = format!("loop{options}");
            let mounted =
                Command::new("mount").args(["-o", &options]).args([&disk, &root]).output().unwrap();
            if !mounted.status.success() {
                return None;
            }
            corten.ok(&["template", "build", "busybox"]);
            Some(Self { kind, corten })
        }

        /// One with project quotas that hold.
        fn bounded(kind: &'static str) -> Option<Self> {
            let make: &[&str] = if kind == "ext4" { &["-O", "project,quota"] } else { &[] };
            let bench = Self::new(kind, make, ",prjquota")?;
            let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
            let root = bench.corten.root();
            let line = mounts.lines().find(|line| line.contains(root.to_str().unwrap())).unwrap();
            line.contains("prjquota").then_some(bench)
        }

        fn data(&self, volume: &str) -> PathBuf {
            self.corten.root().join("volumes").join(volume).join("_data")
        }

        /// The project of a directory, as lsattr(1) has it.
        fn project(&self, volume: &str) -> u64 {
            let told = run("lsattr", &["-dp".as_ref(), self.data(volume).as_path()]);
            told.split_whitespace().next().unwrap().parse().unwrap()
        }

        fn sh(&self, options: &[&str], script: &str) -> testkit::Finished {
            let words = [&["run", "--rm"], options, &["busybox", "sh", "-c", script]].concat();
            self.corten.run(&words)
        }

        /// Whether `volume` takes so many MiB more and not one that is beyond.
        #[track_caller]
        fn takes(&self, volume: &str, mib: u32, beyond: u32) {
            let mount = format!("{volume}:/v");
            let fill = |mib| {
                let script = format!("dd if=/dev/zero of=/v/fill bs=1M count={mib}");
                let filled = self.sh(&["-v", &mount], &script);
                self.corten.ok(&["run", "--rm", "-v", &mount, "busybox", "rm", "-f", "/v/fill"]);
                filled
            };
            let (fits, full) = (fill(mib), fill(beyond));
            assert_eq!(fits.code, 0, "{} {volume}: {fits:?}", self.kind);
            assert!(is_full(&full.stderr), "{} {volume}: {full:?}", self.kind);
        }
    }

    fn is_full(text: &str) -> bool {
        ["No space left", "Disk quota exceeded", "ENOSPC", "EDQUOT"]
            .iter()
            .any(|word| text.contains(word))
    }

    fn run(program: &str, args: &[&Path]) -> String {
        let ended = Command::new(program).args(args).output().unwrap();
        assert!(ended.status.success(), "{program} {args:?}: {ended:?}");
        String::from_utf8(ended.stdout).unwrap()
    }

    /// Every kind of file system that has project quotas here.
    fn benches() -> Vec<Bench> {
        let benches = ["xfs", "ext4"].into_iter().filter_map(|kind| {
            let bench = Bench::bounded(kind);
            if bench.is_none() {
                eprintln!("skipped: this kernel has no project quotas on {kind}");
            }
            bench
        });
        benches.collect()
    }

    #[test]
    fn a_container_writes_as_much_as_it_may() {
        for bench in benches() {
            let (kind, bound) = (bench.kind, ["--storage-opt", "size=10M"]);
            let fill = |mib: u32| {
                bench.sh(
                    &bound,
                    &format!("dd if=/dev/zero of=/fill bs=1M count={mib}; df -k / | tail -1"),
                )
            };
            let filled = fill(5);
            assert!(!is_full(&filled.stderr), "{kind}: {filled:?}");
            let size = filled.stdout.split_whitespace().nth(1).unwrap();
            assert_eq!(size, "10240", "{kind}: {filled:?}");
            assert!(is_full(&fill(20).stderr), "{kind}");
            // What overlayfs does between its own directory and the layer, it does within the project.
            let moved = bench.sh(
                &bound,
                "mkdir -p /a/b && mv /a/b /a/c && rm -rf /bin/[ && ln -s x /a/l && mv /a/l /a/m && chmod 700 /bin && \
                 mv /bin/sh /a && mknod /a/p p && mv /a/p /a/q && rm -r /a && echo fine",
            );
            assert_eq!(moved.stdout, "fine\n", "{kind}: {moved:?}");
            let id = bench.corten.ok(&["create", "--storage-opt", "size=10M", "busybox", "true"]);
            let shown = bench.corten.ok(&["inspect", "-f", "{{json .HostConfig.StorageOpt}}", &id]);
            assert_eq!(shown, r#"{"size":"10M"}"#);
            // Another one has a bound of its own.
            assert!(!is_full(&fill(8).stderr), "{kind}");
            bench.corten.ok(&["rm", &id]);
        }
    }

    /// What the original has written counts for the original, frozen or not.
    #[test]
    fn a_clone_has_a_bound_of_its_own() {
        for bench in benches() {
            let script = "dd if=/dev/zero of=/fill-$(cat /proc/sys/kernel/random/uuid) bs=1M count=6 && echo fits";
            let words = [
                "--network",
                "none",
                "--name",
                "box",
                "--storage-opt",
                "size=10M",
                "busybox",
                "sh",
                "-c",
                script,
            ];
            let corten = &bench.corten;
            assert_eq!(corten.ok(&[&["run"], &words[..]].concat()), "fits");
            corten.ok(&["clone", "box", "clone"]);
            corten.ok(&["snapshot", "create", "box"]);
            for (name, fits) in [("box", false), ("clone", true), ("clone", false)] {
                let ran = corten.run(&["start", "-a", name]);
                assert_eq!(ran.stdout == "fits\n", fits, "{} {name}: {ran:?}", bench.kind);
                assert!(fits || is_full(&ran.stderr), "{}: {ran:?}", bench.kind);
            }
            corten.ok(&["snapshot", "restore", "box", "snap0"]);
            corten.ok(&["start", "box"]);
            corten.ok(&["rm", "-f", "box", "clone"]);
            assert_eq!(std::fs::read_dir(corten.root().join("frozen")).unwrap().count(), 0);
        }
    }

    /// Its log and its end are written whatever it has filled.
    #[test]
    fn a_full_container_is_logged_and_ends() {
        for bench in benches() {
            let script = "dd if=/dev/zero of=/fill bs=1M count=20 2>/dev/null; seq 1 20000; exit 7";
            let words =
                ["--name", "full", "--storage-opt", "size=2M", "busybox", "sh", "-c", script];
            let ended = bench.corten.run(&[&["run"], &words[..]].concat());
            assert_eq!((ended.code, ended.stdout.lines().count()), (7, 20000), "{}", bench.kind);
            assert_eq!(bench.corten.ok(&["logs", "full"]).lines().count(), 20000);
            let code = bench.corten.ok(&["inspect", "-f", "{{.State.ExitCode}}", "full"]);
            assert_eq!(code, "7");
        }
    }

    /// Root in a container owns its files, and the kernel lets an owner change their project.
    #[test]
    fn a_container_stays_in_its_project() {
        for bench in benches() {
            let corten = &bench.corten;
            corten.ok(&["volume", "create", "-o", "size=5M", "bound"]);
            let host = ["-v", "/usr:/usr:ro", "-v", "/lib:/lib:ro", "-v", "/lib64:/lib64:ro"];
            let tool = "touch $1/file && /usr/bin/chattr -p 0 $1/file";
            for (more, place) in [(["--storage-opt", "size=10M"], "/"), (["-v", "bound:/v"], "/v")]
            {
                let left = bench.sh(&[&host[..], &more[..]].concat(), &tool.replace("$1", place));
                assert!(left.stderr.contains("not permitted"), "{}: {left:?}", bench.kind);
            }
            let free = bench.sh(&host, &tool.replace("$1", "/"));
            assert_eq!(free.code, 0, "who has no bound is not held back: {free:?}");
        }
    }

    #[test]
    fn a_volume_holds_as_much_as_it_may() {
        for bench in benches() {
            let corten = &bench.corten;
            corten.ok(&["volume", "create", "-o", "size=5M", "data"]);
            let options = corten.ok(&["volume", "inspect", "-f", "{{json .Options}}", "data"]);
            assert_eq!(options, r#"{"size":"5M"}"#);
            bench.takes("data", 4, 8);
            let shown = bench.sh(&["-v", "data:/v"], "df -k /v | tail -1").stdout;
            assert_eq!(shown.split_whitespace().nth(1), Some("5120"), "{}", bench.kind);
            // While a container has it.
            corten.ok(&["run", "-d", "--name", "has", "-v", "data:/v", "busybox", "sleep", "1000"]);
            corten.ok(&["volume", "update", "-o", "size=12M", "data"]);
            let dd = "dd if=/dev/zero of=/v/fill bs=1M count=10";
            corten.ok(&["exec", "has", "sh", "-c", dd]);
            corten.ok(&["rm", "-f", "has"]);
            let options = corten.ok(&["volume", "inspect", "-f", "{{.Options.size}}", "data"]);
            assert_eq!(options, "12M");
            corten.ok(&["volume", "update", "-o", "size=0", "data"]);
            let options = corten.ok(&["volume", "inspect", "-f", "{{json .Options}}", "data"]);
            assert_eq!(options, "null");
            let filled = bench.sh(&["-v", "data:/v"], "dd if=/dev/zero of=/v/more bs=1M count=20");
            assert_eq!(filled.code, 0, "{}: {filled:?}", bench.kind);
            corten.ok(&["volume", "update", "-o", "size=40M", "data"]);
            let full = bench.sh(&["-v", "data:/v"], "dd if=/dev/zero of=/v/again bs=1M count=20");
            assert!(is_full(&full.stderr), "{}: {full:?}", bench.kind);
            // One that never had a bound.
            corten.ok(&["run", "--rm", "-v", "plain:/v", "busybox", "touch", "/v/file"]);
            let told = corten.fails(&["volume", "update", "-o", "size=1M", "plain"], 1);
            assert!(
                told.contains("bound volume plain: it has contents") && told.contains("hint: "),
                "{told}"
            );
            corten.ok(&["run", "--rm", "-v", "plain:/v", "busybox", "rm", "/v/file"]);
            corten.ok(&["volume", "update", "-o", "size=3M", "plain"]);
            bench.takes("plain", 2, 4);
        }
    }

    #[test]
    fn copies_have_the_bound_of_what_they_become() {
        for bench in benches() {
            let (corten, kind) = (&bench.corten, bench.kind);
            corten.ok(&["volume", "create", "-o", "size=6M", "data"]);
            let fill = bench.sh(&["-v", "data:/v"], "dd if=/dev/zero of=/v/old bs=1M count=3");
            assert_eq!(fill.code, 0, "{fill:?}");
            corten.ok(&["volume", "clone", "data", "clone"]);
            bench.takes("clone", 2, 5);
            assert_ne!(bench.project("clone"), bench.project("data"));
            corten.ok(&["volume", "snapshot", "data", "shot"]);
            corten.ok(&["run", "--rm", "-v", "data:/v", "busybox", "rm", "/v/old"]);
            corten.ok(&["volume", "restore", "data", "shot"]);
            bench.takes("data", 2, 5);
            let archive = corten.directory().join("archive");
            let archive = archive.to_str().unwrap();
            corten.ok(&["volume", "export", "-o", archive, "data"]);
            corten.ok(&["volume", "create", "-o", "size=1M", "small"]);
            let told = corten.fails(&["volume", "import", "small", archive], 1);
            assert!(is_full(&told), "{kind}: {told}");
            assert_eq!(std::fs::read_dir(bench.data("small")).unwrap().count(), 0);
            corten.ok(&["volume", "update", "-o", "size=6M", "small"]);
            corten.ok(&["volume", "import", "small", archive]);
            bench.takes("small", 2, 5);
        }
    }

    #[test]
    fn what_an_image_has_fits_or_nothing_of_it_comes() {
        for bench in benches() {
            let corten = &bench.corten;
            let script =
                "mkdir /data && dd if=/dev/zero of=/data/big bs=1M count=6 && touch /data/a";
            corten.ok(&["run", "--name", "makes", "busybox", "sh", "-c", script]);
            corten.ok(&["commit", "makes", "full"]);
            corten.ok(&["volume", "create", "-o", "size=3M", "small"]);
            let told = corten.fails(&["run", "--rm", "-v", "small:/data", "full", "true"], 125);
            assert!(is_full(&told), "{}: {told}", bench.kind);
            assert_eq!(std::fs::read_dir(bench.data("small")).unwrap().count(), 0);
            let mount = "type=volume,target=/data,source=large,volume-opt=size=8M";
            corten.ok(&["run", "--rm", "--mount", mount, "full", "ls", "/data/big"]);
            corten.ok(&["run", "--rm", "-v", "large:/data", "full", "rm", "/data/big"]);
            bench.takes("large", 6, 10);
        }
    }

    /// A project belongs to one, and is free again when that one is gone, with its limit.
    #[test]
    fn projects_are_nobody_elses() {
        for bench in benches() {
            let corten = &bench.corten;
            std::thread::scope(|scope| {
                for number in 0..6 {
                    scope.spawn(move || {
                        corten.ok(&["volume", "create", "-o", "size=1M", &format!("v{number}")]);
                    });
                }
            });
            let mut projects: Vec<u64> =
                (0..6).map(|one| bench.project(&format!("v{one}"))).collect();
            projects.sort_unstable();
            projects.dedup();
            assert_eq!(projects.len(), 6, "{}: {projects:?}", bench.kind);
            assert!(projects[0] >= 1 << 30);
            for number in 0..6 {
                corten.ok(&["volume", "rm", &format!("v{number}")]);
            }
            let first = corten.ok(&["create", "--storage-opt", "size=1M", "busybox", "true"]);
            corten.ok(&["rm", &first]);
            // The kernel forgets what a project had once its last file is truly gone.
            wait_until("the first project is free again", || {
                corten.ok(&["volume", "create", "-o", "size=1M", "again"]);
                let project = bench.project("again");
                corten.ok(&["volume", "rm", "again"]);
                project == projects[0]
            });
            // What a removal leaves that was killed in the middle is swept with its limit.
            corten.ok(&["volume", "create", "-o", "size=1M", "kept"]);
            let kept = bench.project("kept");
            let place = |name: &str| corten.root().join(name);
            std::fs::rename(place("volumes/kept"), place("tmp/orphan")).unwrap();
            corten.ok(&["volume", "rm", "kept"]);
            wait_until("what is swept is free again", || {
                corten.ok(&["volume", "create", "-o", "size=1M", "again"]);
                let project = bench.project("again");
                corten.ok(&["volume", "rm", "again"]);
                project == kept
            });
        }
    }

    /// Whatever the file system lacks is named, with where it is and what helps; nothing is left.
    #[test]
    fn without_project_quotas_it_is_refused() {
        let mut seen = 0;
        for (kind, make, options, part) in [
            ("xfs", &[][..], "", "mount it with the option prjquota"),
            ("ext4", &[], "", "tune2fs -O project,quota"),
            ("ext4", &["-O", "project,quota"], "", "mount it with the option prjquota"),
        ] {
            // A kernel without quotas mounts nothing that has them.
            let Some(bench) = Bench::new(kind, make, options) else { continue };
            seen += 1;
            let corten = &bench.corten;
            let place = corten.root();
            let lacks =
                format!("bound sizes in {0}: {kind} at {0} has no project quotas", place.display());
            for words in [
                &["volume", "create", "-o", "size=1G", "data"][..],
                &["create", "--storage-opt", "size=1G", "busybox", "true"],
                &[
                    "run",
                    "--rm",
                    "--mount",
                    "type=volume,target=/v,volume-opt=size=1M",
                    "busybox",
                    "true",
                ],
            ] {
                let told = corten.run(words);
                assert!(told.code != 0 && told.stderr.contains(&lacks), "{told:?}");
                assert!(told.stderr.contains(part), "{told:?}");
            }
            assert_eq!(corten.ok(&["volume", "ls", "-q"]), "");
            assert_eq!(corten.ok(&["ps", "-aq"]), "");
            for directory in ["volumes", "containers"] {
                assert_eq!(std::fs::read_dir(place.join(directory)).unwrap().count(), 0);
            }
            corten.ok(&["volume", "create", "data"]);
            let told = corten.fails(&["volume", "update", "-o", "size=1M", "data"], 1);
            assert!(told.contains(&lacks), "{told}");
        }
        assert!(seen >= 2, "a kernel mounts xfs and ext4");
    }

    #[test]
    fn wrong_sizes_are_refused_by_name() {
        let corten = Corten::with_busybox(env!("CARGO_BIN_EXE_corten"));
        for (words, part) in [
            (&["create", "--storage-opt", "size=x", "busybox"][..], "the unit is not one of"),
            (&["create", "--storage-opt", "size=0", "busybox"], "holds nothing"),
            (&["create", "--storage-opt", "dm.x=1", "busybox"], "not of the form size=BYTES"),
            (&["volume", "create", "-o", "size=1q", "v"], "the unit is not one of"),
            (
                &["volume", "create", "-o", "type=nfs", "-o", "device=:/a", "-o", "size=1m", "v"],
                "has the size that it has",
            ),
            (&["volume", "update", "-o", "type=x", "v"], "only size=BYTES can be changed"),
        ] {
            let told = corten.run(words);
            assert!(told.code != 0 && told.stderr.contains(part), "{told:?}");
        }
        // What is in memory is bounded by the kernel everywhere.
        let tmpfs = ["-o", "type=tmpfs", "-o", "device=tmpfs", "-o", "size=1m"];
        corten.ok(&[&["volume", "create"], &tmpfs[..], &["fast"]].concat());
        let shown = corten.ok(&["run", "--rm", "-v", "fast:/v", "busybox", "df", "-k", "/v"]);
        assert!(shown.contains("1024"), "{shown}");
        let told = corten.fails(&["volume", "update", "-o", "size=2m", "fast"], 1);
        assert!(told.contains("something else is mounted"), "{told}");
    }
}
