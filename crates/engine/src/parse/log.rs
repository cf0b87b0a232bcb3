//! `--log-driver` and `--log-opt`: Docker's names and values. What is accepted here can be made of it at each start.

use std::collections::BTreeMap;

use monitor::log::{FileFormat, FileRules, SyslogFormat};

use super::{Parsed, bytes};
use crate::config::{ContainerConfig, LogConfig};
use crate::error::EngineError;
use crate::logging::expand_tag;
use crate::pattern::Pattern;

/// The drivers, and what each takes beside [`COMMON`].
const DRIVERS: &[(&str, &[&str])] = &[
    (
        "json-file",
        &["compress", "env", "env-regex", "labels", "labels-regex", "max-file", "max-size", "tag"],
    ),
    ("local", &["compress", "max-file", "max-size"]),
    ("k8s-file", &["compress", "max-file", "max-size", "path"]),
    ("journald", &["env", "env-regex", "labels", "labels-regex", "tag"]),
    ("syslog", &["syslog-address", "syslog-facility", "syslog-format", "tag"]),
    ("passthrough", &[]),
    ("none", &[]),
];
/// Those whose receiver may be slow.
const COMMON: &[&str] = &["max-buffer-size", "mode"];
pub(crate) const DEFAULT: &str = "json-file";

/// syslog(3), by their places in RFC 5424, section 6.2.1.
const FACILITIES: [&str; 12] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv",
    "ftp",
];
const FIRST_LOCAL: u8 = 16;

/// A driver and its options, each `KEY=VALUE`.
///
/// # Errors
/// When there is no such driver, it has no such option, or a value cannot be.
pub fn log<'a>(driver: Option<&str>, options: impl Iterator<Item = &'a str>) -> Parsed<LogConfig> {
    let driver = driver.filter(|name| !name.is_empty()).unwrap_or(DEFAULT);
    let Some((_, known)) = DRIVERS.iter().find(|(name, _)| *name == driver) else {
        let names: Vec<&str> = DRIVERS.iter().map(|(name, _)| *name).collect();
        return Err(wrong("log driver", driver, &format!("it is not one of {}", names.join(", "))));
    };
    let mut config = LogConfig { driver: driver.to_owned(), options: BTreeMap::new() };
    for option in options {
        let Some((key, value)) = option.split_once('=') else {
            return Err(wrong("log option", option, "it is not KEY=VALUE"));
        };
        let common = COMMON.iter().filter(|_| !matches!(driver, "none" | "passthrough"));
        let mut names: Vec<&str> = known.iter().chain(common).copied().collect();
        if !names.contains(&key) {
            names.sort_unstable();
            let has = if names.is_empty() { "no options".to_owned() } else { names.join(", ") };
            return Err(wrong("log option", key, &format!("the log driver {driver} has {has}")));
        }
        config.options.insert(key.to_owned(), value.to_owned());
    }
    check(&config)?;
    Ok(config)
}

/// The names of all drivers.
#[must_use]
pub fn log_drivers() -> Vec<&'static str> {
    DRIVERS.iter().map(|(name, _)| *name).collect()
}

/// The driver in force, and what it was told.
pub(crate) fn driver_and_options(config: &LogConfig) -> (&str, &BTreeMap<String, String>) {
    (if config.driver.is_empty() { DEFAULT } else { &config.driver }, &config.options)
}

fn check(config: &LogConfig) -> Parsed<()> {
    let (driver, options) = driver_and_options(config);
    buffer_bytes(options)?;
    match driver {
        "json-file" | "local" | "k8s-file" => drop(files(config)?),
        "syslog" => {
            syslog_format(options)?;
            facility(options)?;
            syslog_address(options)?;
        }
        _ => {}
    }
    for regex in ["env-regex", "labels-regex"] {
        let Some(text) = options.get(regex) else { continue };
        Pattern::parse(text).map_err(|error| wrong("log option", text, &error.to_string()))?;
    }
    options.get("tag").map_or(Ok(()), |tag| expand_tag(tag, &|_| Some(String::new())).map(drop))
}

