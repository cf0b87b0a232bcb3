//! What is seen without mounting is what the kernel's overlay shows: layers made by the unpacker, mounted, and compared path by
//! path.

use std::fs::{self, File};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};

use proptest::collection::vec;
use proptest::prelude::*;
use rustix::fs::{Mode, OFlags};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use store::tar::{Kind, Metadata, Writer};
use store::unpack::{Rules, UnpackError, unpack};
use store::{RootView, copy_content};

use crate::fixture::{Bench, text};

/// An entry of a layer: a path, and a text for a file, `-> TARGET` for a link, `/` for a directory.
type Entry = (String, String);

fn layer(bench: &Bench, number: usize, entries: &[Entry]) -> Result<PathBuf, UnpackError> {
    let mut writer = Writer::new(Vec::new());
    for (path, what) in entries {
        let path = path.as_bytes().to_vec();
        let entry = match (&what[..], what.strip_prefix("-> ")) {
            ("/", _) => {
                Metadata { path, kind: Kind::Directory, mode: 0o755, ..Metadata::default() }
            }
            (_, Some(link)) => {
                let link = link.as_bytes().to_vec();
                Metadata { path, kind: Kind::Symlink, mode: 0o777, link, ..Metadata::default() }
            }
            _ => Metadata { path, mode: 0o644, size: what.len() as u64, ..Metadata::default() },
        };
        let contents = if entry.kind == Kind::File { what.as_bytes() } else { b"" };
        writer.append(&entry, contents).unwrap();
    }
    let directory = bench.path(&format!("layer-{number}"));
    fs::create_dir(&directory).unwrap();
    let into = File::open(&directory).unwrap();
    unpack(&writer.finish().unwrap()[..], into.as_fd(), &Rules::layer()).map(|_| directory)
}

/// An overlay of layers, the lowest first, mounted until it is dropped.
struct Overlay {
    at: PathBuf,
    layers: Vec<PathBuf>,
}

impl Overlay {
    fn mount(bench: &Bench, layers: &[&[Entry]]) -> Self {
        let numbered = layers.iter().enumerate();
        // A random archive may be no layer; what was unpacked of it by then is one.
        let unpacked = |(number, entries): (usize, &&[Entry])| {
            layer(bench, number, entries)
                .unwrap_or_else(|_refused| bench.path(&format!("layer-{number}")))
        };
        let mut layers: Vec<PathBuf> = numbered.map(unpacked).collect();
        layers.reverse();
        Self::of(bench, "merged", layers)
    }

    /// Of directories, the top one first.
    fn of(bench: &Bench, name: &str, layers: Vec<PathBuf>) -> Self {
        let at = bench.path(name);
        fs::create_dir(&at).unwrap();
        // A mount without a writable layer wants two lower ones.
        let empty = bench.path(&format!("{name}-empty"));
        fs::create_dir(&empty).unwrap();
        let lower: Vec<&str> = layers.iter().chain([&empty]).map(|path| text(path)).collect();
        let options = std::ffi::CString::new(format!("lowerdir={}", lower.join(":"))).unwrap();
        mount("overlay", &at, "overlay", MountFlags::RDONLY, Some(&*options)).unwrap();
        Self { at, layers }
    }

    /// What a process inside would read.
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        let root = File::open(&self.at).unwrap();
        let flags = OFlags::RDONLY | OFlags::NONBLOCK;
        let file = sys::open_in_root(root.as_fd(), path, flags, Mode::empty()).ok()?;
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut File::from(file), &mut bytes).ok()?;
        Some(bytes)
    }

    fn compare(&self, path: &str) -> Result<Option<Vec<u8>>, TestCaseError> {
        let seen = RootView::of(&self.layers).read(path);
        prop_assert_eq!(&seen, &self.read(path), "{}", path);
        Ok(seen)
    }
}

impl Drop for Overlay {
    fn drop(&mut self) {
        unmount(&self.at, UnmountFlags::DETACH).unwrap();
    }
}

fn entries(entries: &[(&str, &str)]) -> Vec<Entry> {
    entries.iter().map(|(path, what)| ((*path).to_owned(), (*what).to_owned())).collect()
}

