//! The environment of a container: what flags and files say, what becomes of the image's, and proxies.

use std::path::PathBuf;

use engine::{EnvRules, parse};
use serde_json::Value;

use crate::arguments::Matches;
use crate::config;
use crate::failure::Failure;

/// Variables that name proxies, and their keys in Docker's config.json.
const PROXIES: &[(&str, &str)] = &[
    ("HTTP_PROXY", "httpProxy"),
    ("HTTPS_PROXY", "httpsProxy"),
    ("FTP_PROXY", "ftpProxy"),
    ("NO_PROXY", "noProxy"),
    ("ALL_PROXY", "allProxy"),
];

/// What `--env-file` and `--env` say, of `run`, `create` and `exec`.
pub(crate) fn environment(matches: &Matches) -> Result<Vec<String>, Failure> {
    let mut env = Vec::new();
    for path in matches.values("env-file") {
        let text = std::fs::read_to_string(path).map_err(Failure::file("read", path))?;
        for line in text
            .lines()
            .map(str::trim_start)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
        {
            env.extend(parse::env(line, config::lookup)?);
        }
    }
    for text in matches.values("env") {
        env.extend(parse::env(text, config::lookup)?);
    }
    Ok(env)
}

/// What becomes of the image's own, of `run` and `create`.
pub(super) fn rules(matches: &Matches) -> Result<EnvRules, Failure> {
    let mut rules = EnvRules { unset_all: matches.on("unsetenv-all"), ..EnvRules::default() };
    for name in matches.values("unsetenv") {
        if name.is_empty() || name.contains('=') {
            return Err(super::wrong("unsetenv", name, "it is no name of a variable"));
        }
        rules.unset.push(name.to_owned());
    }
    for text in matches.values("env-merge") {
        if !text.contains('=') || text.starts_with('=') {
            return Err(super::wrong("env-merge", text, "it is not of the form NAME=value"));
        }
        rules.merge.push(text.to_owned());
    }
    rules.fallback = match matches.value("http-proxy") {
        Some("true") => proxies(|variable, _| {
            config::lookup(variable).or_else(|| config::lookup(&variable.to_lowercase()))
        }),
        Some(_) => Vec::new(),
        None => docker_proxies(),
    };
    Ok(rules)
}

/// The proxies that Docker's config.json has for containers and builds.
pub(crate) fn docker_proxies() -> Vec<String> {
    let known = docker_config().map(|config| config["proxies"]["default"].clone());
    let known = known.unwrap_or_default();
    proxies(|_, key| known[key].as_str().map(str::to_owned))
}

/// Programs look for the one spelling or the other.
fn proxies(value: impl Fn(&str, &str) -> Option<String>) -> Vec<String> {
    let known = PROXIES.iter().filter_map(|(variable, key)| {
        let value = value(variable, key).filter(|value| !value.is_empty())?;
        let lower = variable.to_lowercase();
        Some([format!("{variable}={value}"), format!("{lower}={value}")])
    });
    known.flatten().collect()
}

/// Docker's own file of the caller's; one that cannot be read says nothing of proxies, and a login tells what is wrong with it.
fn docker_config() -> Option<Value> {
    let set = |name| config::lookup(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = || set("HOME").map(|home| home.join(".docker"));
    let file = set("DOCKER_CONFIG").or_else(home)?.join("config.json");
    serde_json::from_slice(&std::fs::read(file).ok()?).ok()
}
