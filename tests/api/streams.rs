//! Streams of containers by the Docker Engine API: attached, of further processes, logs, events, and waits.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;

use serde_json::{Value, json};
use testkit::{ApiServer, Corten, wait_until};

const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: tcp\r\n";

fn served() -> (Corten, ApiServer) {
    let corten = Corten::with_busybox(env!("CARGO_BIN_EXE_corten"));
    let api = ApiServer::start(&corten);
    (corten, api)
}

fn created(api: &ApiServer, body: &Value) -> String {
    let made = api.post("/v1.50/containers/create", body).expect(201);
    made["Id"].as_str().unwrap().to_owned()
}

/// What comes until the end, by stream: the pieces of both outputs behind their headers.
fn outputs(stream: &mut UnixStream) -> [Vec<u8>; 2] {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    split(&bytes)
}

fn split(mut bytes: &[u8]) -> [Vec<u8>; 2] {
    let mut outputs = [Vec::new(), Vec::new()];
    while let Some((header, rest)) = bytes.split_at_checked(8) {
        let length = u32::from_be_bytes(header[4..].try_into().unwrap()) as usize;
        outputs[usize::from(header[0]) - 1].extend_from_slice(&rest[..length]);
        bytes = &rest[length..];
    }
    assert!(bytes.is_empty(), "half a piece: {bytes:?}");
    outputs
}

#[test]
fn who_attaches_before_the_start_misses_nothing() {
    let (corten, api) = served();
    let lines = json!({ "Image": "busybox", "Cmd": ["seq", "1", "100000"] });
    let all: String = (1..=100_000).map(|number| format!("{number}\n")).collect();
    for round in 0..10 {
        let id = created(&api, &lines);
        let path = format!("/v1.50/containers/{id}/attach?stream=1&stdout=1&stderr=1");
        let (mut stream, head) = api.hijack(&path, "", UPGRADE);
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        assert!(head.contains("application/vnd.docker.multiplexed-stream"), "{head}");
        // Its own direction ends, as of a command line without input; the other one goes on.
        stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(api.post(&format!("/containers/{id}/start"), &json!({})).status, 204);
        let [stdout, stderr] = outputs(&mut stream);
        assert!(stdout == all.as_bytes() && stderr.is_empty(), "{} in round {round}", stdout.len());
        assert_eq!(api.post(&format!("/containers/{id}/start"), &json!({})).status, 204);
    }
    // Somebody else starts it.
    let id =
        created(&api, &json!({ "Image": "busybox", "Cmd": ["sh", "-c", "sleep 1; echo late"] }));
    let path = format!("/v1.41/containers/{id}/attach?stream=1&stdout=1");
    let (mut stream, head) = api.hijack(&path, "", "");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(head.contains("application/vnd.docker.raw-stream"), "{head}");
    assert!(!head.to_lowercase().contains("transfer-encoding"), "{head}");
    corten.ok(&["start", &id]);
    assert_eq!(outputs(&mut stream)[0], b"late\n");
    // One that does not run says nothing, and what it has said before is shown on demand.
    let path = format!("/containers/{id}/attach?logs=1&stdout=1");
    let (mut stream, _head) = api.hijack(&path, "", UPGRADE);
    assert_eq!(outputs(&mut stream)[0], b"late\n");
}

#[test]
fn input_goes_in_and_ends() {
    let (_corten, api) = served();
    let body = json!({
        "Image": "busybox", "Cmd": ["sh", "-c", "wc -c; echo wrong >&2; exit 3"],
        "OpenStdin": true, "StdinOnce": true, "AttachStdin": true,
    });
    let id = created(&api, &body);
    let path = format!("/containers/{id}/attach?stream=1&stdin=1&stdout=1&stderr=1");
    let (mut stream, _head) = api.hijack(&path, "", UPGRADE);
    assert_eq!(api.post(&format!("/containers/{id}/start"), &json!({})).status, 204);
    let megabytes = vec![b'x'; 3_000_000];
    stream.write_all(&megabytes).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(outputs(&mut stream), [b"3000000\n".to_vec(), b"wrong\n".to_vec()]);
    assert_eq!(
        api.post(&format!("/containers/{id}/wait"), &json!({})).expect(200)["StatusCode"],
        3
    );
}

