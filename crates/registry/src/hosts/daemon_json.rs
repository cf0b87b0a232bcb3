//! What Docker's `daemon.json` says of registries: mirrors of docker.io, insecure registries, proxies. The other keys are the
//! daemon's. Source: dockerd's "daemon configuration file".

use std::net::IpAddr;
use std::path::Path;

use serde_json::Value;

use super::{BadRules, DOCKER_HUB, HostRules, Mirror, RegistryRule, TlsRule, address, authority};

/// What a `daemon.json` says that concerns us.
#[derive(Clone, Debug, Default)]
pub struct Daemon {
    /// Mirrors and insecure registries.
    pub rules: HostRules,
    /// How the world outside is reached.
    pub proxies: Proxies,
}

/// Proxies, each empty where nothing is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies {
    /// For `http://`.
    pub http: String,
    /// For `https://`.
    pub https: String,
    /// Hosts, domains, networks that are reached without one, separated by commas.
    pub none: String,
}

impl Daemon {
    /// Reads the text of a file, which errors name.
    ///
    /// # Errors
    /// Names the key.
    pub fn parse(text: &str, file: &Path) -> Result<Self, BadRules> {
        // dockerd takes an empty file as one that says nothing.
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let document: Value = serde_json::from_str(text).map_err(|error| BadRules {
            line: Some(error.line()),
            ..BadRules::new(file, format!("it is no JSON: {error}"))
        })?;
        if !document.is_object() {
            return Err(BadRules::new(file, "it is no JSON object"));
        }
        let wrong = |(key, why): (&str, String)| BadRules::new(file, format!("{key}: {why}"));
        let mirrors = texts(&document, "registry-mirrors").map_err(wrong)?;
        let insecure = texts(&document, "insecure-registries").map_err(wrong)?;
        let mut rules = HostRules::default();
        for text in insecure {
            rules.insecure.push(
                host_or_network(text)
                    .map_err(|why| wrong(("insecure-registries", format!("{text:?}: {why}"))))?,
            );
        }
        let mirrors: Vec<Mirror> = mirrors
            .into_iter()
            .map(|text| {
                mirror(text).map_err(|why| wrong(("registry-mirrors", format!("{text:?}: {why}"))))
            })
            .collect::<Result<_, _>>()?;
        if !mirrors.is_empty() {
            let prefix = DOCKER_HUB.to_owned();
            rules.registries.push(RegistryRule { prefix, mirrors, ..RegistryRule::default() });
        }
        let proxies = match document.get("proxies") {
            None | Some(Value::Null) => Proxies::default(),
            Some(proxies) => Proxies {
                http: string(proxies, "http-proxy").map_err(wrong)?,
                https: string(proxies, "https-proxy").map_err(wrong)?,
                none: string(proxies, "no-proxy").map_err(wrong)?,
            },
        };
        Ok(Self { rules, proxies })
    }
}

fn texts<'a>(
    document: &'a Value,
    key: &'static str,
) -> Result<Vec<&'a str>, (&'static str, String)> {
    let wrong = || (key, "it is no list of strings".to_owned());
    match document.get(key) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(value) => value
            .as_array()
            .ok_or_else(wrong)?
            .iter()
            .map(|value| value.as_str().ok_or_else(wrong))
            .collect(),
    }
}

fn string(proxies: &Value, key: &'static str) -> Result<String, (&'static str, String)> {
    match proxies.get(key) {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(_) => Err((key, "it is no string".to_owned())),
    }
}

fn mirror(text: &str) -> Result<Mirror, &'static str> {
    if !text.contains("://") {
        return Err("it needs https:// or http:// in front");
    }
    let location = address(text)?;
    if location.splitn(4, '/').nth(3).is_some() {
        return Err("a mirror of docker.io may have no path");
    }
    let tls = TlsRule { insecure: location.starts_with("http://"), ..TlsRule::default() };
    Ok(Mirror { location, tls, ..Mirror::default() })
}

/// `host[:port]`, or a network as CIDR writes it. A scheme in front is taken off, as dockerd does.
fn host_or_network(text: &str) -> Result<String, &'static str> {
    let text = text.strip_prefix("http://").or(text.strip_prefix("https://")).unwrap_or(text);
    let Some((address, length)) = text.split_once('/') else { return authority(text) };
    let most = match address.parse() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return Err("it is neither a host nor a network (CIDR)"),
    };
    match length.parse::<u8>() {
        Ok(length) if length <= most => Ok(text.to_owned()),
        _ => Err("its network has no such length"),
    }
}
