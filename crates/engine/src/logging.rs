//! What a container's log configuration is to its monitor, and to whoever reads the log.

use std::collections::BTreeMap;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};

use monitor::log::{FileFormat, JournaldRules, LogDriver, LogRules, SyslogAddress, SyslogRules};

use crate::config::{ContainerConfig, LogConfig};
use crate::containers::Made;
use crate::error::EngineError;
use crate::life::Container;
use crate::parse::log as parsed;
use crate::pattern::Pattern;
use crate::start::Attach;

/// Where this machine's own receiver of syslog listens, in this order.
const LOCAL_SYSLOG: [&str; 3] = ["/dev/log", "/var/run/syslog", "/var/run/log"];
/// What a tag may name.
const TAG_FIELDS: [&str; 7] =
    ["ID", "FullID", "Name", "ImageID", "ImageFullID", "ImageName", "DaemonName"];
const DEFAULT_TAG: &str = "{{.ID}}";

/// Where a log can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogPlace {
    /// In files: one with a path of its own, or those in the container's directory.
    Files(Option<PathBuf>, FileFormat),
    /// In the journal.
    Journal,
    /// Nowhere.
    Nowhere,
}

impl Container {
    /// Where its log can be read.
    ///
    /// # Errors
    /// When its record holds what this release does not know.
    pub fn log_place(&self) -> Result<LogPlace, EngineError> {
        Ok(match parsed::driver_and_options(&self.config.log).0 {
            "json-file" | "local" | "k8s-file" => {
                let rules = parsed::files(&self.config.log)?;
                LogPlace::Files(rules.path, rules.format)
            }
            "journald" => LogPlace::Journal,
            _ => LogPlace::Nowhere,
        })
    }
}

/// What its monitor logs.
pub(crate) fn log_rules(made: &Made) -> Result<LogRules, EngineError> {
    let config = &made.config.log;
    let (driver, options) = parsed::driver_and_options(config);
    let driver = match driver {
        "none" => LogDriver::None,
        "passthrough" => LogDriver::Passthrough,
        "journald" => LogDriver::Journald(JournaldRules { fields: journal_fields(made)? }),
        "syslog" => LogDriver::Syslog(syslog_rules(made, options)?),
        _ => {
            let mut rules = parsed::files(config)?;
            rules.attributes = attributes(&made.config)?;
            if options.contains_key("tag") {
                rules.attributes.insert("tag".to_owned(), tag(made)?);
            }
            LogDriver::Files(rules)
        }
    };
    Ok(LogRules { driver, buffer_bytes: parsed::buffer_bytes(options)? })
}

/// Whether a container may have the streams of this process: not without somebody in the foreground, and never a terminal. From that it could
/// read what is typed there, and with CAP_SYS_ADMIN type for whoever comes next: ioctl_tty(2), TIOCSTI.
pub(crate) fn check_passthrough(attach: Attach) -> Result<(), EngineError> {
    let streams = [rustix::stdio::stdin(), rustix::stdio::stdout(), rustix::stdio::stderr()];
    let why = if !attach.output {
        "the container has the streams of the command that starts it: that one stays in the foreground"
    } else if streams.into_iter().any(rustix::termios::isatty) {
        "the container would have the caller's terminal: give it other streams, or a terminal of its own by --tty and another driver"
    } else {
        return Ok(());
    };
    Err(EngineError::value("log driver", "passthrough", why))
}

/// Labels and variables that the options name or match.
fn attributes(config: &ContainerConfig) -> Result<BTreeMap<String, String>, EngineError> {
    let options = &config.log.options;
    let mut chosen = BTreeMap::new();
    let variables = config.env.iter().filter_map(|variable| variable.split_once('='));
    let labels = config.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    choose(&mut chosen, labels, (options.get("labels"), options.get("labels-regex")))?;
    choose(&mut chosen, variables, (options.get("env"), options.get("env-regex")))?;
    Ok(chosen)
}

fn choose<'a>(
    chosen: &mut BTreeMap<String, String>,
    pairs: impl Iterator<Item = (&'a str, &'a str)>,
    (names, regex): (Option<&String>, Option<&String>),
) -> Result<(), EngineError> {
    if names.is_none() && regex.is_none() {
        return Ok(());
    }
    let names: Vec<&str> = names.into_iter().flat_map(|names| names.split(',')).collect();
    let parsed = regex.map(|text| {
        Pattern::parse(text)
            .map_err(|error| EngineError::value("log option", text, error.to_string()))
    });
    let pattern = parsed.transpose()?;
    let wanted = pairs.filter(|(name, _)| {
        names.contains(name) || pattern.as_ref().is_some_and(|pattern| pattern.is_in(name))
    });
    chosen.extend(wanted.map(|(name, value)| (name.to_owned(), value.to_owned())));
    Ok(())
}

