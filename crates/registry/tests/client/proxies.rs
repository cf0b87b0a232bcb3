//! A proxy between us and a registry: it sees the host's name and ciphertext, nothing else.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;

use registry::{Client, Pointer};
use testkit::{Certificates, Response, ScriptedServer};

use crate::setup::{settings, told};

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
        let back = thread::spawn({
            let (mut server, mut client) =
                (server.try_clone().unwrap(), client.try_clone().unwrap());
            move || {
                let _ = std::io::copy(&mut server, &mut client);
                let _ = client.shutdown(Shutdown::Both);
            }
        });
        let _ = std::io::copy(&mut reader, &mut &server);
        let _ = server.shutdown(Shutdown::Both);
        back.join().unwrap();
    });
    (address, receiver)
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
