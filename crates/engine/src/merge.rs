//! What an image says and what the caller says, made one: the caller's word is the last. Source: Docker's documentation of
//! `run`, "Override image defaults".

use spec::image::RunConfig;

use crate::config::{ContainerConfig, MountConfig, MountSource};
use crate::containers::{CreateRequest, EnvRules};
use crate::error::EngineError;
use crate::names;
use crate::parse::signal_number;

/// Where programs are looked for when neither image nor caller says.
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const SIGTERM: i32 = 15;
const STOP_TIMEOUT_S: i64 = 10;

/// The container's configuration.
pub(crate) fn merge(
    request: &CreateRequest,
    image: &RunConfig,
) -> Result<ContainerConfig, EngineError> {
    let mut config = request.config.clone();
    if let Some(entrypoint) = &request.entrypoint {
        config.entrypoint.clone_from(entrypoint);
    } else {
        config.entrypoint = image.entrypoint.clone().unwrap_or_default();
    }
    // The image's command belongs to the image's entry point.
    if config.command.is_empty() && (request.entrypoint.is_none() || request.keeps_command) {
        config.command = image.cmd.clone().unwrap_or_default();
    }
    if config.entrypoint.is_empty() && config.command.is_empty() && !config.system {
        return Err(EngineError::value(
            "command",
            "",
            "neither the image nor the command line names a program",
        ));
    }
    let of_image = image.env.as_deref().unwrap_or_default();
    config.env = environment(of_image, &config.env, config.tty, &request.env_rules);
    for (text, own) in [(&image.working_dir, &mut config.workdir), (&image.user, &mut config.user)]
    {
        if own.is_empty() {
            own.clone_from(text);
        }
    }
    if config.workdir.is_empty() {
        "/".clone_into(&mut config.workdir);
    }
    if !config.workdir.starts_with('/') {
        return Err(EngineError::value("working directory", config.workdir, "it is not absolute"));
    }
    for (text, _) in image.exposed_ports.iter().flatten() {
        // One that cannot be read is told by `inspect` of the image, and by nobody else, as Docker has it.
        for port in crate::parse::exposed_ports(text).unwrap_or_default() {
            if !config.exposed_ports.contains(&port) {
                config.exposed_ports.push(port);
            }
        }
    }
    let mut labels = image.labels.clone().unwrap_or_default();
    labels.append(&mut config.labels);
    config.labels = labels;
    config.stop_signal = match (config.stop_signal, &image.stop_signal) {
        (0, Some(name)) => signal_number(name)?,
        (0, None) => SIGTERM,
        (signal, _) => signal,
    };
    config.stop_timeout_s = request.stop_timeout_s.unwrap_or(STOP_TIMEOUT_S);
    config.health = crate::health::merge(image.healthcheck.as_ref(), config.health.as_ref())?;
    crate::parse::log::log_conflicts(&config)?;
    add_image_volumes(&mut config, image);
    name_volumes(&mut config)?;
    Ok(config)
}

/// Gives a name to each volume of the container's own that has none.
pub(crate) fn name_volumes(config: &mut ContainerConfig) -> Result<(), EngineError> {
    for mount in &mut config.mounts {
        if let MountSource::Volume { name, anonymous: true, .. } = &mut mount.source
            && name.is_empty()
        {
            *name = names::random_volume()?;
        }
    }
    Ok(())
}

/// PATH unless somebody says otherwise, TERM for a terminal, then the image's, then the caller's: the last of a name counts.
fn environment(image: &[String], caller: &[String], tty: bool, rules: &EnvRules) -> Vec<String> {
    let mut merged: Vec<String> = Vec::new();
    if !rules.unset_all {
        merged.push(PATH.to_owned());
        if tty {
            merged.push("TERM=xterm".to_owned());
        }
        image.iter().for_each(|variable| set(&mut merged, variable));
        merged.retain(|known| !rules.unset.iter().any(|name| name == name_of(known)));
    }
    for variable in &rules.merge {
        let expanded = expand(variable, &merged);
        set(&mut merged, &expanded);
    }
    caller.iter().for_each(|variable| set(&mut merged, variable));
    for variable in &rules.fallback {
        if !merged.iter().any(|known| name_of(known) == name_of(variable)) {
            merged.push(variable.clone());
        }
    }
    merged
}

