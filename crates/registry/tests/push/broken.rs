//! Pushes that break: what passes is made good, what was lost is sent anew, and what cannot be is told.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use registry::{Form, Kind, PartState};
use testkit::{Gate, RegistryServer, Request, Response, holds_in_time};

use crate::front::{Front, pass};
use crate::setup::{Bench, image, layer, push_as, push_to, push_with};
use crate::shared::{settings, told};

/// Three chunks, whatever the compressor makes of it.
const NOISE: usize = 20_000_000;

/// What the registry answers to the chunk of this number, once.
fn at_chunk(
    number: usize,
    answer: impl Fn(&Request, &str) -> Response + Send + Sync + 'static,
) -> impl Fn(&Request, &str) -> Option<Response> + Send + Sync {
    let seen = AtomicUsize::new(0);
    move |request, host| {
        let is_chunk = request.method == "PATCH" && request.body.len() > 100_000;
        let is_it = is_chunk && seen.fetch_add(1, Ordering::SeqCst) + 1 == number;
        is_it.then(|| answer(request, host))
    }
}

#[test]
fn an_answer_of_5xx_is_made_good() {
    let (bench, server) = (Bench::new(), RegistryServer::start());
    let store = bench.store();
    let image = image(&store, &[&layer("big", NOISE)]);
    let whole = Front::of(&server.host());
    let wanted = push_to(&store, &image, &format!("{}/a:1", whole.host()));
    let bench = Bench::new();
    let store = bench.store();
    let image = crate::setup::image(&store, &[&layer("big", NOISE)]);
    let front = Front::spoiling(&server.host(), at_chunk(2, |_, _| Response::new(503)));
    let (pushed, progress) =
        push_as(&store, &image, &format!("{}/b:1", front.host()), Form::default());
    assert_eq!(pushed.unwrap().digest, wanted.digest);
    assert_eq!(progress.parts()[0].state(), PartState::Done);
    // The chunk that was refused went twice, and nothing else did.
    let again = front.sent() - whole.sent();
    assert_eq!(again, 8 << 20);
}

#[test]
fn an_upload_that_the_registry_forgot_is_sent_anew() {
    let (bench, server) = (Bench::new(), RegistryServer::start());
    let store = bench.store();
    let image = image(&store, &[&layer("big", NOISE)]);
    let front = Front::spoiling(&server.host(), at_chunk(3, |_, _| Response::new(404)));
    let name = format!("{}/a:1", front.host());
    let (pushed, progress) = push_as(&store, &image, &name, Form::default());
    pushed.unwrap();
    let notices = progress.take_notices().join("\n");
    assert!(notices.contains("it is sent anew"), "{notices}");
    assert!(front.sent() > NOISE + (16 << 20));
    assert_eq!(bench.journals(), 0);
}

#[test]
fn another_registry_in_its_place_gets_all_of_it() {
    // As after a restart that lost what was under way.
    let (bench, one, other) = (Bench::new(), RegistryServer::start(), RegistryServer::start());
    let store = bench.store();
    let image = image(&store, &[&layer("big", NOISE)]);
    let place = Arc::new(std::sync::OnceLock::<Arc<Front>>::new());
    let front = Arc::new(Front::spoiling(&one.host(), {
        let (place, other) = (Arc::clone(&place), other.host());
        at_chunk(2, move |request, _| {
            place.get().unwrap().turn_to(&other);
            pass(&other, request)
        })
    }));
    place.set(Arc::clone(&front)).ok().unwrap();
    push_to(&store, &image, &format!("{}/a:1", front.host()));
    let whole = push_as(&store, &image, &format!("{}/a:1", other.host()), Form::default());
    assert_eq!(whole.1.parts()[0].state(), PartState::Exists);
    assert!(whole.0.unwrap().was_there);
}

