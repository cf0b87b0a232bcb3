//! What holds for the whole machine, by what it is about: the engine's JSON, which nobody else reads.

use rusqlite::{OptionalExtension, params};

use crate::{Store, StoreError};

impl Store {
    /// What is kept of a subject; nothing where nobody has changed it.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn settings(&self, subject: &str) -> Result<Option<String>, StoreError> {
        let select = "SELECT value FROM machine_settings WHERE subject = ?";
        let mut statement = self.connection.prepare_cached(select).map_err(StoreError::read)?;
        statement.query_row([subject], |row| row.get(0)).optional().map_err(StoreError::read)
    }

    /// Changes it; nothing removes it. No other command does meanwhile.
    ///
    /// # Errors
    /// When the database cannot be written; what `change` says.
    pub fn change_settings<E: From<StoreError>>(
        &self,
        subject: &str,
        change: impl FnOnce(Option<String>) -> Result<Option<String>, E>,
    ) -> Result<(), E> {
        let transaction = self.write()?;
        let changed = match change(self.settings(subject)?)? {
            Some(value) => transaction.execute(
                "INSERT OR REPLACE INTO machine_settings (subject, value) VALUES (?, ?)",
                params![subject, value],
            ),
            None => {
                transaction.execute("DELETE FROM machine_settings WHERE subject = ?", [subject])
            }
        };
        changed.map_err(StoreError::write)?;
        Ok(transaction.commit().map_err(StoreError::write)?)
    }
}
