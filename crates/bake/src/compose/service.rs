//! From a service with a `build` section to a target. Start at [`target`].

use std::collections::BTreeMap;

use crate::entry::{Attestation, Entry, without_doubles};
use crate::machine::Machine;
use crate::matrix::is_name;
use crate::problem::{Fault, Problem, closest};
use crate::secret::{Secret, Ssh};
use crate::target::{Target, once};
use crate::yaml::{Node, Yaml};

const KNOWN: &[&str] = &[
    "additional_contexts",
    "args",
    "cache_from",
    "cache_to",
    "context",
    "dockerfile",
    "dockerfile_inline",
    "entitlements",
    "extra_hosts",
    "isolation",
    "labels",
    "network",
    "no_cache",
    "platforms",
    "privileged",
    "provenance",
    "pull",
    "sbom",
    "secrets",
    "shm_size",
    "ssh",
    "tags",
    "target",
    "ulimits",
];

/// Refuses what needs other files.
pub(super) fn refuse(node: &Node, names: &[&str]) -> Result<(), Fault> {
    let found = names.iter().find_map(|name| node.get(name).map(|node| (name, node.place)));
    found.map_or(Ok(()), |(name, place)| {
        Err(Fault::new(place, Problem::Compose((*name).to_owned())))
    })
}

/// Makes the target of a service.
pub(super) fn target(
    service_name: &str,
    service: &Node,
    build: &Node,
    whole: &Node,
    machine: &Machine<'_>,
) -> Result<Target, Fault> {
    refuse(service, &["extends", "env_file"])?;
    let name = service_name.replace('.', "_");
    if !is_name(&name) {
        return Err(Fault::new(service.place, Problem::Name(name)));
    }
    let mut target = Target { name, ..Target::default() };
    if let Yaml::Scalar(context) = &build.yaml {
        target.context = Some(context.clone());
    }
    for (key, node) in build.members() {
        if !KNOWN.contains(&key.as_str()) && !key.starts_with("x-") {
            let closest = closest(key, KNOWN.iter().copied());
            let (name, block) = (key.clone(), "build section".to_owned());
            return Err(Fault::new(node.place, Problem::UnknownAttribute { name, block, closest }));
        }
    }
    single(&mut target, build)?;
    maps(&mut target, service, build, machine)?;
    lists(&mut target, build, whole)?;
    if let Some(extension) = build.get("x-bake") {
        extend(&mut target, extension)?;
    }
    if target.tags.is_none()
        && let Some(image) = service.get("image")
    {
        target.tags = Some(vec![text(image)?]);
    }
    Ok(target)
}

fn single(target: &mut Target, build: &Node) -> Result<(), Fault> {
    let field = |name: &str| build.get(name).map(text).transpose();
    if let Some(context) = field("context")? {
        target.context = Some(context);
    }
    target.dockerfile = field("dockerfile")?;
    target.dockerfile_inline = field("dockerfile_inline")?;
    target.target = field("target")?;
    target.network = field("network")?;
    target.shm_size = field("shm_size")?.map(|size| in_binary_units(&size));
    target.pull = build.get("pull").map(truth).transpose()?.filter(|is| *is);
    target.no_cache = build.get("no_cache").map(truth).transpose()?.filter(|is| *is);
    for kind in ["sbom", "provenance"] {
        let Some(node) = build.get(kind) else { continue };
        let line = match truth(node) {
            Ok(is_on) => format!("type={kind},disabled={}", !is_on),
            Err(_) => format!("type={kind},{}", text(node)?),
        };
        let entry =
            Entry::attestation(&line).map_err(|why| entry_fault(node, "attest", &line, why))?;
        target.attest.push(Attestation(entry));
    }
    Ok(())
}

/// A size as Docker shows it: four digits and a unit of 1,024. What is no size stays as it is.
fn in_binary_units(size: &str) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let lower = size.trim().to_ascii_lowercase();
    let end = lower.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(lower.len());
    let (digits, unit) = lower.split_at(end);
    let power = match unit.trim().trim_end_matches('b').trim_end_matches('i') {
        "" => 0,
        "k" => 1,
        "m" => 2,
        "g" => 3,
        "t" => 4,
        "p" => 5,
        _ => return size.to_owned(),
    };
    let Ok(number) = digits.parse::<u32>() else { return size.to_owned() };
    let mut value = f64::from(number);
    let mut at = power;
    while value >= 1024.0 && at + 1 < UNITS.len() {
        value /= 1024.0;
        at += 1;
    }
    let rounded = (value * 1000.0).round() / 1000.0;
    format!("{rounded}{}", UNITS.get(at).copied().unwrap_or("B"))
}

