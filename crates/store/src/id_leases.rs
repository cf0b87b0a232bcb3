//! Which ids of the machine a container with a user namespace has: leased from a pool, no two containers the same. A lease is made
//! in the transaction that makes the container's record, and goes with that: no crash leaves one.

use rusqlite::{Connection, params};
use spec::ContainerId;

use crate::{Containers, StoreError};

/// Ids that follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdSpan {
    /// The first one.
    pub first: u32,
    /// How many.
    pub size: u32,
}

impl IdSpan {
    const fn end(self) -> u64 {
        self.first as u64 + self.size as u64
    }
}

/// What a new container wants of the machine's ids.
#[derive(Clone, Copy, Debug)]
pub enum WantedIds<'a> {
    /// So many that nobody else has, one after the other.
    Leased {
        /// Where they come from.
        pool: &'a [IdSpan],
        /// How many.
        size: u32,
    },
    /// These, which somebody has chosen: nobody is leased any of them.
    Chosen(&'a [IdSpan]),
}

/// Writes down what a new container has.
pub(crate) fn lease(
    connection: &Connection,
    container: &ContainerId,
    wanted: WantedIds<'_>,
) -> Result<(), StoreError> {
    match wanted {
        WantedIds::Chosen(spans) => {
            spans.iter().try_for_each(|span| insert(connection, container, *span, true))
        }
        WantedIds::Leased { pool, size } => {
            let first = find(connection, pool, size)?;
            let first = first.ok_or_else(|| exhausted(connection, pool, size))?;
            insert(connection, container, IdSpan { first, size }, false)
        }
    }
}

fn insert(
    connection: &Connection,
    container: &ContainerId,
    span: IdSpan,
    chosen: bool,
) -> Result<(), StoreError> {
    let insert =
        "INSERT OR REPLACE INTO id_leases (container, first, size, chosen) VALUES (?, ?, ?, ?)";
    let values = params![container.as_str(), span.first, span.size, chosen];
    let inserted =
        connection.prepare_cached(insert).and_then(|mut statement| statement.execute(values));
    inserted.map(drop).map_err(StoreError::write)
}

fn exhausted(connection: &Connection, pool: &[IdSpan], size: u32) -> StoreError {
    let count = "SELECT count(DISTINCT container) FROM id_leases";
    let holders = connection.query_row(count, [], |row| row.get(0)).unwrap_or(0);
    let pool = pool.iter().map(|span| u64::from(span.size)).sum();
    StoreError::NoIds { size, pool, holders }
}

/// The first id of a gap: behind the last that was leased, which costs the same however many are; else the first gap of all.
fn find(connection: &Connection, pool: &[IdSpan], size: u32) -> Result<Option<u32>, StoreError> {
    let chosen = spans(connection, "chosen = 1")?;
    for span in pool {
        let select = "SELECT first, size FROM id_leases WHERE chosen = 0 AND first BETWEEN ? AND ? ORDER BY first DESC LIMIT 1";
        let within = params![span.first, span.end().saturating_sub(1)];
        let last = connection.prepare_cached(select).and_then(|mut statement| {
            let mut rows = statement.query_map(within, id_span)?;
            rows.next().transpose()
        });
        let last = last.map_err(StoreError::read)?;
        let from = last.map_or(u64::from(span.first), IdSpan::end);
        if let Some(first) = gap(*span, from, size, &chosen) {
            return Ok(Some(first));
        }
    }
    let all = spans(connection, "1")?;
    Ok(pool.iter().find_map(|span| gap(*span, span.first.into(), size, &all)))
}

fn spans(connection: &Connection, condition: &str) -> Result<Vec<IdSpan>, StoreError> {
    let select = format!("SELECT first, size FROM id_leases WHERE {condition} ORDER BY first");
    let mut statement = connection.prepare_cached(&select).map_err(StoreError::read)?;
    let rows = statement.query_map([], id_span);
    rows.and_then(Iterator::collect).map_err(StoreError::read)
}

fn id_span(row: &rusqlite::Row<'_>) -> rusqlite::Result<IdSpan> {
    Ok(IdSpan { first: row.get(0)?, size: row.get(1)? })
}

/// The first place from `from` on, within a span, where so many ids are free of `taken`, which is sorted by the first ones.
fn gap(span: IdSpan, from: u64, size: u32, taken: &[IdSpan]) -> Option<u32> {
    let mut first = from.max(span.first.into());
    for other in taken {
        if u64::from(other.first) >= first + u64::from(size) {
            break;
        }
        first = first.max(other.end());
    }
    (first + u64::from(size) <= span.end()).then(|| u32::try_from(first).ok()).flatten()
}

impl Containers<'_> {
    /// Ids of the machine that a container was leased; nothing for one that was not.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn leased_ids(&self, id: &ContainerId) -> Result<Option<IdSpan>, StoreError> {
        let select = "SELECT first, size FROM id_leases WHERE container = ? AND chosen = 0";
        let mut statement =
            self.store.connection.prepare_cached(select).map_err(StoreError::read)?;
        let mut rows = statement.query_map([id.as_str()], id_span).map_err(StoreError::read)?;
        rows.next().transpose().map_err(StoreError::read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(first: u32, size: u32) -> IdSpan {
        IdSpan { first, size }
    }

    #[test]
    fn gaps() {
        let pool = span(100, 100);
        assert_eq!(gap(pool, 100, 10, &[]), Some(100));
        assert_eq!(gap(pool, 0, 100, &[]), Some(100));
        assert_eq!(gap(pool, 100, 101, &[]), None);
        assert_eq!(gap(pool, 100, 10, &[span(95, 10)]), Some(105));
        assert_eq!(gap(pool, 100, 10, &[span(105, 10)]), Some(115));
        assert_eq!(gap(pool, 100, 5, &[span(105, 10)]), Some(100));
        assert_eq!(gap(pool, 100, 10, &[span(100, 10), span(100, 50), span(140, 5)]), Some(150));
        assert_eq!(gap(pool, 100, 10, &[span(100, 40), span(145, 55)]), None);
        let end = span(u32::MAX - 10, 10);
        assert_eq!(gap(end, 0, 10, &[]), Some(u32::MAX - 10));
        assert_eq!(gap(end, 0, 11, &[]), None);
    }
}
