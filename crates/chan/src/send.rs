//! `corten chan send`: a channel to the peer, and what comes back. Start at [`send`].

use std::sync::Arc;

use libchan::{Sender, Value};

use crate::attach::{send_lines, send_text};
use crate::conversation::{Conversation, Ground, Outcome, PARTING, run};
use crate::error::ChanError;
use crate::feed::Lines;
use crate::peer::Place;

/// What is sent, and where.
#[derive(Clone, Debug)]
pub struct Sending {
    /// To whom.
    pub place: Place,
    /// Messages in JSON; without any those of standard input, one a line.
    pub messages: Vec<String>,
    /// Ends once so many messages came back and those in `messages` are sent.
    pub count: Option<u64>,
}

/// Opens a channel and sends messages; returns when the channels and streams that were in them are over, too. What was sent before an error
/// arrives, and what comes back for it is printed.
///
/// # Errors
/// Nobody is there, the channel fails, or something is no message.
pub fn send(ground: Ground, sending: Sending) -> Result<Outcome, ChanError> {
    run(ground, sending.count, async move |conversation| {
        let session = sending.place.one(&conversation).await?;
        let sender = session.open::<Value>().map_err(|cause| ChanError::Channel {
            action: "open",
            channel: "a channel".to_owned(),
            cause,
        })?;
        let all = all(&conversation, &sending.messages, &sender);
        let sent = if sending.messages.is_empty() {
            tokio::select! {
                sent = all => sent,
                () = conversation.enough() => Ok(()),
            }
        } else {
            // Whoever names them has all of them sent, however soon the first one is answered.
            all.await
        };
        // Right behind the messages: a peer who answers has taken them, and may then go when he likes. One who does not know how to may
        // have taken them, too.
        let ping = tokio::time::timeout(PARTING, session.ping());
        sender.close();
        let over = async {
            let (answered, ()) = tokio::join!(ping, conversation.all_attached());
            if answered == Ok(Ok(())) {
                // Behind what was read meanwhile.
                let _gone = tokio::time::timeout(PARTING, session.ping()).await;
            }
            if conversation.has_sent_descriptor() {
                // Where it is not carried its bytes are passed on, behind the message, and nobody else knows how many there are.
                session.close();
                let _cut = session.ended().await;
            }
            answered.unwrap_or(Ok(()))
        };
        let answered = tokio::select! {
            answered = over => answered,
            () = conversation.enough() => Ok(()),
        };
        sent?;
        let channel = "what was sent".to_owned();
        answered.map_err(|cause| ChanError::Channel { action: "deliver", channel, cause })
    })
}

async fn all(
    conversation: &Arc<Conversation>,
    messages: &[String],
    sender: &Sender<Value>,
) -> Result<(), ChanError> {
    for (number, message) in messages.iter().enumerate() {
        let place = format!("message {}", number + 1);
        send_text(conversation, sender, (message.as_bytes(), place)).await?;
    }
    match conversation.take_input() {
        Some(input) if messages.is_empty() => {
            send_lines(conversation, &mut Lines::of(input), sender, "-").await
        }
        _ => Ok(()),
    }
}
