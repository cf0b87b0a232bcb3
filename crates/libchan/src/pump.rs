//! What was attached to a message goes on by a stream: values, or bytes, are passed between it and the end that is here.
//! Each is a task that ends with either side.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use crate::attach::Attach;
use crate::channel::{Receiver, Sender};
use crate::descriptor::{FileIo, OpenFile};
use crate::error::Error;
use crate::line::{Line, Reason};
use crate::msgpack::extension::Role;
use crate::passing::Offer;
use crate::session::Inner;

/// What the peer sends on the stream goes to this sender.
pub(crate) fn receive_into<T: DeserializeOwned + Send + 'static>(sender: Sender<T>) -> Attach {
    Box::new(move |line, _number, session| {
        let receiver = Receiver::of_line(line, session);
        tokio::spawn(pass(receiver, sender));
    })
}

/// What this receiver receives is sent on the stream.
pub(crate) fn send_from<T: Serialize + Send + 'static>(receiver: Receiver<T>) -> Attach {
    Box::new(move |line, number, session| {
        let sender = Sender::of_line(line, session, number);
        tokio::spawn(pass(receiver, sender));
    })
}

/// Passes all values on, and how they end.
async fn pass<T>(receiver: Receiver<T>, sender: Sender<T>) {
    match copy(&sender, receiver).await {
        // Nobody takes them any more, or they are over.
        Ok(_) | Err(Error::Closed) => {}
        Err(error) => sender.fail(error),
    }
}

/// Passes values on from one channel to another until they end; gives how many. The channel that is sent to is not closed.
///
/// # Errors
/// Those of receiving, and of sending: the value that was not sent is lost then.
pub async fn copy<T>(sender: &Sender<T>, mut receiver: Receiver<T>) -> Result<u64, Error> {
    let mut count = 0;
    loop {
        let value = tokio::select! {
            value = receiver.recv() => value?,
            // Whoever sends there hears of it.
            () = sender.closed() => return Err(Error::Closed),
        };
        let Some(value) = value else { return Ok(count) };
        sender.send(value).await?;
        count += 1;
    }
}

/// Bytes that are here go to the peer, or come from it, or both: by what the stream is to the peer.
pub(crate) fn bytes(
    local: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    role: Role,
) -> Attach {
    Box::new(move |line, _number, _session| {
        tokio::spawn(exchange(local, line, role));
    })
}

/// Bytes of a descriptor, which is looked at once that is known: most go themselves.
pub(crate) fn file(file: OpenFile) -> Attach {
    Box::new(|line, number, session| bytes(FileIo::new(file), Role::Duplex)(line, number, session))
}

/// The peer has a descriptor, or takes what is attached as any other stream.
pub(crate) fn offered(
    offer: Offer,
    (mut line, number): (Line, u64),
    attach: Attach,
    session: &Arc<Inner>,
) {
    let session = Arc::clone(session);
    tokio::spawn(async move {
        match line.input.replied().await {
            Ok(answer) if offer.is_taken(&answer) => line.out.finish(),
            Ok(_) => attach(line, number, &session),
            // Nobody wants it.
            Err(_) => {}
        }
    });
}

/// The end of either way is passed on by itself. Where nothing goes one way the other way's end is that of the stream: the peer may
/// never end the way that it has no use for.
pub(crate) async fn exchange(
    mut local: impl AsyncRead + AsyncWrite + Unpin,
    mut line: Line,
    role: Role,
) {
    let copied = match role {
        Role::ReadByReceiver => tokio::io::copy(&mut local, &mut line).await.map(drop),
        Role::WrittenByReceiver => tokio::io::copy(&mut line, &mut local).await.map(drop),
        Role::Duplex | Role::SentByReceiver | Role::ReceivedByReceiver => {
            tokio::io::copy_bidirectional(&mut local, &mut line).await.map(drop)
        }
    };
    let _gone = local.shutdown().await;
    match copied {
        Ok(()) => line.out.finish(),
        Err(_) => line.reset(Reason::Cancelled),
    }
}
