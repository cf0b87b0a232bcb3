//! containerd's `hosts.toml`: one registry's hosts, in the order in which they are asked. Source: containerd's docs/hosts.md.
//!
//! What is sent goes to the registry itself, never to another host that says it takes pushes: nobody expects an image elsewhere
//! than where its name says.

use std::path::{Path, PathBuf};

use super::tables::{Source, Table};
use super::{BadRules, EVERY, Mirror, RegistryRule, TlsRule, address};

/// The registry that a directory of `hosts.toml` is for. `_default` is every one that has none of its own; `host_5000_` stands
/// for `host:5000` where a colon cannot be in a name.
#[must_use]
pub fn registry_of_directory(name: &str) -> String {
    if name == "_default" {
        return EVERY.to_owned();
    }
    let with_port = name.strip_suffix('_').and_then(|name| name.rsplit_once('_'));
    match with_port {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => {
            format!("{host}:{port}")
        }
        _ => name.to_owned(),
    }
}

/// Reads the `hosts.toml` of one registry. `file` is named by errors, and is where relative paths start from.
///
/// # Errors
/// Names line and key.
pub fn hosts_toml(text: &str, file: &Path, registry: &str) -> Result<RegistryRule, BadRules> {
    let source = Source { text, file };
    let document = source.parse()?;
    let root = source.table(document.get_ref());
    let mut rule = RegistryRule { prefix: registry.to_owned(), ..RegistryRule::default() };
    let host = read_host(root)?;
    rule.override_path = host.override_path;
    rule.headers = host.headers;
    rule.tls = host.tls;
    let itself = format!("https://{registry}");
    let server = match root.text("server")? {
        None | Some("") => None,
        Some(_) => root.parsed("server", address)?,
    };
    let server = server.unwrap_or_else(|| itself.clone());
    if server.starts_with("http://") {
        rule.tls.insecure = true;
    }
    if let Some(hosts) = root.table("host")? {
        for key in hosts.keys() {
            add_host(&mut rule, hosts, key, &server)?;
        }
    }
    // The registry itself is asked last anyway.
    let is_itself =
        |last: &Mirror| last.location == server && !last.digests_only && !last.tags_only;
    if rule.mirrors.last().is_some_and(is_itself) {
        rule.mirrors.pop();
    }
    // Nothing where it is asked under its own name; `*` has none.
    rule.location = if server == itself { String::new() } else { server };
    Ok(rule)
}

fn add_host(
    rule: &mut RegistryRule,
    hosts: Table<'_>,
    key: &str,
    server: &str,
) -> Result<(), BadRules> {
    let table = hosts.table(key)?.ok_or_else(|| hosts.wrong(key, "it is no table"))?;
    let location = address(key).map_err(|why| hosts.wrong(key, why))?;
    let mut host = read_host(table)?;
    host.tls.insecure |= location.starts_with("http://");
    if location == server {
        // A host that is the registry itself says how that is reached, also for what is sent.
        rule.tls.add(host.tls.clone());
        rule.override_path |= host.override_path;
        if rule.headers.is_empty() {
            rule.headers.clone_from(&host.headers);
        }
    }
    let capabilities = Capabilities::of(table)?;
    if capabilities.pull || capabilities.resolve {
        host.digests_only = !capabilities.resolve;
        host.tags_only = !capabilities.pull;
        host.namespace = location != server;
        host.location = location;
        rule.mirrors.push(host);
    }
    Ok(())
}

/// What a host may be asked for.
struct Capabilities {
    /// Content by its digest.
    pull: bool,
    /// What a tag points at.
    resolve: bool,
}

impl Capabilities {
    /// Everything where nothing is said.
    fn of(table: Table<'_>) -> Result<Self, BadRules> {
        let named = table.texts("capabilities")?;
        if named.is_empty() {
            return Ok(Self { pull: true, resolve: true });
        }
        let mut capabilities = Self { pull: false, resolve: false };
        for name in named {
            match name {
                "pull" => capabilities.pull = true,
                "resolve" => capabilities.resolve = true,
                // See the head of this file; referrers are manifests and go where these go.
                "push" | "referrers" => {}
                other => {
                    let why = format!("{other:?} is none of pull, resolve, push, referrers");
                    return Err(table.wrong("capabilities", why));
                }
            }
        }
        Ok(capabilities)
    }
}

/// What is said of a host, its address and capabilities aside.
fn read_host(table: Table<'_>) -> Result<Mirror, BadRules> {
    let ca = table.texts("ca")?.into_iter().map(|path| table.path(path)).collect();
    let tls = TlsRule { insecure: table.flag("skip_verify")?, ca, client: client(table)? };
    let mut headers = Vec::new();
    if let Some(fields) = table.table("header")? {
        for name in fields.keys() {
            let sound = |value: &&str| !value.bytes().any(|byte| byte.is_ascii_control());
            for value in fields.texts(name)? {
                if !sound(&value) || !is_token(name) {
                    return Err(fields.wrong(name, "no header field can be so"));
                }
                headers.push((name.to_owned(), value.to_owned()));
            }
        }
    }
    let override_path = table.flag("override_path")?;
    Ok(Mirror { override_path, tls, headers, ..Mirror::default() })
}

/// `client = "both.pem"`, `["a.pem", "b.pem"]`, or pairs `[["a.cert", "a.key"], …]`.
fn client(table: Table<'_>) -> Result<Vec<(PathBuf, Option<PathBuf>)>, BadRules> {
    let one = |value: &toml::Spanned<toml::de::DeValue<'_>>| {
        let value = value.get_ref();
        if let Some(path) = value.as_str() {
            return Some((table.path(path), None));
        }
        let texts: Option<Vec<&str>> =
            value.as_array()?.iter().map(|value| value.get_ref().as_str()).collect();
        match texts?.as_slice() {
            [certificate] | [certificate, ""] => Some((table.path(certificate), None)),
            [certificate, key] => Some((table.path(certificate), Some(table.path(key)))),
            _ => None,
        }
    };
    let pairs: Option<Vec<_>> = table.list("client").iter().map(one).collect();
    let why = "it is neither a file, nor a list of files or of pairs of certificate and key";
    pairs.ok_or_else(|| table.wrong("client", why))
}

/// RFC 9110, section 5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}
