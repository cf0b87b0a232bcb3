//! What the flags of `run` and `create` make of a request. Start at [`request`].

use engine::config::{ContainerConfig, HealthCheck, SecretConfig, Security};
use engine::{CreateRequest, SecretKind, parse};

use crate::arguments::Matches;
use crate::failure::Failure;
use crate::words;

pub(crate) mod autostart;
mod environment;
mod limits;
mod names;
pub(crate) mod places;
mod rootfs;
mod surroundings;

pub(crate) use environment::{docker_proxies, environment};
pub(crate) use limits::changeable;
pub(crate) use surroundings::{cgroup_parent, shm_bytes};

pub(crate) fn wrong(what: &'static str, value: &str, why: &str) -> Failure {
    Failure::Engine(engine::EngineError::Value {
        what,
        value: value.to_owned(),
        why: why.to_owned(),
    })
}

pub(crate) fn number<T: std::str::FromStr>(
    matches: &Matches,
    flag: &'static str,
) -> Result<Option<T>, Failure> {
    let parsed = matches
        .value(flag)
        .map(|text| text.parse().map_err(|_no_number| wrong(flag, text, "it is no such number")));
    parsed.transpose()
}

/// The request of a line: its first word is the image, the others are the command.
pub(crate) fn request(matches: &Matches) -> Result<CreateRequest, Failure> {
    check_conflicts(matches)?;
    let (network, networks) = places::places(matches)?;
    let mut config = ContainerConfig {
        command: matches.words.get(1..).unwrap_or_default().to_vec(),
        env: environment(matches)?,
        workdir: matches.value("workdir").unwrap_or_default().to_owned(),
        user: matches.value("user").unwrap_or_default().to_owned(),
        hostname: hostname(matches)?,
        tty: matches.on("tty"),
        open_stdin: matches.on("interactive"),
        auto_remove: matches.on("rm"),
        labels: names::labels(matches)?,
        stop_signal: stop_signal(matches)?,
        read_only: matches.on("read-only"),
        network,
        networks,
        ports: places::published(matches.values("publish"))?,
        publish_all: matches.on("publish-all"),
        cap_add: matches.values("cap-add").map(parse::capability).collect::<Result<_, _>>()?,
        cap_drop: matches.values("cap-drop").map(parse::capability).collect::<Result<_, _>>()?,
        privileged: matches.on("privileged"),
        ulimits: matches.values("ulimit").map(parse::ulimit).collect::<Result<_, _>>()?,
        sysctls: matches.values("sysctl").map(parse::sysctl).collect::<Result<_, _>>()?,
        system: matches.on("system"),
        init: matches.on("init"),
        restart: matches.value("restart").map(parse::restart).transpose()?.unwrap_or_default(),
        health: health(matches)?,
        health_on_failure: matches
            .value("health-on-failure")
            .map(parse::on_failure)
            .transpose()?
            .unwrap_or_default(),
        storage_options: parse::storage_options(matches.values("storage-opt"))?,
        log: parse::log(matches.value("log-driver"), matches.values("log-opt"))?,
        ..ContainerConfig::default()
    };
    limits::limits(matches, &mut config.limits)?;
    mounts(matches, &mut config)?;
    config.secrets = secrets(matches)?;
    surroundings::devices(matches, &mut config)?;
    surroundings::surroundings(matches, &mut config)?;
    names::names(matches, &mut config)?;
    config.security = of_container(matches)?;
    let entrypoint = matches
        .value("entrypoint")
        .map(|text| if text.is_empty() { Vec::new() } else { vec![text.to_owned()] });
    config.rootfs = rootfs::rootfs(matches)?;
    Ok(CreateRequest {
        keeps_command: false,
        image: matches.word(0).to_owned(),
        name: matches.text("name").map(str::to_owned),
        entrypoint,
        stop_timeout_s: number(matches, "stop-timeout")?,
        replace: replaces(matches)?,
        env_rules: environment::rules(matches)?,
        config,
    })
}

/// 0 where nobody says one.
fn stop_signal(matches: &Matches) -> Result<i32, Failure> {
    Ok(matches.text("stop-signal").map(parse::signal_number).transpose()?.unwrap_or(0))
}

/// What `--security-opt` and `--hardened` say.
fn of_container(matches: &Matches) -> Result<Security, Failure> {
    let security = security(matches)?;
    Ok(Security { hardened: security.hardened || matches.on("hardened"), ..security })
}

/// What `--security-opt` says.
pub(crate) fn security(matches: &Matches) -> Result<Security, Failure> {
    let mut security = Security::default();
    for option in matches.values("security-opt") {
        parse::security_option(&mut security, option)?;
    }
    Ok(security)
}

fn replaces(matches: &Matches) -> Result<bool, Failure> {
    if matches.on("replace") && matches.text("name").is_none() {
        return Err(wrong("replace", "", "it needs the --name of whom to replace"));
    }
    Ok(matches.on("replace"))
}

