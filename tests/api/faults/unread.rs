//! Clients that stop reading, in every stream: nobody waits for them, nothing piles up, and no container stands still that would not at Docker's.

use std::io::Read;
use std::os::unix::net::UnixStream;

use serde_json::{Value, json};
use testkit::{ApiServer, Corten, RegistryServer, wait_until};

use super::{answers, begun, created, peak_kb, served, started};

/// The server stays smaller, whatever waits.
const MOST_KB: u64 = 100 * 1024;

/// A stream whose head has come, and of which nothing more is read.
fn unread(api: &ApiServer, method: &str, path: &str) -> UnixStream {
    let mut stream = begun(api, method, path);
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    let text = String::from_utf8_lossy(&head);
    assert!(
        text.starts_with("HTTP/1.1 200 OK") || text.starts_with("HTTP/1.1 101 "),
        "{path}: {text}"
    );
    stream
}

/// Lines that a container has written into a file of its own.
fn progress(corten: &Corten, name: &str) -> u64 {
    // It may have written none yet, or be writing it.
    corten.run(&["exec", name, "cat", "/count"]).stdout.trim().parse().unwrap_or(0)
}

#[track_caller]
fn goes_on(corten: &Corten, name: &str) {
    let before = progress(corten, name);
    wait_until("the container writes on", || progress(corten, name) > before + 2);
}

/// One that says much, and counts how often.
fn talker() -> Value {
    let script = "n=0; while :; do seq 1 20000; n=$((n+1)); echo $n > /count; done";
    json!({
        "Image": "busybox", "Cmd": ["sh", "-c", script],
        "HostConfig": { "LogConfig": { "Type": "json-file", "Config": { "max-size": "1m" } } },
    })
}

#[test]
fn nobody_waits_for_logs_events_stats_and_waits_that_are_not_read() {
    let (corten, api) = served();
    started(&api, "box", &talker());
    let _streams = [
        unread(&api, "GET", "/containers/box/logs?stdout=1&stderr=1&follow=1"),
        unread(&api, "GET", "/containers/box/logs?stdout=1&stderr=1&follow=1&tail=0"),
        unread(&api, "GET", "/containers/box/stats"),
        unread(&api, "POST", "/containers/box/wait?condition=removed"),
        unread(&api, "GET", "/events"),
    ];
    // More than a socket holds, and than a listener may be late by.
    let made = json!({ "Image": "busybox", "Cmd": ["true"] });
    for number in 0..150 {
        let id = created(&api, &format!("one{number}"), &made);
        for name in ["a", "b", "c", "d", "e", "f", "g"] {
            let path = format!("/containers/{id}/rename?name={name}{number}");
            assert_eq!(api.post(&path, &Value::Null).status, 204);
        }
        assert_eq!(api.delete(&format!("/containers/{id}")).status, 204);
    }
    goes_on(&corten, "box");
    answers(&api);
    let resident = peak_kb(api.pid());
    assert!(resident < MOST_KB, "{resident} kB");
    assert_eq!(api.post("/containers/box/stop?t=0", &Value::Null).status, 204);
    assert_eq!(api.delete("/containers/box").status, 204);
}

#[test]
fn nobody_waits_for_who_attaches_and_does_not_read() {
    let (corten, api) = served();
    started(&api, "box", &talker());
    started(&api, "other", &talker());
    let _attached = unread(&api, "POST", "/containers/box/attach?stream=1&stdout=1&stderr=1");
    let exec = json!({ "Cmd": ["yes"], "AttachStdout": true });
    let made = api.post("/containers/other/exec", &exec).expect(201);
    let id = made["Id"].as_str().unwrap();
    let (_running, _head) = api.hijack(&format!("/exec/{id}/start"), "{}", "");
    wait_until("it runs", || api.get(&format!("/exec/{id}/json")).expect(200)["Running"] == true);
    // Who runs something further in a container holds up that alone.
    goes_on(&corten, "other");
    answers(&api);
    let resident = peak_kb(api.pid());
    assert!(resident < MOST_KB, "{resident} kB");
    for name in ["box", "other"] {
        assert_eq!(api.post(&format!("/containers/{name}/stop?t=0"), &Value::Null).status, 204);
        assert_eq!(api.delete(&format!("/containers/{name}")).status, 204);
    }
}

#[test]
fn nobody_waits_for_archives_that_are_not_read() {
    let (corten, api) = served();
    // More than fits between both ends.
    let script = "dd if=/dev/urandom of=/large bs=1M count=32 2>/dev/null; n=0; while :; do n=$((n+1)); echo $n > /count; sleep 0.05; done";
    started(&api, "box", &json!({ "Image": "busybox", "Cmd": ["sh", "-c", script] }));
    wait_until("the file is there", || {
        corten.run(&["exec", "box", "test", "-e", "/count"]).code == 0
    });
    let made = api.post("/commit?container=box&repo=large&pause=0", &Value::Null);
    assert_eq!(made.status, 201);
    let _streams = [
        unread(&api, "GET", "/containers/box/archive?path=/large"),
        unread(&api, "GET", "/containers/box/export"),
        unread(&api, "GET", "/images/large/get"),
        unread(&api, "GET", "/images/get?names=large&names=busybox"),
    ];
    goes_on(&corten, "box");
    answers(&api);
    // The store is not held: images and containers come and go.
    assert_eq!(api.post("/images/busybox/tag?repo=again", &Value::Null).status, 201);
    assert_eq!(api.delete("/images/again").status, 200);
    assert_eq!(api.post("/commit?container=box&repo=more&pause=0", &Value::Null).status, 201);
    assert_eq!(api.delete("/images/more").status, 200);
    assert_eq!(api.post("/images/prune", &Value::Null).status, 200);
    created(&api, "new", &json!({ "Image": "busybox", "Cmd": ["true"] }));
    assert_eq!(api.delete("/containers/new").status, 204);
    let resident = peak_kb(api.pid());
    assert!(resident < MOST_KB, "{resident} kB");
    assert_eq!(api.post("/containers/box/stop?t=0", &Value::Null).status, 204);
    assert_eq!(api.delete("/containers/box").status, 204);
}

#[test]
fn a_pull_whose_progress_is_not_read_goes_on() {
    let (corten, api) = served();
    let registry = RegistryServer::start();
    let name = format!("{}/bb", registry.host());
    corten.ok(&["tag", "busybox", &name]);
    assert_eq!(api.post(&format!("/images/{name}/push?tag=latest"), &Value::Null).status, 200);
    corten.ok(&["rmi", &name, "busybox"]);
    let _pulling = begun(&api, "POST", &format!("/images/create?fromImage={name}&tag=latest"));
    wait_until("it is there", || api.get(&format!("/images/{name}/json")).status == 200);
    let _pushing = begun(&api, "POST", &format!("/images/{name}/push?tag=latest"));
    answers(&api);
}
