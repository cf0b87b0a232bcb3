//! Who has which address: what containers are given when they start. One that has ended keeps its addresses until somebody
//! needs them, so that it mostly comes back with the same ones.

use std::cell::RefCell;

use rusqlite::{Connection, OptionalExtension, Transaction, ffi, params};
use spec::ContainerId;

use super::ports::Ports;
use super::{Endpoint, Networks, endpoint};
use crate::StoreError;
use crate::error::violated;

/// Addresses of a network that containers may have, by their number in its subnet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Range {
    /// Which of the network's ranges.
    pub number: u32,
    /// The first one.
    pub first: i64,
    /// The last one.
    pub last: i64,
    /// What nobody gets: the gateway, and addresses that others have.
    pub excluded: Vec<i64>,
}

/// An address that somebody has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Whose.
    pub container: ContainerId,
    /// Which of the network's ranges.
    pub range: u32,
    /// Its number in the subnet.
    pub place: i64,
}

/// A transaction in which a container is given what it needs for a run.
#[derive(Debug)]
pub struct Giving<'a> {
    pub(super) transaction: Transaction<'a>,
    pub(super) container: &'a ContainerId,
    pub(super) ports: RefCell<Ports>,
}

/// Why an address is not given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// By a container of that name.
    By(String),
    /// There is no other one left.
    None,
}

impl<'a> Networks<'a> {
    /// Begins to give a container what it needs. Dropped, nothing was given.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn give(&self, container: &'a ContainerId) -> Result<Giving<'a>, StoreError> {
        Ok(Giving { transaction: self.store.write()?, container, ports: RefCell::default() })
    }

    /// Addresses of a network that containers have.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn leases(&self, network: &str) -> Result<Vec<Lease>, StoreError> {
        let select = "SELECT container, range, place FROM leases WHERE network = ?";
        let mut statement =
            self.store.connection.prepare_cached(select).map_err(StoreError::read)?;
        let rows = statement
            .query_map([network], |row| Ok((row.get::<_, String>(0)?, row.get(1)?, row.get(2)?)));
        let rows: Vec<(String, u32, i64)> =
            rows.and_then(Iterator::collect).map_err(StoreError::read)?;
        let lease = |(container, range, place): (String, _, _)| {
            Some(Lease { container: container.parse().ok()?, range, place })
        };
        Ok(rows.into_iter().filter_map(lease).collect())
    }
}

