//! A layer's archive is made again byte for byte from its directory and its recipe: whatever the archive is, as long as it can be
//! unpacked.

use std::io::{ErrorKind, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::path::Path;
use std::process::Command;

use proptest::collection::vec;
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};
use spec::Digest;
use store::unpack::Rules;
use store::{ArchiveError, ExpectedLayer, Paths, Store, StoreError};
use tempfile::TempDir;

use crate::forge::Forge;

/// A private store.
struct Bench {
    directory: TempDir,
    store: Store,
}

impl Bench {
    fn new() -> Self {
        let directory = tempfile::Builder::new().prefix("recipes-").tempdir().unwrap();
        let path = directory.path();
        let store =
            Store::open(Paths { root: path.join("root"), state: path.join("state") }).unwrap();
        Self { directory, store }
    }

    /// Unpacks a layer and makes it visible.
    fn unpack(&self, archive: &[u8]) -> Result<Digest, StoreError> {
        let digest = Digest::sha256(Sha256::digest(archive).into());
        let mut incoming = self.store.images().incoming()?;
        let expected = ExpectedLayer { blob: digest.clone(), diff_id: digest.clone() };
        let layer = incoming.place().unpack(archive, &expected)?;
        incoming.publish(layer, 0)?;
        Ok(digest)
    }

    fn archive(&self, diff_id: &Digest) -> std::io::Result<Vec<u8>> {
        let mut archive = self.store.images().layer_archive(diff_id).unwrap();
        let mut bytes = Vec::new();
        archive.read_to_end(&mut bytes)?;
        assert_eq!(archive.size(), bytes.len() as u64);
        Ok(bytes)
    }

    fn layer(&self, diff_id: &Digest) -> std::path::PathBuf {
        self.directory.path().join("root/layers").join(diff_id.hex())
    }

    fn recipe(&self, diff_id: &Digest) -> std::path::PathBuf {
        self.directory.path().join("root/recipes").join(diff_id.hex())
    }
}

fn assert_same(left: &[u8], right: &[u8]) {
    let first = left.iter().zip(right).position(|(left, right)| left != right);
    assert!(left == right, "{} and {} bytes, first {first:?}", left.len(), right.len());
}

/// Unpacks the archive and makes it again.
fn round(archive: &[u8]) -> Bench {
    let bench = Bench::new();
    let digest = bench.unpack(archive).unwrap();
    assert_same(&bench.archive(&digest).unwrap(), archive);
    bench
}

#[test]
fn files_that_are_replaced_are_kept_beside_the_recipe() {
    let archive = Forge::default()
        .file("d/x", b"one")
        .file("d/x", b"two, longer")
        .link(b'1', "d/y", "d/x", 0)
        .file("d/x", b"three")
        .file("e/f/g", b"deep")
        .link(b'2', "e", "d", 0)
        .file("e/x", b"through a link")
        .link(b'2', "l", "d", 0)
        .file("l/z", b"four")
        .link(b'2', "l", "elsewhere", 0)
        .file("d", b"a file at last")
        .end();
    let bench = round(&archive);
    let recipe = std::fs::read_dir(bench.recipe(&bench.unpack(&archive).unwrap())).unwrap();
    assert_eq!(recipe.count(), 6, "the recipe, d/x thrice, e, and d");
}

#[test]
fn what_is_skipped_is_in_the_recipe() {
    let large = vec![b'x'; 700_000];
    let archive = Forge::default()
        .header(b'5', "d/", 0)
        .file(".wh..wh.plnk/1.2", &large)
        .file("d/.wh.gone", b"contents of a whiteout")
        .file("d/.wh..wh..opq", b"and of an opaque mark")
        .file("d/empty", b"")
        .file("d/file", &large)
        .end();
    round(&archive);
}

#[test]
fn an_archive_may_end_where_it_likes() {
    let whole = Forge::default().file("a", b"one").file("b", b"contents that end it").bytes;
    round(&whole);
    let bench = round(&whole[..whole.len() - 512 + 20]);
    drop(bench);
    round(&[&whole[..], &[0; 512]].concat());
    round(&[&whole[..], &[0; 100 * 512]].concat());
    round(&[&whole[..], &[0; 1300]].concat());
    round(&[0; 1024]);
    round(&[]);
}

#[test]
fn a_hard_link_to_what_is_replaced_keeps_it() {
    let archive = Forge::default()
        .file("a", b"first")
        .link(b'1', "b", "a", 0)
        .file("b", b"second")
        .link(b'1', "a", "b", 0)
        .file("a", b"third")
        .end();
    round(&archive);
}

