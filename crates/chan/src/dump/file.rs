//! What was recorded: bytes of one direction in a file, as they are or in hexadecimal digits.

use std::fs::File;
use std::io::Read;
use std::sync::Arc;

use tokio::io::AsyncReadExt;

use super::wire::{From, Wire};
use super::{Look, PIECE};
use crate::conversation::{Conversation, Ground, Outcome, run};
use crate::error::ChanError;
use crate::feed::Feed;

/// A conversation in files.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// What who has connected has sent, and what he was sent, where that is known; `-` is standard input.
    pub files: Vec<String>,
}

/// Prints what the bytes of files mean, one file after the other: which of them came first no file tells.
///
/// # Errors
/// A file cannot be read.
pub fn dump_files(ground: Ground, recorded: Recorded, look: Look) -> Result<Outcome, ChanError> {
    run(ground, None, async move |conversation| {
        let mut wire = Wire::new(look);
        for (path, from) in recorded.files.iter().zip([From::Client, From::Server]) {
            show(&conversation, &mut wire, (path, from)).await?;
        }
        Ok(())
    })
}

async fn show(
    conversation: &Arc<Conversation>,
    wire: &mut Wire,
    (path, from): (&str, From),
) -> Result<(), ChanError> {
    let mut feed = Feed::bytes(open(conversation, path)?);
    let mut digits = None;
    let mut buffer = vec![0; PIECE];
    let stamp = |offset| format!("@{offset} ");
    loop {
        let size = feed.read(&mut buffer).await.map_err(ChanError::file("read", path))?;
        let piece = buffer.get(..size).unwrap_or_default();
        if size == 0 {
            let _gone = conversation.output.write(wire.end(from, stamp).into_bytes()).await;
            return Ok(());
        }
        // What is spoken begins with no digit: with an upper bit, a zero byte, or "PRI".
        let text = match digits.get_or_insert_with(|| Digits::of(piece)) {
            Some(digits) => {
                let bytes = digits.take(piece).map_err(ChanError::file("read", path))?;
                wire.take(from, &bytes, stamp)
            }
            None => wire.take(from, piece, stamp),
        };
        let _gone = conversation.output.write(text.into_bytes()).await;
    }
}

fn open(conversation: &Conversation, path: &str) -> Result<Box<dyn Read + Send>, ChanError> {
    if path == "-" {
        let taken = || std::io::Error::other("it is read already");
        let input = conversation.take_input().ok_or_else(taken);
        return input.map_err(ChanError::file("read", "standard input"));
    }
    let file = File::open(path).map_err(ChanError::file("open", path))?;
    Ok(Box::new(file))
}

/// Hexadecimal digits, with white space between them.
#[derive(Debug, Default)]
struct Digits {
    half: Option<u8>,
}

impl Digits {
    /// Where the beginning of a file has nothing else.
    fn of(piece: &[u8]) -> Option<Self> {
        let fits = |byte: &u8| byte.is_ascii_hexdigit() || byte.is_ascii_whitespace();
        piece.iter().all(fits).then(Self::default)
    }

    fn take(&mut self, piece: &[u8]) -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(piece.len() / 2);
        for byte in piece.iter().filter(|byte| !byte.is_ascii_whitespace()) {
            let digit = match byte {
                b'0'..=b'9' => byte - b'0',
                b'a'..=b'f' => byte - b'a' + 10,
                b'A'..=b'F' => byte - b'A' + 10,
                other => {
                    let words = format!("{:?} is no hexadecimal digit", char::from(*other));
                    return Err(std::io::Error::other(words));
                }
            };
            match self.half.take() {
                Some(high) => bytes.push(high << 4 | digit),
                None => self.half = Some(digit),
            }
        }
        Ok(bytes)
    }
}
