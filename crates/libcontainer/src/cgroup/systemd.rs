//! Groups that systemd makes: a transient unit per container, over D-Bus.
//!
//! [`Systemd::detect`] asks the manager once; the plan names the unit and its properties; [`scope`] has the unit started
//! around a process, changed and stopped. All else is done in the unit's directories as without systemd: it delegates them.
//! Sources: org.freedesktop.systemd1(5), systemd.resource-control(5), systemd's "Control Group APIs and Delegation".

use std::fmt;
use std::io;

use serde::{Deserialize, Serialize};

mod connection;
mod delegated;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod message;
pub(super) mod scope;
mod value;

pub use delegated::{AdoptError, adopt};
pub use value::Value;
pub(super) use value::{parse, parse_seconds};

use connection::Connection;

/// Where a manager is reached: the addresses that are tried, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bus {
    /// Paths of sockets; abstract ones begin with `@`.
    pub addresses: Vec<String>,
}

impl Bus {
    /// systemd's own socket, which needs no bus daemon but lets root in only.
    const PRIVATE: &str = "/run/systemd/private";
    /// How that of a user's manager ends, which lets him in without a bus daemon of his own.
    const PRIVATE_OF_USER: &str = "/systemd/private";

    /// The machine's.
    pub fn system() -> Self {
        Self { addresses: vec!["/run/dbus/system_bus_socket".to_owned(), Self::PRIVATE.to_owned()] }
    }

    /// A user's, from the text of `DBUS_SESSION_BUS_ADDRESS`; `None` when it names no socket of a kind that we know.
    pub fn from_address(text: &str) -> Option<Self> {
        let socket = |address: &str| {
            address.strip_prefix("unix:")?.split(',').find_map(|pair| {
                match pair.split_once('=')? {
                    ("path", path) => unescape(path),
                    ("abstract", name) => Some(format!("@{}", unescape(name)?)),
                    _ => None,
                }
            })
        };
        let addresses: Vec<String> = text.split(';').filter_map(socket).collect();
        (!addresses.is_empty()).then_some(Self { addresses })
    }
}

impl Bus {
    /// A user's, by what his environment says: `DBUS_SESSION_BUS_ADDRESS`, or the sockets below `XDG_RUNTIME_DIR`. `None` when neither is set.
    pub fn of_user(address: Option<&str>, runtime_directory: Option<&str>) -> Option<Self> {
        let named = address.and_then(Self::from_address);
        let below = runtime_directory.into_iter().flat_map(|directory| {
            ["/bus", Self::PRIVATE_OF_USER].map(|name| format!("{directory}{name}"))
        });
        let addresses: Vec<_> =
            named.into_iter().flat_map(|bus| bus.addresses).chain(below).collect();
        (!addresses.is_empty()).then_some(Self { addresses })
    }
}

/// Values in addresses write bytes as `%` and two hexadecimal digits. D-Bus Specification, "Server Addresses".
fn unescape(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let digits =
            part.get(..2).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).ok().filter(|text| !text.is_empty() && !text.contains('\0'))
}

/// A manager that answers: the machine's, or a user's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Systemd {
    /// Where it is reached.
    pub bus: Bus,
    /// Its version, which decides what properties it knows.
    pub version: u32,
    /// The group that it works in, without a leading slash: empty for the machine's manager.
    pub control_group: String,
    /// Whether it is a user's, whose containers have another slice by default.
    pub user: bool,
}

impl Systemd {
    /// Asks the manager on `bus` who it is. Takes a few milliseconds.
    ///
    /// # Errors
    /// [`BusError`] when nobody answers.
    pub fn detect(bus: Bus, user: bool) -> Result<Self, BusError> {
        let mut connection = Connection::open(&bus)?;
        let text = connection.manager_text("Version")?;
        // "252", "v245.4-1.fc32", "257.9-1~deb13u1".
        let digits = text.trim_start_matches('v').split(|c: char| !c.is_ascii_digit()).next();
        let version = digits.and_then(|digits| digits.parse().ok());
        let version =
            version.ok_or_else(|| BusError::Unexpected { member: "Version".to_owned() })?;
        let control_group =
            if user { connection.manager_text("ControlGroup")? } else { String::new() };
        let control_group = control_group.trim_matches('/').to_owned();
        Ok(Self { bus, version, control_group, user })
    }
}

