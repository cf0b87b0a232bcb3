//! Loads that are killed at chosen system calls: whatever the moment, what is visible is whole, and the next load works.
//!
//! strace(1) counts a thread's calls of one kind and kills at the n-th, on its entry. What a power cut takes beside that is what
//! was not flushed: the order of flushes is held by a test of its own.

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::{Path, PathBuf};
    use std::process::Command;

    use testkit::{Corten, Finished};

    const CALLS: &str =
        "write,pwrite64,rename,fsync,fdatasync,syncfs,mkdir,mkdirat,ftruncate,unlink,unlinkat";
    const NAME: &str = "local/crash:1";
    /// Large enough that its layer takes several writes.
    const LARGE: usize = 700_000;

    fn succeed(program: &str, args: &[&str]) {
        let output = Command::new(program).args(args).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program} {args:?}: {stderr}");
    }

    /// An archive of three layers.
    fn archive(directory: &Path) -> PathBuf {
        let (layout, archive) = (directory.join("layout"), directory.join("crash.tar"));
        let image = format!("{}:v1", layout.display());
        succeed("umoci", &["init", "--layout", layout.to_str().unwrap()]);
        succeed("umoci", &["new", "--image", &image]);
        for (name, contents) in [("low", vec![b'x'; LARGE]), ("middle", vec![1]), ("top", vec![2])]
        {
            let file = directory.join(name);
            #[expect(clippy::disallowed_methods, reason = "a test's own file")]
            std::fs::write(&file, contents).unwrap();
            let inside = format!("/dir/{name}");
            succeed("umoci", &["insert", "--image", &image, file.to_str().unwrap(), &inside]);
        }
        let to = format!("docker-archive:{}:{NAME}", archive.display());
        succeed("skopeo", &["--insecure-policy", "copy", "--quiet", &format!("oci:{image}"), &to]);
        archive
    }

    fn corten() -> Corten {
        Corten::new(env!("CARGO_BIN_EXE_corten"))
    }

    /// A load under strace with these options.
    fn traced(corten: &Corten, options: &[&str], archive: &Path) -> Finished {
        let plain = corten.command();
        let mut command = Command::new("strace");
        command.args(["-f", "-qq"]).args(options).arg(plain.get_program()).args(plain.get_args());
        Finished::from(command.args(["load", "-q", "-i"]).arg(archive).output().unwrap())
    }

    /// The calls of a whole load into an empty store, by thread and in order.
    fn trace(archive: &Path) -> Vec<(String, String)> {
        let corten = corten();
        let output = corten.directory().join("trace");
        let options = ["-o", output.to_str().unwrap(), "-e", &format!("trace={CALLS}")];
        assert_eq!(traced(&corten, &options, archive).code, 0);
        let text = std::fs::read_to_string(output).unwrap();
        let calls = text.lines().filter_map(|line| line.split_once(' '));
        calls.map(|(thread, call)| (thread.to_owned(), call.trim_start().to_owned())).collect()
    }

    fn name_of(call: &str) -> &str {
        call.split_once('(').map_or("", |(name, _)| name)
    }

    /// What one thread does most often of each kind.
    fn counts(calls: &[(String, String)]) -> BTreeMap<String, usize> {
        let mut by_thread: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for (thread, call) in calls.iter().filter(|(_, call)| !call.starts_with(['<', '+', '-'])) {
            *by_thread.entry((thread, name_of(call))).or_default() += 1;
        }
        let mut most: BTreeMap<String, usize> = BTreeMap::new();
        for ((_, name), count) in by_thread {
            let most = most.entry(name.to_owned()).or_default();
            *most = count.max(*most);
        }
        most
    }

    /// What is listed is whole.
    fn is_whole(corten: &Corten) -> bool {
        let listed = corten.ok(&["images", "--format", "{{.Repository}}:{{.Tag}}"]);
        let is_there = listed.lines().any(|name| name == NAME);
        if is_there {
            let format = "{{.GraphDriver.Data.UpperDir}}:{{.GraphDriver.Data.LowerDir}}";
            let layers = corten.ok(&["image", "inspect", "-f", format, NAME]);
            let sizes = layers.split(':').zip(["top", "middle", "low"]).map(|(layer, name)| {
                let about = std::fs::metadata(Path::new(layer).join("dir").join(name));
                about.unwrap_or_else(|error| panic!("{layer}: {error}")).len()
            });
            assert_eq!(sizes.collect::<Vec<_>>(), [1, 1, LARGE as u64]);
        }
        is_there
    }

    fn entries(directory: PathBuf) -> usize {
        std::fs::read_dir(directory).map_or(0, Iterator::count)
    }

    #[test]
    fn a_load_that_is_killed_anywhere_leaves_all_or_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let archive = archive(directory.path());
        let counts = counts(&trace(&archive));
        let mut points: Vec<(&str, usize)> = Vec::new();
        for (name, most) in &counts {
            // The first, the last, and two between them.
            let mut chosen = vec![1, most.div_ceil(3), (2 * most).div_ceil(3), *most];
            chosen.dedup();
            points.extend(chosen.into_iter().map(|number| (name.as_str(), number)));
        }
        assert!(points.len() >= 12, "{counts:?}");
        let (mut killed, mut whole) = (0, 0);
        for (name, number) in points {
            let corten = corten();
            // Every other time there is something that must not suffer.
            let before = usize::from(number % 2 == 0);
            if before == 1 {
                corten.ok(&["template", "build", "busybox"]);
            }
            let inject = format!("inject={name}:signal=KILL:when={number}");
            let trace = format!("trace={name}");
            let options = ["-o", "/dev/null", "-e", &trace, "-e", &inject];
            let load = traced(&corten, &options, &archive);
            killed += usize::from(load.code == 128 + 9);
            whole += usize::from(is_whole(&corten));
            let images = |corten: &Corten| corten.ok(&["images", "-q"]).lines().count();
            assert!(images(&corten) <= before + 1, "{name} {number}");
            corten.ok(&["load", "-q", "-i", archive.to_str().unwrap()]);
            assert!(is_whole(&corten), "{name} {number}");
            assert_eq!(images(&corten), before + 1, "{name} {number}");
            assert_eq!(entries(corten.root().join("tmp")), 0, "{name} {number}");
            assert_eq!(entries(corten.root().join("layers")), before + 3, "{name} {number}");
            corten.ok(&["rmi", NAME]);
            assert_eq!(entries(corten.root().join("layers")), before, "{name} {number}");
            if before == 1 {
                assert_eq!(corten.ok(&["run", "--rm", "busybox", "echo", "well"]), "well");
            }
        }
        assert!(killed >= 12, "only {killed} loads were killed");
        assert!(whole < killed, "{whole} of {killed} were whole");
    }

    /// A row must not be on the disk before what it stands for.
    #[test]
    fn layers_are_flushed_before_they_move_and_rows_after() {
        let directory = tempfile::tempdir().unwrap();
        let calls = trace(&archive(directory.path()));
        let place = |wanted: &dyn Fn(&str) -> bool| -> Vec<usize> {
            let found = calls.iter().enumerate().filter(|(_, (_, call))| wanted(call));
            found.map(|(place, _)| place).collect()
        };
        let flushed = place(&|call| call.starts_with("syncfs("));
        let moved = place(&|call| call.starts_with("rename(") && call.contains("/layers/"));
        // What is told of it comes last, and is nobody's to rely on.
        let is_event = |call: &str| call.contains(r#"{\"Type\""#);
        let written = place(&|call| call.starts_with("write(") && !is_event(call));
        assert_eq!((flushed.len(), moved.len()), (1, 3), "{calls:?}");
        assert!(written.last() < flushed.first() && flushed.last() < moved.first(), "{calls:?}");
        let after: Vec<&str> =
            calls[moved[2] + 1..].iter().map(|(_, call)| name_of(call)).collect();
        // The directory that holds the layers, then rows into the log of the database, then that.
        let rows = after.iter().position(|name| *name == "pwrite64").unwrap();
        assert!(after[..rows].contains(&"fsync"), "{after:?}");
        assert!(
            after[rows..].iter().any(|name| matches!(*name, "fsync" | "fdatasync")),
            "{after:?}"
        );
    }

    /// A run that is killed at every other of its calls: no process, no group and no directory is left that the list does not
    /// show, and what it shows can be removed.
    #[test]
    fn a_killed_run_is_seen_or_gone() {
        let corten = Corten::with_busybox(env!("CARGO_BIN_EXE_corten"));
        let run = |options: &[&str], words: &[&str]| {
            let plain = corten.command();
            let mut command = Command::new("strace");
            command.arg("-qq").args(options).arg(plain.get_program()).args(plain.get_args());
            Finished::from(command.args(words).output().unwrap())
        };
        let words = ["run", "--network", "none", "busybox", "true"];
        let trace = corten.directory().join("trace");
        let traced = run(&["-o", trace.to_str().unwrap(), "-e", &format!("trace={CALLS}")], &words);
        assert_eq!(traced.code, 0);
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for call in std::fs::read_to_string(trace).unwrap().lines() {
            *counts.entry(name_of(call).to_owned()).or_default() += 1;
        }
        counts.remove("");
        for (name, count) in counts {
            for when in (1..=count).step_by(2) {
                let inject = format!("inject={name}:signal=KILL:when={when}");
                if run(&["-o", "/dev/null", "-e", &inject], &words).code == 0 {
                    // How often it writes is the database's log's, too: it was done before this one.
                    assert!(when > 1, "{inject}");
                    break;
                }
            }
        }
        let listed = || corten.ok(&["ps", "--all", "--quiet", "--no-trunc"]);
        let ids: Vec<String> = listed().lines().map(str::to_owned).collect();
        // Those that were given to their monitors end by themselves.
        for id in &ids {
            corten.ok(&["wait", id]);
        }
        let names = |directory: PathBuf| {
            let entries = std::fs::read_dir(directory).unwrap().flatten();
            let mut names: Vec<_> =
                entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
            names.sort();
            names
        };
        let mut sorted = ids.clone();
        sorted.sort();
        assert_eq!(names(corten.root().join("containers")), sorted);
        assert!(names(corten.root().join("tmp")).is_empty());
        corten
            .ok(&[&["rm", "--force"], &*ids.iter().map(String::as_str).collect::<Vec<_>>()]
                .concat());
        assert!(names(corten.root().join("containers")).is_empty());
        assert!(names(corten.state().join("containers")).is_empty());
    }
}
