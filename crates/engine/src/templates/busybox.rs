//! A small system of one program: busybox, with a link for each of its applets.

use std::path::PathBuf;
use std::process::Command;

use store::tar::{Kind, Metadata, Writer};

use super::{OWN_FILES, append, entry, failed};
use crate::error::EngineError;
use crate::programs::find_program;

const DIRECTORIES: &[(&str, u32)] = &[
    ("bin", 0o755),
    ("dev", 0o755),
    ("etc", 0o755),
    ("home", 0o755),
    ("proc", 0o755),
    ("root", 0o700),
    ("run", 0o755),
    ("sys", 0o755),
    ("tmp", 0o1777),
    ("usr", 0o755),
    ("usr/bin", 0o755),
    ("usr/sbin", 0o755),
    ("sbin", 0o755),
    ("var", 0o755),
    ("var/tmp", 0o1777),
];
const FILES: &[(&str, &str)] = &[
    (
        "etc/passwd",
        "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/usr/sbin:/bin/false\nwww-data:x:33:33:www-data:/var/www:/bin/false\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
    ),
    (
        "etc/group",
        "root:x:0:\ndaemon:x:1:\ntty:x:5:\nwww-data:x:33:\nusers:x:100:\nnogroup:x:65534:\n",
    ),
    // As a system (`--system`): a log, and a shell on the console. busybox, init/init.c and examples/inittab.
    (
        "etc/inittab",
        "::respawn:/bin/syslogd -n\nconsole::respawn:-/bin/sh\n::ctrlaltdel:/bin/poweroff\n::restart:/sbin/init\n",
    ),
];

/// The machine's busybox.
pub(super) fn program() -> Option<PathBuf> {
    find_program("busybox")
}

/// The root file system as an archive; the same for the same busybox.
pub(super) fn archive() -> Result<Vec<u8>, EngineError> {
    let missing = || {
        failed(
            "busybox",
            "there is no static busybox on this machine: install the package busybox-static",
        )
    };
    let path = program().ok_or_else(missing)?;
    let program = std::fs::read(&path).map_err(EngineError::file("read", &path))?;
    if is_dynamic(&program) {
        return Err(missing());
    }
    let listed =
        Command::new(&path).arg("--list").output().map_err(EngineError::file("run", &path))?;
    let mut applets: Vec<String> =
        String::from_utf8_lossy(&listed.stdout).lines().map(str::to_owned).collect();
    applets.retain(|applet| applet != "busybox" && !applet.is_empty() && !applet.contains('/'));
    applets.sort();
    let mut archive = Writer::new(Vec::new());
    for (name, mode) in DIRECTORIES {
        append(&mut archive, "busybox", &entry(name, Kind::Directory, *mode), &[])?;
    }
    let empty = OWN_FILES.iter().map(|name| (name, &""));
    for (name, text) in FILES.iter().map(|(name, text)| (name, text)).chain(empty) {
        let file = Metadata { size: text.len() as u64, ..entry(name, Kind::File, 0o644) };
        append(&mut archive, "busybox", &file, text.as_bytes())?;
    }
    let file = Metadata { size: program.len() as u64, ..entry("bin/busybox", Kind::File, 0o755) };
    append(&mut archive, "busybox", &file, &program)?;
    for applet in &applets {
        let link = Metadata {
            link: b"busybox".to_vec(),
            ..entry(&format!("bin/{applet}"), Kind::Symlink, 0o777)
        };
        append(&mut archive, "busybox", &link, &[])?;
    }
    // Where the kernel, and everybody's inittab, look for them.
    for applet in applets.iter().filter(|applet| matches!(applet.as_str(), "getty" | "init")) {
        let link = Metadata {
            link: b"../bin/busybox".to_vec(),
            ..entry(&format!("sbin/{applet}"), Kind::Symlink, 0o777)
        };
        append(&mut archive, "busybox", &link, &[])?;
    }
    archive.finish().map_err(|error| failed("busybox", &error.to_string()))
}

/// A program with an interpreter needs libraries that are not in the template. elf(5), PT_INTERP.
fn is_dynamic(program: &[u8]) -> bool {
    let word = |at: usize| {
        program.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).map(u64::from_le_bytes)
    };
    let half = |at: usize| {
        program.get(at..at + 2).and_then(|bytes| bytes.try_into().ok()).map(u16::from_le_bytes)
    };
    let (Some(offset), Some(size), Some(count)) = (word(32), half(54), half(56)) else {
        return false;
    };
    (0..u64::from(count)).any(|number| {
        let at = usize::try_from(offset + number * u64::from(size)).unwrap_or(usize::MAX);
        program.get(at..at.saturating_add(4)) == Some(&[3, 0, 0, 0])
    })
}
