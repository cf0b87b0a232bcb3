//! A server whose socket is systemd's: systemd-socket-activate(1) listens, and starts it when somebody comes.

use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::time::Duration;

use testkit::{ApiSocket, Corten, Ending, wait_until};

#[test]
fn systemd_starts_a_server_when_a_client_comes() {
    let corten = Corten::new(env!("CARGO_BIN_EXE_corten"));
    let socket = corten.directory().join("activated.sock");
    let told = corten.directory().join("notify.sock");
    let listener = UnixDatagram::bind(&told).unwrap();
    listener.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let own = corten.command();
    let mut command = Command::new("systemd-socket-activate");
    command.arg("--listen").arg(&socket).arg("--setenv");
    command.arg(format!("NOTIFY_SOCKET={}", told.display()));
    let set = own.get_envs().filter_map(|(name, value)| Some((name, value?)));
    for (name, value) in set {
        let mut pair = name.to_owned();
        pair.push("=");
        pair.push(value);
        command.arg("--setenv").arg(pair);
    }
    command.arg(own.get_program()).args(own.get_args()).args(["serve", "--idle-exit", "1s"]);
    let mut child = Ending(command.spawn().unwrap());
    wait_until("systemd listens", || socket.exists());
    let api = ApiSocket::at(&socket);
    assert_eq!(api.get("/_ping").status, 200);
    let mut word = [0; 64];
    let length = listener.recv(&mut word).unwrap();
    assert_eq!(&word[..length], b"READY=1");
    // With the same process number, which an exec keeps; the socket is systemd's and stays.
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(socket.exists());
}
