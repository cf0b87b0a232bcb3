//! What return channels are sent: the same messages each time, or the lines that a program prints. Start at [`Answers`].

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;

use libchan::{Sender, Value};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use tokio::sync::mpsc;

use crate::attach::{Message, send_text};
use crate::conversation::{Conversation, Task, waited};
use crate::error::ChanError;

/// Lines of a program that are read ahead.
const AHEAD: usize = 4;

/// What every return channel of a message is sent, before it ends.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    /// Messages in JSON.
    pub replies: Vec<String>,
    /// A line for the shell, which has the message on its standard input and writes messages, one a line.
    pub program: Option<String>,
}

impl Answers {
    /// Whether they are messages is told before anybody waits for them.
    pub(crate) fn check(&self) -> Result<(), ChanError> {
        for reply in &self.replies {
            Message::check(reply)
                .map_err(|cause| ChanError::Message { place: place(reply), cause })?;
        }
        Ok(())
    }

    /// Answers a message, whose text is given, on its return channels.
    pub(crate) fn task(
        &self,
        conversation: &Arc<Conversation>,
        senders: Vec<(String, Sender<Value>)>,
        message: String,
    ) -> Task {
        let (answers, conversation) = (self.clone(), Arc::clone(conversation));
        Box::pin(async move {
            for reply in &answers.replies {
                each(&conversation, &senders, (reply.as_bytes(), &place(reply))).await;
            }
            if let Some(program) = &answers.program {
                let answered = by_program(&conversation, &senders, (program, message)).await;
                answered.unwrap_or_else(|error| conversation.fail(&error));
            }
            for (_name, sender) in senders {
                sender.close();
            }
        })
    }
}

fn place(reply: &str) -> String {
    format!("the reply {reply}")
}

/// Sends one answer on each channel; one of which nobody receives any more is passed over.
async fn each(
    conversation: &Arc<Conversation>,
    senders: &[(String, Sender<Value>)],
    (text, place): (&[u8], &str),
) {
    for (name, sender) in senders {
        let place = format!("{place} on {name}");
        if let Err(error) = send_text(conversation, sender, (text, place)).await {
            conversation.fail(&error);
        }
    }
}

/// A program, which ends with whoever waits for it.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended was waited for, and is let be.
        let _ended = self.0.kill();
        let _known = self.0.wait();
    }
}

impl Running {
    async fn ended(&mut self) -> std::io::Result<ExitStatus> {
        let pid = Pid::from_child(&self.0);
        let descriptor = waited(pidfd_open(pid, PidfdFlags::NONBLOCK)?)?;
        drop(descriptor.readable().await?);
        self.0.wait()
    }
}

async fn by_program(
    conversation: &Arc<Conversation>,
    senders: &[(String, Sender<Value>)],
    (program, message): (&str, String),
) -> Result<(), ChanError> {
    let failed = |why: String| ChanError::Program { program: program.to_owned(), why };
    let mut command = Command::new("/bin/sh");
    command.args(["-c", program]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().map_err(|error| failed(format!("begin: {error}")))?;
    let pipes = (child.stdin.take(), child.stdout.take());
    let (Some(mut input), Some(output)) = pipes else { return Ok(()) };
    let mut running = Running(child);
    // A program need not read what it is told.
    std::thread::spawn(move || drop(writeln!(input, "{message}")));
    let (send, mut lines) = mpsc::channel(AHEAD);
    std::thread::spawn(move || {
        for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
            if send.blocking_send(line).is_err() {
                return;
            }
        }
    });
    let mut number = 0;
    while let Some(line) = lines.recv().await {
        number += 1;
        if !line.trim_ascii().is_empty() {
            let place = format!("line {number} of {program:?}");
            each(conversation, senders, (&line, &place)).await;
        }
    }
    match running.ended().await {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(failed(status.to_string())),
        Err(error) => Err(failed(error.to_string())),
    }
}
