//! Archives that real tools made, unpacked beside GNU tar: both directories must be the same.

use std::fs::File;
use std::io::Cursor;
use std::os::fd::AsFd as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use store::unpack::{Rules, unpack};
use tempfile::TempDir;

use crate::tree::{describe, differences};

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn write(path: &Path, bytes: &[u8], mode: u32) {
    std::io::Write::write_all(&mut File::create(path).unwrap(), bytes).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// A tree with one of everything that an archive can hold.
fn make_tree(root: &Path) {
    for directory in ["etc", "usr/bin", "var/mail", "tmp", "empty", "deep/a/b/c/d/e/f"] {
        std::fs::create_dir_all(root.join(directory)).unwrap();
    }
    write(&root.join("etc/passwd"), b"root:x:0:0\n", 0o644);
    write(&root.join("etc/shadow"), b"", 0o640);
    write(&root.join("usr/bin/su"), &[7; 100_000], 0o4755);
    write(&root.join("usr/bin/crontab"), &[8; 513], 0o2755);
    write(&root.join("usr/bin/world"), &[9; 512], 0o777);
    write(&root.join("deep/a/b/c/d/e/f/file"), &[1; 511], 0o600);
    std::fs::hard_link(root.join("usr/bin/su"), root.join("usr/bin/also-su")).unwrap();
    symlink("../etc/passwd", root.join("usr/passwd")).unwrap();
    symlink("/nowhere/at/all", root.join("dangling")).unwrap();
    std::fs::hard_link(root.join("dangling"), root.join("dangling-too")).unwrap();
    let long = "n".repeat(200);
    std::fs::create_dir_all(root.join(&long).join(&long)).unwrap();
    write(&root.join(&long).join(&long).join(&long), b"long", 0o644);
    symlink(format!("{long}/{long}/{long}"), root.join("long-link")).unwrap();
    std::fs::hard_link(root.join(&long).join(&long).join(&long), root.join("long-hard")).unwrap();
    write(&root.join("a\u{fc}b"), b"not ASCII", 0o644);
    let sparse = File::create(root.join("sparse")).unwrap();
    for offset in (0..40).map(|part| part * 1_000_000 + 4096) {
        std::os::unix::fs::FileExt::write_all_at(&sparse, &[5; 5000], offset).unwrap();
    }
    sparse.set_len(60_000_000).unwrap();
    let empty = File::create(root.join("all-hole")).unwrap();
    empty.set_len(1 << 20).unwrap();
    // The set-group-id bit and a foreign group: new files below must not keep them.
    let owner = |path: &str, uid, gid| {
        std::os::unix::fs::lchown(root.join(path), Some(uid), Some(gid)).unwrap();
    };
    owner("var/mail", 0, 8);
    write(&root.join("var/mail/root"), b"mail", 0o660);
    std::fs::create_dir(root.join("var/mail/box")).unwrap();
    std::fs::set_permissions(root.join("var/mail"), std::fs::Permissions::from_mode(0o2775))
        .unwrap();
    owner("etc/shadow", 0, 42);
    owner("dangling", 1000, 1000);
    owner("deep/a/b", 3_000_000, 2_500_000);
    std::fs::set_permissions(root.join("tmp"), std::fs::Permissions::from_mode(0o1777)).unwrap();
    std::fs::set_permissions(root.join("empty"), std::fs::Permissions::from_mode(0o555)).unwrap();
    run(Command::new("mkfifo").arg(root.join("pipe")));
    run(Command::new("mknod").arg(root.join("null")).args(["c", "1", "3"]));
    run(Command::new("mknod").arg(root.join("disk")).args(["b", "259", "300"]));
    run(Command::new("touch").args(["-h", "-d", "2001-02-03 04:05:06"]).arg(root.join("dangling")));
    run(Command::new("touch").args(["-d", "1969-12-31 23:59:50"]).arg(root.join("etc/passwd")));
    run(Command::new("touch").args(["-d", "2001-02-03 04:05:06.123456789"]).arg(root.join("etc")));
    run(Command::new("touch")
        .args(["-d", "2012-02-03 04:05:06"])
        .arg(root.join("usr/bin"))
        .arg(root.join("empty")));
}

fn set_xattrs(root: &Path) {
    let set = |path: &str, name: &str, value: &[u8]| {
        rustix::fs::lsetxattr(root.join(path), name, value, rustix::fs::XattrFlags::empty())
            .unwrap();
    };
    // VFS_CAP_REVISION_2 with CAP_NET_RAW, effective.
    set("usr/bin/world", "security.capability", b"\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    set("usr/bin", "user.binary", b"a\0b\nc=d");
    set("etc/passwd", "user.empty", b"");
    set("dangling", "trusted.of-a-link", b"x");
    set("null", "trusted.of-a-device", b"y");
}

fn compare(archive: &Path) {
    let ours = TempDir::new().unwrap();
    let theirs = TempDir::new().unwrap();
    let directory = File::open(ours.path()).unwrap();
    let mut bytes = std::fs::read(archive).unwrap();
    let unpacked = unpack(Cursor::new(&bytes), directory.as_fd(), &Rules::root_fs()).unwrap();
    assert!(unpacked.entries > 0);
    run(Command::new("tar")
        .args([
            "-x",
            "-p",
            "--numeric-owner",
            "--same-owner",
            "--xattrs",
            "--xattrs-include=*",
            "-f",
        ])
        .arg(archive)
        .arg("-C")
        .arg(theirs.path()));
    let found = differences(&describe(ours.path()), &describe(theirs.path()));
    assert!(
        found.is_empty(),
        "{}: {} differences\n{}",
        archive.display(),
        found.len(),
        found.join("\n")
    );
    // The same in pieces as small as a reader may give them.
    bytes.truncate(1 << 20);
    let again = TempDir::new().unwrap();
    let directory = File::open(again.path()).unwrap();
    let small = OneByOne(&bytes);
    let _ = unpack(small, directory.as_fd(), &Rules::root_fs());
}

struct OneByOne<'b>(&'b [u8]);

impl std::io::Read for OneByOne<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = buffer.len().min(7).min(self.0.len());
        buffer[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(count)
    }
}

