//! What the kernel's overlay makes of changes, and what we make of them: layers, archives of root file systems, lists. Everything
//! is changed through a real mount by the shell, and compared through another one.

use std::fs::{self, File};
use std::io::Read as _;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use spec::image::RunConfig;
use store::layer::{self, ChangeKind, MountPoints};
use store::unpack::{Rules, unpack};
use store::{Commit, Image, Import, RootView, Saved, Store};

use crate::fixture::{Bench, NOW, chain, text};

/// An overlay, mounted until it is dropped.
struct Overlay(PathBuf);

impl Overlay {
    fn mount(at: PathBuf, options: &str) -> Self {
        fs::create_dir_all(&at).unwrap();
        let options = std::ffi::CString::new(options).unwrap();
        mount("overlay", &at, "overlay", MountFlags::empty(), Some(&*options)).unwrap();
        Self(at)
    }
}

impl Drop for Overlay {
    fn drop(&mut self) {
        unmount(&self.0, UnmountFlags::DETACH).unwrap();
    }
}

fn shell(directory: &Path, script: &str) {
    let output = Command::new("sh").args(["-euc", script]).current_dir(directory).output().unwrap();
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Everything in a directory but itself, as GNU tar sees it.
fn listing(directory: &Path) -> Vec<u8> {
    let script = "ls -A | sort | tar -c --format=posix --pax-option=exthdr.name=x,delete=atime,delete=ctime \
        --sort=name --numeric-owner --xattrs --xattrs-include='*' -T -";
    let output = Command::new("sh").args(["-c", script]).current_dir(directory).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn assert_same(left: &Path, right: &Path) {
    let (left, right) = (listing(left), listing(right));
    let at = left.iter().zip(&right).position(|(left, right)| left != right);
    if let Some(at) = at {
        let shown =
            |bytes: &[u8]| bytes[at / 512 * 512..].iter().take(600).copied().collect::<Vec<u8>>();
        panic!("{}\n{}", shown(&left).escape_ascii(), shown(&right).escape_ascii());
    }
    assert_eq!(left.len(), right.len());
}

const BASE: &str = "mkdir -p etc keep dir/sub opaque/a gone old/deep; echo 1 > etc/a; echo 2 > etc/b; echo 3 > dir/x
    echo 4 > dir/sub/y; echo 5 > opaque/a/z; echo 6 > opaque/w; echo 7 > gone/v; echo 8 > keep/u; ln keep/u keep/t
    ln -s a etc/link; echo 9 > old/deep/file; echo replaced > becomes-directory; mkdir becomes-file; touch -d 2020-01-01 keep dir";
const CHANGES: &str = "echo new > etc/new; echo other > etc/a; rm etc/b; chmod 4755 etc/new; rm -r gone; rm -r opaque
    mkdir opaque; echo again > opaque/new; rm becomes-directory; mkdir becomes-directory; echo in > becomes-directory/it
    rmdir becomes-file; echo file > becomes-file; ln etc/new etc/new2; ln -s nowhere etc/dangling; mkfifo pipe
    mknod null c 1 3; chown 1234:5678 null; python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"sock\")'
    setfattr -n user.note -v value etc/new; cp /bin/true cap; setcap cap_net_raw+ep cap; mkdir -p made/below; chmod 2775 made
    truncate -s 3M sparse; head -c 300000 /dev/urandom > random; touch -d '1999-12-31 12:00:00.123456789' dir/x";

/// A store with the image `base`, and a writable directory over it in which CHANGES were made.
struct Changed {
    bench: Bench,
    store: Store,
    base: Image,
    upper: PathBuf,
    merged: Overlay,
}

impl Changed {
    fn new() -> Self {
        let bench = Bench::new();
        let store = bench.store();
        for name in ["base", "upper", "work"] {
            fs::create_dir(bench.path(name)).unwrap();
        }
        shell(&bench.path("base"), BASE);
        let archive = Command::new("tar").args(["-cC"]).arg(bench.path("base")).arg(".").output();
        let import = Import { reference: Some("base".parse().unwrap()), ..Import::default() };
        let base = store.images().import(&archive.unwrap().stdout[..], &import, NOW).unwrap();
        let upper = bench.path("upper");
        let lower = store.images().layer_paths(&base).remove(0);
        let options = format!(
            "lowerdir={},upperdir={},workdir={}",
            text(&lower),
            text(&upper),
            text(&bench.path("work"))
        );
        let merged = Overlay::mount(bench.path("merged"), &options);
        shell(&merged.0, CHANGES);
        Self { bench, store, base, upper, merged }
    }

    fn commit(&self) -> Image {
        let commit = Commit {
            parent: Some(&self.base),
            own: std::slice::from_ref(&self.upper),
            ids: None,
            targets: &[],
            reference: Some("changed".parse().unwrap()),
            config: RunConfig { cmd: Some(vec!["x".to_owned()]), ..RunConfig::default() },
            author: "somebody".to_owned(),
            comment: "words".to_owned(),
            created_by: "sh".to_owned(),
            created: "2026-01-01T00:00:00Z".to_owned(),
        };
        self.store.images().commit(&commit, NOW).unwrap()
    }

    fn view(&self) -> RootView {
        let mut directories = vec![self.upper.clone()];
        directories.extend(self.store.images().layer_paths(&self.base));
        RootView::of(&directories)
    }
}

fn bytes(mut archive: impl std::io::Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    archive.read_to_end(&mut bytes).unwrap();
    bytes
}

#[test]
fn a_committed_image_is_what_the_container_saw() {
    let changed = Changed::new();
    let image = changed.commit();
    assert_eq!(image.config.rootfs.diff_ids.len(), 2);
    assert_eq!(image.config.author.as_deref(), Some("somebody"));
    let history = image.config.history.last().unwrap();
    assert_eq!(
        (history.comment.as_deref(), history.created_by.as_deref()),
        (Some("words"), Some("sh"))
    );
    let layers = changed.store.images().layer_paths(&image);
    let lower: Vec<&str> = layers.iter().map(|path| text(path)).collect();
    let again =
        Overlay::mount(changed.bench.path("again"), &format!("lowerdir={}", lower.join(":")));
    fs::remove_file(changed.merged.0.join("sock")).unwrap();
    assert_same(&again.0, &changed.merged.0);
    // The same changes are the same layer, and the same image.
    assert_eq!(changed.commit().id, image.id);
    let mut archive =
        changed.store.images().layer_archive(&image.config.rootfs.diff_ids[1]).unwrap();
    std::io::copy(&mut archive, &mut std::io::sink()).unwrap();
}

#[test]
fn a_tree_is_what_the_overlay_shows() {
    let changed = Changed::new();
    let archive = bytes(layer::tree(&changed.view(), MountPoints::default()).unwrap());
    assert!(archive == bytes(layer::tree(&changed.view(), MountPoints::default()).unwrap()));
    let out = changed.bench.path("out");
    fs::create_dir(&out).unwrap();
    unpack(&archive[..], File::open(&out).unwrap().as_fd(), &Rules::root_fs()).unwrap();
    fs::remove_file(changed.merged.0.join("sock")).unwrap();
    assert_same(&out, &changed.merged.0);
}

/// Changes over those of CHANGES, for a third layer.
const MORE: &str = "rm -r opaque etc/new; mkdir opaque etc/new; echo third > opaque/third; echo c > etc/b; rm becomes-file
    echo 9 > keep/u; rm -r dir; ln cap cap2; chmod 700 made; echo x > gone; rm pipe; mkdir -p fresh/in; echo 2 > fresh/in/it";
/// And over those.
const LAST: &str = "rm etc/b; rm -r fresh; rm gone; mkdir dir; echo 4 > dir/late; setfattr -n user.note -v other made; rm -r opaque";

/// Directories of the layers that these changes make, one above the other over the base, the top one first.
fn layers_of(changed: &Changed, scripts: &[&str]) -> Vec<PathBuf> {
    let mut layers = changed.store.images().layer_paths(&changed.commit());
    for (number, script) in scripts.iter().enumerate() {
        let lower: Vec<&str> = layers.iter().map(|path| text(path)).collect();
        let at = |name: &str| changed.bench.path(&format!("{name}-{number}"));
        fs::create_dir(at("upper")).unwrap();
        fs::create_dir(at("work")).unwrap();
        let options = format!(
            "lowerdir={},upperdir={},workdir={}",
            lower.join(":"),
            text(&at("upper")),
            text(&at("work"))
        );
        let merged = Overlay::mount(at("merged"), &options);
        shell(&merged.0, script);
        layers.insert(0, at("upper"));
    }
    layers
}

fn shown(changed: &Changed, name: &str, layers: &[PathBuf]) -> Overlay {
    // An overlay of lower directories alone has two of them.
    let empty = changed.bench.path("empty");
    fs::create_dir_all(&empty).unwrap();
    let lower: Vec<&str> = layers.iter().chain([&empty]).map(|path| text(path)).collect();
    Overlay::mount(changed.bench.path(name), &format!("lowerdir={}", lower.join(":")))
}

#[test]
fn layers_are_one_and_the_root_is_the_same() {
    let changed = Changed::new();
    let all = layers_of(&changed, &[MORE, LAST]);
    let before = shown(&changed, "before", &all);
    for (count, name) in [(2, "two"), (3, "three"), (4, "all")] {
        let (layers, below) = all.split_at(count);
        let archive = bytes(layer::squashed(layers, below).unwrap());
        assert!(archive == bytes(layer::squashed(layers, below).unwrap()), "{name}");
        let out = changed.bench.path(name);
        fs::create_dir(&out).unwrap();
        unpack(&archive[..], File::open(&out).unwrap().as_fd(), &Rules::layer()).unwrap();
        let after = [std::slice::from_ref(&out), below].concat();
        let after = shown(&changed, &format!("{name}-after"), &after);
        assert_same(&after.0, &before.0);
        let marks = archive.windows(4).filter(|window| *window == b".wh.").count();
        assert_eq!(marks == 0, below.is_empty(), "{name}");
    }
    // What came and went within the layers leaves no trace.
    let archive = bytes(layer::squashed(&all[..3], &all[3..]).unwrap());
    for gone in ["fresh", "third", "etc/new2\0.wh", ".wh.fresh", ".wh.pipe"] {
        let found = archive.windows(gone.len()).any(|window| window == gone.as_bytes());
        assert!(!found, "{gone}");
    }
    let missing = [changed.bench.path("nowhere")];
    assert!(layer::squashed(&missing, &[]).is_err());
}

#[test]
fn changes_are_listed_as_docker_lists_them() {
    let changed = Changed::new();
    let lower = RootView::of(&changed.store.images().layer_paths(&changed.base));
    let found = layer::changes(
        std::slice::from_ref(&changed.upper),
        &lower,
        (&MountPoints::default(), None),
    )
    .unwrap();
    let lines: Vec<String> = found
        .iter()
        .map(|change| {
            let letter = match change.kind {
                ChangeKind::Added => 'A',
                ChangeKind::Changed => 'C',
                ChangeKind::Deleted => 'D',
            };
            format!("{letter} {}", String::from_utf8_lossy(&change.path))
        })
        .collect();
    let expected = [
        "C becomes-directory",
        "A becomes-directory/it",
        "C becomes-file",
        "A cap",
        "C dir",
        "C dir/x",
        "C etc",
        "C etc/a",
        "D etc/b",
        "A etc/dangling",
        "A etc/new",
        "A etc/new2",
        "D gone",
        "A made",
        "A made/below",
        "A null",
        "C opaque",
        "D opaque/a",
        "A opaque/new",
        "D opaque/w",
        "A pipe",
        "A random",
        "A sock",
        "A sparse",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn what_only_overlayfs_can_read_is_refused() {
    let bench = Bench::new();
    let upper = bench.path("upper");
    fs::create_dir_all(upper.join("d")).unwrap();
    let refused = || {
        let mut sink = std::io::sink();
        let mut archive = layer::diff(&upper, MountPoints::default()).unwrap();
        let error = std::io::copy(&mut archive, &mut sink).expect_err("an error");
        chain(&error)
    };
    let set = |name: &str, value: &[u8]| {
        rustix::fs::setxattr(upper.join("d"), name, value, rustix::fs::XattrFlags::empty())
            .unwrap();
    };
    let only = "\"d\" is kept in a way that only the kernel's overlay can read";
    for name in ["trusted.overlay.redirect", "trusted.overlay.metacopy", "user.overlay.redirect"] {
        set(name, b"/elsewhere");
        assert_eq!(refused(), only, "{name}");
        rustix::fs::removexattr(upper.join("d"), name).unwrap();
    }
    set("trusted.overlay.opaque", b"x");
    assert_eq!(refused(), only);
    set("trusted.overlay.opaque", b"y");
    set("trusted.overlay.origin", b"anything");
    layer::diff(&upper, MountPoints::default()).unwrap().read_to_end(&mut Vec::new()).unwrap();
    File::create(upper.join("d/.wh.name")).unwrap();
    assert_eq!(refused(), "\"d/.wh.name\" has a name that means a deletion in a layer");
    fs::remove_file(upper.join("d/.wh.name")).unwrap();
    fs::create_dir_all(upper.join("d/".repeat(200))).unwrap();
    assert!(refused().ends_with("is too deep for an archive"), "{}", refused());
}

#[test]
fn a_layer_of_a_former_release_is_written_again_where_that_is_the_same() {
    let changed = Changed::new();
    let image = changed.commit();
    for diff_id in &image.config.rootfs.diff_ids {
        fs::remove_dir_all(changed.bench.path("root/recipes").join(diff_id.hex())).unwrap();
    }
    let images = changed.store.images();
    // Whiteouts have the time of their unpacking; nothing else of the committed layer is lost.
    let refused = chain(&images.layer_archive(&image.config.rootfs.diff_ids[0]).unwrap_err());
    assert!(refused.contains("an earlier release unpacked it"), "{refused}");
    let mut archive = images.layer_archive(&image.config.rootfs.diff_ids[1]).unwrap();
    assert_eq!(bytes(&mut archive).len() as u64, archive.size());
}

#[test]
fn saved_images_are_loaded_as_they_were() {
    let changed = Changed::new();
    let image = changed.commit();
    let names: Vec<spec::Reference> = ["changed", "registry.example/team/changed:v2"]
        .iter()
        .map(|name| name.parse().unwrap())
        .collect();
    let saved = [
        Saved { image: image.clone(), names: names.clone(), is_alone: false },
        Saved { image: changed.base.clone(), names: Vec::new(), is_alone: false },
    ];
    let save = || {
        let mut archive = Vec::new();
        changed.store.images().save(&saved, &mut archive).unwrap();
        archive
    };
    let archive = save();
    assert!(archive == save());
    let blob = format!("blobs/sha256/{}\0", changed.base.config.rootfs.diff_ids[0].hex());
    let times = archive.windows(blob.len()).filter(|window| *window == blob.as_bytes()).count();
    assert_eq!(times, 1, "a layer that two images have is there once");
    let other = Bench::new();
    let loaded = other.store().images().load(&archive[..], NOW).unwrap();
    let ids: Vec<_> = loaded.iter().map(|loaded| &loaded.id).collect();
    assert_eq!(ids, [&image.id, &changed.base.id]);
    assert_eq!(loaded[0].names, names);
    assert!(other.garbage().is_empty());
    // What cannot be written whole is an error, at its end.
    let file = changed.store.images().layer_paths(&image)[0].join("random");
    File::options().write(true).open(file).unwrap().set_len(7).unwrap();
    let error = changed.store.images().save(&saved, std::io::sink()).unwrap_err();
    let said = chain(&error);
    assert!(said.ends_with("\"random\" of the layer has 7 bytes instead of 300000"), "{said}");
}
