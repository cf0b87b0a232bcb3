//! Who asks: Basic, tokens by GET and by OAuth 2, certificates of both sides, and realms that would like to know too much.

use std::path::PathBuf;
use std::sync::Arc;

use registry::{Client, Kind, Login, Mount, Pointer, Settings, TlsRule};
use testkit::{
    Certificates, REFRESH_TOKEN, RegistryOptions, RegistryServer, Response, ScriptedServer,
    TokenServer,
};

use crate::setup::{Always, as_user, digest, repository, user};
use crate::shared::{settings, told};

fn with(login: Login) -> Settings {
    Settings { credentials: Arc::new(Always(login)), ..settings() }
}

fn wrong() -> Login {
    Login::Basic { user: "user".into(), password: "wrong".into() }
}

fn push(repository: &registry::Repository, content: &[u8]) -> Result<(), registry::RegistryError> {
    let mut upload = repository.begin_upload()?;
    upload.send(content)?;
    upload.finish(&digest(content))
}

#[test]
fn basic() {
    let basic = Some(("user", "password"));
    let server = RegistryServer::with(&RegistryOptions { basic, ..RegistryOptions::default() });
    push(&repository(as_user(), &server.host()), b"content").unwrap();
    let error = repository(settings(), &server.host()).has_blob(&digest(b"content")).unwrap_err();
    assert_eq!(error.kind(), Kind::Unauthorized);
    assert!(error.hint().unwrap().ends_with(&format!("corten login {}", server.host())));
    let client = Client::new(settings());
    client.check_login(&server.host(), &user()).unwrap();
    let error = client.check_login(&server.host(), &wrong()).unwrap_err();
    assert_eq!(error.kind(), Kind::Unauthorized, "{}", told(&error));
    assert_eq!(client.ping(&server.host()).unwrap_err().kind(), Kind::Unauthorized);
}

#[test]
fn tokens_are_shared_and_kept() {
    let tokens = TokenServer::start();
    let options = RegistryOptions { tokens: Some(&tokens), ..RegistryOptions::default() };
    let server = RegistryServer::with(&options);
    let client = Client::new(as_user());
    let first = client.repository(&format!("{}/first", server.host()).parse().unwrap());
    push(&first, b"content").unwrap();
    assert_eq!(tokens.requests().len(), 1, "one token for the whole upload");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(first.resolve(Pointer::Tag("x")).unwrap(), None));
        }
    });
    assert_eq!(tokens.requests().len(), 2, "one more for all that read");
    // A mount needs both repositories in one token.
    let second = client.repository(&format!("{}/second", server.host()).parse().unwrap());
    assert!(matches!(second.mount_blob(&digest(b"content"), "first").unwrap(), Mount::Done));
    let target = tokens.requests()[2].target.clone();
    assert!(
        target.contains("scope=repository%3Asecond%3Apull%2Cpush&scope=repository%3Afirst%3Apull"),
        "{target}"
    );
    assert!(
        target.contains("service=test%20registry") && target.contains("account=user"),
        "{target}"
    );
}

#[test]
fn a_token_that_has_expired_is_renewed() {
    let tokens = TokenServer::start();
    tokens.set_life(0);
    let options = RegistryOptions { tokens: Some(&tokens), ..RegistryOptions::default() };
    let server = RegistryServer::with(&options);
    let repository = repository(as_user(), &server.host());
    for asked in 1..4 {
        assert_eq!(repository.has_blob(&digest(b"x")).unwrap(), None);
        assert_eq!(tokens.requests().len(), asked);
    }
}

#[test]
fn a_token_that_the_registry_takes_no_more_is_renewed_once() {
    let server = ScriptedServer::start(|request| {
        let host = request.header("host").unwrap_or_default().to_owned();
        let challenge = format!("Bearer realm=\"http://{host}/token\",service=\"s\"");
        match (request.path(), request.header("authorization")) {
            ("/token", _) => {
                // Each token differs from the last by the time it came.
                static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
                let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                Response::new(200).body(format!("{{\"token\":\"{number}\"}}"))
            }
            ("/v2/a/b/manifests/x", Some("Bearer 0" | "Bearer 1")) => Response::new(200).body("{}"),
            ("/v2/a/b/manifests/y", Some("Bearer 1")) => Response::new(200).body("{}"),
            _ => Response::new(401).header("WWW-Authenticate", &challenge),
        }
    });
    let repository = repository(settings(), &server.host());
    repository.manifest(Pointer::Tag("x")).unwrap();
    repository.manifest(Pointer::Tag("y")).unwrap();
    repository.manifest(Pointer::Tag("x")).unwrap();
    let error = repository.manifest(Pointer::Tag("z")).unwrap_err();
    assert_eq!(error.kind(), Kind::Unauthorized);
    let tokens = server.asked().iter().filter(|one| one.contains("/token")).count();
    assert_eq!(tokens, 3, "{:?}", server.asked());
}

#[test]
fn refresh_tokens_and_nobody_in_particular() {
    let tokens = TokenServer::start();
    let options = RegistryOptions { tokens: Some(&tokens), ..RegistryOptions::default() };
    let server = RegistryServer::with(&options);
    push(&repository(with(Login::Refresh(REFRESH_TOKEN.into())), &server.host()), b"content")
        .unwrap();
    let request = tokens.requests().pop().unwrap();
    assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", "/token"));
    assert_eq!(repository(settings(), &server.host()).resolve(Pointer::Tag("x")).unwrap(), None);
    let error = push(&repository(settings(), &server.host()), b"more").unwrap_err();
    assert_eq!(error.kind(), Kind::Unauthorized);
    let client = Client::new(settings());
    client.check_login(&server.host(), &user()).unwrap();
    for login in [wrong(), Login::Refresh("no".into())] {
        let error = client.check_login(&server.host(), &login).unwrap_err();
        assert_eq!(error.kind(), Kind::Unauthorized);
        assert!(told(&error).ends_with("incorrect username or password"), "{}", told(&error));
        assert!(!told(&error).contains("wrong"), "{}", told(&error));
    }
}

