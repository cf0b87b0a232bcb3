//! The lock and the counted pointer of what is in memory: loom's where it walks through the interleavings.

#[cfg(model)]
pub(crate) use loom::sync::{Arc, Mutex, MutexGuard};
#[cfg(not(model))]
pub(crate) use std::sync::{Arc, Mutex, MutexGuard};

/// Locks; nothing of ours panics under a lock, and what does elsewhere leaves a state that is whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
