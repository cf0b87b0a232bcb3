//! All values of a configuration, by subject. Start at [`Config`].
//!
//! Never reads a file: [`super::read`] does. Never looks at what is on the machine.

use std::collections::BTreeMap;

use super::item::{Item, NamedItem, items, word};
use super::keys::{self, Form, KEYS, Key, Known};
use super::life::{AutoStart, Hooks, Init, Monitor, Signals};
use super::limits::{Resources, known_limit};
use super::mounts::Mounts;
use super::namespaces::{KINDS, Namespaces};
use super::network::Network;
use super::problem::{BadValue, Problem};
use super::security::Security;
use super::terminals::Terminals;

/// What a container's configuration says. A default one says nothing; what then holds, each field tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each type says what it is")]
pub struct Config {
    pub init: Init,
    pub signals: Signals,
    pub hooks: Hooks,
    pub start: AutoStart,
    pub monitor: Monitor,
    pub terminals: Terminals,
    pub namespaces: Namespaces,
    pub resources: Resources,
    pub security: Security,
    pub mounts: Mounts,
    /// By their numbers, in whose order the container gets them.
    pub networks: BTreeMap<u32, Network>,
}

items!(Config, Item, item, item_mut {
    "lxc.apparmor.allow_incomplete" => security.apparmor_allow_incomplete,
    "lxc.apparmor.allow_nesting" => security.apparmor_allow_nesting,
    "lxc.apparmor.profile" => security.apparmor_profile,
    "lxc.apparmor.raw" => security.apparmor_raw,
    "lxc.arch" => init.architecture,
    "lxc.autodev" => mounts.devices,
    "lxc.autodev.tmpfs.size" => mounts.devices_bytes,
    "lxc.cap.drop" => security.dropped,
    "lxc.cap.keep" => security.kept,
    "lxc.cgroup.dir" => resources.directory,
    "lxc.cgroup.dir.container" => resources.container_directory,
    "lxc.cgroup.dir.container.inner" => resources.inner_directory,
    "lxc.cgroup.dir.monitor" => resources.monitor_directory,
    "lxc.cgroup.dir.monitor.pivot" => resources.pivot_directory,
    "lxc.cgroup.relative" => resources.relative,
    "lxc.console.buffer.size" => terminals.console_buffer_size,
    "lxc.console.logfile" => terminals.console_log,
    "lxc.console.path" => terminals.console,
    "lxc.console.rotate" => terminals.console_log_rotate,
    "lxc.console.size" => terminals.console_log_size,
    "lxc.environment" => init.environment,
    "lxc.environment.hooks" => init.environment_hooks,
    "lxc.environment.runtime" => init.environment_runtime,
    "lxc.ephemeral" => init.ephemeral,
    "lxc.execute.cmd" => init.execute,
    "lxc.group" => start.groups,
    "lxc.hook.autodev" => hooks.autodev,
    "lxc.hook.clone" => hooks.clone,
    "lxc.hook.destroy" => hooks.destroy,
    "lxc.hook.mount" => hooks.mount,
    "lxc.hook.post-stop" => hooks.post_stop,
    "lxc.hook.pre-mount" => hooks.pre_mount,
    "lxc.hook.pre-start" => hooks.pre_start,
    "lxc.hook.start" => hooks.start,
    "lxc.hook.start-host" => hooks.start_host,
    "lxc.hook.stop" => hooks.stop,
    "lxc.hook.version" => hooks.version,
    "lxc.idmap" => namespaces.id_maps,
    "lxc.init.cmd" => init.command,
    "lxc.init.cwd" => init.directory,
    "lxc.init.gid" => init.gid,
    "lxc.init.groups" => init.groups,
    "lxc.init.uid" => init.uid,
    "lxc.keyring.session" => security.without_session_keyring,
    "lxc.log.file" => monitor.log_file,
    "lxc.log.level" => monitor.log_level,
    "lxc.log.syslog" => monitor.syslog,
    "lxc.monitor.signal.pdeath" => signals.monitor_died,
    "lxc.monitor.unshare" => monitor.unshare,
    "lxc.mount.auto" => mounts.automatic,
    "lxc.mount.entry" => mounts.entries,
    "lxc.mount.fstab" => mounts.fstab,
    "lxc.namespace.clone" => namespaces.clone,
    "lxc.namespace.keep" => namespaces.keep,
    "lxc.no_new_privs" => security.no_new_privileges,
    "lxc.pty.max" => terminals.pseudo_terminals,
    "lxc.rootfs.managed" => mounts.root_managed,
    "lxc.rootfs.mount" => mounts.root_mount,
    "lxc.rootfs.options" => mounts.root_options,
    "lxc.rootfs.path" => mounts.root,
    "lxc.sched.core" => namespaces.core_scheduling,
    "lxc.seccomp.allow_nesting" => security.seccomp_allow_nesting,
    "lxc.seccomp.notify.cookie" => security.seccomp_cookie,
    "lxc.seccomp.notify.proxy" => security.seccomp_proxy,
    "lxc.seccomp.profile" => security.seccomp_profile,
    "lxc.selinux.context" => security.selinux_context,
    "lxc.selinux.context.keyring" => security.selinux_keyring_context,
    "lxc.signal.halt" => signals.halt,
    "lxc.signal.reboot" => signals.reboot,
    "lxc.signal.stop" => signals.stop,
    "lxc.start.auto" => start.enabled,
    "lxc.start.delay" => start.delay_s,
    "lxc.start.order" => start.order,
    "lxc.time.offset.boot" => namespaces.boot_offset,
    "lxc.time.offset.monotonic" => namespaces.monotonic_offset,
    "lxc.tty.dir" => terminals.directory,
    "lxc.tty.max" => terminals.terminals,
    "lxc.uts.name" => init.host_name,
});

