//! Compose files: each service with a `build` section is a target, all of them are the group `default`. Start at [`read`].
//!
//! `include`, `extends` and `env_file` need other files and are refused where a service with a build has them.

mod service;
pub(crate) mod variables;

use crate::machine::Machine;
use crate::problem::Fault;
use crate::source::BakeFile;
use crate::syntax::has_ending;
use crate::target::{Group, Target};
use crate::yaml::{self, Node, Yaml};

/// Whether a file is one by its name, or by its text where the name says nothing.
#[must_use]
pub fn is_compose(file: &BakeFile) -> bool {
    let name = file.name.to_ascii_lowercase();
    if has_ending(&name, ".yml") || has_ending(&name, ".yaml") {
        return true;
    }
    if has_ending(&name, ".json") || has_ending(&name, ".hcl") {
        return false;
    }
    yaml::parse(0, &file.text).is_ok_and(|node| node.get("services").is_some())
}

/// Reads files, later ones over earlier ones.
pub(crate) fn read(
    files: &[(usize, &BakeFile)],
    machine: &Machine<'_>,
) -> Result<(Vec<Target>, Option<Group>), Fault> {
    let mut whole: Option<Node> = None;
    for (index, file) in files {
        let mut node = yaml::parse(*index, &file.text)?;
        variables::put_in(&mut node, machine.compose_environment)?;
        whole = Some(match whole {
            None => node,
            Some(before) => merge(before, node),
        });
    }
    let Some(whole) = whole else { return Ok((Vec::new(), None)) };
    service::refuse(&whole, &["include"])?;
    let services = whole.get("services").map(Node::members).unwrap_or_default();
    if services.is_empty() {
        return Ok((Vec::new(), None));
    }
    let mut sorted: Vec<&(String, Node)> = services.iter().collect();
    sorted.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut targets = Vec::new();
    for (name, service) in sorted {
        if let Some(build) = service.get("build") {
            targets.push(service::target(name, service, build, &whole, machine)?);
        }
    }
    let names = targets.iter().map(|target| target.name.clone()).collect();
    let group = Group { name: "default".to_owned(), description: String::new(), targets: names };
    Ok((targets, Some(group)))
}

/// Maps are joined, lists go on, all else is replaced.
fn merge(before: Node, after: Node) -> Node {
    let place = after.place;
    let yaml = match (before.yaml, after.yaml) {
        (Yaml::Map(mut own), Yaml::Map(new)) => {
            for (name, node) in new {
                match own.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, known)) => {
                        let place = known.place;
                        let taken = std::mem::replace(known, Node { place, yaml: Yaml::Null });
                        *known = merge(taken, node);
                    }
                    None => own.push((name, node)),
                }
            }
            Yaml::Map(own)
        }
        (Yaml::List(mut own), Yaml::List(new)) => {
            own.extend(new);
            Yaml::List(own)
        }
        (before, Yaml::Null) => before,
        (_, after) => after,
    };
    Node { place, yaml }
}
