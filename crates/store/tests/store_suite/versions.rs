//! Databases of former releases are opened and say what they said. Each new version adds its file to `tests/databases`.

use store::{Ended, Status};

use crate::fixture::Bench;

const VERSION_1: &[u8] = include_bytes!("../databases/version-1.db");

#[test]
fn version_1_is_read() {
    let bench = Bench::new();
    drop(bench.store());
    for name in ["corten.db", "corten.db-wal", "corten.db-shm"] {
        std::fs::remove_file(bench.path("root").join(name)).unwrap();
    }
    let database = std::fs::File::create(bench.path("root/corten.db")).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&database, VERSION_1, 0).unwrap();
    let store = bench.store();
    let image = store.images().resolve("busybox").unwrap();
    assert_eq!((image.size_bytes, image.config.rootfs.diff_ids.len()), (1234, 1));
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
