//! The fixed rules. They are made once; networks, containers and ports are elements of the sets and maps that they look into, so that
//! the ten-thousandth port costs a packet what the first one did.
//!
//! `inet` has what IP decides: where a published port leads, who may speak with whom, which address traffic leaves with. `bridge` has what
//! only frames show: who pretends to be somebody else. Start at [`Rules::install`]. `nft list ruleset` shows them. Sources: nft(8),
//! netfilter hooks and their priorities in linux/netfilter_ipv4.h.

mod bridge;
pub(crate) mod detour;
mod inet;

use crate::nft::{Batch, Chain, Expression, Family, Set, Table};
use crate::policy::Detour;
use crate::settings;

pub(crate) use bridge::sets as bridge_sets;
pub(crate) use inet::{FROM_HERE, sets as inet_sets};

/// Our tables. All that is changed of the machine's packet filters is in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rules {
    pub(crate) inet: Table,
    pub(crate) bridge: Table,
    /// Those of IPv4 and of IPv6 alone, where published ports respect the machine's rules.
    pub(crate) single: [Table; 2],
    pub(crate) detour: Detour,
}

/// How a published port is reached from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WayIn {
    /// Translated as it comes.
    Open,
    /// Behind the machine's input chains, over the interface with this index.
    Detour(u32),
}

/// A chain with its rules.
struct Written {
    chain: Chain,
    rules: Vec<Vec<Expression>>,
}

impl Rules {
    /// Those under a name: stores of their own have tables of their own.
    pub(crate) fn named(name: &str) -> Self {
        let table = |family| Table { family, name: name.to_owned() };
        Self {
            inet: table(Family::Inet),
            bridge: table(Family::Bridge),
            single: [table(Family::Ip4), table(Family::Ip6)],
            detour: Detour::of_tables(name),
        }
    }

    /// Makes tables, sets, chains and rules; there must be none.
    pub(crate) fn install(&self, batch: &mut Batch, way_in: WayIn) {
        let detour = matches!(way_in, WayIn::Detour(_)).then_some(&self.detour);
        let chains = inet::chains(detour, settings::in_the_way_of_loopback().is_none());
        write(batch, &self.inet, inet::SETS, &chains);
        write(batch, &self.bridge, bridge::SETS, &bridge::chains());
        if let WayIn::Detour(index) = way_in {
            let families = if settings::has_ipv6() { 2 } else { 1 };
            for (which, table) in self.single.iter().enumerate().take(families) {
                write(batch, table, &[], &[detour::copies(which, &self.detour, index)]);
            }
        }
    }

    /// Removes all of it, whether it is there or not.
    pub(crate) fn remove(&self, batch: &mut Batch) {
        for table in [&self.inet, &self.bridge].into_iter().chain(&self.single) {
            // A table must be there to be removed.
            batch.table(table);
            batch.remove_table(table);
        }
    }
}

fn write(batch: &mut Batch, table: &Table, sets: &[Set], chains: &[Written]) {
    batch.table(table);
    for set in sets {
        batch.set(table, set);
    }
    // All of them first: rules jump to chains.
    for written in chains {
        batch.chain(table, &written.chain);
    }
    for written in chains {
        for rule in &written.rules {
            batch.rule(table, written.chain.name, rule);
        }
    }
}
