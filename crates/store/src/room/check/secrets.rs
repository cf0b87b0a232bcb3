//! Secrets and configs that do not open: for want of their key, or because their rows were changed.

use std::error::Error;

use super::{Finding, Problem};
use crate::{SecretKind, Secrets, StoreError};

impl Secrets<'_> {
    /// Every secret and config that does not open, and why. It is for people to mend: whoever has the key can put it back.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn check(&self) -> Result<Vec<Finding>, StoreError> {
        let mut found = Vec::new();
        for kind in [SecretKind::Secret, SecretKind::Config] {
            for secret in self.list(kind)? {
                if let Err(why) = self.open(&secret) {
                    let subject = format!("{kind} {}", secret.name);
                    found.push(Finding::new(Problem::Sealed, subject, detail(&why)));
                }
            }
        }
        Ok(found)
    }
}

fn detail(why: &StoreError) -> String {
    let mut detail = format!("does not open: {why}");
    let mut source = why.source();
    while let Some(cause) = source {
        detail.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    detail
}
