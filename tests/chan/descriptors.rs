//! Files and other descriptors in messages.

use std::io::Write;
use std::process::Stdio;

use super::{Listening, corten, socket};

/// A Unix socket carries the file itself, whose offset both sides have; elsewhere its bytes come.
#[test]
#[expect(clippy::disallowed_methods, reason = "a test's own files")]
fn a_file_is_sent() {
    let corten = corten();
    let path = corten.directory().join("file");
    std::fs::write(&path, "what is in it\n").unwrap();
    let path = path.to_str().unwrap();
    let message = format!(r#"{{"File":{{"$descriptor":"{path}"}}}}"#);
    let serve = Listening::start(&corten, &["serve", "--count", "1", &socket(&corten, "s")]);
    assert_eq!(corten.ok(&["chan", "send", &serve.url, &message]), "");
    let data = r#"{"$from":"1.1.File","data":"what is in it\n"}"#;
    assert_eq!(
        serve.finished(),
        format!(
            r#"{{"File":{{"$descriptor":{{"name":"1.1.File","kind":"file","path":"{path}","flags":["read"],"size":14}}}}}}
{data}
"#
        )
    );
    for url in ["tcp://127.0.0.1:0", "http://127.0.0.1:0/"] {
        let serve = Listening::start(&corten, &["serve", "--count", "1", url]);
        assert_eq!(corten.ok(&["chan", "send", &serve.url, &message]), "");
        let printed = serve.finished();
        assert_eq!(
            printed,
            format!("{{\"File\":{{\"$stream\":\"1.1.File\"}}}}\n{data}\n"),
            "{url}"
        );
    }
}

/// One that is opened for writing is not read; what is printed can be sent again, here as an answer.
#[test]
fn a_file_is_opened_as_is_said() {
    let corten = corten();
    let path = corten.directory().join("made");
    let path = path.to_str().unwrap();
    let message = format!(
        r#"[{{"$sender":"ret"}},{{"$descriptor":{{"path":"{path}","flags":["append","write","create"]}}}}]"#
    );
    let reply = format!(
        r#"{{"$descriptor":{{"name":"x","kind":"file","path":"{path}","flags":["read","write"],"size":0}}}}"#
    );
    let line = ["serve", "--reply", &reply, &socket(&corten, "s")];
    let serve = Listening::start(&corten, &line);
    assert_eq!(
        corten.ok(&["chan", "send", &serve.url, &message]),
        format!(
            r#"{{"$from":"ret","message":{{"$descriptor":{{"name":"ret.1","kind":"file","path":"{path}","flags":["read","write"],"size":0}}}}}}"#
        )
    );
    assert_eq!(
        serve.printed(),
        format!(
            r#"[{{"$sender":"1.1.0"}},{{"$descriptor":{{"name":"1.1.1","kind":"file","path":"{path}","flags":["write","append"],"size":0}}}}]
"#
        )
    );
}

/// A named pipe that nobody writes to blocks whoever opens it, and not the command.
#[test]
fn what_blocks_when_it_is_opened_can_be_interrupted() {
    use std::os::unix::process::ExitStatusExt;
    let corten = corten();
    let pipe = corten.directory().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let pipe = pipe.to_str().unwrap();
    let serve = Listening::start(&corten, &["serve", &socket(&corten, "s")]);
    for key in ["$descriptor", "$reader", "$receiver"] {
        let mut send = corten.command();
        send.args(["chan", "send", &serve.url]).stdin(Stdio::piped());
        let mut send = send.spawn().unwrap();
        let mut input = send.stdin.take().unwrap();
        input.write_all(format!("1\n{{\"{key}\":\"{pipe}\"}}\n").as_bytes()).unwrap();
        let waits = || {
            let path = format!("/proc/{}/task", send.id());
            let mut tasks = std::fs::read_dir(path).unwrap().flatten();
            let opens = |task: std::fs::DirEntry| {
                let channel = std::fs::read_to_string(task.path().join("wchan"));
                channel.is_ok_and(|channel| matches!(&*channel, "wait_for_partner" | "fifo_open"))
            };
            tasks.any(opens)
        };
        testkit::wait_until("the pipe is being opened", waits);
        testkit::signal("INT", send.id());
        assert_eq!(send.wait().unwrap().signal(), Some(2), "{key}");
    }
    assert_eq!(serve.printed(), "1\n1\n1\n");
}