/// A property of a unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Property {
    /// For example `MemoryMax`.
    pub name: String,
    /// For example 64 MiB.
    pub value: Value,
}

/// A transient unit, as data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    /// Where its manager is reached.
    pub bus: Bus,
    /// The manager's version.
    pub version: u32,
    /// `PREFIX-NAME.scope`, or the name of a slice.
    pub name: String,
    /// What it is started with, besides the process; for a change, what changes.
    pub properties: Vec<Property>,
}

impl Unit {
    pub(super) fn set(&mut self, name: &str, value: Value) {
        self.properties.push(Property { name: name.to_owned(), value });
    }

    /// Scopes are made of processes; a slice has none of its own.
    pub(super) fn is_slice(&self) -> bool {
        self.name.ends_with(".slice")
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "start systemd unit {}:", self.name)?;
        self.properties.iter().enumerate().try_for_each(|(at, property)| {
            let separator = if at == 0 { "" } else { "," };
            write!(f, "{separator} {} = {}", property.name, property.value)
        })
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, values: &[Self]| {
            values
                .iter()
                .enumerate()
                .try_for_each(|(at, value)| write!(f, "{}{value}", if at == 0 { "" } else { " " }))
        };
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Byte(value) => value.fmt(f),
            Self::Int16(value) => value.fmt(f),
            Self::Uint16(value) => value.fmt(f),
            Self::Int32(value) => value.fmt(f),
            Self::Uint32(value) => value.fmt(f),
            Self::Int64(value) => value.fmt(f),
            Self::Uint64(u64::MAX) => f.write_str("infinity"),
            Self::Uint64(value) => value.fmt(f),
            Self::Text(text) => f.write_str(text),
            Self::Bytes(bytes) => bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
            Self::Array(_, values) => {
                f.write_str("[")?;
                list(f, values)?;
                f.write_str("]")
            }
            Self::Struct(fields) => list(f, fields),
        }
    }
}

/// systemd could not be asked, or did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// Nobody listens.
    #[error("connect to systemd at {address}")]
    Connect {
        /// The first address.
        address: String,
        /// Cause.
        #[source]
        cause: io::Error,
    },
    /// The connection broke, or the answer took too long.
    #[error("call {member} of systemd")]
    Lost {
        /// The method.
        member: String,
        /// Cause.
        #[source]
        cause: io::Error,
    },
    /// systemd answered with an error.
    #[error("call {member} of systemd: {text} ({name})")]
    Refused {
        /// The method.
        member: String,
        /// The error's name.
        name: String,
        /// The error's explanation.
        text: String,
    },
    /// The answer has another form.
    #[error("call {member} of systemd: the answer is not understood")]
    Unexpected {
        /// The method or property.
        member: String,
    },
    /// The job ended otherwise than `done`.
    #[error("{action} systemd unit {unit}: the job ended as {result:?}")]
    Job {
        /// `start` or `stop`.
        action: &'static str,
        /// The unit.
        unit: String,
        /// In systemd's word, for example `failed`.
        result: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_buses() {
        let bus = |text: &str| Bus::from_address(text).map(|bus| bus.addresses);
        assert_eq!(
            bus("unix:path=/run/user/1000/bus"),
            Some(vec!["/run/user/1000/bus".to_owned()])
        );
        assert_eq!(
            bus("tcp:host=x;unix:abstract=/tmp/a%20b,guid=12;unix:path=/x"),
            Some(vec!["@/tmp/a b".to_owned(), "/x".to_owned()])
        );
        for odd in ["", "unix:", "tcp:host=x", "unix:path=%zz", "unix:path=%", "unix:path="] {
            assert_eq!(bus(odd), None, "{odd}");
        }
    }
}
