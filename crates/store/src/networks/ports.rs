//! Who has which ports of the machine. Rows are ranges, so that a thousand ports cost what one does; whoever wants some looks once at what others
//! have within these numbers.

use std::collections::HashMap;
use std::ops::RangeInclusive;

use rusqlite::params;

use super::leases::Giving;
use crate::StoreError;

/// Ports of a row at most: bounds where a row may begin that has a certain number.
const LONGEST: u16 = 1024;

/// What is known of ports within a transaction.
#[derive(Debug, Default)]
pub(super) struct Ports {
    /// Numbers of transports that somebody has looked at.
    looked_at: Vec<(String, RangeInclusive<u16>)>,
    /// Who has them.
    held: HashMap<Port, Vec<Held>>,
    /// Given by this transaction: transport, address and number.
    given: Vec<(String, String, u16)>,
}

/// Transport and number.
type Port = (String, u16);
/// An address of the machine, and who has a port there.
type Held = (String, PortHolder);

/// Who has a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortHolder {
    /// A container of that name.
    Other(String),
    /// The container that wants it, by the same transaction.
    Itself,
}

/// An address of the machine that a port is to be at.
#[derive(Clone, Copy, Debug)]
pub struct PortAddress<'a> {
    /// The address itself.
    pub address: &'a str,
    /// What stands for every address of its family, `0.0.0.0` or `::`.
    pub every: &'a str,
}

impl Giving<'_> {
    /// Ports of the machine that the container has no more.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn release_ports(&self) -> Result<(), StoreError> {
        let delete = "DELETE FROM port_ranges WHERE container = ?";
        let removed = self.transaction.execute(delete, [self.container.as_str()]);
        removed.map(drop).map_err(StoreError::write)
    }

    /// Who has a port of the machine, if anybody.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn port_holder(
        &self,
        at: PortAddress<'_>,
        transport: &str,
        port: u16,
    ) -> Result<Option<PortHolder>, StoreError> {
        let is_known = |(own, numbers): &(String, RangeInclusive<u16>)| {
            own == transport && numbers.contains(&port)
        };
        if !self.ports.borrow().looked_at.iter().any(is_known) {
            self.look_at_ports(transport, port..=port)?;
        }
        let ports = self.ports.borrow();
        let mut held = ports.held.get(&(transport.to_owned(), port)).into_iter().flatten();
        let holder = held.find(|(held, holder)| at.is_in_the_way(held, holder));
        Ok(holder.map(|(_, holder)| holder.clone()))
    }

    /// Gives the container a port of the machine that nobody has.
    pub fn give_port(&self, address: &str, transport: &str, port: u16) {
        let mut ports = self.ports.borrow_mut();
        let held = ports.held.entry((transport.to_owned(), port)).or_default();
        held.push((address.to_owned(), PortHolder::Itself));
        ports.given.push((transport.to_owned(), address.to_owned(), port));
    }

    /// Looks at the ports of all others within these numbers at once: for a container that wants many of them.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn look_at_ports(
        &self,
        transport: &str,
        numbers: RangeInclusive<u16>,
    ) -> Result<(), StoreError> {
        let select = "SELECT first, last, address, name FROM port_ranges JOIN containers ON id = container WHERE transport = ? AND first BETWEEN ? AND ? AND last >= ? AND container != ? AND status = 'active'";
        let mut statement = self.transaction.prepare_cached(select).map_err(StoreError::read)?;
        let (start, end) = (*numbers.start(), *numbers.end());
        let own = self.container.as_str();
        let values = params![transport, start.saturating_sub(LONGEST - 1), end, start, own];
        let rows = statement.query_map(values, |row| {
            Ok((
                row.get::<_, u16>(0)?,
                row.get::<_, u16>(1)?,
                (row.get(2)?, PortHolder::Other(row.get(3)?)),
            ))
        });
        let mut ports = self.ports.borrow_mut();
        for row in rows.map_err(StoreError::read)? {
            let (first, last, held): (u16, u16, Held) = row.map_err(StoreError::read)?;
            for port in first.max(start)..=last.min(end) {
                ports.held.entry((transport.to_owned(), port)).or_default().push(held.clone());
            }
        }
        ports.looked_at.push((transport.to_owned(), numbers));
        Ok(())
    }

    /// Writes what was given. Rows of containers that have ended are in nobody's way.
    pub(super) fn write_ports(&self) -> Result<(), StoreError> {
        let mut given = std::mem::take(&mut self.ports.borrow_mut().given);
        given.sort_unstable();
        let insert = "INSERT OR REPLACE INTO port_ranges (transport, address, first, last, container) VALUES (?, ?, ?, ?, ?)";
        let mut statement = self.transaction.prepare_cached(insert).map_err(StoreError::write)?;
        for row in rows(&given) {
            let (Some((transport, address, first)), Some((_, _, last))) = (row.first(), row.last())
            else {
                continue;
            };
            let own = self.container.as_str();
            let inserted = statement.execute(params![transport, address, first, last, own]);
            inserted.map_err(StoreError::write)?;
        }
        Ok(())
    }
}

impl PortAddress<'_> {
    /// Every address of a family is in the way of each of it, and each in the way of every. Of one container's ports the rules try the more
    /// special one first.
    fn is_in_the_way(self, held: &str, holder: &PortHolder) -> bool {
        let Self { address, every } = self;
        let is_of_family = held.contains(':') == every.contains(':');
        held == address
            || *holder != PortHolder::Itself && (held == every || address == every && is_of_family)
    }
}

/// Those of one transport and address that follow each other without a gap, as long as a row may be.
fn rows(given: &[(String, String, u16)]) -> impl Iterator<Item = &[(String, String, u16)]> {
    let follows = |a: &(String, String, u16), b: &(String, String, u16)| {
        (&a.0, &a.1) == (&b.0, &b.1) && a.2.checked_add(1) == Some(b.2)
    };
    given.chunk_by(follows).flat_map(|row| row.chunks(LONGEST.into()))
}
