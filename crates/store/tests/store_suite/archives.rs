//! Archives of every kind that tools make, loaded.

use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};

use store::tar::{Kind, Metadata, Writer};

use crate::faults::{archive, docker, file, sha256};
use crate::fixture::{Bench, NOW, run, text};

/// Layers that share one, in one layout: the archives of the tests below are copies of it.
fn layout(bench: &Bench) -> String {
    let layers: &[(&str, &[u8])] = &[("etc/low", b"low"), ("etc/top", b"top"), ("a", &[7; 99_000])];
    text(&bench.layout("layout", "v1", layers)).to_owned()
}

fn check(bench: &Bench, name: &str) {
    let store = bench.store();
    let image = store.images().resolve(name).unwrap();
    let layers = store.images().layer_paths(&image);
    assert_eq!(layers.len(), 3, "{name}");
    assert_eq!(std::fs::read_to_string(layers[2].join("etc/low")).unwrap(), "low");
    assert_eq!(std::fs::read_to_string(layers[1].join("etc/top")).unwrap(), "top");
    assert_eq!(std::fs::read(layers[0].join("a")).unwrap(), [7; 99_000]);
    assert_eq!(image.size_bytes, 99_006);
    assert_eq!(store.images().layer_sizes(&image).unwrap(), [3, 3, 99_000]);
    assert_eq!(bench.garbage(), [""; 0]);
}

#[test]
fn loads_a_layout_directory() {
    let bench = Bench::new();
    let layout = layout(&bench);
    let loaded = bench.store().images().load_directory(layout.as_ref(), NOW).unwrap();
    assert_eq!(loaded.len(), 1);
    check(&bench, &loaded[0].id.to_string());
}

#[test]
fn loads_docker_and_oci_archives_however_compressed() {
    let bench = Bench::new();
    let from = format!("oci:{}:v1", layout(&bench));
    let (docker, oci) = (bench.path("docker.tar"), bench.path("oci.tar"));
    bench.copy(&from, &format!("docker-archive:{}:local/docker:1", docker.display()));
    bench.copy(&from, &format!("oci-archive:{}:local/oci:1", oci.display()));
    for (archive, name) in [(docker, "local/docker:1"), (oci, "local/oci:1")] {
        let plain = text(&archive);
        run("gzip", &["-k", plain]);
        run("zstd", &["-q", plain]);
        let mut ids = Vec::new();
        for ending in ["", ".gz", ".zst"] {
            let store = bench.store();
            let file = File::open(format!("{plain}{ending}")).unwrap();
            let loaded = store.images().load_file(file, NOW).unwrap();
            assert_eq!(loaded[0].names[0].familiar(), name);
            check(&bench, name);
            ids.push(loaded[0].id.clone());
            store.images().remove(name, true).unwrap();
            assert!(bench.layers().is_empty(), "no layer outlives its image");
        }
        ids.dedup();
        assert_eq!(ids.len(), 1);
    }
}

#[test]
fn loads_from_a_pipe() {
    let bench = Bench::new();
    let docker = bench.path("docker.tar");
    let to = format!("docker-archive:{}:local/docker:1", docker.display());
    bench.copy(&format!("oci:{}:v1", layout(&bench)), &to);
    let (reader, mut writer) = std::io::pipe().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || std::io::copy(&mut File::open(docker).unwrap(), &mut writer).unwrap());
        bench.store().images().load(reader, NOW).unwrap();
    });
    check(&bench, "local/docker:1");
}

#[test]
fn images_share_layers_and_a_layer_goes_with_its_last_image() {
    let bench = Bench::new();
    bench.layout("layout", "a", &[("base", b"base"), ("one", b"1")]);
    // The second is made from the first, so that their lower layer is the same.
    let layout = bench.path("layout");
    let image = |tag: &str| format!("{}:{tag}", layout.display());
    run("umoci", &["tag", "--image", &image("a"), "b"]);
    let source = bench.path("insert");
    run("umoci", &["insert", "--image", &image("b"), text(&source), "/two"]);
    let store = bench.store();
    let loaded = store.images().load_directory(&layout, NOW).unwrap();
    assert_eq!(loaded.len(), 2);
    assert_eq!(bench.layers().len(), 3);
    let larger = loaded.iter().map(|one| store.images().resolve(&one.id.to_string()).unwrap());
    let larger = larger.max_by_key(|image| image.config.rootfs.diff_ids.len()).unwrap();
    let removed = store.images().remove(&larger.id.to_string(), false).unwrap();
    assert_eq!(removed.deleted.len(), 2, "the image and its own layer");
    assert_eq!(bench.layers().len(), 2);
    let left = store.images().list().unwrap();
    store.images().remove(left[0].id.short(), true).unwrap();
    assert!(bench.layers().is_empty() && bench.garbage().is_empty());
}

#[test]
fn a_layer_that_a_crash_left_half_is_made_again() {
    let bench = Bench::new();
    let layout = layout(&bench);
    let store = bench.store();
    let loaded = store.images().load_directory(layout.as_ref(), NOW).unwrap();
    let image = store.images().resolve(&loaded[0].id.to_string()).unwrap();
    let kept = store.images().layer_paths(&image)[0].clone();
    store.images().remove(&image.id.to_string(), true).unwrap();
    std::fs::create_dir(&kept).unwrap();
    store.images().load_directory(layout.as_ref(), NOW).unwrap();
    check(&bench, &image.id.to_string());
}

