//! Networks, and the places that containers have in them: records alone. What is made of them is the network crate's.

mod leases;
mod ports;

use rusqlite::{OptionalExtension, Row, ffi, params};
use spec::{ContainerId, suggest};

use crate::error::violated;
use crate::{Store, StoreError};

pub(crate) use leases::add_place;
pub use leases::{Giving, Lease, Range, Taken};
pub use ports::{PortAddress, PortHolder};

/// A network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// Its id, 64 hexadecimal digits.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Nanoseconds since 1970.
    pub created_ns: i64,
    /// The engine's JSON.
    pub config: String,
}

/// A container's place in a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its container.
    pub container: ContainerId,
    /// Its network's id.
    pub network: String,
    /// What it wants of the network, the engine's JSON.
    pub wanted: String,
    /// What it was given, the engine's JSON; nothing before its first start.
    pub given: Option<String>,
}

/// Handle on the networks.
#[derive(Clone, Copy, Debug)]
pub struct Networks<'a> {
    store: &'a Store,
}

const COLUMNS: &str = "id, name, created_ns, config";
const ENDPOINT: &str = "container, network, wanted, given";

/// What the machine's settings of networks are kept as.
const SETTINGS: &str = "networks";

impl<'a> Networks<'a> {
    pub(crate) const fn new(store: &'a Store) -> Self {
        Self { store }
    }

    /// Writes a network down. `check` sees those that there are, and may refuse: no other command writes one meanwhile.
    ///
    /// # Errors
    /// [`StoreError::Exists`] when the name is taken; what `check` says.
    pub fn insert<E: From<StoreError>>(
        &self,
        check: impl FnOnce(&[Network]) -> Result<Network, E>,
    ) -> Result<Network, E> {
        let transaction = self.store.write()?;
        let network = check(&self.list()?)?;
        let inserted = transaction.execute(
            "INSERT INTO networks (id, name, created_ns, config) VALUES (?, ?, ?, ?)",
            params![network.id, network.name, network.created_ns, network.config],
        );
        inserted.map_err(|error| match violated(&error) {
            Some(ffi::SQLITE_CONSTRAINT_UNIQUE) => {
                StoreError::Exists { what: "network", name: network.name.clone() }
            }
            _ => StoreError::write(error),
        })?;
        transaction.commit().map_err(StoreError::write)?;
        Ok(network)
    }

