//! The families `secret` and `config`: the same commands for two kinds of things.

use std::fs::File;
use std::io::Read;

use engine::{Document, Engine, Kind, Secret, SecretFilter, SecretKind, SecretRequest};
use engine::{SecretsHandle, WhenTaken, parse};
use serde_json::{Value, json};

use super::{inspect, list};
use crate::arguments::Matches;
use crate::failure::Failure;
use crate::program::Session;
use crate::words::{duration, now};
use crate::{config, output};

/// The handle of a kind.
const fn of(engine: &Engine, kind: SecretKind) -> SecretsHandle<'_> {
    match kind {
        SecretKind::Secret => engine.secrets(),
        SecretKind::Config => engine.configs(),
    }
}

pub(super) fn create_secret(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    if let Some(driver) = matches.value("driver").filter(|driver| !matches!(*driver, "" | "file")) {
        return Err(Failure::Words(format!("there is no secret driver {driver:?}, only file")));
    }
    create(session, matches, SecretKind::Secret)
}

pub(super) fn create_config(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    create(session, matches, SecretKind::Config)
}

fn create(session: &Session, matches: &Matches, kind: SecretKind) -> Result<i32, Failure> {
    let when_taken = match (matches.on("replace"), matches.on("ignore")) {
        (true, true) => {
            return Err(Failure::Words("--replace and --ignore exclude each other".to_owned()));
        }
        (true, false) => WhenTaken::Replace,
        (false, true) => WhenTaken::Keep,
        (false, false) => WhenTaken::Refuse,
    };
    let request = SecretRequest {
        name: matches.word(0).to_owned(),
        labels: matches.values("label").map(parse::label).collect::<Result<_, _>>()?,
        when_taken,
    };
    let source = matches.word(1);
    let content = if kind == SecretKind::Secret && matches.on("env") {
        let value = config::lookup(source);
        let missing = || Failure::Words(format!("there is no environment variable {source:?}"));
        value.ok_or_else(missing)?.into_bytes()
    } else {
        content(source, kind)?
    };
    let engine = session.engine()?;
    let secret = of(&engine, kind).create(&request, &content)?;
    output::line(&secret.id);
    Ok(0)
}

/// What a file or standard input holds; of what is too long only so much that this is known.
fn content(source: &str, kind: SecretKind) -> Result<Vec<u8>, Failure> {
    let stream: Box<dyn Read> = if source == "-" {
        Box::new(std::io::stdin().lock())
    } else {
        Box::new(File::open(source).map_err(Failure::file("read", source))?)
    };
    let mut content = Vec::new();
    let most = kind.most_bytes() as u64 + 1;
    stream.take(most).read_to_end(&mut content).map_err(Failure::file("read", source))?;
    Ok(content)
}

pub(super) fn list_secrets(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let columns = [
        ("ID", "ID"),
        ("Name", "NAME"),
        ("Driver", "DRIVER"),
        ("CreatedAt", "CREATED"),
        ("UpdatedAt", "UPDATED"),
    ];
    ls(session, matches, SecretKind::Secret, &columns)
}

pub(super) fn list_configs(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let columns =
        [("ID", "ID"), ("Name", "NAME"), ("CreatedAt", "CREATED"), ("UpdatedAt", "UPDATED")];
    ls(session, matches, SecretKind::Config, &columns)
}

fn ls(
    session: &Session,
    matches: &Matches,
    kind: SecretKind,
    columns: &[(&str, &str)],
) -> Result<i32, Failure> {
    let mut filter = SecretFilter::default();
    for text in matches.values("filter") {
        filter.add(text)?;
    }
    let engine = session.engine()?;
    let secrets = of(&engine, kind).list(&filter)?;
    if matches.on("quiet") {
        let ids: String = secrets.iter().map(|secret| format!("{}\n", secret.id)).collect();
        output::write(&ids)?;
        return Ok(0);
    }
    let values: Vec<Value> = secrets.iter().map(value).collect();
    let label = |place: usize, name: &str| {
        let labels = secrets.get(place).map(|secret| &secret.labels);
        labels.and_then(|labels| labels.get(name)).cloned().unwrap_or_default()
    };
    list::print_with(matches.value("format"), columns, &values, &label)
}

