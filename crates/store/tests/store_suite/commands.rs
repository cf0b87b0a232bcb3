//! Many commands at once, and commands that are killed. The commands are this test's own program.

use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use spec::ContainerId;
use store::{Paths, Store};

use crate::fixture::{Bench, NOW};
use crate::records::insert;

/// Starts a function below as a process of its own, which finds its store in its working directory.
fn spawn(bench: &Bench, function: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", &format!("commands::{function}")])
        .current_dir(bench.directory.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The store of the test that started this process; nothing when nobody did.
fn here() -> Option<(PathBuf, Store)> {
    let directory = std::env::current_dir().unwrap();
    if !directory.file_name()?.to_str()?.starts_with("store-") {
        return None;
    }
    let paths = Paths { root: directory.join("root"), state: directory.join("state") };
    Some((directory, Store::open(paths).unwrap()))
}

fn random_id() -> ContainerId {
    let mut bytes = [0; 32];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty()).unwrap();
    ContainerId::from_random(bytes)
}

#[test]
#[ignore = "started by twenty_commands_write_at_once"]
fn writer() {
    let Some((directory, _store)) = here() else { return };
    for number in 0..50 {
        let paths = Paths { root: directory.join("root"), state: directory.join("state") };
        let begin = Instant::now();
        let store = Store::open(paths).unwrap();
        let id = random_id();
        insert(&store, &id, &format!("c{number}-{}", id.short()), &[]).unwrap();
        if number % 2 == 0 {
            store.containers().remove(&id).unwrap();
        }
        assert!(begin.elapsed() < Duration::from_secs(5), "starved: {:?}", begin.elapsed());
    }
}

#[test]
fn twenty_commands_write_at_once() {
    let bench = Bench::new();
    // The store is not there yet: all of them make it.
    let children: Vec<Child> = (0..20).map(|_| spawn(&bench, "writer")).collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let store = bench.store();
    assert_eq!(store.containers().list().unwrap().len(), 20 * 25);
    assert_eq!(std::fs::read_dir(bench.path("root/containers")).unwrap().count(), 20 * 25);
    assert!(bench.garbage().is_empty());
}

#[test]
#[ignore = "started by the tests of loads"]
fn loader() {
    let Some((directory, store)) = here() else { return };
    let loaded = store.images().load_directory(&directory.join("layout"), NOW).unwrap();
    assert_eq!(loaded.len(), 1);
}

#[test]
#[ignore = "started by loads_and_removals_at_once"]
fn remover() {
    let Some((_directory, store)) = here() else { return };
    for image in store.images().list().unwrap() {
        let _gone_already = store.images().remove(&image.id.to_string(), true);
    }
}

fn big_layout(bench: &Bench) -> PathBuf {
    let contents: Vec<u8> = (0..4_000_000_u32).map(|number| (number * 7 % 253) as u8).collect();
    bench.layout("layout", "v1", &[("one", &contents), ("two", &contents[1..]), ("three", b"3")])
}

fn is_whole(bench: &Bench) {
    let store = bench.store();
    for image in store.images().list().unwrap() {
        let layers = store.images().layer_paths(&image);
        for (layer, (name, size)) in
            layers.iter().zip([("three", 1), ("two", 3_999_999), ("one", 4_000_000)])
        {
            assert_eq!(layer.join(name).metadata().map(|file| file.len()).ok(), Some(size));
        }
    }
}

#[test]
fn two_loads_of_one_layer_do_no_harm() {
    let bench = Bench::new();
    big_layout(&bench);
    let children: Vec<Child> = (0..4).map(|_| spawn(&bench, "loader")).collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(bench.store().images().list().unwrap().len(), 1);
    is_whole(&bench);
    assert!(bench.garbage().is_empty());
    assert_eq!(bench.layers().len(), 3);
}

#[test]
fn loads_and_removals_at_once() {
    let bench = Bench::new();
    big_layout(&bench);
    for _ in 0..8 {
        let mut children: Vec<Child> = (0..2).map(|_| spawn(&bench, "loader")).collect();
        children.extend((0..2).map(|_| spawn(&bench, "remover")));
        for child in children {
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        is_whole(&bench);
        assert!(bench.garbage().is_empty());
    }
}

/// Waits until a load has put `wanted` things into `tmp`, or has ended.
fn wait_for_files(tmp: &Path, child: &mut Child, wanted: usize) {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let entries = std::fs::read_dir(tmp).into_iter().flatten().flatten();
        let found: usize = entries
            .map(|entry| std::fs::read_dir(entry.path()).map_or(0, |inside| 1 + inside.count()))
            .sum();
        if found >= wanted || child.try_wait().unwrap().is_some() {
            return;
        }
        assert!(Instant::now() < deadline, "the load does nothing");
        std::thread::yield_now();
    }
}

#[test]
fn a_killed_load_leaves_garbage_only_and_the_next_open_takes_it() {
    let bench = Bench::new();
    let layout = big_layout(&bench);
    let mut killed = 0;
    for round in 0..16 {
        let mut child = spawn(&bench, "loader");
        wait_for_files(&bench.path("root/tmp"), &mut child, round % 4);
        let until = Instant::now() + Duration::from_micros(1500 * (round as u64 / 4));
        while Instant::now() < until {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        killed += u32::from(child.wait().unwrap().signal() == Some(9));
        is_whole(&bench);
        assert!(bench.garbage().is_empty(), "round {round}");
        let store = bench.store();
        for image in store.images().list().unwrap() {
            store.images().remove(&image.id.to_string(), true).unwrap();
        }
    }
    assert!(killed >= 8, "only {killed} of 16 loads were killed");
    bench.store().images().load_directory(&layout, NOW).unwrap();
    is_whole(&bench);
    let rows = bench.store().images().list().unwrap();
    assert_eq!(rows[0].config.rootfs.diff_ids.len(), 3);
}
