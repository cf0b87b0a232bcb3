//! The program `corten`: which face was called, and what its exit code is. A face parses, calls the engine and prints; it
//! decides nothing. Start at [`main`].
#![forbid(unsafe_code)]

mod arguments;
mod attach;
mod commands;
mod completion;
mod config;
mod contexts;
mod failure;
mod flags;
#[cfg(test)]
mod generated;
mod host;
mod lxc;
#[cfg(test)]
mod manual;
mod oci;
mod output;
mod plain;
mod program;
mod progress;
mod registries;
mod request;
mod signals;
mod table;
mod telemetry;
mod template;
mod terminal;
mod words;

use std::process::ExitCode;

/// The monitor's face comes first: a process that stays with a container touches nothing that it does not need.
fn main() -> ExitCode {
    let mut words = std::env::args_os();
    let called = words.next().unwrap_or_default();
    let called = std::path::Path::new(&called).file_name().and_then(|name| name.to_str());
    if called == Some("corten-oci") {
        return exit(program::run(std::iter::once("oci".into()).chain(words)));
    }
    if let Some(verb) = called.and_then(|name| name.strip_prefix("lxc-")) {
        return exit(program::run(["lxc".into(), verb.into()].into_iter().chain(words)));
    }
    let first = words.next();
    let code = match first.as_ref().and_then(|word| word.to_str()) {
        Some("monitor") => monitor::main(),
        Some("keeper") => monitor::keeper::keeper_main(),
        Some("hold") => monitor::hold_main(),
        Some("hello-inside") => program::hello(),
        _ => program::run(first.into_iter().chain(words)),
    };
    exit(code)
}

fn exit(code: i32) -> ExitCode {
    ExitCode::from(u8::try_from(code & 0xff).unwrap_or(u8::MAX))
}