#[test]
fn users_are_found_where_the_overlay_shows_them() {
    let bench = Bench::new();
    let low = entries(&[
        ("etc/passwd", "low"),
        ("etc/group", "low"),
        ("usr/etc/shadow", "usr"),
        ("gone/a", "low"),
        ("opaque/a", "low"),
        ("opaque/b", "low"),
        ("opt/etc/passwd", "low"),
        ("file", "low"),
        ("lost/below", "low"),
    ]);
    let middle = entries(&[
        ("etc/group", "middle"),
        (".wh.gone", ""),
        ("opaque/.wh..wh..opq", ""),
        ("opaque/b", "middle"),
        ("elsewhere", "-> /opt/etc"),
        ("up", "-> ../../../../etc/passwd"),
        ("loop", "-> loop"),
        ("lost", "hides a directory"),
    ]);
    let top = entries(&[
        (".wh.opt", ""),
        ("opt", "/"),
        ("opt/etc", "-> ../usr/../usr/etc"),
        ("gone/b", "top"),
        ("link", "-> up"),
        ("lost/.wh..wh..opq", ""),
        ("lost/above", "top"),
        ("file", "-> /etc/group/"),
    ]);
    let overlay = Overlay::mount(&bench, &[&low, &middle, &top]);
    for (path, want) in [
        ("/etc/passwd", Some("low")),
        ("/etc/group", Some("middle")),
        ("/gone/a", None),
        ("/gone/b", Some("top")),
        ("/opaque/a", None),
        ("/opaque/b", Some("middle")),
        ("/opt/etc/passwd", None),
        ("/opt/etc/shadow", Some("usr")),
        ("/elsewhere/shadow", Some("usr")),
        ("/up", Some("low")),
        ("/link", Some("low")),
        ("/link/", None),
        ("/loop", None),
        ("/lost/below", None),
        ("/lost/above", Some("top")),
        ("/file", None),
        ("/etc", None),
        ("/etc/passwd/.", None),
        ("/../etc/./passwd", Some("low")),
    ] {
        let seen = overlay.compare(path).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(seen.as_deref(), want.map(str::as_bytes), "{path}");
    }
}

#[test]
fn a_new_volume_has_what_the_overlay_shows() {
    let bench = Bench::new();
    let low = entries(&[
        ("data/gone", "low"),
        ("data/opaque/a", "low"),
        ("data/deep/kept", "low"),
        ("lost/x", "low"),
        ("hidden/x", "low"),
    ]);
    let top = entries(&[
        ("data/.wh.gone", ""),
        ("data/opaque/.wh..wh..opq", ""),
        ("data/opaque/b", "top"),
        ("data/deep/new", "top"),
        (".wh.lost", ""),
        ("hidden/.wh..wh..opq", ""),
        ("link", "-> data/deep"),
    ]);
    let overlay = Overlay::mount(&bench, &[&low, &top]);
    for (number, path) in ["/data", "/lost", "/hidden", "/link", "/absent"].iter().enumerate() {
        let volume = bench.path(&format!("volume-{number}"));
        fs::create_dir(&volume).unwrap();
        copy_content(&overlay.layers, Path::new(path), (&volume, None)).unwrap();
        let shown = overlay.at.join(path.trim_start_matches('/'));
        assert_eq!(tree(&volume), tree(&shown), "{path}");
    }
}

/// Paths of all files with their contents.
fn tree(directory: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut ahead = vec![directory.to_owned()];
    while let Some(next) = ahead.pop() {
        for entry in fs::read_dir(&next).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                ahead.push(path);
            } else {
                let name = path.strip_prefix(directory).unwrap().to_owned();
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

/// Everything in a directory: contents of files, targets of links, `/` for directories.
fn everything(directory: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut ahead = vec![directory.to_owned()];
    while let Some(next) = ahead.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            // A directory of one layer lists its whiteouts, which nobody can look up.
            let Ok(about) = fs::symlink_metadata(&path) else { continue };
            let kind = about.file_type();
            let what = if kind.is_dir() {
                ahead.push(path.clone());
                "/".to_owned()
            } else if kind.is_symlink() {
                format!("-> {}", fs::read_link(&path).unwrap().display())
            } else {
                fs::read_to_string(&path).unwrap()
            };
            found.push((path.strip_prefix(directory).unwrap().to_owned(), what));
        }
    }
    found.sort();
    found
}

