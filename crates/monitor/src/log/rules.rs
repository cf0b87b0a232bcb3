//! What becomes of what a container writes, as the engine tells the monitor.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Where a container's output is logged, and who waits for whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogRules {
    /// Where it goes.
    pub driver: LogDriver,
    /// Bytes of lines that may wait for a busy receiver before lines are dropped; nothing is that the container waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buffer_bytes: Option<u64>,
}

/// Where lines go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogDriver {
    /// Nowhere.
    None,
    /// The container writes to its caller's streams by itself.
    Passthrough,
    /// Files.
    Files(FileRules),
    /// systemd's journal.
    Journald(JournaldRules),
    /// A receiver of syslog.
    Syslog(SyslogRules),
}

/// Lines in files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRules {
    /// How a line is written.
    pub format: FileFormat,
    /// The file; without one it is in the container's directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// Bytes after which a new file is begun.
    pub max_bytes: u64,
    /// Files that are kept.
    pub max_files: u32,
    /// Whether files are compressed that are no longer written to.
    #[serde(default)]
    pub compress: bool,
    /// What stands beside each line.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
}

/// How a line is written into a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileFormat {
    /// Docker's: an object with `log`, `stream` and `time`.
    #[default]
    Json,
    /// The text of Kubernetes' container runtime interface: time, stream, `F` or `P`, and the line.
    Kubernetes,
}

/// Lines in the journal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournaldRules {
    /// Fields of each entry beside those of the line itself: names of capital letters, digits and underscores.
    pub fields: BTreeMap<String, String>,
}

/// Lines to a receiver of syslog.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyslogRules {
    /// Where it listens.
    pub address: SyslogAddress,
    /// How a message is written.
    pub format: SyslogFormat,
    /// RFC 5424, section 6.2.1: 0 to 23.
    pub facility: u8,
    /// What the messages are called.
    pub tag: String,
    /// The machine's name.
    pub hostname: String,
}

/// Where a receiver of syslog listens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SyslogAddress {
    /// A socket of this machine, for datagrams or a stream.
    Unix(PathBuf),
    /// A message each datagram.
    Udp(SocketAddr),
    /// A message each line.
    Tcp(SocketAddr),
}

/// How a message is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SyslogFormat {
    /// As syslog(3) writes to this machine's own receiver: without a host name.
    Local,
    /// RFC 3164.
    Rfc3164,
    /// RFC 5424, times in seconds.
    Rfc5424,
    /// The same, times in microseconds.
    Rfc5424Micro,
}

impl Default for FileRules {
    /// Three files of ten megabytes: a container cannot fill the host's disk.
    fn default() -> Self {
        Self {
            format: FileFormat::Json,
            path: None,
            max_bytes: 10_000_000,
            max_files: 3,
            compress: false,
            attributes: BTreeMap::new(),
        }
    }
}

impl Default for LogRules {
    fn default() -> Self {
        Self { driver: LogDriver::Files(FileRules::default()), buffer_bytes: None }
    }
}
