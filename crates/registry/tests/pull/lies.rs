//! Registries that lie, and images that are none: one clear line, nothing kept, nobody else asked.

use registry::{Kind, RegistryError};
use serde_json::{Value, json};
use testkit::{
    Catalog, MadeImage, MadeLayer, OCI_INDEX, OCI_MANIFEST, Response, ScriptedServer, noise, sha256,
};

use crate::setup::{Bench, asked, blob_of, catalog, honest, layer, one_layer, server};
use crate::shared::told;

/// A pull that must fail with these words, and leave nothing.
#[track_caller]
fn refused(server: &ScriptedServer, kind: Kind, words: &[&str]) -> RegistryError {
    let bench = Bench::new();
    let error = bench.pull(&server.host(), "a:latest").unwrap_err();
    let line = told(&error);
    assert_eq!(error.kind(), kind, "{line}");
    for word in words {
        assert!(line.contains(word), "{word:?} is missing: {line}");
    }
    bench.nothing_at_all();
    error
}

#[test]
fn a_layer_with_another_digest() {
    let image = one_layer();
    let blob = blob_of(&image.layers[0]);
    let server = server(catalog(&image), move |request, _, answer| {
        match request.target.ends_with(&blob) {
            // Another archive that is as long.
            true => Response::new(200).body(testkit::archive(&[("file", &noise(1 << 20, 5))])),
            false => answer,
        }
    });
    let wanted = sha256(&image.layers[0].blob);
    refused(&server, Kind::Invalid, &["layer", "digest", &wanted]);
    assert_eq!(asked(&server, &image.layers[0]).len(), 1, "a lie is not asked for again");
}

#[test]
fn a_layer_with_another_length() {
    for change in [-1_isize, 1] {
        let image = one_layer();
        let mut bytes = image.layers[0].blob.clone();
        bytes.resize(bytes.len().checked_add_signed(change).unwrap(), 0);
        let (sent, blob) = (bytes.len().to_string(), blob_of(&image.layers[0]));
        let server = server(catalog(&image), move |request, _, answer| {
            match request.target.ends_with(&blob) {
                true => Response::new(200).body(bytes.clone()),
                false => answer,
            }
        });
        let bench = Bench::new();
        let error = bench.pull(&server.host(), "a:latest").unwrap_err();
        let promised = image.layers[0].blob.len().to_string();
        assert_eq!(error.kind(), Kind::Dishonest, "{}", told(&error));
        assert!(told(&error).contains(&sent) && told(&error).contains(&promised));
        assert_eq!((bench.names("layers"), bench.names("tmp")), (vec![], vec![]));
    }
}

#[test]
fn a_redirect_that_leads_to_itself() {
    let image = one_layer();
    let blob = blob_of(&image.layers[0]);
    let server =
        server(catalog(&image), move |request, _, answer| match request.target.ends_with(&blob) {
            true => Response::new(307).header("Location", &request.target),
            false => answer,
        });
    let bench = Bench::new();
    let error = bench.pull(&server.host(), "a:latest").unwrap_err();
    assert!(told(&error).contains("redirect"), "{}", told(&error));
    assert!(asked(&server, &image.layers[0]).len() < 50);
    assert_eq!((bench.names("layers"), bench.names("tmp")), (vec![], vec![]));
}

/// CVE-2021-41190: what one reader takes for a manifest and another for an index.
#[test]
fn a_manifest_that_is_an_index_as_well() {
    let image = one_layer();
    for (kind, says) in [(OCI_MANIFEST, true), (OCI_INDEX, true), (OCI_MANIFEST, false)] {
        let mut both = image.clone();
        both.manifest["manifests"] = json!([]);
        if !says {
            both.manifest.as_object_mut().unwrap().remove("mediaType");
        }
        let catalog = Catalog::default();
        catalog.image("honest", &image);
        let config = image.config.to_string();
        both.manifest["config"] = json!({
            "mediaType": testkit::OCI_CONFIG, "digest": image.id(), "size": config.len(),
        });
        catalog.document("latest", kind, both.manifest.to_string().as_bytes());
        let server = honest(catalog);
        refused(&server, Kind::Dishonest, &["a@sha256:"]);
        assert!(
            !server.asked().iter().any(|asked| asked.contains("/blobs/")),
            "a blob was fetched"
        );
    }
    // What the registry calls it has to be what it is.
    let server = server(catalog(&image), |request, _, answer| {
        match request.target.contains("/manifests/") {
            true => answer.replace_header("Content-Type", OCI_INDEX),
            false => answer,
        }
    });
    refused(&server, Kind::Dishonest, &["a@sha256:"]);
}

