//! Arbitrary processes of `exec --process`, in a container with every field and in one with none.
#![no_main]

use std::sync::LazyLock;

use libcontainer::{ProcessPlan, chain};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use spec::runtime::{Process, Spec};

mod places;

static WHOLE: LazyLock<Value> = LazyLock::new(|| {
    let full: Value = serde_json::from_str(places::FULL).expect("it is JSON");
    full["process"].clone()
});
static SPECS: LazyLock<[Spec; 2]> = LazyLock::new(|| {
    [Spec::from_json(places::FULL.as_bytes()).expect("it is a configuration"), Spec::default()]
});

fuzz_target!(|bytes: &[u8]| {
    let text = places::document(bytes, &WHOLE);
    let Ok(process) = Process::from_json(&text) else { return };
    for spec in &*SPECS {
        match libcontainer::plan_joining(&process, spec) {
            Ok(plan) => check(&plan),
            Err(error) => {
                let words = chain(&error);
                assert!(words.starts_with("process"), "{words}");
            }
        }
    }
});

fn check(plan: &ProcessPlan) {
    let written = serde_json::to_string(plan).expect("a plan can be written");
    assert!(serde_json::from_str::<ProcessPlan>(&written).expect("and read") == *plan, "{written}");
    // A label is refused where there is no SELinux.
    if let Err(error) = libcontainer::fuzzing::prepare_process(plan) {
        let words = chain(&error);
        assert!(!words.contains("NUL"), "{words}");
    }
}
