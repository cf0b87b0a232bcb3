//! What the registry has is not sent again, and a manifest that is still true is not made anew.

use registry::{Client, Form, PartState, Push, push_index};
use spec::image::{Descriptor, Index, Manifest, Platform, media_type};
use store::{Image, Store};
use testkit::RegistryServer;

use crate::front::Front;
use crate::setup::{
    Bench, NOW, Origin, config, digest, image, image_from, layer, push_as, push_to,
};
use crate::shared::{settings, told};

#[test]
fn a_second_push_asks_and_sends_nothing() {
    let (bench, server) = (Bench::new(), RegistryServer::start());
    let store = bench.store();
    let image = image(&store, &[&layer("etc", 0), &layer("usr", 100_000)]);
    let front = Front::of(&server.host());
    let name = format!("{}/a/b:1", front.host());
    let first = push_to(&store, &image, &name);
    assert!(!first.was_there);
    let before = front.methods().len();
    let (second, progress) = push_as(&store, &image, &name, Form::default());
    let second = second.unwrap();
    assert_eq!((&second.digest, second.was_there), (&first.digest, true));
    assert_eq!(front.methods()[before..], ["HEAD"; 4]);
    assert!(progress.parts().iter().all(|part| part.state() == PartState::Exists));
    // The registry's digest is what the store knows the image by now.
    let name = format!("{}/a/b@{}", front.host(), first.digest);
    assert_eq!(store.images().documents(&image.id).unwrap().len(), 1);
    assert!(store.images().knows_repository(name.split('@').next().unwrap()).unwrap());
}

#[test]
fn another_repository_of_the_registry_lends_its_blobs() {
    let (bench, server) = (Bench::new(), RegistryServer::start());
    let store = bench.store();
    let image = image(&store, &[&layer("etc", 0), &layer("usr", 2_000_000)]);
    let front = Front::of(&server.host());
    let first = push_to(&store, &image, &format!("{}/a/b:1", front.host()));
    let sent = front.sent();
    let name = format!("{}/other:1", front.host());
    let (second, progress) = push_as(&store, &image, &name, Form::default());
    assert_eq!(second.unwrap().digest, first.digest);
    let config = store.images().config_bytes(&image.id).unwrap();
    assert_eq!(front.sent() - sent, config.len(), "the configuration alone");
    assert!(progress.parts().iter().all(|part| part.state() == PartState::Mounted));
}

#[test]
fn a_blob_that_only_seems_to_be_elsewhere_is_sent() {
    let (bench, server) = (Bench::new(), RegistryServer::start());
    let store = bench.store();
    let archive = layer("etc", 100_000);
    let lost = Descriptor::new(media_type::OCI_LAYER_GZIP, digest(b"lost"), 4);
    let from = format!("{}/gone", server.host());
    let image = image_from(
        &store,
        &[&archive],
        "amd64",
        &Origin { repository: &from, documents: &[], blobs: &[lost] },
    );
    let (pushed, progress) =
        push_as(&store, &image, &format!("{}/a:1", server.host()), Form::default());
    pushed.unwrap();
    assert_eq!(progress.parts()[0].state(), PartState::Done);
}

/// The manifest of an image of one plain layer, as another tool could have written it.
fn manifest(archive: &[u8], architecture: &str) -> (Descriptor, Vec<u8>, Descriptor) {
    let config = config(&[archive], architecture);
    let blob = Descriptor::new(media_type::OCI_LAYER, digest(archive), archive.len() as u64);
    let made = Manifest {
        schema_version: 2,
        media_type: Some(media_type::OCI_MANIFEST.to_owned()),
        artifact_type: None,
        config: Descriptor::new(media_type::OCI_CONFIG, digest(&config), config.len() as u64),
        layers: vec![blob.clone()],
        subject: None,
        annotations: [("made.by".to_owned(), "somebody".to_owned())].into(),
    };
    let bytes = serde_json::to_vec_pretty(&made).unwrap();
    let descriptor = Descriptor::new(media_type::OCI_MANIFEST, digest(&bytes), bytes.len() as u64);
    (descriptor, bytes, blob)
}

#[test]
fn a_manifest_that_is_still_true_stays() {
    let (bench, server) = (Bench::new(), RegistryServer::start());
    let store = bench.store();
    let archive = layer("etc", 100_000);
    let (descriptor, bytes, blob) = manifest(&archive, "amd64");
    let documents = [(descriptor.clone(), bytes)];
    let blobs = [blob];
    let image = image_from(
        &store,
        &[&archive],
        "amd64",
        &Origin { repository: "far.example/a", documents: &documents, blobs: &blobs },
    );
    let name = |tag: &str| format!("{}/a:{tag}", server.host());
    let plain = Form { compress: "none".parse().unwrap(), ..Form::default() };
    let pushed = push_as(&store, &image, &name("same"), plain).0.unwrap();
    assert_eq!(pushed.digest, descriptor.digest);
    // A known blob is preferred whatever its form, unless another one is insisted on.
    let pushed = push_as(&store, &image, &name("preferred"), Form::default()).0.unwrap();
    assert_eq!(pushed.digest, descriptor.digest);
    let insisting = Form { force: true, ..Form::default() };
    let pushed = push_as(&store, &image, &name("forced"), insisting).0.unwrap();
    assert_ne!(pushed.digest, descriptor.digest);
    let made = store.images().documents(&image.id).unwrap();
    let made = made.iter().find(|(known, _)| known.digest == pushed.digest).unwrap();
    let made: Manifest = serde_json::from_slice(&made.1).unwrap();
    assert_eq!(made.annotations["made.by"], "somebody");
    assert_eq!(made.layers[0].media_type, media_type::OCI_LAYER_GZIP);
}

