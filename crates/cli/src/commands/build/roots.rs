//! Root file systems out of what was built: an archive, or a directory. Where there are several platforms each has a directory of its own, and
//! statements lie beside the files, as BuildKit writes them.

use std::os::fd::AsFd;
use std::path::Path;

use build::Built;
use engine::{Engine, Image, RootPart};
use rustix::fs::{Mode as FileMode, OFlags};
use spec::image::Platform;

use super::super::archives::{into_place, pour};
use super::outputs::failed;
use crate::failure::Failure;

/// Files that are not the image's, by their names.
type Files = Vec<(String, Vec<u8>)>;

/// An archive, in a file or on standard output.
pub(super) fn tar(engine: &Engine, built: &Built, dest: Option<&str>) -> Result<(), Failure> {
    let all = all(engine, built)?;
    into_place("build", dest, |writer| match all.as_slice() {
        [(image, _, files)] if files.is_empty() => {
            let archive =
                engine.images().root_archive(image).map_err(failed("write the archive"))?;
            pour("build", archive, writer)
        }
        all => {
            let parts: Vec<RootPart<'_>> = all
                .iter()
                .map(|(image, directory, files)| RootPart { image, directory, files })
                .collect();
            engine.images().root_archives(&parts, writer).map_err(failed("write the archive"))
        }
    })
}

/// A directory, in which files are the caller's.
pub(super) fn local(engine: &Engine, built: &Built, directory: &Path) -> Result<(), Failure> {
    for (image, name, files) in all(engine, built)? {
        let directory = directory.join(&name);
        let path = directory.display();
        std::fs::create_dir_all(&directory).map_err(Failure::file("create", &path))?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = rustix::fs::open(&directory, flags, FileMode::empty());
        let opened = opened.map_err(|errno| Failure::file("open", &path)(errno.into()))?;
        let placed = engine.images().root_into(image, opened.as_fd());
        placed.map_err(failed("write the files"))?;
        for (name, bytes) in files {
            write(opened.as_fd(), &name, &bytes)
                .map_err(Failure::file("write", directory.join(&name).display()))?;
        }
    }
    Ok(())
}

/// Writes a file anew: what the image has there under that name is not followed.
fn write(directory: std::os::fd::BorrowedFd<'_>, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    match rustix::fs::unlinkat(directory, name, rustix::fs::AtFlags::empty()) {
        Ok(()) | Err(rustix::io::Errno::NOENT) => {}
        Err(errno) => return Err(errno.into()),
    }
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(directory, name, flags, FileMode::from_raw_mode(0o644))?;
    std::io::Write::write_all(&mut std::fs::File::from(file), bytes)
}

/// Every image, its directory, and the files that lie beside its own.
fn all<'b>(engine: &Engine, built: &'b Built) -> Result<Vec<(&'b Image, String, Files)>, Failure> {
    let mut all = Vec::new();
    for (image, statements) in built.images.iter().zip(&built.statements) {
        let directory = match built.images.as_slice() {
            [_alone] => String::new(),
            _ => Platform::of(&image.config).to_string().replace('/', "_"),
        };
        let mut files = Files::new();
        if !statements.is_empty() {
            let digests = engine.images().file_digests(image).map_err(failed("read the files"))?;
            let file = |statement: &build::attest::Statement| {
                (statement.file_name().to_owned(), statement.about_files(&digests))
            };
            files.extend(statements.iter().map(file));
        }
        all.push((image, directory, files));
    }
    Ok(all)
}
