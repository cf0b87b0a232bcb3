//! `corten chan relay`: all channels of whoever connects go on to somebody else. Start at [`relay`].

use std::sync::Arc;

use libchan::connect;

use crate::conversation::{Ground, Outcome, run};
use crate::error::ChanError;
use crate::peer::{Place, greet, serve_each};

/// Where it stands.
#[derive(Clone, Debug)]
pub struct Between {
    /// Where peers come to us.
    pub listen: Place,
    /// Where they are led to.
    pub connect: Place,
}

/// Connects once for each peer that comes, and passes all channels of both sides on, whatever their transports are, until it is told to stop.
///
/// # Errors
/// It cannot listen. Whoever cannot be connected to is told of, and the peer is let go.
pub fn relay(ground: Ground, between: Between) -> Result<Outcome, ChanError> {
    run(ground, None, async move |conversation| {
        let Between { listen, connect: to } = between;
        let options = Arc::new(to.tls.for_connecting(&to.url)?);
        let listener = listen.listen(&conversation).await?;
        serve_each(&listener, &conversation, |accepted, number| {
            let (url, options) = (to.url.clone(), Arc::clone(&options));
            let conversation = Arc::clone(&conversation);
            async move {
                // First: where nobody is, the peer is not greeted.
                let far = connect(&url, &options).await?;
                conversation.add(&far);
                let near = greet(accepted, &conversation).await?;
                // Whoever of the two goes without a word has told the other one; the next ones are served.
                if let Err(error) = libchan::relay(near, far).await {
                    conversation.tell(|| format!("connection {number} was cut: {error}"));
                }
                Ok(())
            }
        })
        .await
    })
}
