//! Options of networks on an interface of the machine, by Docker's names.

use network::{IpvlanFlag, IpvlanMode, MacvlanMode};

use super::config::{Driver, NetworkConfig};
use super::request::NetworkRequest;
use crate::error::EngineError;
use crate::parse::{self, NO_INTERFACE_NAME};

const MODES: &str = "it is not one of bridge, private, vepa, passthru";
const FLAGS: &str = "it is not one of bridge, private, vepa";

impl NetworkRequest {
    /// Those of macvlan and ipvlan. Where no interface is named there is one that leads nowhere.
    pub(super) fn read_parent_options(
        &self,
        config: &mut NetworkConfig,
    ) -> Result<(), EngineError> {
        for (name, value) in &self.options {
            let wrong =
                |why: &str| EngineError::value("network option", format!("{name}={value}"), why);
            match (config.driver, name.as_str()) {
                (_, "parent") => {
                    if !parse::is_interface_name(value) {
                        return Err(wrong(NO_INTERFACE_NAME));
                    }
                    config.parent = Some(value.clone());
                }
                (_, "com.docker.network.driver.mtu") => {
                    config.mtu = parse::mtu(value)?;
                }
                (Driver::Macvlan, "macvlan_mode") => {
                    config.macvlan_mode = match value.as_str() {
                        "" | "bridge" => MacvlanMode::Bridge,
                        "private" => MacvlanMode::Private,
                        "vepa" => MacvlanMode::Vepa,
                        "passthru" => MacvlanMode::Passthru,
                        _ => return Err(wrong(MODES)),
                    };
                }
                (Driver::Ipvlan, "ipvlan_mode") => {
                    config.ipvlan_mode = match value.as_str() {
                        "" | "l2" => IpvlanMode::L2,
                        "l3" => IpvlanMode::L3,
                        "l3s" => IpvlanMode::L3s,
                        _ => return Err(wrong("it is not one of l2, l3, l3s")),
                    };
                }
                (Driver::Ipvlan, "ipvlan_flag") => {
                    config.ipvlan_flag = match value.as_str() {
                        "" | "bridge" => IpvlanFlag::Bridge,
                        "private" => IpvlanFlag::Private,
                        "vepa" => IpvlanFlag::Vepa,
                        _ => return Err(wrong(FLAGS)),
                    };
                }
                _ => return Err(wrong("it is unknown")),
            }
        }
        if config.parent.as_deref() == Some("lo") {
            let why = "nothing leaves the machine by it";
            return Err(EngineError::value("network option", "parent=lo", why));
        }
        config.internal |= config.parent.is_none();
        Ok(())
    }
}
