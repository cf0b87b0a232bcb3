//! Lines that went to systemd's journal: journalctl(1) writes them, and is ended with whoever reads them.

use std::os::fd::AsFd;
use std::process::{Child, ChildStdout};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use engine::log::Selection;
use engine::{JournalEntry, journal_command};
use spec::ContainerId;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::timeout;

use super::{Form, GATHERED, append, runs};
use crate::descriptor::{Descriptor, waited};
use crate::failure::Failure;
use crate::shared::Shared;

/// How long nothing has to come before a look whether the container still runs: the journal tells no end of one.
const GLANCE: Duration = Duration::from_secs(1);

/// A journal that is read.
pub(super) struct Journal {
    child: Child,
    output: AsyncFd<Descriptor<ChildStdout>>,
    /// What was read and not yet shown: the beginning of a line at least.
    rest: Vec<u8>,
    selection: Selection,
    follow: bool,
    is_end: bool,
    /// Whether the container was over at the last look: what the journal still held then comes before the next one.
    was_over: bool,
}

impl Journal {
    /// Begins to read.
    pub(super) async fn open(
        shared: &Arc<Shared>,
        id: &ContainerId,
        (selection, follow): (Selection, bool),
    ) -> Result<Self, Failure> {
        let follow = follow && runs(shared, id.as_str()).await;
        let failed =
            |cause| Failure::internal(format!("read the journal: run journalctl: {cause}"));
        let mut child = journal_command(id, selection.tail, follow).spawn().map_err(failed)?;
        let opened = child.stdout.take().ok_or_else(|| failed(std::io::ErrorKind::Other.into()));
        let opened = opened.and_then(|output| {
            rustix::io::ioctl_fionbio(output.as_fd(), true)
                .map_err(|errno| failed(errno.into()))?;
            waited(output, Interest::READABLE).map_err(failed)
        });
        match opened {
            Ok(output) => {
                let (rest, is_end, was_over) = (Vec::new(), false, false);
                Ok(Self { child, output, rest, selection, follow, is_end, was_over })
            }
            Err(failure) => {
                end(&mut child);
                Err(failure)
            }
        }
    }

    /// Further lines as they are sent; none at the end.
    pub(super) async fn next(
        &mut self,
        shared: &Arc<Shared>,
        id: &ContainerId,
        form: Form,
    ) -> Result<Option<Bytes>, Failure> {
        while !self.is_end {
            match timeout(GLANCE, self.fill()).await {
                Ok(filled) => filled
                    .map_err(|error| Failure::internal(format!("read the journal: {error}")))?,
                Err(_silent) if !self.follow => continue,
                Err(_silent) if self.was_over => return Ok(None),
                Err(_silent) => {
                    self.selection.caught_up();
                    self.was_over = !runs(shared, id.as_str()).await;
                    continue;
                }
            }
            let lines = self.lines(form);
            if !lines.is_empty() {
                return Ok(Some(lines.into()));
            }
        }
        self.demand_success()?;
        Ok(None)
    }

    /// What is at its end must have been read: journalctl(1) tells by its code, after its output.
    fn demand_success(&mut self) -> Result<(), Failure> {
        let status = self.child.wait();
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => {
                Err(Failure::internal(format!("read the journal: run journalctl: {status}")))
            }
            Err(error) => Err(Failure::internal(format!("read the journal: {error}"))),
        }
    }

    /// Reads what is there.
    async fn fill(&mut self) -> std::io::Result<()> {
        let mut ready = self.output.readable_mut().await?;
        let before = self.rest.len();
        self.rest.resize(before + GATHERED, 0);
        let space = self.rest.get_mut(before..).unwrap_or_default();
        let count = match std::io::Read::read(&mut ready.get_inner_mut().0, space) {
            Ok(count) => {
                self.is_end = count == 0;
                count
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                ready.clear_ready();
                0
            }
            Err(error) => return Err(error),
        };
        self.rest.truncate(before + count);
        Ok(())
    }

    /// Whole lines of what was read.
    fn lines(&mut self, form: Form) -> Vec<u8> {
        let mut out = Vec::new();
        let Some(end) = self.rest.iter().rposition(|byte| *byte == b'\n') else { return out };
        let rest = self.rest.split_off(end + 1);
        for line in std::mem::replace(&mut self.rest, rest).split(|byte| *byte == b'\n') {
            if let Some(entry) = JournalEntry::parse(line)
                && self.selection.wants(entry.time())
            {
                append(&mut out, &entry, form);
            }
        }
        out
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

fn end(child: &mut Child) {
    let _gone = child.kill();
    let _reaped = child.wait();
}
