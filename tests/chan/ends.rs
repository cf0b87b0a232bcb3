//! How commands end: by a count, by a signal, in time, and when a peer or a reader goes.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::thread::JoinHandle;

use super::{Listening, corten, recorded, socket};

/// Reads frames until one begins so.
fn hear(stream: &mut TcpStream, beginning: [u8; 4]) {
    loop {
        let mut head = [0; 8];
        stream.read_exact(&mut head).unwrap();
        let size = u32::from_be_bytes([0, head[5], head[6], head[7]]);
        stream.read_exact(&mut vec![0; size as usize]).unwrap();
        if head[..4] == beginning {
            return;
        }
    }
}

/// A peer who takes one connection, and what becomes of it once a message was on its first stream.
fn peer(act: impl FnOnce(TcpStream) + Send + 'static) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("tcp://{}", listener.local_addr().unwrap());
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        hear(&mut stream, [0, 0, 0, 1]);
        act(stream);
    });
    (url, thread)
}

/// Its streams have the numbers 3, 5, 7 and 9, as those of the keys in this order.
#[test]
fn a_command_runs_at_the_originals_server() {
    let corten = corten();
    let (url, thread) = peer(|mut stream| {
        stream.write_all(&recorded("rexec-ls.s2c")).unwrap();
        let mut rest = Vec::new();
        let _reset = stream.read_to_end(&mut rest);
    });
    let message = r#"{"Stdout":{"$writer":"-"},"Stderr":{"$writer":"/dev/stderr"},"StatusChan":{"$sender":"status"},"Stdin":{"$reader":"-"},"Cmd":"ls","Args":["-l","/"]}"#;
    let sent = corten.run_with(&["chan", "send", &url, message], b"");
    assert_eq!(sent.code, 0, "{sent:?}");
    let mut lines: Vec<&str> = sent.stdout.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["bin", "etc", "usr", r#"{"$from":"status","message":{"Status":0}}"#]);
    thread.join().unwrap();
}

/// What a cause says is said once.
#[test]
fn a_server_of_something_else_is_told() {
    let corten = corten();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"HTTP/1.0 400 Bad Request\r\n\r\n").unwrap();
        let _reset = stream.read_to_end(&mut Vec::new());
    });
    let told = corten.fails(&["chan", "recv", &format!("ws://{address}/")], 1);
    let words = "WebSocket protocol error: HTTP version must be 1.1 or higher";
    assert_eq!(told, format!("error: open a WebSocket at {address}/: {words}\n"));
    thread.join().unwrap();
}

/// What is written to a file that has no room is lost, and the rest goes on.
#[test]
fn a_full_file_is_told() {
    let corten = corten();
    let (url, thread) = peer(|mut stream| {
        stream.write_all(&recorded("rexec-ls.s2c")).unwrap();
        let mut rest = Vec::new();
        let _reset = stream.read_to_end(&mut rest);
    });
    let message = r#"{"Stdout":{"$writer":"/dev/full"},"Stderr":{"$writer":"/dev/null"},"StatusChan":{"$sender":"status"},"Stdin":{"$reader":[]},"Cmd":"ls","Args":["-l","/"]}"#;
    let sent = corten.run(&["chan", "send", &url, message]);
    let told = "error: write to /dev/full: ENOSPC\n";
    let printed = "{\"$from\":\"status\",\"message\":{\"Status\":0}}\n";
    assert_eq!((sent.code, sent.stdout.as_str(), sent.stderr.as_str()), (1, printed, told));
    thread.join().unwrap();
}

