//! Names for containers: one process that answers for all of them, and knows no record.
//!
//! A container's monitor makes two sockets inside the container ([`crate::NameSockets`]), keeps them, and hands duplicates to the
//! resolver together with what the container is called ([`Registration`]). What the resolver knows is exactly what is registered: names
//! go when the monitor's connection ends, and when the resolver ends all monitors register again with the next one, while questions
//! wait in the sockets that the monitors hold. Whatever it does not know it asks a name server of the host or of the container, from
//! the host's network namespace, unless the container has internal networks only.
//!
//! One thread waits for everything; nothing blocks. Start at [`run`], then `server.rs`. Sources: RFC 1034, 1035 (messages), 2308 (what
//! does not exist), 6891 (EDNS), 7766 (TCP), 5452 (forged answers), resolv.conf(5).

mod cache;
mod host;
mod message;
mod poll;
pub(crate) mod process;
mod protocol;
mod random;
mod registration;
mod server;
mod table;
mod upstream;

pub use host::HostFile;
pub use process::{Ended, RunError, run, runs};
pub use protocol::{Answer, Link, Member, Membership, UpstreamRules};
pub use registration::{ConnectError, Registration};

#[cfg(fuzzing)]
pub mod fuzzing;
