//! What a request says differently in the words of older and newer versions. Source: the Engine API's history of versions.

use engine::EngineError;

use super::Create;
use crate::version::ApiVersion;

/// Option of a place in a network: parameters of its interface.
const SYSCTLS: &str = "com.docker.network.endpoint.sysctls";

impl Create {
    /// Makes it what clients of the version mean; gives what they are told of it.
    ///
    /// # Errors
    /// For what the version does not have, and must not be passed over.
    pub(super) fn settle_version(
        &mut self,
        version: ApiVersion,
    ) -> Result<Vec<String>, EngineError> {
        let host = &mut self.host_config;
        if !version.has(40) && host.ipc_mode.is_empty() {
            "shareable".clone_into(&mut host.ipc_mode);
        }
        if !version.has(43) {
            host.annotations.clear();
        }
        if !version.has(44)
            && let Some(health) = &mut self.healthcheck
        {
            health.start_interval = 0;
        }
        for mount in &mut host.mounts {
            mount.settle_version(version)?;
        }
        let endpoints = &mut self.networking_config.endpoints_config;
        if !version.has(44) && endpoints.len() > 1 {
            let names: Vec<_> = endpoints.keys().map(String::as_str).collect();
            let why = "Container cannot be created with multiple network endpoints";
            return Err(EngineError::value("networks", names.join(", "), why));
        }
        if !version.has(48) {
            endpoints.values_mut().for_each(|own| own.priority = None);
        }
        let mut warnings = Vec::new();
        warnings.extend(self.settle_hardware(version)?);
        warnings.extend(self.settle_sysctls(version)?);
        warnings.extend(self.told_of_ports(version));
        warnings.extend(self.told_of_volume_driver(version));
        Ok(warnings)
    }

    /// The hardware address of a container belongs to its first network.
    fn settle_hardware(&mut self, version: ApiVersion) -> Result<Option<String>, EngineError> {
        let given = std::mem::take(&mut self.mac_address);
        let wrong = |why| EngineError::value("MacAddress", given.clone(), why);
        if !version.has(44) {
            let endpoints = &mut self.networking_config.endpoints_config;
            endpoints.values_mut().for_each(|own| own.hardware.clear());
        }
        if given.is_empty() {
            return Ok(None);
        }
        if version.has(52) {
            return Err(wrong(
                "container-wide MAC address no longer supported; use endpoint-specific MAC address instead",
            ));
        }
        let is_network = self.is_in_networks();
        if !version.has(44) && !is_network {
            return Err(wrong("conflicting options: mac-address and the network mode"));
        }
        if is_network {
            let endpoint = self.first_endpoint();
            if !endpoint.hardware.is_empty() && endpoint.hardware != given {
                return Err(wrong(
                    "the container-wide MAC address must match the endpoint-specific MAC address for the main network, or be left empty",
                ));
            }
            endpoint.hardware = given;
        }
        let words = "The container-wide MacAddress field is now deprecated. It should be specified in EndpointsConfig instead.";
        Ok(version.has(44).then(|| words.to_owned()))
    }

    /// Parameters of `eth0` belong to the first network.
    fn settle_sysctls(&mut self, version: ApiVersion) -> Result<Option<String>, EngineError> {
        if !self.is_in_networks() {
            return Ok(None);
        }
        let (mut names, mut moved) = (Vec::new(), Vec::new());
        for (name, value) in &self.host_config.sysctls {
            let parts: Vec<&str> = name.splitn(5, '.').collect();
            let ["net", family, kind, interface, rest] = parts.as_slice() else { continue };
            if !interface.starts_with("eth") {
                continue;
            }
            if version.has(48) || *interface != "eth0" {
                let why = format!("parameters of an interface are given by the option {SYSCTLS}");
                return Err(EngineError::value("sysctl", name, why));
            }
            names.push(name.clone());
            moved.push(format!("net.{family}.{kind}.IFNAME.{rest}={value}"));
        }
        if moved.is_empty() {
            return Ok(None);
        }
        self.host_config.sysctls.retain(|name, _| !names.contains(name));
        let warning = format!(
            "Migrated sysctl {:?} to DriverOpts{{{SYSCTLS:?}:{:?}}}.",
            names.join(","),
            moved.join(",")
        );
        let options = &mut self.first_endpoint().options;
        moved.extend(options.remove(SYSCTLS));
        options.insert(SYSCTLS.to_owned(), moved.join(","));
        Ok(Some(warning))
    }