/// The files of a driver that has some; what stands beside each line is not in it.
pub(crate) fn files(config: &LogConfig) -> Parsed<FileRules> {
    let (driver, options) = driver_and_options(config);
    let format = if driver == "k8s-file" { FileFormat::Kubernetes } else { FileFormat::Json };
    let path = options.get("path").map(std::path::PathBuf::from);
    if let Some(path) = path.as_ref().filter(|path| !path.is_absolute()) {
        return Err(wrong("log option path", &path.display().to_string(), "it is not absolute"));
    }
    let (max_bytes, max_files, compress) = match driver {
        // Docker's.
        "local" => (20 << 20, 5, true),
        // Whoever names the file looks after it.
        _ if path.is_some() => (u64::MAX, 1, false),
        _ => {
            let FileRules { max_bytes, max_files, compress, .. } = FileRules::default();
            (max_bytes, max_files, compress)
        }
    };
    let max_bytes = match options.get("max-size").map(String::as_str) {
        None => max_bytes,
        Some("-1") => u64::MAX,
        Some(text) => match decimal_bytes(text) {
            Some(bytes) if bytes > 0 => bytes,
            _ => return Err(wrong("log option max-size", text, "it is no size, such as 10m")),
        },
    };
    let max_files = match options.get("max-file") {
        None => max_files,
        Some(text) => match text.parse() {
            Ok(count) if count > 0 => count,
            _ => return Err(wrong("log option max-file", text, "it is no number of files")),
        },
    };
    let compress = match options.get("compress") {
        None => compress && max_files > 1,
        Some(text) => boolean("log option compress", text)?,
    };
    if compress && (max_files < 2 || max_bytes == u64::MAX) {
        let why = "only files are compressed that are full and kept: it needs max-size and a max-file of 2";
        return Err(wrong("log option compress", "true", why));
    }
    Ok(FileRules { format, path, max_bytes, max_files, compress, attributes: BTreeMap::new() })
}

/// A size in powers of 1000, as Docker takes that of a file.
fn decimal_bytes(text: &str) -> Option<u64> {
    let lower = text.trim().to_ascii_lowercase();
    let digits = lower.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(lower.len());
    let (number, unit) = lower.split_at(digits);
    let factor = match unit.trim_start() {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        "t" | "tb" => 1_000_000_000_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

fn boolean(what: &'static str, text: &str) -> Parsed<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
        _ => Err(wrong(what, text, "it is neither true nor false")),
    }
}

/// What may wait for a slow receiver; nothing where the container waits.
pub(crate) fn buffer_bytes(options: &BTreeMap<String, String>) -> Parsed<Option<u64>> {
    let size = options.get("max-buffer-size");
    match (options.get("mode").map(String::as_str), size) {
        (Some("non-blocking"), None) => Ok(Some(1_000_000)),
        (Some("non-blocking"), Some(size)) => bytes("log option max-buffer-size", size).map(Some),
        (None | Some("" | "blocking"), None) => Ok(None),
        (None | Some("" | "blocking"), Some(size)) => {
            Err(wrong("log option max-buffer-size", size, "it needs mode=non-blocking"))
        }
        (Some(mode), _) => {
            Err(wrong("log option mode", mode, "it is neither blocking nor non-blocking"))
        }
    }
}

/// How messages are written.
pub(crate) fn syslog_format(options: &BTreeMap<String, String>) -> Parsed<SyslogFormat> {
    match options.get("syslog-format").map_or("", String::as_str) {
        "" => Ok(SyslogFormat::Local),
        "rfc3164" => Ok(SyslogFormat::Rfc3164),
        "rfc5424" => Ok(SyslogFormat::Rfc5424),
        "rfc5424micro" => Ok(SyslogFormat::Rfc5424Micro),
        other => {
            let why = "it is not one of rfc3164, rfc5424, rfc5424micro";
            Err(wrong("log option syslog-format", other, why))
        }
    }
}

/// A facility's number, by its name or as it is.
pub(crate) fn facility(options: &BTreeMap<String, String>) -> Parsed<u8> {
    let text = options.get("syslog-facility").map_or("daemon", String::as_str);
    let named =
        FACILITIES.iter().position(|name| *name == text).and_then(|at| u8::try_from(at).ok());
    let local = || {
        let number = text.strip_prefix("local")?.parse::<u8>().ok()?;
        (number < 8).then_some(FIRST_LOCAL + number)
    };
    let number = || text.parse::<u8>().ok().filter(|number| *number < FIRST_LOCAL + 8);
    named.or_else(local).or_else(number).ok_or_else(|| {
        let names = FACILITIES.join(", ");
        let why = format!("it is not one of {names}, local0 to local7, 0 to 23");
        wrong("log option syslog-facility", text, &why)
    })
}

/// Where a receiver of syslog listens, as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SyslogPlace {
    /// This machine's own.
    Here,
    Unix(std::path::PathBuf),
    Udp(String),
    Tcp(String),
}

pub(crate) fn syslog_address(options: &BTreeMap<String, String>) -> Parsed<SyslogPlace> {
    let Some(text) = options.get("syslog-address").filter(|text| !text.is_empty()) else {
        return Ok(SyslogPlace::Here);
    };
    let refused = |why: &str| wrong("log option syslog-address", text, why);
    let host = |host: &str| {
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        match host {
            "" => Err(refused("it names no host")),
            _ if has_port && !host.ends_with(']') => Ok(host.to_owned()),
            _ => Ok(format!("{host}:514")),
        }
    };
    match text.split_once("://") {
        Some(("unix" | "unixgram", path)) if path.starts_with('/') => {
            Ok(SyslogPlace::Unix(path.into()))
        }
        Some(("unix" | "unixgram", _)) => Err(refused("the path is not absolute")),
        Some(("udp", name)) => host(name).map(SyslogPlace::Udp),
        Some(("tcp", name)) => host(name).map(SyslogPlace::Tcp),
        Some(("tcp+tls", _)) => Err(refused("TLS is not supported")),
        _ => Err(refused("it is not unix:///PATH, udp://HOST[:PORT] or tcp://HOST[:PORT]")),
    }
}

