//! `registries.conf` of the containers tools (Podman, Skopeo, Buildah), version 2, with its drop-ins: a later file replaces the
//! registries and aliases of the same name, and the search list as a whole. Source: containers-registries.conf(5) and
//! containers-registries.conf.d(5).

use std::path::Path;

use spec::Reference;

use super::tables::{Source, Table};
use super::{
    BadRules, HostRules, Mirror, RegistryRule, TlsRule, authority, is_registry, names_registry,
};

/// What the files say that were added so far.
#[derive(Clone, Debug, Default)]
pub struct RegistriesConf {
    search: Option<Vec<String>>,
    registries: Vec<RegistryRule>,
    aliases: Vec<(String, String)>,
}

impl RegistriesConf {
    /// Adds the text of a file, over what was added before.
    ///
    /// # Errors
    /// Names line and key; the whole file is refused then.
    pub fn add(&mut self, text: &str, file: &Path) -> Result<(), BadRules> {
        let source = Source { text, file };
        let document = source.parse()?;
        let root = source.table(document.get_ref());
        refuse_version_1(root)?;
        let search = root.has("unqualified-search-registries").then(|| search(root)).transpose()?;
        let registries: Vec<RegistryRule> =
            root.tables("registry")?.into_iter().map(registry).collect::<Result<_, _>>()?;
        let aliases = match root.table("aliases")? {
            Some(table) => aliases(table)?,
            None => Vec::new(),
        };
        self.search = search.or(self.search.take());
        self.registries.retain(|old| registries.iter().all(|new| new.prefix != old.prefix));
        self.registries.extend(registries);
        for (name, target) in aliases {
            self.aliases.retain(|(known, _)| *known != name);
            // An empty target takes an earlier file's alias away.
            if !target.is_empty() {
                self.aliases.push((name, target));
            }
        }
        Ok(())
    }

    /// The rules of all of them.
    #[must_use]
    pub fn into_rules(self) -> HostRules {
        let lower = HostRules {
            registries: self.registries,
            search: self.search.unwrap_or_default(),
            aliases: self.aliases,
            ..HostRules::default()
        };
        let mut rules = HostRules::default();
        rules.merge(lower);
        rules
    }
}

fn refuse_version_1(root: Table<'_>) -> Result<(), BadRules> {
    if root.has("registries") {
        let why = "this is version 1 of the format; write unqualified-search-registries and [[registry]] instead";
        return Err(root.wrong("registries", why));
    }
    Ok(())
}

fn search(root: Table<'_>) -> Result<Vec<String>, BadRules> {
    const KEY: &str = "unqualified-search-registries";
    let is_beginning = |name: &str| format!("{name}/a").parse::<Reference>().is_ok();
    let registry = |text: &str| match name(text) {
        // References tell a registry from a path by its look.
        Ok(name)
            if is_registry(name.split('/').next().unwrap_or_default()) && is_beginning(&name) =>
        {
            Ok(name)
        }
        Ok(_) => Err(root.wrong(KEY, format!("{text:?}: it is no registry's name"))),
        Err(why) => Err(root.wrong(KEY, format!("{text:?}: {why}"))),
    };
    root.texts(KEY)?.into_iter().map(registry).collect()
}

fn registry(table: Table<'_>) -> Result<RegistryRule, BadRules> {
    let location = table.parsed("location", name)?.unwrap_or_default();
    let prefix = match table.parsed("prefix", name_or_wildcard)? {
        Some(prefix) => prefix,
        None if location.is_empty() => {
            return Err(table.wrong("location", "a [[registry]] needs a prefix or a location"));
        }
        None => location.clone(),
    };
    let by_digest = table.flag("mirror-by-digest-only")?;
    let mirrors = table.tables("mirror")?.into_iter().map(|table| mirror(table, by_digest));
    Ok(RegistryRule {
        blocked: table.flag("blocked")?,
        mirrors: mirrors.collect::<Result<_, _>>()?,
        tls: TlsRule { insecure: table.flag("insecure")?, ..TlsRule::default() },
        location: if location == prefix { String::new() } else { location },
        prefix,
        ..RegistryRule::default()
    })
}

fn mirror(table: Table<'_>, by_digest: bool) -> Result<Mirror, BadRules> {
    let location = table.parsed("location", name)?;
    let location = location.ok_or_else(|| table.wrong("location", "a mirror needs one"))?;
    let from = table.text("pull-from-mirror")?;
    if by_digest && from.is_some() {
        let why = "mirror-by-digest-only of the registry says it already";
        return Err(table.wrong("pull-from-mirror", why));
    }
    let (digests_only, tags_only) = match from {
        None | Some("all" | "") => (by_digest, false),
        Some("digest-only") => (true, false),
        Some("tag-only") => (false, true),
        Some(other) => {
            let why = format!("{other:?} is none of all, digest-only, tag-only");
            return Err(table.wrong("pull-from-mirror", why));
        }
    };
    let tls = TlsRule { insecure: table.flag("insecure")?, ..TlsRule::default() };
    Ok(Mirror { location, digests_only, tags_only, tls, ..Mirror::default() })
}

fn aliases(table: Table<'_>) -> Result<Vec<(String, String)>, BadRules> {
    let mut aliases = Vec::new();
    for short in table.keys() {
        if names_registry(short) || short.contains(['@', ':']) {
            return Err(table.wrong(short, "a short name has no registry, no tag and no digest"));
        }
        let target = table.text(short)?.unwrap_or_default();
        if !target.is_empty() && !is_whole_name(target) {
            let why =
                format!("{target:?} is no repository with its registry, without tag and digest");
            return Err(table.wrong(short, why));
        }
        aliases.push((short.to_owned(), target.to_owned()));
    }
    Ok(aliases)
}

/// Whether it is a repository with its registry, without tag and digest.
fn is_whole_name(target: &str) -> bool {
    let last = target.rsplit('/').next().unwrap_or_default();
    names_registry(target) && !last.contains([':', '@']) && target.parse::<Reference>().is_ok()
}

/// `host[:port][/path]`, without a scheme: it takes the place of a name's beginning.
fn name(text: &str) -> Result<String, &'static str> {
    if text.contains("://") {
        return Err("a scheme does not belong here; see insecure");
    }
    let text = text.trim_end_matches('/');
    let (host, path) = text.split_at(text.find('/').unwrap_or(text.len()));
    if path.contains([':', '@']) {
        return Err("rules for a single tag or digest are not supported");
    }
    let allowed =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'_' | b'-');
    if path.contains("//") || !path.bytes().all(allowed) {
        return Err("its path has parts that no repository's name has");
    }
    Ok(format!("{}{path}", authority(host)?))
}

/// The same, or `*.` and a domain for every host below it.
fn name_or_wildcard(text: &str) -> Result<String, &'static str> {
    match text.strip_prefix("*.") {
        Some(domain) => Ok(format!("*.{}", name(domain)?)),
        None => name(text),
    }
}
