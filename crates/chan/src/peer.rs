//! How the tool comes by its peers: it connects, or listens. Start at [`Place`].

use std::sync::Arc;

use libchan::{Accepted, Listener, Session, connect};

use crate::conversation::Conversation;
use crate::error::ChanError;
use crate::tls::TlsFiles;

/// Where peers are.
#[derive(Clone, Debug)]
pub struct Place {
    /// A URL that libchan knows.
    pub url: String,
    /// Whether they come to us.
    pub listens: bool,
    /// Certificates, where it has TLS.
    pub tls: TlsFiles,
}

impl Place {
    /// Connects.
    pub(crate) async fn connect(&self, conversation: &Conversation) -> Result<Session, ChanError> {
        let session = connect(&self.url, &self.tls.for_connecting(&self.url)?).await?;
        conversation.add(&session);
        conversation.tell(|| format!("connected to {}", self.url));
        Ok(session)
    }

    /// Listens, and says where.
    pub(crate) async fn listen(&self, conversation: &Conversation) -> Result<Listener, ChanError> {
        let listener = Listener::bind(&self.url, self.tls.for_listening(&self.url)?).await?;
        conversation.say(&format!("listening at {}", listener.address()));
        Ok(listener)
    }

    /// The one peer of a command that has one.
    pub(crate) async fn one(&self, conversation: &Conversation) -> Result<Session, ChanError> {
        if !self.listens {
            return self.connect(conversation).await;
        }
        let listener = self.listen(conversation).await?;
        loop {
            let accepted = listener.accept().await?;
            match greet(accepted, conversation).await {
                Ok(session) => return Ok(session),
                // The next one may do better.
                Err(error) => conversation.fail(&error),
            }
        }
    }
}

/// Makes a session of a connection.
pub(crate) async fn greet(
    accepted: Accepted,
    conversation: &Conversation,
) -> Result<Session, ChanError> {
    let session = accepted.session().await?;
    conversation.add(&session);
    Ok(session)
}

/// Serves every peer that comes, each beside the others, until the command ends; who cannot be greeted is told of.
pub(crate) async fn serve_each<F>(
    listener: &Listener,
    conversation: &Arc<Conversation>,
    serve: impl Fn(Accepted, u64) -> F,
) -> Result<(), ChanError>
where
    F: Future<Output = Result<(), ChanError>> + Send + 'static,
{
    let mut number = 0;
    let mut peers = tokio::task::JoinSet::new();
    loop {
        let accepted = listener.accept().await?;
        while peers.try_join_next().is_some() {}
        number += 1;
        conversation.tell(|| format!("connection {number} has come"));
        let served = serve(accepted, number);
        let conversation = Arc::clone(conversation);
        peers.spawn(async move {
            match served.await {
                Ok(()) => conversation.tell(|| format!("connection {number} has ended")),
                Err(error) => conversation.fail(&error),
            }
        });
    }
}
