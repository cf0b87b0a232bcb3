//! Which keys the engine heeds: the one place that decides it. What is refused is refused by name when a container that has the key
//! is started or made, never passed over.

/// Whether a key is heeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// What it says happens.
    Honoured,
    /// A container that sets it does not start, for this reason.
    Refused(&'static str),
}

/// Keys that are refused, and why; those of networks are written `lxc.net.*.KEY`.
const REFUSED: &[(&str, &str)] = &[(
    "lxc.cgroup.dir.monitor.pivot",
    "a monitor is in none of its container's groups, so that it never has to leave one",
)];

/// Whether a key is heeded: a name of [`super::keys::KEYS`], or `lxc.net.*.` and one of [`super::keys::NETWORK_KEYS`].
#[must_use]
pub fn support(key: &str) -> Support {
    let refused = REFUSED.iter().find(|(name, _)| *name == key);
    refused.map_or(Support::Honoured, |(_, reason)| Support::Refused(reason))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::keys::{KEYS, NETWORK_KEYS};

    #[test]
    fn what_is_refused_is_a_key() {
        for (name, _) in REFUSED {
            let plain = KEYS.iter().any(|key| key.name == *name);
            let of_network = name.strip_prefix("lxc.net.*.");
            let network =
                of_network.is_some_and(|name| NETWORK_KEYS.iter().any(|key| key.name == name));
            assert!(plain || network, "{name}");
            assert_ne!(support(name), Support::Honoured);
        }
        assert_eq!(support("lxc.uts.name"), Support::Honoured);
    }
}
