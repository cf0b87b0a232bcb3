//! The directory that the first word names with `--rootfs`: only read, unless `:rw` behind it has it changed where it is.

use std::path::absolute;

use engine::config::{RootFiles, RootInPlace, RootPlace};

use crate::arguments::Matches;
use crate::failure::Failure;

/// What is a container's root in the place of an image. Podman's `:O`, an overlay over it, is what nothing behind it means.
pub(super) fn rootfs(matches: &Matches) -> Result<Option<RootPlace>, Failure> {
    if !matches.on("rootfs") {
        return Ok(None);
    }
    let word = matches.word(0);
    let (path, in_place, id_mapped) = match word.rsplit_once(':') {
        Some((path, "O")) => (path, false, false),
        Some((path, "rw")) => (path, true, false),
        Some((path, "rw,idmap" | "idmap,rw")) => (path, true, true),
        Some(_) | None => (word, false, false),
    };
    let path = absolute(path).map_err(Failure::file("find rootfs", word))?;
    Ok(Some(if in_place {
        let files = RootFiles::Directory(path);
        RootPlace::InPlace(RootInPlace { files, options: Vec::new(), id_mapped })
    } else {
        RootPlace::Below(path)
    }))
}
