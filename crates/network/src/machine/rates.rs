//! Bounds on how fast a container is. Both are at the host's end of its interface: no right of the container's reaches there.

use crate::attachment::Attachment;
use crate::link::{Changes, LinkError};

use super::{Machine, NetworkError, link_error};

impl Machine {
    /// Sets a container's bounds.
    pub(super) fn bound(&mut self, attachment: &Attachment) -> Result<(), NetworkError> {
        if attachment.rates.are_none() || !attachment.kind.is_bridge() {
            return Ok(());
        }
        let failed = |cause| failed(attachment, cause);
        let port = self.index(&attachment.host_interface)?;
        let mut changes = Changes::new();
        if let Some(rate) = attachment.rates.ingress {
            changes.bound(port, rate, attachment.mtu);
        }
        if let Some(rate) = attachment.rates.egress {
            let name = between(attachment);
            let mut making = Changes::new();
            making.between(&name);
            self.links.carry_out(making).map_err(failed)?;
            crate::settings::of_port(&name)?;
            let between = self.index(&name)?;
            changes.bound(between, rate, attachment.mtu);
            changes.detour(port, between);
        }
        self.links.carry_out(changes).map_err(failed)
    }

    /// Removes what does not go with a container's interface.
    pub(super) fn unbound(&mut self, attachment: &Attachment) -> Result<(), NetworkError> {
        if attachment.rates.egress.is_none() || !attachment.kind.is_bridge() {
            return Ok(());
        }
        self.remove_interface(&between(attachment))
    }
}

/// Name of the interface that what a container sends goes through.
fn between(attachment: &Attachment) -> String {
    format!("r{}", attachment.host_interface).chars().take(15).collect()
}

fn failed(attachment: &Attachment, cause: LinkError) -> NetworkError {
    link_error(format!("bound the rate of {}", attachment.interface), cause)
}
