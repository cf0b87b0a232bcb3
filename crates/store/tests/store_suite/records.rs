//! Records and directories of containers and volumes.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use spec::{ContainerId, ContainerName};
use store::{ContainerDirs, Ended, Kind, Level, NewContainer, Status, Store, StoreError};

use crate::fixture::{Bench, NOW, chain, names, run, text};

pub(crate) fn insert(
    store: &Store,
    id: &ContainerId,
    name: &str,
    volumes: &[String],
) -> Result<ContainerDirs, StoreError> {
    insert_with(store, id, name, (volumes, None))
}

fn insert_with(
    store: &Store,
    id: &ContainerId,
    name: &str,
    (volumes, level): (&[String], Option<Level<'_>>),
) -> Result<ContainerDirs, StoreError> {
    let name: ContainerName = name.parse().unwrap();
    let inserted = store.containers().insert(&NewContainer {
        id,
        name: &name,
        image: None,
        image_name: "x",
        created_ns: NOW,
        config: "{}",
        volumes,
        images: &[],
        secrets: &[],
        places: &[],
        level,
        bound_bytes: None,
        ids: None,
        inherited: store::Inherited::default(),
        active: false,
    });
    inserted.map(|(dirs, _lock)| dirs)
}

fn id(first: u8, rest: u8) -> ContainerId {
    let mut bytes = [rest; 32];
    bytes[0] = first;
    ContainerId::from_random(bytes)
}

#[test]
fn a_container_lives_and_goes() {
    let bench = Bench::new();
    let store = bench.store();
    let id = id(0xaa, 1);
    let dirs = insert(&store, &id, "web", &[]).unwrap();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&dirs.container), mode(&dirs.upper)), (0o700, 0o755));
    for text in [id.as_str(), "web", "/web", "aa", id.short()] {
        assert_eq!(store.containers().get(text).unwrap().id, id, "{text}");
    }
    store.containers().set_active(&id).unwrap();
    assert_eq!(store.containers().get("web").unwrap().status, Status::Active);
    let ended = Ended { code: 137, oom_killed: true, ..Ended::default() };
    store.containers().set_exited(&id, &ended).unwrap();
    assert_eq!(store.containers().get("web").unwrap().status, Status::Exited(ended));
    std::os::unix::fs::symlink("/etc", dirs.upper.join("etc")).unwrap();
    store.containers().remove(&id).unwrap();
    assert!(!dirs.container.exists() && !dirs.state.exists() && bench.garbage().is_empty());
    assert!(Path::new("/etc/passwd").exists());
    store.containers().remove(&id).unwrap();
}

#[test]
fn a_name_has_one_holder_and_a_loser_leaves_nothing() {
    let bench = Bench::new();
    let store = bench.store();
    let first = id(1, 1);
    insert(&store, &first, "web", &[]).unwrap();
    let error = insert(&store, &id(2, 2), "web", &[]).unwrap_err();
    let words = format!("the name \"web\" is taken by container {}", first.short());
    assert_eq!((error.to_string(), error.kind()), (words, Kind::Conflict));
    assert_eq!(names(&bench.path("root/containers")), [first.as_str()]);
    assert_eq!(names(&bench.path("state/containers")), [first.as_str()]);
    // The same id again must not harm the one that has it.
    assert!(insert(&store, &first, "other", &[]).is_err());
    assert!(store.containers().dirs(&first).upper.exists());
}

#[test]
fn a_level_is_one_containers_until_it_goes_unless_it_is_shared() {
    let bench = Bench::new();
    let store = bench.store();
    let insert = |number: u8, is_own| {
        let level = Some(Level { text: "s0:c1,c2", is_own });
        insert_with(&store, &id(number, number), &format!("c{number}"), (&[], level))
    };
    insert(1, true).unwrap();
    let error = insert(2, true).unwrap_err();
    let words = "the SELinux level s0:c1,c2 is taken".to_owned();
    assert_eq!((error.to_string(), error.kind()), (words, Kind::Conflict));
    assert_eq!(names(&bench.path("root/containers")), [id(1, 1).as_str()]);
    insert(3, false).unwrap();
    store.containers().remove(&id(1, 1)).unwrap();
    insert(4, true).unwrap_err();
    store.containers().remove(&id(3, 3)).unwrap();
    insert(5, true).unwrap();
}

