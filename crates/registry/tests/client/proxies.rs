//! A proxy between us and a registry: it sees the host's name and ciphertext, nothing else.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;

use registry::{Client, Pointer};
use testkit::{Certificates, Response, ScriptedServer};

use crate::shared::{settings, told};

/// Serves one CONNECT and joins it to `to`, whatever host was named; gives the lines that came.
fn connect_proxy(to: String) -> (String, mpsc::Receiver<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let (client, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(client.try_clone().unwrap());
        let lines =
            reader.by_ref().lines().map_while(Result::ok).take_while(|line| !line.is_empty());
        sender.send(lines.collect()).unwrap();
        let server = TcpStream::connect(to).unwrap();
        (&client).write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        join(reader, &client, &server);
    });
    (address, receiver)
}

/// Passes on what comes from either side until both have ended.
fn join(mut reader: impl Read, client: &TcpStream, mut server: &TcpStream) {
    let back = thread::spawn({
        let (mut server, mut client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
        move || {
            let _ = std::io::copy(&mut server, &mut client);
            let _ = client.shutdown(Shutdown::Both);
        }
    });
    let _ = std::io::copy(&mut reader, &mut server);
    let _ = server.shutdown(Shutdown::Both);
    back.join().unwrap();
}

#[test]
fn a_registry_behind_a_proxy() {
    let certificates = Certificates::new();
    let server = ScriptedServer::start_tls(&certificates, |_| Response::new(200).body("{}"));
    let (proxy, lines) = connect_proxy(server.host());
    let mut settings = settings();
    settings.https_proxy = format!("http://me:secret@{proxy}");
    settings.no_proxy = "example.org".into();
    settings.ca_files = vec![certificates.ca()];
    let client = Client::new(settings);
    client.repository(&"registry.test/a/b".parse().unwrap()).manifest(Pointer::Tag("x")).unwrap();
    let lines = lines.recv().unwrap();
    assert_eq!(lines[0], "CONNECT registry.test:443 HTTP/1.1");
    assert!(lines.contains(&"Proxy-Authorization: Basic bWU6c2VjcmV0".to_owned()), "{lines:?}");
    assert_eq!(server.requests()[0].header("proxy-authorization"), None);
}

#[test]
fn a_proxy_that_refuses_is_named() {
    let proxy = ScriptedServer::start(|_| Response::new(403));
    let certificates = Certificates::new();
    let mut settings = settings();
    settings.ca_files = vec![certificates.ca()];
    settings.https_proxy = proxy.host();
    settings.limits.tries = 1;
    let client = Client::new(settings);
    let repository = client.repository(&"registry.test/a/b".parse().unwrap());
    let error = repository.manifest(Pointer::Tag("x")).unwrap_err();
    assert!(told(&error).contains("connect to registry.test by the proxy: "), "{}", told(&error));
    assert_eq!(proxy.asked(), ["CONNECT registry.test:443"]);
}

#[test]
fn this_machine_is_reached_without_a_proxy() {
    let (proxy, server) = (
        ScriptedServer::start(|_| Response::new(500)),
        ScriptedServer::start(|_| Response::new(200).body("{}")),
    );
    let mut settings = settings();
    settings.http_proxy = proxy.host();
    settings.https_proxy = proxy.host();
    let client = Client::new(settings);
    let reference = format!("{}/a/b", server.host()).parse().unwrap();
    client.repository(&reference).manifest(Pointer::Tag("x")).unwrap();
    assert!(proxy.requests().is_empty());
}

/// Serves one connection as RFC 1928 says, with name and password (RFC 1929), and joins it to `to`, whatever was asked for; gives the
/// login and what was asked for.
fn socks_proxy(to: String) -> (String, mpsc::Receiver<[Vec<u8>; 2]>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let (client, _) = listener.accept().unwrap();
        let take = |count: usize| {
            let mut bytes = vec![0; count];
            (&client).read_exact(&mut bytes).unwrap();
            bytes
        };
        let text = || take(take(1)[0].into());
        let say = |bytes: &[u8]| (&client).write_all(bytes).unwrap();
        assert!(take(1) == [5] && text().contains(&2));
        say(&[5, 2]);
        assert_eq!(take(1), [1]);
        let login = [text(), b":".to_vec(), text()].concat();
        say(&[1, 0]);
        assert_eq!(take(3), [5, 1, 0]);
        let kind = take(1);
        let host = match kind[0] {
            1 => take(4),
            4 => take(16),
            _ => text(),
        };
        let asked = [kind, host, take(2)].concat();
        sender.send([login, asked]).unwrap();
        let server = TcpStream::connect(to).unwrap();
        say(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
        join(&client, &client, &server);
    });
    (address, receiver)
}

#[test]
fn a_socks_proxy_is_asked_by_name() {
    const NAME: u8 = 3;
    let certificates = Certificates::new();
    let server = ScriptedServer::start_tls(&certificates, |_| Response::new(200).body("{}"));
    let (proxy, asked) = socks_proxy(server.host());
    let mut settings = settings();
    settings.https_proxy = format!("socks5h://me:secret@{proxy}");
    settings.ca_files = vec![certificates.ca()];
    let client = Client::new(settings);
    client.repository(&"registry.test/a/b".parse().unwrap()).manifest(Pointer::Tag("x")).unwrap();
    let mut wanted = vec![NAME];
    wanted.extend(b"registry.test");
    wanted.extend(443_u16.to_be_bytes());
    assert_eq!(asked.recv().unwrap(), [b"me:secret".to_vec(), wanted]);
}

#[test]
fn a_proxy_of_an_unknown_kind_is_refused_without_its_password() {
    let mut settings = settings();
    settings.https_proxy = "socks4://me:secret@127.0.0.1:1".into();
    let client = Client::new(settings);
    let repository = client.repository(&"registry.test/a/b".parse().unwrap());
    let error = told(&repository.manifest(Pointer::Tag("x")).unwrap_err());
    assert!(error.contains("socks4") && !error.contains("secret"), "{error}");
}
