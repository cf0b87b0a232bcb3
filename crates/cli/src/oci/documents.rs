//! `features` and `spec`: documents that need no container.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use libcontainer::cgroup::LayoutKind;
use spec::runtime::Spec;

use super::{Session, bundle};
use crate::arguments::Matches;
use crate::failure::Failure;
use crate::output;

/// runc's name for the file.
const CONFIG: &str = "config.json";

pub(super) fn features(_session: &Session, _matches: &Matches) -> Result<i32, Failure> {
    let mut features = libcontainer::features();
    let version = ("io.corten.version".to_owned(), engine::VERSION.to_owned());
    features.annotations.extend([version]);
    let text = pretty(serde_json::to_string_pretty(&features))?;
    output::write(&text)?;
    Ok(0)
}

pub(super) fn spec(_session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let mut spec = Spec::example();
    if bundle::layout()?.kind == LayoutKind::Unified {
        spec = spec.with_cgroup_namespace();
    }
    if matches.on("rootless") {
        let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
        spec = spec.into_rootless(uid.as_raw(), gid.as_raw());
    }
    let text = pretty(serde_json::to_string_pretty(&spec))?;
    let path = Path::new(matches.text("bundle").unwrap_or(".")).join(CONFIG);
    let file = OpenOptions::new().write(true).create_new(true).mode(0o666).open(&path);
    match file.and_then(|mut file| file.write_all(text.as_bytes())) {
        Ok(()) => Ok(0),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            Err(Failure::Words(format!("File {CONFIG} exists. Remove it first")))
        }
        Err(error) => Err(Failure::file("write", path.display())(error)),
    }
}

fn pretty(text: serde_json::Result<String>) -> Result<String, Failure> {
    let text = text.map_err(|error| Failure::Words(format!("write the document: {error}")))?;
    Ok(format!("{text}\n"))
}
