//! The side that runs commands.

use std::process::Stdio;

use libchan::{ByteReader, ByteWriter, Listener, Receiver, Session};
use tokio::io::{AsyncRead, AsyncWriteExt};
use tokio::process::{Child, Command};

use crate::Failure;
use crate::request::{Answer, Request};

/// What the original answers where a command did not start.
const NOT_STARTED: i32 = 10;

/// Serves every session until the listener is broken.
pub(crate) async fn serve(listener: Listener) -> Result<(), Failure> {
    loop {
        let accepted = listener.accept().await?;
        tokio::spawn(async move {
            // A peer that does not get as far as a session is nobody's failure but his own.
            let session = accepted.session().await?;
            serve_session(&session).await
        });
    }
}

async fn serve_session(session: &Session) -> Result<(), Failure> {
    while let Some(requests) = session.accept().await? {
        tokio::spawn(serve_channel(requests));
    }
    Ok(())
}

async fn serve_channel(mut requests: Receiver<Request>) -> Result<(), Failure> {
    while let Some(request) = requests.recv().await? {
        tokio::spawn(execute(request));
    }
    Ok(())
}

async fn execute(request: Request) -> Result<(), Failure> {
    let Request { command, args, stdin, mut stdout, mut stderr, status_chan } = request;
    let mut child = Command::new(&command);
    child.args(args.unwrap_or_default()).kill_on_drop(true);
    child.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let status = match child.spawn() {
        Ok(child) => tokio::select! {
            status = carry(child, stdin, stdout, stderr) => status?,
            // Nobody waits for it any more, and it goes.
            () = status_chan.closed() => return Ok(()),
        },
        Err(error) => {
            stderr.write_all(format!("start {command}: {error}\n").as_bytes()).await?;
            // What is dropped without an end has been cut.
            tokio::try_join!(stdout.shutdown(), stderr.shutdown())?;
            NOT_STARTED
        }
    };
    status_chan.send(Answer { status }).await?;
    Ok(())
}

/// Carries bytes between a command and its streams until it has ended and all that it wrote is on its way; gives its status.
async fn carry(
    mut child: Child,
    mut stdin: ByteReader,
    stdout: ByteWriter,
    stderr: ByteWriter,
) -> Result<i32, Failure> {
    let (Some(mut input), Some(output), Some(errors)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err("the command has no pipes".into());
    };
    // It may end without having read all, and its input may never end.
    let feeds = tokio::spawn(async move { tokio::io::copy(&mut stdin, &mut input).await });
    let written = tokio::try_join!(write_out(output, stdout), write_out(errors, stderr));
    let status = child.wait().await?;
    feeds.abort();
    written?;
    Ok(status.code().unwrap_or(-1))
}

async fn write_out(mut from: impl AsyncRead + Unpin, mut to: ByteWriter) -> std::io::Result<()> {
    tokio::io::copy(&mut from, &mut to).await?;
    to.shutdown().await
}
