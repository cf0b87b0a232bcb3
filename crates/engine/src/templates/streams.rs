//! The lists of image servers: products of Simplestreams (`streams/v1`), and the older lines of LXC (`meta/1.0`). Bytes to values, nothing else.
//!
//! Sources: the documents of images.linuxcontainers.org and cloud-images.ubuntu.com; lxc-download(1).

use std::collections::BTreeMap;

use serde::Deserialize;

/// Kinds of files that a root file system is in, the one that is taken first; the last ones are images of squashfs.
const ROOTS: [&str; 6] =
    ["root.tar.xz", "rootfs.tar.xz", "root.tar.zst", "root.tar.gz", "squashfs", "root.squashfs"];
/// LXC's metadata.
const METADATA: [&str; 1] = ["meta.tar.xz"];

/// An image of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteImage {
    /// Distribution.
    pub dist: String,
    /// Its release.
    pub release: String,
    /// Architecture, as Debian calls it.
    pub arch: String,
    /// Which of several.
    pub variant: String,
    /// When it was made: the one that is sorted last is the newest.
    pub build: String,
    /// Other names of the release.
    pub(super) aliases: Vec<String>,
    pub(super) files: RemoteFiles,
}

/// Where its files are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RemoteFiles {
    /// In a directory, with names that are fixed.
    Directory(String),
    /// Each is known.
    Known { root: Option<RemoteFile>, metadata: Option<RemoteFile> },
}

/// A file, and what it is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct RemoteFile {
    ftype: String,
    pub(super) path: String,
    pub(super) sha256: String,
    #[serde(default)]
    pub(super) size: Option<u64>,
}

#[derive(Deserialize)]
struct Index {
    index: BTreeMap<String, Stream>,
}

#[derive(Deserialize)]
struct Stream {
    #[serde(default)]
    datatype: String,
    path: String,
}

#[derive(Deserialize)]
struct Products {
    products: BTreeMap<String, Product>,
}

#[derive(Deserialize)]
struct Product {
    #[serde(default)]
    aliases: String,
    #[serde(default)]
    arch: String,
    #[serde(default)]
    os: String,
    #[serde(default)]
    release: String,
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    variant: Option<String>,
    #[serde(default)]
    versions: BTreeMap<String, Version>,
}

#[derive(Deserialize)]
struct Version {
    #[serde(default)]
    items: BTreeMap<String, serde_json::Value>,
}

/// Where the products are that are images.
pub(super) fn product_lists(index: &[u8]) -> Result<Vec<String>, serde_json::Error> {
    let index: Index = serde_json::from_slice(index)?;
    let streams = index.index.into_values();
    let images = streams.filter(|stream| matches!(&*stream.datatype, "" | "image-downloads"));
    Ok(images.map(|stream| stream.path).collect())
}

/// The images of a list of products: of each the newest.
pub(super) fn products(list: &[u8]) -> Result<Vec<RemoteImage>, serde_json::Error> {
    let list: Products = serde_json::from_slice(list)?;
    let images = list.products.into_values().filter_map(|product| {
        let (build, version) = product.versions.into_iter().next_back()?;
        // Items of other kinds have other fields.
        let items = version.items.into_values();
        let items: Vec<RemoteFile> =
            items.filter_map(|item| serde_json::from_value(item).ok()).collect();
        let first = |kinds: &[&str]| {
            kinds.iter().find_map(|kind| items.iter().find(|item| item.ftype == *kind).cloned())
        };
        let aliases = product.aliases.split(',').filter_map(|alias| alias.split('/').nth(1));
        Some(RemoteImage {
            dist: product.os.to_lowercase(),
            release: product.release,
            arch: product.arch,
            variant: product.variant.unwrap_or_else(|| "default".to_owned()),
            build,
            aliases: aliases.map(str::to_owned).chain(product.version).collect(),
            files: RemoteFiles::Known { root: first(&ROOTS), metadata: first(&METADATA) },
        })
    });
    Ok(images.collect())
}

/// The images of LXC's own list.
pub(super) fn lines(list: &str) -> Vec<RemoteImage> {
    let image = |line: &str| {
        let words: Vec<&str> = line.split(';').collect();
        let [dist, release, arch, variant, build, path] = words[..] else { return None };
        let [dist, release, arch, variant, build] =
            [dist, release, arch, variant, build].map(str::to_owned);
        let path = path.trim().trim_matches('/');
        let files = RemoteFiles::Directory(path.to_owned());
        let is_whole = !build.is_empty() && !path.is_empty();
        let aliases = Vec::new();
        is_whole.then_some(RemoteImage { dist, release, arch, variant, build, aliases, files })
    };
    list.lines().filter_map(image).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRODUCTS: &str = r#"{"format": "products:1.0", "products": {
        "alpine:3.20:amd64:default": {
            "aliases": "alpine/3.20/default,alpine/3.20", "arch": "amd64", "os": "Alpine", "release": "3.20", "variant": "default",
            "versions": {
                "20240101_00:00": {"items": {}},
                "20240102_00:00": {"items": {
                    "incus.tar.xz": {"ftype": "incus.tar.xz", "path": "i/incus.tar.xz", "sha256": "aa", "size": 3},
                    "root.squashfs": {"ftype": "squashfs", "path": "i/rootfs.squashfs", "sha256": "bb", "size": 4},
                    "root.tar.xz": {"ftype": "root.tar.xz", "path": "i/rootfs.tar.xz", "sha256": "cc", "size": 5},
                    "delta": {"ftype": "squashfs.vcdiff", "delta_base": "x"}
                }}
            }
        },
        "empty": {"os": "x"}
    }}"#;

    #[test]
    fn products_are_images() {
        let images = products(PRODUCTS.as_bytes()).unwrap();
        assert_eq!(images.len(), 1);
        let image = &images[0];
        assert_eq!((&*image.dist, &*image.build), ("alpine", "20240102_00:00"));
        let RemoteFiles::Known { root, metadata } = &image.files else { panic!("{image:?}") };
        let root = root.as_ref().unwrap();
        assert_eq!((&*root.path, &*root.sha256, root.size), ("i/rootfs.tar.xz", "cc", Some(5)));
        assert_eq!(*metadata, None);
        assert_eq!(image.aliases, ["3.20", "3.20"]);
        assert!(products(b"{}").is_err() && products(b"[").is_err());

        let index = r#"{"index": {"images": {"datatype": "image-downloads", "path": "streams/v1/images.json"}, "x": {"datatype": "other", "path": "y"}}}"#;
        assert_eq!(product_lists(index.as_bytes()).unwrap(), ["streams/v1/images.json"]);
    }

    #[test]
    fn lines_are_images() {
        let text = "alpine;3.20;amd64;default;2024_01;/images/a/\n\nbad;line\nx;y;z;w;;/p\n";
        let images = lines(text);
        assert_eq!(images.len(), 1);
        assert_eq!(images[0].files, RemoteFiles::Directory("images/a".to_owned()));
    }
}
