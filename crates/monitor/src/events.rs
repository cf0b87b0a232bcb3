//! What happens to containers and everything else, one line of JSON each, in one file that every command and every monitor of a
//! state directory appends to.
//!
//! The form of a line is that of Docker's `events --format json`. Who appends holds the file's lock (flock(2)): lines come in
//! the order of their times, and none goes into a file that was put away. But nobody waits long for it: an event is a help, and the
//! life of containers does not hang on it.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

mod reader;

pub use reader::Reader;

/// Name of the file in the state directory of all containers.
pub(crate) const FILE: &str = "events.log";
/// Bytes after which a new file is begun; one old one is kept.
const MOST_BYTES: u64 = 4 << 20;
/// Looks at the lock, each of some microseconds.
const MOST_TRIES: u32 = 5000;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// `container`, `image`, `volume`, `network` …
    #[serde(rename = "Type")]
    pub kind: String,
    /// `start`, `die`, `health_status: healthy` …
    #[serde(rename = "Action")]
    pub action: String,
    /// To what.
    #[serde(rename = "Actor")]
    pub actor: Actor,
    /// Always `local`.
    pub scope: String,
    /// Seconds since 1970.
    pub time: i64,
    /// Nanoseconds since 1970.
    #[serde(rename = "timeNano")]
    pub time_ns: i64,
}

/// To what something happened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// Id or name.
    #[serde(rename = "ID")]
    pub id: String,
    /// Name, image, labels, and what belongs to the action.
    #[serde(rename = "Attributes")]
    pub attributes: BTreeMap<String, String>,
}

/// Where the events of a state directory are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Events {
    path: PathBuf,
}

impl Events {
    /// Those of the state directory of all containers.
    #[must_use]
    pub fn below(state: &Path) -> Self {
        Self { path: state.join(FILE) }
    }

    /// Tells what happened just now.
    ///
    /// # Errors
    /// What the disk refuses. Nothing else depends on an event: callers go on.
    pub fn tell(&self, kind: &str, action: &str, actor: Actor) -> io::Result<()> {
        self.tell_all(kind, &[action], actor)
    }

    /// Tells several things that happened to one actor just now, in this order.
    ///
    /// # Errors
    /// As [`Events::tell`].
    pub fn tell_all(&self, kind: &str, actions: &[&str], actor: Actor) -> io::Result<()> {
        let (mut file, is_locked) = self.open()?;
        let time_ns = crate::now_ns();
        let mut event = Event {
            kind: kind.to_owned(),
            action: String::new(),
            actor,
            scope: "local".to_owned(),
            time: time_ns.div_euclid(1_000_000_000),
            time_ns,
        };
        let mut lines = Vec::new();
        for action in actions {
            event.action = (*action).to_owned();
            serde_json::to_writer(&mut lines, &event)?;
            lines.push(b'\n');
        }
        file.write_all(&lines)?;
        if is_locked && file.metadata()?.len() > MOST_BYTES {
            std::fs::rename(&self.path, self.put_away())?;
        }
        Ok(())
    }

    /// Where the one old file is.
    fn put_away(&self) -> PathBuf {
        self.path.with_extension("log.1")
    }

    /// The file that has the name, and whether its lock is held. Without the lock when it cannot be had for some milliseconds:
    /// whoever has it may stand still, and no monitor may stand still with it.
    fn open(&self) -> io::Result<(File, bool)> {
        let open = || OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path);
        for _ in 0..MOST_TRIES {
            let file = open()?;
            match file.try_lock() {
                Ok(()) if self.is_current(&file) => return Ok((file, true)),
                // Put away between the two: the next one has the name.
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => std::thread::yield_now(),
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        // Appending is one write(2), which no other one comes between.
        Ok((open()?, false))
    }

    fn is_current(&self, file: &File) -> bool {
        std::fs::metadata(&self.path)
            .is_ok_and(|named| file.metadata().is_ok_and(|own| own.ino() == named.ino()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_many_writers_are_whole_and_in_order() {
        let directory = tempfile::tempdir().unwrap();
        let events = Events::below(directory.path());
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let events = &events;
                scope.spawn(move || {
                    for number in 0..50 {
                        let actor = Actor {
                            id: format!("{writer}-{number}"),
                            attributes: BTreeMap::from([("x".to_owned(), "y\n\"".repeat(100))]),
                        };
                        events.tell("container", "start", actor).unwrap();
                    }
                });
            }
        });
        let text = std::fs::read_to_string(directory.path().join(FILE)).unwrap();
        let times: Vec<i64> =
            text.lines().map(|line| serde_json::from_str::<Event>(line).unwrap().time_ns).collect();
        assert_eq!(times.len(), 200);
        assert!(times.is_sorted());
    }

    #[test]
    fn who_stands_still_with_the_lock_holds_nobody_up() {
        let directory = tempfile::tempdir().unwrap();
        let events = Events::below(directory.path());
        events.tell("container", "create", Actor::default()).unwrap();
        let file = File::open(directory.path().join(FILE)).unwrap();
        file.lock().unwrap();
        events.tell("container", "start", Actor::default()).unwrap();
        let text = std::fs::read_to_string(directory.path().join(FILE)).unwrap();
        assert_eq!(text.lines().count(), 2);
    }

    #[test]
    fn a_large_file_is_put_away_and_its_lines_are_kept() {
        let directory = tempfile::tempdir().unwrap();
        let events = Events::below(directory.path());
        let actor = || Actor {
            id: "x".to_owned(),
            attributes: BTreeMap::from([("filler".to_owned(), "f".repeat(1 << 20))]),
        };
        for _ in 0..6 {
            events.tell("container", "start", actor()).unwrap();
        }
        let lines = |name: &str| {
            std::fs::read_to_string(directory.path().join(name)).unwrap().lines().count()
        };
        assert_eq!((lines("events.log.1"), lines(FILE)), (4, 2));
    }
}
