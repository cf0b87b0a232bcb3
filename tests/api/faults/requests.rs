//! Requests that are none, or for what cannot be.

use std::io::{Read, Write};

use serde_json::json;

use super::{answers, code, exchange, operations, served};

/// What operations say that are not there at all.
const ABSENT: [u16; 2] = [501, 503];

#[test]
fn malformed_documents_are_refused_by_every_operation() {
    let (corten, api) = served();
    corten.ok(&["create", "--name", "box", "busybox", "true"]);
    let deep = "[".repeat(100_000);
    let documents: [&[u8]; 14] = [
        b"{",
        b"[]",
        b"[{}]",
        b"1",
        b"\"x\"",
        b"true",
        b"{} {}",
        b"{}x",
        b"{\"a\":}",
        b"{'a':1}",
        b"\xff\xfe",
        b"{\"a\":\"\xff\"}",
        b"\0",
        deep.as_bytes(),
    ];
    let mut count = 0;
    for operation in operations(&api, "box") {
        if operation.body.as_deref() != Some("application/json") {
            continue;
        }
        count += 1;
        for document in documents {
            let answer = api.send(&operation.method, &operation.path, document);
            let shown = String::from_utf8_lossy(&document[..document.len().min(20)]);
            if ABSENT.contains(&answer.status) {
                continue;
            }
            let told = answer.refusal(400);
            assert!(told.starts_with("invalid JSON: "), "{} {shown}: {told}", operation.name);
            assert!(told.len() < 300, "{} {shown}: {told}", operation.name);
        }
    }
    assert!(count >= 10, "{count}");
    answers(&api);
}

#[test]
fn wrong_and_repeated_parameters_are_answered_as_they_are_read() {
    let (corten, api) = served();
    corten.ok(&["create", "--name", "box", "busybox", "true"]);
    for (method, path, status) in [
        ("GET", "/containers/json?limit=x", 400),
        ("GET", "/containers/json?limit=99999999999999999999", 400),
        ("GET", "/containers/json?limit=-1", 200),
        ("GET", "/containers/json?filters=%7B", 400),
        ("GET", "/containers/json?filters=%5B%5D", 400),
        ("GET", "/containers/json?filters=%7B%22nosuch%22:%5B%22a%22%5D%7D", 400),
        ("GET", "/containers/json?filters=%7B%22status%22:%5B%22nosuch%22%5D%7D", 400),
        ("GET", "/containers/json?filters=%ff", 400),
        ("GET", "/containers/json?%zz", 400),
        ("GET", "/containers/json?all=%", 400),
        ("GET", "/containers/json?nosuch=1&=&&&==&all", 200),
        ("GET", "/containers/box/logs?stdout=1&since=x", 400),
        ("GET", "/containers/box/logs?stdout=1&until=5.x", 400),
        ("GET", "/containers/box/logs?stdout=1&tail=x", 200),
        ("GET", "/containers/box/archive", 400),
        ("GET", "/containers/box/archive?path=", 400),
        ("GET", "/containers/box/stats?stream=1&one-shot=1", 400),
        ("POST", "/containers/box/resize?h=x&w=1", 400),
        ("POST", "/containers/box/resize?h=1", 400),
        ("POST", "/containers/box/resize?h=-1&w=70000", 400),
        ("POST", "/containers/box/stop?t=x", 400),
        ("POST", "/containers/box/stop?signal=NOSUCH", 400),
        ("POST", "/containers/box/kill?signal=NOSUCH", 400),
        ("POST", "/containers/box/kill?signal=99999", 400),
        ("POST", "/containers/box/wait?condition=nosuch", 400),
        ("POST", "/containers/box/rename", 400),
        ("POST", "/containers/box/rename?name=%20", 400),
        ("POST", "/containers/box/attach?stream=1&detachKeys=ctrl-", 400),
        ("GET", "/events?since=x", 400),
        ("GET", "/system/df?type=nosuch", 400),
        ("GET", "/images/get", 400),
        ("GET", "/images/search?term=x&limit=1000", 400),
        ("GET", "/images/busybox/json?platform=x", 400),
        ("POST", "/images/create", 400),
        ("POST", "/images/create?fromImage=A", 400),
        ("POST", "/images/create?fromImage=a&platform=a/b/c/d/e", 400),
        ("POST", "/images/busybox/tag?repo=A", 400),
        ("POST", "/images/busybox/tag?repo=a&tag=b%20c", 400),
        ("DELETE", "/containers/box?link=1", 400),
    ] {
        let answer = api.send(method, path, b"{}");
        let told = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(answer.status, status, "{method} {path}: {told}");
        if status == 400 {
            assert!(!answer.refusal(400).is_empty(), "{method} {path}");
        }
    }
    // Of repeated ones the first counts.
    let count = |path: &str| api.get(path).expect(200).as_array().map(Vec::len);
    assert_eq!(count("/containers/json?all=1&all=0"), Some(1));
    assert_eq!(count("/containers/json?all=0&all=1"), Some(0));
    assert_eq!(api.get("/containers/json?limit=1&limit=x").status, 200);
}

