//! A container's life: its first process, signals that end it, hooks, starting with the machine, its monitor and logs.

use std::path::PathBuf;

use super::item::{Item, Value, Words, words};
use super::numbers::{Switch, up_to};
use super::paths::HostName;
use super::problem::BadValue;

/// Keys of the first process and of what it finds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Init {
    /// `lxc.init.cmd`: the program that starts a system, `/sbin/init` unless set, with arguments.
    pub command: Option<String>,
    /// `lxc.execute.cmd`: what lxc-execute runs when it is told nothing.
    pub execute: Option<String>,
    /// `lxc.init.cwd`: its working directory.
    pub directory: Option<PathBuf>,
    /// `lxc.init.uid`: its user inside.
    pub uid: Option<u32>,
    /// `lxc.init.gid`: its group inside.
    pub gid: Option<u32>,
    /// `lxc.init.groups`: its further groups inside.
    pub groups: GroupIds,
    /// `lxc.environment`: for it and for the hooks.
    pub environment: Vec<Variable>,
    /// `lxc.environment.runtime`: for it alone.
    pub environment_runtime: Vec<Variable>,
    /// `lxc.environment.hooks`: for hooks alone.
    pub environment_hooks: Vec<Variable>,
    /// `lxc.uts.name`: the host's name inside.
    pub host_name: Option<HostName>,
    /// `lxc.arch`: what uname(2) says of the machine.
    pub architecture: Option<Architecture>,
    /// `lxc.ephemeral`: the container is removed when it stops.
    pub ephemeral: Option<Switch>,
}

/// Group ids, several between commas.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupIds(pub Vec<u32>);

impl Item for GroupIds {
    fn set(&mut self, text: &str) -> Result<(), BadValue> {
        let ids = text.split(',').filter(|id| !id.is_empty());
        let read: Vec<u32> = ids.map(u32::read).collect::<Result<_, _>>()?;
        if read.is_empty() {
            return Err(BadValue::Not("numbers with commas between"));
        }
        self.0.extend(read);
        Ok(())
    }

    fn clear(&mut self) {
        self.0.clear();
    }

    fn show(&self) -> Option<String> {
        let ids: Vec<String> = self.0.iter().map(u32::to_string).collect();
        (!ids.is_empty()).then(|| ids.join(","))
    }

    fn write(&self) -> Vec<String> {
        self.show().into_iter().collect()
    }
}

/// One variable of an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Nothing: the one that whoever starts the container has; it must have it.
    pub value: Option<String>,
}

impl Value for Variable {
    fn read(text: &str) -> Result<Self, BadValue> {
        let (name, value) =
            text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value)));
        if name.is_empty() {
            return Err(BadValue::Not("NAME=VALUE or NAME"));
        }
        Ok(Self { name: name.to_owned(), value: value.map(str::to_owned) })
    }

    fn show(&self) -> String {
        self.value
            .as_ref()
            .map_or_else(|| self.name.clone(), |value| format!("{}={value}", self.name))
    }
}

/// What personality(2) makes of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// As a processor of 64 bits, or as the machine is.
    Bits64,
    /// As a processor of 32 bits.
    Bits32,
}

/// Names of processors; the first of each kind is the one that is shown.
const ARCHITECTURES: &[(&str, Architecture)] = &[
    ("x86_64", Architecture::Bits64),
    ("i686", Architecture::Bits32),
    ("aarch64", Architecture::Bits64),
    ("amd64", Architecture::Bits64),
    ("arm64", Architecture::Bits64),
    ("linux64", Architecture::Bits64),
    ("loongarch64", Architecture::Bits64),
    ("loong64", Architecture::Bits64),
    ("mips64", Architecture::Bits64),
    ("mips64el", Architecture::Bits64),
    ("ppc64", Architecture::Bits64),
    ("ppc64el", Architecture::Bits64),
    ("ppc64le", Architecture::Bits64),
    ("powerpc64", Architecture::Bits64),
    ("riscv64", Architecture::Bits64),
    ("s390x", Architecture::Bits64),
    ("arm", Architecture::Bits32),
    ("armel", Architecture::Bits32),
    ("armhf", Architecture::Bits32),
    ("armv7l", Architecture::Bits32),
    ("athlon", Architecture::Bits32),
    ("i386", Architecture::Bits32),
    ("i486", Architecture::Bits32),
    ("i586", Architecture::Bits32),
    ("linux32", Architecture::Bits32),
    ("mips", Architecture::Bits32),
    ("mipsel", Architecture::Bits32),
    ("ppc", Architecture::Bits32),
    ("powerpc", Architecture::Bits32),
    ("x32", Architecture::Bits32),
    ("x86", Architecture::Bits32),
];
words!(Architecture, ARCHITECTURES);

