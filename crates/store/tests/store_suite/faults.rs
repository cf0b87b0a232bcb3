//! Full disks, read-only roots, damaged and dishonest archives: one clear error, and nothing left.

use std::fs::File;
use std::io::{Cursor, Seek as _, Write as _};

use rustix::mount::{MountFlags, UnmountFlags, mount, mount_remount, unmount};
use spec::image::media_type;
use store::tar::{Kind, Metadata, Writer};
use store::{Import, Kind as Refusal, Paths, Store, StoreError};

use crate::fixture::{Bench, NOW, chain, text};

/// A small file system of its own, gone with the test.
struct Small(std::path::PathBuf);

impl Small {
    fn mount(bench: &Bench) -> Self {
        let path = bench.path("small");
        std::fs::create_dir(&path).unwrap();
        mount("small", &path, "tmpfs", MountFlags::empty(), Some(c"size=8m")).unwrap();
        Self(path)
    }

    fn store(&self) -> Result<Store, StoreError> {
        Store::open(Paths { root: self.0.join("root"), state: self.0.join("state") })
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        unmount(&self.0, UnmountFlags::DETACH).unwrap();
    }
}

fn noise_of(bytes: u32) -> Vec<u8> {
    (0..bytes).map(|number| (number % 251) as u8).collect()
}

pub(crate) fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    for (path, contents) in entries {
        let (path, size) = (path.as_bytes().to_vec(), contents.len() as u64);
        let file = Metadata { path, kind: Kind::File, mode: 0o644, size, ..Metadata::default() };
        writer.append(&file, Cursor::new(contents)).unwrap();
    }
    writer.finish().unwrap()
}

/// A docker archive of one layer; `change` makes it dishonest.
pub(crate) fn docker(layer: &[u8], diff_id: &str) -> Vec<u8> {
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","rootfs":{{"type":"layers","diff_ids":["{diff_id}"]}}}}"#
    );
    let manifest = r#"[{"Config":"config.json","RepoTags":["a:1"],"Layers":["layer.tar"]}]"#;
    archive(&[
        ("layer.tar", layer),
        ("config.json", config.as_bytes()),
        ("manifest.json", manifest.as_bytes()),
    ])
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    let mut reader = store::compression::HashingReader::new(bytes);
    std::io::copy(&mut reader, &mut std::io::sink()).unwrap();
    reader.finish().digest.to_string()
}

pub(crate) fn file(contents: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(contents).unwrap();
    file.rewind().unwrap();
    file
}

fn refused(bench: &Bench, archive: &[u8]) -> String {
    let error = bench.store().images().load(archive, NOW).unwrap_err();
    // A file is read by places, a pipe is unpacked: what is wrong is the same.
    let of_file = bench.store().images().load_file(file(archive), NOW).unwrap_err();
    assert_eq!(chain(&of_file), chain(&error));
    assert_eq!(error.kind(), Refusal::Invalid, "{}", chain(&error));
    assert!(bench.garbage().is_empty() && bench.layers().is_empty(), "{}", chain(&error));
    assert!(bench.store().images().list().unwrap().is_empty());
    chain(&error)
}

#[test]
fn a_full_disk_is_said_and_leaves_nothing() {
    let bench = Bench::new();
    let small = Small::mount(&bench);
    let store = small.store().unwrap();
    let noise = noise_of(16_000_000);
    let root = archive(&[("small", b"1"), ("large", &noise)]);
    let error = store.images().import(&root[..], &Import::default(), NOW).unwrap_err();
    assert_eq!(error.kind(), Refusal::Full, "{}", chain(&error));
    assert!(chain(&error).contains("ENOSPC"), "{}", chain(&error));
    let error = store.images().load(&docker(&root, &sha256(&root))[..], NOW).unwrap_err();
    assert_eq!(error.kind(), Refusal::Full, "{}", chain(&error));
    for directory in ["tmp", "layers"] {
        assert_eq!(std::fs::read_dir(small.0.join("root").join(directory)).unwrap().count(), 0);
    }
    // An archive that is a file is not written a second time: there would be no room for this one.
    let layer = archive(&[("a", b"1")]);
    let noise = archive(&[("noise", &noise)]);
    // Without the two blocks that end it.
    let large = [&noise[..noise.len() - 1024], &docker(&layer, &sha256(&layer))].concat();
    assert_eq!(store.images().load(&large[..], NOW).unwrap_err().kind(), Refusal::Full);
    store.images().load_file(file(&large), NOW).unwrap();
    // Nor are the layers of one that comes through a pipe.
    let layer = archive(&[("large", &noise_of(5_000_000))]);
    let image = docker(&layer, &sha256(&layer));
    let loaded = store.images().load(&image[..], NOW).unwrap();
    store.images().remove(&loaded[0].id.to_string(), true).unwrap();
    // It still works once there is room.
    let root = archive(&[("small", b"1")]);
    store.images().import(&root[..], &Import::default(), NOW).unwrap();
}