#[test]
fn a_terminal_is_sized_and_left_by_its_keys() {
    let (_corten, api) = served();
    let body = json!({ "Image": "busybox", "Cmd": ["sh"], "Tty": true, "OpenStdin": true });
    let id = created(&api, &body);
    let path = format!("/containers/{id}/attach?stream=1&stdin=1&stdout=1&detachKeys=ctrl-x");
    let (mut stream, head) = api.hijack(&path, "", UPGRADE);
    assert!(head.contains("application/vnd.docker.raw-stream"), "{head}");
    assert_eq!(api.post(&format!("/containers/{id}/start"), &json!({})).status, 204);
    let resize = api.post(&format!("/containers/{id}/resize?h=33&w=77"), &json!({}));
    assert_eq!(resize.status, 200);
    stream.write_all(b"stty size\n").unwrap();
    let mut seen = String::new();
    let mut buffer = [0; 1024];
    while !seen.contains("33 77") {
        let count = stream.read(&mut buffer).unwrap();
        assert!(count > 0, "{seen}");
        seen.push_str(&String::from_utf8_lossy(&buffer[..count]));
    }
    stream.write_all(b"\x18").unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    let state = api.get(&format!("/containers/{id}/json")).expect(200)["State"]["Running"].clone();
    assert_eq!(state, true);
}

