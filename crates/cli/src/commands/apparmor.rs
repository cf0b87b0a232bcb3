//! The family `apparmor`: the profiles that the kernel has. What confines a container is `--security-opt apparmor=PROFILE`.

use std::io::Read;
use std::path::Path;

use engine::DEFAULT_APPARMOR_PROFILE;
use serde_json::json;

use super::{each, list};
use crate::arguments::Matches;
use crate::failure::Failure;
use crate::output;
use crate::program::Session;

/// Longer texts are no profiles.
const MOST_BYTES: u64 = 4 << 20;

pub(super) fn load(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let engine = session.engine()?;
    let apparmor = engine.apparmor();
    let names = match matches.words.first().map(String::as_str) {
        None => apparmor.load_default()?.into_iter().map(str::to_owned).collect(),
        Some("-") => {
            let mut text = String::new();
            std::io::stdin()
                .take(MOST_BYTES)
                .read_to_string(&mut text)
                .map_err(|error| Failure::Words(format!("read standard input: {error}")))?;
            apparmor.load(None, &text)?
        }
        Some(file) => apparmor.load(Some(Path::new(file)), "")?,
    };
    for name in names {
        output::line(&name);
    }
    Ok(0)
}

pub(super) fn ls(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let profiles = session.engine()?.apparmor().profiles()?;
    if matches.on("quiet") {
        let names: String = profiles.iter().map(|profile| format!("{}\n", profile.name)).collect();
        output::write(&names)?;
        return Ok(0);
    }
    let rows: Vec<_> = profiles
        .iter()
        .map(|profile| json!({ "Name": profile.name, "Mode": profile.mode }))
        .collect();
    list::print(matches.value("format"), &[("Name", "NAME"), ("Mode", "MODE")], &rows)
}

pub(super) fn unload(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let engine = session.engine()?;
    each(matches, |name| {
        engine.apparmor().unload(name, matches.on("force"))?;
        output::line(name);
        Ok(())
    })
}

pub(super) fn print(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let name = matches.words.first().map_or(DEFAULT_APPARMOR_PROFILE, String::as_str);
    output::write(&session.engine()?.apparmor().text(name, matches.on("system"))?)?;
    Ok(0)
}
