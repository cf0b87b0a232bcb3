//! A container that is to be made: `POST /containers/create`. Source: Docker Engine API, `ContainerCreateRequest`.

use std::collections::BTreeMap;

use engine::config::{ContainerConfig, HealthCheck, MountConfig, MountSource};
use engine::{CreateRequest, EngineError, parse};
use serde::Deserialize;
use serde_json::Value;

use super::Words;
use super::host::HostConfig;
use super::places::NetworkingConfig;

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
    /// What the engine is asked for.
    ///
    /// # Errors
    /// For values that no container can have.
    pub(crate) fn request(self, name: Option<String>) -> Result<CreateRequest, EngineError> {
        let mut host = self.host_config;
        if self.network_disabled {
            "none".clone_into(&mut host.network_mode);
        }
        let (network, mut networks) = super::places::places(&host, self.networking_config)?;
        if let ([wish], false) = (networks.as_mut_slice(), self.mac_address.is_empty()) {
            wish.hardware = wish.hardware.or(Some(parse::hardware(&self.mac_address)?));
        }
        let streams = [self.attach_stdin, self.attach_stdout, self.attach_stderr];
        let signal = Some(self.stop_signal).filter(|signal| !signal.is_empty());
        let mut config = ContainerConfig {
            command: self.cmd.map(Vec::from).unwrap_or_default(),
            env: self.env.into_iter().filter(|line| line.contains('=')).collect(),
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
        for target in self.volumes.keys() {
            let is_there =
                config.mounts.iter().any(|own| own.target.as_os_str() == target.as_str());
            if !is_there {
                config.mounts.push(MountConfig::new(MountSource::volume("", true), target.into()));
            }
        }
        let entrypoint = self.entrypoint.map(Vec::from);
        Ok(CreateRequest {
            image: self.image,
            name,
            // One empty word is how clients say that there is to be none.
            entrypoint: entrypoint.map(|words| if words == [""] { Vec::new() } else { words }),
            stop_timeout_s: self.stop_timeout,
            config,
            ..CreateRequest::default()
        })
    }
}

fn exposed<'a>(texts: impl Iterator<Item = &'a String>) -> Result<Vec<String>, EngineError> {
    Ok(texts.map(|text| parse::exposed_ports(text)).collect::<Result<Vec<_>, _>>()?.concat())
}