fn tag(made: &Made) -> Result<String, EngineError> {
    let text = made.config.log.options.get("tag").filter(|text| !text.is_empty());
    let image = made.image.as_ref().map(|image| image.id.to_string()).unwrap_or_default();
    let image = image.strip_prefix("sha256:").unwrap_or(&image);
    expand_tag(text.map_or(DEFAULT_TAG, String::as_str), &|field| {
        Some(match field {
            "ID" => made.id.short().to_owned(),
            "FullID" => made.id.as_str().to_owned(),
            "Name" => made.name.clone(),
            "ImageID" => image.get(..12).unwrap_or(image).to_owned(),
            "ImageFullID" => image.to_owned(),
            "ImageName" => made.image_name.clone(),
            "DaemonName" => "corten".to_owned(),
            _ => return None,
        })
    })
}

/// A tag with its fields in place: of Go's templates it has `{{.Field}}` only.
pub(crate) fn expand_tag(
    text: &str,
    field: &dyn Fn(&str) -> Option<String>,
) -> Result<String, EngineError> {
    let fields: Vec<String> = TAG_FIELDS.iter().map(|name| format!("{{{{.{name}}}}}")).collect();
    let wrong = || {
        let why = format!("it has other fields than {}", fields.join(", "));
        EngineError::value("log option tag", text, why)
    };
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").ok_or_else(wrong)?;
        let name = name.trim().strip_prefix('.').filter(|name| TAG_FIELDS.contains(name));
        out.push_str(before);
        out.push_str(&name.and_then(field).ok_or_else(wrong)?);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// Docker's, see its documentation of the driver.
fn journal_fields(made: &Made) -> Result<BTreeMap<String, String>, EngineError> {
    let tag = tag(made)?;
    let mut fields: BTreeMap<String, String> = attributes(&made.config)?
        .into_iter()
        .map(|(name, value)| (field_name(&name), value))
        .filter(|(name, _)| !name.is_empty())
        .collect();
    for (name, value) in [
        ("CONTAINER_ID", made.id.short()),
        ("CONTAINER_ID_FULL", made.id.as_str()),
        ("CONTAINER_NAME", &made.name),
        ("CONTAINER_TAG", &tag),
        ("IMAGE_NAME", &made.image_name),
        ("SYSLOG_IDENTIFIER", &tag),
    ] {
        fields.insert(name.to_owned(), value.to_owned());
    }
    Ok(fields)
}

/// As the journal has names: capital letters, digits, underscores, none of those first.
fn field_name(name: &str) -> String {
    let letter = |letter: char| {
        if letter.is_ascii_alphanumeric() { letter.to_ascii_uppercase() } else { '_' }
    };
    let name: String = name.chars().map(letter).collect();
    name.trim_start_matches(|letter: char| letter == '_' || letter.is_ascii_digit()).to_owned()
}

fn syslog_rules(
    made: &Made,
    options: &BTreeMap<String, String>,
) -> Result<SyslogRules, EngineError> {
    let address = match parsed::syslog_address(options)? {
        parsed::SyslogPlace::Unix(path) => SyslogAddress::Unix(path),
        parsed::SyslogPlace::Udp(host) => SyslogAddress::Udp(resolve(&host)?),
        parsed::SyslogPlace::Tcp(host) => SyslogAddress::Tcp(resolve(&host)?),
        parsed::SyslogPlace::Here => {
            let found = LOCAL_SYSLOG.into_iter().find(|path| Path::new(path).exists());
            SyslogAddress::Unix(found.unwrap_or(LOCAL_SYSLOG[0]).into())
        }
    };
    Ok(SyslogRules {
        address,
        format: parsed::syslog_format(options)?,
        facility: parsed::facility(options)?,
        tag: tag(made)?,
        hostname: rustix::system::uname().nodename().to_string_lossy().into_owned(),
    })
}

/// The monitor knows no names: they are looked up at each start by a command.
fn resolve(host: &str) -> Result<SocketAddr, EngineError> {
    let wrong = |why: String| EngineError::value("log option syslog-address", host, why);
    let mut found = host.to_socket_addrs().map_err(|error| wrong(error.to_string()))?;
    found.next().ok_or_else(|| wrong("the name has no address".to_owned()))
}

/// What `inspect` says of it: the bounds that are in force for the default driver, the options as given for the others.
pub(crate) fn shown(config: &LogConfig) -> (&str, BTreeMap<String, String>) {
    let (driver, options) = parsed::driver_and_options(config);
    let mut options = options.clone();
    if driver == parsed::DEFAULT {
        for (name, value) in [("max-file", "3"), ("max-size", "10m")] {
            options.entry(name.to_owned()).or_insert_with(|| value.to_owned());
        }
    }
    (driver, options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_have_fields() {
        let field = |name: &str| Some(format!("<{name}>"));
        for (text, expected) in [
            ("x", "x"),
            ("{{.ID}}", "<ID>"),
            ("a/{{ .Name }}/{{.ImageName}}b", "a/<Name>/<ImageName>b"),
        ] {
            assert_eq!(expand_tag(text, &field).unwrap(), expected);
        }
        for text in ["{{.ID", "{{ID}}", "{{.Nothing}}", "{{json .}}"] {
            assert!(expand_tag(text, &field).is_err(), "{text}");
        }
    }

    #[test]
    fn names_are_the_journals() {
        assert_eq!(field_name("com.example/my-label"), "COM_EXAMPLE_MY_LABEL");
        assert_eq!(field_name("_1a"), "A");
    }
}
