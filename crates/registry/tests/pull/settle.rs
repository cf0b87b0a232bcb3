//! A power cut after a pull, before anything of it was flushed: what was not is forgotten whole, and comes again.
//!
//! What a machine does that starts again is done by hand: rows of another boot, and no state directory.

use spec::{ContainerId, ContainerName, ImageId};
use store::{NewContainer, Store};
use testkit::{Catalog, MadeImage, ScriptedServer};

use crate::setup::{Bench, NOW, asked, honest, layer};

/// Two images that share a layer, pulled.
fn pulled(bench: &Bench) -> (ScriptedServer, [MadeImage; 2]) {
    let shared = layer("shared", 5000);
    let images = ["one", "two"].map(|name| MadeImage::new(vec![shared.clone(), layer(name, 3000)]));
    let catalog = Catalog::default();
    for (name, image) in ["one", "two"].iter().zip(&images) {
        catalog.image(name, image);
    }
    let server = honest(catalog);
    for name in ["a:one", "a:two"] {
        bench.pull(&server.host(), name).unwrap();
    }
    (server, images)
}

/// As if what was not flushed had been made in another boot, and this one were new.
fn power_cut(bench: &Bench) {
    let connection = rusqlite::Connection::open(bench.path("root/corten.db")).unwrap();
    connection.execute("UPDATE layers SET boot = 'another' WHERE boot <> ''", []).unwrap();
    std::fs::remove_dir_all(bench.path("state")).unwrap();
}

fn images(store: &Store) -> Vec<String> {
    let mut ids: Vec<String> =
        store.images().list().unwrap().iter().map(|image| image.id.to_string()).collect();
    ids.sort();
    ids
}

fn container(store: &Store, image: &ImageId) {
    let id = ContainerId::from_random([7; 32]);
    let name: ContainerName = "keeps".parse().unwrap();
    store
        .containers()
        .insert(&NewContainer {
            id: &id,
            name: &name,
            image: Some(image),
            image_name: "x",
            created_ns: NOW,
            config: "{}",
            volumes: &[],
            images: &[],
            secrets: &[],
            places: &[],
            level: None,
            bound_bytes: None,
            ids: None,
            inherited: store::Inherited::default(),
            active: false,
        })
        .unwrap();
}

#[test]
fn what_was_not_flushed_is_forgotten_and_comes_again() {
    let bench = Bench::new();
    let (server, [one, two]) = pulled(&bench);
    power_cut(&bench);
    assert_eq!(images(&bench.store()), [""; 0]);
    bench.nothing_at_all();
    bench.pull(&server.host(), "a:one").unwrap();
    assert_eq!(images(&bench.store()), [one.id()]);
    assert_eq!(asked(&server, &one.layers[0]).len(), 2);
    assert_eq!(asked(&server, &two.layers[1]).len(), 1);
    assert!(bench.file(&one.layers[0], "shared").exists());
}

#[test]
fn what_was_flushed_stays() {
    let bench = Bench::new();
    let (server, [one, two]) = pulled(&bench);
    bench.store().settle().unwrap();
    power_cut(&bench);
    let mut wanted = [one.id(), two.id()];
    wanted.sort();
    assert_eq!(images(&bench.store()), wanted);
    assert!(bench.pull(&server.host(), "a:one").unwrap().is_up_to_date);
    assert_eq!(asked(&server, &one.layers[0]).len(), 1);
}

#[test]
fn nothing_is_touched_in_the_same_boot() {
    let bench = Bench::new();
    let (server, [one, two]) = pulled(&bench);
    // Somebody has emptied the state directory; the machine has run on.
    std::fs::remove_dir_all(bench.path("state")).unwrap();
    let mut wanted = [one.id(), two.id()];
    wanted.sort();
    assert_eq!(images(&bench.store()), wanted);
    assert!(bench.pull(&server.host(), "a:two").unwrap().is_up_to_date);
    assert!(bench.file(&one.layers[1], "one").exists());
}

#[test]
fn an_image_with_a_container_is_kept_and_mended() {
    let bench = Bench::new();
    let (server, [one, two]) = pulled(&bench);
    container(&bench.store(), &one.id().parse().unwrap());
    power_cut(&bench);
    assert_eq!(images(&bench.store()), [one.id()]);
    assert_eq!(bench.names("layers"), [""; 0]);
    let pulled = bench.pull(&server.host(), "a:one").unwrap();
    assert_eq!((pulled.id.to_string(), pulled.is_up_to_date), (one.id(), false));
    for (layer, name) in one.layers.iter().zip(["shared", "one"]) {
        assert!(bench.file(layer, name).exists());
        assert_eq!(asked(&server, layer).len(), 2);
    }
    assert!(bench.pull(&server.host(), "a:one").unwrap().is_up_to_date);
    assert_eq!(asked(&server, &two.layers[1]).len(), 1);
    // It outlives the next power cut once it is flushed.
    bench.store().settle().unwrap();
    power_cut(&bench);
    assert!(bench.file(&one.layers[1], "one").exists());
}

#[test]
fn layers_of_a_pull_that_was_killed_are_forgotten_too() {
    let bench = Bench::new();
    let (server, [one, _]) = pulled(&bench);
    let rows = "DELETE FROM image_layers; DELETE FROM image_names; DELETE FROM images;";
    let database = bench.path("root/corten.db");
    rusqlite::Connection::open(database).unwrap().execute_batch(rows).unwrap();
    assert_eq!(bench.names("layers").len(), 3);
    power_cut(&bench);
    bench.nothing_at_all();
    bench.pull(&server.host(), "a:one").unwrap();
    assert!(bench.file(&one.layers[1], "one").exists());
}
