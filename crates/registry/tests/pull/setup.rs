//! A private store, a scripted registry, and pulls from the one into the other.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use registry::{Client, Pull, Pulled, RegistryError, Settings};
use store::{Paths, Store};
use tempfile::TempDir;
use testkit::{Catalog, MadeImage, MadeLayer, Request, Response, ScriptedServer, archive, noise};

use crate::shared::settings;

pub(crate) const NOW: i64 = 1_700_000_000_000_000_000;

pub(crate) struct Bench {
    directory: TempDir,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self { directory: tempfile::Builder::new().prefix("pull-").tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn store(&self) -> Store {
        Store::open(Paths { root: self.path("root"), state: self.path("state") }).unwrap()
    }

    /// Pulls `HOST/NAME`.
    pub(crate) fn pull_with(
        &self,
        settings: Settings,
        host: &str,
        name: &str,
    ) -> Result<Pulled, RegistryError> {
        let store = self.store();
        let progress = Arc::clone(&settings.progress);
        let client = Client::new(settings);
        let reference = format!("{host}/{name}").parse().unwrap();
        let resolution = registry::resolve(&client, &store, &reference, None)?;
        registry::fetch(Pull {
            store: &store,
            resolution: &resolution,
            connections: 4,
            now_ns: NOW,
            progress: &progress,
        })
    }

    pub(crate) fn pull(&self, host: &str, name: &str) -> Result<Pulled, RegistryError> {
        self.pull_with(settings(), host, name)
    }

    /// Names in a directory of the store.
    pub(crate) fn names(&self, directory: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.path("root").join(directory));
        let mut names: Vec<String> = entries
            .into_iter()
            .flatten()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// Nothing of a pull is left but layers that were whole.
    #[track_caller]
    pub(crate) fn nothing_half(&self) {
        assert_eq!(self.names("transfers"), [""; 0], "transfers");
        assert_eq!(self.names("tmp"), [""; 0], "tmp");
    }

    /// Not even those.
    #[track_caller]
    pub(crate) fn nothing_at_all(&self) {
        // What a power cut has left is taken away by whoever comes first.
        drop(self.store());
        self.nothing_half();
        assert_eq!(self.names("layers"), [""; 0], "layers");
        assert_eq!(self.names("recipes"), [""; 0], "recipes");
        assert!(self.store().images().list().unwrap().is_empty());
    }

    pub(crate) fn file(&self, layer: &MadeLayer, name: &str) -> PathBuf {
        let digest = testkit::sha256(&layer.plain);
        self.path("root/layers").join(digest.strip_prefix("sha256:").unwrap()).join(name)
    }
}

/// A layer with one file of noise, as it is.
pub(crate) fn layer(name: &str, length: usize) -> MadeLayer {
    let mix = |seed: u64, byte| seed.wrapping_mul(257).wrapping_add(u64::from(byte));
    let seed = name.bytes().fold(length as u64, mix);
    MadeLayer::plain(archive(&[(name, &noise(length, seed))]))
}

pub(crate) fn one_layer() -> MadeImage {
    MadeImage::new(vec![layer("file", 1 << 20)])
}

/// Path of a layer's blob at the end of a target.
pub(crate) fn blob_of(layer: &MadeLayer) -> String {
    format!("/blobs/{}", testkit::sha256(&layer.blob))
}

/// A registry that has what the catalog has, but where `lie` knows better. The number counts requests of which the target ends
/// alike, from 0.
pub(crate) fn server(
    catalog: Catalog,
    lie: impl Fn(&Request, usize, Response) -> Response + Send + Sync + 'static,
) -> ScriptedServer {
    let seen: Mutex<Vec<String>> = Mutex::default();
    ScriptedServer::start(move |request| {
        let number = {
            let mut seen = seen.lock().unwrap();
            seen.push(request.target.clone());
            seen.iter().filter(|target| **target == request.target).count() - 1
        };
        lie(request, number, catalog.answer(request))
    })
}

pub(crate) fn honest(catalog: Catalog) -> ScriptedServer {
    server(catalog, |_, _, answer| answer)
}

pub(crate) fn catalog(image: &MadeImage) -> Catalog {
    let catalog = Catalog::default();
    catalog.image("latest", image);
    catalog
}

/// Requests for a layer, in order.
pub(crate) fn asked(server: &ScriptedServer, layer: &MadeLayer) -> Vec<Request> {
    let end = blob_of(layer);
    server.requests().into_iter().filter(|request| request.target.ends_with(&end)).collect()
}

#[track_caller]
pub(crate) fn same_file(path: &Path, bytes: &[u8]) {
    assert!(std::fs::read(path).unwrap() == bytes, "{}", path.display());
}
