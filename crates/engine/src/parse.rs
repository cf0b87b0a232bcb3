//! Values as people write them on Docker's command line, turned into types. Each error names the value and what is wrong with it.

use crate::config::{DeviceConfig, Ulimit};
use crate::error::EngineError;

mod gpus;
mod hosts;
mod id_ranges;
mod limits;
pub(crate) mod log;
mod machine;
mod mounts;
mod networks;
mod rates;
mod restart;
mod secrets;
mod security;
mod sharing;
mod signal;
mod storage;
mod users;
mod written_out;

pub use gpus::{gpus, is_cdi_name};
pub(crate) use hosts::HOST_GATEWAY;
pub use hosts::{
    domain_name, exposed_ports, extra_host, name_server, resolver_option, search_domain,
};
pub use limits::{
    check_limits, check_processors, device_bytes, device_operations, device_rule, device_weight,
};
pub use log::{log, log_drivers};
pub use machine::{address_pools, mtu, publish_addresses, publish_policy};
pub(crate) use mounts::check_options;
pub use mounts::{mount, tmpfs, volume, volume_options};
pub use networks::{
    DEFAULT_NETWORK, driver_options, hardware, link, network, network_option, published,
};
pub(crate) use networks::{NO_INTERFACE_NAME, is_interface_name};
pub(crate) use restart::restart_words;
pub use restart::{on_failure, restart};
pub use secrets::secret;
pub use security::{seccomp_profile, security_option, system_paths};
pub use sharing::{ipc, is_host, pid};
pub use signal::{signal_name, signal_number};
pub use storage::{storage_options, volume_size};
pub use users::{id_maps, named_ids, user_namespace};
pub use written_out::written_out;

type Parsed<T> = Result<T, EngineError>;

/// Bytes: a number with an optional unit b, k, m, g or t, powers of 1024, in either case, with an optional `b` or `ib` behind.
///
/// # Errors
/// When it is no number or the unit is unknown.
pub fn bytes(what: &'static str, text: &str) -> Parsed<u64> {
    spec::bytes::parse(text).map_err(|bad| EngineError::value(what, text, bad.to_string()))
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

/// Thousand-millionths of a CPU as somebody would have given them.
pub(crate) fn cpus_text(nano_cpus: u64) -> String {
    let text = format!("{}.{:09}", nano_cpus / 1_000_000_000, nano_cpus % 1_000_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
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
    fn the_rest() {
        assert_eq!(
            ulimit("nofile=1024:2048").unwrap(),
            Ulimit { name: "nofile".into(), soft: 1024, hard: 2048 }
        );
        assert!(
            ulimit("nofile=2:1").is_err() && ulimit("what=1").is_err() && ulimit("nofile").is_err()
        );
        assert_eq!(device("/dev/fuse:rw").unwrap().access, "rw");
        assert_eq!(device("/dev/a:/dev/b").unwrap().container, std::path::Path::new("/dev/b"));
        assert!(device("fuse").is_err());
        assert_eq!(capability("net_admin").unwrap(), "CAP_NET_ADMIN");
        assert!(capability("nothing").is_err());
        assert!(cpu_list("0-1,3").is_ok() && cpu_list("9-1").is_err() && cpu_list("").is_err());
        assert_eq!(nano_cpus("1.5").unwrap(), 1_500_000_000);
        assert!(nano_cpus("-1").is_err() && nano_cpus("x").is_err());
        assert_eq!(env("A", |_| Some("1".into())).unwrap(), Some("A=1".into()));
        assert_eq!(env("A", |_| None).unwrap(), None);
    }
}
