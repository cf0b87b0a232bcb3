//! Every transport, and relays from one to another.

use testkit::Certificates;

use super::{Listening, corten, socket};

const MESSAGE: &str =
    r#"{"Op":"hi","Ret":{"$sender":"ret"},"In":{"$receiver":[[1]]},"Read":{"$reader":["bytes"]}}"#;
const ANSWER: &str = r#"{"$from":"ret","message":{"OK":true}}"#;

/// What a server prints of the message.
#[track_caller]
fn is_printed(printed: &str) {
    let mut lines: Vec<&str> = printed.lines().collect();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            r#"{"$from":"1.1.In","message":[1]}"#,
            r#"{"$from":"1.1.Read","data":"bytes"}"#,
            r#"{"Op":"hi","Ret":{"$sender":"1.1.Ret"},"In":{"$receiver":"1.1.In"},"Read":{"$reader":"1.1.Read"}}"#,
        ]
    );
}

#[test]
fn a_message_goes_and_an_answer_comes_over_each() {
    let corten = corten();
    let certificates = Certificates::new();
    let (certificate, key) = certificates.server();
    let (own_certificate, own_key) = certificates.client();
    let path = |path: std::path::PathBuf| path.to_str().unwrap().to_owned();
    let authority = path(certificates.ca());
    let server = ["--tlscert".to_owned(), path(certificate), "--tlskey".to_owned(), path(key)];
    let server = server.each_ref().map(String::as_str);
    let demanding = [&server[..], &["--tlsverify", "--tlscacert", &authority]].concat();
    let client = [path(own_certificate), path(own_key)];
    let believing = ["--tlscacert", &authority];
    let showing = ["--tlscacert", &authority, "--tlscert", &client[0], "--tlskey", &client[1]];
    let unix = socket(&corten, "s");
    for (url, listens, connects) in [
        (unix.as_str(), &[][..], &[][..]),
        ("tcp://127.0.0.1:0", &[], &[]),
        ("tcp://[::1]:0", &[], &[]),
        ("ws://127.0.0.1:0/some/path", &[], &[]),
        ("http://127.0.0.1:0/some/path", &[], &[]),
        ("tls://127.0.0.1:0", &server, &believing),
        ("wss://127.0.0.1:0/", &demanding, &showing),
        ("https://127.0.0.1:0/", &demanding, &showing),
        ("tls://127.0.0.1:0", &demanding, &showing),
    ] {
        let line = [&["serve", "--count", "2", "--reply", r#"{"OK":true}"#], listens, &[url]];
        let line = line.concat();
        let serve = Listening::start(&corten, &line);
        let line = [&["chan", "send"], connects, &[&serve.url, MESSAGE]].concat();
        assert_eq!(corten.ok(&line), ANSWER, "{url}");
        is_printed(&serve.finished());
    }

    // Who shows no certificate, or believes in no authority of the server's, is not spoken with; others are.
    let line = [&["serve", "--count", "1"], &demanding[..], &["tls://127.0.0.1:0"]].concat();
    let serve = Listening::start(&corten, &line);
    let told = corten.fails(&["chan", "send", "--tlscacert", &authority, &serve.url, "1"], 1);
    assert!(told.starts_with("error: "), "{told}");
    let told = corten.fails(&["chan", "send", "--tlscacert", &client[0], &serve.url, "1"], 1);
    assert!(told.contains("secure the connection to 127.0.0.1"), "{told}");
    let line = [&["chan", "send"], &showing[..], &[&serve.url, "2"]].concat();
    corten.ok(&line);
    let stopped = serve.wait();
    // Those whom it has refused.
    assert_eq!((stopped.code, stopped.stdout.as_str()), (1, "2\n"), "{stopped:?}");
    assert!(stopped.stderr.contains("secure a connection at tls://127.0.0.1:0"), "{stopped:?}");
}

#[test]
fn relays_pass_on_what_is_in_messages() {
    let corten = corten();
    let serve = Listening::start(
        &corten,
        &["serve", "--count", "2", "--reply", r#"{"OK":true}"#, &socket(&corten, "s")],
    );
    let second = Listening::start(&corten, &["relay", "ws://127.0.0.1:0/x", &serve.url]);
    let first = Listening::start(&corten, &["relay", "tcp://127.0.0.1:0", &second.url]);
    assert_eq!(corten.ok(&["chan", "send", &first.url, MESSAGE]), ANSWER);
    is_printed(&serve.finished());
    for relay in [first, second] {
        assert_eq!(relay.printed(), "");
    }
}

#[test]
fn who_listens_may_send_and_who_connects_may_receive() {
    let corten = corten();
    let mut send = Listening::start(
        &corten,
        &["send", "--listen", &socket(&corten, "s"), r#"{"Ret":{"$sender":"ret"}}"#, "2"],
    );
    let received = corten.ok(&["chan", "recv", "--reply", "true", &send.url]);
    assert_eq!(received, "{\"Ret\":{\"$sender\":\"1.1.Ret\"}}\n2");
    let url = std::mem::take(&mut send.url);
    let sent = send.wait();
    assert_eq!(
        (sent.code, sent.stdout.as_str()),
        (0, "{\"$from\":\"ret\",\"message\":true}\n"),
        "{sent:?}"
    );
    // Its socket is gone with it.
    assert!(!std::path::Path::new(url.trim_start_matches("unix://")).exists());
}

/// Neither a store is made nor another machine asked, whatever the environment says.
#[test]
fn no_store_is_made() {
    let corten = corten();
    let serve = Listening::start(&corten, &["serve", "--count", "1", &socket(&corten, "s")]);
    let mut send = corten.command();
    send.env("CORTEN_HOST", "tcp://127.0.0.1:1").args(["chan", "send", &serve.url, "1"]);
    assert!(send.status().unwrap().success());
    assert_eq!(serve.wait().stdout, "1\n");
    assert!(!corten.root().exists() && !corten.state().exists());
}
