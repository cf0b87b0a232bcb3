//! Arbitrary bytes as configuration files of LXC: a container's, which may include itself and others, LXC's own, and old ones. What
//! is read is written and read again, shown, changed, cleared, and mapped to what the engine runs. And as filters of system calls.
#![no_main]

use std::path::{Path, PathBuf};

use libcontainer::seccomp::Architecture;
use libfuzzer_sys::fuzz_target;
use lxc::config::read::{Contents, Included};
use lxc::config::system::{Owner, System};
use lxc::config::{Config, Document, Limits, Text, Unreadable, check, update};
use lxc::mapping::{GroupVersion, Purpose, Surroundings, map};

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    match kind % 4 {
        0 => container(bytes),
        1 => {
            let _ = System::read(Path::new("lxc.conf"), bytes, &Owner::Root);
        }
        2 => old(bytes),
        _ => {
            let _ = lxc::mapping::seccomp::read(&String::from_utf8_lossy(bytes), Architecture::X86_64);
        }
    }
});

/// The file's halves, and a directory with both.
fn opener(bytes: &[u8]) -> impl FnMut(&Path, u64) -> Result<Included, Unreadable> + '_ {
    let (first, second) = bytes.split_at(bytes.len() / 2);
    let file = |number: u64, bytes: &[u8]| Included::File(Contents { identity: (0, number), bytes: bytes.to_owned() });
    move |path, _most| match path.to_str() {
        Some("1") => Ok(file(1, first)),
        Some("2") => Ok(file(2, second)),
        Some("d" | "d/") => Ok(Included::Directory(vec![PathBuf::from("1"), PathBuf::from("2")])),
        _ => Err(Unreadable::Kind),
    }
}

fn container(bytes: &[u8]) {
    let read = |bytes: &[u8]| Document::read(Path::new("config"), bytes, &Limits::default(), &mut opener(bytes));
    let Ok(mut document) = read(bytes) else { return };
    assert_eq!(Text::read(&document.to_bytes()), *document.text());
    let written = written(document.values());
    let again = read(&written).expect("what is written is read");
    assert_eq!(again.values(), document.values());
    let _ = (check::findings(document.values()), document.refused());
    for (key, _) in again.values().entries() {
        document.get(&key).expect("what is set is shown");
    }
    mapped(document.values(), bytes);
    document.complete_hardware_addresses(&mut || 7);
    let _ = document.move_paths(Path::new("/usr"), Path::new("/opt/longer"));
    for (key, value) in again.values().entries() {
        let _ = document.set(&key, &value);
        document.clear(&key).expect("what is set is cleared");
    }
}

/// Every refusal names a key.
fn mapped(config: &Config, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for groups in [GroupVersion::One, GroupVersion::Two] {
        let around = Surroundings {
            name: "web",
            directory: Path::new("/web"),
            purpose: Purpose::Start,
            host_name: "machine",
            groups,
            own_group: None,
            architecture: Architecture::X86_64,
            fstab: Some(&text),
            seccomp: Some(&text),
            variable: &|_| None,
            is_there: &|_| true,
        };
        match map(config, &around) {
            Ok(mapped) => drop(mapped),
            Err(refusals) => assert!(refusals.refusals.iter().all(|refusal| refusal.key.starts_with("lxc."))),
        }
    }
}

fn written(config: &Config) -> Vec<u8> {
    let mut text = Text::default();
    for (key, value) in config.entries() {
        text.append(&key, &value);
    }
    text.to_bytes()
}

fn old(bytes: &[u8]) {
    let new = update::update(&Text::read(bytes));
    assert!(!update::is_old(&new));
    assert_eq!(update::update(&new), new);
    container(&new.to_bytes());
}
