//! Clients that do wrong, by mistake or on purpose: every request gets an answer, nobody else waits for it, and the server stays as small as it was.

mod bodies;
mod crowd;
mod halves;
mod killed;
mod requests;
mod slow;
mod unread;

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde_json::Value;
use testkit::{ApiServer, ApiSocket, Corten};

/// No answer takes so long.
const PATIENCE: Duration = Duration::from_secs(60);

fn served() -> (Corten, ApiServer) {
    let corten = Corten::with_busybox(env!("CARGO_BIN_EXE_corten"));
    let api = ApiServer::start(&corten);
    // The server ends first.
    (corten, api)
}

/// An operation as the server describes it.
struct Operation {
    name: String,
    method: String,
    path: String,
    /// Whether its path has a name.
    is_named: bool,
    /// The type of its body, if it has one.
    body: Option<String>,
}

/// All of them, with something in the place of each name.
fn operations(api: &ApiServer, name: &str) -> Vec<Operation> {
    let description = api.get("/openapi.json").expect(200);
    let mut operations = Vec::new();
    for (path, methods) in description["paths"].as_object().unwrap() {
        for (method, about) in methods.as_object().unwrap() {
            let content = about["requestBody"]["content"].as_object();
            operations.push(Operation {
                name: about["operationId"].as_str().unwrap().to_owned(),
                method: method.to_uppercase(),
                is_named: path.contains("{name}"),
                path: path.replace("{name}", name).replace("{name2}", name),
                body: content.and_then(|content| content.keys().next().cloned()),
            });
        }
    }
    assert!(operations.len() > 100);
    operations
}

/// Sends bytes, and reads what comes until the end; nothing is waited for longer than any answer takes.
fn exchange(api: &ApiSocket, bytes: &[u8]) -> String {
    let mut stream = api.connect();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut writer = stream.try_clone().unwrap();
    let bytes = bytes.to_vec();
    // The server may have heard enough before it is all said.
    let writing = std::thread::spawn(move || writer.write_all(&bytes));
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    assert!(read.is_ok(), "{read:?} behind {:?}", String::from_utf8_lossy(&answer));
    let _cut_short = writing.join().unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

/// The code of an answer; 0 where there is none.
fn code(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0)
}

/// Begins a request, and reads nothing.
fn begun(api: &ApiSocket, method: &str, path: &str) -> UnixStream {
    let mut stream = api.connect();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: docker\r\nContent-Length: 0\r\n\r\n")
        .unwrap();
    stream
}

/// Others are answered.
#[track_caller]
fn answers(api: &ApiSocket) {
    assert_eq!(api.get("/_ping").status, 200);
    assert_eq!(api.get("/containers/json?all=1").status, 200);
}

/// Kilobytes that a process has in memory, and has had at most.
fn resident_kb(pid: u32) -> u64 {
    field(&fs::read_to_string(format!("/proc/{pid}/status")).unwrap(), "VmRSS:")
}

fn peak_kb(pid: u32) -> u64 {
    field(&fs::read_to_string(format!("/proc/{pid}/status")).unwrap(), "VmHWM:")
}

fn field(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

fn created(api: &ApiSocket, name: &str, body: &Value) -> String {
    let made = api.post(&format!("/containers/create?name={name}"), body).expect(201);
    made["Id"].as_str().unwrap().to_owned()
}

fn started(api: &ApiSocket, name: &str, body: &Value) -> String {
    let id = created(api, name, body);
    assert_eq!(api.post(&format!("/containers/{id}/start"), &Value::Null).status, 204);
    id
}
