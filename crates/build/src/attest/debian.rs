//! Packages of dpkg: `/var/lib/dpkg/status`, and `status.d` of images that have no dpkg. deb-control(5).

use super::RootFiles;
use super::package::{Package, Sort, text, url};
use super::system::System;

const STATUS: &str = "/var/lib/dpkg/status";
const STATUS_DIRECTORY: &str = "/var/lib/dpkg/status.d";

/// What is installed.
pub(super) fn read(files: &RootFiles<'_>, system: &System) -> Vec<Package> {
    let mut packages = Vec::new();
    if let Some(bytes) = (files.read)(STATUS) {
        packages.extend(stanzas(&text(&bytes), STATUS, system, false));
    }
    for (name, is_directory) in (files.list)(STATUS_DIRECTORY) {
        if is_directory || name.ends_with(".md5sums") {
            continue;
        }
        let path = format!("{STATUS_DIRECTORY}/{name}");
        if let Some(bytes) = (files.read)(&path) {
            packages.extend(stanzas(&text(&bytes), &path, system, true));
        }
    }
    packages
}

/// Paragraphs. In `status.d` none says whether it is installed: it is there because it is.
fn stanzas(content: &str, path: &str, system: &System, is_there: bool) -> Vec<Package> {
    let content = content.replace("\r\n", "\n");
    content.split("\n\n").filter_map(|stanza| package(stanza, path, system, is_there)).collect()
}

fn package(stanza: &str, path: &str, system: &System, is_there: bool) -> Option<Package> {
    let field = |key: &str| {
        let lines = stanza.lines().filter(|line| !line.starts_with([' ', '\t']));
        let mut found = lines.filter_map(|line| line.split_once(':'));
        let value = found.find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value);
        value.unwrap_or_default().trim().to_owned()
    };
    let (name, version) = (field("Package"), field("Version"));
    let is_installed = field("Status").split(' ').next_back() == Some("installed");
    if name.is_empty() || version.is_empty() || !(is_there || is_installed) {
        return None;
    }
    let architecture = field("Architecture");
    let distribution = system.distribution();
    let qualifiers = [("arch", architecture.as_str()), ("distro", &distribution)];
    Some(Package {
        url: url(Sort::Debian, system.space("debian"), &name, &version, &qualifiers),
        sort: Sort::Debian,
        name,
        version,
        architecture,
        supplier: field("Maintainer"),
        licence: String::new(),
        found_in: path.to_owned(),
        origin: field("Source"),
    })
}
