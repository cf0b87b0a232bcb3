//! One connection's thread: takes work from the plan, asks the registry for it, and puts what comes where it belongs.

use std::io::{self, Read};

use super::plan::{Outcome, Plan, Work};
use crate::{Body, RegistryError, Repository};

/// Bytes that are read at once.
const BUFFER_BYTES: usize = 128 * 1024;

/// Works until the plan is closed.
pub(super) fn work(plan: &Plan<'_>, repository: &Repository) {
    let mut buffer = vec![0; BUFFER_BYTES];
    while let Some(mut work) = plan.next() {
        let outcome = run(plan, repository, &mut work, &mut buffer);
        plan.report(work, outcome);
    }
}

fn run(plan: &Plan<'_>, repository: &Repository, work: &mut Work, buffer: &mut [u8]) -> Outcome {
    let from = work.claim.at();
    let mut body = match repository.open_blob(&work.blob, from, work.to) {
        Ok(body) => body,
        Err(error) => return Outcome::Failed(error),
    };
    plan.note_source(work, body.source());
    // A whole blob where a part was asked for: of use to who is alone only.
    if work.to.is_some() && body.start() != from {
        return Outcome::WholeOnly;
    }
    let mut moved = false;
    match skip(&mut body, from, buffer).and_then(|()| copy(&mut body, work, buffer, &mut moved)) {
        Ok(()) if work.claim.is_done() => Outcome::Done,
        Ok(()) => Outcome::Broke { why: "the connection ended early".to_owned(), moved },
        Err(Broke::Network(error)) => Outcome::Broke { why: error.to_string(), moved },
        Err(Broke::Disk(error)) => Outcome::Failed(RegistryError::Disk {
            what: format!("keep what came of layer {}", work.part.name),
            cause: error,
        }),
    }
}

enum Broke {
    Network(io::Error),
    Disk(io::Error),
}

/// Reads what is there already from a server that knows no ranges.
fn skip(body: &mut Body, from: u64, buffer: &mut [u8]) -> Result<(), Broke> {
    let mut left = from.saturating_sub(body.start());
    while left > 0 {
        let most = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
        match body.read(&mut buffer[..most]).map_err(Broke::Network)? {
            0 => return Ok(()),
            count => left -= count as u64,
        }
    }
    Ok(())
}

fn copy(
    body: &mut Body,
    work: &mut Work,
    buffer: &mut [u8],
    moved: &mut bool,
) -> Result<(), Broke> {
    loop {
        let count = match body.read(buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Broke::Network(error)),
        };
        let taken = work.claim.write(&buffer[..count]).map_err(Broke::Disk)?;
        *moved |= taken > 0;
        let transfer = work.claim.transfer();
        work.part.set_transferred(transfer.filled());
        if taken < count {
            return Ok(());
        }
    }
}
