//! What is whole and can be used, but would not outlive a power cut yet: it is flushed by [`Store::settle`], which a pull leaves to
//! a process of its own, and forgotten by the first command after a boot that came too soon.
//!
//! Waiting for the disk would take longer than the pull (ARCHITECTURE.md, store), and what is lost can be pulled again. Until it is
//! flushed a layer counts in the boot that its row names; nothing half is ever seen, before or after.
//! Sources: sync(2), proc_sys_kernel(5) "random/boot_id".

use std::fs;

use rusqlite::{Connection, params};
use spec::{Digest, ImageId};

use crate::images::delete_rows;
use crate::scratch::Scratch;
use crate::{Store, StoreError};

/// This boot of the machine.
pub(crate) fn boot_id() -> Result<String, StoreError> {
    let path = "/proc/sys/kernel/random/boot_id";
    let text = fs::read_to_string(path).map_err(StoreError::file("read", path))?;
    Ok(text.trim_end().to_owned())
}

impl Store {
    /// Flushes everything that was pulled, and returns once it has outlived a power cut.
    ///
    /// # Errors
    /// When the disk or the database refuses.
    pub fn settle(&self) -> Result<(), StoreError> {
        let boot = boot_id()?;
        let select = "SELECT diff_id, made_ns FROM layers WHERE boot = ?";
        let rows: Vec<(String, i64)> = self
            .connection
            .prepare(select)
            .and_then(|mut rows| {
                rows.query_map([&boot], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
            })
            .map_err(StoreError::read)?;
        let copies = crate::shifted::unflushed(self, &boot)?;
        if rows.is_empty() && copies.is_empty() {
            return Ok(());
        }
        let layers = self.paths.layers();
        let flushed = fs::File::open(&layers).and_then(|opened| Ok(rustix::fs::syncfs(opened)?));
        flushed.map_err(StoreError::file("flush", layers))?;
        self.durably(|connection| {
            for (diff_id, made_ns) in &rows {
                // One that was made anew meanwhile is not what was flushed.
                let update =
                    "UPDATE layers SET boot = '' WHERE diff_id = ? AND boot = ? AND made_ns = ?";
                let values = params![diff_id, boot, made_ns];
                connection.execute(update, values).map_err(StoreError::write)?;
            }
            crate::shifted::flushed(connection, &boot, &copies)
        })
    }

    /// Forgets what an earlier boot has not flushed: layers, and images of theirs, but for images that containers are made from,
    /// which have to be pulled again.
    pub(crate) fn forget_unsettled(&self) -> Result<(), StoreError> {
        let boot = boot_id()?;
        crate::shifted::forget_unflushed(self, &boot)?;
        if unsettled(&self.connection, &boot)?.is_empty() {
            return Ok(());
        }
        let scratch = Scratch::new(&self.paths)?;
        self.durably(|connection| {
            let layers = unsettled(connection, &boot)?;
            for image in lost_images(connection, &boot)? {
                delete_rows(connection, &image)?;
            }
            for diff_id in &layers {
                let places = [self.paths.layer(diff_id), self.paths.recipe(diff_id)];
                for (number, place) in places.into_iter().enumerate() {
                    let aside = scratch.path().join(format!("{number}-{}", diff_id.hex()));
                    match fs::rename(&place, aside) {
                        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                            return Err(StoreError::file("move away", place)(error));
                        }
                        _ => {}
                    }
                }
                let delete = "DELETE FROM layers WHERE diff_id = ?1 AND NOT EXISTS \
                    (SELECT 1 FROM image_layers WHERE diff_id = ?1)";
                connection.execute(delete, [diff_id.to_string()]).map_err(StoreError::write)?;
            }
            Ok(())
        })?;
        scratch.remove()
    }
}

/// Layers of another boot that were never flushed.
fn unsettled(connection: &Connection, boot: &str) -> Result<Vec<Digest>, StoreError> {
    texts(connection, "SELECT diff_id FROM layers WHERE boot <> '' AND boot <> ?", boot)
}

/// Images that have one of them, and no container.
fn lost_images(connection: &Connection, boot: &str) -> Result<Vec<ImageId>, StoreError> {
    let select = "SELECT DISTINCT image FROM image_layers JOIN layers USING (diff_id) WHERE boot <> '' AND boot <> ? \
        AND image NOT IN (SELECT image FROM image_holders)";
    texts(connection, select, boot)
}

fn texts<T: std::str::FromStr>(
    connection: &Connection,
    select: &str,
    boot: &str,
) -> Result<Vec<T>, StoreError> {
    let rows: Vec<String> = connection
        .prepare(select)
        .and_then(|mut rows| rows.query_map([boot], |row| row.get(0))?.collect())
        .map_err(StoreError::read)?;
    Ok(rows.iter().filter_map(|text| text.parse().ok()).collect())
}
