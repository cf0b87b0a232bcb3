//! The interfaces that respect-host takes: made and removed beside the rules. What they are for is in [`Detour`].

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use spec::network::Cidr;

use super::{Machine, NetworkError, link_error};
use crate::link::{Changes, NewLink};
use crate::policy::Detour;
use crate::settings;

/// A first packet may be as large as IP allows: it was put together again before.
const MTU: u32 = 65_535;
/// The kernel looks where packets come from at interfaces with an address alone. RFC 7600, 4.8: one that is nobody's.
const DUMMY: Ipv4Addr = Ipv4Addr::new(192, 0, 0, 8);
/// What makes the route to [`crate::rules::detour::GATEWAYS`].
const LINK_LOCAL: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);

impl Machine {
    /// Makes it unless it is there.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub(super) fn make_detour(&mut self) -> Result<u32, NetworkError> {
        let Detour { out, back } = self.rules.detour.clone();
        let object = || format!("make the network interface {out}");
        let failed = |cause| link_error(object(), cause);
        if self.links.find(&out).map_err(failed)?.is_none() {
            let mut changes = Changes::new();
            let new = NewLink { name: &out, hardware: Detour::HARDWARE, mtu: MTU };
            changes.pair_here(&new, &back);
            self.links.carry_out(changes).map_err(failed)?;
        }
        let (out_index, back_index) = (self.index(&out)?, self.index(&back)?);
        let mut changes = Changes::new();
        changes.hidden_address(back_index, Cidr::host(IpAddr::V4(DUMMY)));
        if settings::has_ipv6() {
            let address = IpAddr::V6(LINK_LOCAL);
            changes.address(out_index, Cidr::new(address, 64).unwrap_or(Cidr::host(address)));
        }
        changes.up(out_index);
        changes.up(back_index);
        self.links.carry_out(changes).map_err(failed)?;
        settings::of_detour(&back)?;
        Ok(out_index)
    }

    /// Removes it, as far as it is there.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub(super) fn remove_detour(&mut self) -> Result<(), NetworkError> {
        let out = self.rules.detour.out.clone();
        let failed = |cause| link_error(format!("remove the network interface {out}"), cause);
        if self.links.find(&out).map_err(failed)?.is_none() {
            return Ok(());
        }
        let mut changes = Changes::new();
        changes.remove(&out);
        self.links.carry_out(changes).map_err(failed)
    }
}