/// Two platforms in one index, of which the store has those that are named.
fn platforms(store: &Store, here: &[&str]) -> (Vec<Image>, Descriptor) {
    let of = |architecture: &str| {
        let archive = layer(architecture, 50_000);
        let (mut descriptor, bytes, blob) = manifest(&archive, architecture);
        let plain = descriptor.clone();
        descriptor.platform = Some(format!("linux/{architecture}").parse::<Platform>().unwrap());
        (archive, descriptor, (plain, bytes), blob)
    };
    let all = ["amd64", "arm64"].map(of);
    let index = Index {
        schema_version: 2,
        media_type: Some(media_type::OCI_INDEX.to_owned()),
        artifact_type: None,
        manifests: all.iter().map(|(_, descriptor, ..)| descriptor.clone()).collect(),
        subject: None,
        annotations: Default::default(),
    };
    let bytes = serde_json::to_vec_pretty(&index).unwrap();
    let outer = Descriptor::new(media_type::OCI_INDEX, digest(&bytes), bytes.len() as u64);
    let mut images = Vec::new();
    for (architecture, (archive, _, document, blob)) in ["amd64", "arm64"].iter().zip(all) {
        if here.contains(architecture) {
            let documents = [(outer.clone(), bytes.clone()), document];
            let from = "far.example/a";
            let origin = Origin { repository: from, documents: &documents, blobs: &[blob] };
            images.push(image_from(store, &[&archive], architecture, &origin));
        }
    }
    (images, outer)
}

fn push_all(
    store: &Store,
    image: &Image,
    name: &str,
    compress: &str,
    skip_missing: bool,
) -> Result<registry::Pushed, registry::RegistryError> {
    let (client, reference) = (Client::new(settings()), name.parse().unwrap());
    let form = Form { compress: compress.parse().unwrap(), ..Form::default() };
    let progress = registry::Progress::default();
    let (client, reference, progress) = (&client, &reference, &progress);
    push_index(Push { store, client, reference, form, now_ns: NOW, progress }, image, skip_missing)
}

#[test]
fn all_platforms_go_and_the_index_stays() {
    let (bench, server) = (Bench::new(), RegistryServer::start());
    let store = bench.store();
    let (images, index) = platforms(&store, &["amd64", "arm64"]);
    let name = format!("{}/same:1", server.host());
    let pushed = push_all(&store, &images[0], &name, "none", false).unwrap();
    assert_eq!(pushed.digest, index.digest);
    assert!(push_all(&store, &images[1], &name, "none", false).unwrap().was_there);
    // Compressed layers are other manifests, and another index over them.
    let (bench, server) = (Bench::new(), RegistryServer::start());
    let store = bench.store();
    let (images, _) = platforms(&store, &["amd64", "arm64"]);
    let name = format!("{}/other:1", server.host());
    let pushed = push_all(&store, &images[0], &name, "gzip", false).unwrap();
    assert_ne!(pushed.digest, index.digest);
    for architecture in ["amd64", "arm64"] {
        let name = format!("docker://{name}");
        let choice = format!("--override-arch={architecture}");
        let seen = crate::setup::run(
            "skopeo",
            &[&choice, "inspect", "--config", "--tls-verify=false", &name],
        );
        let seen: serde_json::Value = serde_json::from_slice(&seen).unwrap();
        assert_eq!(seen["architecture"], architecture);
    }
}

#[test]
fn a_platform_that_is_not_here_is_named() {
    let (bench, server) = (Bench::new(), RegistryServer::start());
    let store = bench.store();
    let (images, index) = platforms(&store, &["amd64"]);
    let name = format!("{}/a:1", server.host());
    let error = push_all(&store, &images[0], &name, "none", false).unwrap_err();
    assert!(told(&error).ends_with("not here: linux/arm64"), "{}", told(&error));
    let pushed = push_all(&store, &images[0], &name, "none", true).unwrap();
    assert_ne!(pushed.digest, index.digest);
    let error = push_all(&store, &image(&store, &[&layer("x", 0)]), &name, "none", false);
    assert!(told(&error.unwrap_err()).contains("without an index"));
}
