//! What a container finds in `/etc/hosts`, `/etc/resolv.conf` and `/etc/hostname`. Source: hosts(5), resolv.conf(5).

use serde::{Deserialize, Serialize};

/// What the caller wants in those files; empty is what the host has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HostRules {
    /// Addresses of name servers.
    pub dns: Vec<String>,
    /// Domains that are searched; `.` for none.
    pub dns_search: Vec<String>,
    /// Options of the resolver.
    pub dns_options: Vec<String>,
    /// `name:address`, as Docker writes it.
    pub extra_hosts: Vec<String>,
    /// Whether `/etc/hosts` stays the image's.
    pub no_hosts: bool,
    /// Whether `/etc/hostname` stays the image's.
    pub no_hostname: bool,
}

impl HostRules {
    /// Whether the host's `/etc/resolv.conf` is not good enough.
    pub(crate) const fn changes_resolver(&self) -> bool {
        !self.dns.is_empty() || !self.dns_search.is_empty() || !self.dns_options.is_empty()
    }
}