/// CVE-2020-15157: a layer's `urls` are asked of nobody, whether the registry has the layer or not.
#[test]
fn a_foreign_layer_is_the_registrys_or_nobodys() {
    let elsewhere = ScriptedServer::start(|_| Response::new(200).body(noise(100, 1)));
    let mut image = one_layer();
    image.manifest["layers"][0]["mediaType"] =
        json!("application/vnd.oci.image.layer.nondistributable.v1.tar");
    let url = format!("http://{}/layer", elsewhere.host());
    image.manifest["layers"][0]["urls"] = json!([url]);
    let bench = Bench::new();
    let has = honest(catalog(&image));
    bench.pull(&has.host(), "a:latest").unwrap();
    let blob = blob_of(&image.layers[0]);
    let has_not = server(catalog(&image), move |request, _, answer| {
        if request.target.ends_with(&blob) { Response::new(404) } else { answer }
    });
    let bench = Bench::new();
    let error = bench.pull(&has_not.host(), "a:latest").unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound, "{}", told(&error));
    assert_eq!(elsewhere.asked(), [""; 0]);
}

#[test]
fn what_is_no_image_is_refused_by_its_type() {
    let mut unknown = one_layer();
    unknown.manifest["layers"][0]["mediaType"] = json!("application/x-parquet");
    refused(&honest(catalog(&unknown)), Kind::Invalid, &["layer", "application/x-parquet"]);
    let mut artifact = one_layer();
    artifact.manifest["artifactType"] = json!("application/vnd.example.sbom");
    let empty = "application/vnd.oci.empty.v1+json";
    artifact.manifest["config"] = json!({"mediaType": empty, "digest": sha256(b"{}"), "size": 2});
    let words = ["no image but an artifact", "application/vnd.example.sbom"];
    let server = honest(catalog(&artifact));
    refused(&server, Kind::Invalid, &words);
    assert!(!server.asked().iter().any(|asked| asked.contains("/blobs/")), "a blob was fetched");
}

#[test]
fn what_is_too_much_is_refused_before_it_is_fetched() {
    let mut many = one_layer();
    let layer = many.manifest["layers"][0].clone();
    many.manifest["layers"] = Value::Array(vec![layer; 10_000]);
    let server = honest(catalog(&many));
    refused(&server, Kind::Invalid, &["10000 layers", "500"]);
    assert!(!server.asked().iter().any(|asked| asked.contains("/blobs/")), "a blob was fetched");

    let mut config = one_layer();
    config.manifest["config"] =
        json!({"mediaType": testkit::OCI_CONFIG, "digest": sha256(b"long"), "size": 100 << 20});
    let server = honest(catalog(&config));
    refused(&server, Kind::Dishonest, &["104857600"]);
    assert!(!server.asked().iter().any(|asked| asked.contains("/blobs/")), "a blob was fetched");

    // A layer that is longer than any disk.
    let mut endless = one_layer();
    endless.manifest["layers"][0]["size"] = json!(1_u64 << 60);
    refused(&honest(catalog(&endless)), Kind::Full, &["1152921504606846976"]);
    // And all of them together, longer than numbers are.
    let mut endless = MadeImage::new((0..20).map(|number| self::layer("x", number)).collect());
    for layer in endless.manifest["layers"].as_array_mut().unwrap() {
        layer["size"] = json!(i64::MAX);
    }
    refused(&honest(catalog(&endless)), Kind::Full, &["the disk is full"]);
}

#[test]
fn indexes_in_indexes() {
    let deep = |depth: usize| {
        let catalog = Catalog::default();
        let image = one_layer();
        let mut digest = catalog.image("inner", &image);
        let mut size = manifest_length(&catalog, &digest);
        let mut kind = OCI_MANIFEST;
        for _ in 0..depth {
            let entry = json!({"mediaType": kind, "digest": digest, "size": size});
            let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]});
            let text = index.to_string();
            digest = catalog.document("latest", OCI_INDEX, text.as_bytes());
            (size, kind) = (text.len(), OCI_INDEX);
        }
        honest(catalog)
    };
    Bench::new().pull(&deep(2).host(), "a:latest").unwrap();
    refused(&deep(30), Kind::Invalid, &["indexes in indexes"]);
}

fn manifest_length(catalog: &Catalog, digest: &str) -> usize {
    let request = testkit::Request {
        method: "GET".to_owned(),
        target: format!("/v2/a/manifests/{digest}"),
        headers: Vec::new(),
        body: Vec::new(),
    };
    catalog.answer(&request).length()
}