impl Giving<'_> {
    /// The container's places, in the order of their coming.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn endpoints(&self) -> Result<Vec<Endpoint>, StoreError> {
        let select = "SELECT container, network, wanted, given FROM endpoints WHERE container = ? ORDER BY position";
        let mut statement = self.transaction.prepare_cached(select).map_err(StoreError::read)?;
        let found = statement.query_map([self.container.as_str()], endpoint);
        found.and_then(Iterator::collect).map_err(StoreError::read)
    }

    /// Gives the container a place in a network, behind those that it has.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when the network is gone, [`StoreError::Exists`] when it has one there.
    pub fn add(&self, network: &str, wanted: &str) -> Result<(), StoreError> {
        add_place(&self.transaction, self.container, (network, wanted))
    }

    /// Takes the container's place in a network away, with what it was given there; whether it had one.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn remove(&self, network: &str) -> Result<bool, StoreError> {
        let values = params![self.container.as_str(), network];
        let delete = |table| format!("DELETE FROM {table} WHERE container = ? AND network = ?");
        self.transaction.execute(&delete("leases"), values).map_err(StoreError::write)?;
        let removed = self.transaction.execute(&delete("endpoints"), values);
        removed.map(|count| count > 0).map_err(StoreError::write)
    }

    /// Writes down what the container was given in a network.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn set_given(&self, network: &str, given: &str) -> Result<(), StoreError> {
        let update = "UPDATE endpoints SET given = ? WHERE container = ? AND network = ?";
        let updated =
            self.transaction.execute(update, params![given, self.container.as_str(), network]);
        updated.map(drop).map_err(StoreError::write)
    }

    /// An address of a range: the wanted one, else the one that the container had before, else the next one.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn lease(
        &self,
        network: &str,
        range: &Range,
        wanted: Option<i64>,
    ) -> Result<Result<i64, Taken>, StoreError> {
        let had = self.had(network, range)?;
        let place = match (wanted, had) {
            (Some(wanted), Some(had)) if wanted == had => return Ok(Ok(had)),
            (None, Some(had)) => return Ok(Ok(had)),
            (Some(wanted), _) => match self.holder(network, range, wanted)? {
                Some(holder) => return Ok(Err(Taken::By(holder))),
                None => wanted,
            },
            (None, None) => match self.next(network, range)? {
                Some(place) => place,
                None => return Ok(Err(Taken::None)),
            },
        };
        // The plus keeps SQLite from walking the network's leases instead of the container's.
        let own = "DELETE FROM leases WHERE container = ?4 AND +network = ?1 AND +range = ?2 AND place != ?3";
        let insert = "INSERT OR REPLACE INTO leases (network, range, place, container) VALUES (?1, ?2, ?3, ?4)";
        for statement in [own, insert] {
            let values = params![network, range.number, place, self.container.as_str()];
            self.transaction
                .prepare_cached(statement)
                .and_then(|mut statement| statement.execute(values))
                .map_err(StoreError::write)?;
        }
        Ok(Ok(place))
    }

    /// The address that the container had when it ran before, if it may have it still.
    fn had(&self, network: &str, range: &Range) -> Result<Option<i64>, StoreError> {
        let select = "SELECT place FROM leases WHERE container = ? AND +network = ? AND +range = ?";
        let place: Option<i64> = self
            .transaction
            .prepare_cached(select)
            .and_then(|mut statement| {
                let values = params![self.container.as_str(), network, range.number];
                statement.query_row(values, |row| row.get(0)).optional()
            })
            .map_err(StoreError::read)?;
        Ok(place.filter(|place| range.has(*place)))
    }

    /// Name of another container that has the address and may run.
    fn holder(
        &self,
        network: &str,
        range: &Range,
        place: i64,
    ) -> Result<Option<String>, StoreError> {
        let select = "SELECT name FROM leases JOIN containers ON id = container WHERE network = ? AND range = ? AND place = ? AND container != ? AND status = 'active'";
        self.transaction
            .prepare_cached(select)
            .and_then(|mut statement| {
                let own = self.container.as_str();
                let values = params![network, range.number, place, own];
                statement.query_row(values, |row| row.get(0)).optional()
            })
            .map_err(StoreError::read)
    }

    /// The one behind the last that was given; at the range's end the first that nobody has, for which containers that do not run lose theirs.
    fn next(&self, network: &str, range: &Range) -> Result<Option<i64>, StoreError> {
        let select = "SELECT max(place) FROM leases WHERE network = ? AND range = ? AND place BETWEEN ? AND ?";
        let within = params![network, range.number, range.first, range.last];
        let last: Option<i64> = self
            .transaction
            .prepare_cached(select)
            .and_then(|mut statement| statement.query_row(within, |row| row.get(0)))
            .map_err(StoreError::read)?;
        let mut place = last.map_or(range.first, |last| last + 1);
        while range.excluded.contains(&place) {
            place += 1;
        }
        if place <= range.last {
            return Ok(Some(place));
        }
        let forgotten = "DELETE FROM leases WHERE network = ? AND container NOT IN (SELECT id FROM containers WHERE status = 'active')";
        self.transaction.execute(forgotten, [network]).map_err(StoreError::write)?;
        self.first_gap(network, range)
    }

    fn first_gap(&self, network: &str, range: &Range) -> Result<Option<i64>, StoreError> {
        let select = "SELECT place FROM leases WHERE network = ? AND range = ? AND place BETWEEN ? AND ? ORDER BY place";
        let within = params![network, range.number, range.first, range.last];
        let mut statement = self.transaction.prepare_cached(select).map_err(StoreError::read)?;
        let taken = statement.query_map(within, |row| row.get::<_, i64>(0));
        let taken: Vec<i64> = taken.and_then(Iterator::collect).map_err(StoreError::read)?;
        let mut taken = taken.into_iter().peekable();
        let mut place = range.first;
        while place <= range.last {
            let is_taken = taken.next_if_eq(&place).is_some();
            if !is_taken && !range.excluded.contains(&place) {
                return Ok(Some(place));
            }
            place += 1;
        }
        Ok(None)
    }

    /// It is given.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn commit(self) -> Result<(), StoreError> {
        self.write_ports()?;
        self.transaction.commit().map_err(StoreError::write)
    }
}

impl Range {
    fn has(&self, place: i64) -> bool {
        (self.first..=self.last).contains(&place) && !self.excluded.contains(&place)
    }
}

/// Gives a container a place in a network, behind those that it has.
pub(crate) fn add_place(
    connection: &Connection,
    container: &ContainerId,
    (network, wanted): (&str, &str),
) -> Result<(), StoreError> {
    let insert = "INSERT INTO endpoints (container, network, position, wanted) VALUES (?1, ?2, (SELECT coalesce(max(position), 0) + 1 FROM endpoints WHERE container = ?1), ?3)";
    let inserted = connection
        .prepare_cached(insert)
        .and_then(|mut statement| statement.execute(params![container.as_str(), network, wanted]));
    inserted.map(drop).map_err(|error| match violated(&error) {
        Some(ffi::SQLITE_CONSTRAINT_FOREIGNKEY) => {
            StoreError::NotFound { what: "network", name: network.to_owned(), closest: Vec::new() }
        }
        Some(ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_UNIQUE) => {
            StoreError::Exists { what: "endpoint", name: network.to_owned() }
        }
        _ => StoreError::write(error),
    })
}
