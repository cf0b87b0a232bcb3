//! The instructions of a Dockerfile that say how an image runs, as `commit` and `import` take them with `--change`, and what they
//! make of a configuration. Never builds anything. Start at [`changes`]. Source: Docker's Dockerfile reference.

use serde_json::{Value, json};
use spec::image::RunConfig;

use crate::error::EngineError;
use crate::parse::signal_number;

const KNOWN: &str = "it is not one of CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME, WORKDIR";
const SHELL: [&str; 2] = ["/bin/sh", "-c"];
/// Flags of HEALTHCHECK that are durations, and their fields in nanoseconds.
const DURATIONS: [(&str, &str); 4] = [
    ("interval", "Interval"),
    ("timeout", "Timeout"),
    ("start-period", "StartPeriod"),
    ("start-interval", "StartInterval"),
];

/// What the instructions say, over what was said before.
///
/// # Errors
/// Names the instruction that is none, or not whole.
pub fn changes<'t>(
    base: &RunConfig,
    instructions: impl IntoIterator<Item = &'t str>,
) -> Result<RunConfig, EngineError> {
    let mut config = base.clone();
    let (mut command, mut entrypoint) = (None, None);
    for text in instructions {
        let (instruction, value) =
            text.trim().split_once(char::is_whitespace).unwrap_or((text, ""));
        let (instruction, value) = (instruction.to_ascii_uppercase(), value.trim());
        let applied = match instruction.as_str() {
            "CMD" => program(value).map(|words| command = Some(words)),
            "ENTRYPOINT" => program(value).map(|words| entrypoint = Some(words)),
            _ => apply(&mut config, &instruction, value),
        };
        applied.map_err(|why| EngineError::value("change", text, why))?;
    }
    // A command belongs to the entry point that it was said with.
    if entrypoint.is_some() {
        config.cmd = None;
        config.entrypoint = entrypoint;
    }
    if command.is_some() {
        config.cmd = command;
    }
    Ok(config)
}

/// One configuration over another: what it says counts, what it adds comes to the other's.
pub(crate) fn over(mut base: RunConfig, own: &RunConfig) -> RunConfig {
    let filled = |list: &Option<Vec<String>>| list.clone().filter(|list| !list.is_empty());
    for (text, from) in [(&mut base.user, &own.user), (&mut base.working_dir, &own.working_dir)] {
        if !from.is_empty() {
            text.clone_from(from);
        }
    }
    for variable in own.env.iter().flatten() {
        set_variable(base.env.get_or_insert_default(), variable);
    }
    for (all, more) in
        [(&mut base.exposed_ports, &own.exposed_ports), (&mut base.volumes, &own.volumes)]
    {
        if let Some(more) = more.as_ref().filter(|more| !more.is_empty()) {
            all.get_or_insert_default().extend(more.clone());
        }
    }
    if let Some(labels) = own.labels.as_ref().filter(|labels| !labels.is_empty()) {
        base.labels.get_or_insert_default().extend(labels.clone());
    }
    // A command belongs to the entry point that it was said with.
    match (filled(&own.entrypoint), filled(&own.cmd)) {
        (Some(entrypoint), cmd) => (base.entrypoint, base.cmd) = (Some(entrypoint), cmd),
        (None, Some(cmd)) => base.cmd = Some(cmd),
        (None, None) => {}
    }
    base.stop_signal = own.stop_signal.clone().filter(|text| !text.is_empty()).or(base.stop_signal);
    base.healthcheck = own.healthcheck.clone().or(base.healthcheck);
    base.shell = filled(&own.shell).or(base.shell);
    base.on_build = filled(&own.on_build).or(base.on_build);
    base
}

fn set_variable(all: &mut Vec<String>, variable: &str) {
    let name = variable.split('=').next();
    match all.iter_mut().find(|one| one.split('=').next() == name) {
        Some(place) => variable.clone_into(place),
        None => all.push(variable.to_owned()),
    }
}

fn apply(config: &mut RunConfig, instruction: &str, value: &str) -> Result<(), String> {
    if value.is_empty() && KNOWN.contains(instruction) {
        return Err("it says nothing".to_owned());
    }
    match instruction {
        "ENV" => {
            let known = config.env.get_or_insert_default();
            for (name, value) in pairs(value)? {
                set_variable(known, &format!("{name}={value}"));
            }
        }
        "LABEL" => config.labels.get_or_insert_default().extend(pairs(value)?),
        "USER" => value.clone_into(&mut config.user),
        "WORKDIR" => config.working_dir = joined(&config.working_dir, value),
        "STOPSIGNAL" => {
            signal_number(value).map_err(|_unknown| "there is no such signal".to_owned())?;
            config.stop_signal = Some(value.to_owned());
        }
        "EXPOSE" => {
            for port in words(value)?.iter().flat_map(|word| ports(word)) {
                config.exposed_ports.get_or_insert_default().insert(port?, json!({}));
            }
        }
        "VOLUME" => {
            let list = match serde_json::from_str::<Vec<String>>(value) {
                Ok(list) => list,
                Err(_no_json) => words(value)?,
            };
            let volumes = list.into_iter().map(|path| (path, json!({})));
            config.volumes.get_or_insert_default().extend(volumes);
        }
        "HEALTHCHECK" => config.healthcheck = Some(healthcheck(value)?),
        "ONBUILD" => config.on_build.get_or_insert_default().push(value.to_owned()),
        _ => return Err(KNOWN.to_owned()),
    }
    Ok(())
}

