//! Reads a transfer from its beginning while it is being filled.

use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::{Arc, PoisonError};

use super::Transfer;

/// The bytes of a transfer in order; a read waits until there is one, or the transfer has stopped.
#[derive(Debug)]
pub struct TransferReader {
    transfer: Arc<Transfer>,
    at: u64,
}

impl TransferReader {
    pub(super) const fn new(transfer: Arc<Transfer>) -> Self {
        Self { transfer, at: 0 }
    }

    /// How many bytes can be read now; 0 at the end only.
    fn wait(&self) -> io::Result<u64> {
        let mut state = self.transfer.lock();
        loop {
            let there = state.map.there(self.at);
            if there > 0 || self.at == self.transfer.size {
                return Ok(there);
            }
            if let Some(stopped) = &state.failed {
                return Err(io::Error::other(stopped.clone()));
            }
            let woken = self.transfer.changed.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Read for TransferReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let there = self.wait()?;
        let most = usize::try_from(there).map_or(buffer.len(), |there| there.min(buffer.len()));
        let count = self.transfer.file.read_at(&mut buffer[..most], self.at)?;
        if count == 0 && most > 0 {
            // Somebody else has cut it.
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.at += count as u64;
        Ok(count)
    }
}
