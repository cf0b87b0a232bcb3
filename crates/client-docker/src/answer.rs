//! An answer: its head has come, its body is read as it comes.

use std::io::{self, BufReader, Read};

use serde_json::Value;

use crate::client::Client;
use crate::error::{ClientError, errno};
use crate::wire::{Framing, Head, Wire};

/// No document is longer than this; streams are.
const MOST_DOCUMENT: u64 = 256 * 1024 * 1024;

/// An answer that is no refusal.
#[derive(Debug)]
pub struct Answer<'c> {
    client: &'c Client,
    wire: Option<Wire>,
    head: Head,
    framing: Framing,
}

impl<'c> Answer<'c> {
    pub(crate) fn new(client: &'c Client, wire: Wire, head: Head, framing: Framing) -> Self {
        let mut answer = Self { client, wire: Some(wire), head, framing };
        answer.settle();
        answer
    }

    /// Its status code.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.head.status
    }

    /// A header, by its name in small letters.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.header(name)
    }

    /// The whole body.
    ///
    /// # Errors
    /// When the connection ends before it does.
    pub fn bytes(mut self) -> Result<Vec<u8>, ClientError> {
        let mut bytes = Vec::new();
        let read = self.by_ref().take(MOST_DOCUMENT).read_to_end(&mut bytes);
        match read {
            Ok(_) => Ok(bytes),
            Err(error) => Err(self.client.broken("hear", self.wire.take(), &errno(&error))),
        }
    }

    /// The body as a document; nothing where there is none.
    ///
    /// # Errors
    /// When it is none, or the connection ends before it does.
    pub fn document<T: serde::de::DeserializeOwned>(self) -> Result<T, ClientError> {
        let client = self.client;
        let bytes = self.bytes()?;
        let bytes = if bytes.trim_ascii().is_empty() { &b"null"[..] } else { &bytes };
        serde_json::from_slice(bytes).map_err(|error| client.foreign(&error.to_string()))
    }

    /// The body as documents, one after the other as they come.
    #[must_use]
    pub fn lines(self) -> Lines<'c> {
        let client = self.client;
        Lines {
            client,
            documents: serde_json::Deserializer::from_reader(BufReader::new(self)).into_iter(),
        }
    }

    /// Gives the connection back once the body has been read.
    fn settle(&mut self) {
        if self.framing == Framing::Over
            && let Some(wire) = self.wire.take()
            && wire.is_clean()
            && !self.head.closes()
            && self.head.status != 101
        {
            self.client.keep(wire);
        }
    }
}

impl Read for Answer<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(wire) = &mut self.wire else { return Ok(0) };
        let count = wire.body(&mut self.framing, buffer)?;
        self.settle();
        Ok(count)
    }
}

/// Documents as they come.
pub struct Lines<'c> {
    client: &'c Client,
    documents:
        serde_json::StreamDeserializer<'c, serde_json::de::IoRead<BufReader<Answer<'c>>>, Value>,
}

impl std::fmt::Debug for Lines<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Lines").finish_non_exhaustive()
    }
}

impl Iterator for Lines<'_> {
    type Item = Result<Value, ClientError>;

    fn next(&mut self) -> Option<Self::Item> {
        let client = self.client;
        let found = self.documents.next()?;
        Some(found.map_err(|error| client.broken("hear", None, &error.to_string())))
    }
}