/// A list in JSON, or a line for the shell.
fn program(value: &str) -> Result<Vec<String>, String> {
    match serde_json::from_str::<Vec<String>>(value) {
        Ok(words) => Ok(words),
        Err(_shell_form) if value.is_empty() => Err("it says nothing".to_owned()),
        Err(_shell_form) => Ok(SHELL.into_iter().chain([value]).map(str::to_owned).collect()),
    }
}

/// Words between spaces; quotes hold one together and a backslash takes the next character as it is.
fn words(text: &str) -> Result<Vec<String>, String> {
    let (mut found, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut rest = text.chars();
    while let Some(letter) = rest.next() {
        match (letter, quote) {
            ('\\', None | Some('"')) => word.get_or_insert_default().extend(rest.next()),
            (letter, Some(open)) if letter == open => quote = None,
            ('"' | '\'', None) => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (letter, None) if letter.is_whitespace() => found.extend(word.take()),
            (letter, _) => word.get_or_insert_default().push(letter),
        }
    }
    if quote.is_some() {
        return Err("a quote is not closed".to_owned());
    }
    found.extend(word);
    Ok(found)
}

/// `NAME=value NAME=value`, or the old form of one pair, `NAME the rest of the line`.
fn pairs(text: &str) -> Result<Vec<(String, String)>, String> {
    let first = text.split(char::is_whitespace).next().unwrap_or_default();
    if !first.contains('=') {
        let old = text.split_once(char::is_whitespace);
        let (name, value) = old.ok_or("it is not of the form NAME=value")?;
        return Ok(vec![(name.to_owned(), value.trim().to_owned())]);
    }
    let pair = |word: String| match word.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("it is not of the form NAME=value".to_owned()),
    };
    words(text)?.into_iter().map(pair).collect()
}

/// `80`, `80/udp`, `80-90`: one entry a port.
fn ports(word: &str) -> Vec<Result<String, String>> {
    let (range, protocol) = word.split_once('/').unwrap_or((word, "tcp"));
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    let wrong = || vec![Err(format!("{word:?} is no port"))];
    let (Ok(first), Ok(last)) = (first.parse::<u16>(), last.parse::<u16>()) else { return wrong() };
    if first > last || !matches!(protocol, "tcp" | "udp" | "sctp") {
        return wrong();
    }
    (first..=last).map(|port| Ok(format!("{port}/{protocol}"))).collect()
}

/// A relative directory is below the one before.
fn joined(before: &str, directory: &str) -> String {
    if directory.starts_with('/') {
        return directory.to_owned();
    }
    format!("{}/{directory}", before.trim_end_matches('/'))
}

/// `NONE`, or flags and `CMD` with a command.
fn healthcheck(text: &str) -> Result<Value, String> {
    if text.eq_ignore_ascii_case("none") {
        return Ok(json!({ "Test": ["NONE"] }));
    }
    let mut check = serde_json::Map::new();
    let mut rest = text;
    while let Some(flag) = rest.strip_prefix("--") {
        let (flag, after) = flag.split_once(char::is_whitespace).unwrap_or((flag, ""));
        let (name, value) = flag.split_once('=').ok_or("a flag has no value")?;
        if name == "retries" {
            let retries: u32 = value.parse().map_err(|_no| "--retries is no number".to_owned())?;
            check.insert("Retries".to_owned(), json!(retries));
        } else {
            let field = DURATIONS.iter().find(|(known, _)| *known == name);
            let (_, field) = field.ok_or_else(|| format!("--{name} is no flag of it"))?;
            let bad = || format!("--{name} is no duration, as 30s or 1m30s");
            let nanoseconds = duration_ns(value).ok_or_else(bad)?;
            check.insert((*field).to_owned(), json!(nanoseconds));
        }
        rest = after.trim_start();
    }
    let (kind, command) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let command = command.trim();
    if !kind.eq_ignore_ascii_case("cmd") || command.is_empty() {
        return Err("neither NONE nor CMD with a command follows".to_owned());
    }
    let test = match serde_json::from_str::<Vec<String>>(command) {
        Ok(words) => [vec!["CMD".to_owned()], words].concat(),
        Err(_shell_form) => vec!["CMD-SHELL".to_owned(), command.to_owned()],
    };
    check.insert("Test".to_owned(), json!(test));
    Ok(check.into())
}

