//! Values as people write them on Docker's command line, turned into types. Each error names the value and what is wrong with it.

use std::path::{Path, PathBuf};

use crate::config::{DeviceConfig, MountConfig, MountSource, NetworkMode, Ulimit};
use crate::error::EngineError;

mod gpus;
mod hosts;
mod limits;
pub(crate) mod log;
mod restart;
mod security;
mod sharing;
mod signal;

pub use gpus::{gpus, is_cdi_name};
pub use hosts::{
    domain_name, exposed_ports, extra_host, name_server, resolver_option, search_domain,
};
pub use limits::{check_limits, device_bytes, device_operations, device_rule, device_weight};
pub use log::{log, log_drivers};
pub(crate) use restart::restart_words;
pub use restart::{on_failure, restart};
pub use security::security_option;
pub use sharing::{ipc, is_host, pid, user_namespace};
pub use signal::{signal_name, signal_number};

type Parsed<T> = Result<T, EngineError>;

/// Bytes: a number with an optional unit b, k, m, g or t, powers of 1024, in either case, with an optional `b` or `ib` behind.
///
/// # Errors
/// When it is no number or the unit is unknown.
pub fn bytes(what: &'static str, text: &str) -> Parsed<u64> {
    let wrong = |why: &str| EngineError::value(what, text, why);
    let lower = text.trim().to_ascii_lowercase();
    let digits =
        lower.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(lower.len());
    let (number, unit) = lower.split_at(digits);
    let exponent = match unit.trim_start() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 1,
        "m" | "mb" | "mib" => 2,
        "g" | "gb" | "gib" => 3,
        "t" | "tb" | "tib" => 4,
        "p" | "pb" | "pib" => 5,
        _ => return Err(wrong("the unit is not one of b, k, m, g, t")),
    };
    let factor = 1_u64 << (10 * exponent);
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(factor).ok_or_else(|| wrong("it is too large"));
    }
    let fraction: f64 =
        number.parse().map_err(|_no_number| wrong("it is no number of bytes, such as 512m"))?;
    #[expect(clippy::cast_precision_loss, reason = "a unit is a power of two")]
    let product = fraction * factor as f64;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to be in range"
    )]
    if product.is_finite() && product < 9e18 {
        Ok(product as u64)
    } else {
        Err(wrong("it is too large"))
    }
}

