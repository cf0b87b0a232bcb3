//! What images are called, and when they go.

use std::io::Cursor;

use spec::{ContainerId, ContainerName, Reference};
use store::tar::{Kind, Metadata, Writer};
use store::{Import, Kind as Refusal, NewContainer, Store, StoreError};

use crate::fixture::{Bench, NOW};

pub(crate) fn root_archive(contents: &[u8]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    let size = contents.len() as u64;
    let file = Metadata {
        path: b"file".to_vec(),
        kind: Kind::File,
        mode: 0o644,
        size,
        ..Metadata::default()
    };
    writer.append(&file, Cursor::new(contents)).unwrap();
    writer.finish().unwrap()
}

pub(crate) fn import(store: &Store, name: &str, contents: &[u8]) -> store::Image {
    let reference = Some(name.parse().unwrap());
    let import = Import { reference, created_by: "test".to_owned(), ..Import::default() };
    store.images().import(Cursor::new(root_archive(contents)), &import, NOW).unwrap()
}

fn container_at(store: &Store, image: &store::Image, digit: u8, created_ns: i64) -> ContainerId {
    insert(store, image, digit, created_ns, false)
}

fn container(store: &Store, image: &store::Image, digit: u8, active: bool) -> ContainerId {
    insert(store, image, digit, NOW, active)
}

fn insert(
    store: &Store,
    image: &store::Image,
    digit: u8,
    created_ns: i64,
    active: bool,
) -> ContainerId {
    let id = ContainerId::from_random([digit; 32]);
    let name: ContainerName = format!("user-{digit}").parse().unwrap();
    let new = NewContainer {
        id: &id,
        name: &name,
        image: Some(&image.id),
        image_name: "x",
        created_ns,
        config: "{}",
        volumes: &[],
        images: &[],
        secrets: &[],
        places: &[],
        level: None,
        bound_bytes: None,
        ids: None,
        inherited: store::Inherited::default(),
        active,
    };
    store.containers().insert(&new).unwrap();
    id
}

#[test]
fn names_ids_and_prefixes_find_an_image() {
    let bench = Bench::new();
    let store = bench.store();
    let image = import(&store, "busybox", b"1");
    let pinned = format!("docker.io/library/busybox@{}", image.id);
    store.images().tag(&image.id, &pinned.parse::<Reference>().unwrap(), NOW).unwrap();
    let (hex, whole) = (image.id.hex().to_owned(), image.id.to_string());
    let tagged = format!("busybox:other@{whole}");
    for text in ["busybox", "docker.io/library/busybox:latest", &hex, &hex[..12], &whole, &tagged] {
        assert_eq!(store.images().resolve(text).unwrap().id, image.id, "{text}");
    }
    match store.images().resolve("busibox") {
        Err(StoreError::NotFound { name, closest, .. }) => {
            assert_eq!(name, "busibox:latest");
            assert_eq!(closest[0], "busybox:latest");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_prefix_of_two_is_ambiguous() {
    let bench = Bench::new();
    let store = bench.store();
    // Seventeen images: two begin with the same digit.
    let ids: Vec<String> = (0..17_u8)
        .map(|number| import(&store, &format!("i{number}"), &[number]).id.hex()[..1].to_owned())
        .collect();
    let twice = ids.iter().find(|digit| ids.iter().filter(|other| other == digit).count() > 1);
    let error = store.images().resolve(twice.unwrap()).unwrap_err();
    assert!(matches!(error, StoreError::Ambiguous { what: "image", .. }), "{error}");
}

#[test]
fn removal_is_dockers() {
    let bench = Bench::new();
    let store = bench.store();
    let images = store.images();
    let image = import(&store, "one", b"1");
    images.tag(&image.id, &"two".parse().unwrap(), NOW).unwrap();
    let error = images.remove(image.id.short(), false).unwrap_err();
    assert!(matches!(error, StoreError::SeveralNames { .. }), "{error}");
    let removed = images.remove("two", false).unwrap();
    assert_eq!((removed.untagged, removed.deleted), (vec!["two:latest".to_owned()], vec![]));
    // A container that is not running keeps the image; force takes its name only.
    let id = container(&store, &image, 1, false);
    let error = images.remove("one", false).unwrap_err();
    assert_eq!(error.to_string(), "image one:latest is used by container user-1");
    assert_eq!(error.kind(), Refusal::Conflict);
    let removed = images.remove("one", true).unwrap();
    assert_eq!((removed.untagged, removed.deleted), (vec!["one:latest".to_owned()], vec![]));
    let dangling = images.resolve(image.id.short()).unwrap();
    assert!(dangling.names.is_empty() && images.layer_paths(&dangling)[0].join("file").exists());
    // One that may be running keeps it from its id in any case.
    store.containers().set_active(&id).unwrap();
    assert!(matches!(images.remove(image.id.short(), true), Err(StoreError::InUse { .. })));
    store.containers().remove(&id).unwrap();
    let removed = images.remove(image.id.short(), false).unwrap();
    assert_eq!(removed.deleted.len(), 2);
    assert!(bench.layers().is_empty() && bench.garbage().is_empty());
}

#[test]
fn a_name_moves_and_leaves_a_dangling_image() {
    let bench = Bench::new();
    let store = bench.store();
    let old = import(&store, "app", b"old");
    let new = import(&store, "app", b"new");
    assert_eq!(store.images().resolve("app").unwrap().id, new.id);
    assert!(store.images().resolve(old.id.short()).unwrap().names.is_empty());
    assert_eq!(store.images().list().unwrap().len(), 2);
}

#[test]
fn the_last_use_is_remembered() {
    let bench = Bench::new();
    let store = bench.store();
    let image = import(&store, "one", b"1");
    let used = || store.images().last_uses().unwrap().get(&image.id).copied();
    assert_eq!(used(), Some(NOW));
    store.images().tag(&image.id, &"two".parse().unwrap(), NOW + 1).unwrap();
    assert_eq!(used(), Some(NOW + 1));
    container_at(&store, &image, 1, NOW + 2);
    assert_eq!(used(), Some(NOW + 2));
    store.images().mark_used(&image.id, NOW + 3).unwrap();
    assert_eq!(used(), Some(NOW + 3));
}
