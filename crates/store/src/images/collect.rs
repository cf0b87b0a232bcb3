//! Layers without a row: their directories and recipes are taken away under the write lock, and removed without it.
//!
//! Rows go first. A command that is killed behind that leaves files that nothing names any more: the next that removes something
//! finds them by [`strays`]. Start at [`collect`].

use std::collections::BTreeSet;
use std::fs;

use rusqlite::OptionalExtension;
use spec::Digest;

use super::stage::recipe_beside;
use crate::scratch::Scratch;
use crate::{Store, StoreError};

/// Takes directories of layers away that have no row, and removes them.
pub(crate) fn collect(store: &Store, layers: &[Digest]) -> Result<(), StoreError> {
    let scratch = Scratch::new(&store.paths)?;
    let transaction = store.write()?;
    for diff_id in layers {
        let select = "SELECT 1 FROM layers WHERE diff_id = ?";
        let row = transaction.query_row(select, [diff_id.to_string()], |_row| Ok(())).optional();
        // Another command may have loaded it again: then it is that command's.
        if row.map_err(StoreError::read)?.is_some() {
            continue;
        }
        let layer = scratch.path().join(diff_id.hex());
        for (path, to) in [
            (store.paths.layer(diff_id), layer.clone()),
            (store.paths.recipe(diff_id), recipe_beside(&layer)),
        ] {
            if path.exists() {
                fs::rename(&path, to).map_err(StoreError::file("remove", &path))?;
            }
        }
    }
    crate::shifted::take_away(store, &transaction, scratch.path())?;
    transaction.commit().map_err(StoreError::write)?;
    scratch.remove()
}

/// Layers that seem to have files and no row. Some may be on their way in at this moment: [`collect`] looks again.
pub(crate) fn strays(store: &Store) -> Result<Vec<Digest>, StoreError> {
    let mut strays: BTreeSet<String> = BTreeSet::new();
    for directory in [store.paths.layers(), store.paths.recipes()] {
        let entries = fs::read_dir(directory).into_iter().flatten().flatten();
        strays.extend(entries.filter_map(|entry| entry.file_name().into_string().ok()));
    }
    let rows: Vec<String> = store
        .connection
        .prepare("SELECT diff_id FROM layers")
        .and_then(|mut rows| rows.query_map([], |row| row.get(0))?.collect())
        .map_err(StoreError::read)?;
    for text in &rows {
        strays.remove(text.split_once(':').map_or(text.as_str(), |(_algorithm, hex)| hex));
    }
    // What has another name is no layer.
    let digest = |hex: &String| format!("{}:{hex}", algorithm(hex)).parse().ok();
    Ok(strays.iter().filter_map(digest).collect())
}

/// The names say digits only; their number tells which algorithm they are of.
fn algorithm(hex: &str) -> &'static str {
    if hex.len() == 128 { "sha512" } else { "sha256" }
}
