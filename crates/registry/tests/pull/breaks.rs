//! Transfers that break: what has come is kept, and the rest is asked for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use registry::Kind;
use testkit::{Gate, MadeImage, Response, noise};

use crate::setup::{Bench, asked, blob_of, catalog, honest, layer, one_layer, same_file, server};
use crate::shared::{settings, told};

/// What a layer of [`one_layer`] has before the file's bytes.
const HEADER: usize = 512;

#[test]
fn a_broken_transfer_goes_on_at_its_byte() {
    let image = one_layer();
    let blob = blob_of(&image.layers[0]);
    let server = server(catalog(&image), move |request, number, answer| {
        match request.target.ends_with(&blob) && number == 0 {
            true => answer.cut_after(300_000),
            false => answer,
        }
    });
    let bench = Bench::new();
    let settings = settings();
    let progress = Arc::clone(&settings.progress);
    let pulled = bench.pull_with(settings, &server.host(), "a:latest").unwrap();
    assert_eq!(pulled.id.to_string(), image.id());
    let requests = asked(&server, &image.layers[0]);
    let ranges: Vec<_> = requests.iter().map(|request| request.header("range")).collect();
    let length = image.layers[0].blob.len();
    let rest = format!("bytes=300000-{}", length - 1);
    assert_eq!(ranges, [None, Some(rest.as_str())]);
    let notices = progress.take_notices();
    assert!(notices.iter().any(|notice| notice.ends_with("goes on at byte 300000")), "{notices:?}");
    let file = &image.layers[0].plain[HEADER..][..1 << 20];
    same_file(&bench.file(&image.layers[0], "file"), file);
    bench.nothing_half();
}

#[test]
fn a_transfer_that_never_comes_is_given_up_and_kept_for_the_next_pull() {
    let image = one_layer();
    let blob = blob_of(&image.layers[0]);
    let good = Arc::new(AtomicBool::new(false));
    let server = server(catalog(&image), {
        let good = Arc::clone(&good);
        move |request, number, answer| {
            if !request.target.ends_with(&blob) || good.load(Ordering::SeqCst) {
                return answer;
            }
            answer.cut_after(if number == 0 { 400_000 } else { 0 })
        }
    });
    let bench = Bench::new();
    let error = bench.pull(&server.host(), "a:latest").unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable, "{}", told(&error));
    assert!(told(&error).contains("3 tries without a byte"), "{}", told(&error));
    assert!(error.hint().unwrap().contains("a new pull goes on there"));
    // The try that brought bytes counts as the first.
    assert_eq!(asked(&server, &image.layers[0]).len(), 3);
    assert_eq!(bench.names("transfers").len(), 2, "bytes and map are kept");
    assert_eq!((bench.names("tmp"), bench.names("layers")), (vec![], vec![]));
    good.store(true, Ordering::SeqCst);
    bench.pull(&server.host(), "a:latest").unwrap();
    let requests = asked(&server, &image.layers[0]);
    let rest = format!("bytes=400000-{}", image.layers[0].blob.len() - 1);
    assert_eq!(requests.len(), 4);
    assert_eq!(requests[3].header("range"), Some(rest.as_str()));
    bench.nothing_half();
}

#[test]
fn a_stall_is_told_and_made_good() {
    let image = one_layer();
    let blob = blob_of(&image.layers[0]);
    let server = server(catalog(&image), move |request, number, answer| {
        match request.target.ends_with(&blob) && number == 0 {
            true => answer.stall_after(1000),
            false => answer,
        }
    });
    let mut settings = settings();
    settings.limits.idle = Duration::from_millis(500);
    let progress = Arc::clone(&settings.progress);
    Bench::new().pull_with(settings, &server.host(), "a:latest").unwrap();
    let notices = progress.take_notices();
    let is_told = |notice: &String| {
        notice.contains("no byte from") && notice.contains("goes on at byte 1000")
    };
    assert!(notices.iter().any(is_told), "{notices:?}");
    let requests = asked(&server, &image.layers[0]);
    assert!(requests[1].header("range").unwrap().starts_with("bytes=1000-"), "{requests:?}");
}

