//! Redirects: followed, but never with a secret to somebody else, never out of TLS, never in circles.

use std::io::Read;
use std::path::PathBuf;

use registry::{Kind, Pointer, TlsRule};
use testkit::{Certificates, Response, ScriptedServer};

use crate::setup::{as_user, blob, repository};
use crate::shared::{settings, told};

/// A registry that wants Basic and then sends people on.
fn sending(status: u16, to: &str) -> ScriptedServer {
    let to = to.to_owned();
    ScriptedServer::start(move |request| match request.header("authorization") {
        None => Response::new(401).header("WWW-Authenticate", "Basic realm=x"),
        Some(_) => Response::new(status).header("Location", &to).body("moved"),
    })
}

#[test]
fn another_host_learns_no_secret() {
    let store = ScriptedServer::start(|_| Response::new(200).body("0123456789"));
    for status in [301, 302, 303, 307, 308] {
        let server = sending(status, &format!("http://{}/blob?signature=1", store.host()));
        let repository = repository(as_user(), &server.host());
        let mut body = repository.open_blob(&blob(b"0123456789"), 0, None).unwrap();
        let mut read = String::new();
        body.read_to_string(&mut read).unwrap();
        assert_eq!(read, "0123456789");
        assert_eq!(body.source(), server.host());
        assert!(server.requests()[1].header("authorization").is_some());
    }
    let requests = store.requests();
    assert_eq!(requests.len(), 5);
    for request in requests {
        assert_eq!(
            (request.target.as_str(), request.header("authorization")),
            ("/blob?signature=1", None)
        );
        assert_eq!(request.header("cookie"), None);
    }
}

#[test]
fn the_same_host_is_asked_with_the_same_proof() {
    let server =
        ScriptedServer::start(|request| match (request.header("authorization"), request.path()) {
            (None, _) => Response::new(401).header("WWW-Authenticate", "Basic realm=x"),
            (Some(_), "/there") => Response::new(200).body("{}"),
            _ => Response::new(307).header("Location", "/there"),
        });
    repository(as_user(), &server.host()).manifest(Pointer::Tag("x")).unwrap();
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn circles_and_long_ways_are_refused() {
    let circle = ScriptedServer::start(|request| {
        Response::new(302).header("Location", if request.path() == "/a" { "/b" } else { "/a" })
    });
    let error = repository(settings(), &circle.host()).manifest(Pointer::Tag("x")).unwrap_err();
    assert!(told(&error).contains("redirects in a circle"), "{}", told(&error));
    assert_eq!(error.kind(), Kind::Dishonest);
    let long = ScriptedServer::start(|request| {
        Response::new(302).header("Location", &format!("{}x", request.path()))
    });
    let error = repository(settings(), &long.host()).manifest(Pointer::Tag("x")).unwrap_err();
    assert!(told(&error).contains("redirects more than 10 times"), "{}", told(&error));
    assert_eq!(long.requests().len(), 11);
    let odd =
        ScriptedServer::start(|_| Response::new(302).header("Location", "file:///etc/passwd"));
    let error = repository(settings(), &odd.host()).manifest(Pointer::Tag("x")).unwrap_err();
    assert!(
        told(&error).contains("redirects to what is neither http nor https"),
        "{}",
        told(&error)
    );
}

#[test]
fn nobody_is_sent_out_of_tls() {
    let certificates = Certificates::new();
    let plain = ScriptedServer::start(|_| Response::new(200).body("{}"));
    let to = format!("http://{}/", plain.host());
    let server = ScriptedServer::start_tls(&certificates, move |_| {
        Response::new(302).header("Location", &to)
    });
    let mut settings = settings();
    settings.ca_files = vec![PathBuf::from("/does/not/exist"), certificates.ca()];
    let error = repository(settings, &server.host()).manifest(Pointer::Tag("x")).unwrap_err();
    assert!(told(&error).contains("redirects from https to http"), "{}", told(&error));
    assert!(plain.requests().is_empty());
    assert!(format!("{:?}", TlsRule::default()).contains("insecure: false"));
}

#[test]
fn what_is_sent_goes_to_nobody_else() {
    let other = ScriptedServer::start(|_| Response::new(201));
    let to = format!("http://{}/", other.host());
    let server = ScriptedServer::start(move |_| Response::new(307).header("Location", &to));
    let repository = repository(settings(), &server.host());
    let error = repository.put_manifest(Pointer::Tag("x"), "a/b", b"{}").unwrap_err();
    assert!(told(&error).contains("redirects what we send to 127.0.0.1"), "{}", told(&error));
    assert!(other.requests().is_empty());
}
