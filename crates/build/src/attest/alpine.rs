//! Packages of apk: `/lib/apk/db/installed`, paragraphs of lines with one letter and a colon. apk-package(5).

use super::RootFiles;
use super::package::{Package, Sort, text, url};
use super::system::System;

const PLACES: [&str; 2] = ["/lib/apk/db/installed", "/usr/lib/apk/db/installed"];

/// What is installed.
pub(super) fn read(files: &RootFiles<'_>, system: &System) -> Vec<Package> {
    let found = PLACES.iter().find_map(|path| Some((*path, (files.read)(path)?)));
    let Some((path, bytes)) = found else { return Vec::new() };
    let content = text(&bytes);
    content.split("\n\n").filter_map(|stanza| package(stanza, path, system)).collect()
}

fn package(stanza: &str, path: &str, system: &System) -> Option<Package> {
    let field = |letter: char| {
        let mut lines = stanza.lines().filter_map(|line| line.strip_prefix(letter));
        lines.find_map(|line| line.strip_prefix(':')).unwrap_or_default().to_owned()
    };
    let (name, version) = (field('P'), field('V'));
    if name.is_empty() || version.is_empty() {
        return None;
    }
    let (architecture, origin, distribution) = (field('A'), field('o'), system.distribution());
    let qualifiers = [("arch", architecture.as_str()), ("distro", &distribution)];
    Some(Package {
        url: url(Sort::Alpine, system.space("alpine"), &name.to_lowercase(), &version, &qualifiers),
        sort: Sort::Alpine,
        origin: if origin == name { String::new() } else { origin },
        name,
        version,
        architecture,
        supplier: field('m'),
        licence: field('L'),
        found_in: path.to_owned(),
    })
}
