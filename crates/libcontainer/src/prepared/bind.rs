//! Attributes of a bind, and of the mounts below it.

use sys::MountAttributes;

use super::attributes;
use crate::plan::Step;

/// What a bind has beside its source.
#[derive(Clone, Copy)]
pub(crate) struct BindAttributes {
    pub(crate) own: MountAttributes<'static>,
    /// Bits that it loses where the kernel lets them go.
    pub(crate) unless_locked: u64,
    /// For the mount and all below it.
    pub(crate) tree: MountAttributes<'static>,
}

impl BindAttributes {
    pub(crate) fn setting(set: u64) -> Self {
        let (own, tree) = (attributes(set, 0), attributes(0, 0));
        Self { own, unless_locked: 0, tree }
    }

    pub(super) fn of(bind: &Step) -> Self {
        let Step::Bind {
            set, clear, set_recursive, clear_unless_locked, tree_set, tree_clear, ..
        } = bind
        else {
            return Self::setting(0);
        };
        if *set_recursive {
            return Self { tree: attributes(*set, *clear), ..Self::setting(0) };
        }
        Self {
            own: attributes(*set, *clear),
            unless_locked: *clear_unless_locked,
            tree: attributes(*tree_set, *tree_clear),
        }
    }
}
