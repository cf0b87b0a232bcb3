//! A private store, and archives made by umoci and skopeo.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use store::{Paths, Store};
use tempfile::TempDir;

pub(crate) const NOW: i64 = 1_700_000_000_000_000_000;

pub(crate) struct Bench {
    pub(crate) directory: TempDir,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self { directory: tempfile::Builder::new().prefix("store-").tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn paths(&self) -> Paths {
        Paths { root: self.path("root"), state: self.path("state") }
    }

    pub(crate) fn store(&self) -> Store {
        Store::open(self.paths()).unwrap()
    }

    /// An OCI layout with the image `tag` of these layers, each a file's name and contents.
    pub(crate) fn layout(&self, name: &str, tag: &str, layers: &[(&str, &[u8])]) -> PathBuf {
        let layout = self.path(name);
        if !layout.exists() {
            run("umoci", &["init", "--layout", text(&layout)]);
        }
        let image = format!("{}:{tag}", layout.display());
        run("umoci", &["new", "--image", &image]);
        for (file, contents) in layers {
            let source = self.path("insert");
            std::fs::File::create(&source).unwrap().write_all(contents).unwrap();
            run("umoci", &["insert", "--image", &image, text(&source), &format!("/{file}")]);
        }
        layout
    }

    pub(crate) fn copy(&self, from: &str, to: &str) {
        let policy = ["--insecure-policy", "copy", "--quiet", from, to];
        run("skopeo", &policy);
    }

    /// Everything below `tmp`, and layers without a row: what must not be left.
    pub(crate) fn garbage(&self) -> Vec<String> {
        names(&self.path("root/tmp"))
    }

    pub(crate) fn layers(&self) -> Vec<String> {
        names(&self.path("root/layers"))
    }
}

pub(crate) fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

pub(crate) fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {stderr}");
}

/// The whole chain of an error, as a user sees it.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}
