//! A network that is to be made, and containers that come into one or leave it. Source: Docker Engine API, `NetworkCreateRequest`.

use std::collections::BTreeMap;

use engine::EngineError;
use engine::networks::{NetworkRequest, SubnetRequest};
use serde::Deserialize;

use super::places::Endpoint;
use crate::version::ApiVersion;

/// The body of `POST /networks/create`. What it says of names that are taken is always so.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct Create {
    pub(crate) name: String,
    pub(crate) driver: String,
    pub(crate) scope: String,
    internal: bool,
    attachable: bool,
    pub(crate) ingress: bool,
    config_only: bool,
    config_from: ConfigFrom,
    #[serde(rename = "EnableIPv4")]
    ipv4: Option<bool>,
    #[serde(rename = "EnableIPv6")]
    ipv6: Option<bool>,
    #[serde(rename = "IPAM")]
    ipam: Ipam,
    options: BTreeMap<String, String>,
    labels: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct ConfigFrom {
    network: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Ipam {
    driver: String,
    config: Vec<Pool>,
}

/// Addresses, and who has some of them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Pool {
    subnet: String,
    #[serde(rename = "IPRange")]
    range: String,
    gateway: String,
    auxiliary_addresses: BTreeMap<String, String>,
}

/// The body of `POST /networks/{name}/connect`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct Connect {
    pub(crate) container: String,
    pub(crate) endpoint_config: Endpoint,
}

/// The body of `POST /networks/{name}/disconnect`. Who is gone is in no network: force has nothing to do.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(crate) struct Disconnect {
    pub(crate) container: String,
}

impl Create {
    /// What the engine is asked for.
    ///
    /// # Errors
    /// For what there is not, and for addresses that are none.
    pub(crate) fn request(mut self, version: ApiVersion) -> Result<NetworkRequest, EngineError> {
        if self.config_only || !self.config_from.network.is_empty() {
            return Err(EngineError::NotYet(
                "a network that is another's configuration".to_owned(),
            ));
        }
        if !matches!(self.ipam.driver.as_str(), "" | "default") {
            return Err(EngineError::NotYet(format!("IPAM driver {:?}", self.ipam.driver)));
        }
        if !matches!(self.driver.as_str(), "" | "bridge" | "macvlan" | "ipvlan") {
            return Err(EngineError::NoPlugin { name: self.driver });
        }
        let said = self.ipv4.filter(|_| version.has(48));
        let ipv4 = said.or(self.flag("com.docker.network.enable_ipv4")?).unwrap_or(true);
        let option = self.flag("com.docker.network.enable_ipv6")?;
        let ipv6 = self.ipv6.or(option).unwrap_or(false);
        // Docker passes over addresses of IPv6 where nobody wants them.
        let pools = self.ipam.config.iter().filter(|pool| ipv6 || !pool.subnet.contains(':'));
        let subnets = pools.map(Pool::subnet).collect::<Result<_, _>>()?;
        Ok(NetworkRequest {
            name: self.name,
            driver: if self.driver.is_empty() { "bridge".to_owned() } else { self.driver },
            subnets,
            internal: self.internal,
            attachable: self.attachable,
            ipv4,
            ipv6,
            labels: self.labels,
            options: self.options,
        })
    }

    /// What an option of the driver says that is none of the driver's own.
    fn flag(&mut self, name: &'static str) -> Result<Option<bool>, EngineError> {
        let Some(value) = self.options.remove(name) else { return Ok(None) };
        match value.as_str() {
            "1" | "t" | "T" | "true" | "True" | "TRUE" => Ok(Some(true)),
            "0" | "f" | "F" | "false" | "False" | "FALSE" => Ok(Some(false)),
            _ => Err(EngineError::value(name, value, "it is not true or false")),
        }
    }
}

impl Pool {
    fn subnet(&self) -> Result<SubnetRequest, EngineError> {
        let no_network = |what, text: &str| EngineError::value(what, text, "it is no network");
        let no_address = |what, text: &str| EngineError::value(what, text, "it is no address");
        let given = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        let network = |what, text: &String| {
            given(text).map(|text| text.parse().map_err(|_bad| no_network(what, &text))).transpose()
        };
        let subnet = network("subnet", &self.subnet)?;
        let range = network("IP range", &self.range)?;
        let gateway = given(&self.gateway)
            .map(|text| text.parse().map_err(|_bad| no_address("gateway", &text)))
            .transpose()?;
        let reserved = self.auxiliary_addresses.iter().map(|(name, text)| {
            let address = text.parse().map_err(|_bad| no_address("auxiliary address", text))?;
            Ok((name.clone(), address))
        });
        let reserved = reserved.collect::<Result<_, EngineError>>()?;
        Ok(SubnetRequest { subnet, gateway, range, reserved })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bodies::read;

    fn request(body: &str, minor: u16) -> Result<NetworkRequest, EngineError> {
        read::<Create>(body.as_bytes()).unwrap().request(ApiVersion::of(minor))
    }

    #[test]
    fn ipv4_is_chosen_since_1_48_and_ipv6_only_where_it_is_wanted() {
        let families = |body: &str, minor| {
            let request = request(body, minor).unwrap();
            (request.ipv4, request.ipv6, request.subnets.len())
        };
        let pools = r#""IPAM":{"Config":[{"Subnet":"10.9.0.0/24"},{"Subnet":"fd00:9::/64"}]}"#;
        assert_eq!(families(&format!(r#"{{"Name":"a",{pools}}}"#), 52), (true, false, 1));
        let both = format!(r#"{{"Name":"a","EnableIPv6":true,"EnableIPv4":false,{pools}}}"#);
        assert_eq!(families(&both, 48), (false, true, 2));
        assert_eq!(families(&both, 47), (true, true, 2));
        let by_option = r#"{"Options":{"com.docker.network.enable_ipv6":"true"}}"#;
        assert_eq!(families(by_option, 44), (true, true, 0));
    }

    #[test]
    fn what_there_is_not_is_refused() {
        for body in [
            r#"{"ConfigOnly":true}"#,
            r#"{"ConfigFrom":{"Network":"a"}}"#,
            r#"{"IPAM":{"Driver":"dhcp"}}"#,
            r#"{"IPAM":{"Config":[{"Subnet":"x"}]}}"#,
            r#"{"IPAM":{"Config":[{"Subnet":"10.0.0.0/8","Gateway":"x"}]}}"#,
            r#"{"IPAM":{"Config":[{"Subnet":"10.0.0.0/8","AuxiliaryAddresses":{"a":"x"}}]}}"#,
        ] {
            assert!(request(body, 52).is_err(), "{body}");
        }
        assert!(request(r#"{"ConfigFrom":{"Network":""},"IPAM":null}"#, 52).is_ok());
    }
}
