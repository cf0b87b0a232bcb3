//! Values of `build` that are lists of fields: secrets, agents of keys, places of the cache. What a secret is, is read here.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use build::{Agent, BuildSecret, CachePlace};

use super::keys::KeyAgent;
use crate::config::lookup;
use crate::failure::Failure;
use crate::request::wrong;

/// Bytes of a secret at most, as BuildKit has it.
const MOST_SECRET: u64 = 500 * 1024;

/// The fields of a value: `a=b,"c=d,e"`, with double quotes as in RFC 4180.
pub(super) fn fields(
    what: &'static str,
    text: &str,
) -> Result<Vec<(String, Option<String>)>, Failure> {
    let mut fields = vec![String::new()];
    let mut is_quoted = false;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let Some(field) = fields.last_mut() else { continue };
        match letter {
            '"' if is_quoted && letters.peek() == Some(&'"') => {
                letters.next();
                field.push('"');
            }
            '"' if is_quoted || field.is_empty() => is_quoted = !is_quoted,
            ',' if !is_quoted => fields.push(String::new()),
            other => field.push(other),
        }
    }
    if is_quoted {
        return Err(bad(what, text, "a quote is not closed"));
    }
    Ok(fields
        .iter()
        .filter(|field| !field.is_empty())
        .map(|field| match field.split_once('=') {
            // Letters of a key count.
            Some((name, value)) if name.starts_with("annotation") => {
                (name.to_owned(), Some(value.to_owned()))
            }
            Some((name, value)) => (name.trim().to_ascii_lowercase(), Some(value.to_owned())),
            None => (field.clone(), None),
        })
        .collect())
}

/// A value of a flag that cannot be.
pub(super) fn bad(what: &'static str, text: &str, why: &str) -> Failure {
    Failure::Values(Box::new(wrong(what, text, why)))
}

/// `--secret`, with what it is.
pub(super) fn secret(text: &str) -> Result<BuildSecret, Failure> {
    let (mut id, mut file, mut variable, mut kind) = (None, None, None, None);
    for (name, value) in fields("secret", text)? {
        match (name.as_str(), value) {
            ("id", Some(value)) => id = Some(value),
            ("src" | "source", Some(value)) => file = Some(value),
            ("env", Some(value)) => variable = Some(value),
            ("type", Some(value)) if matches!(value.as_str(), "file" | "env") => kind = Some(value),
            ("type", Some(_)) => return Err(bad("secret", text, "its type is not file or env")),
            (other, _) => {
                let why = format!("{other:?} is not one of id=, src=, env=, type=");
                return Err(bad("secret", text, &why));
            }
        }
    }
    let is_env = kind.as_deref() == Some("env");
    if is_env && variable.is_none() {
        variable = file.take();
    }
    let id = id.or_else(|| file.as_deref().or(variable.as_deref()).map(base_name));
    let id = id.filter(|id| !id.is_empty());
    let id = id.ok_or_else(|| bad("secret", text, "it has no id="))?;
    if file.is_some() && variable.is_some() {
        return Err(bad("secret", text, "src= and env= exclude each other"));
    }
    let content = match (file, variable) {
        (Some(file), _) => read(&file)?,
        (None, Some(name)) => of_environment(&name)?,
        // An id alone: a variable of that name, or else a file.
        (None, None) if kind.as_deref() != Some("file") && lookup(&id).is_some() => {
            of_environment(&id)?
        }
        (None, None) => read(&id)?,
    };
    Ok(BuildSecret { id, content })
}

fn base_name(path: &str) -> String {
    path.rsplit('/').next().unwrap_or_default().to_owned()
}

fn of_environment(name: &str) -> Result<Vec<u8>, Failure> {
    lookup(name).map(String::into_bytes).ok_or_else(|| {
        Failure::Words(format!("the environment has no {name}, which a secret is to be"))
    })
}

fn read(path: &str) -> Result<Vec<u8>, Failure> {
    let mut content = Vec::new();
    let read = std::fs::File::open(path)
        .and_then(|file| file.take(MOST_SECRET + 1).read_to_end(&mut content));
    read.map_err(Failure::file("read the secret", path))?;
    if content.len() as u64 > MOST_SECRET {
        let words = format!("the secret {path} has more than {} KiB", MOST_SECRET / 1024);
        return Err(Failure::Words(words));
    }
    Ok(content)
}

/// `--ssh`: `default`, `NAME`, `NAME=SOCKET`, or `NAME=KEY,KEY`: files of keys, for which an agent is started.
pub(super) fn agent(text: &str) -> Result<Agent, Failure> {
    let (id, paths) = match text.split_once('=') {
        Some((id, paths)) => (id, Some(paths.to_owned())),
        None => (text, lookup("SSH_AUTH_SOCK").filter(|socket| !socket.is_empty())),
    };
    let paths = paths.ok_or_else(|| {
        bad(
            "ssh",
            text,
            "no agent is known: SSH_AUTH_SOCK is not set, and no socket or key is named",
        )
    })?;
    let id = if id.is_empty() { "default" } else { id }.to_owned();
    let paths: Vec<PathBuf> = paths.split(',').map(absolute).collect::<Result<_, _>>()?;
    let mut keys = Vec::new();
    for path in &paths {
        let kind = std::fs::metadata(path).map(|about| about.file_type());
        match kind.map_err(Failure::file("find", path.display()))? {
            kind if std::os::unix::fs::FileTypeExt::is_socket(&kind) && paths.len() == 1 => {
                return Ok(Agent { id, socket: path.clone(), keeper: None });
            }
            kind if kind.is_file() => keys.push(path.clone()),
            _ => {
                let why = format!(
                    "{} is neither the socket of an agent nor the file of a key",
                    path.display()
                );
                return Err(bad("ssh", text, &why));
            }
        }
    }
    let agent = KeyAgent::start(&keys)?;
    Ok(Agent { id, socket: agent.socket(), keeper: Some(Arc::new(agent)) })
}