fn name_of(variable: &str) -> &str {
    variable.split('=').next().unwrap_or_default()
}

fn set(known: &mut Vec<String>, variable: &str) {
    match known.iter_mut().find(|known| name_of(known) == name_of(variable)) {
        Some(known) => variable.clone_into(known),
        None => known.push(variable.to_owned()),
    }
}

/// `${NAME}` and `$NAME` stand for what is known; an unknown name for nothing.
fn expand(variable: &str, known: &[String]) -> String {
    let value = |name: &str| {
        let found = known.iter().find(|known| name_of(known) == name);
        found.and_then(|found| found.split_once('=')).map_or("", |(_, value)| value)
    };
    let mut parts = variable.split('$');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = match part.strip_prefix('{').and_then(|part| part.split_once('}')) {
            Some(braced) => braced,
            None => {
                let is_other = |letter: char| !letter.is_ascii_alphanumeric() && letter != '_';
                part.split_at(part.find(is_other).unwrap_or(part.len()))
            }
        };
        text.push_str(if name.is_empty() { "$" } else { value(name) });
        text.push_str(rest);
    }
    text
}

/// Volumes that an image wants and nobody has given; each gets a name from [`name_volumes`].
pub(crate) fn add_image_volumes(config: &mut ContainerConfig, image: &RunConfig) {
    for target in image.volumes.iter().flat_map(|volumes| volumes.keys()) {
        let taken = config.mounts.iter().any(|mount| mount.target == std::path::Path::new(target));
        if !taken && target.starts_with('/') && target != "/" {
            config.mounts.push(MountConfig::new(MountSource::volume("", true), target.into()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(command: &[&str], entrypoint: Option<&[&str]>) -> CreateRequest {
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        let config = ContainerConfig { command: words(command), ..ContainerConfig::default() };
        CreateRequest { config, entrypoint: entrypoint.map(words), ..CreateRequest::default() }
    }

    fn image(entrypoint: &[&str], cmd: &[&str]) -> RunConfig {
        let words = |words: &[&str]| Some(words.iter().map(|&word| word.to_owned()).collect());
        RunConfig { entrypoint: words(entrypoint), cmd: words(cmd), ..RunConfig::default() }
    }

    fn argv(request: &CreateRequest, image: &RunConfig) -> String {
        let merged = merge(request, image).unwrap();
        [merged.entrypoint, merged.command].concat().join(" ")
    }

    #[test]
    fn entry_point_and_command_as_docker() {
        assert_eq!(argv(&request(&[], None), &image(&["e"], &["c"])), "e c");
        assert_eq!(argv(&request(&["x"], None), &image(&["e"], &["c"])), "e x");
        assert_eq!(argv(&request(&[], Some(&["n"])), &image(&["e"], &["c"])), "n");
        assert_eq!(argv(&request(&["x"], Some(&["n"])), &image(&["e"], &["c"])), "n x");
        assert!(merge(&request(&[], None), &image(&[], &[])).is_err());
    }

    #[test]
    fn the_last_word_on_a_variable_is_the_callers() {
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        assert_eq!(
            environment(
                &words(&["A=1", "PATH=/x"]),
                &words(&["A=2", "B="]),
                false,
                &EnvRules::default()
            ),
            ["PATH=/x", "A=2", "B="]
        );
    }

    #[test]
    fn what_becomes_of_the_images_environment() {
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        let of = |rules: &EnvRules| {
            environment(&words(&["A=1", "B=2"]), &words(&["C=3"]), true, rules).join(" ")
        };
        let rules = EnvRules { unset: words(&["A", "PATH"]), ..EnvRules::default() };
        assert_eq!(of(&rules), "TERM=xterm B=2 C=3");
        let rules = EnvRules { unset_all: true, fallback: words(&["C=4", "D=5"]), ..rules };
        assert_eq!(of(&rules), "C=3 D=5");
        let rules = EnvRules {
            unset: words(&["PATH", "TERM"]),
            merge: words(&["A=${A}-$B/$NO.$", "E=$A"]),
            ..EnvRules::default()
        };
        assert_eq!(of(&rules), "A=1-2/.$ B=2 E=1-2/.$ C=3");
    }
}
