//! `corten chan recv` and `serve`: prints what peers send, and answers. Start at [`receive`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use libchan::{Receiver, Session, Value};
use tokio::task::JoinSet;

use crate::answer::Answers;
use crate::conversation::{Conversation, Ground, Outcome, run};
use crate::error::ChanError;
use crate::json::Json;
use crate::peer::{Place, greet, serve_each};
use crate::show::shown;

/// From whom messages come, and what they are answered.
#[derive(Clone, Debug)]
pub struct Receiving {
    /// Where peers are.
    pub place: Place,
    /// Ends once so many messages were printed and answered.
    pub count: Option<u64>,
    /// What return channels are sent.
    pub answers: Answers,
}

/// Takes the channels that peers open, and prints their messages; returns when the session is over, where peers come to us when it is told to
/// stop.
///
/// # Errors
/// Nobody is there, or an answer is no message.
pub fn receive(ground: Ground, receiving: Receiving) -> Result<Outcome, ChanError> {
    run(ground, receiving.count, async move |conversation| {
        let Receiving { place, answers, .. } = receiving;
        answers.check()?;
        let taking = Arc::new(Taking { conversation, answers, channels: AtomicU64::new(0) });
        let conversation = Arc::clone(&taking.conversation);
        tokio::select! {
            taken = taking.all(&place) => taken?,
            () = conversation.enough() => {}
        }
        conversation.all_attached().await;
        Ok(())
    })
}

struct Taking {
    conversation: Arc<Conversation>,
    answers: Answers,
    /// How many there were.
    channels: AtomicU64,
}

impl Taking {
    async fn all(self: &Arc<Self>, place: &Place) -> Result<(), ChanError> {
        if !place.listens {
            let session = place.connect(&self.conversation).await?;
            Arc::clone(self).session(session).await;
            return Ok(());
        }
        let listener = place.listen(&self.conversation).await?;
        serve_each(&listener, &self.conversation, |accepted, _number| {
            let taking = Arc::clone(self);
            async move {
                let session = greet(accepted, &taking.conversation).await?;
                taking.session(session).await;
                Ok(())
            }
        })
        .await
    }

    /// All channels of a session.
    async fn session(self: Arc<Self>, session: Session) {
        let mut channels = JoinSet::new();
        loop {
            let receiver = match session.accept::<Value>().await {
                Ok(Some(receiver)) => receiver,
                Ok(None) => break,
                Err(cause) => {
                    let (action, channel) = ("accept", "channels of the peer".to_owned());
                    self.conversation.fail(&ChanError::Channel { action, channel, cause });
                    break;
                }
            };
            while channels.try_join_next().is_some() {}
            let number = self.channels.fetch_add(1, Ordering::Relaxed) + 1;
            self.conversation.tell(|| format!("channel {number} is open"));
            channels.spawn(Arc::clone(&self).channel(receiver, number));
        }
        while channels.join_next().await.is_some() {}
    }

    async fn channel(self: Arc<Self>, mut receiver: Receiver<Value>, channel: u64) {
        let conversation = &self.conversation;
        let mut number = 0_u64;
        loop {
            let value = match receiver.recv().await {
                Ok(Some(value)) => value,
                Ok(None) => return conversation.tell(|| format!("channel {channel} has ended")),
                Err(cause) => {
                    let (action, channel) = ("receive on", format!("channel {channel}"));
                    return conversation.fail(&ChanError::Channel { action, channel, cause });
                }
            };
            number += 1;
            let mut shown = shown(conversation, value, &format!("{channel}.{number}"));
            let json = std::mem::replace(&mut shown.json, Json::Null);
            let text = json.to_string();
            if !conversation.print(json).await {
                return;
            }
            shown.attend(conversation);
            let senders = std::mem::take(&mut shown.senders);
            if !senders.is_empty() {
                conversation.attach(self.answers.task(conversation, senders, text));
            }
            if conversation.has_enough() {
                return;
            }
        }
    }
}
