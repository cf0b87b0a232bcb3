//! From JSON to a message, and our ends of the channels and streams that are in it. Start at [`Message::read`].
//!
//! ```text
//! {"$sender": NAME}      what the peer sends is printed under the name
//! {"$receiver": [...]}   the peer receives these messages; or a path, or "-": the lines of a file
//! {"$reader": [...]}     the peer reads these texts and bytes; or a path, or "-": a file
//! {"$writer": NAME}      what the peer writes is printed under the name; or to a path, or raw to "-"
//! {"$stream": NAME}      the same both ways, with nothing to read; "-" is standard input and output
//! {"$descriptor": PATH}  the peer has the file itself, where a Unix socket carries it, and elsewhere its bytes
//! ```
//!
//! What has a slash is a path.

use std::fs::File;
use std::io::Read;
use std::sync::Arc;

use libchan::{ByteReader, ByteStream, ByteWriter, Sender, Value, pipe};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};

use crate::conversation::{Conversation, Task};
use crate::descriptor;
use crate::error::{BadMessage, ChanError};
use crate::feed::{Feed, Lines};
use crate::json::Json;
use crate::notation::{BadNotation, Kind, Special, plain_key, special};
use crate::show;
use crate::sink::Sink;

/// A message that can be sent, and what is then done at the other ends of what is in it.
pub(crate) struct Message {
    pub(crate) value: Value,
    tasks: Vec<Task>,
}

impl Message {
    /// Reads a text. What it names is opened beside: a named pipe, for one, may block whoever opens it.
    pub(crate) async fn read(
        conversation: &Arc<Conversation>,
        text: &[u8],
    ) -> Result<Self, BadMessage> {
        let text = std::str::from_utf8(text).map_err(|_other| BadMessage::Text)?;
        let json = serde_json::from_str(text).map_err(BadMessage::Json)?;
        if !opens(&json) {
            return Self::make(conversation, &json);
        }
        let conversation = Arc::clone(conversation);
        let made = tokio::task::spawn_blocking(move || Self::make(&conversation, &json));
        made.await.map_err(|_gone| BadMessage::Stopped)?
    }

    fn make(conversation: &Arc<Conversation>, json: &Json) -> Result<Self, BadMessage> {
        let mut making = Making { conversation, tasks: Vec::new() };
        let value = making.value(json)?;
        Ok(Self { value, tasks: making.tasks })
    }

    /// Whether a text is a message, as far as that can be told without opening files.
    pub(crate) fn check(text: &str) -> Result<(), BadMessage> {
        Ok(check(&serde_json::from_str(text).map_err(BadMessage::Json)?)?)
    }

    /// Sends it, and begins what is to be done at its other ends.
    pub(crate) async fn send(
        self,
        conversation: &Arc<Conversation>,
        sender: &Sender<Value>,
    ) -> Result<(), libchan::Error> {
        let Self { value, tasks } = self;
        sender.send(value).await?;
        tasks.into_iter().for_each(|task| conversation.attach(task));
        Ok(())
    }
}

fn check(json: &Json) -> Result<(), BadNotation> {
    match json {
        Json::Array(values) => values.iter().try_for_each(check),
        Json::Object(pairs) => match special(pairs)? {
            None => pairs.iter().try_for_each(|(_, value)| check(value)),
            Some(Special::Map(pairs)) => pairs.into_iter().flatten().try_for_each(check),
            Some(Special::Attached(Kind::Receiver, content)) => check(content),
            Some(_) => Ok(()),
        },
        Json::Null
        | Json::Bool(_)
        | Json::Signed(_)
        | Json::Unsigned(_)
        | Json::Float(_)
        | Json::Text(_) => Ok(()),
    }
}

/// Whether there may be a path in it.
fn opens(json: &Json) -> bool {
    match json {
        Json::Array(values) => values.iter().any(opens),
        Json::Object(pairs) => pairs.iter().any(|(key, value)| {
            let names_one = if let Json::Text(text) = value {
                is_path(text) || key != Kind::Writer.key()
            } else {
                key == Kind::Descriptor.key()
            };
            names_one && OPENERS.iter().any(|kind| key == kind.key()) || opens(value)
        }),
        Json::Null
        | Json::Bool(_)
        | Json::Signed(_)
        | Json::Unsigned(_)
        | Json::Float(_)
        | Json::Text(_) => false,
    }
}

/// What may have a path.
const OPENERS: [Kind; 4] = [Kind::Receiver, Kind::Reader, Kind::Writer, Kind::Descriptor];

/// A value that is being made.
struct Making<'a> {
    conversation: &'a Arc<Conversation>,
    tasks: Vec<Task>,
}

