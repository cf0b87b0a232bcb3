//! Damages, each made by hand: what a check finds of it, and whether a repair leaves nothing.

use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use rusqlite::Connection;
use spec::ContainerId;
use store::{Image, Problem, Store};

use crate::fixture::{Bench, NOW};
use crate::images::import;
use crate::records;
use crate::room::{container, file, transfer};

/// A store with something of everything.
struct Full {
    bench: Bench,
    store: Store,
    image: Image,
    container: ContainerId,
}

impl Full {
    fn new() -> Self {
        let bench = Bench::new();
        let store = bench.store();
        let image = import(&store, "free", b"free");
        let used = import(&store, "used", b"used");
        let container = container(&store, Some(&used), 7);
        store.volumes().ensure("data", NOW, false).unwrap();
        records::insert(&store, &ContainerId::from_random([8; 32]), "web", &["data".to_owned()])
            .unwrap();
        transfer(&store, 'b', 100_000);
        Self { bench, store, image, container }
    }

    fn root(&self, name: &str) -> PathBuf {
        self.bench.path("root").join(name)
    }

    fn layer(&self) -> PathBuf {
        self.root("layers").join(self.image.config.rootfs.diff_ids[0].hex())
    }

    /// As another program would write into the database.
    fn sql(&self, sql: &str) {
        let connection = Connection::open(self.root("corten.db")).unwrap();
        connection.execute_batch("PRAGMA foreign_keys = OFF; PRAGMA writable_schema = ON").unwrap();
        connection.execute_batch(sql).unwrap();
    }

    fn found(&self, deep: bool) -> Vec<Problem> {
        let findings = self.store.room().check(deep).unwrap().findings;
        let mut problems: Vec<Problem> = findings.iter().map(|one| one.problem).collect();
        problems.sort_unstable();
        problems.dedup();
        problems
    }
}

type Damage = (&'static str, fn(&Full), &'static [Problem], bool);

