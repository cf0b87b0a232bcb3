//! The ways to a server: by TCP with certificates of both sides, and by ssh.

use std::os::unix::fs::PermissionsExt;

use testkit::{ApiServer, Certificates, Corten, wait_until};

use crate::base::{Client, PROGRAM, Server, write};

/// Streams in both directions, an end of input, an exit code, an archive.
fn goes(far: &Client) {
    let script = "cat; echo err >&2; exit 3";
    let done = far.run_with(&["run", "--rm", "-i", "busybox", "sh", "-c", script], b"input\n");
    assert_eq!((done.code, done.stdout.as_str(), done.stderr.as_str()), (3, "input\n", "err\n"));
    let large = vec![b'x'; 3_000_000];
    let done = far.run_with(&["run", "--rm", "-i", "busybox", "cat"], &large);
    assert!(done.stdout.as_bytes() == large, "{} bytes, {}", done.stdout.len(), done.stderr);
    far.ok(&["run", "-d", "--name", "dd", "busybox", "sleep", "1000"]);
    let done = far.run_with(&["exec", "-i", "dd", "wc", "-c"], &large);
    assert_eq!(done.stdout.trim(), "3000000");
    far.ok(&["export", "-o", "root.tar", "dd"]);
    far.ok(&["import", "root.tar", "imported"]);
    assert_eq!(far.ok(&["images", "-q", "imported"]).len(), 12);
    let names = far.ok(&["stop", "-t", "0", "--all"]);
    assert_eq!(names, "dd");
    far.ok(&["rm", "dd"]);
}

#[test]
fn by_tcp() {
    let corten = Corten::with_busybox(PROGRAM);
    let certificates = Certificates::new();
    let text = |path: std::path::PathBuf| path.display().to_string();
    let (certificate, key) = certificates.server();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let flags = [
        "--listen".to_owned(),
        format!("tcp://127.0.0.1:{port}"),
        "--tlscacert".to_owned(),
        text(certificates.ca()),
        "--tlscert".to_owned(),
        text(certificate),
        "--tlskey".to_owned(),
        text(key),
    ];
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let _api = ApiServer::start_with(&corten, corten.command(), &flags);
    wait_until("it listens", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    let (certificate, key) = certificates.client();
    let address = format!("tcp://127.0.0.1:{port}");
    let mut far = Client::new(&["--host", &address]);
    for (flag, file) in [
        ("--tlscacert", certificates.ca()),
        ("--tlscert", certificate.clone()),
        ("--tlskey", key.clone()),
    ] {
        far.arguments.extend([flag.to_owned(), text(file)]);
    }
    goes(&far);
    // The same by a context, which has the certificates in it.
    let far = Client::new(&[]);
    let docker = format!(
        "host={address},ca={},cert={},key={}",
        text(certificates.ca()),
        text(certificate),
        text(key)
    );
    far.ok(&["context", "create", "far", "--docker", &docker]);
    far.ok(&["context", "use", "far"]);
    drop(certificates);
    goes(&far);
}

/// A program in the place of ssh, which runs here what the other machine would.
fn ssh(directory: &std::path::Path, script: &str) -> String {
    let bin = directory.join("bin");
    std::fs::create_dir_all(&bin).unwrap();
    write(&bin.join("ssh"), script.as_bytes());
    std::os::unix::fs::symlink(PROGRAM, bin.join("corten")).unwrap();
    std::fs::set_permissions(bin.join("ssh"), std::fs::Permissions::from_mode(0o755)).unwrap();
    #[expect(clippy::disallowed_methods, reason = "a test's own environment")]
    let others = std::env::var("PATH").unwrap_or_default();
    format!("{}:{others}", bin.display())
}

#[test]
fn by_ssh() {
    let server = Server::corten();
    let far =
        Client::new(&["--host", &format!("ssh://me@machine:2222{}", server.socket().display())]);
    let script = format!(
        "#!/bin/sh\nprintf '%s\\n' \"$*\" >> {}\nwhile [ \"$1\" != -- ]; do shift; done\nshift 2\nunset CORTEN_HOST\nexec sh -c \"$*\"\n",
        far.home().join("asked").display()
    );
    let path = ssh(far.home(), &script);
    let far = far.with("PATH", &path);
    goes(&far);
    let asked = std::fs::read_to_string(far.home().join("asked")).unwrap();
    let line = asked.lines().next().unwrap();
    assert!(line.contains("-p 2222 -- me@machine corten --host 'unix://"), "{line}");
    assert!(line.contains("BatchMode=yes") && line.contains("|| docker --host"), "{line}");
}

#[test]
fn what_ssh_complains_of_is_told() {
    let far = Client::new(&["--host", "ssh://machine"]);
    let path = ssh(
        far.home(),
        "#!/bin/sh\necho 'machine: Permission denied (publickey).' >&2\nexit 255\n",
    );
    let far = far.with("PATH", &path);
    let told = far.fails(&["ps"], 1);
    assert!(
        told.contains("error: connect to ssh://machine: machine: Permission denied (publickey). (ssh ended with 255)"),
        "{told}"
    );
    let far = Client::new(&["--host", "ssh://machine"]).with("PATH", "/nowhere");
    assert!(far.fails(&["ps"], 1).contains("connect to ssh://machine: ENOENT"));
}
