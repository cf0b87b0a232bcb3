//! `update-config`: a configuration of before LXC 2.1 becomes a new one; the old one stays beside it.

use std::path::PathBuf;

use ::lxc::config::Text;
use ::lxc::config::update::{backup_of, update};
use ::lxc::containers::write;

use super::call::Call;
use crate::failure::Failure;

pub(super) fn update_config(call: &Call) -> Result<i32, Failure> {
    let named = call.matches.value("config").or_else(|| call.words.first().map(String::as_str));
    let Some(named) = named else {
        return Err(Failure::Words("no file is named: --config".to_owned()));
    };
    let path = PathBuf::from(named);
    let bytes = std::fs::read(&path).map_err(Failure::file("read", named))?;
    let new = update(&Text::read(&bytes)).to_bytes();
    let backup = backup_of(&path);
    std::fs::copy(&path, &backup).map_err(Failure::file("write", backup.display()))?;
    write(&path, &new).map_err(Failure::file("write", named))?;
    Ok(0)
}
