//! `--ipc`, `--pid`, `--uts`, `--cgroupns`: whose namespaces a container has.

use super::Parsed;
use crate::config::{IpcMode, PidMode};
use crate::error::EngineError;

/// `--ipc MODE`.
///
/// # Errors
/// When there is none of that name.
pub fn ipc(text: &str) -> Parsed<IpcMode> {
    let why = "it is not one of private, shareable, none, host, container:NAME";
    match (text, text.strip_prefix("container:")) {
        ("" | "private", _) => Ok(IpcMode::Private),
        ("shareable", _) => Ok(IpcMode::Shareable),
        ("none", _) => Ok(IpcMode::None),
        ("host", _) => Ok(IpcMode::Host),
        (_, Some(name)) if !name.is_empty() => Ok(IpcMode::Container(name.to_owned())),
        _ => Err(EngineError::value("ipc mode", text, why)),
    }
}

/// `--pid MODE`.
///
/// # Errors
/// When there is none of that name.
pub fn pid(text: &str) -> Parsed<PidMode> {
    match (text, text.strip_prefix("container:")) {
        ("" | "private", _) => Ok(PidMode::Private),
        ("host", _) => Ok(PidMode::Host),
        (_, Some(name)) if !name.is_empty() => Ok(PidMode::Container(name.to_owned())),
        _ => Err(EngineError::value("pid mode", text, "it is not one of host, container:NAME")),
    }
}

/// `--uts MODE`, `--cgroupns MODE`: whether it is the host's.
///
/// # Errors
/// When it is neither the host's nor its own.
pub fn is_host(what: &'static str, text: &str) -> Parsed<bool> {
    match text {
        "" | "private" => Ok(false),
        "host" => Ok(true),
        _ => Err(EngineError::value(what, text, "it is neither host nor private")),
    }
}
