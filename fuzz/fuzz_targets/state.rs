//! Arbitrary records of containers, and hand-offs from the engine to its monitor: what can be read is written as something that
//! reads to the same, and a plan that comes out of a file is shown and made ready without a panic.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use monitor::{HANDOFF_VERSION, HandOff, LogRules};
use serde_json::Value;
use spec::runtime::Spec;

mod machines;
mod places;

const RECORD: &str =
    include_str!("../../crates/libcontainer/tests/kernel/fixtures/state-1-running.json");

static RECORD_WHOLE: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(RECORD).expect("it is JSON"));
static HANDOFF_WHOLE: LazyLock<Value> = LazyLock::new(|| {
    let spec = Spec::from_json(places::FULL.as_bytes()).expect("it is a configuration");
    let [context, ..] = machines::contexts();
    let handoff = HandOff {
        version: HANDOFF_VERSION,
        id: "web".to_owned(),
        plan: libcontainer::plan(&spec, &context).expect("it can be planned"),
        state_dir: "/run/corten/web".into(),
        container_dir: "/var/lib/corten/web".into(),
        networks: None,
        interfaces: Vec::new(),
        keeper: None,
        emulates: true,
        is_system: true,
        console: Default::default(),
        open_stdin: true,
        stdin_once: false,
        log: LogRules::default(),
        restart: Default::default(),
        health: None,
        variables: vec![("NAME".to_owned(), 1)],
        stop: Default::default(),
        timeout: Some(std::time::Duration::from_secs(1)),
        pid_file: Some("/run/web.pid".into()),
        events: None,
        restore: None,
        auto_remove: Some(vec!["rm".to_owned()]),
    };
    serde_json::to_value(handoff).expect("it can be written")
});

fuzz_target!(|bytes: &[u8]| {
    if let Some(written) = libcontainer::fuzzing::record(&places::document(bytes, &RECORD_WHOLE)) {
        assert_eq!(libcontainer::fuzzing::record(&written), Some(written));
    }
    let text = places::document(bytes, &HANDOFF_WHOLE);
    if let Ok(handoff) = serde_json::from_slice::<HandOff>(&text) {
        let written = serde_json::to_vec(&handoff).expect("it can be written");
        let read: HandOff = serde_json::from_slice(&written).expect("and read");
        assert!(read == handoff);
        assert!(!handoff.plan.to_string().is_empty());
        let _made_or_not = libcontainer::fuzzing::prepare(handoff.plan);
    }
});
