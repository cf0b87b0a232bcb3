//! What stands between two peers: all channels of one session go on over another. Start at [`relay`].

use tokio::task::JoinSet;

use crate::pump;
use crate::session::Session;
use crate::value::Value;

/// Passes every channel that the peer of either session opens on to the peer of the other one, with all that is in its messages and the
/// way it ends. Returns once both sessions are over, with how many channels there were; cancelled, those that are still there end.
///
/// When one peer opens no more channels the other one is told to open no more; the channels that are there go on.
pub async fn relay(one: &Session, other: &Session) -> u64 {
    let (there, back) = tokio::join!(pass_on(one, other), pass_on(other, one));
    there + back
}

async fn pass_on(from: &Session, to: &Session) -> u64 {
    let mut channels = JoinSet::new();
    let mut count = 0;
    while let Ok(Some(receiver)) = from.accept::<Value>().await {
        // Those that are over would pile up.
        while channels.try_join_next().is_some() {}
        // Where none can be opened the peer hears that nobody receives.
        if let Ok(sender) = to.open() {
            channels.spawn(pump::pass(receiver, sender));
            count += 1;
        }
    }
    to.close();
    while channels.join_next().await.is_some() {}
    count
}
