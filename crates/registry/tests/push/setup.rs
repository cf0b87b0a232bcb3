//! A private store with images of a few files, and pushes of them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use registry::{Client, Form, Progress, Push, Pushed, RegistryError, Settings, push};
use sha2::Digest as _;
use spec::Digest;
use spec::image::{Descriptor, ImageConfig, RootFs};
use store::tar::{Metadata, Writer};
use store::{ExpectedLayer, Image, NewImage, Paths, Store};
use tempfile::TempDir;

use crate::shared::{settings, told};

pub(crate) const NOW: i64 = 1_700_000_000_000_000_000;

pub(crate) struct Bench {
    directory: TempDir,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self { directory: tempfile::Builder::new().prefix("push-").tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn store(&self) -> Store {
        store_at(&self.path("store"))
    }

    /// Uploads that were begun and are not over.
    pub(crate) fn journals(&self) -> usize {
        std::fs::read_dir(self.path("store/root/uploads")).map_or(0, Iterator::count)
    }
}

pub(crate) fn store_at(path: &Path) -> Store {
    Store::open(Paths { root: path.join("root"), state: path.join("state") }).unwrap()
}

pub(crate) fn digest(bytes: &[u8]) -> Digest {
    Digest::sha256(sha2::Sha256::digest(bytes).into())
}

/// The archive of one file; `noise` bytes of it cannot be compressed.
pub(crate) fn layer(name: &str, noise: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64 ^ name.len() as u64;
    let mut contents = name.repeat(1000).into_bytes();
    while contents.len() < noise {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        contents.extend_from_slice(&state.to_le_bytes());
    }
    let mut archive = Writer::new(Vec::new());
    let (path, size) = (name.as_bytes().to_vec(), contents.len() as u64);
    let file = Metadata { path, size, mode: 0o644, ..Metadata::default() };
    archive.append(&file, &contents[..]).unwrap();
    archive.finish().unwrap()
}

/// An image of these layers, as if it had come from somewhere.
pub(crate) fn image(store: &Store, layers: &[&[u8]]) -> Image {
    image_from(store, layers, "amd64", &Origin::default())
}

/// What a registry is remembered to know of an image.
#[derive(Default)]
pub(crate) struct Origin<'a> {
    pub(crate) repository: &'a str,
    pub(crate) documents: &'a [(Descriptor, Vec<u8>)],
    pub(crate) blobs: &'a [Descriptor],
}

/// The same with what a registry knows of it.
pub(crate) fn image_from(
    store: &Store,
    layers: &[&[u8]],
    architecture: &str,
    origin: &Origin<'_>,
) -> Image {
    let bytes = config(layers, architecture);
    let mut incoming = store.images().incoming().unwrap();
    for bytes in layers {
        let diff_id = digest(bytes);
        if !incoming.has(&diff_id).unwrap() {
            let expected = ExpectedLayer { blob: diff_id.clone(), diff_id };
            let unpacked = incoming.place().unpack(*bytes, &expected).unwrap();
            incoming.publish(unpacked, NOW).unwrap();
        }
    }
    let Origin { repository, documents, blobs } = *origin;
    let new = NewImage { config: &bytes, name: None, repository, documents, layers: blobs };
    let id = incoming.commit(&new, NOW).unwrap().unwrap();
    store.images().resolve(&id.to_string()).unwrap()
}

pub(crate) fn config(layers: &[&[u8]], architecture: &str) -> Vec<u8> {
    let config = ImageConfig {
        architecture: architecture.to_owned(),
        os: "linux".to_owned(),
        rootfs: RootFs {
            kind: "layers".to_owned(),
            diff_ids: layers.iter().map(|layer| digest(layer)).collect(),
        },
        ..ImageConfig::default()
    };
    serde_json::to_vec(&config).unwrap()
}

/// A push, and what was told of it.
pub(crate) fn push_as(
    store: &Store,
    image: &Image,
    name: &str,
    form: Form,
) -> (Result<Pushed, RegistryError>, Arc<Progress>) {
    let settings = settings();
    let progress = Arc::clone(&settings.progress);
    (push_with(store, image, name, form, settings), progress)
}

/// A push by a client with these settings.
pub(crate) fn push_with(
    store: &Store,
    image: &Image,
    name: &str,
    form: Form,
    settings: Settings,
) -> Result<Pushed, RegistryError> {
    let progress = Arc::clone(&settings.progress);
    let client = Client::new(settings);
    let reference = name.parse().unwrap();
    let order = Push {
        store,
        client: &client,
        reference: &reference,
        form,
        now_ns: NOW,
        progress: &progress,
    };
    push(order, image)
}

pub(crate) fn push_to(store: &Store, image: &Image, name: &str) -> Pushed {
    push_as(store, image, name, Form::default())
        .0
        .unwrap_or_else(|error| panic!("{}", told(&error)))
}

/// What a program says, which must succeed.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {stderr}");
    output.stdout
}
