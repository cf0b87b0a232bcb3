//! `--security-opt landlock=…`: which files and ports a container's processes may use, whoever they are in it. What people write is
//! [`Landlock::add`], what becomes of it [`plan`]. docs/landlock.md describes it.

use std::fmt;

use libcontainer::{LandlockPath, LandlockPlan, LandlockScope};
use serde::{Deserialize, Serialize};

use crate::config::ContainerConfig;
use crate::error::EngineError;

/// Where the preset lets processes write beside the mounts that they may write to: what programs expect to be writable even where
/// the root is not, filesystem hierarchy standard 3.0, sections 3.15, 3.18, 5.
const PRESET_WRITABLE: [&str; 4] = ["/proc", "/run", "/tmp", "/var"];

/// What is in there was given to the container by name, and hardly a program does without `/dev/null`.
const DEVICES: &str = "/dev";

const SCOPES: [(&str, LandlockScope); 2] =
    [("abstract-sockets", LandlockScope::AbstractUnixSocket), ("signals", LandlockScope::Signal)];

/// Walls of Landlock, as people ask for them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Landlock {
    /// `default`: what the image brought is read and executed, and written are mounts and a few directories.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub preset: bool,
    /// `try`: where the kernel lacks a wall, the container goes without it, and that is said.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub lenient: bool,
    /// The walls that are named.
    pub named: LandlockPlan,
}

impl Landlock {
    /// Adds the rules of one option.
    ///
    /// # Errors
    /// Says which word is wrong and why.
    pub fn add(&mut self, text: &str) -> Result<(), EngineError> {
        for word in text.split(',') {
            self.add_word(word).map_err(|why| {
                EngineError::value("security option", format!("landlock={text}"), why)
            })?;
        }
        Ok(())
    }

    fn add_word(&mut self, word: &str) -> Result<(), String> {
        let Some((key, values)) = word.split_once(':') else {
            match word {
                "default" => self.preset = true,
                "try" => self.lenient = true,
                _ => return Err(unknown(word)),
            }
            return Ok(());
        };
        let values = values.split(':');
        match key {
            "ro" | "rx" | "rw" | "rwx" => {
                for path in values {
                    self.named.paths.push(rule(key, path)?);
                }
            }
            "bind" => add_ports(self.named.bind.get_or_insert_default(), values, 0)?,
            "connect" => add_ports(self.named.connect.get_or_insert_default(), values, 1)?,
            "scope" => {
                for name in values {
                    let scope = SCOPES.iter().find(|(known, _)| *known == name);
                    let (_, scope) = scope.ok_or_else(|| {
                        format!("{name:?} is no scope: there are abstract-sockets and signals")
                    })?;
                    if !self.named.scopes.contains(scope) {
                        self.named.scopes.push(*scope);
                    }
                }
            }
            _ => return Err(unknown(word)),
        }
        Ok(())
    }
}

fn unknown(word: &str) -> String {
    format!(
        "{word:?} is none of default, try, ro:PATH, rx:PATH, rw:PATH, rwx:PATH, bind:PORT, connect:PORT and scope:NAME"
    )
}

fn rule(key: &str, text: &str) -> Result<LandlockPath, String> {
    let (optional, path) = text.strip_prefix('?').map_or((false, text), |path| (true, path));
    if !path.starts_with('/') {
        return Err(format!("{text:?} is no absolute path"));
    }
    if path.split('/').any(|name| name == "..") || path.contains('\0') {
        return Err(format!("{text:?} is no plain path"));
    }
    let path = match path.trim_end_matches('/') {
        "" => "/",
        path => path,
    };
    let (write, execute) = (key.contains('w'), key.contains('x'));
    Ok(LandlockPath { path: path.into(), write, execute, optional })
}

fn add_ports<'a>(
    known: &mut Vec<(u16, u16)>,
    values: impl Iterator<Item = &'a str>,
    least: u16,
) -> Result<(), String> {
    for text in values.filter(|text| *text != "none") {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let port = |text: &str| {
            let number = text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok());
            number.flatten().filter(|port: &u16| *port >= least)
        };
        match (port(first), port(last)) {
            (Some(first), Some(last)) if first <= last => known.push((first, last)),
            _ => return Err(format!("{text:?} is no port and no range of ports")),
        }
    }
    Ok(())
}

/// As they are written, each once.
impl fmt::Display for Landlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words: Vec<String> = Vec::new();
        words.extend(self.lenient.then(|| "try".to_owned()));
        words.extend(self.preset.then(|| "default".to_owned()));
        for rule in &self.named.paths {
            let key = match (rule.write, rule.execute) {
                (false, false) => "ro",
                (false, true) => "rx",
                (true, false) => "rw",
                (true, true) => "rwx",
            };
            let missing = if rule.optional { "?" } else { "" };
            words.push(format!("{key}:{missing}{}", rule.path.display()));
        }
        for (key, ports) in [("bind", &self.named.bind), ("connect", &self.named.connect)] {
            let Some(ports) = ports else { continue };
            let ports = ports.iter().map(|(first, last)| {
                if first == last { first.to_string() } else { format!("{first}-{last}") }
            });
            let ports = ports.collect::<Vec<_>>().join(":");
            words.push(format!("{key}:{}", if ports.is_empty() { "none" } else { &ports }));
        }
        for (name, scope) in SCOPES {
            words.extend(self.named.scopes.contains(&scope).then(|| format!("scope:{name}")));
        }
        f.write_str(&words.join(","))
    }
}

