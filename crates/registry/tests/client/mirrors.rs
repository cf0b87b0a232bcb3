//! Mirrors: asked first, passed over for whatever reason, never written to.

use std::sync::Arc;

use registry::{Client, Kind, Mirror, Pointer, RegistryRule, Settings};
use testkit::{Response, ScriptedServer};

use crate::setup::{as_user, blob, digest};
use crate::shared::{settings, told};

fn good() -> ScriptedServer {
    ScriptedServer::start(|request| match request.method.as_str() {
        "PUT" => Response::new(201),
        _ => Response::new(200).body("0123456789"),
    })
}

fn mirror(location: &str) -> Mirror {
    Mirror { location: location.into(), ..Mirror::default() }
}

fn rules(registry: &ScriptedServer, mirrors: Vec<Mirror>) -> Settings {
    let mut settings = settings();
    settings.rules.registries = vec![RegistryRule {
        prefix: "registry.example.org".into(),
        location: format!("http://{}", registry.host()),
        mirrors,
        ..RegistryRule::default()
    }];
    settings
}

fn repository(settings: Settings) -> registry::Repository {
    Client::new(settings).repository(&"registry.example.org/a/b".parse().unwrap())
}

#[test]
fn a_mirror_that_fails_is_passed_over_and_told() {
    for (answer, words) in [
        (Response::new(503), "answers 503"),
        (Response::new(403), "answers 403"),
        (Response::new(200).body("lies"), "the bytes that came have digest"),
    ] {
        let registry = good();
        let bad = ScriptedServer::start(move |_| answer.clone());
        let settings = rules(&registry, vec![mirror(&bad.host())]);
        let progress = Arc::clone(&settings.progress);
        let pointer = digest(b"0123456789");
        repository(settings).manifest(Pointer::Digest(&pointer)).unwrap();
        assert_eq!((bad.requests().len(), registry.requests().len()), (1, 1));
        let notices = progress.take_notices();
        let begin = format!("mirror {} is passed over, {} is asked: ", bad.host(), registry.host());
        assert!(notices.len() == 1 && notices[0].starts_with(&begin), "{notices:?}");
        assert!(notices[0].contains(words), "{notices:?}");
    }
    // One that has no copy is no failure; one that is not there is not asked again and again.
    let registry = good();
    let empty = ScriptedServer::start(|_| Response::new(404));
    let gone = good().host();
    let settings = rules(&registry, vec![mirror(&gone), mirror(&empty.host())]);
    let progress = Arc::clone(&settings.progress);
    let repository = repository(settings);
    for _ in 0..3 {
        repository.small_blob(&blob(b"0123456789"), 10).unwrap();
    }
    assert_eq!((empty.requests().len(), registry.requests().len()), (3, 3));
    assert_eq!(progress.take_notices().len(), 1);
}

#[test]
fn a_mirror_serves_and_is_not_written_to() {
    let (registry, copy) = (good(), good());
    let mut with_all = mirror(&format!("http://{}/cache", copy.host()));
    with_all.namespace = true;
    with_all.headers = vec![("X-Key".into(), "secret".into())];
    let repository = repository(rules(&registry, vec![with_all]));
    let body = repository.open_blob(&blob(b"0123456789"), 0, None).unwrap();
    assert_eq!(body.source(), copy.host());
    assert!(registry.requests().is_empty());
    let request = &copy.requests()[0];
    let path = format!("/cache/v2/a/b/blobs/{}?ns=registry.example.org", digest(b"0123456789"));
    assert_eq!((request.target.as_str(), request.header("x-key")), (path.as_str(), Some("secret")));
    repository.put_manifest(Pointer::Tag("x"), "a/b", b"{}").unwrap();
    assert_eq!(registry.asked(), ["PUT /v2/a/b/manifests/x"]);
    assert!(repository.distrust(body.source()), "the registry is left");
    repository.small_blob(&blob(b"0123456789"), 10).unwrap();
    assert_eq!((copy.requests().len(), registry.requests().len()), (1, 2));
    assert!(!repository.distrust(&registry.host()));
}

#[test]
fn digests_only_and_mirrors_only() {
    let (registry, copy) = (good(), good());
    let mut first = mirror(&copy.host());
    first.digests_only = true;
    let mut settings = rules(&registry, vec![first]);
    let client = repository(settings.clone());
    client.manifest(Pointer::Tag("x")).unwrap();
    assert_eq!((copy.requests().len(), registry.requests().len()), (0, 1));
    client.manifest(Pointer::Digest(&digest(b"0123456789"))).unwrap();
    assert_eq!((copy.requests().len(), registry.requests().len()), (1, 1));
    settings.rules.registries[0].mirrors_only = true;
    let client = repository(settings.clone());
    let error = client.manifest(Pointer::Tag("x")).unwrap_err();
    assert!(told(&error).contains("no mirror may be asked"), "{}", told(&error));
    settings.rules.registries[0].blocked = true;
    let error = repository(settings).manifest(Pointer::Tag("x")).unwrap_err();
    assert!(told(&error).contains("are blocked"), "{}", told(&error));
    assert_eq!(error.kind(), Kind::Invalid);
    assert_eq!(registry.requests().len(), 1);
}

#[test]
fn images_are_searched_for() {
    let server = ScriptedServer::start(|_| {
        Response::new(200).body(
            r#"{"results":[{"name":"a","description":"one\nline","star_count":5,"is_official":true},
            {"name":"b","description":null,"star_count":1}]}"#,
        )
    });
    let client = Client::new(as_user());
    let term = format!("{}/x y", server.host());
    let all = client.search(&term, 25, &registry::SearchFilter::default()).unwrap();
    assert_eq!((all.len(), all[0].description.as_str(), all[1].stars), (2, "one line", 1));
    let filter = registry::SearchFilter { stars: 3, official: Some(true), automated: None };
    assert_eq!(client.search(&term, 25, &filter).unwrap().len(), 1);
    assert_eq!(client.search(&term, 1, &registry::SearchFilter::default()).unwrap().len(), 1);
    assert_eq!(server.asked()[0], "GET /v1/search?q=x%20y&n=25");
}
