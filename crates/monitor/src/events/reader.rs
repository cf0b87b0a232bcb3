//! Reading what happened, over the file that was put away, and on as the file grows.
//!
//! Start at [`Reader::open`]; a reader never holds the lock of those who write.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};

use super::{Event, Events};

/// Looks at two names before the files behind them are taken to stand still; writers put a file away every few megabytes.
const MOST_LOOKS: u32 = 1000;

/// A position in the events of a state directory.
#[derive(Debug)]
pub struct Reader {
    events: Events,
    current: Option<BufReader<File>>,
    /// The file after the current one, where it is open already.
    next: Option<File>,
    line: Vec<u8>,
    watch: OwnedFd,
}

/// Device and inode.
type Identity = (u64, u64);

impl Reader {
    /// Begins with the oldest event that is kept, or with the next one that happens.
    ///
    /// # Errors
    /// When a file exists and cannot be read, or the directory cannot be watched.
    pub fn open(events: Events, from_the_oldest: bool) -> io::Result<Self> {
        let watch = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let directory = events.path.parent().unwrap_or(&events.path);
        let changes = WatchFlags::MODIFY | WatchFlags::CREATE | WatchFlags::MOVED_FROM;
        // Before the first look: what happens after it is told.
        inotify::add_watch(&watch, directory, changes)?;
        let (old, new) = events.open_both()?;
        let mut reader = Self { events, current: None, next: None, line: Vec::new(), watch };
        if from_the_oldest {
            reader.current = old.map(BufReader::new);
            reader.next = new;
        } else {
            // Without a file of that name the next event makes one, and what was put away is old.
            let mut newest = new.or(old);
            if let Some(file) = &mut newest {
                file.seek(SeekFrom::End(0))?;
            }
            reader.current = newest.map(BufReader::new);
        }
        Ok(reader)
    }

    /// The next event; nothing at the end of what there is now.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn next_event(&mut self) -> io::Result<Option<Event>> {
        while self.read_line()? {
            // What nobody wrote, for instance half a line of a full disk, is passed over.
            let event = serde_json::from_slice(&self.line).ok();
            self.line.clear();
            if event.is_some() {
                return Ok(event);
            }
        }
        Ok(None)
    }

    fn read_line(&mut self) -> io::Result<bool> {
        loop {
            if let Some(current) = &mut self.current {
                current.read_until(b'\n', &mut self.line)?;
                if self.line.last() == Some(&b'\n') {
                    return Ok(true);
                }
            }
            if self.next.is_none() {
                self.next = self.newer()?;
                if self.next.is_none() {
                    return Ok(false);
                }
                // The current file may have grown before it was put away: it is read to its end once more.
                continue;
            }
            // Half a line at the end of a finished file stays half.
            self.line.clear();
            self.current = self.next.take().map(BufReader::new);
        }
    }

    /// The file after the current one.
    fn newer(&self) -> io::Result<Option<File>> {
        let (old, new) = self.events.open_both()?;
        let Some(own) = self.current.as_ref().and_then(|file| identity(file.get_ref())) else {
            // There was none when this reader began.
            return Ok(old.or(new));
        };
        Ok(match (old, new) {
            (_, Some(new)) if identity(&new) == Some(own) => None,
            // One was put away after the current one, and is read before the newest.
            (Some(old), _) if identity(&old) != Some(own) => Some(old),
            (_, new) => new,
        })
    }

    /// Waits until something changed, at most so long.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn wait(&self, most: Option<Duration>) -> io::Result<()> {
        let timeout = most.map(|most| Timespec {
            tv_sec: i64::try_from(most.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: most.subsec_nanos().into(),
        });
        let mut polled = [PollFd::new(&self.watch, PollFlags::IN)];
        match poll(&mut polled, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        let mut space = [0_u8; 4096];
        while rustix::io::read(&self.watch, &mut space[..]).is_ok_and(|count| count > 0) {}
        Ok(())
    }
}

impl AsFd for Reader {
    /// Readable when something changed; [`Reader::wait`] takes that away.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.watch.as_fd()
    }
}

impl Events {
    /// The file that was put away, and the one that has the name, as they were at one moment.
    fn open_both(&self) -> io::Result<(Option<File>, Option<File>)> {
        for _ in 0..MOST_LOOKS {
            let new = open(&self.path)?;
            let old = open(&self.put_away())?;
            let again = open(&self.path)?;
            let [first, second] = [&new, &again].map(|file| file.as_ref().and_then(identity));
            if first == second && (first.is_none() || old.as_ref().and_then(identity) != first) {
                return Ok((old, new));
            }
        }
        Err(io::Error::from(io::ErrorKind::ResourceBusy))
    }
}

fn open(path: &std::path::Path) -> io::Result<Option<File>> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn identity(file: &File) -> Option<Identity> {
    file.metadata().ok().map(|about| (about.dev(), about.ino()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::Actor;
    use super::*;

    fn told(events: &Events, number: usize, filler: usize) {
        let attributes = BTreeMap::from([("filler".to_owned(), "f".repeat(filler))]);
        events.tell("container", "start", Actor { id: number.to_string(), attributes }).unwrap();
    }

    fn ids(reader: &mut Reader) -> Vec<String> {
        std::iter::from_fn(|| reader.next_event().unwrap()).map(|event| event.actor.id).collect()
    }

    #[test]
    fn reads_over_files_that_were_put_away() {
        let directory = tempfile::tempdir().unwrap();
        let events = Events::below(directory.path());
        let mut early = Reader::open(events.clone(), false).unwrap();
        for number in 0..6 {
            told(&events, number, 1 << 20);
        }
        let mut late = Reader::open(events.clone(), true).unwrap();
        let mut following = Reader::open(events.clone(), false).unwrap();
        assert_eq!(ids(&mut early), ["0", "1", "2", "3", "4", "5"]);
        assert_eq!(ids(&mut late), ["0", "1", "2", "3", "4", "5"]);
        assert_eq!(ids(&mut following), Vec::<String>::new());
        for number in 6..10 {
            told(&events, number, 1 << 20);
        }
        for reader in [&mut early, &mut late, &mut following] {
            assert_eq!(ids(reader), ["6", "7", "8", "9"]);
        }
    }

    #[test]
    fn waiting_ends_with_the_next_event() {
        let directory = tempfile::tempdir().unwrap();
        let events = Events::below(directory.path());
        let mut reader = Reader::open(events.clone(), false).unwrap();
        let teller = std::thread::spawn(move || told(&events, 1, 1));
        let mut seen = Vec::new();
        while seen.is_empty() {
            reader.wait(None).unwrap();
            seen = ids(&mut reader);
        }
        assert_eq!(seen, ["1"]);
        teller.join().unwrap();
    }
}