#[test]
fn a_read_only_root_is_said() {
    let bench = Bench::new();
    let small = Small::mount(&bench);
    drop(small.store().unwrap());
    mount_remount(&small.0, MountFlags::RDONLY, c"").unwrap();
    let error = match small.store() {
        Err(error) => error,
        Ok(store) => store.images().load(&archive(&[])[..], NOW).unwrap_err(),
    };
    assert_eq!(error.kind(), Refusal::Permission, "{}", chain(&error));
    let fresh = Paths { root: small.0.join("new"), state: bench.path("state") };
    let error = Store::open(fresh).unwrap_err();
    assert!(chain(&error).ends_with("/small/new/containers: EROFS"), "{}", chain(&error));
}

#[test]
fn a_truncated_archive_is_refused_wherever_it_ends() {
    let bench = Bench::new();
    let layer = archive(&[("a", &[1; 3000]), ("b", &[2; 100])]);
    let whole = docker(&layer, &sha256(&layer));
    // An archive without its last block of zeros is whole all the same, as GNU tar sees it.
    let end = whole.len() - 1024;
    for cut in [0, 1, 511, 512, 700, 3000, end - 513, end - 1100] {
        refused(&bench, &whole[..cut]);
    }
    bench.store().images().load(&whole[..], NOW).unwrap();
}

#[test]
fn what_is_not_what_it_says_is_refused() {
    let bench = Bench::new();
    let layer = archive(&[("a", b"1")]);
    let wrong = sha256(b"");
    let error = refused(&bench, &docker(&layer, &wrong));
    assert_eq!(error, format!("layer layer.tar has the diff id {}, not {wrong}", sha256(&layer)));
    assert!(refused(&bench, b"no archive at all").contains("unpack the archive"));
    let error = refused(&bench, &archive(&[("file", b"x")]));
    assert_eq!(error, "it is no image archive: neither manifest.json nor index.json is in it");
    let missing = r#"[{"Config":"../../etc/passwd","Layers":[]}]"#;
    let error = refused(&bench, &archive(&[("manifest.json", missing.as_bytes())]));
    assert_eq!(error, "\"../../etc/passwd\" is not in the archive");
    let large = vec![b' '; 9 << 20];
    let manifest = r#"[{"Config":"config.json","Layers":[]}]"#;
    let error = refused(
        &bench,
        &archive(&[("config.json", &large), ("manifest.json", manifest.as_bytes())]),
    );
    assert_eq!(error, "\"config.json\" is longer than 8388608 bytes");
    let counts = r#"[{"Config":"config.json","Layers":["a","b"]}]"#;
    let config = r#"{"rootfs":{"type":"layers","diff_ids":[]}}"#;
    let error = refused(
        &bench,
        &archive(&[("config.json", config.as_bytes()), ("manifest.json", counts.as_bytes())]),
    );
    assert_eq!(error, "the image has 2 layers and 0 diff ids");
}

#[test]
fn links_in_the_outer_archive_lead_nowhere() {
    let bench = Bench::new();
    let mut writer = Writer::new(Vec::new());
    let link = |path: &str, link: &str| Metadata {
        path: path.as_bytes().to_vec(),
        kind: Kind::Symlink,
        link: link.as_bytes().to_vec(),
        mode: 0o777,
        ..Metadata::default()
    };
    writer.append(&link("manifest.json", "/etc/passwd"), std::io::empty()).unwrap();
    refused(&bench, &writer.finish().unwrap());
    for (name, target) in [("a", "a"), ("a", "b/../a/./x"), ("../manifest.json", "a")] {
        let mut writer = Writer::new(Vec::new());
        writer.append(&link(name, target), std::io::empty()).unwrap();
        writer.append(&link("manifest.json", "a"), std::io::empty()).unwrap();
        let error = bench.store().images().load_file(file(&writer.finish().unwrap()), NOW);
        assert!(error.is_err(), "{name} -> {target}");
    }
    assert!(bench.garbage().is_empty());
}