#[test]
fn a_digest_that_is_a_path() {
    for digest in [
        "sha256:../../../../../../tmp/corten-escape",
        "../../etc/passwd",
        "sha256:",
        "sha256:ABCDEF",
        "sha1:da39a3ee5e6b4b0d3255bfef95601890afd80709",
    ] {
        let mut image = one_layer();
        image.manifest["layers"][0]["digest"] = json!(digest);
        let server = honest(catalog(&image));
        refused(&server, Kind::Dishonest, &["a@sha256:"]);
        assert!(!server.asked().iter().any(|asked| asked.contains("/blobs/")), "{digest}");
        let mut image = one_layer();
        image.config["rootfs"]["diff_ids"][0] = json!(digest);
        refused(&honest(catalog(&image)), Kind::Invalid, &["configuration"]);
    }
}

#[test]
fn a_configuration_that_lies_about_its_layers() {
    // Another diff id.
    let mut image = one_layer();
    image.config["rootfs"]["diff_ids"][0] = json!(sha256(b"another"));
    let words = ["diff id", &sha256(&image.layers[0].plain), &sha256(b"another")];
    refused(&honest(catalog(&image)), Kind::Invalid, &words);
    // More of them, and fewer.
    for count in [0, 2] {
        let mut image = one_layer();
        let diff_id = image.config["rootfs"]["diff_ids"][0].clone();
        image.config["rootfs"]["diff_ids"] = Value::Array(vec![diff_id; count]);
        let words = ["1 layers", &format!("{count} diff ids")];
        refused(&honest(catalog(&image)), Kind::Dishonest, &words);
    }
    // One blob that is said to be two layers.
    let mut image = one_layer();
    let layer = image.manifest["layers"][0].clone();
    image.manifest["layers"] = json!([layer, layer]);
    image.config["rootfs"]["diff_ids"].as_array_mut().unwrap().push(json!(sha256(b"another")));
    refused(&honest(catalog(&image)), Kind::Dishonest, &["one layer is said to be two"]);
}

#[test]
fn a_layer_twice_and_no_layer_at_all_are_images() {
    let twice = layer("twice", 1000);
    let between = layer("between", 1000);
    let image = MadeImage::new(vec![twice.clone(), between, twice.clone()]);
    let server = honest(catalog(&image));
    let bench = Bench::new();
    assert_eq!(bench.pull(&server.host(), "a:latest").unwrap().id.to_string(), image.id());
    assert_eq!(asked(&server, &twice).len(), 1);
    let image = bench.store().images().list().unwrap().remove(0);
    assert_eq!(image.config.rootfs.diff_ids.len(), 3);
    assert_eq!(bench.names("layers").len(), 2);

    let empty = MadeImage::new(Vec::new());
    let server = honest(catalog(&empty));
    assert_eq!(bench.pull(&server.host(), "b:latest").unwrap().id.to_string(), empty.id());
    bench.nothing_half();
}

/// An archive behind whose end there is no end: it is not read on for ever, and memory does not grow with it.
#[test]
fn a_layer_that_inflates_without_sense() {
    let mut bomb = testkit::archive(&[("file", b"small")]);
    bomb.resize(256 << 20, 0);
    let mut image = MadeImage::new(vec![MadeLayer::compressed(bomb, "gzip")]);
    assert!(image.layers[0].blob.len() < 4 << 20);
    image.layers[0].plain = Vec::new();
    let server = honest(catalog(&image));
    // The most from here on: proc_pid_clear_refs(5).
    let mut reset = std::fs::File::options().write(true).open("/proc/self/clear_refs").unwrap();
    std::io::Write::write_all(&mut reset, b"5").unwrap();
    let before = most_memory();
    refused(&server, Kind::Invalid, &["padding after the end", "16777216"]);
    let grown = most_memory() - before;
    assert!(grown < 64 << 10, "{grown} KiB");
}

/// The most memory that this process has had, in KiB.
fn most_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
}

/// Bytes behind what is said to be the last one of a manifest count: its digest is over all of them.
#[test]
fn a_manifest_that_the_index_says_is_shorter() {
    let catalog = Catalog::default();
    let digest = catalog.image("inner", &one_layer());
    let size = manifest_length(&catalog, &digest);
    let entry = json!({"mediaType": OCI_MANIFEST, "digest": digest, "size": size - 1});
    let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]});
    catalog.document("latest", OCI_INDEX, index.to_string().as_bytes());
    let words = [format!("{size} bytes"), (size - 1).to_string()];
    refused(&honest(catalog), Kind::Dishonest, &[&words[0], &words[1]]);
}
