//! The family `context`: servers that have names. What is shown and said is Docker's.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use client_docker::Host;
use serde_json::{Value, json};

use super::inspect::Shape;
use super::{each, list};
use crate::arguments::Matches;
use crate::contexts::{Context, Contexts, DEFAULT, archive, check_name};
use crate::failure::Failure;
use crate::host::read_material;
use crate::output;
use crate::program::Session;

/// What Docker says of it.
const DEFAULT_DESCRIPTION: &str = "This machine, without a server";

pub(super) fn create(_session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let contexts = Contexts::demand()?;
    let name = matches.word(0);
    check_name(name)?;
    let mut context = match (matches.text("from"), matches.text("docker")) {
        (Some(_), Some(_)) => {
            return Err(Failure::Words("--from and --docker exclude each other".to_owned()));
        }
        (Some(from), None) => contexts.get(from)?,
        (None, Some(text)) => endpoint(name, text)?,
        (None, None) => {
            let words = "--docker says where the server is, as host=ssh://user@host";
            return Err(Failure::Words(words.to_owned()));
        }
    };
    name.clone_into(&mut context.name);
    if let Some(description) = matches.value("description") {
        description.clone_into(&mut context.description);
    }
    contexts.add(&context)?;
    told(name, "Successfully created context", name);
    Ok(0)
}

fn told(name: &str, what: &str, quoted: &str) {
    output::line(name);
    output::talk(&format!("{what} {quoted:?}"));
}

/// `host=…[,ca=…,cert=…,key=…]`.
fn endpoint(name: &str, text: &str) -> Result<Context, Failure> {
    let wrong = |why: String| Failure::Words(format!("invalid --docker {text:?}: {why}"));
    let (mut host, mut files) = (None, [None, None, None]);
    for part in text.split(',') {
        let (key, value) = part
            .split_once('=')
            .ok_or_else(|| wrong(format!("{part:?} is not of the form KEY=VALUE")))?;
        match key {
            "host" => {
                host = Some(value.parse::<Host>().map_err(|bad| wrong(bad.to_string()))?);
            }
            "ca" => files[0] = Some(value),
            "cert" => files[1] = Some(value),
            "key" => files[2] = Some(value),
            "skip-tls-verify" if matches!(value, "false" | "0") => {}
            "skip-tls-verify" => {
                return Err(wrong(
                    "a server whose certificate nobody knows is not asked".to_owned(),
                ));
            }
            _ => return Err(wrong(format!("{key:?} is not one of host, ca, cert, key"))),
        }
    }
    let host = host.ok_or_else(|| wrong("it names no host".to_owned()))?;
    let tls = match (files, &host) {
        ([None, None, None], _) => None,
        ([Some(ca), Some(cert), Some(key)], Host::Tcp { .. }) => {
            Some(read_material([Path::new(ca), Path::new(cert), Path::new(key)])?)
        }
        (_, Host::Tcp { .. }) => {
            return Err(wrong(
                "ca, cert and key belong together: one of them is missing".to_owned(),
            ));
        }
        (_, Host::Unix(_) | Host::Ssh { .. }) => {
            return Err(wrong("certificates are for tcp://".to_owned()));
        }
    };
    Ok(Context { name: name.to_owned(), description: String::new(), host, tls })
}

pub(super) fn ls(_session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let contexts = Contexts::demand()?;
    let names = contexts.names()?;
    if matches.on("quiet") {
        let all = [DEFAULT].into_iter().chain(names.iter().map(String::as_str));
        output::write(&all.map(|name| format!("{name}\n")).collect::<String>())?;
        return Ok(0);
    }
    let current = in_use(&contexts)?;
    let is_json = matches.value("format") == Some("json");
    let row = |name: &str, description: &str, host: &str, error: &str| {
        let is_current = current == name;
        // Docker marks the one in use where people look, not where programs do.
        let shown = if is_current && !is_json { format!("{name} *") } else { name.to_owned() };
        json!({
            "Current": is_current, "Description": description, "DockerEndpoint": host,
            "Error": error, "Name": shown,
        })
    };
    let mut rows = vec![row(DEFAULT, DEFAULT_DESCRIPTION, "", "")];
    rows.extend(names.iter().map(|name| match contexts.get(name) {
        Ok(context) => row(name, &context.description, &context.host.to_string(), ""),
        Err(failure) => row(name, "", "", &failure.line()),
    }));
    let columns = [
        ("Name", "NAME"),
        ("Description", "DESCRIPTION"),
        ("DockerEndpoint", "DOCKER ENDPOINT"),
        ("Error", "ERROR"),
    ];
    list::print(matches.value("format"), &columns, &rows)
}

