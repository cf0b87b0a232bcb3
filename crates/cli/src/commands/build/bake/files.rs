//! Which files `bake` reads, and the variables that they find. Start at [`read`].
//!
//! Where no file is named, `BUILDX_BAKE_FILE` names them, as for buildx; where there is no such variable, those of the usual names that
//! are there count.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read};

use ::bake::{BakeFile, FILE_NAMES, dot_env, is_compose};

use super::line::{is_remote, own};
use crate::arguments::Matches;
use crate::config::{environment, lookup};
use crate::failure::Failure;
use crate::request::wrong;

/// Bytes of a file at most.
const MOST: u64 = 16 * 1024 * 1024;

/// What was found.
pub(super) struct Found {
    pub(super) files: Vec<BakeFile>,
    /// What variables of the files are set to from outside.
    pub(super) environment: BTreeMap<String, String>,
    /// The same for Compose files, which also have `.env`.
    pub(super) compose_environment: BTreeMap<String, String>,
}

/// Reads what the line and the environment name.
pub(super) fn read(matches: &Matches) -> Result<Found, Failure> {
    let mut names: Vec<String> = matches.values("file").map(str::to_owned).collect();
    if names.is_empty() {
        names = of_environment();
    }
    let files = if names.is_empty() {
        let usual = FILE_NAMES.iter().filter_map(|name| usual(name).transpose());
        usual.collect::<Result<Vec<_>, _>>()?
    } else {
        names.iter().map(|name| named(name)).collect::<Result<Vec<_>, _>>()?
    };
    if files.is_empty() {
        let words = format!("there is no bake file here: none of {}", FILE_NAMES.join(", "));
        return Err(Failure::Words(words));
    }
    let mut environment = environment();
    environment.extend(variables(matches)?);
    let mut compose_environment = environment.clone();
    if files.iter().any(is_compose)
        && let Some(file) = usual(".env")?
    {
        compose_environment = dot_env(&file, &environment).map_err(super::told)?;
    }
    Ok(Found { files, environment, compose_environment })
}

/// `--var NAME=VALUE`.
fn variables(matches: &Matches) -> Result<BTreeMap<String, String>, Failure> {
    let read = |text: &str| match text.split_once('=').filter(|(name, _)| !name.is_empty()) {
        Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
        None => {
            Err(Failure::Values(Box::new(wrong("var", text, "it is not of the form NAME=VALUE"))))
        }
    };
    matches.values("var").filter(|text| !text.is_empty()).map(read).collect()
}

fn of_environment() -> Vec<String> {
    let text = lookup("BUILDX_BAKE_FILE").unwrap_or_default();
    let separator = lookup("BUILDX_BAKE_PATH_SEPARATOR").filter(|text| !text.is_empty());
    let names = text.split(separator.as_deref().unwrap_or(":")).map(str::trim);
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// A file that was named.
fn named(name: &str) -> Result<BakeFile, Failure> {
    if name == "-" {
        return text(name, std::io::stdin());
    }
    if is_remote(name) {
        let what = format!("a bake file at an address ({name})");
        return Err(Failure::Later { what, is_flag: false });
    }
    let name = own(name);
    text(name, std::fs::File::open(name).map_err(Failure::file("read", name))?)
}

/// A file that may be there.
fn usual(name: &str) -> Result<Option<BakeFile>, Failure> {
    match std::fs::File::open(name) {
        Ok(file) => text(name, file).map(Some),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::file("read", name)(error)),
    }
}

fn text(name: &str, source: impl Read) -> Result<BakeFile, Failure> {
    let mut bytes = Vec::new();
    let read = source.take(MOST + 1).read_to_end(&mut bytes);
    read.map_err(Failure::file("read", name))?;
    if bytes.len() as u64 > MOST {
        return Err(Failure::Words(format!("{name} has more than 16 MiB")));
    }
    let text = String::from_utf8(bytes).map_err(|_no_text| {
        Failure::Words(format!("{name} is no text: it has bytes that are not UTF-8"))
    })?;
    Ok(BakeFile { name: name.to_owned(), text })
}
