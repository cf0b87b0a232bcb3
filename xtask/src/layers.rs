//! The layers of the house: which crate may lean on which. Start at [`violations`].

use anyhow::Context;
use serde_json::Value;

/// Each crate's layer; a crate depends on lower layers only.
const LAYERS: &[(&str, u8)] = &[
    ("sys", 0),
    ("spec", 0),
    ("dockerfile", 0),
    ("bake", 0),
    ("libchan", 1),
    ("libcontainer", 1),
    ("spdy", 1),
    ("store", 1),
    ("network", 1),
    ("chan", 2),
    ("monitor", 2),
    ("registry", 2),
    ("engine", 3),
    ("build", 4),
    ("lxc", 4),
    ("api-docker", 5),
    ("client-docker", 5),
    ("cli", 6),
];

/// Crates for development: anything may use them as a dev-dependency, nothing as a dependency.
const DEVELOPMENT: &[&str] = &["testkit", "xtask"];

/// Edges inside one layer: user, used, reason.
const SAME_LAYER: &[(&str, &str, &str)] = &[
    (
        "dockerfile",
        "spec",
        "a base is a reference, a platform and a size are read as everywhere else: types of documents, no more",
    ),
    ("libchan", "spdy", "a library of the same kind, which Kubernetes' streams will use, too"),
    ("bake", "spec", "names that were nearly typed are found as everywhere else"),
];

/// One line for every edge of the crate graph that the layers forbid.
///
/// # Errors
/// When `cargo metadata` does not answer as it should.
pub(crate) fn violations(metadata: &Value) -> anyhow::Result<Vec<String>> {
    let packages = metadata["packages"].as_array().context("cargo metadata: no packages")?;
    let mut found = Vec::new();
    for package in packages {
        let user = package["name"].as_str().context("cargo metadata: package without a name")?;
        if layer(user).is_none() && !DEVELOPMENT.contains(&user) {
            found.push(format!("crate {user} has no layer: add it to xtask/src/layers.rs"));
        }
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let used = dependency["name"].as_str().unwrap_or_default();
            let development = dependency["kind"] == "dev";
            found.extend(edge(user, used, development));
        }
    }
    Ok(found)
}

fn layer(name: &str) -> Option<u8> {
    LAYERS.iter().find(|(crate_name, _)| *crate_name == name).map(|(_, layer)| *layer)
}

fn edge(user: &str, used: &str, development: bool) -> Option<String> {
    if development || DEVELOPMENT.contains(&user) {
        return None;
    }
    if DEVELOPMENT.contains(&used) {
        return Some(format!("{user} → {used}: a development crate is a dev-dependency only"));
    }
    let (from, to) = (layer(user)?, layer(used)?);
    let listed = SAME_LAYER.iter().any(|(a, b, _)| (*a, *b) == (user, used));
    (to > from || (to == from && !listed))
        .then(|| format!("{user} (layer {from}) → {used} (layer {to})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upward_and_sideways_edges_are_refused() {
        assert!(edge("sys", "spec", false).is_some());
        assert!(edge("store", "engine", false).is_some());
        assert!(edge("engine", "testkit", false).is_some());
        assert!(edge("engine", "testkit", true).is_none());
        assert!(edge("engine", "store", false).is_none());
    }
}