#[test]
fn names_lead_out_of_nowhere() {
    let (corten, api) = served();
    corten.ok(&["create", "--name", "box", "busybox", "true"]);
    let canary = corten.directory().join("canary");
    #[expect(clippy::disallowed_methods, reason = "a test's own file")]
    std::fs::write(&canary, "alive").unwrap();
    let long = "a".repeat(3000);
    let longer = "a".repeat(30_000);
    let names = [
        "..",
        ".",
        "%2e%2e",
        "%2e%2e%2f%2e%2e%2fcanary",
        "..%2f..%2f..%2fcanary",
        "..%2fcanary",
        "%2fetc%2fpasswd",
        "//etc/passwd",
        "a%00b",
        "%00",
        "%ff",
        "%c0%ae%c0%ae",
        "%20",
        "%0d%0aX-Injected:%201",
        "a%0ab",
        "%25%32%65",
        &long,
        &longer,
    ];
    for name in names {
        for operation in operations(&api, name) {
            if !operation.is_named {
                continue;
            }
            // What is sent raw: no client has made it harmless.
            let path = &operation.path;
            let head = format!(
                "{} {path} HTTP/1.1\r\nHost: docker\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{{}}",
                operation.method
            );
            let answer = exchange(&api, head.as_bytes());
            // What would be asked of a registry fails there, or in the stream.
            let asks = matches!(operation.name.as_str(), "DistributionInspect" | "ImagePush");
            let is_refused = (400..500).contains(&code(&answer))
                || ABSENT.contains(&code(&answer))
                || (asks && answer.contains("\"message\":"));
            let shown: String = path.chars().take(100).collect();
            assert!(is_refused, "{} {shown}: {answer}", operation.method);
            assert!(!answer.contains("\nX-Injected"), "{answer}");
        }
    }
    assert_eq!(std::fs::read_to_string(canary).unwrap(), "alive");
    answers(&api);
}

#[test]
fn new_names_are_names() {
    let (corten, api) = served();
    corten.ok(&["create", "--name", "box", "busybox", "true"]);
    let long = "a".repeat(3000);
    for name in ["..", "../canary", "a/b", "", " ", "-a", "a\0b", "a\nb", &long] {
        let volume = api.post("/volumes/create", &json!({ "Name": name }));
        assert!(volume.status == 400 || name.is_empty(), "{name:?}: {volume:?}");
        let container = json!({ "Image": "busybox", "Cmd": ["true"] });
        let escaped: String = name.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let made = api.post(&format!("/containers/create?name={escaped}"), &container);
        assert!(made.status == 400 || name.is_empty(), "{name:?}: {made:?}");
        let renamed = api.post(&format!("/containers/box/rename?name={escaped}"), &json!({}));
        assert_eq!(renamed.status, 400, "{name:?}");
        // Names of images have slashes.
        let tagged = api.post(&format!("/images/busybox/tag?repo={escaped}"), &json!({}));
        assert!(tagged.status == 400 || name == "a/b", "{name:?}: {tagged:?}");
    }
    answers(&api);
}

#[test]
fn what_is_no_request_is_refused_and_long_heads_are() {
    let (_corten, api) = served();
    let header = |length: usize| format!("X-Long: {}\r\n", "x".repeat(length));
    let many: String = (0..10_000).map(|number| format!("X-{number}: y\r\n")).collect();
    let get = |headers: &str| {
        format!("GET /_ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n")
    };
    for (request, codes) in [
        (get(&header(60_000)), &[200][..]),
        (get(&header(1 << 20)), &[431]),
        (get(&header(64 << 20)), &[431]),
        (get(&many), &[431]),
        (format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(1 << 20)), &[414, 431]),
        (format!("GET /_ping?a={} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(1 << 20)), &[414, 431]),
        ("GET\r\n\r\n".to_owned(), &[400]),
        ("\r\n\r\n\0\0\0\0\r\n\r\n".to_owned(), &[400]),
        ("GET /_ping HTTP/9.9\r\n\r\n".to_owned(), &[400, 505]),
        // Nothing would be understood by who speaks that.
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), &[0]),
        ("\x16\x03\x01\x02\0\x01\0\x01\x7c\x03\x03 a greeting over TLS\r\n\r\n".to_owned(), &[400]),
        (get("No colon here\r\n"), &[400]),
        (get("Content-Length: -1\r\n"), &[400]),
        (get("Content-Length: 99999999999999999999999\r\n"), &[400]),
        (get("Content-Length: 1\r\nContent-Length: 2\r\n"), &[400]),
        (get("Transfer-Encoding: gzip\r\n"), &[400, 501]),
        ("GET http://x/_ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_owned(), &[200]),
        ("OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_owned(), &[404]),
        ("TRACE /_ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_owned(), &[404]),
        ("CONNECT x:1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_owned(), &[400, 404]),
    ] {
        let answer = exchange(&api, request.as_bytes());
        let shown: String = request.chars().take(60).collect();
        assert!(codes.contains(&code(&answer)), "{shown:?}: {answer}");
    }
    // Bodies whose lengths lie.
    for body in
        ["zz\r\n", "-1\r\n", "fffffffffffffffff\r\n", "5\r\nabc\r\n0\r\n\r\n", "2\r\n{}XX0\r\n\r\n"]
    {
        let request = format!(
            "POST /containers/create HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{body}"
        );
        let mut stream = api.connect();
        stream.write_all(request.as_bytes()).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.is_empty() || code(&answer) == 400, "{body:?}: {answer}");
    }
    // Two requests where a lazy proxy sees one: RFC 9112, 6.1.
    let both = "POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Length: 40\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
    let answer = exchange(&api, both.as_bytes());
    assert_eq!((code(&answer), answer.matches("HTTP/1.1 ").count()), (400, 1), "{answer}");
    answers(&api);
}