/// Keys of signals.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signals {
    /// `lxc.signal.halt`: asks the system to stop; SIGPWR, or SIGRTMIN+3 for systemd, unless set.
    pub halt: Option<Signal>,
    /// `lxc.signal.reboot`: asks it to start anew; SIGINT unless set.
    pub reboot: Option<Signal>,
    /// `lxc.signal.stop`: ends it at once; SIGKILL unless set.
    pub stop: Option<Signal>,
    /// `lxc.monitor.signal.pdeath`: what the first process gets when its monitor dies; SIGKILL unless set.
    pub monitor_died: Option<Signal>,
}

/// A signal's number; zero stands for none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signal(pub i32);

/// SIGRTMAX.
const MOST_SIGNAL: u64 = 64;

impl Value for Signal {
    fn read(text: &str) -> Result<Self, BadValue> {
        let wrong = BadValue::Not("a number or a name with SIG");
        if text.starts_with(|first: char| first.is_ascii_digit()) {
            let number = up_to(text, MOST_SIGNAL)?;
            return i32::try_from(number).map(Self).map_err(|_never| wrong);
        }
        let upper = text.to_ascii_uppercase();
        let name = upper.strip_prefix("SIG").ok_or_else(|| wrong.clone())?;
        // Of the real-time signals LXC takes those alone that are counted from one end, and numbers stand by themselves.
        let counted = name.strip_prefix("RTMIN+").or_else(|| name.strip_prefix("RTMAX-"));
        let digits =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let known = match counted {
            Some(count) => digits(count),
            None => {
                !name.starts_with("RT")
                    && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
                    && !digits(name)
            }
        };
        if !known {
            return Err(wrong);
        }
        engine::parse::signal_number(&upper).map(Self).map_err(|_unknown| wrong)
    }

    fn show(&self) -> String {
        self.0.to_string()
    }
}

/// Keys of hooks: programs that are run on the way, each with its arguments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hooks {
    /// `lxc.hook.version`: how they are told what happens: 0 by arguments, 1 by environment.
    pub version: Option<HookVersion>,
    /// `lxc.hook.pre-start`: on the host, before anything is made.
    pub pre_start: Vec<String>,
    /// `lxc.hook.start-host`: on the host, when namespaces and mounts are there.
    pub start_host: Vec<String>,
    /// `lxc.hook.pre-mount`: in the mount namespace, before the root is mounted.
    pub pre_mount: Vec<String>,
    /// `lxc.hook.mount`: in the mount namespace, when mounts are done and the root is not entered.
    pub mount: Vec<String>,
    /// `lxc.hook.autodev`: after `mount`, for devices.
    pub autodev: Vec<String>,
    /// `lxc.hook.start`: inside, just before the first program.
    pub start: Vec<String>,
    /// `lxc.hook.stop`: on the host, with descriptors of the namespaces, when the container has ended.
    pub stop: Vec<String>,
    /// `lxc.hook.post-stop`: on the host, at the end.
    pub post_stop: Vec<String>,
    /// `lxc.hook.clone`: for a copy.
    pub clone: Vec<String>,
    /// `lxc.hook.destroy`: before a container is removed.
    pub destroy: Vec<String>,
}

/// How hooks are told what happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookVersion {
    /// By arguments: name, section, kind, and what belongs to it.
    Arguments,
    /// By variables alone.
    Environment,
}

impl Value for HookVersion {
    fn read(text: &str) -> Result<Self, BadValue> {
        Switch::read(text).map(|switch| if switch.0 { Self::Environment } else { Self::Arguments })
    }

