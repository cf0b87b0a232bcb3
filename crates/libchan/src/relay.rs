//! A relay between two sessions, which knows nothing of what it passes on. Start at [`relay`].

use tokio::task::JoinSet;

use crate::error::Error;
use crate::pump;
use crate::session::Session;
use crate::value::Value;

/// Passes on whatever either peer opens to the other one, with every channel and byte stream that is in its messages, and how each of them
/// ends: what goes wrong with one channel ends that one alone. Where one peer opens no more, the other one is told so.
///
/// Returns when both sessions are over. Dropped, it passes on no further channels; those that came in messages go on.
///
/// # Errors
/// One of the sessions did not end well.
pub async fn relay(near: Session, far: Session) -> Result<(), Error> {
    tokio::join!(pass_on(&near, &far), pass_on(&far, &near));
    let (near, far) = tokio::join!(near.ended(), far.ended());
    near.and(far)
}

/// Until no channel can come any more, and those that came are over.
async fn pass_on(from: &Session, to: &Session) {
    let mut channels = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = from.accept::<Value>() => accepted,
            Some(_over) = channels.join_next() => continue,
        };
        // How a session has ended it says itself.
        let Ok(Some(receiver)) = accepted else { break };
        // One that cannot be opened there is reset by its going.
        if let Ok(sender) = to.open::<Value>() {
            channels.spawn(pump::pass(receiver, sender));
        }
    }
    // Whose peer opens nothing more is not opened anything, either.
    from.close();
    to.close();
    while channels.join_next().await.is_some() {}
}
