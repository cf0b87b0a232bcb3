//! Levels of SELinux that containers hold: whether one is taken is asked in the transaction that takes it.

use rusqlite::Transaction;
use spec::ContainerId;

use crate::StoreError;

/// A level of SELinux: categories by which containers are kept from each other.
#[derive(Clone, Copy, Debug)]
pub struct Level<'a> {
    /// As in a label, `s0:c1,c2`.
    pub text: &'a str,
    /// Whether no other container may have it.
    pub is_own: bool,
}

/// Writes a level down; one that is to be a container's own is refused where another has it.
pub(super) fn hold(
    transaction: &Transaction<'_>,
    id: &ContainerId,
    level: Level<'_>,
) -> Result<(), StoreError> {
    let is_taken = || {
        let mut statement =
            transaction.prepare_cached("SELECT 1 FROM container_levels WHERE level = ? LIMIT 1")?;
        statement.exists([level.text])
    };
    if level.is_own && is_taken().map_err(StoreError::read)? {
        return Err(StoreError::LevelTaken { level: level.text.to_owned() });
    }
    let insert = "INSERT INTO container_levels (container, level) VALUES (?, ?)";
    transaction.execute(insert, [id.as_str(), level.text]).map_err(StoreError::write)?;
    Ok(())
}