/// CPUs as a decimal number: `1.5`; in thousand-millionths.
///
/// # Errors
/// When it is no positive number.
pub fn nano_cpus(text: &str) -> Parsed<u64> {
    let wrong = |why: &str| EngineError::value("cpus", text, why);
    let cpus: f64 = text.parse().map_err(|_no_number| wrong("it is no number"))?;
    if !(0.01..=1e6).contains(&cpus) && cpus != 0.0 {
        return Err(wrong("it must be at least 0.01"));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within 0 to 1e15")]
    Ok((cpus * 1e9).round() as u64)
}

/// How mounts below a bind mount are shared. mount_namespaces(7), "SHARED SUBTREES".
const PROPAGATIONS: [&str; 6] = ["private", "rprivate", "slave", "rslave", "shared", "rshared"];

/// `-v [SOURCE:]TARGET[:OPTIONS]`.
///
/// # Errors
/// When the target is not absolute, or an option is unknown.
pub fn volume(text: &str) -> Parsed<MountConfig> {
    let wrong = |why: &str| EngineError::value("volume", text, why);
    let parts: Vec<&str> = text.split(':').collect();
    let (source, target, options) = match parts.as_slice() {
        [target] => (None, *target, ""),
        [source, target] => (Some(*source), *target, ""),
        [source, target, options] => (Some(*source), *target, *options),
        _ => return Err(wrong("it has more than three parts")),
    };
    let target = absolute("volume", text, target)?;
    let mut mount = MountConfig {
        source: volume_source(text, source)?,
        target,
        read_only: false,
        options: Vec::new(),
    };
    let mut mode = None;
    for option in options.split(',').filter(|option| !option.is_empty()) {
        match option {
            "ro" | "rw" if mode.replace(option).is_some_and(|before| before != option) => {
                return Err(wrong("it is both ro and rw"));
            }
            "ro" => mount.read_only = true,
            "rw" => mount.read_only = false,
            "nocopy" => {
                if let MountSource::Volume { copy, .. } = &mut mount.source {
                    *copy = false;
                }
            }
            option if PROPAGATIONS.contains(&option) => mount.options.push(option.to_owned()),
            // Labels without SELinux change nothing; consistency is a word of another system.
            "z" | "Z" | "consistent" | "cached" | "delegated" => {}
            _ => return Err(wrong(&format!("option {option:?} is unknown"))),
        }
    }
    Ok(mount)
}

fn volume_source(text: &str, source: Option<&str>) -> Parsed<MountSource> {
    match source {
        None => Ok(MountSource::Volume { name: String::new(), anonymous: true, copy: true }),
        Some(path) if path.starts_with('/') => {
            Ok(MountSource::Bind { path: path.into(), create: true })
        }
        Some(name) => {
            Ok(MountSource::Volume { name: volume_name(text, name)?, anonymous: false, copy: true })
        }
    }
}

/// Docker's rule for names of volumes.
fn volume_name(text: &str, name: &str) -> Parsed<String> {
    let first = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    let rest =
        name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'));
    if first && rest && (2..=255).contains(&name.len()) {
        return Ok(name.to_owned());
    }
    Err(EngineError::value(
        "volume",
        text,
        "the source is neither an absolute path nor a volume name of [a-zA-Z0-9][a-zA-Z0-9_.-]",
    ))
}

fn absolute(what: &'static str, text: &str, path: &str) -> Parsed<PathBuf> {
    if !path.starts_with('/') {
        return Err(EngineError::value(what, text, format!("the target {path:?} is not absolute")));
    }
    if Path::new(path).components().any(|part| part == std::path::Component::ParentDir) {
        return Err(EngineError::value(what, text, format!("the target {path:?} holds \"..\"")));
    }
    if Path::new(path) == Path::new("/") {
        return Err(EngineError::value(what, text, "the target is the root itself"));
    }
    Ok(path.into())
}

/// `--mount type=…,source=…,target=…`.
///
/// # Errors
/// When a key is unknown or missing.
pub fn mount(text: &str) -> Parsed<MountConfig> {
    let wrong = |why: String| EngineError::value("mount", text, why);
    let (mut kind, mut source, mut target, mut read_only, mut copy) =
        ("volume".to_owned(), None, None, false, true);
    let mut options = Vec::new();
    for field in text.split(',') {
        let (key, value) =
            field.split_once('=').map_or((field, None), |(key, value)| (key, Some(value)));
        let flag = || value.is_none_or(|value| matches!(value, "true" | "1"));
        match (key.to_ascii_lowercase().as_str(), value) {
            ("type", Some(value)) => value.clone_into(&mut kind),
            ("source" | "src", Some(value)) => source = Some(value),
            ("target" | "dst" | "destination", Some(value)) => target = Some(value),
            ("readonly" | "ro", _) => read_only = flag(),
            ("volume-nocopy", _) => copy = !flag(),
            ("bind-propagation", Some(value)) if PROPAGATIONS.contains(&value) => {
                options.push(value.to_owned());
            }
            ("bind-propagation", Some(_)) => {
                return Err(wrong(format!("{field:?} is not one of {}", PROPAGATIONS.join(", "))));
            }
            ("tmpfs-size", Some(value)) => options.push(format!("size={}", bytes("mount", value)?)),
            ("tmpfs-mode", Some(value)) => options.push(format!("mode={value}")),
            ("consistency", Some(_)) => {}
            _ => return Err(wrong(format!("{field:?} is unknown or has no value"))),
        }
    }
    let target =
        absolute("mount", text, target.ok_or_else(|| wrong("it has no target".to_owned()))?)?;
    let source = match (kind.as_str(), source) {
        ("bind", Some(path)) if path.starts_with('/') => {
            MountSource::Bind { path: path.into(), create: false }
        }
        ("bind", _) => return Err(wrong("a bind needs an absolute source".to_owned())),
        ("volume", None) => MountSource::Volume { name: String::new(), anonymous: true, copy },
        ("volume", Some(name)) => {
            MountSource::Volume { name: volume_name(text, name)?, anonymous: false, copy }
        }
        ("tmpfs", None) => MountSource::Tmpfs,
        ("tmpfs", Some(_)) => return Err(wrong("a tmpfs has no source".to_owned())),
        (kind, _) => return Err(EngineError::NotYet(format!("a mount of type {kind}"))),
    };
    Ok(MountConfig { source, target, read_only, options })
}

/// `--tmpfs TARGET[:OPTIONS]`.
///
/// # Errors
/// When the target is not absolute.
pub fn tmpfs(text: &str) -> Parsed<MountConfig> {
    let (target, options) = text.split_once(':').unwrap_or((text, ""));
    let options: Vec<String> =
        options.split(',').filter(|option| !option.is_empty()).map(str::to_owned).collect();
    let target = absolute("tmpfs", text, target)?;
    Ok(MountConfig { source: MountSource::Tmpfs, target, read_only: false, options })
}

/// `--device HOST[:CONTAINER][:rwm]`.
///
/// # Errors
/// When a part is no path or no access.
pub fn device(text: &str) -> Parsed<DeviceConfig> {
    let wrong = |why: &str| EngineError::value("device", text, why);
    let is_access = |part: &str| {
        !part.is_empty() && part.chars().all(|letter| matches!(letter, 'r' | 'w' | 'm'))
    };
    let (host, container, access) = match text.split(':').collect::<Vec<_>>().as_slice() {
        [host] => (*host, *host, "rwm"),
        [host, access] if is_access(access) => (*host, *host, *access),
        [host, container] => (*host, *container, "rwm"),
        [host, container, access] if is_access(access) => (*host, *container, *access),
        _ => return Err(wrong("it is not of the form HOST[:CONTAINER][:rwm]")),
    };
    if !host.starts_with('/') || !container.starts_with('/') {
        return Err(wrong("it is not absolute"));
    }
    Ok(DeviceConfig { host: host.into(), container: container.into(), access: access.to_owned() })
}

/// `--ulimit NAME=SOFT[:HARD]`.
///
/// # Errors
/// When the name is unknown or the soft limit is above the hard one.
pub fn ulimit(text: &str) -> Parsed<Ulimit> {
    const NAMES: &[&str] = &[
        "core",
        "cpu",
        "data",
        "fsize",
        "locks",
        "memlock",
        "msgqueue",
        "nice",
        "nofile",
        "nproc",
        "rss",
        "rtprio",
        "rttime",
        "sigpending",
        "stack",
    ];
    let wrong = |why: &str| EngineError::value("ulimit", text, why);
    let (name, limits) =
        text.split_once('=').ok_or_else(|| wrong("it is not of the form NAME=SOFT[:HARD]"))?;
    if !NAMES.contains(&name) {
        return Err(wrong("the name is unknown"));
    }
    let number = |text: &str| {
        text.parse::<i64>()
            .ok()
            .filter(|number| *number >= -1)
            .ok_or_else(|| wrong("a limit is a number, or -1"))
    };
    let (soft, hard) = limits.split_once(':').unwrap_or((limits, limits));
    let (soft, hard) = (number(soft)?, number(hard)?);
    if hard != -1 && (soft == -1 || soft > hard) {
        return Err(wrong("the soft limit is above the hard limit"));
    }
    Ok(Ulimit { name: name.to_owned(), soft, hard })
}

/// `--network MODE`.
///
/// # Errors
/// For networks that this release does not have.
pub fn network(text: &str) -> Parsed<NetworkMode> {
    match text.split_once(':') {
        None if text == "none" => Ok(NetworkMode::None),
        None if text == "host" => Ok(NetworkMode::Host),
        Some(("container", name)) if !name.is_empty() => {
            Ok(NetworkMode::Container(name.to_owned()))
        }
        _ => Err(EngineError::NotYet(format!(
            "network {text:?}, beside none, host and container:NAME,"
        ))),
    }
}

/// A capability as `CAP_…`, or `ALL`.
///
/// # Errors
/// When it is unknown.
pub fn capability(text: &str) -> Parsed<String> {
    let upper = text.to_ascii_uppercase();
    let bare = upper.strip_prefix("CAP_").unwrap_or(&upper);
    if bare == "ALL" {
        return Ok("ALL".to_owned());
    }
    match libcontainer::capability::bit(bare) {
        Some(_) => Ok(format!("CAP_{bare}")),
        None => Err(EngineError::value("capability", text, "there is none of that name")),
    }
}

/// `NAME=value`, or a NAME whose value `lookup` knows; a name that has none is left out.
///
/// # Errors
/// When there is no name.
pub fn env(text: &str, lookup: impl Fn(&str) -> Option<String>) -> Parsed<Option<String>> {
    if text.is_empty() || text.starts_with('=') {
        return Err(EngineError::value("environment variable", text, "it has no name"));
    }
    if text.contains('=') {
        return Ok(Some(text.to_owned()));
    }
    Ok(lookup(text).map(|value| format!("{text}={value}")))
}

/// `--label NAME[=value]`.
///
/// # Errors
/// When there is no name.
pub fn label(text: &str) -> Parsed<(String, String)> {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    if name.is_empty() {
        return Err(EngineError::value("label", text, "it has no name"));
    }
    Ok((name.to_owned(), value.to_owned()))
}

/// `--sysctl NAME=value`.
///
/// # Errors
/// When there is no name or value.
pub fn sysctl(text: &str) -> Parsed<(String, String)> {
    let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
    let (name, value) =
        pair.ok_or_else(|| EngineError::value("sysctl", text, "it is not of the form NAME=value"))?;
    Ok((name.to_owned(), value.to_owned()))
}

/// A CPU or memory node list: `0-3,7`.
///
/// # Errors
/// When a part is no number or no ascending range.
pub fn cpu_list(text: &str) -> Parsed<String> {
    let number = |text: &str| text.trim().parse::<u32>().ok();
    let valid = |part: &str| match part.split_once('-') {
        None => number(part).is_some(),
        Some((first, last)) => {
            number(first).zip(number(last)).is_some_and(|(first, last)| first <= last)
        }
    };
    if text.split(',').all(valid) {
        return Ok(text.to_owned());
    }
    Err(EngineError::value("cpuset", text, "it is no list such as 0-3,7"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, want) in [
            ("1", 1),
            ("512m", 512 << 20),
            ("2G", 2 << 30),
            ("1kb", 1024),
            ("1.5k", 1536),
            ("3 mib", 3 << 20),
        ] {
            assert_eq!(bytes("memory", text).unwrap(), want, "{text}");
        }
        for bad in ["", "m", "12q", "-1", "1e99", "99999999999t"] {
            assert!(bytes("memory", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn volumes() {
        let parsed = volume("/a:/b:ro,rslave").unwrap();
        assert_eq!((parsed.read_only, parsed.options), (true, vec!["rslave".to_owned()]));
        assert!(matches!(
            volume("data:/b").unwrap().source,
            MountSource::Volume { anonymous: false, .. }
        ));
        assert!(matches!(
            volume("/b").unwrap().source,
            MountSource::Volume { anonymous: true, .. }
        ));
        for bad in ["a", "a:b", "/a:/b:what", "x/y:/b", "/a:/", ":/b", "/a:/b:ro:rw"] {
            assert!(volume(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn mounts() {
        let parsed = mount("type=bind,src=/a,dst=/b,readonly").unwrap();
        assert!(
            parsed.read_only && matches!(parsed.source, MountSource::Bind { create: false, .. })
        );
        assert_eq!(
            mount("type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=700").unwrap().options,
            ["size=1048576", "mode=700"]
        );
        for bad in [
            "type=bind,target=/b",
            "type=volume",
            "what=1,target=/b",
            "type=image,target=/b,source=x",
        ] {
            assert!(mount(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_rest() {
        assert_eq!(
            ulimit("nofile=1024:2048").unwrap(),
            Ulimit { name: "nofile".into(), soft: 1024, hard: 2048 }
        );
        assert!(
            ulimit("nofile=2:1").is_err() && ulimit("what=1").is_err() && ulimit("nofile").is_err()
        );
        assert_eq!(device("/dev/fuse:rw").unwrap().access, "rw");
        assert_eq!(device("/dev/a:/dev/b").unwrap().container, Path::new("/dev/b"));
        assert!(device("fuse").is_err());
        assert_eq!(capability("net_admin").unwrap(), "CAP_NET_ADMIN");
        assert!(capability("nothing").is_err());
        assert_eq!(network("container:x").unwrap(), NetworkMode::Container("x".into()));
        assert!(network("bridge").is_err());
        assert!(cpu_list("0-1,3").is_ok() && cpu_list("9-1").is_err() && cpu_list("").is_err());
        assert_eq!(nano_cpus("1.5").unwrap(), 1_500_000_000);
        assert!(nano_cpus("-1").is_err() && nano_cpus("x").is_err());
        assert_eq!(env("A", |_| Some("1".into())).unwrap(), Some("A=1".into()));
        assert_eq!(env("A", |_| None).unwrap(), None);
    }
}