#[test]
fn certificates_prove_both_sides() {
    let certificates = Certificates::new();
    let options = RegistryOptions {
        tls: Some(&certificates),
        client_certificates: true,
        ..RegistryOptions::default()
    };
    let server = RegistryServer::with(&options);
    let host = server.host();
    let mut known = settings();
    known.rules.certs_d = vec![PathBuf::from("/does/not/exist")];
    let error = Client::new(known.clone()).ping(&host).unwrap_err();
    let words = format!("verify the certificate of {host}: nobody trusted has signed it");
    assert!(told(&error).ends_with(&words), "{}", told(&error));
    assert_eq!((error.kind(), error.may_pass()), (Kind::Invalid, false));
    let hint = error.hint().unwrap();
    assert!(hint.ends_with(&format!("/does/not/exist/{host}/ca.crt")), "{hint}");
    // As Docker reads it: certs.d/HOST:PORT/{ca.crt,client.cert,client.key}.
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join(&host);
    std::fs::create_dir(&place).unwrap();
    std::fs::copy(certificates.ca(), place.join("ca.crt")).unwrap();
    known.rules.certs_d = vec![directory.path().to_owned()];
    Client::new(known.clone()).ping(&host).unwrap_err();
    let (certificate, key) = certificates.client();
    std::fs::copy(certificate, place.join("client.cert")).unwrap();
    let error = Client::new(known.clone()).ping(&host).unwrap_err();
    assert!(told(&error).contains("client.key: ENOENT"), "{}", told(&error));
    std::fs::copy(&key, place.join("client.key")).unwrap();
    Client::new(known.clone()).ping(&host).unwrap();
    let (_, other) = certificates.server();
    std::fs::copy(other, place.join("client.key")).unwrap();
    let error = Client::new(known).ping(&host).unwrap_err();
    assert!(told(&error).contains("use the client's certificate"), "{}", told(&error));
}

#[test]
fn who_may_be_insecure_is_not_checked() {
    let certificates = Certificates::new();
    let options = RegistryOptions { tls: Some(&certificates), ..RegistryOptions::default() };
    let server = RegistryServer::with(&options);
    let mut trusting = settings();
    trusting.rules.insecure = vec!["127.0.0.0/8".into()];
    push(&repository(trusting, &server.host()), b"content").unwrap();
    let mut rule = registry::RegistryRule { prefix: server.host(), ..Default::default() };
    rule.tls = TlsRule { ca: vec![certificates.ca()], ..TlsRule::default() };
    let mut knowing = settings();
    knowing.rules.registries = vec![rule];
    push(&repository(knowing, &server.host()), b"content").unwrap();
}

#[test]
fn a_realm_without_tls_gets_no_password() {
    let certificates = Certificates::new();
    let thief = ScriptedServer::start(|_| Response::new(200).body(r#"{"token":"x"}"#));
    let realm = format!("Bearer realm=\"http://{}/token\"", thief.host());
    let server = ScriptedServer::start_tls(&certificates, move |_| {
        Response::new(401).header("WWW-Authenticate", &realm)
    });
    // Another name for this machine, which the settings do not let go without TLS.
    let mut settings = as_user();
    settings.rules.registries = vec![registry::RegistryRule {
        prefix: "registry.example.org".into(),
        location: format!("https://{}", server.host()),
        ..Default::default()
    }];
    settings.ca_files = vec![certificates.ca()];
    let reference = "registry.example.org/a/b".parse().unwrap();
    let error =
        Client::new(settings).repository(&reference).manifest(Pointer::Tag("x")).unwrap_err();
    assert!(told(&error).contains("names a token server without TLS"), "{}", told(&error));
    assert!(thief.requests().is_empty());
}

#[test]
fn challenges_that_make_no_sense() {
    for (challenge, kind) in [
        ("Bearer realm=\"ftp://x/\"", Kind::Dishonest),
        ("Bearer realm=\"http://user@127.0.0.1/\"", Kind::Dishonest),
        ("Bearer realm=\"unclosed", Kind::Dishonest),
        ("Bearer service=x", Kind::Unauthorized),
        ("Digest realm=x", Kind::Unauthorized),
    ] {
        let server = ScriptedServer::start(move |_| {
            Response::new(401).header("WWW-Authenticate", challenge)
        });
        let error = repository(as_user(), &server.host()).manifest(Pointer::Tag("x")).unwrap_err();
        assert_eq!(error.kind(), kind, "{challenge}: {}", told(&error));
        assert!(server.requests().iter().all(|one| one.header("authorization").is_none()));
    }
}

#[test]
fn tokens_that_are_none() {
    for (status, body, words) in [
        (200, "{}", "answers without a token"),
        (200, "<html>", "answers with no token"),
        (200, r#"{"token":"a\nb"}"#, "holds what no header field can"),
        (403, r#"{"errors":[{"message":"go away"}]}"#, "go away"),
    ] {
        let server = ScriptedServer::start(move |request| {
            let host = request.header("host").unwrap_or_default();
            let challenge = format!("Bearer realm=\"http://{host}/token\"");
            if request.path() == "/token" {
                return Response::new(status).body(body);
            }
            Response::new(401).header("WWW-Authenticate", &challenge)
        });
        let error = repository(settings(), &server.host()).manifest(Pointer::Tag("x")).unwrap_err();
        assert!(told(&error).contains(words), "{}", told(&error));
    }
}