#[test]
fn who_forgets_every_time_is_given_up() {
    let (bench, server) = (Bench::new(), RegistryServer::start());
    let store = bench.store();
    let image = image(&store, &[&layer("big", 200_000), &layer("other", 0)]);
    let begun = Arc::new(AtomicUsize::new(0));
    let front = Front::spoiling(&server.host(), {
        let begun = Arc::clone(&begun);
        move |request, _| {
            begun.fetch_add(usize::from(request.method == "POST"), Ordering::SeqCst);
            let is_big = request.method == "PATCH" && request.body.len() > 100_000;
            is_big.then(|| Response::new(404))
        }
    });
    let name = format!("{}/a:1", front.host());
    let error = push_as(&store, &image, &name, Form::default()).0.unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound, "{}", told(&error));
    // Three tries of the one that fails, as the settings allow, and one of the other.
    assert!((3..=4).contains(&begun.load(Ordering::SeqCst)), "{begun:?}");
}

#[test]
fn a_digest_that_the_registry_refuses_is_told() {
    let (bench, server) = (Bench::new(), RegistryServer::start());
    let store = bench.store();
    let image = image(&store, &[&layer("big", 200_000)]);
    let front = Front::spoiling(&server.host(), |request, _| {
        let is_end = request.method == "PUT" && request.path().contains("/blobs/uploads/");
        let words = r#"{"errors":[{"code":"DIGEST_INVALID","message":"digest did not match"}]}"#;
        is_end.then(|| Response::new(400).body(words))
    });
    let name = format!("{}/a:1", front.host());
    let error = push_as(&store, &image, &name, Form::default()).0.unwrap_err();
    assert!(told(&error).contains("digest did not match"), "{}", told(&error));
    assert_eq!(front.methods().iter().filter(|method| *method == "POST").count(), 1);
    // The next push is none the worse for it.
    push_to(&store, &image, &format!("{}/a:1", server.host()));
}

#[test]
fn a_layer_that_has_changed_here_does_not_go() {
    let (bench, server) = (Bench::new(), RegistryServer::start());
    let store = bench.store();
    let archive = layer("big", 200_000);
    let image = image(&store, &[&archive]);
    let layers = bench.path("store/root/layers");
    let directory = std::fs::read_dir(layers).unwrap().next().unwrap().unwrap().path();
    let mut file = std::fs::File::options().write(true).open(directory.join("big")).unwrap();
    file.write_all(b"changed").unwrap();
    let name = format!("{}/a:1", server.host());
    let error = push_as(&store, &image, &name, Form::default()).0.unwrap_err();
    assert!(told(&error).contains("has changed since it was unpacked"), "{}", told(&error));
    assert_eq!(bench.journals(), 0);
}

#[test]
fn of_two_pushes_at_once_one_sends() {
    let (bench, server) = (Bench::new(), RegistryServer::start());
    let archive = layer("big", 300_000);
    let image = image(&bench.store(), &[&archive]);
    let gate = Arc::new(Gate::default());
    let front = Front::spoiling(&server.host(), {
        let gate = Arc::clone(&gate);
        move |request, _| {
            if request.method == "PATCH" {
                gate.wait();
            }
            None
        }
    });
    let name = format!("{}/a:1", front.host());
    let both = [settings(), settings()];
    let told_by = both.each_ref().map(|settings| Arc::clone(&settings.progress));
    let digests = std::thread::scope(|scope| {
        let pushes = both.map(|settings| {
            let (bench, image, name) = (&bench, &image, &name);
            scope.spawn(move || {
                push_with(&bench.store(), image, name, Form::default(), settings).unwrap().digest
            })
        });
        let waits = |progress: &Arc<registry::Progress>| {
            progress.parts().iter().any(|part| part.state() == PartState::Elsewhere)
        };
        let one_waits = holds_in_time(|| told_by.iter().any(waits));
        gate.open();
        assert!(one_waits, "both send");
        pushes.map(|push| push.join().unwrap())
    });
    assert_eq!(digests[0], digests[1]);
    let big = |one: &usize| *one > 100_000;
    assert_eq!(front.bodies().iter().filter(|one| big(one)).count(), 1);
    // The layer and the configuration, each once: while a blob comes a second time, the registry refuses manifests that name it.
    assert_eq!(front.methods().iter().filter(|method| *method == "POST").count(), 2);
}
