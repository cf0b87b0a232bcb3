//! What an image says and what the caller says, made one: the caller's word is the last. Source: Docker's documentation of
//! `run`, "Override image defaults".

use spec::image::RunConfig;

use crate::config::{ContainerConfig, MountConfig, MountSource};
use crate::containers::CreateRequest;
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
    if config.command.is_empty() && request.entrypoint.is_none() {
        config.command = image.cmd.clone().unwrap_or_default();
    }
    if config.entrypoint.is_empty() && config.command.is_empty() {
        return Err(EngineError::value(
            "command",
            "",
            "neither the image nor the command line names a program",
        ));
    }
    config.env = environment(image.env.as_deref().unwrap_or_default(), &config.env, config.tty);
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
    for mount in &mut config.mounts {
        if let MountSource::Volume { name, anonymous: true, .. } = &mut mount.source
            && name.is_empty()
        {
            *name = names::random_volume()?;
        }
    }
    Ok(config)
}

/// PATH unless somebody says otherwise, TERM for a terminal, then the image's, then the caller's: the last of a name counts.
fn environment(image: &[String], caller: &[String], tty: bool) -> Vec<String> {
    let mut merged: Vec<String> = vec![PATH.to_owned()];
    if tty {
        merged.push("TERM=xterm".to_owned());
    }
    for variable in image.iter().chain(caller) {
        let name = variable.split('=').next().unwrap_or_default();
        match merged.iter_mut().find(|known| known.split('=').next() == Some(name)) {
            Some(known) => known.clone_from(variable),
            None => merged.push(variable.clone()),
        }
    }
    merged
}

fn add_image_volumes(config: &mut ContainerConfig, image: &RunConfig) {
    for target in image.volumes.iter().flat_map(|volumes| volumes.keys()) {
        let taken = config.mounts.iter().any(|mount| mount.target == std::path::Path::new(target));
        if !taken && target.starts_with('/') && target != "/" {
            let source = MountSource::Volume { name: String::new(), anonymous: true, copy: true };
            config.mounts.push(MountConfig {
                source,
                target: target.into(),
                read_only: false,
                options: Vec::new(),
            });
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
            environment(&words(&["A=1", "PATH=/x"]), &words(&["A=2", "B="]), false),
            ["PATH=/x", "A=2", "B="]
        );
    }
}
