//! Whatever is read can be written and read again, and no text takes the reader down.
#![cfg(test)]

use std::path::Path;

use libcontainer::seccomp::Architecture;
use lxc::config::keys::{Form, KEYS, NETWORK_KEYS};
use lxc::config::read::from_disk;
use lxc::config::{Config, Document, Limits, Text, check, update};
use lxc::mapping::map;
use proptest::prelude::*;

mod surroundings;
use surroundings::surroundings;

/// Values of which some are right for each key.
#[rustfmt::skip]
const VALUES: &[&str] = &[
    "", "0", "1", "7", "0x10", "010", "-5", "4294967295", "auto", "dev", "none", "unlimited", "5:unlimited", "a", "a b", "/a//b/./c/",
    "a/b", "..", "'", "\"", "'a'", "\"a\" \"b\"", "A=B", "A", "A==\"c\"", "x86_64", "arm", "chown kill", "sys_admin", "SIGRTMIN+3",
    "SIGKILL", "9", "TRACE", "info", "daemon", "local7", "u 0 100000 65536", "g 5 6 7", "u 5 6 7", "1,2,,3", "128KB", "3MB", "5s", "-7ms", "2h",
    "net pid", "user", "proc sys:ro cgroup2", "cgroup-full:rw:force shmounts:/a:/b", "/a b none bind,create=dir 0 0", "a b c d=e", "veth",
    "macvlan", "vlan", "ipvlan", "phys", "empty", "up", "00:16:3e:xx:xX:01", "eth0", "10.0.0.1/8 10.0.0.9", "10.0.0.1", "fd00::1", "fd00::1/64",
    "10.0.0.0/16", "fd00::/48", "bridge", "router", "private", "passthru", "l2", "l3s", "4094", "1500", "unix:/a", "unix:@a", "dir:/a",
    "overlay:/a:/b", "c 1:3 rwm", "512M", "max", "50000 100000", "0-1", "a:b:c:s0", "shmounts:/m", "tmpfs x tmpfs size=1", "ro,nosuid,idmap=container", "ro", "é", "container",
];

fn key() -> impl Strategy<Value = String> {
    let plain = prop::sample::select(KEYS).prop_flat_map(|known| {
        let names = match known.form {
            Form::Named | Form::NamedList => vec![
                ".net",
                ".core",
                ".nofile",
                ".a.b",
                ".user",
                ".devices.allow",
                ".devices.deny",
                ".memory.max",
                ".cpu.max",
                "",
            ],
            Form::One | Form::List | Form::Order => vec![""],
        };
        prop::sample::select(names).prop_map(move |name| format!("{}{name}", known.name))
    });
    let network = (0..3_u32, prop::sample::select(NETWORK_KEYS))
        .prop_map(|(number, known)| format!("lxc.net.{number}.{}", known.name));
    // Most keys of networks want a type first.
    let kind = (0..3_u32).prop_map(|number| format!("lxc.net.{number}.type"));
    prop_oneof![4 => plain, 3 => network, 1 => kind, 1 => Just("lxc.net".to_owned()), 1 => Just("lxc.hook".to_owned())]
}

fn entries() -> impl Strategy<Value = Vec<(String, String)>> {
    prop::collection::vec((key(), prop::sample::select(VALUES).prop_map(str::to_owned)), 0..60)
}

fn config_of(entries: &[(String, String)]) -> Config {
    let mut config = Config::default();
    for (key, value) in entries {
        let before = config.clone();
        if config.set(key, value).is_err() {
            assert_eq!(config, before, "{key} = {value} is refused and has changed something");
        }
    }
    config
}

fn read(bytes: &[u8]) -> Result<Document, lxc::config::ConfigError> {
    let mut nothing = |_: &Path, most: u64| from_disk(Path::new("/dev/null"), most);
    Document::read(Path::new("config"), bytes, &Limits::default(), &mut nothing)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_as_the_same(entries in entries()) {
        let config = config_of(&entries);
        let mut text = Text::default();
        for (key, value) in config.entries() {
            text.append(&key, &value);
        }
        let again = read(&text.to_bytes()).expect("it is read");
        prop_assert_eq!(again.values(), &config);
        prop_assert_eq!(again.values().entries(), config.entries());
        let _ = check::findings(&config);
    }

    #[test]
    fn whatever_is_read_runs_or_is_refused_by_its_keys(entries in entries()) {
        if let Err(refusals) = map(&config_of(&entries), &surroundings()) {
            prop_assert!(!refusals.refusals.is_empty());
            prop_assert!(refusals.refusals.iter().all(|refusal| refusal.key.starts_with("lxc.")));
        }
    }

    #[test]
    fn no_policy_takes_its_reader_down(
        first in prop::sample::select(&["1", "2", "3"][..]),
        second in prop::sample::select(&["allowlist", "denylist", "denylist errno 5", "x"][..]),
        lines in prop::collection::vec("(read|clone|reject_force_umount|[0-9]{1,3}|\\[x86\\]|\\PC{0,6})( kill| errno 1| \\PC{0,6})?(\\[[0-9]?(,0x[0-9]{1,3}(,(==|&=|<)(,1)?)?)?\\]|\\PC{0,6}){0,2}", 0..8),
    ) {
        let text = format!("{first}\n{second}\n{}\n", lines.join("\n"));
        let read = lxc::mapping::seccomp::read(&text, Architecture::X86_64);
        if let Err(error) = read {
            prop_assert!(error.line >= 1 && error.line <= text.lines().count());
        }
    }

    #[test]
    fn changes_are_in_the_file_and_in_the_values(entries in entries()) {
        let mut document = Document::default();
        for (key, value) in &entries {
            // Their lists are one in the values, and two in the file, as in LXC.
            if !key.starts_with("lxc.cap.") {
                let _ = document.set(key, value);
            }
        }
        let again = read(&document.to_bytes()).expect("what is changed is read");
        prop_assert_eq!(again.values(), document.values());
        prop_assert_eq!(again.to_bytes(), document.to_bytes());
    }

    #[test]
    fn no_bytes_take_the_reader_down(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let text = Text::read(&bytes);
        prop_assert_eq!(Text::read(&text.to_bytes()), text.clone());
        let new = update::update(&text);
        prop_assert_eq!(update::update(&new), new);
        let _ = read(&bytes);
    }

    #[test]
    fn no_line_takes_the_reader_down(key in key(), value in "\\PC{0,40}") {
        if let Ok(mut document) = read(format!("{key} = {value}\n").as_bytes()) {
            document.complete_hardware_addresses(&mut || 0xff);
            document.move_paths(Path::new("/a"), Path::new("/b")).expect("paths");
            let _ = document.get(&key);
            document.clear(&key).expect("a key");
            prop_assert!(document.to_bytes().is_empty());
        }
    }
}
