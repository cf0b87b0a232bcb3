//! Flags of `console`.

use super::DETACH_KEYS;
use crate::arguments::{Flag, one};

pub(crate) const CONSOLE: &[Flag] = &[
    DETACH_KEYS,
    one(
        "e",
        "escape",
        "key",
        "Key before q that leaves it: a letter, pressed with ctrl (default ^a)",
    ),
    one(
        "t",
        "tty",
        "number",
        "Terminal beside the console: N for /dev/ttyN, or free for the first that nobody looks at (default 0: the console)",
    ),
];
