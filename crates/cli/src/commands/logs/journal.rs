//! The log of a container whose lines went to systemd's journal: journalctl(1) reads it.

use std::io::{BufRead, BufReader};

use engine::log::Selection;
use engine::{Container, Engine, JournalEntry, journal_command};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{Printer, is_past, over_at, runs};
use crate::failure::Failure;

pub(super) fn read(
    engine: &Engine,
    container: &Container,
    (selection, follow): (Selection, bool),
    out: &mut Printer,
) -> Result<i32, Failure> {
    let id = &container.record.id;
    let follow = follow && runs(engine, id.as_str());
    let failed = |cause| Failure::Words(format!("read the journal: run journalctl: {cause}"));
    let mut child = journal_command(id, selection.tail, follow).spawn().map_err(failed)?;
    let Some(stdout) = child.stdout.take() else { return Ok(1) };
    let lines = BufReader::new(stdout);
    let printed = print(engine, id.as_str(), lines, (selection, follow), out);
    if follow || printed.is_err() {
        let _ended = child.kill();
    }
    let status = child.wait().map_err(failed)?;
    printed?;
    if follow || status.success() {
        Ok(0)
    } else {
        Err(failed(std::io::Error::other(status.to_string())))
    }
}

fn print(
    engine: &Engine,
    id: &str,
    mut lines: BufReader<std::process::ChildStdout>,
    (selection, follow): (Selection, bool),
    out: &mut Printer,
) -> Result<(), Failure> {
    let mut selection = selection;
    let over_at = over_at(selection.until.as_deref());
    let second = Timespec { tv_sec: 1, tv_nsec: 0 };
    let mut line = Vec::new();
    let mut was_over = false;
    loop {
        if follow && lines.buffer().is_empty() {
            out.flush()?;
            let mut polled = [PollFd::new(lines.get_ref(), PollFlags::IN)];
            // The journal tells no end of a container. What it still holds when that was seen comes within a second.
            if poll(&mut polled, Some(&second)).is_ok_and(|ready| ready == 0) {
                if was_over {
                    return Ok(());
                }
                selection.caught_up();
                was_over = !runs(engine, id) || is_past(over_at);
                continue;
            }
        }
        line.clear();
        let count =
            lines.read_until(b'\n', &mut line).map_err(Failure::file("read", "the journal"))?;
        if count == 0 {
            return out.flush();
        }
        if let Some(entry) = JournalEntry::parse(&line)
            && selection.wants(entry.time())
        {
            out.begin(entry.is_error(), entry.time(), || entry.attributes().into_iter().collect())?;
            entry.append_text(&mut out.gathered);
        }
    }
}
