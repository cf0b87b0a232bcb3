//! What builds make and hold: layers that count at once, steps by their keys, and what goes with the last who has it.

use std::fs;
use std::path::{Path, PathBuf};

use spec::Digest;
use spec::image::{ImageConfig, RootFs};
use store::{BuildLease, NewLayer, NewStep, Store};

use crate::fixture::{Bench, NOW};

fn upper(bench: &Bench, name: &str, files: &[(&str, &str)]) -> PathBuf {
    let upper = bench.path(name);
    fs::create_dir(&upper).unwrap();
    for (file, contents) in files {
        #[expect(clippy::disallowed_methods, reason = "a file of the test")]
        fs::write(upper.join(file), contents).unwrap();
    }
    upper
}

fn add(store: &Store, lease: &BuildLease, upper: &Path) -> Digest {
    let layer = NewLayer { upper, lower: &[], targets: &[], latest_s: Some(1_000) };
    store.images().add_layer(lease, &layer, NOW).unwrap().diff_id
}

fn step<'a>(key: &'a Digest, diff_id: &'a Digest, place: &'a str) -> NewStep<'a> {
    let (step, inputs, created) = ("RUN true", "[]", "2026-01-01T00:00:00Z");
    NewStep { key, diff_id, place, step, inputs, created, replaces: false }
}

fn key(number: u8) -> Digest {
    Digest::sha256([number; 32])
}

#[test]
fn a_step_is_found_and_its_layer_is_held() {
    let bench = Bench::new();
    let store = bench.store();
    let lease = store.builds().begin().unwrap().0;
    let layer = add(&store, &lease, &upper(&bench, "one", &[("a", "1")]));
    assert!(store.images().has_layer(&layer).unwrap());
    assert_eq!(store.builds().find(&lease, &key(1), NOW).unwrap(), None);
    store.builds().remember(&lease, &step(&key(1), &layer, "here"), NOW).unwrap();
    store.builds().end(lease).unwrap();
    assert!(bench.garbage().is_empty());

    let lease = store.builds().begin().unwrap().0;
    let found = store.builds().find(&lease, &key(1), NOW + 5).unwrap().unwrap();
    assert_eq!((found.diff_id.clone(), &*found.created), (layer.clone(), "2026-01-01T00:00:00Z"));
    assert_eq!(store.builds().last_at("here").unwrap().unwrap(), found);
    let listed = store.builds().list().unwrap();
    assert_eq!((listed.len(), listed[0].uses, listed[0].used_ns), (1, 1, NOW + 5));
    assert!(listed[0].is_in_use && !listed[0].is_shared);
    // What runs keeps what it has.
    assert!(store.builds().prune(|_| true).unwrap().deleted.is_empty());
    store.builds().end(lease).unwrap();
    assert_eq!(store.builds().prune(|_| true).unwrap().deleted.len(), 1);
    assert!(!store.images().has_layer(&layer).unwrap());
    assert!(bench.layers().is_empty());
}

#[test]
fn layers_go_with_the_last_that_has_them() {
    let bench = Bench::new();
    let store = bench.store();
    let lease = store.builds().begin().unwrap().0;
    let kept = add(&store, &lease, &upper(&bench, "kept", &[("a", "1")]));
    let lost = add(&store, &lease, &upper(&bench, "lost", &[("b", "2")]));
    store.builds().remember(&lease, &step(&key(1), &kept, "here"), NOW).unwrap();
    let rootfs = RootFs { diff_ids: vec![kept.clone()], ..RootFs::default() };
    let config = ImageConfig { rootfs, ..ImageConfig::default() };
    let image = store.images().made_of(&config, &["name".parse().unwrap()], NOW).unwrap();
    store.builds().end(lease).unwrap();
    assert!(!store.images().has_layer(&lost).unwrap(), "nobody has it");
    // The cache has it still.
    store.images().remove(&image.id.to_string(), true).unwrap();
    assert!(store.images().has_layer(&kept).unwrap());
    store.builds().prune(|_| true).unwrap();
    assert!(bench.layers().is_empty());
}

#[test]
fn what_a_killed_build_held_is_forgotten() {
    let bench = Bench::new();
    let store = bench.store();
    let lease = store.builds().begin().unwrap().0;
    let layer = add(&store, &lease, &upper(&bench, "one", &[("a", "1")]));
    store.builds().remember(&lease, &step(&key(1), &layer, "here"), NOW).unwrap();
    drop(lease);
    assert_eq!(store.builds().prune(|_| true).unwrap().deleted.len(), 1);
    assert!(bench.layers().is_empty());
}

#[test]
fn the_same_files_are_the_same_layer_whenever_they_are_made() {
    let bench = Bench::new();
    let store = bench.store();
    let lease = store.builds().begin().unwrap().0;
    let first = add(&store, &lease, &upper(&bench, "one", &[("a", "1")]));
    let second = add(&store, &lease, &upper(&bench, "two", &[("a", "1")]));
    assert_eq!(first, second);
    store.builds().end(lease).unwrap();
}

#[test]
fn the_first_of_two_that_do_the_same_counts_unless_one_is_to_replace_it() {
    let bench = Bench::new();
    let store = bench.store();
    let lease = store.builds().begin().unwrap().0;
    let one = add(&store, &lease, &upper(&bench, "one", &[("a", "1")]));
    let two = add(&store, &lease, &upper(&bench, "two", &[("a", "2")]));
    let key = key(1);
    assert_eq!(store.builds().remember(&lease, &step(&key, &one, ""), NOW).unwrap().diff_id, one);
    assert_eq!(store.builds().remember(&lease, &step(&key, &two, ""), NOW).unwrap().diff_id, one);
    let replacing = NewStep { replaces: true, ..step(&key, &two, "") };
    assert_eq!(store.builds().remember(&lease, &replacing, NOW).unwrap().diff_id, two);
    store.builds().end(lease).unwrap();
}

#[test]
fn contents_are_remembered() {
    let bench = Bench::new();
    let store = bench.store();
    assert_eq!(store.builds().contents(&key(1)).unwrap(), None);
    store.builds().remember_contents(&key(1), &key(2), NOW).unwrap();
    assert_eq!(store.builds().contents(&key(1)).unwrap(), Some(key(2)));
}
