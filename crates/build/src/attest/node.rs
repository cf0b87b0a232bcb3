//! Packages of Node.js: `package.json` of each directory in a `node_modules`.

use super::RootFiles;
use super::package::{Package, Sort, url};
use super::walk::Found;

/// Those that the walk has found.
pub(super) fn read(files: &RootFiles<'_>, found: &Found) -> Vec<Package> {
    found.node.iter().filter_map(|directory| package(files, directory)).collect()
}

fn package(files: &RootFiles<'_>, directory: &str) -> Option<Package> {
    let path = format!("{directory}/package.json");
    let document: serde_json::Value = serde_json::from_slice(&(files.read)(&path)?).ok()?;
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let (name, version) = (text(&document["name"]), text(&document["version"]));
    if name.is_empty() || version.is_empty() {
        return None;
    }
    let (space, bare) = match name.split_once('/') {
        Some((space, bare)) => (space, bare),
        None => ("", name.as_str()),
    };
    let author = &document["author"];
    let licence = &document["license"];
    Some(Package {
        url: url(Sort::Node, space, bare, &version, &[]),
        sort: Sort::Node,
        version,
        architecture: String::new(),
        supplier: if author.is_object() { text(&author["name"]) } else { text(author) },
        licence: if licence.is_object() { text(&licence["type"]) } else { text(licence) },
        found_in: path,
        origin: String::new(),
        name,
    })
}