fn value(secret: &Secret) -> Value {
    let labels: Vec<String> =
        secret.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let ago = |time_ns: i64| format!("{} ago", duration(now() - time_ns / 1_000_000_000));
    let mut value = json!({
        "CreatedAt": ago(secret.created_ns),
        "ID": secret.id,
        "Labels": labels.join(","),
        "Name": secret.name,
        "UpdatedAt": ago(secret.updated_ns),
    });
    if secret.kind == SecretKind::Secret {
        // Docker's: empty is its own.
        value["Driver"] = "".into();
    }
    value
}

pub(super) fn inspect_secrets(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let shown = matches.on("showsecret");
    look(session, matches, SecretKind::Secret, shown)
}

pub(super) fn inspect_configs(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    look(session, matches, SecretKind::Config, false)
}

fn look(
    session: &Session,
    matches: &Matches,
    kind: SecretKind,
    shown: bool,
) -> Result<i32, Failure> {
    if !matches.on("pretty") {
        let find = |engine: &Engine, name: &str| -> Result<Document, Failure> {
            Ok(of(engine, kind).inspect(name, shown)?)
        };
        return inspect::print(session, matches, find);
    }
    if matches.text("format").is_some() {
        return Err(Failure::Words("--pretty and --format exclude each other".to_owned()));
    }
    let engine = session.engine()?;
    let handle = of(&engine, kind);
    super::each(matches, |name| {
        let secret = handle.get(name)?;
        let mut text = pretty(&secret);
        if shown || kind == SecretKind::Config {
            let content = handle.content(&secret)?;
            text.push_str(&format!("Data:\n{}\n", String::from_utf8_lossy(&content)));
        }
        output::write(&text)
    })
}

fn pretty(secret: &Secret) -> String {
    let time = |time_ns: i64| {
        let time = engine::format_time(time_ns).replace('T', " ");
        format!("{} +0000 utc", time.trim_end_matches('Z'))
    };
    let mut text =
        format!("ID:                {}\nName:              {}\n", secret.id, secret.name);
    if !secret.labels.is_empty() {
        text.push_str("Labels:\n");
    }
    for (name, value) in &secret.labels {
        let value = if value.is_empty() { String::new() } else { format!("={value}") };
        text.push_str(&format!(" - {name}{value}\n"));
    }
    let (created, updated) = (time(secret.created_ns), time(secret.updated_ns));
    text.push_str(&format!("Created at:        {created}\nUpdated at:        {updated}\n"));
    text
}

pub(super) fn remove_secrets(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    rm(session, matches, SecretKind::Secret)
}

pub(super) fn remove_configs(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    rm(session, matches, SecretKind::Config)
}

fn rm(session: &Session, matches: &Matches, kind: SecretKind) -> Result<i32, Failure> {
    let (all, force, ignore) = (matches.on("all"), matches.on("force"), matches.on("ignore"));
    if all != matches.words.is_empty() {
        let why = if all { "--all takes no names" } else { "it takes names, or --all" };
        return Err(Failure::Words(format!("{kind} rm: {why}")));
    }
    let engine = session.engine()?;
    let handle = of(&engine, kind);
    let names = if all {
        let secrets = handle.list(&SecretFilter::default())?;
        secrets.into_iter().map(|secret| secret.name).collect()
    } else {
        matches.words.clone()
    };
    let mut code = 0;
    for name in &names {
        match handle.remove(name, force) {
            Ok(()) => output::line(name),
            Err(error) if ignore && error.kind() == Kind::NotFound => {}
            Err(error) => {
                let failure = Failure::from(error);
                output::error(&failure.line(), failure.hint().as_deref());
                code = 1;
            }
        }
    }
    Ok(code)
}

pub(super) fn secret_exists(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    exists(session, matches, SecretKind::Secret)
}

pub(super) fn config_exists(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    exists(session, matches, SecretKind::Config)
}

fn exists(session: &Session, matches: &Matches, kind: SecretKind) -> Result<i32, Failure> {
    match of(&session.engine()?, kind).get(matches.word(0)) {
        Ok(_) => Ok(0),
        Err(error) if error.kind() == Kind::NotFound => Ok(1),
        Err(error) => Err(error.into()),
    }
}
