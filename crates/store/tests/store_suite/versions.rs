//! Databases of former releases are opened and say what they said. Each new version adds its file to `tests/databases`.

use store::{Beside, BesideMember, Ended, MemberWords, Status, Store};

use crate::fixture::Bench;

const VERSION_1: &[u8] = include_bytes!("../databases/version-1.db");

const VERSION_2: &[u8] = include_bytes!("../databases/version-2.db");

const VERSION_3: &[u8] = include_bytes!("../databases/version-3.db");

const VERSION_11: &[u8] = include_bytes!("../databases/version-11.db");

/// A store whose database is that of a former release.
fn former(bench: &Bench, bytes: &[u8]) -> Store {
    drop(bench.store());
    for name in ["corten.db", "corten.db-wal", "corten.db-shm"] {
        std::fs::remove_file(bench.path("root").join(name)).unwrap();
    }
    let database = std::fs::File::create(bench.path("root/corten.db")).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&database, bytes, 0).unwrap();
    bench.store()
}

#[test]
fn version_11_is_read() {
    let bench = Bench::new();
    let store = former(&bench, VERSION_11);
    let image = store.images().resolve("busybox").unwrap();
    assert_eq!(store.images().beside(&image.id).unwrap(), None);
    assert_eq!(store.builds().list().unwrap().len(), 1);
    let words = MemberWords {
        annotations: [("a".to_owned(), "b".to_owned())].into(),
        ..MemberWords::default()
    };
    let member = BesideMember { image: image.id.clone(), words };
    let beside = Beside { members: vec![member], ..Beside::default() };
    store.images().set_beside(&image.id, &beside).unwrap();
    assert_eq!(store.images().beside(&image.id).unwrap(), Some(beside));
}

#[test]
fn version_3_is_read() {
    let bench = Bench::new();
    let store = former(&bench, VERSION_3);
    let image = store.images().resolve("busybox").unwrap();
    assert_eq!(store.images().layer_sizes(&image).unwrap(), [1234]);
    assert_eq!(store.containers().list().unwrap().len(), 3);
}

#[test]
fn version_2_is_read() {
    let bench = Bench::new();
    let store = former(&bench, VERSION_2);
    let image = store.images().resolve("busybox").unwrap();
    let summaries = store.images().summaries().unwrap();
    assert_eq!((&summaries[0].id, &*summaries[0].created), (&image.id, "2026-01-01T00:00:00Z"));
    let used = store.images().last_uses().unwrap();
    assert_eq!(used.get(&image.id), Some(&1_700_000_000_000_000_009));
    let digests = store.images().digests().unwrap();
    let [(of, repository, digest)] = &digests[..] else { panic!("{digests:?}") };
    assert_eq!((of, &**repository), (&image.id, "docker.io/library/busybox"));
    assert!(digest.hex().starts_with("b22c7289dd3b"), "{digest}");
    assert_eq!(store.containers().list().unwrap().len(), 3);
}

#[test]
fn version_1_is_read() {
    let bench = Bench::new();
    let store = former(&bench, VERSION_1);
    let image = store.images().resolve("busybox").unwrap();
    assert_eq!((image.size_bytes, image.config.rootfs.diff_ids.len()), (1234, 1));
    assert_eq!(store.images().summaries().unwrap()[0].created, "2026-01-01T00:00:00Z");
    assert_eq!(image.config.config.cmd, Some(vec!["sh".to_owned()]));
    let containers = store.containers().list().unwrap();
    let statuses: Vec<(&str, Status)> =
        containers.iter().map(|one| (one.name.as_str(), one.status.clone())).collect();
    let ended = Ended {
        code: 137,
        started_at: "2026-01-01T00:00:00Z".to_owned(),
        finished_at: "2026-01-01T00:00:01Z".to_owned(),
        error: String::new(),
        oom_killed: true,
        restarts: 0,
    };
    let made = Status::Created { code: 127, error: "exec: ENOENT".to_owned() };
    assert_eq!(
        statuses,
        [("ended", Status::Exited(ended)), ("runs", Status::Active), ("made", made)]
    );
    assert!(containers.iter().all(|one| one.image.as_ref() == Some(&image.id)));
    let error = store.volumes().remove("data").unwrap_err().to_string();
    assert_eq!(error, "volume data is used by container runs");
}
