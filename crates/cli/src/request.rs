//! What the flags of `run` and `create` make of a request. Start at [`request`].

use engine::config::{ContainerConfig, HealthCheck, Limits, NetworkMode, Security};
use engine::{CreateRequest, parse};

use crate::arguments::Matches;
use crate::config;
use crate::failure::Failure;
use crate::words;

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
    let mut config = ContainerConfig {
        command: matches.words.get(1..).unwrap_or_default().to_vec(),
        env: environment(matches)?,
        workdir: matches.value("workdir").unwrap_or_default().to_owned(),
        user: matches.value("user").unwrap_or_default().to_owned(),
        hostname: hostname(matches)?,
        tty: matches.on("tty"),
        open_stdin: matches.on("interactive"),
        auto_remove: matches.on("rm"),
        labels: matches.values("label").map(parse::label).collect::<Result<_, _>>()?,
        stop_signal: matches
            .text("stop-signal")
            .map(parse::signal_number)
            .transpose()?
            .unwrap_or(0),
        read_only: matches.on("read-only"),
        network: matches
            .value("network")
            .map(parse::network)
            .transpose()?
            .unwrap_or(NetworkMode::None),
        devices: matches.values("device").map(parse::device).collect::<Result<_, _>>()?,
        cap_add: matches.values("cap-add").map(parse::capability).collect::<Result<_, _>>()?,
        cap_drop: matches.values("cap-drop").map(parse::capability).collect::<Result<_, _>>()?,
        privileged: matches.on("privileged"),
        ulimits: matches.values("ulimit").map(parse::ulimit).collect::<Result<_, _>>()?,
        sysctls: matches.values("sysctl").map(parse::sysctl).collect::<Result<_, _>>()?,
        init: matches.on("init"),
        restart: matches.value("restart").map(parse::restart).transpose()?.unwrap_or_default(),
        health: health(matches)?,
        health_on_failure: matches
            .value("health-on-failure")
            .map(parse::on_failure)
            .transpose()?
            .unwrap_or_default(),
        log: parse::log(matches.value("log-driver"), matches.values("log-opt"))?,
        ..ContainerConfig::default()
    };
    limits(matches, &mut config.limits)?;
    mounts(matches, &mut config)?;
    let mut security = Security::default();
    for option in matches.values("security-opt") {
        parse::security_option(&mut security, option)?;
    }
    config.security = security;
    let entrypoint = matches
        .value("entrypoint")
        .map(|text| if text.is_empty() { Vec::new() } else { vec![text.to_owned()] });
    Ok(CreateRequest {
        image: matches.word(0).to_owned(),
        name: matches.text("name").map(str::to_owned),
        entrypoint,
        stop_timeout_s: number(matches, "stop-timeout")?,
        config,
    })
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
    let shares = matches.value("network").is_some_and(|mode| mode.starts_with("container:"));
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

pub(crate) fn limits(matches: &Matches, limits: &mut Limits) -> Result<(), Failure> {
    limits.memory_bytes =
        matches.value("memory").map(|text| parse::bytes("memory limit", text)).transpose()?;
    limits.memory_swap_bytes = match matches.value("memory-swap") {
        None => None,
        Some("-1") => Some(-1),
        Some(text) => Some(
            i64::try_from(parse::bytes("memory swap", text)?)
                .map_err(|_too_large| wrong("memory swap", text, "it is too large"))?,
        ),
    };
    limits.nano_cpus = matches.value("cpus").map(parse::nano_cpus).transpose()?;
    if let Some(nano_cpus) = limits.nano_cpus {
        let here = std::thread::available_parallelism().map_or(1, usize::from) as u64;
        if nano_cpus > here * 1_000_000_000 {
            return Err(wrong(
                "cpus",
                matches.value("cpus").unwrap_or_default(),
                &format!("this machine has {here}"),
            ));
        }
    }
    limits.cpu_shares = number(matches, "cpu-shares")?;
    limits.cpuset_cpus =
        matches.text("cpuset-cpus").map(parse::cpu_list).transpose()?.unwrap_or_default();
    limits.pids = number(matches, "pids-limit")?;
    Ok(())
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