fn maps(
    target: &mut Target,
    service: &Node,
    build: &Node,
    machine: &Machine<'_>,
) -> Result<(), Fault> {
    let environment = service.get("environment").map(pairs).transpose()?.unwrap_or_default();
    for (name, value) in build.get("args").map(pairs).transpose()?.unwrap_or_default() {
        let outer = || environment.get(&name).cloned().flatten();
        let value =
            value.or_else(outer).or_else(|| machine.compose_environment.get(&name).cloned());
        if let Some(value) = value {
            target.args.insert(name, value);
        }
    }
    for (name, value) in build.get("labels").map(pairs).transpose()?.unwrap_or_default() {
        target.labels.insert(name, value.unwrap_or_default());
    }
    let contexts = build.get("additional_contexts").map(pairs).transpose()?;
    for (name, value) in contexts.unwrap_or_default() {
        target.contexts.insert(name, context(&value.unwrap_or_default()));
    }
    if let Some(hosts) = build.get("extra_hosts") {
        for (name, address) in hosts_of(hosts)? {
            let known = target.extra_hosts.entry(name).or_default();
            if !known.is_empty() {
                known.push(',');
            }
            known.push_str(&address);
        }
    }
    for (name, node) in build.get("ulimits").map(Node::members).unwrap_or_default() {
        let limit = |part: &str| node.get(part).map(text).transpose();
        let (soft, hard) = match &node.yaml {
            Yaml::Scalar(both) => (both.clone(), both.clone()),
            Yaml::Null | Yaml::List(_) | Yaml::Map(_) => {
                (limit("soft")?.unwrap_or_default(), limit("hard")?.unwrap_or_default())
            }
        };
        target.ulimits.push(format!("{name}={soft}:{hard}"));
    }
    Ok(())
}

/// The result of another service is that of its target.
fn context(value: &str) -> String {
    let other = value.strip_prefix("service:").or_else(|| value.strip_prefix("target:"));
    other.map_or_else(|| value.to_owned(), |name| format!("target:{}", name.replace('.', "_")))
}

fn lists(target: &mut Target, build: &Node, whole: &Node) -> Result<(), Fault> {
    target.tags = build.get("tags").map(texts).transpose()?;
    target.platforms = build.get("platforms").map(texts).transpose()?;
    target.entitlements = build.get("entitlements").map(texts).transpose()?.unwrap_or_default();
    let caches = |name: &'static str| {
        build.get(name).map(|node| entries(node, name, Entry::caches)).transpose()
    };
    target.cache_from = caches("cache_from")?.unwrap_or_default().concat();
    target.cache_to = caches("cache_to")?.map(|caches| caches.concat());
    if let Some(agents) = build.get("ssh") {
        for (id, path) in pairs(agents)? {
            let paths = path.filter(|path| !path.is_empty()).into_iter().collect();
            target.ssh.push(Ssh { id, paths });
        }
    }
    let secrets = match build.get("secrets").map(|node| &node.yaml) {
        Some(Yaml::List(nodes)) => nodes.as_slice(),
        _ => &[],
    };
    for node in secrets {
        let id = match node.get("source") {
            Some(source) => text(source)?,
            None => text(node)?,
        };
        let declared = whole.get("secrets").and_then(|all| all.get(&id));
        let part = |name: &str| declared.and_then(|node| node.get(name)).map(text).transpose();
        if part("external")?.as_deref() == Some("true") {
            return Err(Fault::new(node.place, Problem::Compose(format!("external secret {id}"))));
        }
        let (source, environment) = (part("file")?, part("environment")?);
        target.secret.push(Secret {
            id,
            source: source.unwrap_or_default(),
            environment: environment.unwrap_or_default(),
        });
    }
    Ok(())
}

/// `x-bake`: what Compose has no words for.
fn extend(target: &mut Target, extension: &Node) -> Result<(), Fault> {
    for (name, node) in extension.members() {
        match name.as_str() {
            "tags" => more(&mut target.tags, node)?,
            "platforms" => more(&mut target.platforms, node)?,
            "cache-from" => {
                target.cache_from.extend(entries(node, "cache-from", Entry::caches)?.concat());
                target.cache_from = without_doubles(std::mem::take(&mut target.cache_from));
            }
            "cache-to" => {
                let caches = target.cache_to.get_or_insert_default();
                caches.extend(entries(node, "cache-to", Entry::caches)?.concat());
                *caches = without_doubles(std::mem::take(caches));
            }
            "secret" => target.secret.extend(entries(node, "secret", Secret::line)?),
            "ssh" => target.ssh.extend(entries(node, "ssh", |line| Ok(Ssh::line(line)))?),
            "output" => {
                let outputs = target.output.get_or_insert_default();
                outputs.extend(entries(node, "output", Entry::output)?);
            }
            "pull" => target.pull = Some(truth(node)?),
            "no-cache" => target.no_cache = Some(truth(node)?),
            "no-cache-filter" => {
                target.no_cache_filter.extend(texts(node)?);
                once(&mut target.no_cache_filter);
            }
            "contexts" => {
                for (name, value) in pairs(node)? {
                    let value = context(&value.unwrap_or_default());
                    target.contexts.entry(name).or_insert(value);
                }
            }
            _ => {
                let (name, block, closest) = (name.clone(), "x-bake".to_owned(), None);
                let problem = Problem::UnknownAttribute { name, block, closest };
                return Err(Fault::new(node.place, problem));
            }
        }
    }
    Ok(())
}

