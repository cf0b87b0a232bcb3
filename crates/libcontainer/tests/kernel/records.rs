//! What earlier releases wrote down about their containers, which every later one must read.

use std::fs;

use libcontainer::{Container, Runtime};
use spec::runtime::Status;

use crate::support::{Bed, put};

/// Records as the first release wrote them, with fields that a later one of the same version may add.
const RUNNING: &str = include_str!("fixtures/state-1-running.json");
const STOPPED: &str = include_str!("fixtures/state-1-stopped.json");

fn found(bed: &Bed) -> Container {
    Runtime::new(bed.path("run")).load(&"fixture".parse().unwrap()).unwrap()
}

/// A container that was made by whatever release wrote the record.
fn recorded(bed: &Bed, record: &str) -> Container {
    fs::create_dir_all(bed.path("run/fixture")).unwrap();
    put(bed.path("run/fixture/state.json"), record);
    found(bed)
}

#[test]
fn records_of_the_first_release_are_read() {
    let bed = Bed::new();
    let stopped = recorded(&bed, STOPPED);
    assert_eq!((stopped.status(), stopped.owner_uid()), (Status::Stopped, 1000));
    assert_eq!(stopped.rootfs(), std::path::Path::new("/srv/bundle/rootfs"));
    assert!(stopped.delete(false).unwrap().is_empty());

    let mut program = std::process::Command::new("/bin/sleep").arg("1000").spawn().unwrap();
    let pid = i32::try_from(program.id()).unwrap();
    let mut record: serde_json::Value = serde_json::from_str(RUNNING).unwrap();
    let start_time = libcontainer::start_time(pid).unwrap();
    record["first"] = serde_json::json!({"pid": pid, "start_time": start_time});
    let running = recorded(&bed, &record.to_string());
    let state = running.state();
    assert_eq!(
        (state.status, state.pid, state.id.as_str()),
        (Status::Running, Some(pid), "fixture")
    );
    assert_eq!(state.annotations["org.example.key"], "value");
    assert_eq!(state.bundle, std::path::Path::new("/srv/bundle"));
    let since = running.created().duration_since(std::time::UNIX_EPOCH).unwrap();
    assert_eq!(since.as_nanos(), 1_795_557_770_383_430_275);
    running.signal(libc::SIGKILL).unwrap();
    program.wait().unwrap();
    // Its hook runs, and is no failure.
    assert!(found(&bed).delete(false).unwrap().is_empty());
    assert_eq!(fs::read_dir(bed.path("run")).unwrap().count(), 0);
}
