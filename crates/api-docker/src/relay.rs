//! Streams between a client whose connection was taken over, and a container or a further process in one.
//!
//! Nothing is lost and nothing piles up: output is written before more is read, input waits while nobody takes it.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use engine::DetachKeys;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::unix::pipe;
use tokio::time::sleep;

use crate::frames::{Stream, header};
use crate::hijack::Wire;
use crate::talk::{Said, Talk};

const CHUNK: usize = 32 * 1024;
/// Between looks whether a client that says no more is there.
const GLANCE: Duration = Duration::from_secs(2);
/// Between looks whether a client has read the head of its answer, at first and at most.
const FIRST_LOOK: Duration = Duration::from_millis(1);
const LAST_LOOK: Duration = Duration::from_millis(100);

/// How a relay ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// With what it showed, and its exit code where that is known.
    Exited(Option<i32>),
    /// The client typed its keys.
    Detached,
    /// The client is gone.
    Left,
}

/// What a client wants to see and to say.
#[derive(Debug)]
pub(crate) struct Wants {
    /// Whether its input is passed on.
    pub(crate) input: bool,
    pub(crate) stdout: bool,
    pub(crate) stderr: bool,
    /// Whether there is a terminal: its bytes go without headers.
    pub(crate) tty: bool,
    pub(crate) keys: Option<DetachKeys>,
}

/// The client's side.
pub(crate) struct Client {
    reader: ReadHalf<Wire>,
    writer: WriteHalf<Wire>,
    probe: Option<OwnedFd>,
    wants: Wants,
    /// Input that nobody has taken.
    pending: Vec<u8>,
    /// Whether the client says no more.
    is_silent: bool,
    /// Whether it has read the head of its answer.
    is_greeted: bool,
}

/// What a client's input was.
enum Input {
    /// Some, or its end.
    Taken,
    Detached,
    Left,
}

impl Client {
    pub(crate) fn new(wire: Wire, wants: Wants) -> Self {
        let probe = wire.probe();
        let (reader, writer) = tokio::io::split(wire);
        Self {
            reader,
            writer,
            probe,
            wants,
            pending: Vec::new(),
            is_silent: false,
            is_greeted: false,
        }
    }

    /// Shows output, if it is wanted.
    pub(crate) async fn show(&mut self, stream: Stream, bytes: &[u8]) -> io::Result<()> {
        let is_wanted = match stream {
            Stream::Stdout => self.wants.stdout,
            Stream::Stderr => self.wants.stderr,
            Stream::Engine => true,
        };
        if !is_wanted || bytes.is_empty() {
            return Ok(());
        }
        self.greeted().await;
        if let Some(header) = header(stream, bytes.len()).filter(|_| !self.wants.tty) {
            let whole = [&header[..], bytes].concat();
            return self.writer.write_all(&whole).await;
        }
        self.writer.write_all(bytes).await
    }

    /// Until the client has read the head of its answer. Docker's library for Python reads it through a buffer, and loses what comes together with
    /// it; a dockerd takes so long to start a process that it seldom does.
    async fn greeted(&mut self) {
        let mut pause = FIRST_LOOK;
        while !self.is_greeted {
            let probe = self.probe.as_ref().map(AsFd::as_fd);
            self.is_greeted = !probe.is_some_and(|probe| sys::unread_by_peer(probe) == Ok(true));
            if !self.is_greeted {
                sleep(pause).await;
                pause = LAST_LOOK.min(pause * 2);
            }
        }
    }

    /// Says something that no process has said; among outputs behind headers it is standard output, as Docker has it.
    pub(crate) async fn tell(&mut self, words: &str) -> io::Result<()> {
        self.wants.stdout = true;
        self.show(Stream::Stdout, words.as_bytes()).await
    }

