//! For tests only: the program with a store of its own, root file systems from real tools, and a count of what is left behind.
//!
//! Start at [`Corten`]. Nothing here mocks the kernel; everything is made below a temporary directory and removed with it.
#![forbid(unsafe_code)]
#![expect(clippy::panic, reason = "a test helper fails the test that called it")]

mod busybox;
mod corten;
mod leftovers;
mod wait;

pub use busybox::busybox_rootfs;
pub use corten::{Corten, Finished};
pub use leftovers::Leftovers;
pub use wait::{holds_in_time, wait_until};
