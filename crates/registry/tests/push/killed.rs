//! A push that is killed with SIGKILL goes on at the registry's byte.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

use testkit::{Gate, RegistryServer, Response};

use crate::front::Front;
use crate::setup::{Bench, image, layer, push_to, store_at};

const STORE: &str = "PUSH_TEST_STORE";
const NAME: &str = "PUSH_TEST_NAME";
const NOISE: usize = 20_000_000;

/// What is killed: this very program, started by the other test.
#[test]
#[ignore = "only as a process of another test"]
fn the_process_that_is_killed() {
    let (Some(store), Some(name)) = (std::env::var_os(STORE), std::env::var_os(NAME)) else {
        return;
    };
    let store = store_at(store.as_ref());
    let image = store.images().list().unwrap().remove(0);
    push_to(&store, &image, name.to_str().unwrap());
}

#[test]
fn a_push_that_was_killed_goes_on_at_its_byte() {
    let (bench, server) = (Bench::new(), RegistryServer::start());
    let store = bench.store();
    let image = image(&store, &[&layer("big", NOISE)]);
    let (third_chunk, arrived) = channel();
    let (gate, chunks) = (Arc::new(Gate::default()), AtomicUsize::new(0));
    let third_chunk = Mutex::new(third_chunk);
    let front = Front::spoiling(&server.host(), {
        let gate = Arc::clone(&gate);
        move |request, _| {
            let is_third =
                request.method == "PATCH" && chunks.fetch_add(1, Ordering::SeqCst) + 1 == 3;
            is_third.then(|| {
                third_chunk.lock().unwrap().send(()).unwrap();
                gate.wait();
                Response::new(500)
            })
        }
    });
    let name = format!("{}/a:1", front.host());
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "killed::the_process_that_is_killed", "--ignored"])
        .env(STORE, bench.path("store"))
        .env(NAME, &name)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    arrived.recv().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    gate.open();
    let before = front.sent();
    assert_eq!(store.uploads().list().unwrap().len(), 1);
    let pushed = push_to(&store, &image, &name);
    let after = front.sent() - before;
    assert!(after < NOISE - (15 << 20), "{after} bytes went after it was killed");
    assert_eq!(bench.journals(), 0);
    // What was put together is what one push makes.
    let (elsewhere, other) = (Bench::new(), RegistryServer::start());
    let store = elsewhere.store();
    let same = crate::setup::image(&store, &[&layer("big", NOISE)]);
    assert_eq!(push_to(&store, &same, &format!("{}/a:1", other.host())).digest, pushed.digest);
}
