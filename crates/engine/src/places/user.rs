//! What networks of a user who is not root cannot do: they lead nowhere without a program that connects them, and his ports are not root's.

use monitor::keeper::KeeperRules;
use network::Transport;

use super::{Place, ports};
use crate::config::ContainerConfig;
use crate::error::EngineError;

/// Refuses what nothing would lead out, or in.
pub(super) fn demand_way_out(
    keeper: &KeeperRules,
    config: &ContainerConfig,
    places: &[Place],
) -> Result<(), EngineError> {
    let leads_out = |place: &&Place| !place.network.config.internal;
    if let (Some(why), Some(place)) = (&keeper.refused, places.iter().find(leads_out)) {
        let why = format!(
            "nothing connects a user's networks with the host's: {why}; --network none needs nothing"
        );
        return Err(EngineError::value("network", place.network.name.clone(), why));
    }
    let wanted = ports::wanted(config)?;
    if let Some(port) = wanted.iter().find(|port| port.transport == Transport::Sctp) {
        let text = format!("{}/{}", port.port, port.transport.word());
        let why = "a user's ports lead in for TCP and UDP alone";
        return Err(EngineError::value("published port", text, why));
    }
    let low = wanted.iter().filter_map(|port| port.host_ports);
    if let Some((port, _)) = low.into_iter().find(|(first, _)| *first < keeper.first_port) {
        let why = format!(
            "a user may have ports from {} on: net.ipv4.ip_unprivileged_port_start",
            keeper.first_port
        );
        return Err(EngineError::value("published port", port.to_string(), why));
    }
    Ok(())
}
