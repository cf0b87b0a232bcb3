//! Configurations of containers as LXC writes them: parsed, typed, checked, written again, and brought up from old versions.
//!
//! A [`Document`] is a file: lines that stay as they are, and the [`Config`] that they and their includes make. [`keys`] has every
//! key as data, [`support`] which of them the engine heeds. [`system`] is the configuration of LXC itself, [`update`] makes files
//! of before LXC 2.1 new ones. Nothing is written to disk here, and nothing of the machine is read but the files that are named.
//!
//! The same lines are read as LXC 5 and 6 read them. What LXC takes without a word and then does not do is refused: names of signals,
//! levels or limits that there are not, addresses and names of interfaces that no kernel takes, mounts of half a line.
//!
//! Sources: lxc.container.conf(5), lxc.system.conf(5), lxc.conf(5), and what LXC's tools answer, which the tests hold this against.
//!
//! ```
//! use std::path::Path;
//!
//! use lxc::config::{Document, Limits, read::from_disk};
//!
//! let text = b"# mine\nlxc.uts.name = web\nlxc.net.0.type = veth\nlxc.net.0.link = lxcbr0\n";
//! let mut document = Document::read(Path::new("config"), text, &Limits::default(), &mut from_disk)?;
//! assert_eq!(document.get("lxc.net.0.veth.mode").ok().as_deref(), Some("bridge"));
//! document.clear("lxc.net.0")?;
//! document.set("lxc.uts.name", "web2")?;
//! assert_eq!(document.to_bytes(), b"# mine\nlxc.uts.name = web\nlxc.uts.name = web2\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod address;
mod document;
pub(crate) mod item;
mod legacy;
pub(crate) mod numbers;
mod paths;
mod problem;
mod text;
mod values;

pub mod check;
pub mod keys;
pub mod life;
pub mod limits;
pub mod mounts;
pub mod namespaces;
pub mod network;
pub mod read;
pub mod security;
pub mod support;
pub mod system;
pub mod terminals;
pub mod update;

pub use address::{Gateway, HardwareAddress, InterfaceName, Ipv4Interface, Ipv6Interface, Route};
pub use document::{Document, Refused, file_of};
pub use item::{Table, Words};
pub use numbers::{BufferSize, ClockOffset, Switch};
pub use paths::{DeviceDirectory, GroupPath, HostName, PathComponent};
pub use problem::{BadValue, ConfigError, Place, Problem, Unreadable};
pub use read::Limits;
pub use text::{Line, Text, entry};
pub use values::Config;
