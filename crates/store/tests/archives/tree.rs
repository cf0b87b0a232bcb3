//! What is in a directory tree, as data that two trees can be compared by. Never follows a link.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;

use sha2::{Digest as _, Sha256};

/// One line per path: kind, mode, owner, time, size, contents, link, device, attributes, other names.
pub(crate) type Tree = BTreeMap<String, String>;

/// Describes everything below `root`, and `root` itself as `.`.
pub(crate) fn describe(root: &Path) -> Tree {
    let mut found = Tree::new();
    let mut first_names = BTreeMap::new();
    walk(root, Path::new("."), &mut found, &mut first_names);
    found
}

/// The lines in which two trees differ.
pub(crate) fn differences(left: &Tree, right: &Tree) -> Vec<String> {
    let paths: std::collections::BTreeSet<_> = left.keys().chain(right.keys()).collect();
    paths
        .into_iter()
        .filter(|path| left.get(*path) != right.get(*path))
        .map(|path| format!("{path}\n  left  {:?}\n  right {:?}", left.get(path), right.get(path)))
        .collect()
}

fn walk(root: &Path, relative: &Path, found: &mut Tree, first_names: &mut BTreeMap<u64, String>) {
    let path = root.join(relative);
    let shown = relative.to_string_lossy().into_owned();
    found.insert(shown.clone(), line(&path, &shown, first_names));
    if path.symlink_metadata().unwrap().is_dir() {
        let mut names: Vec<_> =
            std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        for name in names {
            walk(root, &relative.join(name), found, first_names);
        }
    }
}

fn line(path: &Path, shown: &str, first_names: &mut BTreeMap<u64, String>) -> String {
    let stat = path.symlink_metadata().unwrap();
    let kind = stat.file_type();
    let mut line = format!(
        "{:o} {}:{} {}.{:09}",
        stat.mode(),
        stat.uid(),
        stat.gid(),
        stat.mtime(),
        stat.mtime_nsec()
    );
    if kind.is_file() {
        let digest = Sha256::digest(std::fs::read(path).unwrap());
        write!(line, " {} bytes {:02x?}", stat.len(), &digest[..8]).unwrap();
    }
    if kind.is_symlink() {
        write!(line, " -> {}", std::fs::read_link(path).unwrap().display()).unwrap();
    }
    if kind.is_char_device() || kind.is_block_device() {
        write!(line, " device {:x}", stat.rdev()).unwrap();
    }
    if !kind.is_dir() && stat.nlink() > 1 {
        let first = first_names.entry(stat.ino()).or_insert_with(|| shown.to_owned());
        write!(line, " {} names, first {first}", stat.nlink()).unwrap();
    }
    for (name, value) in xattrs(path) {
        write!(line, " {name}={}", value.escape_ascii()).unwrap();
    }
    line
}

/// All extended attributes of a file, not of what it links to.
pub(crate) fn xattrs(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut names = vec![0; 64 * 1024];
    let length = rustix::fs::llistxattr(path, &mut names[..]).unwrap();
    let mut found = BTreeMap::new();
    for name in names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let mut value = vec![0; 64 * 1024];
        let length = rustix::fs::lgetxattr(path, OsStr::from_bytes(name), &mut value[..]).unwrap();
        value.truncate(length);
        found.insert(String::from_utf8_lossy(name).into_owned(), value);
    }
    found
}