#[test]
fn a_registry_that_is_busy_is_asked_again() {
    for (status, wait, words) in
        [(429, Some("0"), "too many requests"), (503, None, "unavailable"), (502, None, "gateway")]
    {
        let image = one_layer();
        let blob = blob_of(&image.layers[0]);
        let server = server(catalog(&image), move |request, number, answer| {
            let is_manifest = request.target.contains("/manifests/");
            if number > 1 || !(request.target.ends_with(&blob) || is_manifest) {
                return answer;
            }
            let busy = Response::new(status);
            wait.map_or(busy.clone(), |wait| busy.header("Retry-After", wait))
        });
        let settings = settings();
        let progress = Arc::clone(&settings.progress);
        let bench = Bench::new();
        bench.pull_with(settings, &server.host(), "a:latest").unwrap();
        assert_eq!(asked(&server, &image.layers[0]).len(), 3, "{status}");
        let notices = progress.take_notices();
        let told = |notice: &String| notice.contains(&status.to_string()) && notice.contains(words);
        assert_eq!(notices.iter().filter(|notice| told(notice)).count(), 4, "{notices:?}");
        bench.nothing_half();
    }
}

/// What one layer's failure has decided, another's does not hold up, however long its registry asks to wait.
#[test]
fn who_has_failed_waits_for_nobody() {
    let image = testkit::MadeImage::new(vec![layer("wrong", 1000), layer("busy", 2000)]);
    let [wrong, busy] = [0, 1].map(|number| blob_of(&image.layers[number]));
    let server = server(catalog(&image), move |request, _, answer| {
        if request.target.ends_with(&busy) {
            return Response::new(429).header("Retry-After", "3600");
        }
        match request.target.ends_with(&wrong) {
            true => Response::new(404),
            false => answer,
        }
    });
    let mut settings = settings();
    settings.limits.most_wait = Duration::from_secs(3600);
    let bench = Bench::new();
    let error = bench.pull_with(settings, &server.host(), "a:latest").unwrap_err();
    assert_eq!(error.kind(), Kind::NotFound, "{}", told(&error));
    assert_eq!((bench.names("layers"), bench.names("tmp")), (vec![], vec![]));
}

#[test]
fn a_registry_without_ranges_sends_it_once_more() {
    let image = one_layer();
    let whole = image.layers[0].blob.clone();
    let blob = blob_of(&image.layers[0]);
    let server = server(catalog(&image), move |request, number, answer| {
        if !request.target.ends_with(&blob) {
            return answer;
        }
        let answer = Response::new(200).body(whole.clone());
        if number == 0 { answer.cut_after(500_000) } else { answer }
    });
    let bench = Bench::new();
    bench.pull(&server.host(), "a:latest").unwrap();
    let requests = asked(&server, &image.layers[0]);
    assert!(requests[1].header("range").unwrap().starts_with("bytes=500000-"));
    let file = &image.layers[0].plain[HEADER..][..1 << 20];
    same_file(&bench.file(&image.layers[0], "file"), file);
    bench.nothing_half();
}

/// A layer of several chunks, which several connections would share if they could.
#[test]
fn a_large_layer_comes_from_servers_with_ranges_and_without() {
    for has_ranges in [true, false] {
        let image = testkit::MadeImage::new(vec![layer("large", 20 << 20)]);
        let whole = image.layers[0].blob.clone();
        let blob = blob_of(&image.layers[0]);
        let server = server(catalog(&image), move |request, _, answer| {
            match request.target.ends_with(&blob) && !has_ranges {
                true => Response::new(200).body(whole.clone()),
                false => answer,
            }
        });
        let bench = Bench::new();
        bench.pull(&server.host(), "a:latest").unwrap();
        let file = &image.layers[0].plain[HEADER..][..20 << 20];
        same_file(&bench.file(&image.layers[0], "large"), file);
        bench.nothing_half();
    }
}

