//! Instructions that say how the image runs: what they make of its configuration. Nothing is read or run.
//!
//! Source: Docker's "Dockerfile reference"; fields are those of image-spec config.md and Docker's extensions of it.

use std::collections::BTreeMap;

use dockerfile::{CommandLine, Healthcheck, Kind, Pair, Probe, Spanned};
use engine::parse;
use serde_json::{Value, json};
use spec::image::RunConfig;

/// Where programs are looked for in what begins with nothing.
pub(crate) const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// The shell of lines, where nobody says another.
const SHELL: [&str; 2] = ["/bin/sh", "-c"];

/// What an instruction changes. False where it is none of these.
pub(crate) fn apply(config: &mut RunConfig, kind: &Kind, has_own_command: &mut bool) -> bool {
    match kind {
        Kind::Cmd(command) => {
            config.cmd = Some(words(config, command));
            *has_own_command = true;
        }
        Kind::Entrypoint(command) => {
            config.entrypoint = Some(words(config, command)).filter(|words| !words.is_empty());
            // A command of the base belongs to the base's entry point.
            if !*has_own_command {
                config.cmd = None;
            }
        }
        Kind::Env(pairs) => set_variables(config.env.get_or_insert_default(), pairs),
        Kind::Expose(ports) => {
            let all = config.exposed_ports.get_or_insert_default();
            for port in ports {
                // They were looked at when variables were put in.
                let each = parse::exposed_ports(&port.value);
                let each = each.unwrap_or_else(|_checked| vec![port.value.clone()]);
                all.extend(each.into_iter().map(|port| (port, json!({}))));
            }
        }
        Kind::Healthcheck(check) => config.healthcheck = Some(healthcheck(check)),
        Kind::Label(pairs) => {
            let pairs =
                pairs.iter().map(|pair| (pair.name.value.clone(), pair.value.value.clone()));
            config.labels.get_or_insert_default().extend(pairs);
        }
        Kind::Onbuild(trigger) => {
            config.on_build.get_or_insert_default().push(trigger.text.clone());
        }
        Kind::Shell(words) => config.shell = Some(values(words)),
        Kind::Stopsignal(signal) => config.stop_signal = Some(signal.value.clone()),
        Kind::User(user) => config.user.clone_from(&user.value),
        Kind::Volume(paths) => {
            let paths = paths.iter().map(|path| (path.value.clone(), json!({})));
            config.volumes.get_or_insert_default().extend(paths);
        }
        Kind::Maintainer(_)
        | Kind::Arg(_)
        | Kind::Add(_)
        | Kind::Copy(_)
        | Kind::Run(_)
        | Kind::Workdir(_) => return false,
    }
    true
}

/// The shell of lines.
pub(crate) fn shell(config: &RunConfig) -> Vec<String> {
    let own = config.shell.clone().filter(|words| !words.is_empty());
    own.unwrap_or_else(|| SHELL.map(str::to_owned).to_vec())
}

/// Program and arguments of a command line.
pub(crate) fn words(config: &RunConfig, command: &CommandLine) -> Vec<String> {
    match command {
        CommandLine::Exec(words) => values(words),
        CommandLine::Shell(line) if line.value.is_empty() => Vec::new(),
        CommandLine::Shell(line) => {
            let mut words = shell(config);
            words.push(line.value.clone());
            words
        }
    }
}

/// The directory that a `WORKDIR` means.
pub(crate) fn joined(directory: &str, path: &str) -> String {
    let whole =
        if path.starts_with('/') { path.to_owned() } else { format!("/{directory}/{path}") };
    spec::path::clean(&whole)
}

