//! Programs that a test starts and must not leave behind, however it ends.

use std::ops::{Deref, DerefMut};
use std::process::Child;

/// A process that ends with this.
#[derive(Debug)]
pub struct Ending(pub Child);

impl Deref for Ending {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.0
    }
}

impl DerefMut for Ending {
    fn deref_mut(&mut self) -> &mut Child {
        &mut self.0
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        // One that has ended already is as well.
        let _gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}