#[test]
fn a_native_image_is_chosen_and_its_absence_named() {
    let bench = Bench::new();
    let layout = layout(&bench);
    let index = bench.path("layout/index.json");
    let was = std::fs::read_to_string(&index).unwrap();
    let platform = |architecture: &str, os: &str| {
        let mark =
            format!(r#""platform":{{"architecture":"{architecture}","os":"{os}"}},"digest":"#);
        std::fs::remove_file(&index).unwrap();
        let changed = was.replacen(r#""digest":"#, &mark, 1);
        std::io::Write::write_all(&mut File::create(&index).unwrap(), changed.as_bytes()).unwrap();
    };
    let store = bench.store();
    platform("s390x", "linux");
    let error = store.images().load_directory(layout.as_ref(), NOW).unwrap_err().to_string();
    let native = spec::image::Platform::native();
    let words = format!("no image for linux/{}; there are linux/s390x", native.architecture);
    assert_eq!(error, words);
    platform(&native.architecture, "linux");
    assert_eq!(store.images().load_directory(layout.as_ref(), NOW).unwrap().len(), 1);
}

/// Entries of an archive that are no plain files.
fn append(writer: &mut Writer<Vec<u8>>, path: &str, kind: Kind, link: &str) {
    let (path, link) = (path.as_bytes().to_vec(), link.as_bytes().to_vec());
    let entry = Metadata { path, kind, link, mode: 0o755, ..Metadata::default() };
    writer.append(&entry, std::io::empty()).unwrap();
}

/// As `docker save` wrote them for years: a layer that two images have is a link to the other's, here to the same one by every
/// sort of link.
fn linked(layer: &[u8]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    let file = |path: &str, size: usize| Metadata {
        path: path.as_bytes().to_vec(),
        size: size as u64,
        mode: 0o644,
        ..Metadata::default()
    };
    append(&mut writer, "real/", Kind::Directory, "");
    writer.append(&file("./real/layer.tar", layer.len()), layer).unwrap();
    append(&mut writer, "other", Kind::Symlink, "/real");
    append(&mut writer, "again/layer.tar", Kind::Symlink, "../other/layer.tar");
    append(&mut writer, "hard.tar", Kind::Hardlink, "real/layer.tar");
    let diff_id = sha256(layer);
    let config = format!(
        r#"{{"architecture":"amd64","os":"linux","rootfs":{{"type":"layers","diff_ids":["{diff_id}"]}}}}"#
    );
    let manifest = ["real/layer.tar", "other/layer.tar", "again/layer.tar", "hard.tar"]
        .map(|path| format!(r#"{{"Config":"config.json","Layers":["{path}"]}}"#))
        .join(",");
    let manifest = format!("[{manifest}]");
    writer.append(&file("config.json", config.len()), config.as_bytes()).unwrap();
    writer.append(&file("manifest.json", manifest.len()), manifest.as_bytes()).unwrap();
    writer.finish().unwrap()
}

#[test]
fn links_lead_from_layer_to_layer() {
    let layer = archive(&[("a", b"1")]);
    let archive = linked(&layer);
    for from_file in [true, false] {
        let bench = Bench::new();
        let store = bench.store();
        let loaded = if from_file {
            store.images().load_file(file(&archive), NOW)
        } else {
            store.images().load(&archive[..], NOW)
        };
        assert_eq!(loaded.unwrap().len(), 4);
        assert_eq!((bench.layers().len(), bench.garbage().len()), (1, 0));
    }
}

#[test]
fn an_archive_begins_where_its_file_stands() {
    let bench = Bench::new();
    let layer = archive(&[("a", b"1")]);
    let image = docker(&layer, &sha256(&layer));
    let mut file = file(&[b"what was read before", &image[..]].concat());
    file.seek(SeekFrom::Start(20)).unwrap();
    assert_eq!(bench.store().images().load_file(file, NOW).unwrap().len(), 1);
}

#[test]
fn an_archive_with_holes_is_unpacked_first() {
    let bench = Bench::new();
    let layer = archive(&[("a", &[0; 300_000])]);
    for (name, contents) in
        [("layer.tar", &layer[..]), ("config.json", b""), ("manifest.json", b"")]
    {
        File::create(bench.path(name)).unwrap().write_all(contents).unwrap();
    }
    let whole = docker(&layer, &sha256(&layer));
    run(
        "tar",
        &[
            "-C",
            text(bench.directory.path()),
            "-xf",
            text(&{
                let path = bench.path("whole.tar");
                File::create(&path).unwrap().write_all(&whole).unwrap();
                path
            }),
        ],
    );
    run("fallocate", &["--dig-holes", text(&bench.path("layer.tar"))]);
    let sparse = bench.path("sparse.tar");
    let members = ["manifest.json", "config.json", "layer.tar"];
    let before = ["-C", text(bench.directory.path()), "-S", "-cf", text(&sparse)];
    run("tar", &[&before[..], &members[..]].concat());
    assert!(sparse.metadata().unwrap().len() < 100_000, "it has holes");
    let loaded = bench.store().images().load_file(File::open(sparse).unwrap(), NOW).unwrap();
    assert_eq!(loaded.len(), 1);
    assert_eq!(bench.garbage(), [""; 0]);
}