/// `NAME=value` of the configuration by names.
pub(crate) fn variables(config: &RunConfig) -> BTreeMap<String, String> {
    let pairs = config.env.iter().flatten().filter_map(|variable| variable.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn values(words: &[Spanned<String>]) -> Vec<String> {
    words.iter().map(|word| word.value.clone()).collect()
}

fn set_variables(all: &mut Vec<String>, pairs: &[Pair]) {
    for pair in pairs {
        let variable = format!("{}={}", pair.name.value, pair.value.value);
        let is_same =
            |known: &&mut String| known.split('=').next() == Some(pair.name.value.as_str());
        match all.iter_mut().find(is_same) {
            Some(known) => *known = variable,
            None => all.push(variable),
        }
    }
}

fn healthcheck(check: &Healthcheck) -> Value {
    let Healthcheck::Probe(Probe {
        command,
        interval,
        timeout,
        start_period,
        start_interval,
        retries,
    }) = check
    else {
        return json!({ "Test": ["NONE"] });
    };
    let mut fields = serde_json::Map::new();
    let test = match command {
        CommandLine::Exec(words) => [vec!["CMD".to_owned()], values(words)].concat(),
        // The shell is looked up when it runs: it is that of the image.
        CommandLine::Shell(line) => vec!["CMD-SHELL".to_owned(), line.value.clone()],
    };
    fields.insert("Test".to_owned(), json!(test));
    for (name, duration) in [
        ("Interval", interval),
        ("Timeout", timeout),
        ("StartPeriod", start_period),
        ("StartInterval", start_interval),
    ] {
        if let Some(duration) = duration.filter(|duration| !duration.is_zero()) {
            let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
            fields.insert(name.to_owned(), json!(nanoseconds));
        }
    }
    if let Some(retries) = retries.filter(|retries| *retries > 0) {
        fields.insert("Retries".to_owned(), json!(retries));
    }
    fields.into()
}

#[cfg(test)]
mod tests {
    use dockerfile::{Dockerfile, Source};

    use super::*;

    fn applied(base: RunConfig, text: &str) -> Value {
        let source = Source::new(format!("FROM scratch\n{text}").as_bytes());
        let file = Dockerfile::parse(&source).unwrap();
        let (mut config, mut own) = (base, false);
        for instruction in &file.stages[0].instructions {
            assert!(apply(&mut config, &instruction.kind, &mut own), "{}", instruction.text);
        }
        json!(config)
    }

    #[test]
    fn each_says_its_own() {
        let base = RunConfig {
            cmd: Some(vec!["old".to_owned()]),
            env: Some(vec!["A=1".to_owned(), "B=2".to_owned()]),
            ..RunConfig::default()
        };
        let text = "ENV B=3 C=4\nLABEL x=y\nEXPOSE 80/tcp\nVOLUME /data\nUSER me\nSTOPSIGNAL SIGINT\n\
            SHELL [\"/bin/bash\", \"-c\"]\nENTRYPOINT run it\nHEALTHCHECK --interval=30s --retries=2 CMD true\n\
            ONBUILD RUN make\n";
        assert_eq!(
            applied(base, text),
            json!({
                "User": "me",
                "Env": ["A=1", "B=3", "C=4"],
                "Labels": { "x": "y" },
                "ExposedPorts": { "80/tcp": {} },
                "Volumes": { "/data": {} },
                "StopSignal": "SIGINT",
                "Shell": ["/bin/bash", "-c"],
                "Entrypoint": ["/bin/bash", "-c", "run it"],
                "Healthcheck": { "Test": ["CMD-SHELL", "true"], "Interval": 30_000_000_000_u64, "Retries": 2 },
                "OnBuild": ["RUN make"],
            })
        );
    }

    #[test]
    fn a_command_stays_beside_an_entry_point_of_the_same_file() {
        let both = applied(RunConfig::default(), "CMD [\"a\"]\nENTRYPOINT [\"b\"]\n");
        assert_eq!(both, json!({ "Cmd": ["a"], "Entrypoint": ["b"] }));
    }

    #[test]
    fn directories_are_joined() {
        for (directory, path, joined) in [
            ("/", "a", "/a"),
            ("", "a/b/", "/a/b"),
            ("/a", "../c", "/c"),
            ("/a", "/x//y/./z", "/x/y/z"),
            ("/a", "../../..", "/"),
        ] {
            assert_eq!(super::joined(directory, path), joined, "{directory} {path}");
        }
    }
}