    /// Whether it is in networks of its own.
    fn is_in_networks(&self) -> bool {
        let mode = self.host_config.network_mode.as_str();
        !self.network_disabled
            && !matches!(mode, "none" | "host")
            && !mode.starts_with("container:")
    }

    /// The place in its first network.
    fn first_endpoint(&mut self) -> &mut super::super::places::Endpoint {
        let endpoints = &mut self.networking_config.endpoints_config;
        let name = match self.host_config.network_mode.as_str() {
            "" | "default" => endpoints.keys().next().map_or("default", String::as_str),
            name => name,
        };
        let name = name.to_owned();
        endpoints.entry(name).or_default()
    }

    fn told_of_ports(&self, version: ApiVersion) -> Option<String> {
        let bindings = self.host_config.port_bindings.iter();
        let empty: Vec<_> = bindings
            .filter(|(_, places)| places.is_empty())
            .map(|(port, _)| port.as_str())
            .collect();
        (version.has(52) && !empty.is_empty()).then(|| {
            format!(
                "Following container port(s) have an empty list of port-bindings: {}. Such bindings will be discarded in a future version.",
                empty.join(", ")
            )
        })
    }

    fn told_of_volume_driver(&self, version: ApiVersion) -> Option<String> {
        let host = &self.host_config;
        let is_ignored = host.mounts.iter().any(super::super::mounts::Mount::names_no_driver);
        let words = "WARNING: the container-wide volume-driver configuration is ignored for volumes specified via 'mount'. Use '--mount type=volume,volume-driver=...' instead";
        (version.has(48) && !host.volume_driver.is_empty() && is_ignored).then(|| words.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bodies::read;

    fn settled(body: &str, minor: u16) -> Result<(Create, Vec<String>), String> {
        let mut create: Create = read(body.as_bytes()).unwrap();
        let told = create.settle_version(ApiVersion::of(minor));
        told.map(|told| (create, told)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_hardware_address_is_of_the_first_network() {
        let body = r#"{"MacAddress":"02:42:ac:11:00:02","HostConfig":{"NetworkMode":"web"}}"#;
        for (minor, warnings) in [(24, 0), (43, 0), (44, 1), (51, 1)] {
            let (mut create, told) = settled(body, minor).unwrap();
            assert_eq!(told.len(), warnings, "1.{minor}");
            assert_eq!(create.first_endpoint().hardware, "02:42:ac:11:00:02");
        }
        assert!(settled(body, 52).unwrap_err().contains("no longer supported"));
        let host = r#"{"MacAddress":"02:42:ac:11:00:02","HostConfig":{"NetworkMode":"host"}}"#;
        assert!(settled(host, 43).is_err() && settled(host, 44).is_ok());
        let endpoint = r#"{"NetworkingConfig":{"EndpointsConfig":{"web":{"MacAddress":"02:42:ac:11:00:02"}}}}"#;
        assert_eq!(settled(endpoint, 43).unwrap().0.first_endpoint().hardware, "");
        assert_ne!(settled(endpoint, 44).unwrap().0.first_endpoint().hardware, "");
    }

    #[test]
    fn parameters_of_the_first_interface_move_to_it_until_1_48() {
        let body = r#"{"HostConfig":{"Sysctls":{"net.ipv4.conf.eth0.forwarding":"1","net.core.somaxconn":"9"}}}"#;
        let (mut create, told) = settled(body, 47).unwrap();
        assert_eq!((create.host_config.sysctls.len(), told.len()), (1, 1));
        let moved = create.first_endpoint().options.get(SYSCTLS).cloned();
        assert_eq!(moved.as_deref(), Some("net.ipv4.conf.IFNAME.forwarding=1"));
        assert!(settled(body, 48).is_err());
    }

    #[test]
    fn several_networks_came_with_1_44() {
        let body = r#"{"NetworkingConfig":{"EndpointsConfig":{"a":{},"b":{"GwPriority":3}}}}"#;
        assert!(settled(body, 43).is_err());
        let priority = |minor| {
            let (create, _) = settled(body, minor).unwrap();
            create.networking_config.endpoints_config["b"].priority
        };
        assert_eq!((priority(44), priority(48)), (None, Some(3)));
    }
}