/// An OCI archive of one manifest with this index entry and these bytes.
fn oci(descriptor_type: &str, manifest: &str, digest: &str) -> Vec<u8> {
    let index = format!(
        r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"{descriptor_type}","digest":"{digest}","size":{}}}]}}"#,
        manifest.len()
    );
    let path = format!("blobs/sha256/{}", &digest[7..]);
    archive(&[("index.json", index.as_bytes()), (&path, manifest.as_bytes())])
}

#[test]
fn a_manifest_that_is_also_an_index_is_refused() {
    let bench = Bench::new();
    let digest = sha256(b"x");
    let manifest = format!(
        r#"{{"schemaVersion":2,"config":{{"mediaType":"a","digest":"{digest}","size":1}},"layers":[],"manifests":[]}}"#
    );
    let archive = oci(media_type::OCI_MANIFEST, &manifest, &sha256(manifest.as_bytes()));
    assert!(refused(&bench, &archive).ends_with(": it is both a manifest and an index"));
    let manifest = manifest.replace(r#","manifests":[]"#, "").replacen(
        '{',
        &format!(r#"{{"mediaType":"{}","#, media_type::OCI_INDEX),
        1,
    );
    let archive = oci(media_type::OCI_MANIFEST, &manifest, &sha256(manifest.as_bytes()));
    assert!(refused(&bench, &archive).contains("calls itself"), "CVE-2021-41190");
    let archive = oci(media_type::OCI_MANIFEST, &manifest, &digest);
    assert!(refused(&bench, &archive).contains("has the digest"));
}

#[test]
fn a_corrupted_layer_of_a_real_archive_is_refused() {
    let bench = Bench::new();
    let layout = bench.layout("layout", "v1", &[("a", &[7; 200_000]), ("b", b"b")]);
    let blobs = layout.join("blobs/sha256");
    let sizes = std::fs::read_dir(&blobs).unwrap().map(|entry| entry.unwrap());
    let largest =
        sizes.filter(|entry| std::fs::read(entry.path()).unwrap().starts_with(&[0x1f, 0x8b]));
    let blob = largest.max_by_key(|entry| entry.metadata().unwrap().len()).unwrap().path();
    let mut bytes = std::fs::read(&blob).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x40;
    File::create(&blob).unwrap().write_all(&bytes).unwrap();
    let error = bench.store().images().load_directory(&layout, NOW).unwrap_err();
    assert!(chain(&error).contains(text(blob.file_name().unwrap().as_ref())), "{}", chain(&error));
    assert!(bench.garbage().is_empty() && bench.layers().is_empty());
}

#[test]
fn what_no_image_wants_may_be_damaged() {
    let layer = archive(&[("a", b"1")]);
    let mut damaged = layer.clone();
    damaged[0] = b'x';
    let hostile = archive(&[("../escape", b"1")]);
    let image = docker(&layer, &sha256(&layer));
    let beside =
        archive(&[("damaged", &damaged), ("hostile", &hostile), ("zip", &[0x1f, 0x8b, 8])]);
    // The first without the two blocks that end it.
    let both = [&beside[..beside.len() - 1024], &image].concat();
    for from_file in [true, false] {
        let bench = Bench::new();
        let store = bench.store();
        let loaded = if from_file {
            store.images().load_file(file(&both), NOW)
        } else {
            store.images().load(&both[..], NOW)
        };
        assert_eq!(loaded.unwrap().len(), 1);
        assert_eq!((bench.layers().len(), bench.garbage().len()), (1, 0));
    }
    let bench = Bench::new();
    let error = refused(&bench, &docker(&damaged, &sha256(&layer)));
    assert!(error.starts_with("unpack layer layer.tar: unpack: read archive: "), "{error}");
    let error = refused(&bench, &docker(&hostile, &sha256(&hostile)));
    assert!(error.starts_with("unpack layer layer.tar: unpack: entry \"../escape\""), "{error}");
}
