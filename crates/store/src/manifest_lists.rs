//! Lists of manifests that people put together piece by piece, until they push them. Start at [`ManifestLists::get`].
//!
//! They are kept by the name that they will be pushed to. Where a member is, its reference says; its document is kept beside it,
//! so that nothing has to be asked for again.

use rusqlite::{Connection, OptionalExtension, Row, params};
use spec::Reference;
use spec::image::Descriptor;

use crate::{Store, StoreError};

/// One manifest of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListMember {
    /// Where it is.
    pub reference: Reference,
    /// Media type, digest, length, and for which machine.
    pub descriptor: Descriptor,
    /// Byte for byte.
    pub content: Vec<u8>,
}

/// Handle on the lists.
#[derive(Clone, Copy, Debug)]
pub struct ManifestLists<'a> {
    store: &'a Store,
}

impl<'a> ManifestLists<'a> {
    pub(crate) const fn new(store: &'a Store) -> Self {
        Self { store }
    }

    /// The members of a list, in the order of their coming.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn get(&self, list: &Reference) -> Result<Vec<ListMember>, StoreError> {
        members(&self.store.connection, list)
    }

    /// Makes a list, or adds to one where that is allowed: a member that is in it already takes its place.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when it is there and `amend` does not allow it.
    pub fn create(
        &self,
        list: &Reference,
        new: &[ListMember],
        amend: bool,
    ) -> Result<(), StoreError> {
        let transaction = self.store.write()?;
        let mut all = match members(&transaction, list) {
            Ok(_) if !amend => {
                return Err(StoreError::Exists { what: "manifest list", name: list.familiar() });
            }
            Ok(all) => all,
            Err(error) if error.is_missing("manifest list") => Vec::new(),
            Err(error) => return Err(error),
        };
        for member in new {
            let same =
                |known: &&mut ListMember| known.descriptor.digest == member.descriptor.digest;
            match all.iter_mut().find(same) {
                Some(known) => *known = member.clone(),
                None => all.push(member.clone()),
            }
        }
        write(&transaction, list, &all)?;
        transaction.commit().map_err(StoreError::write)
    }

    /// Changes what a list says of a member, which is named by its reference.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such list, or no such member.
    pub fn annotate(
        &self,
        list: &Reference,
        member: &Reference,
        change: impl Fn(&mut Descriptor),
    ) -> Result<(), StoreError> {
        let transaction = self.store.write()?;
        let mut all = members(&transaction, list)?;
        let mut named = all.iter_mut().filter(|known| known.reference == *member).peekable();
        if named.peek().is_none() {
            let (what, name) = ("manifest in the list", member.familiar());
            return Err(StoreError::NotFound { what, name, closest: Vec::new() });
        }
        named.for_each(|member| change(&mut member.descriptor));
        write(&transaction, list, &all)?;
        transaction.commit().map_err(StoreError::write)
    }

    /// Removes a list; nothing else goes with it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn remove(&self, list: &Reference) -> Result<(), StoreError> {
        let delete = "DELETE FROM manifest_lists WHERE reference = ?";
        let gone = self.store.change(delete, [list.to_string()]);
        match gone.map_err(StoreError::write)? {
            0 => Err(missing(list)),
            _ => Ok(()),
        }
    }
}

fn missing(list: &Reference) -> StoreError {
    StoreError::NotFound { what: "manifest list", name: list.familiar(), closest: Vec::new() }
}

fn members(connection: &Connection, list: &Reference) -> Result<Vec<ListMember>, StoreError> {
    let key = list.to_string();
    let exists = "SELECT 1 FROM manifest_lists WHERE reference = ?";
    let found = connection.query_row(exists, [&key], |_| Ok(())).optional();
    if found.map_err(StoreError::read)?.is_none() {
        return Err(missing(list));
    }
    let select = "SELECT reference, descriptor, content FROM manifest_list_members WHERE list = ? ORDER BY position";
    let read =
        |row: &Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get(2)?));
    let mut statement = connection.prepare(select).map_err(StoreError::read)?;
    let rows = statement.query_map([&key], read).map_err(StoreError::read)?;
    rows.map(|row| {
        let (reference, descriptor, content) = row.map_err(StoreError::read)?;
        let damaged = |cause| StoreError::Damaged { what: "manifest list", id: key.clone(), cause };
        let descriptor = serde_json::from_str(&descriptor).map_err(damaged)?;
        Ok(ListMember { reference: reference.parse()?, descriptor, content })
    })
    .collect()
}

fn write(
    connection: &Connection,
    list: &Reference,
    members: &[ListMember],
) -> Result<(), StoreError> {
    let key = list.to_string();
    let execute = |sql: &str, values: &[&dyn rusqlite::ToSql]| {
        connection.execute(sql, values).map(drop).map_err(StoreError::write)
    };
    execute("INSERT OR IGNORE INTO manifest_lists (reference) VALUES (?)", params![key])?;
    execute("DELETE FROM manifest_list_members WHERE list = ?", params![key])?;
    for (position, ListMember { reference, descriptor, content }) in (0_i64..).zip(members) {
        let damaged = |cause| StoreError::Damaged { what: "manifest list", id: key.clone(), cause };
        let descriptor = serde_json::to_string(descriptor).map_err(damaged)?;
        let insert = "INSERT INTO manifest_list_members (list, position, reference, descriptor, content) VALUES (?, ?, ?, ?, ?)";
        execute(insert, params![key, position, reference.to_string(), descriptor, content])?;
    }
    Ok(())
}