/// Go's durations, as whole numbers with units: `1m30s`, `500ms`.
fn duration_ns(text: &str) -> Option<u64> {
    let mut total = 0_u64;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit())?;
        let number: u64 = rest[..digits].parse().ok()?;
        let unit = rest[digits..].find(|letter: char| letter.is_ascii_digit());
        let (unit, after) = rest[digits..].split_at(unit.unwrap_or(rest.len() - digits));
        let nanoseconds = match unit {
            "h" => 3_600_000_000_000,
            "m" => 60_000_000_000,
            "s" => 1_000_000_000,
            "ms" => 1_000_000,
            "us" => 1000,
            "ns" => 1,
            _ => return None,
        };
        total = total.checked_add(number.checked_mul(nanoseconds)?)?;
        rest = after;
    }
    (!text.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn over(base: &RunConfig, lines: &[&str]) -> Result<Value, String> {
        changes(base, lines.iter().copied())
            .map(|config| json!(config))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn instructions_change_what_they_name_and_nothing_else() {
        let base = RunConfig {
            cmd: Some(vec!["old".to_owned()]),
            env: Some(vec!["A=1".to_owned(), "B=2".to_owned()]),
            working_dir: "/srv/".to_owned(),
            user: "kept".to_owned(),
            ..RunConfig::default()
        };
        let lines = [
            "ENV B=3 C=\"four five\" D=a\\ b",
            "env E the rest",
            "LABEL one=1 \"two words\"='2 2'",
            "WORKDIR sub",
            "EXPOSE 80 100-101/udp",
            "VOLUME [\"/a b\", \"/c\"]",
            "VOLUME /d /e",
            "STOPSIGNAL SIGINT",
            "ENTRYPOINT [\"/x\", \"-v\"]",
            "HEALTHCHECK --interval=1m30s --retries=3 CMD curl localhost",
            "ONBUILD RUN true",
        ];
        assert_eq!(
            over(&base, &lines).unwrap(),
            json!({
                "User": "kept",
                "Env": ["A=1", "B=3", "C=four five", "D=a b", "E=the rest"],
                "Entrypoint": ["/x", "-v"],
                "Labels": { "one": "1", "two words": "2 2" },
                "WorkingDir": "/srv/sub",
                "ExposedPorts": { "80/tcp": {}, "100/udp": {}, "101/udp": {} },
                "Volumes": { "/a b": {}, "/c": {}, "/d": {}, "/e": {} },
                "StopSignal": "SIGINT",
                "Healthcheck": { "Interval": 90_000_000_000_u64, "Retries": 3, "Test": ["CMD-SHELL", "curl localhost"] },
                "OnBuild": ["RUN true"],
            })
        );
        let both = over(&base, &["CMD echo $HOME", "ENTRYPOINT /x"]).unwrap();
        assert_eq!(both["Cmd"], json!(["/bin/sh", "-c", "echo $HOME"]));
        assert_eq!(both["Entrypoint"], json!(["/bin/sh", "-c", "/x"]));
        assert_eq!(over(&base, &[]).unwrap(), json!(base));
    }

    #[test]
    fn what_is_no_instruction_is_refused() {
        for bad in [
            "RUN true",
            "CMD",
            "ENV",
            "ENV A",
            "ENV =x",
            "LABEL a=\"open",
            "EXPOSE http",
            "EXPOSE 90-80",
            "EXPOSE 80/icmp",
            "STOPSIGNAL SIGNONE",
            "HEALTHCHECK true",
            "HEALTHCHECK --interval=soon CMD true",
            "HEALTHCHECK --often=1s CMD true",
            "",
        ] {
            let refused = over(&RunConfig::default(), &[bad]).unwrap_err();
            assert!(refused.starts_with(&format!("invalid change {bad:?}: ")), "{refused}");
        }
    }

    #[test]
    fn a_configuration_is_laid_over_another() {
        let read = |value: serde_json::Value| serde_json::from_value::<RunConfig>(value).unwrap();
        let base = read(json!({
            "User": "a", "Env": ["A=1", "B=2"], "Cmd": ["x"], "Entrypoint": ["e"],
            "Labels": { "l": "1" }, "ExposedPorts": { "80/tcp": {} }, "WorkingDir": "/w",
        }));
        assert_eq!(super::over(base.clone(), &read(json!({ "Labels": {}, "Cmd": [] }))), base);
        let own =
            json!({ "Env": ["B=3", "C=4"], "Cmd": ["y"], "Labels": { "m": "2" }, "User": "b" });
        let laid = super::over(base.clone(), &read(own));
        assert_eq!(laid.env.unwrap(), ["A=1", "B=3", "C=4"]);
        assert_eq!(
            (laid.cmd.unwrap(), laid.entrypoint.unwrap()),
            (vec!["y".into()], vec!["e".into()])
        );
        assert_eq!((laid.labels.unwrap().len(), &*laid.user, &*laid.working_dir), (2, "b", "/w"));
        let laid = super::over(base, &read(json!({ "Entrypoint": ["f"] })));
        assert_eq!((laid.cmd, laid.entrypoint), (None, Some(vec!["f".into()])));
    }
}
