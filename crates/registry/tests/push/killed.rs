//! A push or a copy that is killed with SIGKILL goes on at the registry's byte.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};

use registry::{Client, Copy, Policy, Selection, copy};
use serde_json::json;
use spec::Digest;
use store::Paths;
use testkit::{Gate, OCI_CONFIG, OCI_LAYER, OCI_MANIFEST, RegistryServer, Response};

use crate::front::Front;
use crate::setup::{Bench, NOW, config, image, layer, push_to, run, store_at};
use crate::shared::{settings, told};

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
    let gate = Arc::new(Gate::default());
    let front = front_that_halts(&server, third_chunk, &gate);
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

const LAYOUT: &str = "PUSH_TEST_LAYOUT";

/// Copies a layout to a registry, with the journals of a store that is not opened.
fn copy_to(bench: &Path, name: &str) -> Digest {
    let (from, to) =
        (format!("oci:{}", bench.join("layout").display()), format!("docker://{name}"));
    let settings = settings();
    let progress = Arc::clone(&settings.progress);
    let client = Client::new(settings);
    let store = bench.join("store");
    let room = Paths { root: store.join("root"), state: store.join("state") };
    let copied = copy(Copy {
        from: &from.parse().unwrap(),
        to: &to.parse().unwrap(),
        selection: &Selection::All,
        policy: &Policy::none(),
        preserve_digests: false,
        referrers: false,
        source: &client,
        destination: &client,
        store: None,
        room: Some(&room),
        connections: 1,
        now_ns: NOW,
        progress: &progress,
    });
    copied.unwrap_or_else(|error| panic!("{}", told(&error))).digest
}

/// What is killed in turn.
#[test]
#[ignore = "only as a process of another test"]
fn the_copy_that_is_killed() {
    let (Some(bench), Some(name)) = (std::env::var_os(LAYOUT), std::env::var_os(NAME)) else {
        return;
    };
    copy_to(bench.as_ref(), name.to_str().unwrap());
}

#[test]
fn a_copy_that_was_killed_goes_on_at_its_byte() {
    let (bench, server) = (Bench::new(), RegistryServer::start());
    let layout = bench.path("layout");
    let digest = layout_of(&layout, &layer("big", NOISE));
    let gate = Arc::new(Gate::default());
    let (third_chunk, arrived) = channel();
    let front = front_that_halts(&server, third_chunk, &gate);
    let name = format!("{}/a:1", front.host());
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "killed::the_copy_that_is_killed", "--ignored"])
        .env(LAYOUT, layout.parent().unwrap())
        .env(NAME, &name)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    arrived.recv().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    gate.open();
    let before = front.sent();
    assert_eq!(bench.store().uploads().list().unwrap().len(), 1);
    assert_eq!(copy_to(layout.parent().unwrap(), &name).to_string(), digest);
    let after = front.sent() - before;
    assert!(after < NOISE - (15 << 20), "{after} bytes went after it was killed");
    assert_eq!(bench.journals(), 0);
    // What was put together is what was to come.
    let whole = format!("docker://{name}");
    run(
        "skopeo",
        &[
            "copy",
            "--src-tls-verify=false",
            &whole,
            &format!("dir:{}", bench.path("out").display()),
        ],
    );
}

/// A layout of one image with this layer, not compressed; gives the digest of its manifest.
fn layout_of(path: &Path, layer: &[u8]) -> String {
    std::fs::create_dir_all(path.join("blobs/sha256")).unwrap();
    let blob = |kind: &str, bytes: &[u8]| {
        let digest = testkit::sha256(bytes);
        write(&path.join("blobs/sha256").join(&digest["sha256:".len()..]), bytes);
        json!({"mediaType": kind, "digest": digest, "size": bytes.len()})
    };
    let config = blob(OCI_CONFIG, &config(&[layer], "amd64"));
    let manifest = json!({
        "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config,
        "layers": [blob(OCI_LAYER, layer)],
    });
    let manifest = blob(OCI_MANIFEST, manifest.to_string().as_bytes());
    let index = json!({"schemaVersion": 2, "manifests": [manifest]});
    write(&path.join("index.json"), index.to_string().as_bytes());
    write(&path.join("oci-layout"), br#"{"imageLayoutVersion":"1.0.0"}"#);
    manifest["digest"].as_str().unwrap().to_owned()
}

#[expect(clippy::disallowed_methods, reason = "a file of the test's own")]
fn write(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).unwrap();
}

/// A registry whose answer to the third chunk is held.
fn front_that_halts(server: &RegistryServer, third_chunk: Sender<()>, gate: &Arc<Gate>) -> Front {
    let (gate, chunks) = (Arc::clone(gate), AtomicUsize::new(0));
    let third_chunk = Mutex::new(third_chunk);
    Front::spoiling(&server.host(), move |request, _| {
        // A copy sends the configuration in a chunk of its own meanwhile.
        let is_chunk = request.method == "PATCH" && request.body.len() > 1 << 20;
        let is_third = is_chunk && chunks.fetch_add(1, Ordering::SeqCst) + 1 == 3;
        is_third.then(|| {
            third_chunk.lock().unwrap().send(()).unwrap();
            gate.wait();
            Response::new(500)
        })
    })
}
