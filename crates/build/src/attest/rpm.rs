//! Packages of rpm: the headers in `rpmdb.sqlite`. Its older databases, Berkeley DB and ndb, are named and not read.
//!
//! Sources: rpm's header format (an index of tags, types, offsets and counts, and the data), its tags.

use super::package::{Package, Sort, url};
use super::sqlite::{Column, rows};
use super::system::System;
use super::{Inventory, RootFiles};

const DIRECTORIES: [&str; 2] = ["/usr/lib/sysimage/rpm", "/var/lib/rpm"];
const OLD: [&str; 2] = ["Packages", "Packages.db"];

const NAME: u32 = 1000;
const VERSION: u32 = 1001;
const RELEASE: u32 = 1002;
const EPOCH: u32 = 1003;
const VENDOR: u32 = 1011;
const LICENCE: u32 = 1014;
const ARCHITECTURE: u32 = 1022;
const SOURCE: u32 = 1044;

/// What is installed.
pub(super) fn read(files: &RootFiles<'_>, system: &System, inventory: &mut Inventory) {
    for directory in DIRECTORIES {
        let path = format!("{directory}/rpmdb.sqlite");
        if let Some(bytes) = (files.read)(&path) {
            match rows(&bytes, "Packages") {
                Some(rows) => {
                    let headers = rows.iter().filter_map(|row| match row.get(1) {
                        Some(Column::Blob(header)) => Some(header),
                        _ => None,
                    });
                    let packages = headers.filter_map(|header| package(header, &path, system));
                    inventory.packages.extend(packages);
                }
                None => inventory.unread.push(format!("{path} is broken")),
            }
            return;
        }
        for name in OLD {
            if (files.list)(directory).iter().any(|(found, _)| found == name) {
                let kind = if name == "Packages" { "Berkeley DB" } else { "ndb" };
                inventory.unread.push(format!("{directory}/{name} is a database of {kind}"));
            }
        }
    }
}

fn package(header: &[u8], path: &str, system: &System) -> Option<Package> {
    let header = Header::read(header)?;
    let text = |tag: u32| header.text(tag).unwrap_or_default();
    let name = text(NAME);
    // Keys are kept as packages of this name; they hold no files.
    if name.is_empty() || name == "gpg-pubkey" {
        return None;
    }
    let epoch = header.number(EPOCH).map(|epoch| epoch.to_string()).unwrap_or_default();
    let bare = format!("{}-{}", text(VERSION), text(RELEASE));
    let version = if epoch.is_empty() { bare.clone() } else { format!("{epoch}:{bare}") };
    let (architecture, distribution) = (text(ARCHITECTURE), system.distribution());
    let qualifiers =
        [("arch", architecture.as_str()), ("distro", &distribution), ("epoch", &epoch)];
    Some(Package {
        url: url(Sort::Rpm, system.space("rpm"), &name, &bare, &qualifiers),
        sort: Sort::Rpm,
        name,
        version,
        architecture,
        supplier: text(VENDOR),
        licence: text(LICENCE),
        found_in: path.to_owned(),
        origin: text(SOURCE),
    })
}

/// A header: the index and the data.
struct Header<'a> {
    index: &'a [u8],
    data: &'a [u8],
}

impl<'a> Header<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let number = |at: usize| -> Option<usize> {
            let bytes: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
            usize::try_from(u32::from_be_bytes(bytes)).ok()
        };
        let end = number(0)?.checked_mul(16)?.checked_add(8)?;
        let data_end = end.checked_add(number(4)?)?;
        Some(Self { index: bytes.get(8..end)?, data: bytes.get(end..data_end)? })
    }

    /// The type of a tag's value, and the data from it on.
    fn value(&self, tag: u32) -> Option<(u32, &'a [u8])> {
        let (entries, _) = self.index.as_chunks::<16>();
        entries.iter().find_map(|entry| {
            let part = |at: usize| -> Option<u32> {
                Some(u32::from_be_bytes(entry.get(at..at + 4)?.try_into().ok()?))
            };
            let offset = usize::try_from(part(8)?).ok()?;
            (part(0)? == tag).then(|| Some((part(4)?, self.data.get(offset..)?))).flatten()
        })
    }

    /// A string, or the first of several.
    fn text(&self, tag: u32) -> Option<String> {
        let (kind, bytes) = self.value(tag)?;
        if !matches!(kind, 6 | 8 | 9) {
            return None;
        }
        let end = bytes.iter().position(|byte| *byte == 0)?;
        Some(String::from_utf8_lossy(bytes.get(..end)?).into_owned())
    }

    fn number(&self, tag: u32) -> Option<u32> {
        let (kind, bytes) = self.value(tag)?;
        (kind == 4).then(|| Some(u32::from_be_bytes(bytes.get(..4)?.try_into().ok()?))).flatten()
    }
}