#[test]
fn a_count_ends_it() {
    let corten = corten();
    let serve = Listening::start(
        &corten,
        &["serve", "--count", "2", "--reply", "1", "--reply", "2", &socket(&corten, "s")],
    );
    let message = r#"{"$sender":"ret"}"#;
    let sent = corten.ok(&["chan", "send", "--count", "1", &serve.url, message, message]);
    assert_eq!(sent, r#"{"$from":"ret","message":1}"#);
    let served = serve.wait();
    assert_eq!((served.code, served.stdout.lines().count()), (0, 2), "{served:?}");
}

#[test]
fn what_takes_too_long_is_given_up() {
    let corten = corten();
    let serve =
        Listening::start(&corten, &["serve", "--exec", "exec sleep 1000", &socket(&corten, "s")]);
    let message = r#"{"$sender":"ret"}"#;
    let told = corten.fails(&["chan", "send", "--timeout", "50ms", &serve.url, message], 1);
    assert_eq!(told, "error: the conversation is not over in time\n");
    // The command that answers ends with the server.
    serve.printed();
}

#[test]
fn an_interrupt_ends_it_in_good_order() {
    let corten = corten();
    let serve = Listening::start(&corten, &["serve", &socket(&corten, "s")]);
    let mut recv = corten.command();
    recv.args(["chan", "recv", &serve.url]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let recv = recv.spawn().unwrap();
    // It is connected when the server has heard of somebody else behind it.
    corten.ok(&["chan", "send", &serve.url, "1"]);
    let mut send = corten.command();
    send.args(["chan", "send", &serve.url]).stdin(Stdio::piped());
    let mut send = send.spawn().unwrap();
    let mut input = send.stdin.take().unwrap();
    input.write_all(b"\"interrupted\"\n").unwrap();
    let path = serve.url.trim_start_matches("unix://").to_owned();
    testkit::wait_until("the message arrives", || has_read(&serve));
    testkit::signal("INT", send.id());
    // As any program that a signal ends.
    use std::os::unix::process::ExitStatusExt;
    assert_eq!(send.wait().unwrap().signal(), Some(2));
    assert_eq!(serve.printed(), "1\n\"interrupted\"\n");
    assert!(!std::path::Path::new(&path).exists());
    // Whoever was connected hears the end.
    let received = recv.wait_with_output().unwrap();
    assert_eq!((received.status.code(), received.stderr.as_slice()), (Some(0), &b""[..]));
}

/// Whether both lines wait in the pipe of its output.
fn has_read(serve: &Listening) -> bool {
    let output = serve.child.stdout.as_ref().unwrap();
    rustix::io::ioctl_fionread(output).unwrap() >= "1\n\"interrupted\"\n".len() as u64
}

#[test]
fn nobody_who_reads_the_output_ends_it() {
    let corten = corten();
    let mut serve = Listening::start(&corten, &["serve", &socket(&corten, "s")]);
    drop(serve.child.stdout.take());
    let _unread = corten.run(&["chan", "send", &serve.url, "1"]);
    let served = serve.wait();
    assert_eq!((served.code, served.stderr.as_str()), (141, ""));
    let mut dump = corten.command();
    let file = super::recorded_path("big.c2s");
    dump.args(["chan", "dump", "--full", &file]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut dump = dump.spawn().unwrap();
    drop(dump.stdout.take());
    let dumped = dump.wait_with_output().unwrap();
    assert_eq!((dumped.status.code(), dumped.stderr.as_slice()), (Some(141), &b""[..]));
}

#[test]
fn a_full_output_is_told() {
    let corten = corten();
    let mut dump = corten.command();
    dump.args(["chan", "dump", &super::recorded_path("upper.c2s")]);
    dump.stdout(std::fs::File::options().write(true).open("/dev/full").unwrap());
    let dumped = dump.stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
    let told = String::from_utf8(dumped.stderr).unwrap();
    assert_eq!(
        (dumped.status.code(), told.as_str()),
        (Some(1), "error: write standard output: ENOSPC\n")
    );
}

#[test]
fn a_peer_who_dies_is_told() {
    let corten = corten();
    let (url, thread) = peer(drop);
    let sent = corten.run(&["chan", "send", &url, r#"{"Ret":{"$sender":"ret"}}"#]);
    assert_eq!((sent.code, sent.stdout.as_str()), (1, ""), "{sent:?}");
    assert!(sent.stderr.contains("error: receive on ret: channel is closed\n"), "{sent:?}");
    thread.join().unwrap();
    // What is no protocol ends a session, and is told, too, where nobody has a channel of it.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("tcp://{}", listener.local_addr().unwrap());
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        // Its headers cannot be inflated.
        let opening =
            [0x80, 3, 0, 1, 0, 0, 0, 14, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255];
        stream.write_all(&opening).unwrap();
        let _reset = stream.read_to_end(&mut Vec::new());
    });
    let told = corten.fails(&["chan", "recv", &url], 1);
    assert!(told.starts_with("error: accept channels of the peer: peer breaks the"), "{told}");
    thread.join().unwrap();
    // A server goes on.
    let mut serve = Listening::start(&corten, &["serve", "--count", "1", "tcp://127.0.0.1:0"]);
    let address = serve.url.trim_start_matches("tcp://").to_owned();
    let told = serve.tells(|| {
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.write_all(&recorded("big.c2s")[..300]).unwrap();
    });
    assert!(told.starts_with("error: receive on channel 1: "), "{told}");
    let mut stream = TcpStream::connect(&address).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    drop(stream);
    corten.ok(&["chan", "send", &serve.url, "1"]);
    let served = serve.wait();
    assert_eq!((served.code, served.stdout.as_str()), (1, "1\n"), "{served:?}");
    // Nobody is behind a relay: the peer is let go, and the next one served.
    let relay = Listening::start(&corten, &["relay", "tcp://127.0.0.1:0", "unix:///nonexistent"]);
    for _ in 0..2 {
        assert_eq!(corten.run(&["chan", "send", &relay.url, "1"]).code, 1);
    }
    let relayed = relay.stop();
    assert_eq!(relayed.stderr, "error: connect to /nonexistent: ENOENT\n".repeat(2));
}
