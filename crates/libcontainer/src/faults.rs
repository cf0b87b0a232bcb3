//! Faults for tests, in programs that are built with debug assertions only: no release holds this module.
//!
//! What is set here is inherited by the children of the thread that sets it, and reached from nowhere else.

use std::cell::Cell;

thread_local! {
    /// Steps until the end; 0 is never.
    static LEFT: Cell<u32> = const { Cell::new(0) };
}

/// What a child ends with that was killed here.
pub const KILLED: i32 = 99;

/// Every child of this thread ends without a word when it comes to its step number `step`, counted from 1; with 0 none does. A
/// process that a child makes goes on counting.
pub fn kill_children_at(step: u32) {
    LEFT.set(step);
}

/// In the child. Nothing here allocates: the variable is a number without a destructor.
pub(crate) fn strike() {
    let left = LEFT.get();
    LEFT.set(left.saturating_sub(1));
    if left == 1 {
        // Not by a signal: process 1 of a pid namespace is not reached by its own, pid_namespaces(7). To everybody else both
        // are the same: what it had open is closed by the kernel, and nothing of ours runs.
        sys::exit_now(KILLED);
    }
}
