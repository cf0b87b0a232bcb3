//! What a container may do: capabilities, AppArmor, SELinux, system calls.

use std::path::PathBuf;

use super::item::{Item, Value, Words, blanks, lines};
use super::numbers::{Switch, up_to};
use super::problem::BadValue;

/// Keys of Linux security modules, filters and capabilities.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Security {
    /// `lxc.apparmor.profile`: a profile, `generated`, `unconfined` or `unchanged`.
    pub apparmor_profile: Option<String>,
    /// `lxc.apparmor.allow_incomplete`: start where the kernel's AppArmor lacks mediation of mounts.
    pub apparmor_allow_incomplete: Option<Switch>,
    /// `lxc.apparmor.allow_nesting`: a generated profile lets containers run inside.
    pub apparmor_allow_nesting: Option<Switch>,
    /// `lxc.apparmor.raw`: lines for a generated profile.
    pub apparmor_raw: Vec<String>,
    /// `lxc.cap.drop`: capabilities that are taken away.
    pub dropped: Words<Capability>,
    /// `lxc.cap.keep`: the only capabilities that stay.
    pub kept: Kept,
    /// `lxc.no_new_privs`: executing a program gives no rights, prctl(2).
    pub no_new_privileges: Option<Switch>,
    /// `lxc.seccomp.profile`: a file of rules in LXC's own language.
    pub seccomp_profile: Option<PathBuf>,
    /// `lxc.seccomp.allow_nesting`: the filter is loaded even if there is one already.
    pub seccomp_allow_nesting: Option<Switch>,
    /// `lxc.seccomp.notify.proxy`: the socket whose owner answers calls that are asked for.
    pub seccomp_proxy: Option<ProxySocket>,
    /// `lxc.seccomp.notify.cookie`: what the proxy is told with each of them.
    pub seccomp_cookie: Option<String>,
    /// `lxc.selinux.context`.
    pub selinux_context: Option<String>,
    /// `lxc.selinux.context.keyring`.
    pub selinux_keyring_context: Option<String>,
    /// `lxc.keyring.session`: whether the container goes without a session keyring of its own.
    pub without_session_keyring: Option<Switch>,
}

/// One capability of capabilities(7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capability {
    /// As it was written: a name in small letters without `CAP_`, or a number.
    pub name: String,
    /// Its number.
    pub number: u8,
}

/// Numbers fit into 64 bits.
const MOST_CAPABILITY: u64 = 63;

impl Value for Capability {
    fn read(text: &str) -> Result<Self, BadValue> {
        let lower = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        let bit =
            libcontainer::capability::bit(text).filter(|_| lower && !text.starts_with("cap_"));
        let number = match bit {
            Some(bit) => bit.trailing_zeros().into(),
            None => up_to(text, MOST_CAPABILITY)
                .map_err(|_number| BadValue::Not("a capability in small letters, without CAP_"))?,
        };
        Ok(Self { name: text.to_owned(), number: u8::try_from(number).unwrap_or(u8::MAX) })
    }

    fn show(&self) -> String {
        self.name.clone()
    }
}

/// `lxc.cap.keep`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Nothing when nothing is said; empty when none are kept.
    pub capabilities: Option<Vec<Capability>>,
}

/// Forgets those that were named before it.
const NONE: &str = "none";

impl Item for Kept {
    fn set(&mut self, text: &str) -> Result<(), BadValue> {
        let words: Vec<&str> = blanks(text).collect();
        let forgets = words.iter().rposition(|word| *word == NONE);
        let named = words.iter().filter(|word| **word != NONE);
        let mut read: Vec<Capability> =
            named.map(|word| Capability::read(word)).collect::<Result<_, _>>()?;
        let kept = self.capabilities.get_or_insert_default();
        if let Some(at) = forgets {
            kept.clear();
            let before = words[..at].iter().filter(|word| **word != NONE).count();
            read.drain(..before);
        }
        kept.append(&mut read);
        Ok(())
    }

    fn clear(&mut self) {
        self.capabilities = None;
    }

    fn show(&self) -> Option<String> {
        self.capabilities.as_ref().map(|kept| lines(kept))
    }

    fn write(&self) -> Vec<String> {
        match &self.capabilities {
            Some(kept) if kept.is_empty() => vec![NONE.to_owned()],
            Some(kept) => Item::write(kept),
            None => Vec::new(),
        }
    }
}

/// Where a proxy of system calls listens, unix(7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProxySocket {
    /// A socket in the file system.
    Path(String),
    /// A name in the abstract space, without its first byte.
    Abstract(String),
}

/// sun_path with its final or first zero.
const MOST_SOCKET_BYTES: usize = 107;

impl Value for ProxySocket {
    fn read(text: &str) -> Result<Self, BadValue> {
        let wrong = BadValue::Not("unix: and an absolute path, or unix:@ and a name");
        let address = text.strip_prefix("unix:").ok_or_else(|| wrong.clone())?;
        if address.len() > MOST_SOCKET_BYTES {
            return Err(BadValue::LongerThan(MOST_SOCKET_BYTES));
        }
        match address.strip_prefix('@') {
            Some(name) if !name.is_empty() => Ok(Self::Abstract(name.to_owned())),
            None if address.starts_with('/') => Ok(Self::Path(address.to_owned())),
            _ => Err(wrong),
        }
    }

    fn show(&self) -> String {
        match self {
            Self::Path(name) | Self::Abstract(name) => name.clone(),
        }
    }

    fn write(&self) -> String {
        match self {
            Self::Path(path) => format!("unix:{path}"),
            Self::Abstract(name) => format!("unix:@{name}"),
        }
    }
}
