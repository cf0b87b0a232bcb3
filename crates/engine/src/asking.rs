//! A question to a container's monitor, which it answers, or says that the container is in no state for it.

use monitor::{Connection, FromMonitor, Received, connect};
use sys::Errno;

use crate::containers::Containers;
use crate::error::EngineError;
use crate::life::Container;
use crate::state::Action;

impl Containers<'_> {
    /// Asks, and waits until a message is the answer.
    ///
    /// # Errors
    /// When the container is in no state for it any more: another command was sooner, or it has ended. Its state says why, or where that has
    /// changed again, `otherwise` does.
    pub(crate) fn ask<T>(
        &self,
        container: &Container,
        (action, otherwise): (Action, &'static str),
        question: impl FnOnce(&Connection) -> Result<(), Errno>,
        answer: impl Fn(FromMonitor<'_>) -> Option<T>,
    ) -> Result<T, EngineError> {
        if let Ok(mut connection) = connect(&container.dirs.state)
            && question(&connection).is_ok()
        {
            loop {
                match connection.receive() {
                    Ok(
                        Received::Message(FromMonitor::NotNow | FromMonitor::Exited { .. })
                        | Received::Closed,
                    )
                    | Err(_) => break,
                    Ok(Received::Message(message)) => {
                        if let Some(answer) = answer(message) {
                            return Ok(answer);
                        }
                    }
                }
            }
        }
        self.get(container.record.id.as_str())?.allow(action)?;
        Err(container.refuse(action, otherwise))
    }
}
