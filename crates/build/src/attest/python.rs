//! Packages of Python: `METADATA` in `*.dist-info`, `PKG-INFO` in `*.egg-info`. Core metadata specification.

use super::RootFiles;
use super::package::{Package, Sort, text, url};
use super::walk::Found;

/// Those that the walk has found.
pub(super) fn read(files: &RootFiles<'_>, found: &Found) -> Vec<Package> {
    found.python.iter().filter_map(|directory| package(files, directory)).collect()
}

fn package(files: &RootFiles<'_>, directory: &str) -> Option<Package> {
    let path = ["METADATA", "PKG-INFO"].map(|name| format!("{directory}/{name}"));
    let (path, bytes) =
        path.into_iter().find_map(|path| (files.read)(&path).map(|bytes| (path, bytes)))?;
    let content = text(&bytes);
    // The description follows an empty line and may hold anything.
    let head = content.split("\n\n").next().unwrap_or_default();
    let field = |key: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(':'));
        let value = lines.find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value);
        value.unwrap_or_default().trim().to_owned()
    };
    let (name, version) = (field("Name"), field("Version"));
    if name.is_empty() || version.is_empty() {
        return None;
    }
    let licence = [field("License-Expression"), field("License")];
    Some(Package {
        url: url(Sort::Python, "", &normal(&name), &version, &[]),
        sort: Sort::Python,
        name,
        version,
        architecture: String::new(),
        supplier: [field("Author-email"), field("Author")]
            .into_iter()
            .find(|text| !text.is_empty())
            .unwrap_or_default(),
        licence: licence.into_iter().find(|text| !text.is_empty()).unwrap_or_default(),
        found_in: path,
        origin: String::new(),
    })
}

/// Names differ in case and separators only for people.
fn normal(name: &str) -> String {
    let mut out = String::new();
    for letter in name.to_lowercase().chars() {
        let letter = if matches!(letter, '_' | '.' | '-') { '-' } else { letter };
        if !(letter == '-' && out.ends_with('-')) {
            out.push(letter);
        }
    }
    out
}