    /// Takes some input from the client; it waits in `pending`.
    async fn hear(&mut self, buffer: &mut [u8]) -> Input {
        if self.is_silent {
            return gone(self.probe.as_ref()).await;
        }
        match self.reader.read(buffer).await {
            Ok(0) => {
                self.is_silent = true;
                Input::Taken
            }
            Ok(count) => {
                let bytes = buffer.get(..count).unwrap_or_default();
                if !self.wants.input {
                    return Input::Taken;
                }
                match &mut self.wants.keys {
                    None => self.pending.extend_from_slice(bytes),
                    Some(keys) => match keys.filter(bytes) {
                        Some(bytes) => self.pending.extend(bytes),
                        None => return Input::Detached,
                    },
                }
                Input::Taken
            }
            Err(_) => Input::Left,
        }
    }

    /// Which outputs it wants to see.
    pub(crate) const fn shows(&self) -> (bool, bool) {
        (self.wants.stdout, self.wants.stderr)
    }

    /// Sends bytes as they are.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.greeted().await;
        self.writer.write_all(bytes).await
    }

    /// Until the client is gone; what it says meanwhile waits.
    pub(crate) async fn left(&mut self) {
        let mut buffer = vec![0; CHUNK];
        loop {
            // Input that nobody takes waits in the socket.
            let input = if self.pending.len() >= CHUNK {
                gone(self.probe.as_ref()).await
            } else {
                self.hear(&mut buffer).await
            };
            match input {
                Input::Taken => {}
                Input::Detached | Input::Left => return,
            }
        }
    }

    /// Ends the client's stream.
    pub(crate) async fn close(mut self) {
        let _gone = self.writer.shutdown().await;
    }
}

/// Until a client that says no more hears no more either: it has only closed its own direction, perhaps.
async fn gone(probe: Option<&OwnedFd>) -> Input {
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    loop {
        let is_gone = probe.is_some_and(|probe| {
            let mut polled = [PollFd::new(probe, PollFlags::empty())];
            poll(&mut polled, Some(&at_once)).is_ok_and(|count| count > 0)
        });
        if is_gone {
            return Input::Left;
        }
        sleep(GLANCE).await;
    }
}

/// Shows a container until it ends or the client leaves.
pub(crate) async fn container(talk: &mut Talk, client: &mut Client) -> End {
    let mut buffer = vec![0; CHUNK];
    let mut is_open = client.wants.input;
    loop {
        while let Some(said) = talk.try_hear() {
            match said {
                Said::Output(stream, bytes) => {
                    if client.show(stream, &bytes).await.is_err() {
                        return End::Left;
                    }
                }
                Said::Exited(code) => return End::Exited(Some(code)),
                Said::Failed(code, _) => return End::Exited(Some(code.into())),
                Said::Closed => return End::Exited(None),
                Said::Started(..) | Said::Other => {}
            }
        }
        if !client.pending.is_empty() {
            let taken = talk.try_write(&client.pending);
            client.pending.drain(..taken);
        }
        let waits = !client.pending.is_empty();
        if is_open && client.is_silent && !waits {
            is_open = false;
            // Its monitor is gone, which is heard next.
            let _gone = talk.connection().end_stdin();
        }
        let input = tokio::select! {
            () = talk.ready(waits) => Input::Taken,
            input = client.hear(&mut buffer), if !waits => input,
        };
        match input {
            Input::Taken => {}
            Input::Detached => return End::Detached,
            Input::Left => return End::Left,
        }
    }
}

/// Streams of a further process, our ends.
#[derive(Debug)]
pub(crate) struct Streams {
    pub(crate) stdin: Option<pipe::Sender>,
    pub(crate) outputs: [Option<pipe::Receiver>; 2],
}

/// What one look at a further process's streams brought.
enum Look {
    Output(Stream, io::Result<usize>),
    Input(Input),
    Written(io::Result<usize>),
    Said(Said),
}

