//! The docker command line, line by line beside a real dockerd: what it says of both, and its exit codes, are compared.
//!
//! Each part has servers of its own. Where the two differ, [`DIFFERENCES`] has the reason, and docs/conformance.md lists it.

mod differences;
mod images;
mod lives;
mod objects;
mod plain;
mod runs;

use std::path::Path;
use std::process::Command;

use testkit::{ApiServer, Corten, Dockerd, Finished};

use crate::base;
use differences::DIFFERENCES;
use plain::plain;

/// A step: its name, and a line for the shell.
type Step = (&'static str, &'static str);

/// The version that Debian's dockerd speaks: both are asked in it.
const VERSION: &str = "1.41";

/// No step takes so long, on the slowest machine.
const SECONDS: &str = "110";

/// Where the lines of one side run.
struct Side<'a> {
    socket: &'a Path,
    /// With a copy of what both are given.
    directory: &'a Path,
}

impl Side<'_> {
    fn run(&self, line: &str) -> Finished {
        let mut command = Command::new("timeout");
        // What asks it to end first, the docker command line hands on to the container.
        command.args(["--signal=KILL", SECONDS, "sh", "-c", line]);
        command.current_dir(self.directory.join("work"));
        for (name, _value) in std::env::vars_os() {
            if name
                .to_str()
                .is_some_and(|name| name.starts_with("DOCKER") || name.ends_with("proxy"))
            {
                command.env_remove(name);
            }
        }
        command.env("DOCKER_HOST", format!("unix://{}", self.socket.display()));
        command.env("DOCKER_API_VERSION", VERSION).env("DOCKER_CLI_HINTS", "false");
        command.env("HOME", self.directory).env("LC_ALL", "C").env("TZ", "UTC");
        command.env("SHAPE", concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/clients/shape.py"));
        let said = Finished::from(command.stdin(std::process::Stdio::null()).output().unwrap());
        let directory = self.directory.to_str().unwrap();
        let [stdout, stderr] = [said.stdout, said.stderr].map(|text| plain(&text, directory));
        Finished { code: said.code, stdout, stderr }
    }

    /// What every step finds.
    fn prepare(&self) {
        base::make(self.directory);
        let work = self.directory.join("work");
        base::make_directory(&work.join("shared"));
        base::write(&work.join("shared/file"), "shared\n");
        base::write(&work.join("variables"), "ONE=1\nTWO=two words\n");
        let loaded = self.run("docker load --input ../base.tar");
        assert_eq!(loaded.code, 0, "{loaded:#?}");
    }

    fn walk(&self, steps: &[Step]) -> Vec<Finished> {
        self.prepare();
        steps.iter().map(|(_name, line)| self.run(line)).collect()
    }
}

fn by_corten(steps: &[Step]) -> Vec<Finished> {
    let corten = Corten::new(env!("CARGO_BIN_EXE_corten"));
    let mut command = corten.command();
    // No settings of registries but those of the test.
    command.env("HOME", corten.directory()).env_remove("DOCKER_CONFIG");
    let api = ApiServer::start_by(&corten, command);
    let socket = corten.directory().join("api.sock");
    let said = Side { socket: &socket, directory: corten.directory() }.walk(steps);
    drop(api);
    said
}

fn by_dockerd(steps: &[Step]) -> Vec<Finished> {
    let dockerd = Dockerd::start();
    Side { socket: &dockerd.socket(), directory: dockerd.directory() }.walk(steps)
}

/// Walks both, and tells every step that differs without a reason, or has a reason and differs no more.
fn compare(steps: &[Step]) {
    let (ours, theirs) = std::thread::scope(|scope| {
        let ours = scope.spawn(|| by_corten(steps));
        let theirs = scope.spawn(|| by_dockerd(steps));
        (ours.join().unwrap(), theirs.join().unwrap())
    });
    let mut wrong = String::new();
    for (((name, line), ours), theirs) in steps.iter().zip(&ours).zip(&theirs) {
        let known = DIFFERENCES.iter().find(|(step, _, _)| step == name);
        match known {
            None if ours != theirs => {
                wrong +=
                    &format!("## {name}: {line}\n# corten: {ours:#?}\n# dockerd: {theirs:#?}\n");
            }
            Some(_) if ours == theirs => wrong += &format!("## {name}: both say the same\n"),
            Some((_, says, _))
                if !format!("{} {}{}", ours.code, ours.stdout, ours.stderr).contains(says) =>
            {
                wrong += &format!(
                    "## {name}: {line}\n# not {says:?}, but {ours:#?}\n# dockerd: {theirs:#?}\n"
                );
            }
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn machine_and_images() {
    compare(images::IMAGES);
}

#[test]
fn containers_that_run_to_their_ends() {
    compare(runs::RUNS);
}

#[test]
fn containers_that_stay() {
    compare(lives::LIVES);
}

#[test]
fn networks_volumes_events_and_prunes() {
    compare(objects::OBJECTS);
}

/// docs/conformance.md has a table of the differences: these and no others.
#[test]
fn differences_are_documented() {
    let document = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/conformance.md");
    let document = std::fs::read_to_string(document).unwrap();
    let (_, section) =
        document.split_once("\n## The docker command line beside dockerd\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with('|')).skip(2);
    let documented: Vec<&str> = rows.collect();
    let listed: Vec<String> =
        DIFFERENCES.iter().map(|(step, _says, why)| format!("| {step} | {why} |")).collect();
    assert_eq!(documented, listed, "\n{}\n", listed.join("\n"));
    let steps = [images::IMAGES, runs::RUNS, lives::LIVES, objects::OBJECTS].concat();
    let mut names: Vec<&str> = steps.iter().map(|(name, _line)| *name).collect();
    for (step, _, _) in DIFFERENCES {
        assert!(names.contains(step), "there is no step {step}");
    }
    assert!(names.len() >= 60);
    names.sort_unstable();
    let among = names.len();
    names.dedup();
    assert_eq!(names.len(), among, "two steps have one name");
}
