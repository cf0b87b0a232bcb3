//! Real directories: what is selected, what it is for the cache, and what is written.

use std::fs::{self, File};
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{
    DirBuilderExt, FileExt, FileTypeExt, MetadataExt, PermissionsExt, symlink,
};
use std::path::Path;

use rustix::fs::{CWD, FileType, XattrFlags, mknodat, setxattr};
use tempfile::TempDir;

use super::*;
use crate::Cancel;

mod digesting;
mod oracle;
mod placing;
mod selecting;

/// A tree of lines: `d PATH MODE`, `f PATH MODE TEXT`, `l PATH TARGET`, `h PATH OTHER`.
fn tree(lines: &[&str]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    make(directory.path(), lines);
    directory
}

fn make(root: &Path, lines: &[&str]) {
    for line in lines {
        let words: Vec<&str> = line.split(' ').collect();
        let path = root.join(words[1]);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mode = || u32::from_str_radix(words.get(2).unwrap_or(&"755"), 8).unwrap();
        match words[0] {
            "d" => {
                fs::DirBuilder::new().recursive(true).mode(0o700).create(&path).unwrap();
                fs::set_permissions(&path, fs::Permissions::from_mode(mode())).unwrap();
            }
            "f" => {
                let mut file = File::create(&path).unwrap();
                file.write_all(words.get(3).unwrap_or(&"").as_bytes()).unwrap();
                file.set_permissions(fs::Permissions::from_mode(mode())).unwrap();
            }
            "l" => symlink(words[2], &path).unwrap(),
            "h" => fs::hard_link(root.join(words[2]), &path).unwrap(),
            other => panic!("{other}"),
        }
    }
}

fn descriptor(path: &Path) -> OwnedFd {
    OwnedFd::from(File::open(path).unwrap())
}

fn context(directory: &TempDir) -> Tree {
    Tree::new(descriptor(directory.path()), TreeKind::Context, "the build context")
}

fn stage(directory: &TempDir) -> Tree {
    Tree::new(descriptor(directory.path()), TreeKind::Image, "stage base")
}

fn cancel() -> Cancel {
    Cancel::new().unwrap()
}

fn chosen(tree: &Tree, sources: &[&str]) -> Result<Selection, StepError> {
    select(tree, Choice { sources, ..Choice::default() }, &cancel())
}

/// `SOURCE: PATHS`, directories with a slash.
fn shown(selection: &Selection) -> Vec<String> {
    let paths = |input: &Input| {
        let path = |entry: &Entry| {
            let slash = if entry.kind == Kind::Directory { "/" } else { "" };
            format!("{}{slash}", String::from_utf8_lossy(&entry.below))
        };
        input.entries.iter().map(path).collect::<Vec<_>>().join(" ")
    };
    let line =
        |input: &Input| format!("{}: {}", String::from_utf8_lossy(&input.real), paths(input));
    selection.inputs.iter().map(line).collect()
}

const PLAIN: PlaceRules<'static> =
    PlaceRules { destination: "/", owner: None, mode: None, time_s: None };

fn copied(tree: &Tree, sources: &[&str], root: &TempDir, to: &str) -> Result<Placed, StepError> {
    let selection = chosen(tree, sources)?;
    let rules = PlaceRules { destination: to, ..PLAIN };
    place(&[&selection], descriptor(root.path()).as_fd(), &rules, &cancel())
}

/// All that is in a directory: `MODE UID:GID PATH=TEXT`.
fn listed(root: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    list(root, root, &mut lines);
    lines
}

fn list(root: &Path, at: &Path, lines: &mut Vec<String>) {
    let mut entries: Vec<_> =
        fs::read_dir(at).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        let metadata = path.symlink_metadata().unwrap();
        let kind = metadata.file_type();
        let name = path.strip_prefix(root).unwrap().display();
        let owner = format!("{}:{}", metadata.uid(), metadata.gid());
        let what = if kind.is_symlink() {
            format!("link {owner} {name}>{}", fs::read_link(&path).unwrap().display())
        } else {
            let text = if kind.is_file() {
                format!("={}", String::from_utf8_lossy(&fs::read(&path).unwrap()))
            } else if kind.is_dir() {
                "/".to_owned()
            } else {
                "!".to_owned()
            };
            format!("{:o} {owner} {name}{text}", metadata.mode() & 0o7777)
        };
        lines.push(what);
        if kind.is_dir() {
            list(root, &path, lines);
        }
    }
}

fn digest_of(tree: &Tree, sources: &[&str]) -> String {
    let rules = DigestRules { owners: tree.kind() == TreeKind::Image, memory: None };
    digest(&chosen(tree, sources).unwrap(), rules, &cancel()).unwrap().digest.to_string()
}