impl Making<'_> {
    fn value(&mut self, json: &Json) -> Result<Value, BadNotation> {
        Ok(match json {
            Json::Null => Value::Nil,
            Json::Bool(value) => Value::Bool(*value),
            Json::Signed(value) => Value::Signed(*value),
            Json::Unsigned(value) => Value::Unsigned(*value),
            Json::Float(value) => Value::Float(*value),
            Json::Text(text) => Value::Text(text.clone()),
            Json::Array(values) => Value::Array(self.values(values)?),
            Json::Object(pairs) => match special(pairs)? {
                None => {
                    let pair = |(key, value): &(String, Json)| {
                        Ok((Value::Text(plain_key(key).to_owned()), self.value(value)?))
                    };
                    Value::Map(pairs.iter().map(pair).collect::<Result<_, BadNotation>>()?)
                }
                Some(Special::Bytes(bytes)) => Value::Bytes(bytes),
                Some(Special::Time(time)) => Value::Time(time),
                Some(Special::Float(value)) => Value::Float(value),
                Some(Special::Map(pairs)) => {
                    let pair =
                        |[key, value]: [&Json; 2]| Ok((self.value(key)?, self.value(value)?));
                    Value::Map(pairs.into_iter().map(pair).collect::<Result<_, BadNotation>>()?)
                }
                Some(Special::Attached(kind, content)) => self.attached(kind, content)?,
            },
        })
    }

    fn values(&mut self, values: &[Json]) -> Result<Vec<Value>, BadNotation> {
        values.iter().map(|value| self.value(value)).collect()
    }

    fn attached(&mut self, kind: Kind, content: &Json) -> Result<Value, BadNotation> {
        match (kind, content) {
            (Kind::Sender, Json::Text(name)) => Ok(self.sender(name)),
            (Kind::Receiver, Json::Array(values)) => self.receiver_of(values),
            (Kind::Receiver, Json::Text(path)) => self.receiver_from(path),
            (Kind::Reader, Json::Array(parts)) => {
                let parts: Vec<Vec<u8>> = parts.iter().map(data).collect::<Result<_, _>>()?;
                Ok(self.reader(std::io::Cursor::new(parts.concat())))
            }
            (Kind::Reader, Json::Text(path)) => {
                let input = self.open(path)?;
                Ok(self.reader(input))
            }
            (Kind::Writer, Json::Text(to)) => self.writer(to),
            (Kind::Stream, Json::Text(name)) => self.stream(name),
            (Kind::Descriptor, content) => self.descriptor(content),
            (Kind::Sender, _) => wants(kind, "a name"),
            (Kind::Receiver, _) => wants(kind, "an array of messages, or a path, or \"-\""),
            (Kind::Reader, _) => wants(kind, DATA),
            (Kind::Writer, _) => wants(kind, "a name, or a path, or \"-\""),
            (Kind::Stream, _) => wants(kind, "a name, or \"-\""),
        }
    }

    fn sender(&mut self, name: &str) -> Value {
        let (sender, receiver) = pipe();
        self.tasks.push(show::channel(Arc::clone(self.conversation), receiver, name.to_owned()));
        Value::Sender(sender)
    }

    fn receiver_of(&mut self, values: &[Json]) -> Result<Value, BadNotation> {
        let values = self.values(values)?;
        let (sender, receiver) = pipe();
        self.tasks.push(Box::pin(async move {
            for value in values {
                if sender.send(value).await.is_err() {
                    return;
                }
            }
        }));
        Ok(Value::Receiver(receiver))
    }

    fn receiver_from(&mut self, path: &str) -> Result<Value, BadNotation> {
        let mut lines = Lines::of(self.open(path)?);
        let (sender, receiver) = pipe();
        let (conversation, path) = (Arc::clone(self.conversation), path.to_owned());
        self.tasks.push(Box::pin(async move {
            if let Err(error) = send_lines(&conversation, &mut lines, &sender, &path).await {
                conversation.fail(&error);
            }
        }));
        Ok(Value::Receiver(receiver))
    }

    /// The task is over when all of it was sent, or nobody reads it.
    fn reader(&mut self, input: impl Read + Send + 'static) -> Value {
        let (feed, over) = Feed::told(input);
        self.tasks.push(Box::pin(async move { drop(over.await) }));
        Value::Reader(ByteReader::new(feed))
    }

    fn writer(&mut self, to: &str) -> Result<Value, BadNotation> {
        let (near, far) = ByteStream::pair();
        self.print(near, to)?;
        Ok(Value::Writer(ByteWriter::new(far)))
    }

    fn stream(&mut self, name: &str) -> Result<Value, BadNotation> {
        let (near, far) = ByteStream::pair();
        let (read, mut write) = tokio::io::split(near);
        if is_path(name) && name != "-" {
            return wants(Kind::Stream, "a name, or \"-\"");
        }
        let input = if name == "-" { Some(self.open(name)?) } else { None };
        self.tasks.push(Box::pin(async move {
            if let Some(input) = input {
                // Whoever reads may have had enough.
                let _gone = tokio::io::copy(&mut Feed::bytes(input), &mut write).await;
            }
            let _gone = write.shutdown().await;
        }));
        self.print(read, name)?;
        Ok(Value::Stream(far))
    }

    fn descriptor(&self, content: &Json) -> Result<Value, BadNotation> {
        self.conversation.sends_descriptor();
        descriptor::open(content).map(Value::Descriptor)
    }

    /// What is read goes to a file, to standard output, or is printed under a name.
    fn print(
        &mut self,
        read: impl AsyncRead + Send + Unpin + 'static,
        to: &str,
    ) -> Result<(), BadNotation> {
        let conversation = Arc::clone(self.conversation);
        let (sink, is_own) = match to {
            "-" => (conversation.output.clone(), false),
            path if is_path(path) => (Sink::to(create(path)?), true),
            _ => {
                self.tasks.push(show::bytes(conversation, read, to.to_owned()));
                return Ok(());
            }
        };
        let path = to.to_owned();
        self.tasks.push(Box::pin(async move {
            let read = write_all(read, &sink).await;
            let written = if is_own { sink.end().await } else { Ok(()) };
            if let Err(cause) = read.and(written) {
                conversation.fail(&ChanError::Bytes { action: "write to", stream: path, cause });
            }
        }));
        Ok(())
    }

    fn open(&self, path: &str) -> Result<Box<dyn Read + Send>, BadNotation> {
        if path == "-" {
            return self.conversation.take_input().ok_or(BadNotation::InputTaken);
        }
        let opened = File::open(path);
        opened
            .map(|file| Box::new(file) as Box<dyn Read + Send>)
            .map_err(|cause| BadNotation::File { path: path.to_owned(), cause })
    }
}