/// The walls around a process of this container; nothing where none was asked for. What this kernel lacks and was asked for with
/// `try` is left out, and said.
pub(crate) fn plan(
    config: &ContainerConfig,
    warnings: &mut Vec<String>,
) -> Result<Option<LandlockPlan>, EngineError> {
    let Some(landlock) = &config.security.landlock else { return Ok(None) };
    let mut plan = landlock.named.clone();
    if landlock.preset {
        plan.paths.extend(preset(config));
    }
    if !plan.paths.is_empty() {
        plan.paths.push(writable(DEVICES));
    }
    if landlock.lenient {
        let lost = plan.keep_what_the_kernel_has();
        warnings.extend(lost.into_iter().map(|why| format!("landlock discarded: {why}")));
    }
    plan.check()?;
    Ok(Some(plan).filter(|plan| !plan.is_empty()))
}

fn preset(config: &ContainerConfig) -> impl Iterator<Item = LandlockPath> {
    let root = LandlockPath { path: "/".into(), write: false, execute: true, optional: false };
    let mounts = config.mounts.iter().filter(|mount| !mount.read_only);
    let mounts = mounts.map(|mount| LandlockPath { path: mount.target.clone(), ..writable("/") });
    std::iter::once(root).chain(PRESET_WRITABLE.map(writable)).chain(mounts)
}

fn writable(path: &str) -> LandlockPath {
    LandlockPath { path: path.into(), write: true, execute: false, optional: true }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{MountConfig, MountSource};

    fn parse(texts: &[&str]) -> Result<Landlock, String> {
        let mut landlock = Landlock::default();
        let added = texts.iter().try_for_each(|text| landlock.add(text));
        added.map(|()| landlock).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_written_comes_back() {
        for text in [
            "default",
            "try,default",
            "ro:/usr,rx:/bin,rw:?/data,rwx:/",
            "bind:80,connect:none",
            "bind:0:8000-8009,connect:53",
            "scope:abstract-sockets,scope:signals",
        ] {
            let landlock = parse(&[text]).unwrap();
            let again = parse(&[&landlock.to_string()]).unwrap();
            assert_eq!(again, landlock, "{text}: {landlock}");
        }
        let apart = parse(&["rx:/usr:/lib/", "rw:/data", "bind:80", "bind:443"]).unwrap();
        assert_eq!(apart.to_string(), "rx:/usr,rx:/lib,rw:/data,bind:80:443");
    }

    #[test]
    fn nonsense_is_refused_by_name() {
        for (text, why) in [
            ("", "\"\" is none of default, try"),
            ("on", "\"on\" is none of default, try"),
            ("default,", "\"\" is none of"),
            ("wx:/usr", "\"wx:/usr\" is none of"),
            ("ro:usr", "\"usr\" is no absolute path"),
            ("ro:", "\"\" is no absolute path"),
            ("ro:/usr:", "\"\" is no absolute path"),
            ("rw:/a/../b", "\"/a/../b\" is no plain path"),
            ("bind:http", "\"http\" is no port"),
            ("bind:70000", "\"70000\" is no port"),
            ("bind:+80", "\"+80\" is no port"),
            ("bind:90-80", "\"90-80\" is no port"),
            ("connect:0", "\"0\" is no port"),
            ("scope:all", "\"all\" is no scope"),
        ] {
            let error = parse(&[text]).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
            assert!(error.contains(&format!("landlock={text}")), "{error}");
        }
    }

    fn paths(config: &ContainerConfig) -> Vec<String> {
        let plan = plan(config, &mut Vec::new()).unwrap().unwrap();
        let shown = Landlock { named: plan, ..Landlock::default() };
        shown.to_string().split(',').map(str::to_owned).collect()
    }

    #[test]
    fn the_preset_writes_to_mounts_that_can_be_written() {
        let mut config = ContainerConfig::default();
        config.security.landlock = Some(parse(&["default"]).unwrap());
        let mount = |target: &str| MountConfig::new(MountSource::Tmpfs, target.into());
        config.mounts = vec![mount("/data"), MountConfig { read_only: true, ..mount("/conf") }];
        let usual =
            ["rx:/", "rw:?/proc", "rw:?/run", "rw:?/tmp", "rw:?/var", "rw:?/data", "rw:?/dev"];
        assert_eq!(paths(&config), usual);
    }

    #[test]
    fn devices_are_open_where_files_are_governed_and_ports_govern_none() {
        let mut config = ContainerConfig::default();
        config.security.landlock = Some(parse(&["rx:/"]).unwrap());
        assert_eq!(paths(&config), ["rx:/", "rw:?/dev"]);
        config.security.landlock = Some(parse(&["bind:none"]).unwrap());
        assert_eq!(paths(&config), ["bind:none"]);
        config.security.landlock = None;
        assert_eq!(plan(&config, &mut Vec::new()).unwrap(), None);
    }
}
