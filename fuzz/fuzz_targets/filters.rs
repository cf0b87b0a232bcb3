//! Arbitrary parameters and filters: read as they are written, and refused in one line by every list that has filters.
#![no_main]

use api_docker::filters::Filters;
use api_docker::query::Query;
use engine::networks::NetworkFilter;
use engine::{EventFilter, Filter, ImageFilter, PruneFilter, VolumeFilter};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(query) = Query::parse(text) {
        let _any = (query.is_on("all"), query.truth("all"), query.size());
        let _number = (query.number::<i64>("limit"), query.number::<u16>("h"));
        if let Ok(Some(time)) = query.time_ns("since") {
            assert!(query.text("since").is_some(), "{time}");
        }
        if let Ok(filters) = Filters::of(&query) {
            check(filters);
        }
    }
    if let Ok(filters) = Filters::parse(text) {
        check(filters);
    }
});

/// What was read says the same again, and every list takes it or says why not.
fn check(filters: Filters) {
    let again = Filters::parse(&filters.to_json()).expect("it was written here");
    assert_eq!(again.texts().collect::<Vec<_>>(), filters.texts().collect::<Vec<_>>());
    let mut truths = filters.clone();
    let _all = truths.take_truth("all");
    for text in filters.texts() {
        let results = [
            Filter::default().add(&text),
            ImageFilter::default().add(&text),
            NetworkFilter::default().add(&text),
            VolumeFilter::default().add(&text),
            EventFilter::default().add(&text),
            PruneFilter::default().add(&text),
        ];
        for error in results.into_iter().filter_map(Result::err) {
            assert!(!engine::chain(&error).is_empty());
        }
    }
}
