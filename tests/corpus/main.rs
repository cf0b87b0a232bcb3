//! The corpus: Dockerfiles in the shapes that public repositories have, each built by Corten, by buildah and by dockerd's classic builder, and
//! held against what is written beside it: every file of the image with its mode, owner and contents, and its configuration.
//!
//! A case is a directory of `cases/`: its context, `case.toml` (see [`case`]) and `expected`, the lines of `listing.py`. Where a builder makes
//! something else, the case lists the lines and why; a line that is not listed fails the test, and so does one that does not occur any more.
//!
//! - `CORTEN_CORPUS_ONLY=name,name` builds these cases alone, and prints what each builder made otherwise.
//! - `CORTEN_CORPUS_BUILDKIT=unix:///path` has a running buildkitd (with `buildctl` in `PATH`) build them, too.
//! - `CORTEN_CORPUS_WRITE=buildah|docker|buildkit|corten` writes what that builder makes into `expected`.
//! - `CORTEN_CORPUS_DOCUMENT=write` writes docs/build-conformance.md.

#![cfg(test)]

mod base;
mod builder;
mod case;
mod difference;
mod document;
mod ground;

use std::collections::BTreeMap;

use builder::{Builder, Built};
use case::{Case, Speed};
use ground::Ground;

/// What an environment variable of the test says.
fn asked(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "a test's own switches, not the program's")]
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The cases that are asked for, of one speed.
fn chosen(speed: Speed) -> Vec<Case> {
    let only = asked("CORTEN_CORPUS_ONLY");
    let is_asked = |case: &Case| {
        only.as_ref().is_none_or(|only| only.split(',').any(|name| name == case.name))
    };
    Case::all().into_iter().filter(|case| case.speed() == speed && is_asked(case)).collect()
}

/// Each builder has a thread, in which it builds one case after the other; gives what each made of each.
fn build_all(ground: &Ground, cases: &[Case]) -> BTreeMap<(String, String), Built> {
    let builders = Builder::all();
    std::thread::scope(|scope| {
        let threads: Vec<_> = builders
            .iter()
            .map(|builder| (builder.name(), scope.spawn(move || builder.build(ground, cases))))
            .collect();
        let mut made = BTreeMap::new();
        for (name, thread) in threads {
            for (case, built) in thread.join().unwrap() {
                made.insert((case, name.to_owned()), built);
            }
        }
        made
    })
}

fn hold(speed: Speed) {
    let cases = chosen(speed);
    if cases.is_empty() {
        return;
    }
    // What the machine's own files have as modes is copied into bases, and some builders hand the caller's mask on.
    let _callers = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    // buildah hands its steps what it has inherited: the caller's descriptors would be counted.
    sys::close_on_exec_from(3).unwrap();
    let ground = Ground::new(&cases, speed);
    let made = build_all(&ground, &cases);
    let mut wrong = String::new();
    for case in &cases {
        let of_case = |name: &str| made.get(&(case.name.clone(), name.to_owned()));
        if let Some(built) = asked("CORTEN_CORPUS_WRITE").and_then(|name| of_case(&name)) {
            wrong += &case.write_expected(built);
            continue;
        }
        for builder in Builder::all() {
            if let Some(built) = of_case(builder.name()) {
                wrong += &difference::unexplained(case, builder.name(), built);
            }
        }
        let of_all: Vec<(&str, &Built)> = Builder::all()
            .iter()
            .filter_map(|builder| Some((builder.name(), of_case(builder.name())?)))
            .collect();
        wrong += &difference::varying(case, &of_all);
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn images_are_what_buildah_and_dockerd_make() {
    hold(Speed::Fast);
}

#[test]
fn images_of_debian_are_what_buildah_and_dockerd_make() {
    hold(Speed::Slow);
}

#[test]
fn cases_are_documented() {
    let cases = Case::all();
    assert!(cases.len() >= 60, "{} cases", cases.len());
    let written = document::document(&cases);
    if asked("CORTEN_CORPUS_DOCUMENT").as_deref() == Some("write") {
        case::write(&document::path(), written.as_bytes());
    }
    let found = std::fs::read_to_string(document::path()).unwrap_or_default();
    assert!(found == written, "docs/build-conformance.md: CORTEN_CORPUS_DOCUMENT=write renews it");
}
