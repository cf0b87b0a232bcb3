//! Journals of uploads, and commands that are killed at any moment.

use std::os::unix::fs::PermissionsExt as _;

use spec::Digest;
use store::compression::Compress;
use store::{Journal, Sending, Uploads};

use crate::fixture::{Bench, NOW, names};

const REPOSITORY: &str = "registry.example/team/app";
const LOCATION: &str = "https://registry.example/v2/team/app/blobs/uploads/1?signed=secret";

fn digest() -> Digest {
    format!("sha256:{}", "5".repeat(64)).parse().unwrap()
}

fn ours(uploads: &Uploads, how: &str) -> Journal {
    match uploads.begin(REPOSITORY, &digest(), how.parse().unwrap(), NOW).unwrap() {
        Sending::Ours(journal) => journal,
        Sending::Busy(_) => panic!("nobody else has it"),
    }
}

#[test]
fn a_journal_is_found_again_by_layer_place_and_form() {
    let bench = Bench::new();
    let uploads = bench.store().uploads();
    let mut journal = ours(&uploads, "gzip:6");
    assert_eq!(journal.location(), None);
    journal.record(LOCATION).unwrap();
    drop(journal);
    assert_eq!(ours(&uploads, "gzip").location(), Some(LOCATION));
    assert_eq!(ours(&uploads, "gzip:9").location(), None);
    assert_eq!(ours(&uploads, "zstd").location(), None);
    let elsewhere = uploads.begin("other.example/app", &digest(), Compress::default(), NOW);
    let Sending::Ours(elsewhere) = elsewhere.unwrap() else { panic!("nobody has it") };
    assert_eq!(elsewhere.location(), None);
    drop(elsewhere);
    let listed = uploads.list().unwrap();
    assert_eq!(listed.len(), 1, "{listed:?}");
    assert_eq!((listed[0].repository.as_str(), listed[0].begun_ns), (REPOSITORY, NOW));
    assert!(uploads.remove(&listed[0]).unwrap());
    assert!(!uploads.remove(&listed[0]).unwrap());
    assert_eq!(names(&bench.path("root/uploads")), [""; 0]);
}

#[test]
fn nobody_else_may_read_it() {
    let bench = Bench::new();
    let uploads = bench.store().uploads();
    let mut journal = ours(&uploads, "gzip");
    journal.record(LOCATION).unwrap();
    let mode = |path: &str| bench.path(path).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("root/uploads"), 0o700);
    let files = names(&bench.path("root/uploads"));
    assert_eq!(files.len(), 2);
    for file in files {
        assert_eq!(mode(&format!("root/uploads/{file}")), 0o600, "{file}");
    }
}

#[test]
fn of_two_the_second_waits() {
    let bench = Bench::new();
    let uploads = bench.store().uploads();
    let mut journal = ours(&uploads, "gzip");
    journal.record(LOCATION).unwrap();
    let second = uploads.begin(REPOSITORY, &digest(), Compress::default(), NOW).unwrap();
    let Sending::Busy(busy) = second else { panic!("both have it") };
    assert!(!busy.is_released().unwrap());
    assert_eq!(uploads.list().unwrap(), [], "a living command's is not abandoned");
    journal.forget().unwrap();
    drop(journal);
    busy.wait().unwrap();
    assert_eq!(names(&bench.path("root/uploads")), [""; 0]);
    assert_eq!(ours(&uploads, "gzip").location(), None);
}

#[test]
fn what_was_not_written_here_is_not_gone_on_with() {
    let bench = Bench::new();
    let uploads = bench.store().uploads();
    ours(&uploads, "gzip").record(LOCATION).unwrap();
    let file = names(&bench.path("root/uploads")).pop().unwrap();
    let path = bench.path("root/uploads").join(&file);
    let text = std::fs::read_to_string(&path).unwrap();
    let stream = format!("\"stream\":{}", store::compression::STREAM_VERSION);
    for (what, changed) in [
        ("another stream", text.replace(&stream, "\"stream\":0")),
        ("a later version", text.replace("\"version\":1", "\"version\":2")),
        ("half a file", text[..text.len() / 2].to_owned()),
    ] {
        assert_ne!(changed, text, "{what}");
        store::write_atomic(&bench.path("root/uploads"), &file, changed.as_bytes()).unwrap();
        assert_eq!(ours(&uploads, "gzip").location(), None, "{what}");
    }
}