/// `--cache-from` and `--cache-to`: a name alone is one at a registry.
pub(super) fn cache(what: &'static str, text: &str) -> Result<CachePlace, Failure> {
    let fields = fields(what, text)?;
    if let [(name, None)] = fields.as_slice() {
        let options = BTreeMap::from([("ref".to_owned(), name.clone())]);
        return Ok(CachePlace { kind: "registry".to_owned(), options });
    }
    let mut options = BTreeMap::new();
    for (name, value) in fields {
        let value = value.ok_or_else(|| bad(what, text, "it is not of the form NAME=VALUE,..."))?;
        options.insert(name, value);
    }
    match options.remove("type").as_deref() {
        Some(kind @ ("local" | "registry" | "inline")) => {
            Ok(CachePlace { kind: kind.to_owned(), options })
        }
        Some(other) => {
            let why = format!("{other:?} is not one of local, registry, inline");
            Err(bad(what, text, &why))
        }
        None => Err(bad(what, text, "it has no type=")),
    }
}

/// A path from the caller's directory.
pub(super) fn absolute(path: impl AsRef<Path>) -> Result<PathBuf, Failure> {
    let path = path.as_ref();
    std::path::absolute(path).map_err(Failure::file("find", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_may_be_quoted() {
        let read = |text| {
            fields("output", text).map(|fields| {
                fields
                    .into_iter()
                    .map(|(name, value)| {
                        value.map_or(name.clone(), |value| format!("{name}:{value}"))
                    })
                    .collect::<Vec<_>>()
            })
        };
        assert_eq!(read("type=tar,dest=a b").unwrap(), ["type:tar", "dest:a b"]);
        assert_eq!(read("\"dest=a,b\",Type=x").unwrap(), ["dest:a,b", "type:x"]);
        assert_eq!(read("\"dest=say \"\"hi\"\"\"").unwrap(), ["dest:say \"hi\""]);
        assert_eq!(read("user/app:cache").unwrap(), ["user/app:cache"]);
        assert!(read("\"dest=a").is_err());
    }

    #[test]
    fn secrets_come_of_files_and_variables() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("token");
        std::io::Write::write_all(&mut std::fs::File::create(&file).unwrap(), b"s3").unwrap();
        let file = file.to_str().unwrap();
        for (text, id) in [
            (format!("id=a,src={file}"), "a"),
            (format!("type=file,id=a,source={file}"), "a"),
            (format!("src={file}"), "token"),
            (format!("id={file}"), file),
        ] {
            let secret = secret(&text).unwrap();
            assert_eq!((secret.id.as_str(), secret.content.as_slice()), (id, &b"s3"[..]), "{text}");
            assert!(!format!("{secret:?}").contains("s3"));
        }
        let of_path = secret("id=p,env=PATH").unwrap();
        assert_eq!(of_path.content, lookup("PATH").unwrap().into_bytes());
        assert_eq!(secret("id=PATH").unwrap().content, of_path.content);
        assert_eq!(secret("type=env,id=p,src=PATH").unwrap().content, of_path.content);
        for text in [
            "",
            "type=file",
            "id=a,src=x,env=y",
            "id=a,mode=1",
            "type=vault,id=a",
            "id=NONE_OF_THESE",
        ] {
            assert!(secret(text).is_err(), "{text}");
        }
        let large = directory.path().join("large");
        std::fs::File::create(&large).unwrap().set_len(MOST_SECRET + 1).unwrap();
        assert!(secret(&format!("id=a,src={}", large.display())).is_err());
    }

    #[test]
    fn agents_are_sockets() {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("agent");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let known = agent(&format!("work={}", socket.display())).unwrap();
        assert_eq!((known.id.as_str(), &known.socket), ("work", &socket));
        assert!(agent("work=/none").is_err());
        assert!(agent("work=/").is_err());
        // Two sockets are no agent.
        assert!(agent(&format!("work={0},{0}", socket.display())).is_err());
    }

    #[test]
    fn places_of_the_cache() {
        let named = cache("cache-from", "user/app:cache").unwrap();
        assert_eq!(
            (named.kind.as_str(), named.options["ref"].as_str()),
            ("registry", "user/app:cache")
        );
        let local = cache("cache-to", "type=local,dest=/tmp/x,mode=max").unwrap();
        assert_eq!((local.kind.as_str(), local.options.len()), ("local", 2));
        assert!(cache("cache-to", "type=gha").is_err());
        assert!(cache("cache-to", "dest=/tmp/x").is_err());
        assert!(cache("cache-to", "type=local,dest").is_err());
    }
}
