//! A container that is to be made: `POST /containers/create`. Source: Docker Engine API, `ContainerCreateRequest`.

mod versions;

use std::collections::BTreeMap;

use engine::config::{Below, ContainerConfig, HealthCheck, MountConfig, MountSource};
use engine::{CreateRequest, EngineError, EnvRules, RestartPolicy, parse};
use serde::Deserialize;
use serde_json::Value;

use super::Words;
use super::host::HostConfig;
use super::places::NetworkingConfig;
use crate::version::ApiVersion;

/// The body.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct Create {
    hostname: String,
    domainname: String,
    user: String,
    attach_stdin: bool,
    attach_stdout: bool,
    attach_stderr: bool,
    exposed_ports: BTreeMap<String, Value>,
    tty: bool,
    open_stdin: bool,
    stdin_once: bool,
    env: Vec<String>,
    cmd: Option<Words>,
    healthcheck: Option<HealthCheck>,
    image: String,
    volumes: BTreeMap<String, Value>,
    working_dir: String,
    entrypoint: Option<Words>,
    network_disabled: bool,
    mac_address: String,
    labels: BTreeMap<String, String>,
    stop_signal: String,
    stop_timeout: Option<i64>,
    host_config: HostConfig,
    networking_config: NetworkingConfig,
}

impl Create {
    /// The image that it is to be made of.
    pub(crate) fn image(&self) -> &str {
        &self.image
    }

    /// What the engine is asked for, and what the client is told.
    ///
    /// # Errors
    /// For values that no container can have.
    pub(crate) fn request(
        mut self,
        name: Option<String>,
        version: ApiVersion,
    ) -> Result<(CreateRequest, Vec<String>), EngineError> {
        let mut warnings = self.settle_version(version)?;
        let mut host = self.host_config;
        if self.network_disabled {
            "none".clone_into(&mut host.network_mode);
        }
        if host.network_mode == "host" && host.has_ports() {
            let words = "Published ports are discarded when using host network mode";
            warnings.push(words.to_owned());
        }
        let (network, networks) = super::places::places(&host, self.networking_config)?;
        let (env, unset): (Vec<_>, Vec<_>) =
            self.env.into_iter().partition(|line| line.contains('='));
        let streams = [self.attach_stdin, self.attach_stdout, self.attach_stderr];
        let signal = Some(self.stop_signal).filter(|signal| !signal.is_empty());
        let mut config = ContainerConfig {
            command: self.cmd.map(Vec::from).unwrap_or_default(),
            env,
            workdir: self.working_dir,
            user: self.user,
            hostname: self.hostname,
            domainname: parse::domain_name(&self.domainname)?,
            tty: self.tty,
            open_stdin: self.open_stdin,
            stdin_once: self.stdin_once,
            attached: streams.contains(&true),
            attach: streams.contains(&true).then_some(streams),
            labels: self.labels,
            stop_signal: signal.as_deref().map(parse::signal_number).transpose()?.unwrap_or(0),
            health: self.healthcheck.filter(|check| *check != HealthCheck::default()),
            exposed_ports: exposed(self.exposed_ports.keys())?,
            network,
            networks,
            ..ContainerConfig::default()
        };
        host.settle(&mut config)?;
        if !version.has(44) {
            config.mounts.iter_mut().for_each(leave_below);
        }
        for target in self.volumes.keys() {
            let is_there =
                config.mounts.iter().any(|own| own.target.as_os_str() == target.as_str());
            if !is_there {
                config.mounts.push(anonymous(target)?);
            }
        }
        refuse_twice(&config)?;
        let entrypoint = self.entrypoint.map(Vec::from);
        let request = CreateRequest {
            image: self.image,
            name,
            // An empty list leaves the image its command, one empty word does not.
            keeps_command: entrypoint.as_ref().is_some_and(Vec::is_empty),
            entrypoint: entrypoint.map(|words| if words == [""] { Vec::new() } else { words }),
            stop_timeout_s: self.stop_timeout,
            env_rules: EnvRules { unset, ..EnvRules::default() },
            config,
            ..CreateRequest::default()
        };
        Ok((request, warnings))
    }
}

/// What contradicts itself.
fn refuse_twice(config: &ContainerConfig) -> Result<(), EngineError> {
    if config.auto_remove && config.restart != RestartPolicy::No {
        let why = "can't create 'AutoRemove' container with restart policy";
        return Err(EngineError::value("AutoRemove", "true", why));
    }
    for (place, mount) in config.mounts.iter().enumerate() {
        if config.mounts.iter().take(place).any(|earlier| earlier.target == mount.target) {
            let target = mount.target.display().to_string();
            return Err(EngineError::value("mount", target, "Duplicate mount point"));
        }
    }
    Ok(())
}

/// What was mounted read-only was not so below, before 1.44.
fn leave_below(mount: &mut MountConfig) {
    let is_bind = matches!(mount.source, MountSource::Bind { .. });
    if is_bind && mount.read_only && mount.below == Below::Included {
        mount.below = Below::Writable;
    }
}

/// A volume that nobody named.
fn anonymous(target: &str) -> Result<MountConfig, EngineError> {
    if target.contains(':') {
        return Err(EngineError::value("volume", target, "it is no path"));
    }
    parse::volume(target)
}

fn exposed<'a>(texts: impl Iterator<Item = &'a String>) -> Result<Vec<String>, EngineError> {
    Ok(texts.map(|text| parse::exposed_ports(text)).collect::<Result<Vec<_>, _>>()?.concat())
}