    fn show(&self) -> String {
        Switch(*self == Self::Environment).show()
    }
}

/// Keys of starting with the machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AutoStart {
    /// `lxc.start.auto`.
    pub enabled: Option<Switch>,
    /// `lxc.start.delay`: seconds to wait after it before the next one.
    pub delay_s: Option<u32>,
    /// `lxc.start.order`: lower ones start first.
    pub order: Option<i32>,
    /// `lxc.group`: names of sets to which it belongs.
    pub groups: Words<String>,
}

/// Keys of the monitor and its log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Monitor {
    /// `lxc.monitor.unshare`: it leaves the host's mount namespace before hooks run.
    pub unshare: Option<Switch>,
    /// `lxc.log.file`.
    pub log_file: Option<PathBuf>,
    /// `lxc.log.level`.
    pub log_level: Option<LogLevel>,
    /// `lxc.log.syslog`.
    pub syslog: Option<Facility>,
}

/// How much is logged, the most first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "LXC's names")]
pub enum LogLevel {
    Trace,
    Debug,
    Info,
    Notice,
    Warn,
    Error,
    Critical,
    Alert,
    Fatal,
}

/// In the order of their numbers.
const LOG_LEVELS: &[(&str, LogLevel)] = &[
    ("TRACE", LogLevel::Trace),
    ("DEBUG", LogLevel::Debug),
    ("INFO", LogLevel::Info),
    ("NOTICE", LogLevel::Notice),
    ("WARN", LogLevel::Warn),
    ("ERROR", LogLevel::Error),
    ("CRIT", LogLevel::Critical),
    ("ALERT", LogLevel::Alert),
    ("FATAL", LogLevel::Fatal),
];

impl Value for LogLevel {
    fn read(text: &str) -> Result<Self, BadValue> {
        if text.starts_with(|first: char| first.is_ascii_digit()) {
            let most = LOG_LEVELS.len() - 1;
            let number = usize::try_from(up_to(text, most as u64)?).unwrap_or(most);
            return Ok(LOG_LEVELS[number.min(most)].1);
        }
        super::item::word(LOG_LEVELS, &text.to_ascii_uppercase())
    }

    fn show(&self) -> String {
        super::item::name_of(LOG_LEVELS, self).to_owned()
    }
}

/// Who speaks in the system's log, syslog(3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Facility {
    /// `daemon`.
    Daemon,
    /// `local0` to `local7`.
    Local(u8),
}

const FACILITIES: &[(&str, Facility)] = &[
    ("daemon", Facility::Daemon),
    ("local0", Facility::Local(0)),
    ("local1", Facility::Local(1)),
    ("local2", Facility::Local(2)),
    ("local3", Facility::Local(3)),
    ("local4", Facility::Local(4)),
    ("local5", Facility::Local(5)),
    ("local6", Facility::Local(6)),
    ("local7", Facility::Local(7)),
];
words!(Facility, FACILITIES);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_have_numbers_and_names() {
        for (text, number) in [
            ("0", 0),
            ("9", 9),
            ("SIGPWR", 30),
            ("sigterm", 15),
            ("SIGRTMIN+3", 37),
            ("SIGRTMAX-1", 63),
            ("SIGUSR1", 10),
        ] {
            assert_eq!(Signal::read(text), Ok(Signal(number)), "{text}");
        }
        for bad in [
            "PWR",
            "SIG",
            "SIG9",
            "SIG-9",
            "65",
            "SIGRTMIN",
            "SIGRTMIN+",
            "SIGRTMIN+-3",
            "SIGRTMIN++3",
            "SIGRTMIN+31",
            "SIGSIGPWR",
        ] {
            assert!(Signal::read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn levels_have_numbers_and_names() {
        for (text, level) in [
            ("0", LogLevel::Trace),
            ("8", LogLevel::Fatal),
            ("notice", LogLevel::Notice),
            ("CRIT", LogLevel::Critical),
        ] {
            assert_eq!(LogLevel::read(text), Ok(level), "{text}");
        }
        for bad in ["9", "NOTSET", "LOUD", "-1"] {
            assert!(LogLevel::read(bad).is_err(), "{bad}");
        }
    }
}
