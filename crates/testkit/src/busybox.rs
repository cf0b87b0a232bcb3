//! A root file system from the machine's static busybox.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use crate::must::must;

const BUSYBOX: &str = "/bin/busybox";

/// Fills the empty directory `root` with a busybox system: every applet as a link, and the files that programs expect.
///
/// # Panics
/// When `/bin/busybox` is missing (Debian package busybox-static) or `root` cannot be written.
pub fn busybox_rootfs(root: &Path) {
    assert!(
        Path::new(BUSYBOX).exists(),
        "{BUSYBOX} is missing: install the package busybox-static"
    );
    for directory in
        ["bin", "dev", "etc", "proc", "sys", "tmp", "run", "root", "home", "usr/bin", "var"]
    {
        must(fs::create_dir_all(root.join(directory)), directory);
    }
    must(fs::copy(BUSYBOX, root.join("bin/busybox")).map(drop), "bin/busybox");
    let applets = match Command::new(BUSYBOX).arg("--list").output() {
        Ok(output) => String::from_utf8_lossy(&output.stdout).into_owned(),
        Err(error) => panic!("{BUSYBOX} --list: {error}"),
    };
    for applet in applets.lines().filter(|applet| *applet != "busybox") {
        must(symlink("busybox", root.join("bin").join(applet)), applet);
    }
    for (name, text) in [
        (
            "etc/passwd",
            "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
        ),
        ("etc/group", "root:x:0:\nnogroup:x:65534:\n"),
        // Containers get their own of these.
        ("etc/hostname", ""),
        ("etc/hosts", ""),
        ("etc/resolv.conf", ""),
    ] {
        #[expect(clippy::disallowed_methods, reason = "a test's own tree needs no atomic write")]
        must(fs::write(root.join(name), text), name);
    }
}

/// What a shell of busybox does to make processes without end. Each makes others, and goes on when no more can be made, as a shell
/// by itself would not.
pub const FORK_BOMB: &str = r#"printf '#!/bin/sh\nexec awk "BEGIN { while (1) system(\\"/bomb &\\") }"\n' >/bomb
chmod 755 /bomb; exec /bomb 2>/dev/null"#;
