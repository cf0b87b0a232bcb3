//! What is told when a server cannot be reached, does not understand, or does not want to.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;

use testkit::{Certificates, Ending};

use crate::base::{Client, Server};

#[test]
fn nobody_is_there() {
    let far = Client::new(&["--host", "unix:///nobody/is/here.sock"]);
    let told = far.fails(&["ps"], 1);
    assert!(
        told.starts_with("error: connect to unix:///nobody/is/here.sock: ENOENT\nhint: "),
        "{told}"
    );
    far.fails(&["run", "busybox", "true"], 125);
    let told = far.fails(&["mount"], 125);
    assert!(told.contains("corten container mount cannot be done at unix:///nobody"), "{told}");
    let far = Client::new(&["--host", "tcp://127.0.0.1:1"]);
    assert!(far.fails(&["ps"], 1).contains("without certificates of both sides"));
}

#[test]
fn what_the_api_has_no_field_for_is_refused_by_name() {
    let server = Server::corten();
    let far = server.client();
    for (args, what) in [
        (&["run", "--secret", "s", "busybox"][..], "corten run --secret"),
        (&["run", "--umask", "077", "busybox"], "corten run --umask"),
        (&["create", "--explain", "busybox"], "corten create --explain"),
        (&["images", "--tree"], "corten images --tree"),
        (&["pull", "--tls-verify=false", "x"], "corten pull --tls-verify"),
        (&["run", "--network", "bridge,bandwidth=1mbit", "busybox"], "bandwidth="),
        (&["wait", "--condition", "healthy", "x"], "--condition healthy"),
        (&["network", "doctor"], "corten network doctor"),
        (&["secret", "ls"], "corten secret ls"),
        (&["system", "check"], "corten system check"),
        (&["volume", "snapshot", "x"], "corten volume snapshot"),
        (&["serve"], "corten serve"),
    ] {
        let told = far.fails(args, 125);
        assert!(told.contains(what) && told.contains(&server.address()), "{args:?}: {told}");
    }
    assert_eq!(far.ok(&["ps", "-aq"]), "");
    // What is not about containers is done here.
    assert!(far.ok(&["completion", "bash"]).contains("corten"));
    let told = far.fails(&["run", "nosuch.invalid/image:1", "true"], 125);
    assert!(told.contains("Unable to find image") && told.contains("nosuch.invalid"), "{told}");
}

/// A server that answers everybody with the same bytes.
fn answering(directory: &std::path::Path, answer: &'static [u8]) -> String {
    let path = directory.join("scripted.sock");
    let listener = UnixListener::bind(&path).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 1024];
            let _count = stream.read(&mut request).unwrap();
            let _gone = stream.write_all(answer);
        }
    });
    format!("unix://{}", path.display())
}

#[test]
fn a_server_of_something_else_is_not_believed() {
    for (answer, why) in [
        (&b"SSH-2.0-OpenSSH_9\r\n"[..], "what it answers is no HTTP"),
        (b"", "ended before an answer"),
        (
            b"HTTP/1.1 200 OK\r\nApi-Version: 1.18\r\nContent-Length: 2\r\n\r\nOK",
            "version 1.18 of the API",
        ),
        (b"HTTP/1.1 200 OK\r\nApi-Version: new\r\nContent-Length: 2\r\n\r\nOK", "names no version"),
        (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 3\r\n\r\nwhy", "why"),
    ] {
        let far = Client::new(&[]);
        let address = answering(far.home(), answer);
        let told = far.fails(&["--host", &address, "ps"], 1);
        assert!(told.contains(why) && told.contains("scripted.sock"), "{told}");
    }
}

#[test]
fn certificates_that_do_not_fit_are_told() {
    let (own, others) = (Certificates::new(), Certificates::new());
    // Never answered: the handshake is the test. It is spoken by openssl, whose word on certificates is its own.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (certificate, key) = own.server();
    let mut server = std::process::Command::new("openssl");
    server.args([
        "s_server",
        "-quiet",
        "-accept",
        &format!("127.0.0.1:{port}"),
        "-Verify",
        "1",
        "-verify_return_error",
    ]);
    server.arg("-cert").arg(certificate).arg("-key").arg(key).arg("-CAfile").arg(own.ca());
    server.stdin(std::process::Stdio::piped());
    server.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    let _server = Ending(server.spawn().unwrap());
    testkit::wait_until("it listens", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    let far = Client::new(&[]);
    let address = format!("tcp://localhost:{port}");
    let ask = |ca: &Certificates, of: &Certificates| {
        let (certificate, key) = of.client();
        let flags = [("--tlscacert", ca.ca()), ("--tlscert", certificate), ("--tlskey", key)];
        let mut command = far.command();
        for (flag, file) in flags {
            command.arg(flag).arg(file);
        }
        let output = command.args(["--host", &address, "ps"]).output().unwrap();
        String::from_utf8(output.stderr).unwrap()
    };
    let told = ask(&others, &own);
    assert!(
        told.contains(&format!("connect to {address}"))
            && told.contains("invalid peer certificate"),
        "{told}"
    );
    let told = ask(&own, &others);
    assert!(told.contains(&address) && told.contains("alert"), "{told}");
    let told = far.fails(&["--host", &address, "--tlscacert", "/none", "ps"], 1);
    assert!(told.contains("belong together"), "{told}");
}

#[test]
fn processors_are_the_servers_to_count() {
    let answer = b"HTTP/1.1 200 OK\r\nApi-Version: 1.44\r\nConnection: close\r\nContent-Length: 14\r\n\r\n{\"Id\":\"there\"}";
    let far = Client::new(&[]);
    let address = answering(far.home(), answer);
    // More than this machine has.
    for line in [&["create", "--cpus", "9999", "busybox"][..], &["update", "--cpus", "9999", "box"]]
    {
        far.ok(&[&["--host", &address][..], line].concat());
    }
}