    /// Does something while no other command writes.
    ///
    /// # Errors
    /// When the database cannot be written; what `work` says.
    pub fn locked<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        let _transaction = self.store.write()?;
        work()
    }

    /// The network of that name, that id, or the beginning of one id alone.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn find(&self, text: &str) -> Result<Option<Network>, StoreError> {
        let select = format!(
            "SELECT {COLUMNS} FROM networks WHERE name = ?1 OR id = ?1 ORDER BY name = ?1 DESC LIMIT 1"
        );
        let mut statement =
            self.store.connection.prepare_cached(&select).map_err(StoreError::read)?;
        let exact = statement.query_row([text], network).optional().map_err(StoreError::read)?;
        if exact.is_some() || text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_hexdigit())
        {
            return Ok(exact);
        }
        let select =
            format!("SELECT {COLUMNS} FROM networks WHERE substr(id, 1, length(?1)) = ?1 LIMIT 2");
        let mut found = self.query(&select, &[&text])?;
        Ok(if found.len() == 1 { found.pop() } else { None })
    }

    /// The same for one that must be there.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn get(&self, text: &str) -> Result<Network, StoreError> {
        match self.find(text)? {
            Some(network) => Ok(network),
            None => Err(StoreError::NotFound {
                what: "network",
                name: text.to_owned(),
                closest: suggest::closest(text, self.list()?.into_iter().map(|found| found.name)),
            }),
        }
    }

    /// Every network by name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn list(&self) -> Result<Vec<Network>, StoreError> {
        self.query(&format!("SELECT {COLUMNS} FROM networks ORDER BY name"), &[])
    }

    /// Removes a network that no container has a place in.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::InUse`].
    pub fn remove(&self, id: &str) -> Result<(), StoreError> {
        let transaction = self.store.write()?;
        let network = self.get(id)?;
        let holders = self.holders(id)?;
        if !holders.is_empty() {
            return Err(StoreError::InUse { what: "network", name: network.name, holders });
        }
        transaction
            .execute("DELETE FROM networks WHERE id = ?", [id])
            .map_err(StoreError::write)?;
        transaction.commit().map_err(StoreError::write)
    }

    /// Names of the containers that have a place in it.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn holders(&self, id: &str) -> Result<Vec<String>, StoreError> {
        let select = "SELECT name FROM endpoints JOIN containers ON id = container WHERE network = ? ORDER BY name";
        self.store
            .connection
            .prepare(select)
            .and_then(|mut statement| statement.query_map([id], |row| row.get(0))?.collect())
            .map_err(StoreError::read)
    }

    /// A container's places, in the order of their coming.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn of_container(&self, container: &ContainerId) -> Result<Vec<Endpoint>, StoreError> {
        let condition = "container = ? ORDER BY position";
        self.endpoints(condition, &[&container.as_str()])
    }

    /// Places of every container, or of those alone that have a monitor as far as is known; each container's in the order of their coming.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn of_list(&self, all: bool) -> Result<Vec<Endpoint>, StoreError> {
        let active = "container IN (SELECT id FROM containers WHERE status = 'active')";
        let condition = if all { "1" } else { active };
        self.endpoints(&format!("{condition} ORDER BY container, position"), &[])
    }

    /// Places in a network.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn of_network(&self, id: &str) -> Result<Vec<Endpoint>, StoreError> {
        self.endpoints("network = ? ORDER BY container", &[&id])
    }

    /// Every place that a container was given whose record says that it may run.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn given(&self) -> Result<Vec<Endpoint>, StoreError> {
        let active = "given IS NOT NULL AND container IN (SELECT id FROM containers WHERE status = 'active') ORDER BY container, position";
        self.endpoints(active, &[])
    }

    /// Settings that hold for all of them, the engine's JSON; nothing where nobody has made any.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn settings(&self) -> Result<Option<String>, StoreError> {
        self.store.settings(SETTINGS)
    }

    /// Changes them; nothing removes them. No other command does meanwhile.
    ///
    /// # Errors
    /// When the database cannot be written; what `change` says.
    pub fn change_settings<E: From<StoreError>>(
        &self,
        change: impl FnOnce(Option<String>) -> Result<Option<String>, E>,
    ) -> Result<(), E> {
        self.store.change_settings(SETTINGS, change)
    }

    fn endpoints(
        &self,
        condition: &str,
        values: &[&dyn rusqlite::ToSql],
    ) -> Result<Vec<Endpoint>, StoreError> {
        let select = format!("SELECT {ENDPOINT} FROM endpoints WHERE {condition}");
        let mut statement =
            self.store.connection.prepare_cached(&select).map_err(StoreError::read)?;
        let endpoints = statement.query_map(values, endpoint).map_err(StoreError::read)?;
        endpoints.collect::<Result<_, _>>().map_err(StoreError::read)
    }

    fn query(
        &self,
        select: &str,
        values: &[&dyn rusqlite::ToSql],
    ) -> Result<Vec<Network>, StoreError> {
        let mut statement =
            self.store.connection.prepare_cached(select).map_err(StoreError::read)?;
        let networks = statement.query_map(values, network).map_err(StoreError::read)?;
        networks.collect::<Result<_, _>>().map_err(StoreError::read)
    }
}

fn network(row: &Row<'_>) -> rusqlite::Result<Network> {
    Ok(Network { id: row.get(0)?, name: row.get(1)?, created_ns: row.get(2)?, config: row.get(3)? })
}

fn endpoint(row: &Row<'_>) -> rusqlite::Result<Endpoint> {
    let container: String = row.get(0)?;
    let container = container.parse().map_err(|error: spec::id::BadId| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, error.into())
    })?;
    Ok(Endpoint { container, network: row.get(1)?, wanted: row.get(2)?, given: row.get(3)? })
}