/// What is done to a full store, what a check finds, and whether a repair leaves nothing of it.
const DAMAGES: &[Damage] = &[
    (
        "a layer's directory is lost",
        |full| std::fs::remove_dir_all(full.layer()).unwrap(),
        &[Problem::Image, Problem::LayerMissing],
        true,
    ),
    (
        "the layer of a container's image is lost",
        |full| {
            let used = full.store.images().resolve("used").unwrap();
            let hex = used.config.rootfs.diff_ids[0].hex().to_owned();
            std::fs::remove_dir_all(full.root("layers").join(hex)).unwrap();
        },
        &[Problem::Image, Problem::LayerMissing],
        false,
    ),
    (
        "a layer's record is lost",
        |full| {
            full.sql(&format!(
                "DELETE FROM layers WHERE diff_id = '{}'",
                full.image.config.rootfs.diff_ids[0]
            ));
        },
        &[Problem::Dangling, Problem::Image, Problem::LayerUnknown, Problem::RecipeUnknown],
        true,
    ),
    (
        "a layer's file has grown",
        |full| file(&full.layer().join("file"), b"freedom"),
        &[Problem::LayerChanged],
        true,
    ),
    (
        "a layer's file has other bytes",
        |full| file(&full.layer().join("file"), b"fear"),
        &[Problem::LayerChanged],
        true,
    ),
    (
        "a layer's recipe is cut short",
        |full| {
            let hex = full.image.config.rootfs.diff_ids[0].hex().to_owned();
            let recipe = full.root("recipes").join(hex);
            let entry = std::fs::read_dir(&recipe).unwrap().next().unwrap().unwrap().path();
            file(&entry, b"");
        },
        &[Problem::LayerChanged],
        true,
    ),
    (
        "a directory stands among the layers",
        |full| std::fs::create_dir(full.root("layers").join("c".repeat(64))).unwrap(),
        &[Problem::LayerUnknown],
        true,
    ),
    (
        "a file stands among the layers",
        |full| file(&full.root("layers/notes"), b"mine"),
        &[Problem::Unknown],
        false,
    ),
    (
        "a configuration was changed",
        |full| full.sql("UPDATE images SET config = replace(config, 'linux', 'minix')"),
        &[Problem::Image],
        false,
    ),
    (
        "the configuration of an image without containers was changed",
        |full| {
            full.sql(&format!("UPDATE images SET config = '{{}}' WHERE id = '{}'", full.image.id));
        },
        &[Problem::Image],
        true,
    ),
    (
        "an image's list of layers is lost",
        |full| full.sql("DELETE FROM image_layers"),
        &[Problem::ImageRecord],
        true,
    ),
    (
        "an image's size is wrong",
        |full| full.sql("UPDATE images SET size_bytes = 7"),
        &[Problem::ImageRecord],
        true,
    ),
    (
        "a name points to nothing",
        |full| full.sql("INSERT INTO image_names VALUES ('docker.io/library/x:1', 'sha256:0')"),
        &[Problem::Dangling],
        true,
    ),
    (
        "a name is none",
        |full| {
            full.sql(&format!("INSERT INTO image_names VALUES ('a b', '{}')", full.image.id));
        },
        &[Problem::Name],
        true,
    ),
    (
        "a digest and an archive point to nothing",
        |full| {
            full.sql(
                "INSERT INTO image_digests VALUES ('a/b', 'sha256:1', 'sha256:0'); \
                INSERT INTO layer_blobs VALUES ('sha256:0', 'a/b', 'sha256:1', 't', 1)",
            );
        },
        &[Problem::Dangling],
        true,
    ),
    (
        "a document is another",
        |full| {
            full.sql(&format!(
                "INSERT INTO documents VALUES ('sha256:{}', 't', x'00')",
                "d".repeat(64)
            ));
        },
        &[Problem::Document],
        true,
    ),
    (
        "a container's image is lost",
        |full| full.sql("DELETE FROM images WHERE id IN (SELECT image FROM containers)"),
        &[Problem::Dangling],
        false,
    ),
    (
        "a container's directory is lost",
        |full| {
            let path = full.store.paths().container(&full.container);
            std::fs::remove_dir_all(path).unwrap();
        },
        &[Problem::ContainerMissing],
        true,
    ),
    (
        "a container's record is lost",
        |full| {
            full.sql(&format!("DELETE FROM containers WHERE id = '{}'", full.container.as_str()));
        },
        &[Problem::ContainerUnknown, Problem::StateUnknown],
        true,
    ),
    (
        "a volume's directory is lost",
        |full| std::fs::remove_dir_all(full.root("volumes/data")).unwrap(),
        &[Problem::VolumeMissing],
        true,
    ),
    (
        "a volume's record is lost",
        |full| full.sql("DELETE FROM volumes"),
        &[Problem::Dangling, Problem::VolumeUnknown],
        true,
    ),
    (
        "a transfer's map is lost",
        |full| {
            std::fs::remove_file(full.root("transfers").join(format!("{}.map", "b".repeat(64))))
                .unwrap();
        },
        &[Problem::Transfer],
        true,
    ),
    (
        "a transfer's data is lost",
        |full| std::fs::remove_file(full.root("transfers").join("b".repeat(64))).unwrap(),
        &[Problem::Transfer],
        true,
    ),
    (
        "a transfer's map says too much",
        |full| {
            let map = full.root("transfers").join(format!("{}.map", "b".repeat(64)));
            let map = std::fs::File::options().write(true).open(map).unwrap();
            map.write_all_at(&u64::MAX.to_le_bytes(), 16).unwrap();
        },
        &[Problem::Transfer],
        true,
    ),
    (
        "a recipe has no layer",
        |full| file(&full.root("recipes").join("e".repeat(64)), b"recipe"),
        &[Problem::RecipeUnknown],
        true,
    ),
    (
        "a file was left in tmp",
        |full| file(&full.root("tmp/left"), b"left"),
        &[Problem::Garbage],
        true,
    ),
    (
        "a directory was left in tmp",
        |full| std::fs::create_dir(full.root("tmp/left")).unwrap(),
        &[Problem::Garbage],
        true,
    ),
    (
        "something stands in the root directory",
        |full| file(&full.root("backup/corten.db"), b"mine"),
        &[Problem::Unknown],
        false,
    ),
    (
        "an index is in another order than its rows",
        |full| {
            full.sql(
                "UPDATE sqlite_schema SET sql = 'CREATE INDEX images_in_short ON images(id, loaded_ns, size_bytes, created)' \
                WHERE name = 'images_in_short'; PRAGMA schema_version = 9999",
            );
        },
        &[Problem::Database],
        true,
    ),
];

#[test]
fn every_damage_is_found_and_mended_where_it_can_be() {
    for (damage, harm, expected, mended) in DAMAGES {
        let full = Full::new();
        assert_eq!(full.found(true), [], "before {damage}");
        harm(&full);
        assert_eq!(full.found(true), *expected, "{damage}");
        assert_eq!(full.found(true), *expected, "{damage}: looking changes nothing");
        let (repaired, left) = full.store.room().repair(true).unwrap();
        assert_eq!(left.findings.is_empty(), *mended, "{damage}: {left:?}");
        assert!(!mended || !repaired.is_empty(), "{damage}: {repaired:?}");
        assert_eq!(full.found(true).is_empty(), *mended, "{damage}");
        // What is not harmed is there, and the store works.
        if !damage.contains("record") {
            assert!(full.root("volumes/data/_data").is_dir(), "{damage}");
        }
        import(&full.store, "another", damage.as_bytes());
        for name in ["free", "used"] {
            import(&full.store, name, name.as_bytes());
            full.store.images().resolve(name).unwrap();
        }
        // What had to come again has come.
        let is_theirs = *expected == [Problem::Unknown];
        assert_eq!(full.found(true).is_empty(), !is_theirs, "{damage}");
    }
}
