//! The template that is inside this program: an image of it alone.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;

use store::Image;
use store::tar::{Kind, Metadata, Writer};

use super::{About, HELLO, OWN_FILES, Templates, entry, failed};
use crate::error::EngineError;

impl Templates<'_> {
    /// The image whose one layer is this program, made anew when the program has changed.
    ///
    /// # Errors
    /// When the program cannot be read, or the store refuses.
    pub(crate) fn hello(&self) -> Result<Image, EngineError> {
        let name = "hello:latest";
        let about = std::fs::metadata(&self.engine.program)
            .map_err(EngineError::file("read", &self.engine.program))?;
        // Which program it was made of stands in its history.
        let made_of = format!(
            "corten {} {}.{} {}",
            crate::VERSION,
            about.mtime(),
            about.mtime_nsec(),
            about.size()
        );
        if let Ok(image) = self.engine.store.images().resolve(name)
            && image.config.history.first().and_then(|step| step.created_by.as_ref())
                == Some(&made_of)
        {
            return Ok(image);
        }
        let program = std::fs::read(&self.engine.program)
            .map_err(EngineError::file("read", &self.engine.program))?;
        let mut archive = Writer::new(Vec::new());
        let unwritable =
            |error: store::tar::WriteError| failed(HELLO, &libcontainer::chain(&error));
        let directories =
            ["dev", "etc", "proc", "sys"].map(|path| entry(path, Kind::Directory, 0o755));
        for wanted in
            directories.into_iter().chain(OWN_FILES.map(|path| entry(path, Kind::File, 0o644)))
        {
            archive.append(&wanted, std::io::empty()).map_err(unwritable)?;
        }
        let file = Metadata { size: program.len() as u64, ..entry("corten", Kind::File, 0o755) };
        archive.append(&file, &program[..]).map_err(unwritable)?;
        let archive = archive.finish().map_err(|error| failed(HELLO, &error.to_string()))?;
        let about = About {
            command: &[],
            entrypoint: &["/corten", "hello-inside"],
            // The program's own time: all that make it of this program, at the same time even, make the same image.
            created_ns: about.mtime().saturating_mul(1_000_000_000),
            made_of: &made_of,
            labels: BTreeMap::new(),
        };
        self.import(&archive[..], Some(name), &about)
    }
}