/// Shows a further process until it ends or the client leaves.
pub(crate) async fn process(talk: &mut Talk, streams: &mut Streams, client: &mut Client) -> End {
    let Streams { stdin, outputs: [stdout, stderr] } = streams;
    let mut buffer = vec![0; CHUNK];
    let (mut first, mut second) = (vec![0; CHUNK], vec![0; CHUNK]);
    loop {
        let waits = !client.pending.is_empty() && stdin.is_some();
        if client.is_silent && !waits {
            *stdin = None;
        }
        let pending = std::mem::take(&mut client.pending);
        let look = tokio::select! {
            biased;
            count = some_read(stdout, &mut first) => Look::Output(Stream::Stdout, count),
            count = some_read(stderr, &mut second) => Look::Output(Stream::Stderr, count),
            count = some_write(stdin, &pending), if waits => Look::Written(count),
            said = talk.hear() => Look::Said(said),
            input = client.hear(&mut buffer), if !waits => Look::Input(input),
        };
        client.pending.splice(0..0, pending);
        match look {
            Look::Output(stream, read) => {
                let (output, bytes) = match stream {
                    Stream::Stdout => (&mut *stdout, &first),
                    Stream::Stderr | Stream::Engine => (&mut *stderr, &second),
                };
                match read {
                    Ok(count) if count > 0 => {
                        let bytes = bytes.get(..count).unwrap_or_default();
                        if client.show(stream, bytes).await.is_err() {
                            return End::Left;
                        }
                    }
                    // The last writer of a terminal has closed it: EIO.
                    _ => *output = None,
                }
            }
            Look::Written(Ok(count)) => drop(client.pending.drain(..count)),
            Look::Written(Err(_)) => {
                client.pending.clear();
                *stdin = None;
            }
            Look::Input(Input::Taken) => {
                if stdin.is_none() {
                    client.pending.clear();
                }
            }
            Look::Input(Input::Detached) => return End::Detached,
            Look::Input(Input::Left) => return End::Left,
            Look::Said(Said::Exited(code)) => {
                // What it left behind may hold the streams open for as long as it likes.
                let rest = [(Stream::Stdout, &*stdout), (Stream::Stderr, &*stderr)];
                return drain(rest, client).await.map_or(End::Left, |()| End::Exited(Some(code)));
            }
            Look::Said(Said::Failed(code, _)) => return End::Exited(Some(code.into())),
            Look::Said(Said::Closed) => return End::Exited(None),
            Look::Said(Said::Output(..) | Said::Started(..) | Said::Other) => {}
        }
    }
}

/// Goes on when nobody looks any more: what the process writes is lost, and it never waits for a reader.
pub(crate) async fn discard(talk: &mut Talk, streams: &mut Streams) -> Option<i32> {
    streams.stdin = None;
    let [stdout, stderr] = &mut streams.outputs;
    let (mut first, mut second) = (vec![0; CHUNK], vec![0; CHUNK]);
    loop {
        tokio::select! {
            read = some_read(stdout, &mut first) => {
                if !read.is_ok_and(|count| count > 0) {
                    *stdout = None;
                }
            }
            read = some_read(stderr, &mut second) => {
                if !read.is_ok_and(|count| count > 0) {
                    *stderr = None;
                }
            }
            said = talk.hear() => match said {
                Said::Exited(code) => return Some(code),
                Said::Failed(code, _) => return Some(code.into()),
                Said::Closed => return None,
                Said::Output(..) | Said::Started(..) | Said::Other => {}
            },
        }
    }
}

async fn drain(
    outputs: [(Stream, &Option<pipe::Receiver>); 2],
    client: &mut Client,
) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK];
    for (stream, output) in outputs {
        let Some(output) = output else { continue };
        // By the kernel's word: what tokio knows of a descriptor may be older.
        while let Ok(count) = rustix::io::read(output, &mut buffer[..]) {
            if count == 0 {
                break;
            }
            client.show(stream, buffer.get(..count).unwrap_or_default()).await?;
        }
    }
    Ok(())
}

/// Reads from a stream that may have ended: then it is silent.
async fn some_read(
    stream: &mut Option<impl AsyncRead + Unpin>,
    buffer: &mut [u8],
) -> io::Result<usize> {
    match stream {
        Some(stream) => stream.read(buffer).await,
        None => std::future::pending().await,
    }
}

async fn some_write(stream: &mut Option<pipe::Sender>, bytes: &[u8]) -> io::Result<usize> {
    match stream {
        Some(stream) => stream.write(bytes).await,
        None => std::future::pending().await,
    }
}
