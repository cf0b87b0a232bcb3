//! Arbitrary text as a bake file: read, its targets chosen, changed and shown; or as a file `.env`. The first byte says in which format.
#![no_main]

use std::collections::BTreeMap;

use bake::{BakeFile, Definition, Machine};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, text)) = bytes.split_first() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let name = match kind % 5 {
        0 => "b.hcl",
        1 => "b.json",
        2 => "b.yaml",
        3 => ".env",
        _ => "b",
    };
    let environment: BTreeMap<String, String> = [("V".to_owned(), "1,2".to_owned())].into();
    let machine = Machine {
        environment: &environment,
        compose_environment: &environment,
        command_context: "cwd://",
        local_platform: "linux/amd64",
        now: 0,
        home: "/root",
        random: &|| [0; 16],
        is_address: &|context| context.starts_with("https://") || context.starts_with("git@"),
    };
    let file = BakeFile { name: name.to_owned(), text: text.to_owned() };
    if file.name == ".env" {
        if let Err(error) = bake::dot_env(&file, &environment) {
            let _ = error.render();
        }
        return;
    }
    let definition = match Definition::read(&[file], &machine) {
        Ok(definition) => definition,
        Err(error) => {
            let _ = error.render();
            return;
        }
    };
    let _ = definition.list_targets();
    let overrides = ["*.args.X=1".to_owned()];
    for names in [vec![], vec!["*".to_owned()]] {
        match definition.select(&names, &overrides, &machine) {
            Ok(selection) => assert!(!selection.to_json().is_empty()),
            Err(error) => assert!(!error.render().is_empty()),
        }
    }
});