const DATA: &str = "an array of texts and {\"$bytes\": …}, or a path, or \"-\"";

fn wants<T>(kind: Kind, wanted: &'static str) -> Result<T, BadNotation> {
    Err(BadNotation::Content { key: kind.key(), wanted })
}

fn is_path(text: &str) -> bool {
    text == "-" || text.contains('/')
}

fn create(path: &str) -> Result<File, BadNotation> {
    File::create(path).map_err(|cause| BadNotation::File { path: path.to_owned(), cause })
}

fn data(part: &Json) -> Result<Vec<u8>, BadNotation> {
    if let Json::Text(text) = part {
        return Ok(text.clone().into_bytes());
    }
    if let Json::Object(pairs) = part
        && let Some(Special::Bytes(bytes)) = special(pairs)?
    {
        return Ok(bytes);
    }
    wants(Kind::Reader, DATA)
}

async fn write_all(mut read: impl AsyncRead + Unpin, sink: &Sink) -> std::io::Result<()> {
    let mut buffer = vec![0; 32 << 10];
    loop {
        let size = read.read(&mut buffer).await?;
        let piece = buffer.get(..size).unwrap_or_default();
        // Where nobody reads any more the peer hears it, and for standard output so does the command.
        if size == 0 || sink.write(piece.to_vec()).await.is_err() {
            return Ok(());
        }
    }
}

/// Sends the messages of lines, until one is none: what was before it is sent.
pub(crate) async fn send_lines(
    conversation: &Arc<Conversation>,
    lines: &mut Lines,
    sender: &Sender<Value>,
    from: &str,
) -> Result<(), ChanError> {
    let from = if from == "-" { "standard input" } else { from };
    while let Some((number, line)) = lines.next().await.map_err(ChanError::file("read", from))? {
        let place = format!("line {number} of {from}");
        send_text(conversation, sender, (&line, place)).await?;
    }
    Ok(())
}

/// Sends the message that a text is, whose place is told in errors.
pub(crate) async fn send_text(
    conversation: &Arc<Conversation>,
    sender: &Sender<Value>,
    (text, place): (&[u8], String),
) -> Result<(), ChanError> {
    match Message::read(conversation, text).await {
        Err(cause) => Err(ChanError::Message { place, cause }),
        Ok(message) => {
            let sent = message.send(conversation, sender).await;
            sent.map_err(|cause| ChanError::Channel { action: "send", channel: place, cause })
        }
    }
}
