//! Clients that close their own direction at once: what is finished is answered, what is for listeners ends.

use std::io::{Read, Write};
use std::net::Shutdown;

use serde_json::json;

use super::{PATIENCE, code, created, served, started};

#[test]
fn who_closes_his_own_direction_is_answered() {
    let (corten, api) = served();
    let talker =
        json!({ "Image": "busybox", "Cmd": ["sh", "-c", "seq 1 100000; exec sleep 1000"] });
    let box_id = started(&api, "box", &talker);
    for number in 0..40 {
        created(&api, &format!("other{number}"), &json!({ "Image": "busybox", "Cmd": ["true"] }));
    }
    testkit::wait_until("it has spoken", || corten.ok(&["logs", "-n", "1", "box"]) == "100000");
    let made = api
        .post("/containers/box/exec", &json!({ "Cmd": ["echo", "by exec"], "AttachStdout": true }));
    let exec = made.expect(201)["Id"].as_str().unwrap().to_owned();
    // Until the answer's end, the first of which may be far longer than what fits into a socket.
    let ask = |method: &str, path: &str, body: &str| {
        let mut stream = api.connect();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    };
    for (method, path, body, status, has) in [
        ("GET", "/_ping", "", 200, "OK"),
        ("GET", "/info", "", 200, "\"ServerVersion\""),
        ("GET", "/containers/json?all=1", "", 200, "other39"),
        ("GET", "/nowhere", "", 404, "page not found"),
        ("GET", "/events?since=x", "", 400, "no time"),
        (
            "POST",
            "/containers/create?name=half",
            "{\"Image\":\"busybox\",\"Cmd\":[\"true\"]}",
            201,
            "\"Id\"",
        ),
        ("POST", "/containers/create", "{", 400, "invalid JSON"),
        ("POST", "/containers/half/start", "{}", 204, ""),
        ("GET", "/containers/box/logs?stdout=1", "", 200, "100000\n"),
        ("GET", "/containers/box/export", "", 200, "etc/passwd"),
        ("GET", "/containers/box/archive?path=/etc", "", 200, "root:"),
        ("POST", &format!("/exec/{exec}/start"), "{}", 200, "by exec\n"),
        ("POST", "/containers/box/stop?t=1", "", 204, ""),
        ("DELETE", &format!("/containers/{box_id}"), "", 204, ""),
    ] {
        let answer = ask(method, path, body);
        let shown: String = answer.chars().take(300).collect();
        assert_eq!(code(&answer), status, "{method} {path}: {shown}");
        assert!(answer.contains(has), "{method} {path}: {shown}");
    }
}

#[test]
fn half_a_request_is_none_and_two_are_two() {
    let (_corten, api) = served();
    let mut stream = api.connect();
    stream.write_all(b"POST /containers/create?name=never HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{\"Image\"").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.is_empty() || code(&answer) == 400, "{answer}");
    assert_eq!(api.get("/containers/never/json").status, 404);
    // Two in one breath.
    let mut stream = api.connect();
    stream
        .write_all(
            b"GET /_ping HTTP/1.1\r\nHost: x\r\n\r\nGET /version HTTP/1.1\r\nHost: x\r\n\r\n",
        )
        .unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("OK") && answer.contains("\"MinAPIVersion\""), "{answer}");
}

#[test]
fn what_is_for_listeners_ends_with_their_direction() {
    let (_corten, api) = served();
    let sleeper = json!({ "Image": "busybox", "Cmd": ["sleep", "1000"] });
    started(&api, "box", &sleeper);
    for (method, path) in [
        ("GET", "/events"),
        ("GET", "/containers/box/logs?stdout=1&follow=1"),
        ("GET", "/containers/box/stats"),
        ("POST", "/containers/box/wait"),
    ] {
        let mut stream = super::begun(&api, method, path);
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        // None of them would ever end by itself, and none is broken off.
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer);
        assert!(code(&answer) == 200 && answer.ends_with("0\r\n\r\n"), "{path}: {answer}");
    }
    assert_eq!(api.get("/containers/box/json").expect(200)["State"]["Running"], true);
}
