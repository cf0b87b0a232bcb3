//! Finds where a message ends, before anything is made of it: without recursion, however it comes in pieces, and with bounds.

use super::extension::{Reference, reference};
use super::head::{Kind, head};
use super::read::Malformed;
use crate::generation::Generation;
use crate::limits::Limits;

/// How far a message has been looked at.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// Where the next value begins.
    position: usize,
    /// Values that have begun.
    values: usize,
    /// Values that are still to come, of each array and map that has begun.
    open: Vec<u64>,
    /// The streams that it names, in order.
    references: Vec<Reference>,
    /// Whether extensions may be any.
    takes_any: bool,
}

/// A message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Scanned {
    /// Its bytes.
    pub(crate) size: usize,
    /// The streams that it names, in order.
    pub(crate) references: Vec<Reference>,
}

impl Scan {
    /// Whether nothing of a message has been looked at.
    pub(crate) fn is_new(&self) -> bool {
        self.position == 0
    }

    /// One that takes extensions as they are, for who does not know their meaning.
    pub(crate) fn of_any() -> Self {
        Self { takes_any: true, ..Self::default() }
    }

    /// Goes on in `bytes`, which begin where they began before and are longer; gives the message once it is whole.
    ///
    /// # Errors
    /// It is no message, or larger or deeper than it may be.
    pub(crate) fn go_on(
        &mut self,
        bytes: &[u8],
        limits: &Limits,
        generation: Generation,
    ) -> Result<Option<Scanned>, Malformed> {
        loop {
            let rest = bytes.get(self.position..).unwrap_or_default();
            let Some(head) = head(rest)? else { return self.incomplete(limits) };
            let (contents, values) = match head.kind {
                Kind::Text(size) | Kind::Bytes(size) | Kind::Extension { size, .. } => (size, 0),
                Kind::Array(count) => (0, count as u64),
                Kind::Map(count) => (0, 2 * count as u64),
                Kind::Nil
                | Kind::Bool(_)
                | Kind::Signed(_)
                | Kind::Unsigned(_)
                | Kind::Float(_) => (0, 0),
            };
            // Each value has a byte: what declares more than a message may have never comes to an end.
            let least = self.position as u64 + head.size as u64 + contents as u64 + values;
            if least > limits.message_bytes as u64 {
                return Err(Malformed::Limit("message_bytes"));
            }
            let end = head.size + contents;
            let Some(value) = rest.get(..end) else { return self.incomplete(limits) };
            if let Kind::Extension { code, .. } = head.kind
                && !self.takes_any
            {
                self.references.extend(reference(code, &value[head.size..], generation)?);
                // So many are never there at once.
                if self.references.len() > limits.parked {
                    return Err(Malformed::Limit("parked"));
                }
            }
            self.position += end;
            self.values += 1;
            if self.values > limits.values {
                return Err(Malformed::Limit("values"));
            }
            if values > 0 {
                if self.open.len() >= limits.depth {
                    return Err(Malformed::Limit("depth"));
                }
                self.open.push(values);
            } else if self.close() {
                // All that had begun is over; the room of `open` is kept.
                self.values = 0;
                let size = std::mem::take(&mut self.position);
                return Ok(Some(Scanned {
                    size,
                    references: std::mem::take(&mut self.references),
                }));
            }
        }
    }

    /// A value is over; whether the message is.
    fn close(&mut self) -> bool {
        while let Some(left) = self.open.last_mut() {
            *left -= 1;
            if *left > 0 {
                return false;
            }
            self.open.pop();
        }
        true
    }

    fn incomplete(&self, limits: &Limits) -> Result<Option<Scanned>, Malformed> {
        if self.position >= limits.message_bytes {
            return Err(Malformed::Limit("message_bytes"));
        }
        Ok(None)
    }
}
