//! What was attached to a message goes on by a stream: values, or bytes, are passed between it and the end that is here.
//! Each is a task that ends with either side.

use std::future::poll_fn;
use std::sync::Arc;

use bytes::BytesMut;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::attach::Attach;
use crate::channel::{Receiver, Sender};
use crate::descriptor::{FileIo, OpenFile};
use crate::error::Error;
use crate::line::{In, Line, Out, Reason};
use crate::msgpack::extension::Role;
use crate::pair::cut;
use crate::passing::Offer;
use crate::session::Inner;

/// As much is read at once and sent on.
const PIECE_BYTES: usize = 64 << 10;

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

/// Passes all values on, and how they end: what was cut must not look complete.
pub(crate) async fn pass<T>(receiver: Receiver<T>, sender: Sender<T>) {
    if let Err(error) = copy(&sender, receiver).await {
        sender.fail(error);
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
    local: impl AsyncRead + AsyncWrite + Unpin,
    mut line: Line,
    role: Role,
) {
    let (mut from, mut to) = tokio::io::split(local);
    let Line { out, input, .. } = &mut line;
    let passed = match role {
        Role::ReadByReceiver => tokio::select! {
            passed = to_peer(&mut from, out) => passed,
            broken = broken(input) => Err(broken),
        },
        Role::WrittenByReceiver => from_peer(input, &mut to).await,
        Role::Duplex | Role::SentByReceiver | Role::ReceivedByReceiver => {
            tokio::try_join!(to_peer(&mut from, out), from_peer(input, &mut to)).map(drop)
        }
    };
    match passed {
        Ok(()) => {
            let _gone = to.shutdown().await;
            line.out.finish();
        }
        Err(_) => {
            line.reset(Reason::Cancelled);
            cut(from.unsplit(to));
        }
    }
}

/// Passes on what is read here until it ends. While there is nothing to read no memory is held for it.
async fn to_peer(from: &mut (impl AsyncRead + Unpin), out: &mut Out) -> std::io::Result<()> {
    loop {
        poll_fn(|context| out.poll_ready(context)).await.map_err(std::io::Error::other)?;
        let piece = poll_fn(|context| {
            let mut piece = BytesMut::with_capacity(PIECE_BYTES);
            // What is begun anew each time has lost nothing: it reads at once or not at all.
            let read = std::pin::pin!(from.read_buf(&mut piece)).poll(context);
            read.map_ok(|_size| piece)
        });
        let piece = piece.await?;
        if piece.is_empty() {
            out.finish();
            return Ok(());
        }
        out.send(piece.freeze()).map_err(std::io::Error::other)?;
    }
}

/// Returns when the peer ends the stream before its time: there may be nothing to read here for as long as one likes. His way may end.
async fn broken(input: &mut In) -> std::io::Error {
    loop {
        match poll_fn(|context| input.poll_receive(context)).await {
            Ok(Some(_nobody_reads_it)) => {}
            Ok(None) => return std::future::pending().await,
            Err(error) => return std::io::Error::other(error),
        }
    }
}

/// Passes on what the peer sends until it ends.
async fn from_peer(input: &mut In, to: &mut (impl AsyncWrite + Unpin)) -> std::io::Result<()> {
    loop {
        let piece = poll_fn(|context| input.poll_receive(context)).await;
        let Some(piece) = piece.map_err(std::io::Error::other)? else { return to.shutdown().await };
        to.write_all(&piece).await?;
        to.flush().await?;
    }
}
