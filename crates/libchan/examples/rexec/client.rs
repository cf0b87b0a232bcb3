//! The side that wants a command to run.

use libchan::{ByteReader, ByteStream, ByteWriter, Session, pipe};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::Failure;
use crate::request::Request;

/// What the command reads and writes.
pub(crate) struct Streams<O, E> {
    pub(crate) input: ByteReader,
    pub(crate) output: O,
    pub(crate) errors: E,
}

/// Runs a command at the other end of a session; gives its exit status once all that it has written is there.
pub(crate) async fn run<O, E>(
    session: &Session,
    command: &str,
    arguments: &[&str],
    streams: Streams<O, E>,
) -> Result<i32, Failure>
where
    O: AsyncWrite + Unpin,
    E: AsyncWrite + Unpin,
{
    let (output, stdout) = ByteStream::pair();
    let (errors, stderr) = ByteStream::pair();
    let (status_chan, mut status) = pipe();
    let requests = session.open()?;
    let request = Request {
        command: command.to_owned(),
        args: Some(arguments.iter().map(|argument| (*argument).to_owned()).collect()),
        stdin: streams.input,
        stdout: ByteWriter::new(stdout),
        stderr: ByteWriter::new(stderr),
        status_chan,
    };
    requests.send(request).await?;
    // A stream and a channel are not in order with each other: the last bytes may come behind the status.
    let (answer, ..) = tokio::try_join!(
        async { Ok::<_, Failure>(status.recv().await?) },
        copy(output, streams.output),
        copy(errors, streams.errors),
    )?;
    Ok(answer.ok_or("the server ended without a status")?.status)
}

async fn copy(mut from: ByteStream, mut to: impl AsyncWrite + Unpin) -> Result<(), Failure> {
    tokio::io::copy(&mut from, &mut to).await?;
    Ok(to.flush().await?)
}
