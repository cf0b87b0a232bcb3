//! A host of a test's own: a network namespace with nothing but a loopback interface, in which its commands, servers and containers are born.
//! Bridges, rules and ports of one test are not another's, and the machine's own are nobody's.

use std::cell::Cell;

use sys::Namespaces;

thread_local! {
    static IS_ENTERED: Cell<bool> = const { Cell::new(false) };
}

/// Gives the calling thread, and whatever it starts from now on, a host of its own; once.
///
/// # Panics
/// Without the right to.
pub fn enter() {
    if IS_ENTERED.replace(true) {
        return;
    }
    let flags = u32::try_from(Namespaces::NETWORK.bits()).unwrap_or(0);
    let made = sys::unshare_namespaces(flags).and_then(|()| sys::set_interface_up(b"lo"));
    assert!(made.is_ok(), "make a network namespace: {made:?}");
}
