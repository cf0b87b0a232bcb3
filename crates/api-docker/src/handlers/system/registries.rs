//! `RegistryConfig` of `GET /info`: what this machine's files say on registries. Source: Docker Engine API, `RegistryServiceConfig`.

use std::collections::BTreeSet;

use registry::{HostRules, Mirror};
use serde_json::{Value, json};

const HUB: &str = "docker.io";
/// This machine itself is always spoken to without TLS.
const OWN: [&str; 2] = ["::1/128", "127.0.0.0/8"];

pub(super) fn document(rules: &HostRules) -> Value {
    let is_network = |text: &&String| text.contains('/');
    let networks = rules.insecure.iter().filter(is_network).map(String::as_str);
    let networks: BTreeSet<&str> = OWN.into_iter().chain(networks).collect();
    let named = rules.registries.iter().map(|rule| rule.prefix.as_str());
    // A rule for a part of a registry, or for many, is no registry.
    let named = named.filter(|name| !name.contains(['/', '*']));
    let insecure = rules.insecure.iter().filter(|text| !is_network(text)).map(String::as_str);
    let indexes: BTreeSet<&str> = named.chain(insecure).chain([HUB]).collect();
    let index = |name: &str| {
        let rule = rules.registries.iter().find(|rule| rule.prefix == name);
        let is_insecure = rule.is_some_and(|rule| rule.tls.insecure)
            || rules.insecure.iter().any(|own| own == name);
        let entry = json!({
            "Name": name,
            "Mirrors": mirrors(rules, name),
            "Secure": !is_insecure,
            "Official": name == HUB,
        });
        (name.to_owned(), entry)
    };
    json!({
        "InsecureRegistryCIDRs": networks,
        "IndexConfigs": indexes.into_iter().map(index).collect::<serde_json::Map<_, _>>(),
        "Mirrors": mirrors(rules, HUB),
    })
}

/// Addresses, each with its end.
fn mirrors(rules: &HostRules, name: &str) -> Vec<String> {
    let rule = rules.registries.iter().find(|rule| rule.prefix == name);
    let address = |mirror: &Mirror| {
        let location = mirror.location.trim_end_matches('/');
        let scheme = if location.contains("://") { "" } else { "https://" };
        format!("{scheme}{location}/")
    };
    rule.map(|rule| rule.mirrors.iter().map(address).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use registry::{RegistryRule, TlsRule};

    use super::*;

    fn rule(prefix: &str, mirrors: &[&str], insecure: bool) -> RegistryRule {
        let mirror =
            |location: &&str| Mirror { location: (*location).to_owned(), ..Mirror::default() };
        RegistryRule {
            prefix: prefix.to_owned(),
            mirrors: mirrors.iter().map(mirror).collect(),
            tls: TlsRule { insecure, ..TlsRule::default() },
            ..RegistryRule::default()
        }
    }

    #[test]
    fn a_machine_without_rules_knows_the_hub() {
        let document = document(&HostRules::default());
        let hub = json!({ "Name": "docker.io", "Mirrors": [], "Secure": true, "Official": true });
        assert_eq!(document["IndexConfigs"], json!({ "docker.io": hub }));
        assert_eq!(document["InsecureRegistryCIDRs"], json!(["127.0.0.0/8", "::1/128"]));
    }

    #[test]
    fn mirrors_and_insecure_ones_are_told() {
        let rules = HostRules {
            registries: vec![
                rule("docker.io", &["mirror.local", "http://other:5000/"], false),
                rule("old.local", &[], true),
                rule("old.local/team", &[], false),
            ],
            insecure: vec!["10.0.0.0/8".to_owned(), "plain:5000".to_owned()],
            ..HostRules::default()
        };
        let document = document(&rules);
        assert_eq!(document["Mirrors"], json!(["https://mirror.local/", "http://other:5000/"]));
        let indexes = document["IndexConfigs"].as_object().unwrap();
        let secure: Vec<_> =
            indexes.iter().map(|(name, own)| (name.as_str(), own["Secure"] == true)).collect();
        assert_eq!(secure, [("docker.io", true), ("old.local", false), ("plain:5000", false)]);
        assert_eq!(
            document["InsecureRegistryCIDRs"],
            json!(["10.0.0.0/8", "127.0.0.0/8", "::1/128"])
        );
    }
}