#[test]
fn a_changed_layer_is_named() {
    let archive = Forge::default().file("d/a", b"one").file("d/b", b"two").end();
    let bench = Bench::new();
    let digest = bench.unpack(&archive).unwrap();
    let inner = |error: std::io::Error| {
        assert_eq!(error.kind(), ErrorKind::InvalidData, "{error}");
        error.downcast::<ArchiveError>().unwrap()
    };
    let write = |contents: &[u8]| {
        let file = std::fs::File::create(bench.layer(&digest).join("d/b"));
        file.unwrap().write_all(contents).unwrap();
    };
    write(b"three");
    let error = inner(bench.archive(&digest).unwrap_err());
    assert_eq!(error.to_string(), "\"d/b\" of the layer has 5 bytes instead of 3");
    write(b"TWO");
    let error = inner(bench.archive(&digest).unwrap_err());
    assert!(matches!(&error, ArchiveError::Digest { wanted, .. } if *wanted == digest), "{error}");
    write(b"two");
    bench.archive(&digest).unwrap();
    std::fs::remove_file(bench.layer(&digest).join("d/b")).unwrap();
    // A link to the very same contents is no file of the layer.
    std::os::unix::fs::symlink("a", bench.layer(&digest).join("d/b")).unwrap();
    let error = inner(bench.archive(&digest).unwrap_err());
    assert!(matches!(&error, ArchiveError::Open { path, .. } if path == "d/b"), "{error}");
}

#[test]
fn a_damaged_recipe_is_an_error_and_never_another_archive() {
    let archive = Forge::default().file("a", b"one").file("a", b"two").file("b", b"three").end();
    let bench = Bench::new();
    let digest = bench.unpack(&archive).unwrap();
    let path = bench.recipe(&digest).join("recipe");
    let recipe = std::fs::read(&path).unwrap();
    let put = |bytes: &[u8]| std::fs::File::create(&path).unwrap().write_all(bytes).unwrap();
    let read = || {
        let mut archive = bench.store.images().layer_archive(&digest).ok()?;
        let mut bytes = Vec::new();
        archive.read_to_end(&mut bytes).ok().map(|_| bytes)
    };
    for at in 0..recipe.len() {
        let mut damaged = recipe.clone();
        damaged[at] ^= 0x41;
        put(&damaged);
        // A changed bit may be one that decoders ignore.
        assert!(read().is_none_or(|bytes| bytes == archive), "byte {at}");
        put(&recipe[..at]);
        assert_eq!(read(), None, "cut at {at}");
    }
    put(&recipe);
    assert_eq!(read(), Some(archive));
}

/// Sparse files as GNU tar and Python write them, and a long one that ends with a hole.
#[test]
fn sparse_files() {
    let directory = TempDir::new().unwrap();
    let sparse = std::fs::File::create(directory.path().join("sparse")).unwrap();
    for number in 0..40_u64 {
        let data = vec![b'a' + u8::try_from(number % 26).unwrap(); 5000];
        std::os::unix::fs::FileExt::write_all_at(&sparse, &data, number * 65536).unwrap();
    }
    sparse.set_len(8 << 20).unwrap();
    std::fs::File::create(directory.path().join("hole")).unwrap().set_len(1 << 20).unwrap();
    for format in [
        &["--format=gnu"][..],
        &["--format=posix", "--sparse-version=0.0"],
        &["--format=posix", "--sparse-version=0.1"],
        &["--format=posix", "--sparse-version=1.0"],
    ] {
        let output = Command::new("tar")
            .args(format)
            .args(["--sparse", "-cC"])
            .arg(directory.path())
            .args(["sparse", "hole"])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(output.stdout.len() < 1 << 20, "{format:?}");
        round(&output.stdout);
    }
}

