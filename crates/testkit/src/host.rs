//! A host of a test's own: a network namespace with nothing but a loopback interface, in which its commands, servers and containers are born.
//! Bridges, rules and ports of one test are not another's, and the machine's own are nobody's.

use std::cell::Cell;
use std::path::Path;
use std::process::{Command, Stdio};

use sys::Namespaces;

thread_local! {
    static IS_ENTERED: Cell<bool> = const { Cell::new(false) };
}

/// Gives the calling thread, and whatever it starts from now on, a host of its own; once.
///
/// # Panics
/// Without the right to.
pub fn enter() {
    if !IS_ENTERED.replace(true) {
        enter_another();
    }
}

/// Gives the calling thread another host, as a reboot of the machine does: interfaces, rules and ports of the one before are not there, and
/// are gone for good once nobody is in it any more.
///
/// # Panics
/// Without the right to.
pub fn enter_another() {
    let flags = u32::try_from(Namespaces::NETWORK.bits()).unwrap_or(0);
    let made = sys::unshare_namespaces(flags).and_then(|()| sys::set_interface_up(b"lo"));
    assert!(made.is_ok(), "make a network namespace: {made:?}");
}

/// The same command where a description of devices is below `/run/cdi`, and nothing else is below `/run`: nobody but it sees that.
#[must_use]
pub fn with_device_description(command: &Command, description: &Path) -> Command {
    let script = "file=$1; shift; mount -t tmpfs none /run && mkdir -p /run/cdi && cp \"$file\" /run/cdi && exec \"$@\"";
    let mut within = Command::new("unshare");
    within.args(["--mount", "--propagation", "private", "sh", "-c", script, "sh"]);
    within.arg(description).arg(command.get_program()).args(command.get_args());
    if let Some(directory) = command.get_current_dir() {
        within.current_dir(directory);
    }
    within.stdin(Stdio::null());
    within
}