/// What a driver cannot have together with the rest.
///
/// # Errors
/// When a container with a terminal should write to its caller's streams.
pub(crate) fn log_conflicts(config: &ContainerConfig) -> Parsed<()> {
    if config.log.driver == "passthrough" && config.tty {
        let why = "with it the container has its caller's streams, not a terminal of its own";
        return Err(wrong("log driver", "passthrough", why));
    }
    Ok(())
}

fn wrong(what: &'static str, value: &str, why: &str) -> EngineError {
    EngineError::value(what, value, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(driver: &str, options: &[&str]) -> Parsed<LogConfig> {
        log(Some(driver), options.iter().copied())
    }

    #[test]
    fn options_belong_to_their_drivers() {
        for (driver, options) in [
            (
                "",
                &[
                    "max-size=10m",
                    "max-file=3",
                    "compress=true",
                    "labels=a,b",
                    "env-regex=^A",
                    "tag={{.Name}}",
                ][..],
            ),
            ("local", &["max-size=1g", "compress=false"]),
            ("k8s-file", &["path=/var/log/x", "mode=blocking"]),
            (
                "journald",
                &["tag={{ .ImageName }}/{{.ID}}", "mode=non-blocking", "max-buffer-size=4m"],
            ),
            (
                "syslog",
                &[
                    "syslog-address=tcp://[::1]:601",
                    "syslog-format=rfc5424",
                    "syslog-facility=local3",
                ],
            ),
            ("none", &[]),
        ] {
            parsed(driver, options).unwrap();
        }
        for (driver, option, words) in [
            ("fluentd", "a=b", "json-file, local, k8s-file, journald, syslog, passthrough, none"),
            (
                "json-file",
                "max-sise=1",
                "labels-regex, max-buffer-size, max-file, max-size, mode, tag",
            ),
            ("none", "mode=blocking", "no options"),
            ("json-file", "max-size", "KEY=VALUE"),
            ("json-file", "max-size=0", "no size"),
            ("json-file", "max-size=10x", "no size"),
            ("json-file", "max-file=0", "no number"),
            ("json-file", "compress=perhaps", "neither true nor false"),
            ("json-file", "max-buffer-size=1m", "mode=non-blocking"),
            ("json-file", "mode=fast", "neither blocking nor"),
            ("json-file", "tag={{.Nome}}", ".FullID"),
            ("json-file", "labels-regex=(", "("),
            ("k8s-file", "path=x", "absolute"),
            ("syslog", "syslog-address=tcp+tls://x", "TLS"),
            ("syslog", "syslog-address=x", "unix:///PATH"),
            ("syslog", "syslog-facility=24", "local7"),
            ("syslog", "syslog-format=x", "rfc3164"),
        ] {
            let error = parsed(driver, &[option]).unwrap_err().to_string();
            assert!(error.contains(words), "{driver} {option}: {error}");
        }
        assert!(parsed("json-file", &["compress=true", "max-file=1"]).is_err());
    }

    #[test]
    fn bounds_are_dockers() {
        let rules = |driver: &str, options: &[&str]| {
            let rules = files(&parsed(driver, options).unwrap()).unwrap();
            (rules.max_bytes, rules.max_files, rules.compress)
        };
        assert_eq!(rules("json-file", &[]), (10_000_000, 3, false));
        assert_eq!(rules("json-file", &["max-size=-1"]), (u64::MAX, 3, false));
        assert_eq!(rules("local", &[]), (20 << 20, 5, true));
        assert_eq!(rules("local", &["max-file=1"]), (20 << 20, 1, false));
        assert_eq!(rules("k8s-file", &["path=/x"]), (u64::MAX, 1, false));
    }

    #[test]
    fn addresses_have_syslogs_port() {
        let place = |text: &str| {
            syslog_address(&BTreeMap::from([("syslog-address".to_owned(), text.to_owned())]))
        };
        assert_eq!(place("udp://log").unwrap(), SyslogPlace::Udp("log:514".to_owned()));
        assert_eq!(place("tcp://[::1]").unwrap(), SyslogPlace::Tcp("[::1]:514".to_owned()));
        assert_eq!(place("tcp://1.2.3.4:5").unwrap(), SyslogPlace::Tcp("1.2.3.4:5".to_owned()));
        assert_eq!(place("unix:///dev/log").unwrap(), SyslogPlace::Unix("/dev/log".into()));
    }
}
