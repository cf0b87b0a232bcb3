//! Arbitrary bytes as a Dockerfile: read, its variables put in, its stages sorted, checked and shown.
#![no_main]

use std::collections::BTreeMap;

use dockerfile::check::{Context, check};
use dockerfile::{Dockerfile, Globals, Graph, Instruction, Kind, Platforms, Source};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let source = Source::new(bytes);
    let _ = Instruction::trigger(&source);
    let file = match Dockerfile::parse(&source) {
        Ok(file) => file,
        Err(error) => {
            assert!(error.span.end <= source.text().len());
            let _ = error.render(&source, "Dockerfile");
            return;
        }
    };
    let native = spec::image::Platform::native();
    let platforms = Platforms { build: native.clone(), target: native };
    let arguments: BTreeMap<String, String> = [("v".to_owned(), "w x".to_owned())].into();
    if let Ok(globals) = Globals::new(&file, &source, &arguments, &platforms, "") {
        if let Ok(graph) = Graph::new(&file, &source, &globals) {
            for stage in &file.stages {
                assert_eq!(graph.needed(stage.number).last(), Some(&stage.number));
            }
        }
        triggers(&file);
    }
    let context = Context {
        arguments: &arguments,
        platforms: &platforms,
        target: "",
        ignore: None,
        exists: &|_| None,
        image: &|_| None,
        options: None,
    };
    let report = check(&file, &source, &context);
    for finding in report.findings {
        let _ = finding.render(&source, "Dockerfile");
    }
    if let Some(error) = report.error {
        let _ = error.render(&source, "Dockerfile");
    }
});

/// Every trigger is read again from the text that an image keeps, where the file's escape character is the usual one.
fn triggers(file: &Dockerfile) {
    for instruction in file.stages.iter().flat_map(|stage| &stage.instructions) {
        if let Kind::Onbuild(trigger) = &instruction.kind {
            let _ = Instruction::trigger(&Source::new(trigger.text.as_bytes()));
        }
    }
}
