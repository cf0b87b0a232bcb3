//! Room through the program: `system df` against du(1), what prunes take and say, `system check`, and lists of images.

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Command;

    use testkit::{Corten, Finished};

    fn with_busybox() -> Corten {
        Corten::with_busybox(env!("CARGO_BIN_EXE_corten"))
    }

    fn du(path: &Path) -> u64 {
        let output = Command::new("du").args(["-s", "--block-size=1"]).arg(path).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.split_whitespace().next().unwrap().parse().unwrap()
    }

    /// An image of one file, with these changes.
    fn import(corten: &Corten, name: &str, contents: &str, changes: &[&str]) -> String {
        let tree = corten.directory().join("tree");
        std::fs::create_dir_all(&tree).unwrap();
        #[expect(clippy::disallowed_methods, reason = "a test's own file")]
        std::fs::write(tree.join("file"), contents).unwrap();
        let archive = corten.directory().join("tree.tar");
        let made =
            Command::new("tar").arg("-cf").arg(&archive).arg("-C").arg(&tree).arg(".").status();
        assert!(made.unwrap().success());
        let mut words = vec!["import"];
        for change in changes {
            words.extend(["-c", *change]);
        }
        words.push(archive.to_str().unwrap());
        if !name.is_empty() {
            words.push(name);
        }
        corten.ok(&words)
    }

    fn names(corten: &Corten) -> Vec<String> {
        let listed = corten.ok(&["images", "--format", "{{.Repository}}:{{.Tag}}"]);
        let mut names: Vec<String> = listed.lines().map(str::to_owned).collect();
        names.sort();
        names
    }

    fn is_consistent(corten: &Corten) -> bool {
        let checked = corten.run(&["system", "check"]);
        assert_eq!(checked.code == 0, checked.stdout.contains("the store is consistent"));
        checked.code == 0
    }

    #[test]
    fn df_agrees_with_du_and_says_what_a_prune_gives_back() {
        let corten = with_busybox();
        let write = "dd if=/dev/zero of=/big bs=64k count=40 2>/dev/null; dd if=/dev/zero of=/sparse bs=1 count=1 seek=100M 2>/dev/null; ln /big /again; seq 20000; sync";
        corten.ok(&["run", "--name", "writes", "-v", "data:/data", "busybox", "sh", "-c", write]);
        let total = |corten: &Corten| -> u64 {
            corten.ok(&["system", "df", "-v", "--format", "{{.RootBytes}}"]).parse().unwrap()
        };
        let (ours, theirs) = (total(&corten), du(&corten.root()));
        assert!(ours.abs_diff(theirs) * 100 <= theirs, "{ours} and du says {theirs}");
        let table = corten.ok(&["system", "df"]);
        let lines: Vec<&str> = table.lines().collect();
        assert!(
            lines[0].starts_with("TYPE                TOTAL     ACTIVE    SIZE      RECLAIMABLE"),
            "{table}"
        );
        for (line, start) in lines[1..].iter().zip([
            "Images              1         1",
            "Containers          1         0         2.",
            "Local Volumes       1         1",
            "Build Cache         0         0         0B        0B",
            "Container Logs      1         0",
            "Partial Transfers   0         0         0B        0B",
            "Records and State   1         1",
        ]) {
            assert!(line.starts_with(start), "{line:?} is not {start:?} …");
        }
        assert!(lines[2].ends_with("(100%)") && lines[1].ends_with("0B (0%)"), "{table}");
        let verbose = corten.ok(&["system", "df", "-v"]);
        for words in
            ["Images space usage:", "SHARED SIZE", "UNIQUE SIZE", "writes", "data", "Total: "]
        {
            assert!(verbose.contains(words), "{words}: {verbose}");
        }
        let pruned = corten.ok(&["system", "prune", "-a", "-f", "--volumes"]);
        let freed = theirs - du(&corten.root());
        assert!(freed > 3_000_000, "{freed}");
        assert!(
            pruned.contains("Deleted Containers:\n") && pruned.contains("untagged: busybox:latest"),
            "{pruned}"
        );
        // What is said is what is free, but for the database.
        let said = pruned.rsplit(' ').next().unwrap();
        let said: f64 = said.trim_end_matches("MB").parse().unwrap();
        #[expect(clippy::cast_precision_loss, reason = "a comparison")]
        let freed = freed as f64 / 1e6;
        assert!((said - freed).abs() / freed < 0.05, "{said} {freed}");
        assert_eq!(names(&corten), [""; 0]);
        assert!(
            corten.ok(&["system", "df"]).contains("Local Volumes       1         0"),
            "it has a name"
        );
        assert!(is_consistent(&corten));
    }

    #[test]
    fn a_prune_asks_and_takes_no_silence_for_an_answer() {
        let corten = with_busybox();
        let id = corten.ok(&["create", "busybox"]);
        let ask = |words: &[&str], input: &str| corten.run_with(words, input.as_bytes());
        let prune = ["container", "prune"];
        for input in ["", "n\n", "yes please\n"] {
            let refused = ask(&prune, input);
            assert_eq!(refused.code, 1, "{refused:?}");
            let asked = "WARNING! This will remove all stopped containers.\nAre you sure you want to continue? [y/N] ";
            assert!(refused.stdout.starts_with(asked), "{refused:?}");
            assert!(
                refused.stderr.starts_with("error: container prune has been cancelled"),
                "{refused:?}"
            );
        }
        let done = ask(&prune, "Y\n");
        assert!(
            done.stdout.contains(&format!("Deleted Containers:\n{id}\n\nTotal reclaimed space: ")),
            "{done:?}"
        );
        let nothing = corten.ok(&["container", "prune", "-f"]);
        assert_eq!(nothing, "Total reclaimed space: 0B");
        let system = ask(&["system", "prune", "-a", "--filter", "label=x"], "n\n");
        for line in ["  - all stopped containers\n", "  - all images without", "  - label=x\n"] {
            assert!(system.stdout.contains(line), "{system:?}");
        }
        let images = ask(&["image", "prune"], "");
        assert!(images.stdout.starts_with("WARNING! This will remove all dangling images.\n"));
        assert_eq!(ask(&["image", "prune", "--filter", "size=1"], "y\n").code, 1);
        let both = corten.run(&["system", "prune", "-f", "--volumes", "--filter", "until=1h"]);
        assert!(both.stderr.contains("not supported with \"--volumes\""), "{both:?}");
        assert_eq!(names(&corten), ["busybox:latest"]);
    }

    #[test]
    fn each_rule_of_an_image_prune_lets_something_go() {
        let corten = with_busybox();
        corten.ok(&["create", "--name", "holds", "busybox"]);
        import(&corten, "a:1", "1", &["LABEL keep=yes"]);
        import(&corten, "a:2", "2", &[]);
        import(&corten, "a:3", "3", &[]);
        import(&corten, "", "nameless", &[]);
        let prune = |words: &[&str]| corten.ok(&[&["image", "prune", "-f"], words].concat());
        assert!(prune(&[]).contains("deleted: sha256:"));
        assert_eq!(prune(&[]), "Total reclaimed space: 0B");
        assert_eq!(names(&corten), ["a:1", "a:2", "a:3", "busybox:latest"]);
        assert_eq!(prune(&["-a", "--filter", "until=1h"]), "Total reclaimed space: 0B");
        assert_eq!(prune(&["--unused-for", "30d"]), "Total reclaimed space: 0B");
        // Of three, the one that was used last stays with the one after it.
        corten.ok(&["create", "--name", "used", "a:1", "x"]);
        corten.ok(&["rm", "used"]);
        assert!(prune(&["--keep", "2"]).contains("untagged: a:2"));
        assert!(prune(&["-a", "--filter", "label!=keep=yes"]).contains("untagged: a:3"));
        assert_eq!(names(&corten), ["a:1", "busybox:latest"]);
        assert!(prune(&["--unused-for", "0s"]).contains("untagged: a:1"));
        assert_eq!(names(&corten), ["busybox:latest"], "a container has it");
        for (wrong, code) in [(["--keep", "some"], 125), (["--unused-for", "long"], 1)] {
            assert_eq!(corten.run(&[&["image", "prune", "-f"], &wrong[..]].concat()).code, code);
        }
        assert!(is_consistent(&corten));
    }

    #[test]
    fn containers_that_run_and_those_that_a_filter_spares_stay() {
        let corten = with_busybox();
        corten.ok(&["run", "-d", "--name", "runs", "busybox", "sleep", "1000"]);
        corten.ok(&["create", "--name", "spared", "--label", "stage=keep", "busybox"]);
        corten.ok(&["create", "--name", "goes", "busybox"]);
        let left = || {
            let listed = corten.ok(&["ps", "-a", "--format", "{{.Names}}"]);
            let mut names: Vec<String> = listed.lines().map(str::to_owned).collect();
            names.sort();
            names.join(" ")
        };
        corten.ok(&["container", "prune", "-f", "--filter", "until=1h"]);
        assert_eq!(left(), "goes runs spared");
        corten.ok(&["container", "prune", "-f", "--filter", "label!=stage"]);
        assert_eq!(left(), "runs spared");
        corten.ok(&["container", "prune", "-f", "--filter", "label=stage=keep"]);
        assert_eq!(left(), "runs");
        let refused = corten.run(&["rmi", "busybox"]);
        assert!(refused.stderr.contains("is used by container runs (running)"), "{refused:?}");
        assert!(is_consistent(&corten));
    }

    #[test]
    fn a_check_says_what_is_wrong_and_a_repair_what_it_did() {
        let corten = with_busybox();
        assert!(is_consistent(&corten));
        let stray = corten.root().join("layers").join("f".repeat(64));
        std::fs::create_dir(&stray).unwrap();
        let found = corten.run(&["system", "check", "--quick"]);
        assert_eq!(found.code, 1, "{found:?}");
        let line = format!("{} is no layer that is recorded (it is removed)\n", stray.display());
        assert!(found.stdout.starts_with(&line), "{found:?}");
        let json = corten.run(&["system", "check", "--format", "json"]);
        assert!(json.stdout.contains("\"Problem\":\"layer-unknown\""), "{json:?}");
        let repaired = corten.run(&["system", "check", "--repair"]);
        assert_eq!(repaired.code, 0, "{repaired:?}");
        assert!(repaired.stdout.starts_with(&format!("repaired: {line}")), "{repaired:?}");
        assert!(!stray.exists() && is_consistent(&corten));
        // An image without its layer is nobody's to run.
        for layer in std::fs::read_dir(corten.root().join("layers")).unwrap() {
            std::fs::remove_dir_all(layer.unwrap().path()).unwrap();
        }
        let repaired = corten.run(&["system", "check", "--repair"]);
        assert_eq!(repaired.code, 0, "{repaired:?}");
        assert!(repaired.stdout.contains("pull it again"), "{repaired:?}");
        assert_eq!(names(&corten), [""; 0]);
        corten.ok(&["template", "build", "busybox"]);
        assert_eq!(corten.ok(&["run", "--rm", "busybox", "echo", "well"]), "well");
        assert_eq!(corten.run(&["system", "check", "--format", "yaml"]).code, 1);
    }

    /// Whatever the moment: what a kill leaves is garbage, and no damage.
    #[test]
    fn a_store_is_consistent_after_removals_and_imports_that_were_killed() {
        let corten = with_busybox();
        let archive = corten.directory().join("tree.tar");
        for (call, words) in [
            ("rename", "import"),
            ("fsync", "import"),
            ("pwrite64", "import"),
            ("mkdir", "import"),
            ("unlinkat", "rmi"),
            ("rename", "rmi"),
            ("pwrite64", "rmi"),
            ("fsync", "rmi"),
        ] {
            for number in 1..=3 {
                import(&corten, "killed", &format!("{call}{words}{number}"), &[]);
                if words == "import" {
                    corten.ok(&["rmi", "killed"]);
                }
                let plain = corten.command();
                let mut command = Command::new("strace");
                let inject = format!("inject={call}:signal=KILL:when={number}");
                command.args([
                    "-f",
                    "-qq",
                    "-o",
                    "/dev/null",
                    "-e",
                    &format!("trace={call}"),
                    "-e",
                    &inject,
                ]);
                command.arg(plain.get_program()).args(plain.get_args()).arg(words);
                if words == "import" {
                    command.arg(&archive);
                }
                let _killed = Finished::from(command.arg("killed").output().unwrap());
                let checked = corten.run(&["system", "check"]);
                // A removal that was killed between its two steps has left a directory without a record.
                let left =
                    checked.stdout.lines().filter(|line| line.contains("it is removed")).count();
                assert_eq!(checked.stdout.lines().count(), left + 1, "{call} {words}: {checked:?}");
                assert_eq!(corten.run(&["system", "check", "--repair"]).code, 0);
                assert!(is_consistent(&corten), "{call} {words} {number}");
                let _absent = corten.run(&["rmi", "killed"]);
                assert!(is_consistent(&corten), "{call} {words} {number}");
            }
        }
    }

    /// A removal that was killed behind its rows; the next command that removes something takes what it left.
    #[test]
    fn what_a_killed_removal_left_goes_with_the_next() {
        let corten = with_busybox();
        let directories =
            |name: &str| -> usize { std::fs::read_dir(corten.root().join(name)).unwrap().count() };
        for next in [&["rmi", "other"][..], &["image", "prune", "-f"], &["system", "prune", "-f"]] {
            for (call, number) in [("rename", 1), ("rename", 2), ("unlinkat", 1)] {
                import(&corten, "killed", &format!("{next:?}{call}{number}"), &[]);
                import(&corten, "other", &format!("other{next:?}{call}{number}"), &[]);
                let plain = corten.command();
                let mut command = Command::new("strace");
                command.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}")]);
                command.args(["-e", &format!("inject={call}:signal=KILL:when={number}")]);
                command.arg(plain.get_program()).args(plain.get_args()).args(["rmi", "killed"]);
                let killed = Finished::from(command.output().unwrap());
                assert_eq!(killed.code, 137, "{killed:?}");
                // What is below `tmp` already the next command sweeps, whichever it is.
                let checked = corten.run(&["system", "check"]).code;
                assert_eq!(checked, i32::from(call == "rename"), "{call} {number}");
                let said = corten.ok(next);
                assert!(
                    call != "rename" || number == 2 || next[0] == "rmi" || !said.contains(" 0B")
                );
                assert!(is_consistent(&corten), "{next:?} {call} {number}");
                let _gone = corten.run(&["rmi", "other"]);
                assert_eq!((directories("layers"), directories("recipes")), (1, 1));
            }
        }
    }

    #[test]
    fn old_journals_of_uploads_are_counted_and_forgotten() {
        let corten = with_busybox();
        let uploads = corten.root().join("uploads");
        std::fs::create_dir_all(&uploads).unwrap();
        let journal = |number: u8, days: u64| {
            let hex = format!("{number:02x}").repeat(32);
            let entry = format!(
                r#"{{"version":1,"repository":"r.example/app","diffId":"sha256:{hex}","compression":"gzip:6","stream":1,"location":"https://r.example/up","begunNs":1}}"#
            );
            std::fs::File::create(uploads.join(&hex)).unwrap();
            let file = std::fs::File::create_new(uploads.join(format!("{hex}.json"))).unwrap();
            std::io::Write::write_all(&mut &file, entry.as_bytes()).unwrap();
            let age = std::time::Duration::from_secs(days * 24 * 3600);
            file.set_modified(std::time::SystemTime::now() - age).unwrap();
            hex
        };
        let (old, young, sent) = (journal(1, 8), journal(2, 6), journal(3, 30));
        let lock = std::fs::File::open(uploads.join(&sent)).unwrap();
        rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
        let table = corten.ok(&["system", "df"]);
        assert!(table.contains("Partial Transfers   3         1"), "{table}");
        let verbose = corten.ok(&["system", "df", "-v"]);
        assert!([&old, &young, &sent].iter().all(|key| verbose.contains(*key)), "{verbose}");
        let said = corten.ok(&["system", "prune", "-f", "--filter", "until=240h"]);
        assert!(!said.contains("Deleted Uploads"), "{said}");
        let said = corten.ok(&["system", "prune", "-f"]);
        let expected = format!("Deleted Uploads:\nsha256:{old} to r.example/app\n");
        assert!(said.contains(&expected), "{said}");
        let left = |key: &str| uploads.join(key).exists();
        assert_eq!((left(&old), left(&young), left(&sent)), (false, true, true));
        assert!(is_consistent(&corten));
    }

    #[test]
    fn lists_know_times_labels_and_trees() {
        let corten = with_busybox();
        import(&corten, "labelled:1", "1", &["LABEL a=b"]);
        let listed = |filters: &[&str]| {
            let mut words = vec!["images", "--format", "{{.Repository}}"];
            filters.iter().for_each(|filter| words.extend(["--filter", filter]));
            corten.ok(&words)
        };
        assert_eq!(listed(&["label=a=b"]), "labelled");
        assert_eq!(listed(&["label=a=c"]), "");
        assert_eq!(listed(&["until=1h"]), "");
        assert_eq!(listed(&["until=2999-01-01T00:00:00Z", "reference=busy*"]), "busybox");
        assert_eq!(corten.run(&["images", "--filter", "until=long ago"]).code, 1);
        let digests = corten.ok(&["images", "--digests", "busybox"]);
        assert!(digests.contains("DIGEST") && digests.contains("<none>"), "{digests}");
        corten.ok(&["create", "busybox"]);
        let tree = corten.ok(&["images", "--tree"]);
        let lines: Vec<&str> = tree.lines().collect();
        assert!(lines[0].starts_with("IMAGE") && lines[0].contains("DISK USAGE"), "{tree}");
        assert!(lines[1].starts_with("labelled:1") && lines[2].starts_with("└─ linux/"), "{tree}");
        assert!(lines[3].starts_with("busybox:latest") && lines[3].ends_with('✔'), "{tree}");
        assert_eq!(corten.run(&["images", "--tree", "-q"]).code, 1);
    }
}