/// The one that commands without a flag go by. What a host in the environment says is none.
fn in_use(contexts: &Contexts) -> Result<String, Failure> {
    let set = |name| crate::config::lookup(name).filter(|value| !value.is_empty());
    if set("CORTEN_HOST").is_some() {
        return Ok(DEFAULT.to_owned());
    }
    match set("CORTEN_CONTEXT") {
        Some(name) => Ok(name),
        None => Ok(contexts.current()?.unwrap_or_else(|| DEFAULT.to_owned())),
    }
}

pub(super) fn show(_session: &Session, _matches: &Matches) -> Result<i32, Failure> {
    output::line(&in_use(&Contexts::demand()?)?);
    Ok(0)
}

pub(super) fn inspect(_session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let shape = Shape::of(matches)?;
    let contexts = Contexts::demand()?;
    let own = [in_use(&contexts)?];
    let names = if matches.words.is_empty() { &own[..] } else { &matches.words[..] };
    shape.show_all(names, |name| {
        let document = if name == DEFAULT {
            default_document()
        } else {
            contexts.get(name)?.document(&contexts.path(name))
        };
        serde_json::from_value(document).map_err(|error| Failure::Words(error.to_string()))
    })
}

fn default_document() -> Value {
    json!({
        "Name": DEFAULT, "Metadata": { "Description": DEFAULT_DESCRIPTION },
        "Endpoints": { "docker": { "Host": "", "SkipTLSVerify": false } }, "TLSMaterial": {},
        "Storage": { "MetadataPath": "<IN MEMORY>", "TLSPath": "<IN MEMORY>" },
    })
}

pub(super) fn switch(_session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let name = matches.word(0);
    Contexts::demand()?.set_current(name)?;
    told(name, "Current context is now", name);
    if let Some(variable) = ["CORTEN_HOST", "CORTEN_CONTEXT"]
        .into_iter()
        .find(|name| crate::config::lookup(name).is_some_and(|value| !value.is_empty()))
    {
        output::talk(&format!("WARNING: {variable} is set and overrides it"));
    }
    Ok(0)
}

pub(super) fn rm(_session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let contexts = Contexts::demand()?;
    let current = contexts.current()?;
    each(matches, |name| {
        if current.as_deref() == Some(name) {
            if !matches.on("force") {
                let words = format!("context {name:?} is in use: set --force to remove it");
                return Err(Failure::Words(words));
            }
            contexts.set_current(DEFAULT)?;
        }
        match contexts.remove(name) {
            Err(_absent) if matches.on("force") && !contexts.path(name).exists() => {}
            done => done?,
        }
        output::line(name);
        Ok(())
    })
}

pub(super) fn update(_session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let contexts = Contexts::demand()?;
    let name = matches.word(0);
    let mut context = contexts.get(name)?;
    if let Some(text) = matches.text("docker") {
        let description = std::mem::take(&mut context.description);
        context = Context { description, ..endpoint(name, text)? };
    }
    if let Some(description) = matches.value("description") {
        description.clone_into(&mut context.description);
    }
    contexts.replace(&context)?;
    told(name, "Successfully updated context", name);
    Ok(0)
}

pub(super) fn export(_session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let name = matches.word(0);
    let archive = archive::write(&Contexts::demand()?.get(name)?)?;
    let usual = format!("{name}.dockercontext");
    let path = matches.words.get(1).map_or(usual.as_str(), String::as_str);
    if path == "-" {
        return super::archives::to_stdout("context export", &archive[..]);
    }
    // There may be a key in it.
    let opened = std::os::unix::fs::OpenOptionsExt::mode(
        File::options().write(true).create_new(true),
        0o600,
    )
    .open(path);
    let written = opened.and_then(|mut file| file.write_all(&archive));
    written.map_err(Failure::file("write", path))?;
    output::talk(&format!("Written file {path:?}"));
    Ok(0)
}

pub(super) fn import(_session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let (name, path) = (matches.word(0), matches.word(1));
    check_name(name)?;
    let input: Box<dyn Read> = if path == "-" {
        Box::new(std::io::stdin())
    } else {
        Box::new(File::open(path).map_err(Failure::file("import", path))?)
    };
    let context = archive::read(name, input, Path::new(path))?;
    Contexts::demand()?.add(&context)?;
    told(name, "Successfully imported context", name);
    Ok(0)
}
