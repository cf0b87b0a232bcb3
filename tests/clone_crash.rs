//! Clones, snapshots and restores that are killed at chosen system calls: whatever the moment, the original has all of its files, what
//! else is listed is whole, and what was left goes with what comes next.
//!
//! strace(1) counts the calls of one kind and kills at the n-th, on its entry.

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::process::Command;

    use testkit::{Corten, Finished};

    const CALLS: &str = "pwrite64,write,rename,renameat2,fsync,fdatasync,mkdir,mkdirat,rmdir,unlinkat,chmod,chown,ftruncate";

    fn corten() -> Corten {
        Corten::with_busybox(env!("CARGO_BIN_EXE_corten"))
    }

    fn put(corten: &Corten, contents: &str) {
        let source = corten.directory().join("source");
        #[expect(clippy::disallowed_methods, reason = "a test's own file")]
        std::fs::write(&source, contents).unwrap();
        corten.ok(&["cp", source.to_str().unwrap(), "box:/f"]);
    }

    /// A container that prints its file: `old` at the snapshot `first`, `new` now.
    fn original(corten: &Corten) {
        corten.ok(&["create", "--network", "none", "--name", "box", "busybox", "cat", "/f"]);
        put(corten, "old");
        corten.ok(&["snapshot", "create", "box", "first"]);
        put(corten, "new");
    }

    fn traced(corten: &Corten, options: &[&str], args: &[&str]) -> Finished {
        let plain = corten.command();
        let mut command = Command::new("strace");
        command.args(["-f", "-qq"]).args(options).arg(plain.get_program()).args(plain.get_args());
        Finished::from(command.args(args).output().unwrap())
    }

    /// How often each of the calls is made.
    fn counts(args: &[&str]) -> BTreeMap<String, usize> {
        let corten = corten();
        original(&corten);
        let output = corten.directory().join("trace");
        let trace = format!("trace={CALLS}");
        assert_eq!(traced(&corten, &["-o", output.to_str().unwrap(), "-e", &trace], args).code, 0);
        let text = std::fs::read_to_string(output).unwrap();
        let mut counts = BTreeMap::new();
        for call in text.lines().filter_map(|line| line.split_once(' ')?.1.split_once('(')) {
            *counts.entry(call.0.trim().to_owned()).or_default() += 1;
        }
        counts
    }

    /// Kills a command at each of its calls, but at a few of those that it makes often, and looks at what is there.
    fn killed_anywhere(args: &[&str], look: impl Fn(&Corten, &str)) {
        let mut killed = 0;
        for (name, most) in counts(args) {
            let step = most.div_ceil(6);
            for number in (1..=most).rev().step_by(step) {
                let corten = corten();
                original(&corten);
                let inject = format!("inject={name}:signal=KILL:when={number}");
                let trace = format!("trace={name}");
                let options = ["-o", "/dev/null", "-e", &trace, "-e", &inject];
                killed += usize::from(traced(&corten, &options, args).code == 128 + 9);
                let point = format!("{args:?} killed at {name} {number}");
                look(&corten, &point);
                let checked = corten.run(&["system", "check"]);
                let is_garbage = |line: &&str| {
                    line.contains("was left by a command")
                        || line.contains("/frozen/")
                            && line.contains("is no layer that is recorded")
                };
                let found = checked
                    .stdout
                    .lines()
                    .filter(|line| line.starts_with('/') || line.contains(" has "));
                let found: Vec<&str> = found.filter(|line| !is_garbage(line)).collect();
                assert!(found.is_empty(), "{point}: {checked:?}");
                // It works when it is done again, and everything goes.
                let names = corten.ok(&["ps", "-a", "--format", "{{.Names}}"]);
                for clone in names.lines().filter(|name| *name != "box") {
                    corten.ok(&["rm", clone]);
                }
                let _gone = corten.run(&["snapshot", "rm", "box", "second"]);
                corten.ok(args);
                let all = corten.ok(&["ps", "-aq"]);
                corten.ok(&[&["rm"], &all.lines().collect::<Vec<_>>()[..]].concat());
                for directory in ["frozen", "containers", "tmp"] {
                    let left = std::fs::read_dir(corten.root().join(directory)).unwrap().count();
                    assert_eq!(left, 0, "{point}: {directory}");
                }
                corten.ok(&["system", "check"]);
            }
        }
        assert!(killed >= 15, "only {killed} were killed");
    }

    #[test]
    fn a_clone_that_is_killed_anywhere_loses_nothing() {
        killed_anywhere(&["clone", "box", "clone"], |corten, point| {
            assert_eq!(corten.ok(&["start", "-a", "box"]), "new", "{point}");
            // A record without a directory is none: who looks at it takes it away.
            let clone = corten.run(&["start", "-a", "clone"]);
            let is_none = clone.stderr.contains("no such container");
            assert!(is_none || clone.stdout == "new", "{point}: {clone:?}");
        });
    }

    #[test]
    fn a_snapshot_that_is_killed_anywhere_loses_nothing() {
        killed_anywhere(&["snapshot", "create", "box", "second"], |corten, point| {
            assert_eq!(corten.ok(&["start", "-a", "box"]), "new", "{point}");
            let names = corten.ok(&["snapshot", "ls", "-q", "box"]);
            if names.lines().any(|name| name == "second") {
                corten.ok(&["snapshot", "restore", "box", "first"]);
                corten.ok(&["snapshot", "restore", "box", "second"]);
                assert_eq!(corten.ok(&["start", "-a", "box"]), "new", "{point}");
            }
        });
    }

    #[test]
    fn a_restore_that_is_killed_anywhere_is_done_or_not() {
        killed_anywhere(&["snapshot", "restore", "box", "first"], |corten, point| {
            let seen = corten.ok(&["start", "-a", "box"]);
            assert!(matches!(seen.as_str(), "old" | "new"), "{point}: {seen}");
            corten.ok(&["snapshot", "restore", "box", "first"]);
            assert_eq!(corten.ok(&["start", "-a", "box"]), "old", "{point}");
        });
    }
}
