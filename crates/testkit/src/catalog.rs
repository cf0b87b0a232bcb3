//! What a registry has, for a [`ScriptedServer`](crate::ScriptedServer): images made of bytes, served with ranges as the
//! distribution specification says; a test answers by itself where it wants to lie.
//!
//! Start at [`Catalog::image`] and [`Catalog::answer`].

use std::collections::HashMap;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::{Request, Response};

/// Media type of an OCI manifest.
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Media type of an OCI index.
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// Media type of an OCI configuration.
pub const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// Media type of a layer, without the suffix of its compression.
pub const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// Blobs and manifests by their paths. Threads share it.
#[derive(Debug, Default)]
pub struct Catalog {
    /// What stands at the end of a path (`/blobs/DIGEST`, `/manifests/NAME`): media type and bytes.
    entries: Mutex<HashMap<String, (String, Vec<u8>)>>,
}

/// A layer as it is sent, and its plain archive.
#[derive(Clone, Debug)]
pub struct MadeLayer {
    /// As it is sent.
    pub blob: Vec<u8>,
    /// The archive.
    pub plain: Vec<u8>,
    /// Of the blob.
    pub media_type: String,
}

/// An image as its documents: a test changes what it wants to lie about, and puts it in.
#[derive(Clone, Debug)]
pub struct MadeImage {
    /// The configuration.
    pub config: Value,
    /// The manifest; its `config` is set when it is put in.
    pub manifest: Value,
    /// Layers.
    pub layers: Vec<MadeLayer>,
}

/// The digest of bytes: `sha256:` and 64 digits.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    let hex: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

/// Bytes that do not compress, the same for the same seed.
#[must_use]
pub fn noise(length: usize, seed: u64) -> Vec<u8> {
    // SplitMix64: any generator does that leaves nothing to compress.
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)).to_le_bytes()
    };
    std::iter::repeat_with(&mut next).flatten().take(length).collect()
}

/// An archive (ustar, POSIX.1-1988) of regular files.
#[must_use]
pub fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (name, bytes) in files {
        let mut header = [0_u8; 512];
        let mut put = |at: usize, text: &str| {
            header[at..at + text.len()].copy_from_slice(text.as_bytes());
        };
        put(0, name);
        put(100, "0000755\0");
        put(108, "0000000\0");
        put(116, "0000000\0");
        put(124, &format!("{:011o}\0", bytes.len()));
        put(136, "00000000000\0");
        put(148, "        ");
        put(156, "0");
        put(257, "ustar\0");
        put(263, "00");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        archive.extend(header);
        archive.extend(*bytes);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.resize(archive.len() + 1024, 0);
    archive
}

impl MadeLayer {
    /// An archive that is sent as it is.
    #[must_use]
    pub fn plain(archive: Vec<u8>) -> Self {
        Self { blob: archive.clone(), plain: archive, media_type: OCI_LAYER.to_owned() }
    }

    /// An archive that is compressed by `gzip` or `zstd`, whichever is named.
    ///
    /// # Panics
    /// When the program is missing.
    #[must_use]
    pub fn compressed(archive: Vec<u8>, program: &str) -> Self {
        let media_type = format!("{OCI_LAYER}+{program}");
        Self { blob: filter(program, &["-1", "-c"], &archive), plain: archive, media_type }
    }

    /// How a manifest describes it.
    #[must_use]
    pub fn descriptor(&self) -> Value {
        let digest = sha256(&self.blob);
        json!({"mediaType": self.media_type, "digest": digest, "size": self.blob.len()})
    }
}

/// Bytes through a program.
fn filter(program: &str, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => panic!("run {program}: {error}"),
    };
    let Some(mut stdin) = child.stdin.take() else { panic!("{program} has no pipe") };
    let output = std::thread::scope(|scope| {
        scope.spawn(move || {
            // What it does not read shows in its output.
            let _ = stdin.write_all(input);
        });
        child.wait_with_output()
    });
    match output {
        Ok(output) if output.status.success() => output.stdout,
        other => panic!("{program}: {other:?}"),
    }
}

impl MadeImage {
    /// An image for this machine.
    #[must_use]
    pub fn new(layers: Vec<MadeLayer>) -> Self {
        let diff_ids: Vec<String> = layers.iter().map(|layer| sha256(&layer.plain)).collect();
        let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
        let config = json!({
            "architecture": architecture, "os": "linux", "config": {"Cmd": ["/bin/sh"]},
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        });
        let descriptors: Vec<Value> = layers.iter().map(MadeLayer::descriptor).collect();
        let manifest =
            json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "layers": descriptors});
        Self { config, manifest, layers }
    }

    /// Digest of the configuration: the image's id.
    #[must_use]
    pub fn id(&self) -> String {
        sha256(self.config.to_string().as_bytes())
    }
}

impl Catalog {
    /// Puts a blob in; gives its digest.
    pub fn blob(&self, bytes: &[u8]) -> String {
        let digest = sha256(bytes);
        let kind = "application/octet-stream".to_owned();
        self.lock().insert(format!("/blobs/{digest}"), (kind, bytes.to_vec()));
        digest
    }

    /// Puts a document in under a tag and its digest; gives the digest.
    pub fn document(&self, tag: &str, media_type: &str, bytes: &[u8]) -> String {
        let digest = sha256(bytes);
        for name in [tag, &digest] {
            let entry = (media_type.to_owned(), bytes.to_vec());
            self.lock().insert(format!("/manifests/{name}"), entry);
        }
        digest
    }

    /// Puts an image in under a tag; gives the digest of its manifest.
    pub fn image(&self, tag: &str, image: &MadeImage) -> String {
        for layer in &image.layers {
            self.blob(&layer.blob);
        }
        let config = image.config.to_string();
        let digest = self.blob(config.as_bytes());
        let mut manifest = image.manifest.clone();
        if manifest.get("config").is_none() {
            let described =
                json!({"mediaType": OCI_CONFIG, "digest": digest, "size": config.len()});
            manifest["config"] = described;
        }
        self.document(tag, OCI_MANIFEST, manifest.to_string().as_bytes())
    }

    /// Answers as a registry does, whatever the repository.
    #[must_use]
    pub fn answer(&self, request: &Request) -> Response {
        let path = request.path();
        if path == "/v2/" {
            return Response::new(200);
        }
        let entries = self.lock();
        let key = ["/blobs/", "/manifests/"].iter().find_map(|kind| path.rfind(kind));
        let Some((kind, bytes)) = key.and_then(|at| entries.get(&path[at..])) else {
            return Response::new(404);
        };
        let answer = match range(request, bytes.len()) {
            Some((from, to)) => {
                let range = format!("bytes {from}-{}/{}", to - 1, bytes.len());
                Response::new(206).header("Content-Range", &range).body(&bytes[from..to])
            }
            None => Response::new(200).body(bytes.as_slice()),
        };
        answer
            .header("Content-Type", kind)
            .header("Docker-Content-Digest", &sha256(bytes))
            .header("Accept-Ranges", "bytes")
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, (String, Vec<u8>)>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `bytes=FROM-LAST` or `bytes=FROM-`, within what there is.
fn range(request: &Request, length: usize) -> Option<(usize, usize)> {
    let (from, last) = request.header("range")?.strip_prefix("bytes=")?.split_once('-')?;
    let from = from.parse().ok()?;
    let to = last.parse::<usize>().map_or(length, |last| (last + 1).min(length));
    (from < to).then_some((from, to))
}
