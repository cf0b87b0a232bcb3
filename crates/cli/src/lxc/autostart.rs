//! `autostart`: what starts with the machine, in its order and with its delays; or all of that stopped.

use std::time::Duration;

use ::lxc::config::life::AutoStart;

use super::call::Call;
use super::ls::{Entry, entries};
use crate::failure::Failure;
use crate::output;

pub(super) fn autostart(call: &Call) -> Result<i32, Failure> {
    let matches = &call.matches;
    let on = |flag: &str| matches.on(flag);
    let orders = ["kill", "reboot", "shutdown"];
    if orders.iter().filter(|flag| on(flag)).count() > 1 {
        return Err(Failure::Words(
            "--kill, --reboot and --shutdown exclude each other".to_owned(),
        ));
    }
    let engine = call.session.engine()?;
    let mut all = entries(call, &engine, true)?;
    drop(engine);
    all.retain(|entry| {
        start_of(entry)
            .is_some_and(|start| on("ignore-auto") || start.enabled.is_some_and(|switch| switch.0))
    });
    let is_start = !orders.iter().any(|flag| on(flag));
    let mut failures = 0;
    for entry in chosen(call, all) {
        let delay = start_of(&entry).and_then(|start| start.delay_s).unwrap_or(0);
        let is_active = entry.state != "STOPPED";
        if on("list") {
            if is_start || is_active {
                output::line(&listed(&entry.name, is_start.then_some(delay)));
            }
            continue;
        }
        if is_start == is_active {
            continue;
        }
        if !act(call, &entry.name)? {
            failures += 1;
        }
        if is_start && delay > 0 {
            pause(Duration::from_secs(delay.into()));
        }
    }
    Ok(i32::from(failures > 0))
}

fn listed(name: &str, delay: Option<u32>) -> String {
    delay.map_or_else(|| name.to_owned(), |delay| format!("{name} {delay}"))
}

fn start_of(entry: &Entry) -> Option<&AutoStart> {
    entry.document.as_ref().map(|document| &document.values().start)
}

/// One group after the other; in each the lower order first, and then by name. Without a group those that are in none.
fn chosen(call: &Call, mut all: Vec<Entry>) -> Vec<Entry> {
    // Who has no order has 0. lxc.container.conf(5), "lxc.start.order".
    all.sort_by_key(|entry| {
        let order = start_of(entry).and_then(|start| start.order).unwrap_or(0);
        (order, entry.name.clone())
    });
    if call.matches.on("all") {
        return all;
    }
    let given: Vec<&str> = call.matches.values("groups").flat_map(|text| text.split(',')).collect();
    let groups = if given.is_empty() { vec![""] } else { given };
    let mut chosen = Vec::new();
    for group in groups {
        let is_in = |entry: &Entry| {
            let own = start_of(entry).map(|start| &start.groups.0);
            own.is_some_and(|own| {
                if group.is_empty() { own.is_empty() } else { own.iter().any(|own| own == group) }
            })
        };
        let (taken, left): (Vec<Entry>, Vec<Entry>) = all.into_iter().partition(is_in);
        chosen.extend(taken);
        all = left;
    }
    chosen
}

/// Each by a process of its own: one that cannot be started keeps no other from it.
fn act(call: &Call, name: &str) -> Result<bool, Failure> {
    let mut command = call.command()?;
    let timeout = call.matches.value("timeout").unwrap_or("60");
    if call.matches.on("kill") {
        command.args(["stop", "--kill"]);
    } else if call.matches.on("reboot") {
        command.args(["stop", "--reboot", "--timeout", timeout]);
    } else if call.matches.on("shutdown") {
        command.args(["stop", "--timeout", timeout]);
    } else {
        command.arg("start");
    }
    command.arg("-P").arg(call.directory()?.path()).arg("-n").arg(name);
    let program = command.get_program().to_owned();
    let ended = command.status().map_err(Failure::file("run", program.display()))?;
    Ok(ended.success())
}

/// Nothing tells when a system has come so far that the next may follow: the configuration says how long that takes.
fn pause(duration: Duration) {
    let time = rustix::event::Timespec {
        tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: 0,
    };
    let _interrupted = rustix::event::poll(&mut [], Some(&time));
}
