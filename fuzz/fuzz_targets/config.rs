//! Arbitrary configurations of a container, up to what its child would take: planned on machines with control groups of both
//! versions and with systemd, or refused by the name of a field. No kernel is asked for anything.
#![no_main]

use std::sync::LazyLock;

use libcontainer::{Context, Plan, chain, plan};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use spec::runtime::Spec;

mod machines;
mod places;

/// What a refusal begins with.
const FIELDS: [&str; 9] = [
    "ociVersion",
    "process",
    "root",
    "hostname",
    "domainname",
    "mounts",
    "hooks",
    "annotations",
    "linux",
];

static WHOLE: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(places::FULL).expect("it is JSON"));
static CONTEXTS: LazyLock<[Context; 3]> = LazyLock::new(machines::contexts);

fuzz_target!(|bytes: &[u8]| {
    let text = places::document(bytes, &WHOLE);
    let Ok(mut spec) = Spec::from_json(&text) else { return };
    for context in &*CONTEXTS {
        match plan(&spec, context) {
            Ok(plan) => check(plan),
            Err(error) => {
                let words = chain(&error);
                assert!(FIELDS.iter().any(|field| words.starts_with(field)), "{words}");
            }
        }
        // Compiled the first time: it is the same everywhere, and the slowest of all.
        if let Some(linux) = &mut spec.linux {
            linux.seccomp = None;
        }
    }
});

/// A plan is shown, comes through a file as it is, and can be made ready.
fn check(plan: Plan) {
    assert!(!plan.to_string().is_empty());
    let written = serde_json::to_string(&plan).expect("a plan can be written");
    let read: Plan = serde_json::from_str(&written).expect("a plan can be read");
    assert!(read == plan, "{written}");
    if let Err(error) = libcontainer::fuzzing::prepare(plan) {
        let words = chain(&error);
        assert!(!words.contains("NUL"), "{words}");
    }
}
