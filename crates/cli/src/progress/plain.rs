//! A line for each change of state, for logs: as many as there are changes, whatever the speed.

use std::collections::HashMap;
use std::sync::Arc;

use registry::{Part, PartState};

use super::{Direction, word};
use crate::output;
use crate::words::size;

/// What was told last.
pub(super) struct Lines {
    direction: Direction,
    told: HashMap<String, PartState>,
}

impl Lines {
    pub(super) fn new(direction: Direction) -> Self {
        Self { direction, told: HashMap::new() }
    }

    pub(super) fn tell(&mut self, parts: &[Arc<Part>], notices: Vec<String>) {
        for part in parts {
            let state = part.state();
            if self.told.insert(part.digest.clone(), state) == Some(state) {
                continue;
            }
            let word = word(state, self.direction);
            let (there, total) = (part.transferred(), part.total());
            let bytes = match state == PartState::Transferring && total > 0 {
                true if there > 0 => format!(" from {} of {}", size(there), size(total)),
                true => format!(" {}", size(total)),
                false => String::new(),
            };
            output::talk(&format!("{}: {word}{bytes}", part.name));
        }
        say(notices);
    }
}

pub(super) fn say(notices: Vec<String>) {
    for notice in notices {
        output::talk(&notice);
    }
}
