//! Several pulls into one store at once, as several commands make them: each opens the store by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use registry::PartState;
use store::Begun;
use testkit::{Catalog, Gate, MadeImage, holds_in_time, wait_until};

use crate::setup::{Bench, asked, blob_of, catalog, honest, layer, one_layer, server};
use crate::shared::settings;

#[test]
fn two_pulls_of_one_image_do_the_work_once() {
    let image = MadeImage::new((1..5).map(|number| layer("part", number << 20)).collect());
    let gate = Arc::new(Gate::default());
    let server = server(catalog(&image), {
        let gate = Arc::clone(&gate);
        move |request, _, answer| match request.target.contains("/blobs/") {
            true => answer.hold_after(1000, &gate),
            false => answer,
        }
    });
    let bench = Bench::new();
    let pulls: Vec<_> = thread::scope(|scope| {
        let settings: Vec<_> = (0..4).map(|_| settings()).collect();
        let progress: Vec<_> = settings.iter().map(|one| Arc::clone(&one.progress)).collect();
        // The configuration is held, too: let it come.
        let threads: Vec<_> = settings
            .into_iter()
            .map(|settings| scope.spawn(|| bench.pull_with(settings, &server.host(), "a:latest")))
            .collect();
        gate.open();
        let pulls = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert!(progress.iter().all(|progress| progress.parts().len() == 4));
        pulls
    });
    for pulled in pulls {
        assert_eq!(pulled.unwrap().id.to_string(), image.id());
    }
    for layer in &image.layers {
        // Who comes later may find it here, or wait for it; nobody asks for a byte twice.
        let from_start =
            asked(&server, layer).iter().filter(|one| one.header("range").is_none()).count();
        assert_eq!(from_start, 1, "{:?}", server.asked());
    }
    bench.nothing_half();
}

/// Who waits for a layer gets it when it is whole, not when the pull that brought it has everything else: two pulls that each have
/// what the other waits for would wait for ever.
#[test]
fn a_layer_is_let_go_as_soon_as_it_is_whole() {
    let (shared, other) = (layer("shared", 1 << 20), layer("other", 2 << 20));
    let catalog = Catalog::default();
    catalog.image("both", &MadeImage::new(vec![shared.clone(), other.clone()]));
    catalog.image("one", &MadeImage::new(vec![shared.clone()]));
    let (first, second) = (Arc::new(Gate::default()), Arc::new(Gate::default()));
    let server = server(catalog, {
        let gates =
            [(blob_of(&shared), Arc::clone(&first)), (blob_of(&other), Arc::clone(&second))];
        move |request, _, answer| {
            let gate = gates.iter().find(|(blob, _)| request.target.ends_with(blob));
            gate.map_or(answer.clone(), |(_, gate)| answer.hold_after(1000, gate))
        }
    });
    let (bench, done) = (Bench::new(), AtomicBool::new(false));
    let in_time = thread::scope(|scope| {
        let both = scope.spawn(|| bench.pull(&server.host(), "a:both"));
        let reached = holds_in_time(|| {
            !asked(&server, &shared).is_empty() && !asked(&server, &other).is_empty()
        });
        let settings = settings();
        let progress = Arc::clone(&settings.progress);
        let one = scope.spawn(|| {
            let pulled = bench.pull_with(settings, &server.host(), "a:one");
            done.store(true, Ordering::SeqCst);
            pulled
        });
        let waits = holds_in_time(|| {
            progress.parts().iter().any(|part| part.state() == PartState::Elsewhere)
        });
        first.open();
        let in_time = holds_in_time(|| done.load(Ordering::SeqCst));
        second.open();
        one.join().unwrap().unwrap();
        both.join().unwrap().unwrap();
        [reached, waits, in_time]
    });
    assert_eq!(in_time, [true; 3], "the second pull waited for more than its layer");
    assert_eq!(asked(&server, &shared).len(), 1);
    bench.nothing_half();
}

#[test]
fn who_waits_goes_on_where_the_other_ended() {
    let image = one_layer();
    let layer = &image.layers[0];
    let server = honest(catalog(&image));
    let bench = Bench::new();
    let store = bench.store();
    let digest = testkit::sha256(&layer.blob).parse().unwrap();
    let Begun::Ours(transfer) = store.transfers().begin(&digest, layer.blob.len() as u64).unwrap()
    else {
        panic!("nobody else has it")
    };
    transfer.claim().unwrap().write(&layer.blob[..700_000]).unwrap();
    thread::scope(|scope| {
        let settings = settings();
        let progress = Arc::clone(&settings.progress);
        let pull = scope.spawn(|| bench.pull_with(settings, &server.host(), "a:latest"));
        wait_until("it waits", || {
            progress.parts().iter().any(|part| part.state() == PartState::Elsewhere)
        });
        assert_eq!(asked(&server, layer).len(), 0);
        // As if it had been killed.
        drop(transfer);
        pull.join().unwrap().unwrap();
    });
    let requests = asked(&server, layer);
    assert_eq!(requests.len(), 1);
    assert!(requests[0].header("range").unwrap().starts_with("bytes=700000-"), "{requests:?}");
    bench.nothing_half();
}
