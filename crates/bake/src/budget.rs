//! Bounds of what evaluating files may take: a file of a few lines can ask for anything.

use std::cell::Cell;

use crate::problem::{Fault, Problem};
use crate::source::Place;

/// So many parts of expressions are evaluated at most.
const STEPS: u64 = 2_000_000;
/// So deep may they stand in each other: expressions, variables, functions.
const DEPTH: usize = 400;
/// So large may a string be.
pub(crate) const BYTES: usize = 16 << 20;
/// So many elements may a list have that a function makes.
pub(crate) const ELEMENTS: usize = 100_000;

/// What has been used.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    steps: Cell<u64>,
    depth: Cell<usize>,
}

/// One part that is being evaluated.
#[derive(Debug)]
pub(crate) struct Entered<'a>(&'a Budget);

impl Budget {
    /// Goes into one more part.
    pub(crate) fn enter(&self, place: Place) -> Result<Entered<'_>, Fault> {
        self.steps.set(self.steps.get() + 1);
        if self.steps.get() > STEPS {
            return Err(Fault::new(place, Problem::TooLong(STEPS)));
        }
        if self.depth.get() >= DEPTH {
            return Err(Fault::new(place, Problem::TooDeep(DEPTH)));
        }
        self.depth.set(self.depth.get() + 1);
        Ok(Entered(self))
    }

    /// Takes what a function call of this size costs.
    pub(crate) fn charge(&self, elements: usize, place: Place) -> Result<(), Fault> {
        let cost = u64::try_from(elements / 16).unwrap_or(STEPS);
        self.steps.set(self.steps.get().saturating_add(cost));
        if self.steps.get() > STEPS {
            return Err(Fault::new(place, Problem::TooLong(STEPS)));
        }
        Ok(())
    }

    /// Looks at the length of a string that grows.
    pub(crate) fn holds(&self, bytes: usize, place: Place) -> Result<(), Fault> {
        if bytes > BYTES { Err(Fault::new(place, Problem::TooLarge(BYTES))) } else { Ok(()) }
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.0.depth.set(self.0.depth.get() - 1);
    }
}

impl Fault {
    /// Whether no `try` may go on after it.
    pub(crate) fn is_final(&self) -> bool {
        matches!(*self.problem, Problem::TooLong(_) | Problem::TooDeep(_) | Problem::TooLarge(_))
    }
}