fn more(list: &mut Option<Vec<String>>, node: &Node) -> Result<(), Fault> {
    let list = list.get_or_insert_default();
    list.extend(texts(node)?);
    once(list);
    Ok(())
}

fn wrong(node: &Node, wanted: &str) -> Fault {
    let found = match &node.yaml {
        Yaml::Null => "null",
        Yaml::Scalar(_) => "string",
        Yaml::List(_) => "list",
        Yaml::Map(_) => "map",
    };
    let (wanted, found) = (wanted.to_owned(), found.to_owned());
    Fault::new(node.place, Problem::Type { what: "the value".to_owned(), wanted, found })
}

fn entry_fault(node: &Node, what: &str, line: &str, why: String) -> Fault {
    Fault::new(node.place, Problem::Entry { what: what.to_owned(), text: line.to_owned(), why })
}

fn text(node: &Node) -> Result<String, Fault> {
    match &node.yaml {
        Yaml::Scalar(text) => Ok(text.clone()),
        Yaml::Null | Yaml::List(_) | Yaml::Map(_) => Err(wrong(node, "string")),
    }
}

fn truth(node: &Node) -> Result<bool, Fault> {
    match text(node)?.to_ascii_lowercase().as_str() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(wrong(node, "bool")),
    }
}

/// A list; a string is one of its words.
fn texts(node: &Node) -> Result<Vec<String>, Fault> {
    match &node.yaml {
        Yaml::Scalar(words) => Ok(words.split_whitespace().map(str::to_owned).collect()),
        Yaml::List(nodes) => nodes.iter().map(text).collect(),
        Yaml::Null | Yaml::Map(_) => Err(wrong(node, "list")),
    }
}

fn entries<T>(
    node: &Node,
    what: &str,
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<Vec<T>, Fault> {
    let lines = texts(node)?;
    let lines = lines.iter().filter(|line| !line.is_empty());
    lines.map(|line| read(line).map_err(|why| entry_fault(node, what, line, why))).collect()
}

/// A map, or a list of `NAME=VALUE` and `NAME`.
fn pairs(node: &Node) -> Result<BTreeMap<String, Option<String>>, Fault> {
    match &node.yaml {
        Yaml::Map(members) => members
            .iter()
            .map(|(name, node)| match node.yaml {
                Yaml::Null => Ok((name.clone(), None)),
                Yaml::Scalar(_) | Yaml::List(_) | Yaml::Map(_) => {
                    text(node).map(|text| (name.clone(), Some(text)))
                }
            })
            .collect(),
        Yaml::List(nodes) => nodes
            .iter()
            .map(|node| {
                let line = text(node)?;
                Ok(match line.split_once('=') {
                    Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                    None => (line, None),
                })
            })
            .collect(),
        Yaml::Null | Yaml::Scalar(_) => Err(wrong(node, "map")),
    }
}

/// `NAME=ADDRESS` or `NAME:ADDRESS` in a list, or a map whose values may be lists.
fn hosts_of(node: &Node) -> Result<Vec<(String, String)>, Fault> {
    let mut hosts = Vec::new();
    match &node.yaml {
        Yaml::List(nodes) => {
            for node in nodes {
                let line = text(node)?;
                let pair = line.split_once('=').or_else(|| line.split_once(':'));
                let (name, address) = pair.ok_or_else(|| wrong(node, "NAME=ADDRESS"))?;
                let address = address.trim_start_matches('[').trim_end_matches(']');
                hosts.push((name.to_owned(), address.to_owned()));
            }
        }
        Yaml::Map(members) => {
            for (name, node) in members {
                let addresses = match node.yaml {
                    Yaml::List(_) => texts(node)?,
                    Yaml::Null | Yaml::Scalar(_) | Yaml::Map(_) => vec![text(node)?],
                };
                hosts.extend(addresses.into_iter().map(|address| (name.clone(), address)));
            }
        }
        Yaml::Null | Yaml::Scalar(_) => return Err(wrong(node, "map")),
    }
    Ok(hosts)
}
