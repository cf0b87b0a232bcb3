//! Power cuts at random moments of a pull: the disk as it was at that moment, in a machine that starts again.
//!
//! The store is on ext4, whose device is a loop over a file on XFS. Cloning that file (FICLONE) holds writes to it off and shares
//! its blocks: the clone is the disk at one moment, taken while the pull runs on and the kernel writes back as it likes. Nothing
//! is flushed for it: what was in the page cache of ext4 alone, or not yet in its journal, is lost in the clone as in a power cut.
//! A disk that also loses what it had acknowledged and was not told to flush is not played: that takes device-mapper's
//! log-writes, which few test machines have; the order of flushes is held in `crash.rs`. Freezing the file system instead would
//! flush first, and copying the file byte by byte would give a disk that never was.
//!
//! A machine is a mount namespace: it ends with the process that keeps it, and takes its mounts and loop devices with it. One that
//! starts again has another boot id and an empty state directory. `CORTEN_POWER_CUTS=200` looks at more moments.

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs::{self, File};
    use std::io::{BufRead, BufReader};
    use std::path::{Path, PathBuf};
    use std::process::{Child, Command, Stdio};
    use std::sync::Arc;

    use serde_json::Value;
    use testkit::{
        Catalog, Finished, Gate, MadeImage, MadeLayer, Response, ScriptedServer, archive, noise,
        sha256, wait_until,
    };

    const CUTS: usize = 12;
    const SEED: u64 = 11;
    const KIB: usize = 1 << 10;
    /// The first two are those of an image that was pulled before; one is longer than what one connection fetches.
    const LAYERS_KIB: [usize; 8] = [700, 1500, 20_000, 40, 3000, 2000, 9000, 300];
    const BEFORE: usize = 2;
    /// What may be found after a power cut: what costs room only.
    const GARBAGE: [&str; 4] = ["garbage", "layer-unknown", "recipe-unknown", "transfer"];

    /// SplitMix64, for choices that are the same in each run.
    struct Random(u64);

    impl Random {
        fn below(&mut self, most: usize) -> usize {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            usize::try_from((mixed ^ (mixed >> 31)) % most as u64).unwrap()
        }
    }

    /// A mount namespace, kept by a process that ends with this one.
    struct Machine {
        keeper: Child,
        store: PathBuf,
        state: PathBuf,
        home: PathBuf,
    }

    impl Machine {
        /// Runs `script` in a new namespace below the one of `within`, and keeps it. It has the places as `$1` and so on.
        fn start(within: Option<&Machine>, script: &str, places: &[&Path], home: &Path) -> Self {
            let mut command = match within {
                Some(outer) => outer.enter("unshare"),
                None => Command::new("unshare"),
            };
            let script = format!("set -e; {script}; echo; exec cat");
            command.args(["--mount", "--propagation", "private", "sh", "-c", &script, "sh"]);
            let streams = command.args(places).stdin(Stdio::piped()).stdout(Stdio::piped());
            let mut keeper = streams.spawn().unwrap();
            let mut ready = String::new();
            let said = BufReader::new(keeper.stdout.as_mut().unwrap()).read_line(&mut ready);
            assert_eq!((said.unwrap(), ready.as_str()), (1, "\n"), "the machine does not start");
            let store = places.last().unwrap().join("root");
            // Nobody's yet: what a machine forgets when it is started again.
            let state = home.join(format!("state-{}", keeper.id()));
            Self { keeper, store, state, home: home.to_owned() }
        }

        fn enter(&self, program: &str) -> Command {
            let mut command = Command::new("nsenter");
            command.arg(format!("--mount=/proc/{}/ns/mnt", self.keeper.id())).arg(program);
            command
        }

        /// The program on this machine, with no settings of registries.
        fn corten(&self, words: &[&str]) -> Command {
            let mut command = self.enter(env!("CARGO_BIN_EXE_corten"));
            command.arg("--root").arg(&self.store).arg("--state").arg(&self.state).args(words);
            for name in ["http_proxy", "https_proxy", "all_proxy"] {
                command.env_remove(name).env_remove(name.to_uppercase());
            }
            command.env("HOME", &self.home).env("CORTEN_REGISTRY_CONFIG", self.home.join("none"));
            command
        }

        fn run(&self, words: &[&str]) -> Finished {
            Finished::from(self.corten(words).output().unwrap())
        }

        #[track_caller]
        fn ok(&self, words: &[&str]) -> Finished {
            let finished = self.run(words);
            assert_eq!(finished.code, 0, "{words:?}: {finished:?}");
            finished
        }

        /// A place of this machine, as it is seen from outside.
        fn seen(&self, place: &Path) -> PathBuf {
            let root = PathBuf::from(format!("/proc/{}/root", self.keeper.id()));
            root.join(place.strip_prefix("/").unwrap())
        }

        fn layers(&self) -> BTreeSet<String> {
            let entries = fs::read_dir(self.seen(&self.store.join("layers")));
            let names = entries.into_iter().flatten();
            names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
        }

        /// What `system check` finds: a word and a subject each.
        fn findings(&self) -> Vec<(String, String)> {
            let checked = self.run(&["system", "check", "--format", "json"]);
            let document: Value = serde_json::from_str(&checked.stdout)
                .unwrap_or_else(|error| panic!("{error}: {checked:?}"));
            let text = |finding: &Value, name: &str| finding[name].as_str().unwrap().to_owned();
            let found = document["Findings"].as_array().unwrap().iter();
            found.map(|finding| (text(finding, "Problem"), text(finding, "Subject"))).collect()
        }
    }

    impl Drop for Machine {
        fn drop(&mut self) {
            drop(self.keeper.stdin.take());
            let _ended = self.keeper.wait();
        }
    }

    /// The machine that pulls: a disk, and the file that the disk is.
    struct Bench {
        machine: Machine,
        outer: PathBuf,
        directory: tempfile::TempDir,
    }

    impl Bench {
        fn new() -> Self {
            let directory = tempfile::Builder::new().prefix("power-").tempdir().unwrap();
            let place = |name| directory.path().join(name);
            let (image, outer, disk) = (place("image"), place("outer"), place("disk"));
            for place in [&outer, &disk, &place("cut")] {
                fs::create_dir(place).unwrap();
            }
            File::create(&image).unwrap().set_len(4 << 30).unwrap();
            let script = "mkfs.xfs -q \"$1\"; mount -o loop \"$1\" \"$2\"; truncate -s 400M \"$2/disk\"; \
                mkfs.ext4 -q \"$2/disk\"; mount -o loop,commit=1 \"$2/disk\" \"$3\"";
            let places = [image.as_path(), &outer, &disk];
            let machine = Machine::start(None, script, &places, directory.path());
            Self { machine, outer, directory }
        }

        /// The disk as it is at this moment.
        fn cut(&self, number: usize) -> PathBuf {
            let place = |name: &str| self.machine.seen(&self.outer.join(name));
            let cut = self.outer.join(format!("cut-{number}"));
            let clone = File::create(self.machine.seen(&cut)).unwrap();
            rustix::fs::ioctl_ficlone(&clone, File::open(place("disk")).unwrap()).unwrap();
            cut
        }

        /// Flushes a file: the kernel may do so by itself at any moment, in any order. Often one that says how much of another
        /// is there, which is not.
        fn flush_something(&self, random: &mut Random) {
            let mut files = files_below(&self.machine.seen(&self.machine.store));
            if random.below(2) == 0 {
                files.retain(|file| file.extension().is_some_and(|ending| ending == "map"));
            }
            if let Some(file) = files.get(random.below(files.len().max(1))) {
                // It may be gone by now.
                let _as_it_is = File::open(file).and_then(|file| file.sync_all());
            }
        }

        /// Whether a process that a pull has left behind is still flushing.
        fn is_settling(&self) -> bool {
            let place = self.directory.path().to_string_lossy();
            let lines = fs::read_dir("/proc").unwrap().flatten();
            let mut lines = lines.filter_map(|one| fs::read(one.path().join("cmdline")).ok());
            lines.any(|line| {
                let line = String::from_utf8_lossy(&line);
                line.contains(&*place) && line.ends_with("settle\0")
            })
        }

        /// The machine after a power cut at that moment.
        fn start_again(&self, cut: &Path) -> Machine {
            let boot = self.directory.path().join("boot-id");
            let script = "echo 00000000-0000-4000-8000-000000000000 > \"$1\"; \
                mount --bind \"$1\" /proc/sys/kernel/random/boot_id; mount -o loop \"$2\" \"$3\"";
            let place = self.directory.path().join("cut");
            let places = [boot.as_path(), cut, &place];
            Machine::start(Some(&self.machine), script, &places, self.directory.path())
        }
    }

    fn files_below(root: &Path) -> Vec<PathBuf> {
        let (mut files, mut pending) = (Vec::new(), vec![root.to_owned()]);
        while let Some(directory) = pending.pop() {
            for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => pending.push(entry.path()),
                    Ok(kind) if kind.is_file() => files.push(entry.path()),
                    _ => {}
                }
            }
        }
        files.sort();
        files
    }

    fn loops_of(directory: &Path) -> usize {
        let devices = fs::read_dir("/sys/block").unwrap().flatten();
        let backing =
            devices.filter_map(|one| fs::read_to_string(one.path().join("loop/backing_file")).ok());
        backing.filter(|file| Path::new(file.trim_end()).starts_with(directory)).count()
    }

    fn made_layers() -> Vec<MadeLayer> {
        let seeds = LAYERS_KIB.iter().zip(0..);
        let files = seeds.map(|(kib, seed)| noise(kib * KIB, seed));
        files.map(|bytes| MadeLayer::plain(archive(&[("file", &bytes)]))).collect()
    }

    fn hex(bytes: &[u8]) -> String {
        sha256(bytes)["sha256:".len()..].to_owned()
    }

    /// A registry that holds each new layer back at a random byte until its gate opens.
    fn server(made: &[MadeImage; 2], gates: &[Arc<Gate>], random: &mut Random) -> ScriptedServer {
        let catalog = Catalog::default();
        catalog.image("before", &made[0]);
        catalog.image("latest", &made[1]);
        let held: Vec<(String, usize, Arc<Gate>)> = made[1].layers[BEFORE..]
            .iter()
            .zip(gates)
            .map(|(layer, gate)| {
                (sha256(&layer.blob), random.below(layer.blob.len()), Arc::clone(gate))
            })
            .collect();
        ScriptedServer::start(move |request| {
            let answer: Response = catalog.answer(request);
            match held.iter().find(|(digest, ..)| request.target.ends_with(digest)) {
                Some((_, at, gate)) if request.method == "GET" => {
                    let at = (*at).min(answer.length());
                    answer.hold_after(at, gate)
                }
                _ => answer,
            }
        })
    }

    /// Pulls, and cuts the power all the time, the last time when all is flushed. The end of another pull flushes what has come of
    /// this one by then.
    fn pull_and_cut(
        bench: &Bench,
        name: &str,
        gates: &[Arc<Gate>],
        random: &mut Random,
    ) -> Vec<PathBuf> {
        let mut closed: Vec<&Arc<Gate>> = gates.iter().collect();
        let mut cuts = Vec::new();
        let pull = bench.machine.corten(&["pull", "--quiet", name]).stdout(Stdio::null()).spawn();
        let (mut pull, mut other): (Child, Option<Child>) = (pull.unwrap(), None);
        let status = loop {
            if let Some(status) = pull.try_wait().unwrap() {
                break status;
            }
            cuts.push(bench.cut(cuts.len()));
            bench.flush_something(random);
            if other.as_mut().is_some_and(|other| other.try_wait().unwrap().is_some()) {
                other = None;
            }
            match random.below(6) {
                _ if closed.is_empty() => {}
                0 => closed.swap_remove(random.below(closed.len())).open(),
                1..=3 if other.is_none() => {
                    other = Some(bench.machine.corten(&["settle"]).spawn().unwrap());
                }
                _ => {}
            }
        };
        assert!(status.success(), "{status}");
        if let Some(mut other) = other {
            assert!(other.wait().unwrap().success());
        }
        while bench.is_settling() {
            cuts.push(bench.cut(cuts.len()));
        }
        cuts.push(bench.cut(cuts.len()));
        cuts
    }

    /// Layers that a machine has after it was started again, each of which must count.
    fn whole_layers(machine: &Machine, story: &str) -> BTreeSet<String> {
        let findings = machine.findings();
        for (problem, _) in &findings {
            assert!(GARBAGE.contains(&problem.as_str()), "{story}: {findings:?}");
        }
        let layers = machine.layers().into_iter();
        layers
            .filter(|layer| !findings.iter().any(|(_, subject)| subject.contains(&layer[..12])))
            .collect()
    }

    /// Starts the machine again, and pulls: nothing that is there comes again. Gives the layers that were there.
    fn outlives(
        bench: &Bench,
        cut: &Path,
        (server, name, made): (&ScriptedServer, &str, &[MadeImage; 2]),
    ) -> BTreeSet<String> {
        let machine = bench.start_again(cut);
        let story = format!("{}", cut.display());
        let whole = whole_layers(&machine, &story);
        for layer in &made[0].layers {
            assert!(whole.contains(&hex(&layer.plain)), "{story}: a layer that was flushed");
        }
        let asked = server.asked().len();
        machine.ok(&["pull", "--quiet", name]);
        let asked = server.asked().split_off(asked);
        for layer in &made[1].layers {
            let is_asked = asked.iter().any(|line| line.ends_with(&sha256(&layer.blob)));
            let was_there = whole.contains(&hex(&layer.plain));
            assert!(!(is_asked && was_there), "{story}: a layer comes again: {asked:?}");
            let file = machine.store.join("layers").join(hex(&layer.plain)).join("file");
            let bytes = fs::read(machine.seen(&file)).unwrap();
            assert!(bytes == layer.plain[512..][..bytes.len()], "{story}: {}", file.display());
            assert!(layer.plain.len() - bytes.len() < 2048 + 512, "{story}: {}", file.display());
        }
        let id = machine.ok(&["inspect", "--format", "{{.Id}}", name]);
        assert_eq!(id.stdout.trim_end(), made[1].id(), "{story}");
        machine.ok(&["settle"]);
        machine.ok(&["system", "check", "--repair"]);
        assert_eq!(machine.findings(), [], "{story}");
        whole
    }

    #[expect(clippy::disallowed_methods, reason = "a setting of this test alone")]
    fn wanted_cuts() -> usize {
        std::env::var("CORTEN_POWER_CUTS").map_or(CUTS, |number| number.parse().unwrap())
    }

    /// One pull, and the machine started again from some of its moments. Gives how many layers each of them had.
    fn round(random: &mut Random, wanted: usize) -> Vec<usize> {
        let layers = made_layers();
        let made = [MadeImage::new(layers[..BEFORE].to_vec()), MadeImage::new(layers)];
        let gates: Vec<Arc<Gate>> =
            made[1].layers[BEFORE..].iter().map(|_| Arc::default()).collect();
        let server = server(&made, &gates, random);
        let [before, name] = ["before", "latest"].map(|tag| format!("{}/a:{tag}", server.host()));
        let bench = Bench::new();
        bench.machine.ok(&["pull", "--quiet", &before]);
        bench.machine.ok(&["settle"]);
        let mut cuts = pull_and_cut(&bench, &name, &gates, random);
        let last = cuts.pop().unwrap();
        while cuts.len() >= wanted {
            cuts.swap_remove(random.below(cuts.len()));
        }
        cuts.sort();
        cuts.push(last);
        let had: Vec<usize> =
            cuts.iter().map(|cut| outlives(&bench, cut, (&server, &name, &made)).len()).collect();
        assert_eq!(had.last(), Some(&made[1].layers.len()), "what was flushed is there");
        let place = bench.directory.path().to_owned();
        drop(bench);
        wait_until("no loop device of the test is left", || loops_of(&place) == 0);
        had
    }

    #[test]
    fn whenever_the_power_is_cut_what_was_complete_is_there_and_the_rest_comes() {
        let (mut random, mut left) = (Random(SEED), wanted_cuts());
        while left > 0 {
            let had = round(&mut random, left);
            println!("layers that were there: {had:?}");
            left = left.saturating_sub(had.len());
        }
    }
}