items!(Config, NamedItem, table, table_mut {
    "lxc.cgroup" => resources.cgroup1,
    "lxc.cgroup2" => resources.cgroup2,
    "lxc.namespace.share" => namespaces.share,
    "lxc.prlimit" => resources.limits,
    "lxc.proc" => resources.proc,
    "lxc.sysctl" => resources.sysctls,
});

impl Config {
    /// Takes an entry of a file in, or forgets what was said before when the value is empty. An order, `lxc.include`, is not for
    /// this.
    ///
    /// # Errors
    /// For keys that there are not, and for values that are none of theirs; nothing has changed then.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), Problem> {
        if value.is_empty() {
            return self.empty(key);
        }
        let bad = |cause| Problem::Value { key: key.to_owned(), value: value.to_owned(), cause };
        match keys::find(key)? {
            Known::Plain(known) => self.set_plain(known, value, bad),
            Known::Named(known, name) => self.set_named(known, name, value).map_err(bad),
            Known::OfNetwork(number, known) => {
                if let Some(network) = self.networks.get_mut(&number) {
                    return network.set(known, value).map_err(bad);
                }
                let mut network = Network::default();
                network.set(known, value).map_err(bad)?;
                self.networks.insert(number, network);
                Ok(())
            }
            Known::Hooks | Known::Networks | Known::Network(_) => {
                Err(Problem::OnlyCleared(key.to_owned()))
            }
        }
    }

    fn set_plain(
        &mut self,
        known: &'static Key,
        value: &str,
        bad: impl Fn(BadValue) -> Problem,
    ) -> Result<(), Problem> {
        if let Some(other) = self.excluding(known.name) {
            return Err(bad(BadValue::ExcludedBy(other)));
        }
        match (known.form, self.item_mut(known.name)) {
            (Form::Named | Form::NamedList, _) => Err(Problem::OnlyCleared(known.name.to_owned())),
            (Form::Order, _) | (_, None) => Err(Problem::NotAValue(known.name.to_owned())),
            (Form::One | Form::List, Some(item)) => item.set(value).map_err(bad),
        }
    }

    /// A key that is set and must not be beside this one.
    fn excluding(&self, key: &str) -> Option<&'static str> {
        let (security, namespaces) = (&self.security, &self.namespaces);
        match key {
            "lxc.cap.keep" => (!security.dropped.0.is_empty()).then_some("lxc.cap.drop"),
            "lxc.cap.drop" => security.kept.capabilities.is_some().then_some("lxc.cap.keep"),
            "lxc.namespace.clone" => {
                (!namespaces.keep.0.is_empty()).then_some("lxc.namespace.keep")
            }
            "lxc.namespace.keep" => {
                (!namespaces.clone.0.is_empty()).then_some("lxc.namespace.clone")
            }
            _ => None,
        }
    }

    fn set_named(&mut self, known: &'static Key, name: &str, value: &str) -> Result<(), BadValue> {
        match known.name {
            "lxc.prlimit" => known_limit(name)?,
            "lxc.namespace.share" => word(KINDS, name).map(|_kind| ())?,
            // Names of files below a directory of the kernel's.
            _ if name.starts_with('/') || name.split('/').any(|part| part == "..") => {
                return Err(BadValue::Not("for a name that leads elsewhere"));
            }
            _ => {}
        }
        let replace = known.form == Form::Named;
        self.table_mut(known.name).map_or(Ok(()), |table| table.set(name, value, replace))
    }

    /// What an entry with an empty value does: for a few keys something else than [`Config::clear`].
    fn empty(&mut self, key: &str) -> Result<(), Problem> {
        let Known::Plain(Key { name, emptied: Some(value), .. }) = keys::find(key)? else {
            return self.clear(key);
        };
        self.set(name, value)
    }

    /// Forgets what was said of a key, of all hooks (`lxc.hook`), of one network (`lxc.net.0`) or of all (`lxc.net`).
    ///
    /// # Errors
    /// For keys that there are not.
    pub fn clear(&mut self, key: &str) -> Result<(), Problem> {
        match keys::find(key)? {
            Known::Plain(known) => self.clear_plain(known.name),
            Known::Named(known, name) => {
                if let Some(table) = self.table_mut(known.name) {
                    table.clear(Some(name));
                }
            }
            Known::Hooks => self.hooks = Hooks { version: self.hooks.version, ..Hooks::default() },
            Known::Networks => self.networks.clear(),
            Known::Network(number) => {
                self.networks.remove(&number);
            }
            Known::OfNetwork(number, known) => {
                if let Some(network) = self.networks.get_mut(&number) {
                    network.clear(known);
                    if *network == Network::default() {
                        self.networks.remove(&number);
                    }
                }
            }
        }
        Ok(())
    }

    fn clear_plain(&mut self, name: &str) {
        if name.starts_with("lxc.cap.") {
            // One list in LXC, and which of both it is.
            self.security.dropped.clear();
            self.security.kept.clear();
        } else if let Some(item) = self.item_mut(name) {
            item.clear();
        } else if let Some(table) = self.table_mut(name) {
            table.clear(None);
        }
    }

    /// A key's value as `lxc-info -c` shows it, without the newline behind: lists one a line, `lxc.sysctl` and its like as lines
    /// of a file, `lxc.net` as the types of all networks.
    ///
    /// # Errors
    /// For keys that there are not, for `lxc.hook`, `lxc.include` and `lxc.net.NUMBER`, which have no value, and for keys of networks
    /// that there are not or that are of another type.
    pub fn get(&self, key: &str) -> Result<String, Problem> {
        let none = || Problem::NoNetwork(key.to_owned());
        match keys::find(key)? {
            Known::Plain(known) => match (self.item(known.name), self.table(known.name)) {
                (Some(item), _) => Ok(item.show().unwrap_or_else(|| known.unset.to_owned())),
                (None, Some(table)) => Ok(table.show(known.name, None)),
                (None, None) => Err(Problem::NotAValue(key.to_owned())),
            },
            Known::Named(known, name) => {
                if known.name == "lxc.namespace.share" {
                    let bad =
                        |cause| Problem::Value { key: key.to_owned(), value: String::new(), cause };
                    word(KINDS, name).map_err(bad)?;
                }
                let shown = self.table(known.name).map(|table| table.show(known.name, Some(name)));
                Ok(shown.unwrap_or_default())
            }
            Known::Networks => {
                let types = self.networks.values().filter_map(type_of);
                Ok(types.map(|kind| kind + "\n").collect())
            }
            Known::OfNetwork(number, known) => {
                self.networks.get(&number).and_then(|network| network.show(known)).ok_or_else(none)
            }
            Known::Hooks | Known::Network(_) => Err(Problem::NotAValue(key.to_owned())),
        }
    }

    /// Keys below another, without it: those of the table, and for `lxc.net.NUMBER` those that a network of its type has.
    #[must_use]
    pub fn below(&self, prefix: &str) -> Vec<&'static str> {
        match keys::find(prefix) {
            Ok(Known::Network(number)) => self
                .networks
                .get(&number)
                .map(|network| network.keys().collect())
                .unwrap_or_default(),
            _ => keys::below(prefix).collect(),
        }
    }

    /// Keys and values, of which a file can be made that says the same: those of the table in its order, then networks.
    #[must_use]
    pub fn entries(&self) -> Vec<(String, String)> {
        let mut entries = Vec::new();
        for known in KEYS {
            let texts = self.item(known.name).map(Item::write).unwrap_or_default();
            entries.extend(texts.into_iter().map(|text| (known.name.to_owned(), text)));
            let named = self.table(known.name).map(NamedItem::write).unwrap_or_default();
            entries.extend(
                named.into_iter().map(|(name, text)| (format!("{}.{name}", known.name), text)),
            );
        }
        for (number, network) in &self.networks {
            let texts = network.write().into_iter();
            entries.extend(texts.map(|(key, text)| (format!("lxc.net.{number}.{key}"), text)));
        }
        entries
    }
}

fn type_of(network: &Network) -> Option<String> {
    let Ok(Known::OfNetwork(_, key)) = keys::find("lxc.net.0.type") else { return None };
    network.show(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_the_table_has_a_field() {
        let config = Config::default();
        for known in KEYS {
            let (item, table) =
                (config.item(known.name).is_some(), config.table(known.name).is_some());
            let named = matches!(known.form, Form::Named | Form::NamedList);
            let held = matches!(known.form, Form::One | Form::List);
            assert_eq!((item, table), (held, named), "{}", known.name);
        }
    }

    #[test]
    fn what_is_refused_changes_nothing() {
        let mut config = Config::default();
        for (key, value) in
            [("lxc.cap.drop", "chown sys_nothing"), ("lxc.net.0.veth.pair", "a"), ("lxc.group", "")]
        {
            let _ = config.set(key, value);
        }
        assert_eq!(config.networks.len(), 0);
    }
}