#[test]
fn an_exact_name_comes_before_a_prefix_and_two_are_ambiguous() {
    let bench = Bench::new();
    let store = bench.store();
    let (one, two, named) = (id(0xab, 1), id(0xab, 2), id(0x99, 3));
    insert(&store, &one, "one", &[]).unwrap();
    insert(&store, &two, "two", &[]).unwrap();
    insert(&store, &named, "ab", &[]).unwrap();
    assert_eq!(store.containers().get("ab").unwrap().id, named);
    assert!(matches!(store.containers().get("ab0"), Err(StoreError::Ambiguous { .. })));
    assert_eq!(store.containers().get("ab01").unwrap().id, one);
    match store.containers().get("onf") {
        Err(StoreError::NotFound { closest, .. }) => assert_eq!(closest[0], "one"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_image_or_volume_that_is_gone_is_named() {
    let bench = Bench::new();
    let store = bench.store();
    let error = insert(&store, &id(1, 1), "web", &["data".to_owned()]).unwrap_err();
    assert_eq!(
        (error.to_string().as_str(), error.kind()),
        ("no such volume: data", Kind::NotFound)
    );
    assert!(names(&bench.path("root/containers")).is_empty());
    assert!(store.containers().list().unwrap().is_empty());
}

#[test]
fn a_crash_in_a_removal_leaves_a_record_that_goes_or_garbage_that_is_swept() {
    let bench = Bench::new();
    let store = bench.store();
    let id = id(1, 1);
    let dirs = insert(&store, &id, "web", &[]).unwrap();
    // As after a kill between the rename and the row.
    std::fs::rename(&dirs.container, bench.path("root/tmp/left")).unwrap();
    drop(store);
    let store = bench.store();
    assert!(bench.garbage().is_empty(), "the next open sweeps");
    store.containers().remove(&id).unwrap();
    assert!(store.containers().list().unwrap().is_empty());
}

#[test]
fn an_immutable_file_is_reported() {
    let bench = Bench::new();
    let store = bench.store();
    let id = id(1, 1);
    let dirs = insert(&store, &id, "web", &[]).unwrap();
    let file = dirs.upper.join("held");
    std::fs::File::create(&file).unwrap();
    run("chattr", &["+i", text(&file)]);
    let error = store.containers().remove(&id).unwrap_err();
    let held = bench.path("root/tmp").join(&bench.garbage()[0]).join("upper/held");
    run("chattr", &["-i", text(&held)]);
    assert!(chain(&error).ends_with("EPERM"), "{}", chain(&error));
    assert_eq!(error.kind(), Kind::Permission);
    drop(bench.store());
    assert!(bench.garbage().is_empty());
}

#[test]
fn volumes_are_made_once_used_and_removed() {
    let bench = Bench::new();
    let store = bench.store();
    let (volume, made) = store.volumes().ensure("data", NOW, false).unwrap();
    assert!(made && volume.path == bench.path("root/volumes/data/_data"));
    assert_eq!(volume.path.metadata().unwrap().permissions().mode() & 0o777, 0o755);
    assert!(!store.volumes().ensure("data", NOW, false).unwrap().1);
    let id = id(1, 1);
    insert(&store, &id, "web", &["data".to_owned()]).unwrap();
    let error = store.volumes().remove("data").unwrap_err();
    assert_eq!(error.to_string(), "volume data is used by container web");
    store.containers().remove(&id).unwrap();
    store.volumes().remove("data").unwrap();
    assert!(!bench.path("root/volumes/data").exists() && bench.garbage().is_empty());
    assert!(matches!(store.volumes().remove("data"), Err(StoreError::NotFound { .. })));
    for bad in ["", "..", "../x", "a/b", ".a", "-a"] {
        let error = store.volumes().ensure(bad, NOW, false).unwrap_err();
        assert_eq!(error.kind(), Kind::Invalid, "{bad}");
    }
}
