//! Clients that say what they want a byte at a time.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use super::{PATIENCE, answers, code, served};

/// As many heads, documents and archives: of the last more than there are threads.
const HEADS: usize = 200;
const DOCUMENTS: usize = 200;
const ARCHIVES: usize = 600;

fn begun(api: &testkit::ApiSocket, head: &str) -> UnixStream {
    let mut stream = api.connect();
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

#[test]
fn slow_heads_and_documents_are_dropped_and_nobody_waits_for_them() {
    let (corten, api) = served();
    corten.ok(&["create", "--name", "box", "busybox", "true"]);
    let some = |count: usize, head: &str| (0..count).map(|_| begun(&api, head)).collect::<Vec<_>>();
    let archives = some(
        ARCHIVES,
        "PUT /containers/box/archive?path=/ HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n",
    );
    let heads = some(HEADS, "GET /_ping HTTP/1.1\r\nHost: x\r\nX-Slow: ");
    let documents = some(
        DOCUMENTS,
        "POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n",
    );
    let mut slow: Vec<UnixStream> = heads;
    slow.extend(documents);
    // Each says a little more as often as it may, until it is hung up on.
    let deadline = Instant::now() + PATIENCE + PATIENCE;
    let mut codes = Vec::new();
    while !slow.is_empty() {
        assert!(Instant::now() < deadline, "{} are there still", slow.len());
        answers(&api);
        slow.retain_mut(|stream| {
            if stream.write_all(b"x").is_ok() && !has_answer(stream) {
                return true;
            }
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            let mut answer = Vec::new();
            // Whatever was not heard of what it said takes the rest of the answer away.
            let _cut = stream.read_to_end(&mut answer);
            codes.push(code(&String::from_utf8_lossy(&answer)));
            false
        });
        #[expect(clippy::disallowed_methods, reason = "it is slow on purpose")]
        std::thread::sleep(Duration::from_millis(500));
    }
    codes.sort_unstable();
    let documents = codes.iter().filter(|code| **code == 408).count();
    assert!(documents >= DOCUMENTS, "{codes:?}");
    // An archive may take its time.
    let mut still = archives.into_iter().map(|mut stream| stream.write_all(b"x").is_ok());
    assert!(still.all(|is_there| is_there));
    answers(&api);
}

/// Whether something is there to read, or the end.
fn has_answer(stream: &UnixStream) -> bool {
    let mut polled = [rustix::event::PollFd::new(stream, rustix::event::PollFlags::IN)];
    let at_once = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
    rustix::event::poll(&mut polled, Some(&at_once)).is_ok_and(|count| count > 0)
}