/// A tree of this machine in the formats of GNU tar and of Python's tarfile: long names, links, pipes, attributes.
#[test]
fn archives_of_other_tools() {
    let directory = TempDir::new().unwrap();
    let long = "directory/".repeat(30);
    std::fs::create_dir_all(directory.path().join(&long)).unwrap();
    for (name, contents) in [("a", &b"x"[..]), (&format!("{long}{}", "n".repeat(120)), b"long")] {
        std::fs::File::create(directory.path().join(name)).unwrap().write_all(contents).unwrap();
    }
    std::fs::hard_link(directory.path().join("a"), directory.path().join("b")).unwrap();
    std::os::unix::fs::symlink("x".repeat(200), directory.path().join("c")).unwrap();
    let value = rustix::fs::XattrFlags::empty();
    rustix::fs::setxattr(directory.path().join("a"), "user.note", b"value", value).unwrap();
    let tar = |arguments: &[&str]| {
        let mut command = Command::new("tar");
        command.args(arguments).arg("-cC").arg(directory.path()).arg(".").arg("-C").arg("/etc");
        let output = command.args(["ssl", "apt"]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    round(&tar(&["--format=gnu"]));
    round(&tar(&["--format=posix", "--xattrs"]));
    round(&tar(&["--format=posix", "--blocking-factor=77"]));
    for format in ["USTAR", "GNU", "PAX"] {
        let program = format!(
            "import tarfile, sys\nwith tarfile.open(fileobj=sys.stdout.buffer, mode='w|', format=tarfile.{format}_FORMAT) as t: t.add('/etc/apt', 'apt'); t.add({:?}, 'a')",
            directory.path().join("a")
        );
        let output = Command::new("python3").args(["-c", &program]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        round(&output.stdout);
    }
}

#[test]
fn a_layer_that_is_removed_takes_its_recipe_with_it() {
    let bench = Bench::new();
    let import =
        store::Import { reference: Some("busybox".parse().unwrap()), ..store::Import::default() };
    let archive = Forge::default().file("a", b"one").file("a", b"two").end();
    let image = bench.store.images().import(&archive[..], &import, 0).unwrap();
    let diff_id = &image.config.rootfs.diff_ids[0];
    assert_same(&bench.archive(diff_id).unwrap(), &archive);
    let names = |path: &Path| std::fs::read_dir(path).unwrap().count();
    assert_eq!(names(&bench.directory.path().join("root/recipes")), 1);
    bench.store.images().remove("busybox", false).unwrap();
    for place in ["recipes", "layers", "tmp"] {
        assert_eq!(names(&bench.directory.path().join("root").join(place)), 0, "{place}");
    }
}

/// One entry of a generated archive. Few names, so that entries meet.
#[derive(Clone, Debug)]
enum Made {
    File(String, Vec<u8>),
    Directory(String),
    Symlink(String, String),
    Hardlink(String, String),
    Sparse(String, Vec<u8>),
    PaxFile(String, Vec<u8>),
}

fn made() -> impl Strategy<Value = Made> {
    let part = || prop::sample::select(vec!["a", "b", "c", ".wh.a", ".wh..wh..opq", ".wh..wh.x"]);
    let plain = || prop::sample::select(vec!["a", "b", "c"]);
    let name = move || {
        (vec(plain(), 0..3), part()).prop_map(|(parents, last)| {
            parents.into_iter().chain([last]).collect::<Vec<_>>().join("/")
        })
    };
    let target = move || vec(plain(), 1..3).prop_map(|parts| parts.join("/"));
    let contents = || prop_oneof![vec(any::<u8>(), 0..1600), Just(vec![0; 512])];
    prop_oneof![
        4 => (name(), contents()).prop_map(|(name, contents)| Made::File(name, contents)),
        2 => name().prop_map(Made::Directory),
        2 => (target(), target()).prop_map(|(name, to)| Made::Symlink(name, format!("/{to}"))),
        2 => (target(), target()).prop_map(|(name, to)| Made::Hardlink(name, to)),
        1 => (target(), contents()).prop_map(|(name, contents)| Made::Sparse(name, contents)),
        1 => (name(), contents()).prop_map(|(name, contents)| Made::PaxFile(name, contents)),
    ]
}

fn forged(forge: Forge, made: &Made) -> Forge {
    match made {
        Made::File(name, contents) => forge.file(name, contents),
        Made::Directory(name) => forge.header(b'5', &format!("{name}/"), 0),
        Made::Symlink(name, to) => forge.link(b'2', name, to, 0),
        Made::Hardlink(name, to) => forge.link(b'1', name, to, 0),
        Made::Sparse(name, contents) => {
            let length = contents.len();
            let map = format!("100,{},{},{}", length / 2, length + 300, length - length / 2);
            let size = (2 * length + 400).to_string();
            forge
                .pax(b'x', &[("GNU.sparse.map", &map), ("GNU.sparse.size", &size)])
                .file(name, contents)
        }
        Made::PaxFile(name, contents) => {
            forge.pax(b'x', &[("path", name), ("comment", "a PAX header")]).file("other", contents)
        }
    }
}

#[test]
fn whatever_is_unpacked_is_made_again() {
    let bench = Bench::new();
    let config =
        ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(entries in vec(made(), 0..14), end in prop_oneof![Just(0), 512..3000_usize])| {
        let mut bytes = Vec::new();
        // Entries that are refused where they stand are left out: a hard link to nothing, a path through a file.
        for made in &entries {
            let forge = forged(Forge { bytes: bytes.clone() }, made);
            let into = TempDir::new().unwrap();
            let into = std::fs::File::open(into.path()).unwrap();
            if store::unpack::unpack(&forge.bytes[..], into.as_fd(), &Rules::layer()).is_ok() {
                bytes = forge.bytes;
            }
        }
        // One whole block of zeros ends an archive; what is behind it may be cut anywhere.
        bytes.resize(bytes.len() + end, 0);
        let digest = bench.unpack(&bytes).unwrap();
        prop_assert!(bench.archive(&digest).unwrap() == bytes, "{entries:?}");
    });
}
