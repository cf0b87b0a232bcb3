//! Ids for user namespaces, for a test and what it starts: its own `/etc/subuid` and `/etc/subgid`.

use std::process::Command;

use sys::Namespaces;

use crate::must::must;

/// Has the calling thread, and whatever it starts from now on, see these lines in both files. Once: what was seen before is not
/// seen any more.
///
/// # Panics
/// Without the right to.
pub fn give_id_ranges(lines: &str) {
    let directory = must(tempfile::tempdir(), "make a directory");
    let file = directory.path().join("ranges");
    let written = std::fs::File::create(&file)
        .and_then(|mut file| std::io::Write::write_all(&mut file, lines.as_bytes()));
    must(written, "write the ranges");
    let flags = u32::try_from(Namespaces::MOUNT.bits()).unwrap_or(0);
    let made = sys::unshare_namespaces(flags);
    assert!(made.is_ok(), "make a mount namespace: {made:?}");
    let mount = |words: &[&std::ffi::OsStr]| {
        let status = must(Command::new("mount").args(words).status(), "run mount");
        assert!(status.success(), "mount {words:?}");
    };
    mount(&["--make-rprivate".as_ref(), "/".as_ref()]);
    for place in ["/etc/subuid", "/etc/subgid"] {
        mount(&["--bind".as_ref(), file.as_os_str(), place.as_ref()]);
    }
}
