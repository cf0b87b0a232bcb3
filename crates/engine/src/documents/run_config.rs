//! How a process is started, as Docker's `Config`: of a container, and of an image for its containers.

use serde_json::{Value, json};
use spec::image::RunConfig;
use store::{Image, SecretKind};

use super::secret::given;
use super::{Document, list_or_null, path};
use crate::config::{ContainerConfig, MountSource};
use crate::containers::CreateRequest;
use crate::life::Container;
use crate::parse::signal_name;

/// Docker's, which it does not print.
const STOP_SIGNAL: i32 = 15;
const STOP_TIMEOUT_S: i64 = 10;

/// What differs between the two.
struct Parts<'a> {
    hostname: &'a str,
    domainname: &'a str,
    user: &'a str,
    attach: [bool; 3],
    exposed_ports: Value,
    tty: bool,
    open_stdin: bool,
    stdin_once: bool,
    env: Value,
    command: Value,
    entrypoint: Value,
    rest: Rest<'a>,
}

struct Rest<'a> {
    image: &'a str,
    volumes: Value,
    workdir: &'a str,
    on_build: Value,
    labels: Value,
    stop_signal: String,
    stop_timeout: Value,
    health: Value,
    shell: Value,
    secrets: Value,
    configs: Value,
}

pub(super) fn container_config(container: &Container, image: Option<&Image>) -> Document {
    let config = &container.config;
    let hostname =
        if config.hostname.is_empty() { container.record.id.short() } else { &config.hostname };
    let is_default = config.stop_signal == STOP_SIGNAL;
    document(Parts {
        hostname,
        user: &config.user,
        domainname: &config.domainname,
        attach: config.attach.unwrap_or([config.stdin_once, config.attached, config.attached]),
        exposed_ports: exposed_ports(container, image),
        tty: config.tty,
        open_stdin: config.open_stdin,
        stdin_once: config.stdin_once,
        env: json!(config.env),
        command: list_or_null(&config.command),
        entrypoint: list_or_null(&config.entrypoint),
        rest: Rest {
            image: &container.record.image_name,
            volumes: anonymous_volumes(config),
            workdir: &config.workdir,
            on_build: Value::Null,
            labels: json!(config.labels),
            stop_signal: if is_default { String::new() } else { signal_name(config.stop_signal) },
            stop_timeout: json!(
                Some(config.stop_timeout_s).filter(|seconds| *seconds != STOP_TIMEOUT_S)
            ),
            health: json!(config.health),
            shell: Value::Null,
            secrets: given(&config.secrets, SecretKind::Secret),
            configs: given(&config.secrets, SecretKind::Config),
        },
    })
}

/// That of a container which is wanted: what is empty comes from the image.
pub(super) fn request_config(request: &CreateRequest) -> Document {
    let config = &request.config;
    let rules = &request.env_rules;
    let given = |line: &&String| {
        let name = line.split('=').next().unwrap_or_default();
        !config.env.iter().any(|own| own.split('=').next() == Some(name))
    };
    let env: Vec<&String> =
        rules.fallback.iter().filter(given).chain(&config.env).chain(&rules.unset).collect();
    let mut ports: serde_json::Map<String, Value> =
        config.exposed_ports.iter().map(|port| (port.clone(), json!({}))).collect();
    // As Docker's command line: what is published is exposed.
    for port in &config.ports {
        ports.insert(format!("{}/{}", port.port, port.transport.word()), json!({}));
    }
    let signal = config.stop_signal;
    document(Parts {
        hostname: &config.hostname,
        domainname: &config.domainname,
        user: &config.user,
        attach: config.attach.unwrap_or([config.stdin_once, config.attached, config.attached]),
        exposed_ports: ports.into(),
        tty: config.tty,
        open_stdin: config.open_stdin,
        stdin_once: config.stdin_once,
        env: json!(env),
        command: list_or_null(&config.command),
        // An empty word takes the image's away, an empty list does not.
        entrypoint: match &request.entrypoint {
            Some(words) if words.is_empty() => json!([""]),
            words => json!(words),
        },
        rest: Rest {
            image: &request.image,
            volumes: anonymous_volumes(config),
            workdir: &config.workdir,
            on_build: Value::Null,
            labels: json!(config.labels),
            stop_signal: if signal == 0 { String::new() } else { signal_name(signal) },
            stop_timeout: json!(request.stop_timeout_s),
            health: json!(config.health),
            shell: Value::Null,
            secrets: Value::Null,
            configs: Value::Null,
        },
    })
}

fn anonymous_volumes(config: &ContainerConfig) -> Value {
    let anonymous = config.mounts.iter().filter(|mount| !mount.is_written_out);
    let anonymous = anonymous.filter_map(|mount| match &mount.source {
        MountSource::Volume { anonymous: true, .. } => Some((path(&mount.target), json!({}))),
        MountSource::Volume { .. }
        | MountSource::Bind { .. }
        | MountSource::Image { .. }
        | MountSource::Tmpfs => None,
    });
    let volumes: serde_json::Map<String, Value> = anonymous.collect();
    if volumes.is_empty() { Value::Null } else { volumes.into() }
}

/// Those of the image and the caller's own.
fn exposed_ports(container: &Container, image: Option<&Image>) -> Value {
    let of_image = image.and_then(|image| image.config.config.exposed_ports.clone());
    let mut ports = json!(of_image);
    for port in &container.config.exposed_ports {
        ports[port] = json!({});
    }
    ports
}

pub(super) fn image_config(config: &RunConfig) -> Document {
    document(Parts {
        hostname: "",
        domainname: "",
        user: &config.user,
        attach: [false; 3],
        exposed_ports: json!(config.exposed_ports),
        tty: false,
        open_stdin: false,
        stdin_once: false,
        env: json!(config.env),
        command: json!(config.cmd),
        entrypoint: json!(config.entrypoint),
        rest: Rest {
            image: "",
            volumes: json!(config.volumes),
            workdir: &config.working_dir,
            on_build: json!(config.on_build),
            labels: json!(config.labels),
            stop_signal: config.stop_signal.clone().unwrap_or_default(),
            stop_timeout: Value::Null,
            health: json!(config.healthcheck),
            shell: json!(config.shell),
            secrets: Value::Null,
            configs: Value::Null,
        },
    })
}

fn document(parts: Parts<'_>) -> Document {
    let [stdin, stdout, stderr] = parts.attach;
    let rest = parts.rest;
    Document::new()
        .with("Hostname", parts.hostname)
        .with("Domainname", parts.domainname)
        .with("User", parts.user)
        .with("AttachStdin", stdin)
        .with("AttachStdout", stdout)
        .with("AttachStderr", stderr)
        .with_filled("ExposedPorts", parts.exposed_ports)
        .with("Tty", parts.tty)
        .with("OpenStdin", parts.open_stdin)
        .with("StdinOnce", parts.stdin_once)
        .with("Env", parts.env)
        .with("Cmd", parts.command)
        .with_filled("Healthcheck", rest.health)
        .with("Image", rest.image)
        .with("Volumes", rest.volumes)
        .with("WorkingDir", rest.workdir)
        .with("Entrypoint", parts.entrypoint)
        .with("OnBuild", rest.on_build)
        .with("Labels", rest.labels)
        .with_filled("StopSignal", rest.stop_signal)
        .with_filled("StopTimeout", rest.stop_timeout)
        .with_filled("Shell", rest.shell)
        .with_filled("Secrets", rest.secrets)
        .with_filled("Configs", rest.configs)
}
