//! Bodies that do not end.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{PATIENCE, answers, code, operations, peak_kb, served};

/// No request makes the server larger by as much.
const MOST_KB: u64 = 64 * 1024;

#[test]
fn bodies_without_end_are_answered_and_never_kept() {
    let (corten, api) = served();
    corten.ok(&["create", "--name", "box", "busybox", "true"]);
    let before = peak_kb(api.pid());
    for operation in operations(&api, "box") {
        let (begin, chunk): (&[u8], u8) = match operation.body.as_deref() {
            Some("application/json") => (b"{\"a\":\"", b'a'),
            // An archive that has ended long ago.
            Some(_) => (b"", 0),
            // Nobody looks at it.
            None if operation.method == "POST" => (b"", b'a'),
            None => continue,
        };
        let mut path = operation.path.clone();
        match operation.name.as_str() {
            "ContainerArchivePut" => path.push_str("?path=/"),
            "ImageCreate" => path.push_str("?fromSrc=-"),
            _ => {}
        }
        let answer = endless(&api, (&operation.method, &path), begin, chunk);
        assert!(code(&answer) >= 200, "{}: {answer:?}", operation.name);
    }
    let grown = peak_kb(api.pid()).saturating_sub(before);
    assert!(grown < MOST_KB, "{grown} kB");
    answers(&api);
}

/// Sends one until it is answered; gives the answer's head.
fn endless(
    api: &testkit::ApiSocket,
    (method, path): (&str, &str),
    begin: &[u8],
    chunk: u8,
) -> String {
    let mut stream = api.connect();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        .unwrap();
    let mut writer = stream.try_clone().unwrap();
    let (begin, sent) = (begin.to_vec(), Arc::new(AtomicU64::new(0)));
    let counted = Arc::clone(&sent);
    let writing = std::thread::spawn(move || {
        let piece = [&b"10000\r\n"[..], &vec![chunk; 0x10000], b"\r\n"].concat();
        if !begin.is_empty() {
            let first = [format!("{:x}\r\n", begin.len()).as_bytes(), &begin, b"\r\n"].concat();
            writer.write_all(&first)?;
        }
        // Until the server has had enough, or the reader has.
        loop {
            writer.write_all(&piece)?;
            counted.fetch_add(1, Ordering::Relaxed);
        }
        #[expect(unreachable_code, reason = "the type of the closure")]
        std::io::Result::Ok(())
    });
    let mut head = vec![0; 4096];
    let count = stream.read(&mut head).unwrap_or_else(|error| {
        panic!("{method} {path}: {error} behind {} pieces", sent.load(Ordering::Relaxed))
    });
    let _gone = stream.shutdown(std::net::Shutdown::Both);
    let _broken = writing.join().unwrap();
    String::from_utf8_lossy(&head[..count]).into_owned()
}
