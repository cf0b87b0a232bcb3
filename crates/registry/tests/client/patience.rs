//! Servers that are busy, broken or silent: what is tried again, what is not, and what is told.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use registry::{Kind, NetworkError, Pointer, RegistryError, Settings};
use testkit::{Response, ScriptedServer};

use crate::setup::{blob, repository};
use crate::shared::{settings, told};

/// A server that gives one answer after another, the last one for ever.
fn in_turn(answers: Vec<Response>) -> ScriptedServer {
    let next = AtomicUsize::new(0);
    ScriptedServer::start(move |_| {
        let at = next.fetch_add(1, Ordering::SeqCst).min(answers.len() - 1);
        answers[at].clone()
    })
}

#[test]
fn what_may_pass_is_tried_again_and_told() {
    let good = Response::new(200).body("{}");
    for status in [408, 429, 500, 502, 503, 504] {
        let server = in_turn(vec![Response::new(status).header("Retry-After", "0"), good.clone()]);
        let settings = settings();
        let progress = Arc::clone(&settings.progress);
        repository(settings, &server.host()).manifest(Pointer::Tag("x")).unwrap();
        assert_eq!(server.requests().len(), 2, "{status}");
        let notices = progress.take_notices();
        let begin = format!("{} answers {status} (", server.host());
        assert!(notices.len() == 1 && notices[0].starts_with(&begin), "{notices:?}");
        assert!(notices[0].ends_with("): next try in 0 ms"), "{notices:?}");
    }
    let server = in_turn(vec![good.clone().cut_after(1), good]);
    repository(settings(), &server.host()).manifest(Pointer::Tag("x")).unwrap();
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn tries_and_waits_have_limits() {
    let server = in_turn(vec![Response::new(429).header("Retry-After", "100000")]);
    let settings = settings();
    let progress = Arc::clone(&settings.progress);
    let error = repository(settings, &server.host()).manifest(Pointer::Tag("x")).unwrap_err();
    assert_eq!((error.kind(), server.requests().len()), (Kind::TooMany, 3));
    assert!(error.may_pass() && error.hint().unwrap().contains("corten login"));
    assert!(progress.take_notices().iter().all(|notice| notice.ends_with("next try in 20 ms")));
    for (status, kind) in [(400, Kind::Invalid), (403, Kind::Denied), (404, Kind::NotFound)] {
        let server = in_turn(vec![Response::new(status)]);
        let error = repository(self::settings(), &server.host()).manifest(Pointer::Tag("x"));
        assert_eq!((error.unwrap_err().kind(), server.requests().len()), (kind, 1));
    }
}

#[test]
fn who_stops_waits_no_more() {
    let server = in_turn(vec![Response::new(503)]);
    let mut settings = settings();
    settings.limits.first_wait = Duration::from_secs(3600);
    settings.limits.most_wait = Duration::from_secs(3600);
    let client = registry::Client::new(settings);
    client.stop();
    let repository = client.repository(&format!("{}/a/b", server.host()).parse().unwrap());
    assert_eq!(repository.manifest(Pointer::Tag("x")).unwrap_err().kind(), Kind::Unavailable);
}

fn hasty() -> Settings {
    let mut settings = settings();
    settings.limits.idle = Duration::from_millis(200);
    settings.limits.tries = 1;
    settings
}

#[test]
fn silence_is_a_failure_of_its_own() {
    let server = in_turn(vec![Response::new(200).body("0123456789").stall_after(3)]);
    let repository = repository(hasty(), &server.host());
    let error = repository.manifest(Pointer::Tag("x")).unwrap_err();
    assert!(
        told(&error).ends_with("no byte from {} for 0.2 s".replace("{}", &server.host()).as_str()),
        "{}",
        told(&error)
    );
    assert_eq!(error.kind(), Kind::Unavailable);
    let RegistryError::Connection { cause, .. } = error else { panic!("{error}") };
    assert!(matches!(cause.downcast_ref(), Some(NetworkError::Stall { .. })));
    // A body that the caller reads says the same.
    let mut body = repository.open_blob(&blob(b"0123456789"), 0, None).unwrap();
    let mut read = Vec::new();
    let error = body.read_to_end(&mut read).unwrap_err();
    assert_eq!((error.kind(), read.as_slice()), (std::io::ErrorKind::TimedOut, &b"012"[..]));
    let error = RegistryError::interrupted("get blob", error);
    assert!(error.may_pass() && told(&error).contains("no byte from"), "{}", told(&error));
}

#[test]
fn nobody_there() {
    let host = in_turn(vec![Response::new(200)]).host();
    let error = repository(settings(), &host).manifest(Pointer::Tag("x")).unwrap_err();
    assert_eq!(told(&error), format!("get manifest {host}/a/b:x: reach {host}: ECONNREFUSED"));
    assert_eq!(error.kind(), Kind::Unavailable);
}
