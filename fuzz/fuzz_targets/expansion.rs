//! Arbitrary text as a word, with variables that hold parts of it.
#![no_main]

use std::collections::BTreeMap;

use dockerfile::{Lexer, Mode, Quotes};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let middle = text.char_indices().nth(text.chars().count() / 2).map_or(0, |(at, _)| at);
    let (first, second) = text.split_at(middle);
    let variables: BTreeMap<String, String> = [("a", first), ("b", second), ("c", "")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    for escape in ['\\', '`'] {
        for quotes in [Quotes::Remove, Quotes::Keep, Quotes::Literal] {
            for keep in [false, true] {
                let lexer = Lexer { escape, quotes, keep_escapes: keep, keep_undefined: keep };
                if let Ok(found) = lexer.word(text, &variables) {
                    assert!(found.words.iter().all(|word| !word.is_empty()));
                }
            }
        }
    }
    if let Ok(mode) = text.parse::<Mode>() {
        assert!(mode.apply(0o644, false) <= 0o7777);
    }
    let _ = dockerfile::ExposedPort::parse(text);
});
