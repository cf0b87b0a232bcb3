//! What takes room, what gives it back, and what a check finds.

use std::io::Cursor;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use spec::{ContainerId, ContainerName, Digest};
use store::{Begun, Candidate, Image, NewContainer, Store};

use crate::fixture::{Bench, NOW, names, text};
use crate::images::{import, root_archive};
use crate::records;

pub(crate) fn file(path: &Path, bytes: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::File::create(path).unwrap().write_all_at(bytes, 0).unwrap();
}

/// What du(1) says.
fn du(path: &Path) -> u64 {
    let output = Command::new("du").args(["-s", "--block-size=1", text(path)]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_whitespace().next().unwrap().parse().unwrap()
}

pub(crate) fn container(store: &Store, image: Option<&Image>, digit: u8) -> ContainerId {
    let id = ContainerId::from_random([digit; 32]);
    let name: ContainerName = format!("user-{digit}").parse().unwrap();
    let new = NewContainer {
        id: &id,
        name: &name,
        image: image.map(|image| &image.id),
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
    };
    store.containers().insert(&new).unwrap();
    id
}

/// A blob of which half has come.
pub(crate) fn transfer(store: &Store, digit: char, size: u64) -> Digest {
    let digest: Digest = format!("sha256:{}", digit.to_string().repeat(64)).parse().unwrap();
    let Begun::Ours(transfer) = store.transfers().begin(&digest, size).unwrap() else {
        panic!("busy")
    };
    let mut claim = transfer.claim().unwrap();
    claim.write(&vec![7; usize::try_from(size / 2).unwrap()]).unwrap();
    digest
}

#[test]
fn usage_agrees_with_du() {
    let bench = Bench::new();
    let store = bench.store();
    let image = import(&store, "one", &vec![1; 300_000]);
    import(&store, "two", &vec![2; 5_000]);
    let id = container(&store, Some(&image), 1);
    let dirs = store.containers().dirs(&id);
    file(&dirs.upper.join("data"), &vec![1; 100_000]);
    std::fs::hard_link(dirs.upper.join("data"), dirs.upper.join("again")).unwrap();
    let sparse = std::fs::File::create(dirs.upper.join("sparse")).unwrap();
    sparse.set_len(1 << 30).unwrap();
    std::os::unix::fs::symlink("/usr", dirs.upper.join("link")).unwrap();
    file(&dirs.container.join("container.log"), &vec![b'l'; 40_000]);
    file(&dirs.state.join("state.json"), b"{}");
    let (volume, _) = store.volumes().ensure("data", NOW, false).unwrap();
    file(&volume.path.join("deep/er/file"), &vec![3; 70_000]);
    transfer(&store, 'a', 1 << 20);
    let usage = store.room().usage().unwrap();
    let (root, state) = (du(&bench.path("root")), du(&bench.path("state")));
    let near = |ours: u64, theirs: u64| ours.abs_diff(theirs) * 100 <= theirs;
    assert!(near(usage.root_bytes(), root), "{} and du says {root}", usage.root_bytes());
    assert_eq!((usage.state_bytes, usage.total_bytes()), (state, usage.root_bytes() + state));
    let own = usage.containers[0].clone();
    assert!((100_000..200_000).contains(&own.layer_bytes), "{own:?}");
    assert!((40_000..50_000).contains(&own.log_bytes), "{own:?}");
    assert!(usage.volumes[0].bytes >= 70_000 && usage.volumes[0].containers == 0);
    assert!(usage.transfers[0].bytes >= 1 << 19 && !usage.transfers[0].is_filled);
    assert_eq!(usage.images.len(), 2);
    assert!(usage.images.iter().any(|one| one.bytes >= 300_000 && one.containers == 1));
    assert_eq!(store.room().usage().unwrap().layers, usage.layers, "measured layers stay measured");
    // As deep as no path goes.
    let mut deep = dirs.upper.clone();
    std::fs::create_dir(deep.join("deep")).unwrap();
    deep.push("deep");
    let top = std::fs::File::open(&deep).unwrap();
    let mut at = rustix::fs::openat(&top, ".", rustix::fs::OFlags::RDONLY, 0.into()).unwrap();
    let name = "d".repeat(200);
    for _ in 0..60 {
        rustix::fs::mkdirat(&at, &*name, 0o755.into()).unwrap();
        at = rustix::fs::openat(&at, &*name, rustix::fs::OFlags::RDONLY, 0.into()).unwrap();
    }
    let (ours, theirs) = (store.room().usage().unwrap().root_bytes(), du(&bench.path("root")));
    assert!(theirs > root + 60 * 4096 && near(ours, theirs), "{ours} and du says {theirs}");
    store.containers().remove(&id).unwrap();
    assert!(bench.garbage().is_empty());
}

#[test]
fn images_share_layers_and_each_knows_what_is_its_own() {
    let bench = Bench::new();
    let store = bench.store();
    let layout = bench.layout("layout", "a", &[("base", &[1; 50_000])]);
    crate::fixture::run("umoci", &["tag", "--image", &format!("{}:a", layout.display()), "b"]);
    let source = bench.path("more");
    file(&source, &[2; 20_000]);
    let image = format!("{}:b", layout.display());
    crate::fixture::run("umoci", &["insert", "--image", &image, text(&source), "/more"]);
    store.images().load_directory(&layout, NOW).unwrap();
    let usage = store.room().usage().unwrap();
    assert_eq!((usage.images.len(), usage.layers.len()), (2, 2));
    let mut own: Vec<u64> =
        usage.images.iter().map(|image| image.bytes - image.shared_bytes).collect();
    own.sort_unstable();
    assert!(own[0] == 0 && own[1] >= 20_000, "{own:?}");
    assert!(usage.images.iter().all(|image| image.shared_bytes >= 50_000));
    assert_eq!(usage.reclaimable_layer_bytes(), usage.layer_bytes());
    let base = usage.images.iter().find(|image| image.bytes == image.shared_bytes).unwrap();
    let base = store.images().resolve(&base.summary.id.to_string()).unwrap();
    container(&store, Some(&base), 1);
    let usage = store.room().usage().unwrap();
    assert_eq!(usage.reclaimable_layer_bytes(), own[1]);
}

fn candidates(store: &Store) -> Vec<Candidate> {
    store.room().candidates().unwrap()
}

#[test]
fn a_prune_takes_what_was_chosen_unless_it_changed() {
    let bench = Bench::new();
    let store = bench.store();
    let (used, named, goes) =
        (import(&store, "used", b"1"), import(&store, "named", b"2"), import(&store, "goes", b"3"));
    let held = import(&store, "held", b"4");
    container(&store, Some(&held), 9);
    let chosen = candidates(&store);
    store.images().mark_used(&used.id, NOW + 1).unwrap();
    store.images().tag(&named.id, &"more".parse().unwrap(), NOW).unwrap();
    let pruned = store.room().prune_images(&chosen).unwrap();
    assert_eq!(pruned.untagged, ["goes:latest"]);
    assert_eq!(pruned.deleted[0], goes.id.to_string());
    assert!(pruned.freed_bytes >= 4096 && pruned.deleted.len() == 2, "{pruned:?}");
    assert_eq!(store.images().list().unwrap().len(), 3);
    assert!(bench.garbage().is_empty() && bench.layers().len() == 3);
    assert!(store.room().check(true).unwrap().findings.is_empty());
}

#[test]
fn what_interrupted_pulls_have_left_goes_when_nothing_is_on_its_way() {
    let bench = Bench::new();
    let store = bench.store();
    let archive = root_archive(b"layer");
    let digest = sha256(&archive);
    let mut incoming = store.images().incoming().unwrap();
    let expected = store::ExpectedLayer { blob: digest.clone(), diff_id: digest };
    let layer = incoming.place().unpack(Cursor::new(archive), &expected).unwrap();
    incoming.publish(layer, NOW).unwrap();
    let prune = |before| store.room().prune_layers(before).unwrap();
    assert_eq!(prune(NOW + 1).deleted.len(), 0, "a pull is on its way");
    drop(incoming);
    assert_eq!(prune(NOW).deleted.len(), 0, "it came no sooner than this");
    assert!(store.room().check(true).unwrap().findings.is_empty());
    let pruned = prune(NOW + 1);
    assert!(pruned.deleted.len() == 1 && pruned.freed_bytes > 0, "{pruned:?}");
    assert!(bench.layers().is_empty() && bench.garbage().is_empty());

    let later = SystemTime::now() + Duration::from_secs(3600);
    transfer(&store, 'a', 100_000);
    let Begun::Ours(filled) = store.transfers().begin(&sha256(b"x"), 1000).unwrap() else {
        panic!("busy")
    };
    let prune = |before| store.room().prune_transfers(before).unwrap();
    assert_eq!(prune(SystemTime::UNIX_EPOCH).deleted.len(), 0);
    let pruned = prune(later);
    assert!(pruned.deleted == ["a".repeat(64)] && pruned.freed_bytes >= 50_000, "{pruned:?}");
    drop(filled);
    assert_eq!(prune(later).deleted.len(), 1);
    assert!(names(&bench.path("root/transfers")).is_empty());

    let anonymous = "0".repeat(64);
    store.volumes().ensure(&anonymous, NOW, true).unwrap();
    store.volumes().ensure("mine", NOW, false).unwrap();
    store.volumes().ensure("used", NOW, true).unwrap();
    records::insert(&store, &ContainerId::from_random([5; 32]), "web", &["used".to_owned()])
        .unwrap();
    assert_eq!(store.room().prune_volumes(|volume| volume.anonymous).unwrap().deleted, [anonymous]);
    assert_eq!(store.room().prune_volumes(|_| true).unwrap().deleted, ["mine"]);
    assert_eq!(names(&bench.path("root/volumes")), ["used"]);
}

fn sha256(bytes: &[u8]) -> Digest {
    use sha2::Digest as _;
    Digest::sha256(sha2::Sha256::digest(bytes).into())
}

#[test]
fn a_check_beside_twenty_that_come_and_go_finds_nothing() {
    let bench = Bench::new();
    drop(bench.store());
    let done = std::sync::atomic::AtomicUsize::new(0);
    let archives: Vec<Vec<u8>> = (0..20_u8).map(|number| root_archive(&[number; 3000])).collect();
    std::thread::scope(|scope| {
        for (number, archive) in archives.iter().enumerate() {
            let (bench, done) = (&bench, &done);
            scope.spawn(move || {
                let store = bench.store();
                for round in 0..6_u8 {
                    let name = format!("image-{number}");
                    let import = store::Import {
                        reference: Some(name.parse().unwrap()),
                        ..store::Import::default()
                    };
                    store.images().import(Cursor::new(archive), &import, NOW).unwrap();
                    let id = ContainerId::from_random(
                        [[u8::try_from(number).unwrap(), round].repeat(16)]
                            .concat()
                            .try_into()
                            .unwrap(),
                    );
                    let name_of = format!("c-{number}-{round}");
                    records::insert(&store, &id, &name_of, &[]).unwrap();
                    store.containers().remove(&id).unwrap();
                    transfer_once(&store, archive);
                    store.images().remove(&name, false).unwrap();
                }
                done.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            });
        }
        let store = bench.store();
        let mut checks = 0;
        while done.load(std::sync::atomic::Ordering::SeqCst) < 20 || checks == 0 {
            let checked = store.room().check(true).unwrap();
            assert_eq!(checked.findings, []);
            if checks % 4 == 0 {
                let (repaired, left) = store.room().repair(false).unwrap();
                assert_eq!((repaired, left.findings), (vec![], vec![]));
            }
            checks += 1;
        }
    });
    assert!(bench.store().room().check(true).unwrap().findings.is_empty());
    assert!(bench.layers().is_empty() && bench.garbage().is_empty());
}

/// Killed between the making of its file and its lock.
#[test]
fn a_transfer_that_has_nothing_yet_contradicts_nothing() {
    let bench = Bench::new();
    let store = bench.store();
    let bytes = [7; 3000];
    transfer_once(&store, &bytes);
    let data = store.paths().root.join("transfers").join(sha256(&bytes).hex());
    std::fs::File::create(&data).unwrap();
    assert_eq!(store.room().check(true).unwrap().findings, []);
    transfer_once(&store, &bytes);
    assert!(!data.exists(), "who comes goes on with it, and it is gone with that");
    std::fs::File::create(&data).unwrap().set_len(1).unwrap();
    assert_eq!(store.room().check(true).unwrap().findings.len(), 1, "bytes without a map");
}

fn transfer_once(store: &Store, bytes: &[u8]) {
    if let Begun::Ours(transfer) =
        store.transfers().begin(&sha256(bytes), bytes.len() as u64).unwrap()
    {
        transfer.claim().unwrap().write(bytes).unwrap();
        transfer.remove().unwrap();
    }
}