#[test]
fn long_files_are_read_whole_or_not_at_all() {
    let bench = Bench::new();
    let root = bench.path("root-of-it");
    fs::create_dir_all(root.join("d/e")).unwrap();
    File::create(root.join("d/long")).unwrap().set_len((4 << 20) + 1).unwrap();
    std::os::unix::fs::symlink("e", root.join("d/link")).unwrap();
    let view = RootView::of(&[root]);
    assert_eq!(view.read("/d/long"), None);
    let whole = view.read_within("/d/long", 5 << 20).unwrap().unwrap();
    assert_eq!(whole.len(), (4 << 20) + 1);
    let refused = view.read_within("/d/long", 4 << 20).unwrap_err();
    assert_eq!(refused, sys::Errno::from(rustix::io::Errno::FBIG));
    assert_eq!(view.read_within("/d/none", 1).unwrap(), None);
    let name = |name: &str, is_directory| (name.as_bytes().to_vec(), is_directory);
    assert_eq!(view.names("/d"), [name("e", true), name("link", false), name("long", false)]);
    assert!(view.names("/d/long").is_empty());
}

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "c"]).prop_map(str::to_owned)
}

fn path() -> impl Strategy<Value = String> {
    vec(name(), 1..4).prop_map(|names| names.join("/"))
}

fn random_entry() -> impl Strategy<Value = Entry> {
    let link = prop_oneof![
        path().prop_map(|path| format!("-> /{path}")),
        path(),
        path().prop_map(|path| format!("-> ../{path}")),
        path().prop_map(|path| format!("-> {path}/..")),
    ];
    prop_oneof![
        4 => (path(), "[0-9]{1,3}"),
        2 => (path(), Just("/".to_owned())),
        2 => (path(), link),
        2 => (path(), Just(String::new())).prop_map(|(path, what)| (whiteout(&path), what)),
        1 => (path(), Just(String::new())).prop_map(|(path, what)| (format!("{path}/.wh..wh..opq"), what)),
    ]
}

/// The name by which a layer takes `path` away.
fn whiteout(path: &str) -> String {
    match path.rsplit_once('/') {
        Some((parent, name)) => format!("{parent}/.wh.{name}"),
        None => format!(".wh.{path}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_layers_are_one_and_look_the_same(
        layers in vec(vec(random_entry(), 0..9), 1..5),
        count in 1_usize..5,
    ) {
        let bench = Bench::new();
        let layers: Vec<&[Entry]> = layers.iter().map(Vec::as_slice).collect();
        let before = Overlay::mount(&bench, &layers);
        let (top, below) = before.layers.split_at(count.min(before.layers.len()));
        let archive = store::layer::squashed(top, below).unwrap();
        let squashed = bench.path("squashed");
        fs::create_dir(&squashed).unwrap();
        unpack(archive, File::open(&squashed).unwrap().as_fd(), &Rules::layer()).unwrap();
        let after = [std::slice::from_ref(&squashed), below].concat();
        let after = Overlay::of(&bench, "after", after);
        prop_assert_eq!(everything(&after.at), everything(&before.at));
    }

    #[test]
    fn random_layers_look_like_their_overlay(layers in vec(vec(random_entry(), 0..9), 1..5)) {
        let bench = Bench::new();
        let layers: Vec<&[Entry]> = layers.iter().map(Vec::as_slice).collect();
        let overlay = Overlay::mount(&bench, &layers);
        let names = ["a", "b", "c"];
        for first in names {
            overlay.compare(first)?;
            for second in names {
                overlay.compare(&format!("/{first}/{second}"))?;
                for third in names {
                    overlay.compare(&format!("{first}/{second}/{third}"))?;
                    overlay.compare(&format!("{first}/../{second}/{third}"))?;
                }
            }
        }
    }
}