#[test]
fn a_websocket_carries_both_outputs() {
    let (_corten, api) = served();
    let id = created(&api, &json!({ "Image": "busybox", "Cmd": ["echo", "by frames"] }));
    let mut stream = api.connect();
    let request = format!(
        "GET /containers/{id}/attach/ws?stream=1&stdout=1 HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut bytes = vec![0; 4096];
    let count = stream.read(&mut bytes).unwrap();
    let head = String::from_utf8_lossy(&bytes[..count]).into_owned();
    assert!(head.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
    assert_eq!(api.post(&format!("/containers/{id}/start"), &json!({})).status, 204);
    bytes.clear();
    stream.read_to_end(&mut bytes).unwrap();
    // A binary message, then a close: RFC 6455, section 5.2.
    assert!(bytes.starts_with(b"\x82\x0aby frames\n\x88"), "{bytes:?}");
    assert_eq!(api.get(&format!("/containers/{id}/attach/ws?stream=1")).status, 400);
}

#[test]
fn further_processes_run_once_and_are_known_by_their_ends() {
    let (_corten, api) = served();
    let id = created(&api, &json!({ "Image": "busybox", "Cmd": ["sleep", "1000"] }));
    let stopped = api.post(&format!("/containers/{id}/exec"), &json!({ "Cmd": ["true"] }));
    assert_eq!(stopped.status, 409);
    assert_eq!(api.post(&format!("/containers/{id}/start"), &json!({})).status, 204);
    let make = |body: &Value| {
        let made = api.post(&format!("/containers/{id}/exec"), body).expect(201);
        made["Id"].as_str().unwrap().to_owned()
    };
    let body = json!({
        "Cmd": ["sh", "-c", "cat; echo $A >&2; exit 7"], "Env": ["A=b"],
        "AttachStdin": true, "AttachStdout": true, "AttachStderr": true,
    });
    let exec = make(&body);
    let path = format!("/exec/{exec}/start");
    let (mut stream, head) = api.hijack(&path, "{\"Detach\":false,\"Tty\":false}", UPGRADE);
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    stream.write_all(b"through").unwrap();
    // The head comes before the process.
    wait_until("it runs", || api.get(&format!("/exec/{exec}/json")).expect(200)["Running"] == true);
    assert_eq!(api.get(&format!("/exec/{exec}/json")).expect(200)["ExitCode"], Value::Null);
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(outputs(&mut stream), [b"through".to_vec(), b"b\n".to_vec()]);
    let ended = api.get(&format!("/exec/{exec}/json")).expect(200);
    assert_eq!((&ended["Running"], &ended["ExitCode"]), (&json!(false), &json!(7)));
    assert_eq!(api.post(&path, &json!({ "Detach": true })).status, 409);
    assert_eq!(api.post("/exec/0000/start", &json!({})).status, 404);
    // What cannot be run says so in the stream, and by its code.
    let exec = make(&json!({ "Cmd": ["nothing like it"], "AttachStdout": true }));
    let (mut stream, _head) = api.hijack(&format!("/exec/{exec}/start"), "{}", UPGRADE);
    let [told, _] = outputs(&mut stream);
    assert!(String::from_utf8_lossy(&told).contains("OCI runtime exec failed"));
    assert_eq!(api.get(&format!("/exec/{exec}/json")).expect(200)["ExitCode"], 127);
    // Who leaves does not end it.
    let exec = make(
        &json!({ "Cmd": ["sh", "-c", "yes | head -c 9000000; exit 4"], "AttachStdout": true }),
    );
    let (stream, _head) = api.hijack(&format!("/exec/{exec}/start"), "{}", UPGRADE);
    drop(stream);
    wait_until("it has ended", || {
        api.get(&format!("/exec/{exec}/json")).expect(200)["ExitCode"] == 4
    });
}

/// Docker's library for Python would lose what comes together with the head of the answer.
#[test]
fn further_processes_show_nothing_before_the_head_is_read() {
    let (_corten, api) = served();
    let id = created(&api, &json!({ "Image": "busybox", "Cmd": ["sleep", "1000"] }));
    assert_eq!(api.post(&format!("/containers/{id}/start"), &json!({})).status, 204);
    let body = json!({ "Cmd": ["sh", "-c", "echo out; echo err >&2"], "AttachStdout": true, "AttachStderr": true });
    let exec = api.post(&format!("/containers/{id}/exec"), &body).expect(201);
    let exec = exec["Id"].as_str().unwrap();
    let mut stream = api.connect();
    let head = format!(
        "POST /exec/{exec}/start HTTP/1.1\r\nHost: docker\r\n{UPGRADE}Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{{}}"
    );
    stream.write_all(head.as_bytes()).unwrap();
    wait_until("its end waits to be told", || {
        let processes = api.get(&format!("/containers/{id}/top")).expect(200);
        let about = api.get(&format!("/exec/{exec}/json")).expect(200);
        about["Pid"] != 0 && processes["Processes"].as_array().unwrap().len() == 1
    });
    let mut answer = vec![0; 64 * 1024];
    let count = stream.read(&mut answer).unwrap();
    assert!(
        answer[..count].ends_with(b"\r\n\r\n"),
        "{}",
        String::from_utf8_lossy(&answer[..count])
    );
    assert_eq!(outputs(&mut stream), [b"out\n".to_vec(), b"err\n".to_vec()]);
}

#[test]
fn logs_are_followed_to_the_end() {
    let (_corten, api) = served();
    let script = "echo out; echo err >&2; sleep 1; echo late";
    let id = created(&api, &json!({ "Image": "busybox", "Cmd": ["sh", "-c", script] }));
    assert_eq!(api.post(&format!("/containers/{id}/start"), &json!({})).status, 204);
    let followed = api.get(&format!("/containers/{id}/logs?follow=1&stdout=1&stderr=1"));
    assert_eq!(split(&followed.body), [b"out\nlate\n".to_vec(), b"err\n".to_vec()]);
    let tail = api.get(&format!("/containers/{id}/logs?stdout=true&stderr=1&tail=1&timestamps=1"));
    let line = String::from_utf8(split(&tail.body)[0].clone()).unwrap();
    let (time, text) = line.split_once(' ').unwrap();
    assert!(time.ends_with('Z') && text == "late\n", "{line}");
    assert_eq!(api.get(&format!("/containers/{id}/logs")).status, 400);
    for since in ["4000000000", "99999999999"] {
        let later = api.get(&format!("/containers/{id}/logs?stdout=1&since={since}"));
        assert_eq!((later.status, later.body.len()), (200, 0));
    }
}

#[test]
fn a_wait_is_answered_at_the_end() {
    let (corten, api) = served();
    let id = created(
        &api,
        &json!({ "Image": "busybox", "Cmd": ["sleep", "1000"], "HostConfig": { "AutoRemove": true } }),
    );
    let mut stream = api.connect();
    let request = format!(
        "POST /containers/{id}/wait?condition=removed HTTP/1.1\r\nHost: docker\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    // The head is there long before the end.
    let mut head = [0; 15];
    stream.read_exact(&mut head).unwrap();
    assert_eq!(&head, b"HTTP/1.1 200 OK");
    assert_eq!(api.post(&format!("/containers/{id}/start"), &json!({})).status, 204);
    corten.ok(&["kill", &id]);
    let mut rest = String::new();
    stream.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("{\"StatusCode\":137}"), "{rest}");
    assert_eq!(api.get(&format!("/containers/{id}/json")).status, 404);
    assert_eq!(api.post(&format!("/containers/{id}/wait"), &json!({})).status, 404);
    assert_eq!(api.post("/containers/x/wait?condition=never", &json!({})).status, 400);
}

#[test]
fn events_come_once_each() {
    let (corten, api) = served();
    let id = created(&api, &json!({ "Image": "busybox", "Cmd": ["true"] }));
    let filters = format!("{{%22container%22:[%22{id}%22]}}");
    let mut stream = api.connect();
    let request = format!("GET /events?since=1&filters={filters} HTTP/1.1\r\nHost: docker\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut seen = String::new();
    let mut buffer = [0; 4096];
    let mut read_until = |what: &str| {
        while !seen.contains(what) {
            let count = stream.read(&mut buffer).unwrap();
            assert!(count > 0, "{seen}");
            seen.push_str(&String::from_utf8_lossy(&buffer[..count]));
        }
        seen.clone()
    };
    read_until("\"Action\":\"create\"");
    corten.ok(&["rename", &id, "other"]);
    corten.ok(&["rm", "other"]);
    let all = read_until("\"Action\":\"destroy\"");
    for action in ["create", "rename", "destroy"] {
        let count = all.matches(&format!("\"Action\":\"{action}\"")).count();
        assert_eq!(count, 1, "{action} in {all}");
    }
    // The past alone, and then the end.
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let past = api.get(&format!("/events?since=1&until={}&filters={filters}", now.as_secs() + 1));
    assert_eq!(String::from_utf8_lossy(&past.body).lines().count(), 3);
}
