//! The files below `man` and `completions` are made from the tables of the program, committed, and as fresh as these.
//!
//! `cargo xtask generate` runs the test that writes them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::completion::{Shell, script};
use crate::manual;

/// Every file, by its path in the repository.
fn files() -> BTreeMap<String, String> {
    let pages = manual::pages().into_iter().map(|(name, text)| (format!("man/{name}"), text));
    let scripts =
        Shell::ALL.map(|shell| (format!("completions/{}", shell.file_name()), script(shell)));
    pages.chain(scripts).collect()
}

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What is in the directories now.
fn committed() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for directory in ["man", "completions"] {
        for entry in std::fs::read_dir(repository().join(directory)).into_iter().flatten() {
            let name = format!("{directory}/{}", entry.unwrap().file_name().to_str().unwrap());
            let text = std::fs::read_to_string(repository().join(&name)).unwrap();
            found.insert(name, text);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn are_fresh() {
        let (wanted, found) = (files(), committed());
        let names = wanted.keys().chain(found.keys().filter(|name| !wanted.contains_key(*name)));
        let stale: Vec<&String> =
            names.filter(|name| wanted.get(*name) != found.get(*name)).collect();
        assert!(stale.is_empty(), "stale, run `cargo xtask generate`: {stale:#?}");
    }

    #[test]
    #[ignore = "it writes: run by `cargo xtask generate`"]
    fn write() {
        for name in committed().keys() {
            std::fs::remove_file(repository().join(name)).unwrap();
        }
        for (name, text) in files() {
            let path = repository().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            #[expect(
                clippy::disallowed_methods,
                reason = "files of the repository, under version control"
            )]
            std::fs::write(path, text).unwrap();
        }
    }
}
