//! Bake files and what they ask for. Each case of `tests/files` is `NAME.hcl`, `.json` or `.yaml` (several with numbers before the
//! ending), perhaps `NAME.args` with what the command line and the environment say, and `NAME.expected`: the JSON of `--print`.
//! Where buildx is installed, it is asked for the same.
#![cfg(test)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use bake::{BakeFile, Definition, Machine};

/// One case.
struct Case {
    name: String,
    files: Vec<PathBuf>,
    names: Vec<String>,
    overrides: Vec<String>,
    environment: BTreeMap<String, String>,
    expected: String,
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files")
}

fn cases() -> Vec<Case> {
    let directory = directory();
    let paths: BTreeSet<PathBuf> =
        std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    let first = |path: &Path| {
        path.file_name().unwrap().to_str().unwrap().split('.').next().unwrap().to_owned()
    };
    let names: BTreeSet<String> = paths.iter().map(|path| first(path)).collect();
    let case = |name: String| {
        let is_input = |path: &&PathBuf| {
            first(path) == name
                && !matches!(path.extension().unwrap().to_str(), Some("args" | "expected"))
        };
        let files = paths.iter().filter(is_input).cloned().collect();
        let read = |ending: &str| {
            std::fs::read_to_string(directory.join(format!("{name}.{ending}"))).unwrap_or_default()
        };
        let mut case = Case {
            files,
            names: Vec::new(),
            overrides: Vec::new(),
            environment: BTreeMap::new(),
            expected: read("expected"),
            name: name.clone(),
        };
        let arguments = read("args");
        let mut words = arguments.split_whitespace();
        while let Some(word) = words.next() {
            match word {
                "-e" => {
                    let (name, value) = words.next().unwrap().split_once('=').unwrap();
                    case.environment.insert(name.to_owned(), value.to_owned());
                }
                "--set" => case.overrides.push(words.next().unwrap().to_owned()),
                target => case.names.push(target.to_owned()),
            }
        }
        case
    };
    names.into_iter().map(case).collect()
}

fn machine(environment: &BTreeMap<String, String>) -> Machine<'_> {
    Machine {
        environment,
        compose_environment: environment,
        command_context: "cwd://",
        local_platform: "linux/amd64",
        now: 1_700_000_000,
        home: "/root",
        random: &|| [7; 16],
        is_address: &|context| context.starts_with("https://") || context.starts_with("git@"),
    }
}

#[test]
fn each_file_asks_for_what_it_says() {
    let cases = cases();
    assert!(cases.len() >= 40, "{}", cases.len());
    for case in cases {
        let read = |path: &PathBuf| BakeFile {
            name: path.to_str().unwrap().to_owned(),
            text: std::fs::read_to_string(path).unwrap(),
        };
        let files: Vec<BakeFile> = case.files.iter().map(read).collect();
        let definition = Definition::read(&files, &machine(&case.environment))
            .unwrap_or_else(|error| panic!("{}: {}", case.name, error.render()));
        let selection = definition
            .select(&case.names, &case.overrides, &machine(&case.environment))
            .unwrap_or_else(|error| panic!("{}: {}", case.name, error.render()));
        assert_eq!(selection.to_json().trim(), case.expected.trim(), "{}", case.name);
    }
}

/// `docker buildx` or the plugin by itself; neither is in Debian 12.
fn buildx() -> Option<Vec<&'static str>> {
    let plugins = [
        "/usr/libexec/docker/cli-plugins/docker-buildx",
        "/usr/lib/docker/cli-plugins/docker-buildx",
    ];
    let plugin = plugins.into_iter().find(|path| Path::new(path).exists());
    plugin.map(|path| vec![path, "bake"])
}

#[test]
fn buildx_asks_for_the_same() {
    let Some(command) = buildx() else {
        eprintln!("skipped: docker-buildx is not installed");
        return;
    };
    for case in cases() {
        let mut run = Command::new(command[0]);
        run.args(&command[1..]).arg("--print").current_dir(directory());
        for file in &case.files {
            run.arg("--file").arg(file);
        }
        for line in &case.overrides {
            run.arg("--set").arg(line);
        }
        let output = run.args(&case.names).envs(&case.environment).output().unwrap();
        let theirs: serde_json::Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|_| {
                panic!("{}: {}", case.name, String::from_utf8_lossy(&output.stderr))
            });
        let ours: serde_json::Value = serde_json::from_str(&case.expected).unwrap();
        assert_eq!(ours, theirs, "{}", case.name);
    }
}