#[test]
fn a_content_range_that_is_another_is_refused() {
    let image = one_layer();
    let blob = blob_of(&image.layers[0]);
    let server = server(catalog(&image), move |request, number, answer| {
        match (request.target.ends_with(&blob), number) {
            (true, 0) => answer.cut_after(1000),
            (true, _) => Response::new(206)
                .header("Content-Range", "bytes 2000-2999/1050112")
                .body(noise(1000, 1)),
            (false, _) => answer,
        }
    });
    let bench = Bench::new();
    let error = bench.pull(&server.host(), "a:latest").unwrap_err();
    assert_eq!(error.kind(), Kind::Dishonest, "{}", told(&error));
    assert!(told(&error).contains("bytes 2000-2999/1050112"), "{}", told(&error));
    // What was true before it lied is true still.
    let good = honest(catalog(&image));
    bench.pull(&good.host(), "a:latest").unwrap();
    let requests = asked(&good, &image.layers[0]);
    assert!(requests[0].header("range").unwrap().starts_with("bytes=1000-"), "{requests:?}");
    bench.nothing_half();
}

/// What lies here of a layer may not be what came: after a power cut, for example.
#[test]
fn a_kept_part_that_was_changed_is_fetched_anew() {
    let image = one_layer();
    let blob = blob_of(&image.layers[0]);
    let cut = server(catalog(&image), move |request, number, answer| {
        match (request.target.ends_with(&blob), number) {
            (true, 0) => answer.cut_after(600_000),
            (true, _) => answer.cut_after(0),
            (false, _) => answer,
        }
    });
    let bench = Bench::new();
    bench.pull(&cut.host(), "a:latest").unwrap_err();
    let kept = bench.names("transfers").into_iter().find(|name| !name.contains('.')).unwrap();
    let kept = std::fs::File::options().write(true).open(bench.path("root/transfers").join(kept));
    std::os::unix::fs::FileExt::write_all_at(&kept.unwrap(), &[0; 4096], 8192).unwrap();
    let good = honest(catalog(&image));
    let settings = settings();
    let progress = Arc::clone(&settings.progress);
    bench.pull_with(settings, &good.host(), "a:latest").unwrap();
    let notices = progress.take_notices();
    assert!(notices.iter().any(|notice| notice.ends_with("it is fetched anew")), "{notices:?}");
    let ranges: Vec<_> = asked(&good, &image.layers[0])
        .iter()
        .map(|request| request.header("range").map(|range| range.starts_with("bytes=600000-")))
        .collect();
    assert_eq!(ranges, [Some(true), None]);
    let file = &image.layers[0].plain[HEADER..][..1 << 20];
    same_file(&bench.file(&image.layers[0], "file"), file);
    bench.nothing_half();
}

#[test]
fn a_layer_that_fails_for_good_ends_the_others_at_once() {
    let (gone, stalled) = (layer("gone", 1000), layer("stalled", 1 << 20));
    let image = MadeImage::new(vec![gone.clone(), stalled.clone()]);
    let (gone, stalled) = (blob_of(&gone), blob_of(&stalled));
    // The one is refused only when the other one has been asked for; the answer to that is held until the test is over.
    let (begun, held) = (Arc::new(Gate::default()), Arc::new(Gate::default()));
    let server = server(catalog(&image), {
        let (begun, held) = (Arc::clone(&begun), Arc::clone(&held));
        move |request, _, answer| {
            if request.target.ends_with(&stalled) {
                begun.open();
                return answer.hold_after(100_000, &held);
            }
            if request.target.ends_with(&gone) {
                begun.wait();
                return Response::new(404);
            }
            answer
        }
    });
    let bench = Bench::new();
    let mut settings = settings();
    // A client that waited for the silence to end would be seen by it.
    settings.limits.idle = Duration::from_secs(120);
    let progress = Arc::clone(&settings.progress);
    let started = Instant::now();
    let error = bench.pull_with(settings, &server.host(), "a:latest").unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
    assert_eq!(error.kind(), Kind::NotFound, "{}", told(&error));
    assert_eq!(progress.take_notices(), [""; 0]);
    // What had come of the other one is kept.
    assert_eq!(bench.names("tmp"), [""; 0]);
    held.open();
}
