//! From a message to JSON, and what is then done with the channels and streams that came in it. Start at [`shown`].
//!
//! What came by CHANNEL as its message NUMBER below KEY is called `CHANNEL.NUMBER.KEY`. What can be received or read is printed under that
//! name: `{"$from": NAME, "message": …}` and `{"$from": NAME, "data": …}`.

use std::sync::Arc;

use libchan::{ByteReader, Receiver, Sender, Value};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::conversation::{Conversation, Task};
use crate::descriptor::{Described, describe};
use crate::error::ChanError;
use crate::json::Json;
use crate::notation::{self, Kind};

/// A message in JSON, and what came in it.
pub(crate) struct Shown {
    pub(crate) json: Json,
    /// For whoever answers.
    pub(crate) senders: Vec<(String, Sender<Value>)>,
    tasks: Vec<Task>,
}

impl Shown {
    /// Begins to read whatever came with the message, after it was printed itself.
    pub(crate) fn attend(&mut self, conversation: &Conversation) {
        std::mem::take(&mut self.tasks).into_iter().for_each(|task| conversation.attach(task));
    }
}

/// A message that came under a name.
pub(crate) fn shown(conversation: &Arc<Conversation>, value: Value, name: &str) -> Shown {
    let mut showing = Showing { conversation, senders: Vec::new(), tasks: Vec::new() };
    let json = showing.json(value, name);
    Shown { json, senders: showing.senders, tasks: showing.tasks }
}

struct Showing<'a> {
    conversation: &'a Arc<Conversation>,
    senders: Vec<(String, Sender<Value>)>,
    tasks: Vec<Task>,
}

impl Showing<'_> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "what is no data is attached")]
    fn json(&mut self, value: Value, name: &str) -> Json {
        match value {
            Value::Nil => Json::Null,
            Value::Bool(value) => Json::Bool(value),
            Value::Signed(value) => Json::Signed(value),
            Value::Unsigned(value) => notation::of_unsigned(value),
            Value::Float(value) => notation::of_float(value),
            Value::Text(text) => Json::Text(text),
            Value::Bytes(bytes) => notation::of_bytes(&bytes),
            Value::Time(time) => notation::of_time(time),
            Value::Array(values) => {
                let numbered = values.into_iter().enumerate();
                let value = |(at, value)| self.json(value, &format!("{name}.{at}"));
                Json::Array(numbered.map(value).collect())
            }
            Value::Map(pairs) => {
                let pair = |(key, value)| {
                    let key = self.json(key, &format!("{name}.key"));
                    let within = if let Json::Text(key) = &key {
                        format!("{name}.{key}")
                    } else {
                        format!("{name}.{key}")
                    };
                    (key, self.json(value, &within))
                };
                notation::of_map(pairs.into_iter().map(pair).collect())
            }
            attached => self.attached(attached, name),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "data does not come here")]
    fn attached(&mut self, value: Value, name: &str) -> Json {
        let conversation = Arc::clone(self.conversation);
        let named = name.to_owned();
        let kind = match value {
            Value::Sender(sender) => {
                self.senders.push((named, sender));
                Kind::Sender
            }
            Value::Receiver(receiver) => {
                self.tasks.push(channel(conversation, receiver, named));
                Kind::Receiver
            }
            Value::Reader(reader) => {
                self.tasks.push(bytes(conversation, reader, named));
                Kind::Reader
            }
            Value::Writer(writer) => {
                self.tasks.push(ended(writer));
                Kind::Writer
            }
            Value::Stream(stream) => {
                let (read, write) = tokio::io::split(stream);
                self.tasks.push(ended(write));
                self.tasks.push(bytes(conversation, ByteReader::new(read), named));
                Kind::Stream
            }
            Value::Descriptor(descriptor) => {
                let Described { json, is_read } = describe(&descriptor, name);
                if is_read {
                    let (read, write) = tokio::io::split(descriptor.into_stream());
                    self.tasks.push(ended(write));
                    self.tasks.push(bytes(conversation, read, named));
                }
                return json;
            }
            // What a later library has.
            other => return Json::text(format!("{other:?}")),
        };
        Json::pair(kind.key(), Json::text(name))
    }
}

/// Nothing is written.
fn ended(mut writer: impl AsyncWrite + Send + Unpin + 'static) -> Task {
    Box::pin(async move {
        let _gone = writer.shutdown().await;
    })
}

/// Prints what is received under a name, until it ends or there is enough.
pub(crate) fn channel(
    conversation: Arc<Conversation>,
    mut receiver: Receiver<Value>,
    name: String,
) -> Task {
    Box::pin(async move {
        let mut number = 0_u64;
        loop {
            let value = match receiver.recv().await {
                Ok(Some(value)) => value,
                Ok(None) => return conversation.tell(|| format!("{name} has ended")),
                Err(cause) => {
                    let channel = name;
                    let action = "receive on";
                    return conversation.fail(&ChanError::Channel { action, channel, cause });
                }
            };
            number += 1;
            let mut shown = shown(&conversation, value, &format!("{name}.{number}"));
            let json = std::mem::replace(&mut shown.json, Json::Null);
            if !conversation.print(from(&name, "message", json)).await {
                return;
            }
            shown.attend(&conversation);
            if conversation.has_enough() {
                return;
            }
        }
    })
}

/// Prints what is read under a name.
pub(crate) fn bytes(
    conversation: Arc<Conversation>,
    mut reader: impl AsyncRead + Send + Unpin + 'static,
    name: String,
) -> Task {
    Box::pin(async move {
        let mut text = Pieces::default();
        let mut buffer = vec![0; 8 << 10];
        loop {
            let size = match reader.read(&mut buffer).await {
                Ok(size) => size,
                Err(cause) => {
                    let stream = name;
                    let action = "read from";
                    return conversation.fail(&ChanError::Bytes { action, stream, cause });
                }
            };
            if let Some(piece) = text.next(buffer.get(..size).unwrap_or_default()) {
                let line = from(&name, "data", notation::of_data(piece));
                if conversation.output.line(line).await.is_err() {
                    return;
                }
            }
            if size == 0 {
                return conversation.tell(|| format!("{name} has ended"));
            }
        }
    })
}

fn from(name: &str, what: &str, json: Json) -> Json {
    Json::Object(vec![("$from".to_owned(), Json::text(name)), (what.to_owned(), json)])
}

/// Pieces of text that do not end within a letter.
#[derive(Default)]
struct Pieces(Vec<u8>);

impl Pieces {
    /// What can be shown once these have come, none of them at the end.
    fn next(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut piece = std::mem::take(&mut self.0);
        piece.extend_from_slice(bytes);
        if let Err(error) = std::str::from_utf8(&piece)
            && error.error_len().is_none()
            && !bytes.is_empty()
        {
            self.0 = piece.split_off(error.valid_up_to());
        }
        Some(piece).filter(|piece| !piece.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_not_divided() {
        let mut pieces = Pieces::default();
        assert_eq!(pieces.next("hé".as_bytes().split_at(2).0), Some(b"h".to_vec()));
        assert_eq!(pieces.next(&"hé".as_bytes()[2..]), Some("é".as_bytes().to_vec()));
        assert_eq!(pieces.next(&[0xc3]), None);
        assert_eq!(pieces.next(&[]), Some(vec![0xc3]));
    }
}
