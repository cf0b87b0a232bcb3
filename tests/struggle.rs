//! Many commands at once on one container, and commands and monitors that are killed at any moment: nothing is lost, nothing
//! waits for ever, every refusal says why, and nothing is left.
//!
//! `CORTEN_STRUGGLE_SECONDS` and `CORTEN_STRUGGLE_KILLS` make it longer.

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::process::{Command, Stdio};
    use std::time::{Duration, Instant};

    use rustix::process::{Pid, Signal, kill_process};
    use testkit::{Corten, Finished, Leftovers, wait_until};

    const PROCESSES: u64 = 8;
    const NAMES: [&str; 2] = ["one", "two"];
    /// Why a command may refuse; everything else is a bug.
    const REASONS: &[&str] = &[
        "it is running",
        "it is not running",
        "it is paused",
        "it is not paused",
        "it is restarting",
        "no such container",
        "is taken by container",
        "it is the container's own",
    ];

    #[expect(clippy::disallowed_methods, reason = "a setting of this test alone")]
    fn from_environment(name: &str, default: u64) -> u64 {
        std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
    }

    /// Numbers that look random and are the same each time.
    struct Dice(u64);

    impl Dice {
        fn roll(&mut self, sides: u64) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 >> 11) % sides
        }
    }

    /// A line for one of the two names.
    fn line(dice: &mut Dice) -> Vec<&'static str> {
        let one = usize::try_from(dice.roll(2)).unwrap();
        let (name, other) = (NAMES[one], NAMES[1 - one]);
        match dice.roll(12) {
            0 | 1 => vec!["start", name],
            2 | 3 => vec!["stop", "-t", "0", name],
            4 | 5 => vec!["restart", "-t", "0", name],
            6 => vec!["rename", name, other],
            7 => vec!["kill", name],
            8 => vec!["pause", name],
            9 => vec!["unpause", name],
            10 => vec!["rm", "-f", name],
            _ => vec![
                "create",
                "--name",
                name,
                "--restart",
                "on-failure:2",
                "busybox",
                "sleep",
                "1000",
            ],
        }
    }

    /// A command that waits for ever is ended, with 124.
    fn run(corten: &Corten, args: &[&str]) -> Finished {
        let plain = corten.command();
        let mut command = Command::new("timeout");
        command.args(["-k", "1", "60"]).arg(plain.get_program()).args(plain.get_args());
        Finished::from(command.args(args).stdin(Stdio::null()).output().unwrap())
    }

    fn struggle(corten: &Corten, seed: u64, until: Instant) -> Vec<String> {
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15 ^ ((seed << 32) | (seed + 1)));
        let mut wrong = Vec::new();
        while Instant::now() < until {
            let args = line(&mut dice);
            let finished = run(corten, &args);
            let says_why = REASONS.iter().any(|reason| finished.stderr.contains(reason));
            if finished.code != 0 && !(finished.code <= 125 && finished.code != 124 && says_why) {
                wrong.push(format!("{args:?}: {finished:?}"));
            }
        }
        wrong
    }

    /// `ID ACTION` of everything that happened to containers, in order.
    fn told(corten: &Corten) -> Vec<(String, String)> {
        let format = "{{.ID}} {{.Action}}";
        let args = [
            "events",
            "--since",
            "1h",
            "--until",
            "0s",
            "-f",
            "type=container",
            "--format",
            format,
        ];
        let text = corten.ok(&args);
        let pairs = text.lines().filter_map(|line| line.split_once(' '));
        pairs.map(|(id, action)| (id.to_owned(), action.to_owned())).collect()
    }

    /// Every container, everything of it, and what a store has that is whole.
    fn nothing_is_left(corten: &Corten, mut ids: BTreeSet<String>) {
        ids.extend(corten.remove_containers());
        let ids: Vec<String> = ids.into_iter().collect();
        wait_until("nothing is left", || Leftovers::of(corten.directory(), &ids).is_empty());
        // Whoever writes next sweeps what killed ones have left.
        let id = corten.ok(&["create", "busybox"]);
        corten.ok(&["rm", &id]);
        let checked = corten.run(&["system", "check"]);
        assert_eq!(checked.code, 0, "{checked:#?}");
        for directory in ["root/containers", "root/tmp", "state/containers"] {
            let path = corten.directory().join(directory);
            let left: Vec<_> = std::fs::read_dir(&path).unwrap().flatten().collect();
            assert!(left.is_empty(), "{left:?}");
        }
    }

    #[test]
    fn eight_at_one_container() {
        let corten = Corten::with_busybox(env!("CARGO_BIN_EXE_corten"));
        let seconds = from_environment("CORTEN_STRUGGLE_SECONDS", 4);
        let until = Instant::now() + Duration::from_secs(seconds);
        let wrong: Vec<String> = std::thread::scope(|scope| {
            let corten = &corten;
            let all: Vec<_> = (0..PROCESSES)
                .map(|seed| scope.spawn(move || struggle(corten, seed, until)))
                .collect();
            all.into_iter().flat_map(|one| one.join().unwrap()).collect()
        });
        assert!(wrong.is_empty(), "{wrong:#?}");
        // What is said to run does, and the other way round.
        let listed = corten.ok(&["ps", "-a", "--no-trunc", "--format", "{{.ID}} {{.State}}"]);
        for (id, state) in listed.lines().filter_map(|line| line.split_once(' ')) {
            let pid = corten.ok(&["inspect", "-f", "{{.State.Pid}}", id]);
            let runs = std::path::Path::new("/proc").join(&pid).exists() && pid != "0";
            assert_eq!(runs, ["running", "paused"].contains(&state), "{id} {state} {pid}");
        }
        // A run begins after the one before has ended.
        let told = told(&corten);
        let mut running: BTreeMap<&str, bool> = BTreeMap::new();
        for (id, action) in &told {
            match (action.as_str(), running.get(id.as_str())) {
                ("start", Some(true)) => panic!("{id} started twice: {told:#?}"),
                ("die", Some(false) | None) => panic!("{id} ended twice: {told:#?}"),
                ("start", _) => drop(running.insert(id, true)),
                ("die", _) => drop(running.insert(id, false)),
                _ => {}
            }
        }
        assert!(told.len() > 50, "{}", told.len());
        nothing_is_left(&corten, told.iter().map(|(id, _)| id.clone()).collect());
    }

    /// The monitors of this store.
    fn monitors(corten: &Corten) -> Vec<Pid> {
        let store = corten.state().display().to_string();
        let mut found = Vec::new();
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let Ok(pid) = entry.file_name().to_string_lossy().parse::<i32>() else { continue };
            let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            if line.contains("monitor ") && line.contains(&store) {
                found.extend(Pid::from_raw(pid));
            }
        }
        found
    }

    #[test]
    fn killed_at_any_moment() {
        let corten = Corten::with_busybox(env!("CARGO_BIN_EXE_corten"));
        let mut dice = Dice(0x2545_f491_4f6c_dd1d);
        let mut ids = BTreeSet::new();
        for round in 0..from_environment("CORTEN_STRUGGLE_KILLS", 15) {
            let name = format!("c{}", round % 5);
            let words = match dice.roll(13) {
                6 => vec![
                    "run",
                    "-d",
                    "--name",
                    &name,
                    "--restart",
                    "always",
                    "--health-cmd",
                    "echo x; sleep 0.02",
                    "--health-interval",
                    "5ms",
                    "--health-on-failure",
                    "restart",
                    "busybox",
                    "sleep",
                    "0.05",
                ],
                7 => vec!["update", "--restart", "unless-stopped", "--pids-limit", "50", &name],
                8 => vec!["rename", &name, "other"],
                9 => vec!["rename", "other", &name],
                10 => vec!["system", "start-all"],
                11 => vec!["stop", "-t", "0", &name],
                12 => vec!["pause", &name],
                0 | 1 => vec!["run", "-d", "--name", &name, "busybox", "sleep", "1000"],
                2 => vec!["run", "--rm", "--name", &name, "busybox", "true"],
                3 => vec!["restart", "-t", "0", &name],
                4 => vec!["start", &name],
                _ => vec!["rm", "-f", &name],
            };
            let mut command = corten.command();
            command.args(&words).stdout(Stdio::null()).stderr(Stdio::null());
            let mut child = command.spawn().unwrap();
            let moment = Instant::now() + Duration::from_micros(dice.roll(20_000));
            while Instant::now() < moment {
                std::hint::spin_loop();
            }
            if dice.roll(3) == 0 {
                for pid in monitors(&corten) {
                    let _gone = kill_process(pid, Signal::KILL);
                }
            } else {
                let _ended = child.kill();
            }
            child.wait().unwrap();
            // Whoever looks next is answered, whatever was left.
            let listed = run(&corten, &["ps", "-a", "--no-trunc", "--format", "{{.ID}}"]);
            assert_eq!(listed.code, 0, "{words:?}: {listed:?}");
            ids.extend(listed.stdout.lines().map(str::to_owned));
        }
        nothing_is_left(&corten, ids);
    }
}