#[test]
fn archives_of_gnu_tar() {
    let tree = TempDir::new().unwrap();
    make_tree(tree.path());
    let archives = TempDir::new().unwrap();
    for arguments in [
        &["--format=gnu"][..],
        &["--format=gnu", "-S"],
        &["--format=oldgnu", "-S"],
        &["--format=pax"],
        &["--format=pax", "-S", "--sparse-version=0.0"],
        &["--format=pax", "-S", "--sparse-version=0.1"],
        &["--format=pax", "-S", "--sparse-version=1.0"],
        &["--format=ustar", "--exclude=n*", "--exclude=long-*", "--exclude=passwd", "--exclude=b"],
        &[
            "--format=v7",
            "--exclude=n*",
            "--exclude=long-*",
            "--exclude=passwd",
            "--exclude=b",
            "--exclude=disk",
            "--exclude=pipe",
        ],
    ] {
        let archive = archives.path().join("archive.tar");
        run(Command::new("tar")
            .arg("-c")
            .args(arguments)
            .args(["--numeric-owner", "-f"])
            .arg(&archive)
            .arg("-C")
            .arg(tree.path())
            .arg("."));
        compare(&archive);
    }
    set_xattrs(tree.path());
    let archive = archives.path().join("xattrs.tar");
    run(Command::new("tar")
        .args(["-c", "--xattrs", "--xattrs-include=*", "-f"])
        .arg(&archive)
        .arg("-C")
        .arg(tree.path())
        .arg("."));
    compare(&archive);
}

#[test]
fn archives_of_python() {
    let tree = TempDir::new().unwrap();
    make_tree(tree.path());
    let archives = TempDir::new().unwrap();
    for format in ["PAX_FORMAT", "GNU_FORMAT"] {
        let archive = archives.path().join(format);
        let program = format!(
            "import tarfile,sys\nwith tarfile.open(sys.argv[1],'w',format=tarfile.{format}) as t: t.add(sys.argv[2],arcname='.')"
        );
        run(Command::new("python3").args(["-c", &program]).arg(&archive).arg(tree.path()));
        compare(&archive);
    }
}
