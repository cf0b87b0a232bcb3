//! What arrives is what was sent, as other tools see it.

use std::path::Path;
use std::process::Command;

use registry::{Form, Format};
use serde_json::Value;
use spec::image::media_type;
use testkit::RegistryServer;

use crate::setup::{Bench, digest, image, layer, push_as, push_to, run};
use crate::shared::told;

/// Has skopeo copy a name into a layout, which checks every digest; gives the manifest, and the layers unpacked.
fn copied(bench: &Bench, name: &str) -> (Value, Vec<Vec<u8>>) {
    let layout = bench.path("layout");
    let _absent = std::fs::remove_dir_all(&layout);
    let (from, to) = (format!("docker://{name}"), format!("dir:{}", layout.display()));
    run("skopeo", &["--insecure-policy", "copy", "--quiet", "--src-tls-verify=false", &from, &to]);
    let manifest: Value =
        serde_json::from_slice(&std::fs::read(layout.join("manifest.json")).unwrap()).unwrap();
    let layers = manifest["layers"].as_array().unwrap().iter().map(|layer| {
        let hex = layer["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap().to_owned();
        let path = layout.join(hex);
        match layer["mediaType"].as_str().unwrap().rsplit(['+', '.']).next().unwrap() {
            "gzip" => expanded("gzip", &path),
            "zstd" => expanded("zstd", &path),
            _ => std::fs::read(path).unwrap(),
        }
    });
    let layers = layers.collect();
    (manifest, layers)
}

/// What a program makes of a file whose name does not tell what it is.
fn expanded(program: &str, path: &Path) -> Vec<u8> {
    let file = std::fs::File::open(path).unwrap();
    let output = Command::new(program).arg("-dc").stdin(file).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[test]
fn others_pull_what_was_pushed_in_every_form() {
    let (bench, server) = (Bench::new(), RegistryServer::start());
    let store = bench.store();
    let archives = [layer("etc", 0), layer("big", 3_000_000), layer("usr", 0)];
    // The same layer twice is sent once.
    let image = image(&store, &[&archives[0], &archives[1], &archives[2], &archives[0]]);
    for (compression, format, config, kind) in [
        ("gzip", None, media_type::OCI_CONFIG, media_type::OCI_LAYER_GZIP),
        ("zstd", Some(Format::Oci), media_type::OCI_CONFIG, media_type::OCI_LAYER_ZSTD),
        ("none", None, media_type::OCI_CONFIG, media_type::OCI_LAYER),
        ("gzip:9", Some(Format::Docker), media_type::DOCKER_CONFIG, media_type::DOCKER_LAYER_GZIP),
        ("none", Some(Format::Docker), media_type::DOCKER_CONFIG, media_type::DOCKER_LAYER),
    ] {
        let form = Form { compress: compression.parse().unwrap(), force: true, format };
        let name = format!("{}/team/{}:1", server.host(), compression.replace(':', ""));
        let (pushed, _) = push_as(&store, &image, &name, form);
        let pushed = pushed.unwrap_or_else(|error| panic!("{compression}: {}", told(&error)));
        let (manifest, layers) = copied(&bench, &name);
        assert_eq!(manifest["config"]["digest"], image.id.to_string());
        assert_eq!(manifest["config"]["mediaType"], config);
        for (layer, diff_id) in layers.iter().zip(&image.config.rootfs.diff_ids) {
            assert_eq!(digest(layer), *diff_id);
        }
        assert_eq!(layers.len(), 4);
        assert!(manifest["layers"].as_array().unwrap().iter().all(|one| one["mediaType"] == kind));
        let name = format!("docker://{name}");
        let raw = run("skopeo", &["inspect", "--raw", "--tls-verify=false", &name]);
        assert_eq!((digest(&raw), raw.len() as u64), (pushed.digest, pushed.size));
        assert_eq!(bench.journals(), 0);
    }
}

#[test]
fn two_registries_get_the_same_bytes() {
    let (bench, one, other) = (Bench::new(), RegistryServer::start(), RegistryServer::start());
    let (archive, small) = (layer("big", 2_500_000), layer("etc", 0));
    let store = bench.store();
    let image_here = image(&store, &[&archive, &small]);
    let first = push_to(&store, &image_here, &format!("{}/a/b:1", one.host()));
    // Another machine, which knows nothing of the first push.
    let elsewhere = Bench::new();
    let store = elsewhere.store();
    let image_there = image(&store, &[&archive, &small]);
    let second = push_to(&store, &image_there, &format!("{}/c:2", other.host()));
    assert_eq!((first.digest, first.size), (second.digest, second.size));
}

#[test]
fn what_cannot_be_is_refused() {
    let (bench, server) = (Bench::new(), RegistryServer::start());
    let store = bench.store();
    let image = image(&store, &[&layer("etc", 0)]);
    let compress = "zstd".parse().unwrap();
    let docker = Form { compress, force: false, format: Some(Format::Docker) };
    let name = format!("{}/a:1", server.host());
    let error = push_as(&store, &image, &name, docker).0.unwrap_err();
    assert_eq!(error.kind(), registry::Kind::Invalid);
    assert!(told(&error).contains("zstd"), "{}", told(&error));
    let name = format!("{}/a@{}", server.host(), image.id);
    let error = push_as(&store, &image, &name, Form::default()).0.unwrap_err();
    assert!(told(&error).contains("name a tag"), "{}", told(&error));
}