/// What the flags say of a health check; nothing where they say nothing.
fn health(matches: &Matches) -> Result<Option<HealthCheck>, Failure> {
    let nanoseconds = |flag: &'static str| match matches.value(flag) {
        None => Ok(0),
        Some(text) => words::duration_ns(text)
            .and_then(|nanoseconds| u64::try_from(nanoseconds).ok())
            .ok_or_else(|| wrong(flag, text, "it is no duration, such as 30s or 1m30s")),
    };
    let check = HealthCheck {
        test: match matches.value("health-cmd") {
            Some(line) if !line.is_empty() => vec!["CMD-SHELL".to_owned(), line.to_owned()],
            _ => Vec::new(),
        },
        interval: nanoseconds("health-interval")?,
        timeout: nanoseconds("health-timeout")?,
        start_period: nanoseconds("health-start-period")?,
        start_interval: nanoseconds("health-start-interval")?,
        retries: number(matches, "health-retries")?.unwrap_or(0),
    };
    let says_something = check != HealthCheck::default();
    if matches.on("no-healthcheck") {
        if says_something {
            return Err(wrong("no-healthcheck", "", "it excludes the --health-... flags"));
        }
        return Ok(Some(HealthCheck { test: vec!["NONE".to_owned()], ..check }));
    }
    Ok(says_something.then_some(check))
}

/// Flags that exclude each other.
fn check_conflicts(matches: &Matches) -> Result<(), Failure> {
    if let Some(policy) = matches.value("restart").filter(|policy| *policy != "no")
        && matches.on("rm")
    {
        return Err(wrong("restart policy", policy, "--rm removes the container when it ends"));
    }
    if matches.on("autostart") && matches.on("rm") {
        return Err(wrong("autostart", "", "--rm removes the container when it ends"));
    }
    let shares = matches.value("network").is_some_and(|mode| mode.starts_with("container:"));
    let of_network =
        ["dns", "dns-option", "dns-search", "add-host", "expose", "publish", "publish-all"];
    if let Some(flag) = of_network.into_iter().find(|flag| shares && matches.is_given(flag)) {
        let value = matches.value(flag).unwrap_or_default();
        return Err(wrong(flag, value, "it belongs to the container whose network is shared"));
    }
    if matches.value("uts") == Some("host")
        && let Some(flag) =
            ["hostname", "domainname"].into_iter().find(|flag| matches.text(flag).is_some())
    {
        let value = matches.value(flag).unwrap_or_default();
        return Err(wrong(flag, value, "with --uts host the host's names hold"));
    }
    match matches.text("hostname") {
        Some(name) if shares => {
            Err(wrong("hostname", name, "who shares the network of another container has its name"))
        }
        _ => Ok(()),
    }
}

fn hostname(matches: &Matches) -> Result<String, Failure> {
    let name = matches.value("hostname").unwrap_or_default();
    let label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    if name.is_empty() || (name.len() <= 64 && name.split('.').all(label)) {
        return Ok(name.to_owned());
    }
    Err(wrong("hostname", name, "it is no host name of at most 64 letters"))
}

/// What `--secret` and `--config` say.
fn secrets(matches: &Matches) -> Result<Vec<SecretConfig>, Failure> {
    let of = |flag, kind| matches.values(flag).map(move |text| parse::secret(kind, text));
    let all = of("secret", SecretKind::Secret).chain(of("config", SecretKind::Config));
    Ok(all.collect::<Result<_, _>>()?)
}

fn mounts(matches: &Matches, config: &mut ContainerConfig) -> Result<(), Failure> {
    for text in matches.values("volume") {
        config.mounts.push(parse::volume(text)?);
    }
    for text in matches.values("mount") {
        config.mounts.push(parse::mount(text)?);
    }
    for text in matches.values("tmpfs") {
        config.mounts.push(parse::tmpfs(text)?);
    }
    if matches.on("read-only") && matches.on("read-only-tmpfs") {
        for target in ["/run", "/tmp", "/var/tmp"] {
            if !config.mounts.iter().any(|mount| mount.target == std::path::Path::new(target)) {
                config.mounts.push(parse::tmpfs(&format!("{target}:rw,mode=1777"))?);
            }
        }
    }
    config.volumes_from = matches.values("volumes-from").map(str::to_owned).collect();
    if let Some(driver) =
        matches.value("volume-driver").filter(|driver| !matches!(*driver, "" | "local"))
    {
        return Err(wrong("volume driver", driver, "there is only local"));
    }
    let mut targets: Vec<_> = config.mounts.iter().map(|mount| &mount.target).collect();
    targets.sort();
    match targets.windows(2).find(|pair| pair.first() == pair.get(1)).and_then(|pair| pair.first())
    {
        Some(twice) => {
            Err(wrong("mount", &twice.display().to_string(), "two mounts have this target"))
        }
        None => Ok(()),
    }
}
