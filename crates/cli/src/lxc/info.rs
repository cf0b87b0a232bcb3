//! `info`: state, process, addresses and use of one container, or values of its configuration.

use std::fmt::Write;

use engine::Container;

use super::addresses::addresses;
use super::call::Call;
use super::figures::{figures, humane};
use super::states::{pid, state};
use crate::failure::Failure;
use crate::output;

pub(super) fn info(call: &Call) -> Result<i32, Failure> {
    let engine = call.session.engine()?;
    let known = call.known(&engine)?;
    if known.is_none() && !call.directory()?.has(&call.name) && !call.matches.is_given("rcfile") {
        return Err(Failure::Words("there is no such container".to_owned()));
    }
    let on = |flag: &str| call.matches.on(flag);
    let keys: Vec<&str> = call.matches.values("config").collect();
    let chosen = ["ips", "pid", "stats", "state"];
    let is_all = keys.is_empty() && !chosen.iter().any(|flag| on(flag));
    let is_plain = on("no-humanize");
    let mut text = String::new();
    let mut row = |name: &str, value: &str, is_plain: bool| {
        let _infallible = if is_plain {
            writeln!(text, "{value}")
        } else {
            writeln!(text, "{:15} {value}", format!("{name}:"))
        };
    };
    if is_all {
        row("Name", &call.name, is_plain);
    }
    let running = known.as_ref().and_then(|container| Some((container, pid(container)?)));
    if is_all || on("state") {
        row("State", state(known.as_ref()), is_plain);
    }
    if let Some((_, pid)) = running.filter(|_| is_all || on("pid")) {
        row("PID", &pid.to_string(), is_plain);
    }
    if let Some((_, pid)) = running.filter(|_| is_all || on("ips")) {
        let found = addresses(pid);
        let all = found.ipv4.iter().map(ToString::to_string);
        for address in all.chain(found.ipv6.iter().map(ToString::to_string)) {
            row("IP", &address, is_plain);
        }
    }
    if let Some((container, _)) = running.filter(|_| is_all || on("stats")) {
        for (name, value) in usage(&engine, container, is_plain) {
            row(name, &value, false);
        }
    }
    values(call, &keys, is_plain, &mut text)?;
    output::write(&text)?;
    Ok(0)
}

/// Rows of what is counted on this machine.
fn usage(
    engine: &engine::Engine,
    container: &Container,
    is_plain: bool,
) -> Vec<(&'static str, String)> {
    let figures = figures(engine, container);
    let size = |bytes: u64| if is_plain { bytes.to_string() } else { humane(bytes) };
    let time = |ns: u64| {
        if is_plain {
            return ns.to_string();
        }
        format!("{}.{:02} seconds", ns / 1_000_000_000, ns % 1_000_000_000 / 10_000_000)
    };
    let rows = [
        ("CPU use", figures.cpu_ns.map(time)),
        ("BlkIO use", figures.block_bytes.map(size)),
        ("Memory use", figures.memory_bytes.map(size)),
        ("KMem use", figures.kernel_bytes.map(size)),
    ];
    rows.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

fn values(call: &Call, keys: &[&str], is_plain: bool, text: &mut String) -> Result<(), Failure> {
    if keys.is_empty() {
        return Ok(());
    }
    let document = call.document()?.unwrap_or_default();
    for key in keys {
        match document.get(key) {
            Ok(value) => {
                let _infallible = if is_plain {
                    writeln!(text, "{value}")
                } else {
                    writeln!(text, "{key} = {value}")
                };
            }
            Err(_unknown) => call.say(&format!("{key}: there is no such key")),
        }
    }
    Ok(())
}
