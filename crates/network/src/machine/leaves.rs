//! The bridges of a network beside its own one: made when the first container comes that belongs there, removed with the network.

use crate::attachment::{Attachment, BridgePlan};
use crate::leaf::{self, Leaf};
use crate::link::{Changes, LinkError, NewLink, Port};
use crate::settings;

use super::{Machine, NetworkError, link_error};

/// How often is looked for a cable; a look takes some microseconds.
const ROUNDS: u32 = 10_000;

impl Machine {
    /// The bridge that a container's interface is a port of.
    pub(super) fn bridge_of(&mut self, attachment: &Attachment) -> Result<u32, NetworkError> {
        let Some(leaf) = leaf::of(attachment) else { return self.index(&attachment.bridge) };
        // Made last: where it is, all is.
        let found = self.links.find(&leaf.rise).map_err(|cause| failed(&leaf, cause))?;
        match found.and_then(|rise| rise.master.map(|bridge| (bridge, rise.runs))) {
            Some((bridge, true)) => Ok(bridge),
            Some((bridge, false)) => self.wait_for(&leaf).map(|()| bridge),
            None => {
                let bridge = self.make_leaf(&leaf, attachment)?;
                self.wait_for(&leaf)?;
                Ok(bridge)
            }
        }
    }

    /// The kernel hears of a cable's two ends a moment after they are there, and forwards nothing until then. Sought in vain it is taken to
    /// be on its way: a container's first packets are not worth its start.
    fn wait_for(&mut self, leaf: &Leaf) -> Result<(), NetworkError> {
        for _ in 0..ROUNDS {
            let mut ends = [&leaf.rise, &leaf.descent].into_iter();
            let runs = ends.try_fold(true, |all, name| {
                let found = self.links.find(name).map_err(|cause| failed(leaf, cause))?;
                Ok(all && found.is_some_and(|end| end.runs))
            })?;
            if runs {
                break;
            }
            std::thread::yield_now();
        }
        Ok(())
    }

    /// Makes what of a leaf is not there yet; several may be at it at once.
    fn make_leaf(&mut self, leaf: &Leaf, attachment: &Attachment) -> Result<u32, NetworkError> {
        let mtu = attachment.mtu;
        let [own, above, below] = leaf.hardware();
        let root = self.index(&attachment.bridge)?;
        let mut changes = Changes::new();
        changes.bridge(&NewLink { name: &leaf.bridge, hardware: own, mtu });
        self.make(leaf, changes)?;
        settings::of_leaf(&leaf.bridge)?;
        let bridge = self.index(&leaf.bridge)?;
        let mut changes = Changes::new();
        // What comes from one leaf goes to no other one, where what comes from one container goes to no other one. And what comes from
        // a leaf does not go back there: it would take its containers for the network's.
        let port = Port { bridge: root, hairpin: false, isolated: attachment.isolated };
        let descent = NewLink { name: &leaf.descent, hardware: above, mtu };
        let rise = NewLink { name: &leaf.rise, hardware: below, mtu };
        changes.pair(&descent, port, &rise, None);
        self.make(leaf, changes)?;
        settings::of_port(&leaf.descent)?;
        settings::of_port(&leaf.rise)?;
        let mut changes = Changes::new();
        changes.alias(bridge, &leaf.alias);
        changes.join(&leaf.rise, bridge);
        self.links.carry_out(changes).map_err(|cause| failed(leaf, cause))?;
        Ok(bridge)
    }

    fn make(&mut self, leaf: &Leaf, changes: Changes) -> Result<(), NetworkError> {
        match self.links.carry_out(changes) {
            Err(error) if error.refusal.errno.raw() != libc::EEXIST => Err(failed(leaf, error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Joins the leaves that there are to a network's bridge that somebody had removed.
    pub(super) fn join_leaves(&mut self, network: &BridgePlan) -> Result<(), NetworkError> {
        let root = self.index(&network.interface)?;
        for leaf in leaf::all(&network.interface) {
            let found = self.links.find(&leaf.descent).map_err(|cause| failed(&leaf, cause))?;
            if found.is_none() {
                continue;
            }
            let mut changes = Changes::new();
            changes.join(&leaf.descent, root);
            changes.port(&leaf.descent, false, !network.neighbours);
            self.links.carry_out(changes).map_err(|cause| failed(&leaf, cause))?;
        }
        Ok(())
    }

    /// Removes a network's leaves.
    pub(super) fn remove_leaves(&mut self, bridge: &str) -> Result<(), NetworkError> {
        for leaf in leaf::all(bridge) {
            // The other end of the pair goes with the first.
            for name in [&leaf.descent, &leaf.bridge] {
                if self.links.find(name).map_err(|cause| failed(&leaf, cause))?.is_none() {
                    continue;
                }
                let mut changes = Changes::new();
                changes.remove(name);
                self.links.carry_out(changes).map_err(|cause| failed(&leaf, cause))?;
            }
        }
        Ok(())
    }
}

fn failed(leaf: &Leaf, cause: LinkError) -> NetworkError {
    link_error(format!("join {}", leaf.alias), cause)
}
