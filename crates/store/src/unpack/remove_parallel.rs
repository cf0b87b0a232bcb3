//! Removes a directory tree on several threads: unlinking waits for the disk (where it is told at once which blocks are free, for
//! each file by itself) or for one processor, and both have more than one hand.
//!
//! A directory is taken from the queue, its files are unlinked, its subdirectories put into the queue; whoever removes the last
//! of those removes it too. Links are never followed; what is deeper than a few levels is left to [`super::remove`].

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir};
use rustix::io::Errno;

use super::parents::DIRECTORY;
use super::remove::{RemoveError, remove_directory, remove_tree};

/// More than processors: most of the time they wait.
const THREADS: usize = 4;
/// So many entries are removed by one thread.
const FEW: usize = 256;
/// Directories below each other that are open at the same time, in each thread.
const DEEPEST: usize = 24;

/// Removes `name` in `parent` with everything below it, as [`super::remove_tree`] does.
///
/// # Errors
/// [`RemoveError`] with the kernel's first reason; what was removed by then is gone.
pub(crate) fn remove_tree_in_parallel(
    parent: BorrowedFd<'_>,
    name: &str,
) -> Result<(), RemoveError> {
    let flags = DIRECTORY | OFlags::NOFOLLOW;
    let Ok(top) = rustix::fs::openat(parent, name, flags, Mode::empty()) else {
        return remove_tree(parent, name);
    };
    let top = Arc::new(Level {
        directory: top,
        name: Vec::new(),
        above: None,
        depth: 0,
        pending: AtomicUsize::new(1),
    });
    let queue = Queue::default();
    empty(&top, &queue);
    queue.finish(top);
    std::thread::scope(|scope| {
        let mut alone = true;
        while work_once(&queue) {
            // A tree of a few files is gone before another thread would have begun.
            if alone && queue.removed.load(Ordering::Relaxed) >= FEW {
                alone = false;
                for _ in 1..THREADS {
                    scope.spawn(|| while work_once(&queue) {});
                }
            }
        }
    });
    let outcome = match queue.lock().failed {
        Some(errno) => Err(errno),
        None => match rustix::fs::unlinkat(parent, name, AtFlags::REMOVEDIR) {
            // Another command put something into it meanwhile, or has removed it.
            Err(Errno::NOTEMPTY) => return remove_tree(parent, name),
            Err(Errno::NOENT) => Ok(()),
            other => other,
        },
    };
    outcome.map_err(|errno| RemoveError { name: name.to_owned(), errno: errno.into() })
}

/// A directory that is being emptied.
struct Level {
    directory: OwnedFd,
    name: Vec<u8>,
    above: Option<Arc<Level>>,
    depth: usize,
    /// Its subdirectories that are not gone yet, and one for whoever lists it.
    pending: AtomicUsize,
}

/// A subdirectory that nobody has opened yet.
struct Waiting {
    above: Arc<Level>,
    name: Vec<u8>,
}

#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    /// Entries that are gone, about.
    removed: AtomicUsize,
}

#[derive(Default)]
struct State {
    waiting: Vec<Waiting>,
    /// Threads that may put more into the queue.
    busy: usize,
    failed: Option<Errno>,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        // No code panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fail(&self, errno: Errno) {
        let mut state = self.lock();
        state.failed.get_or_insert(errno);
        // Nothing more is begun.
        state.waiting.clear();
        drop(state);
        self.changed.notify_all();
    }

    /// The next directory; nothing when there will be none any more.
    fn next(&self) -> Option<Waiting> {
        let mut state = self.lock();
        loop {
            // The last one that came: its parent is open, and few are at the same time.
            if let Some(waiting) = state.waiting.pop() {
                state.busy += 1;
                return Some(waiting);
            }
            if state.busy == 0 {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn add(&self, waiting: Waiting) {
        let mut state = self.lock();
        if state.failed.is_none() {
            state.waiting.push(waiting);
            drop(state);
            self.changed.notify_one();
        }
    }

    fn done(&self) {
        let mut state = self.lock();
        state.busy -= 1;
        let last = state.busy == 0 && state.waiting.is_empty();
        drop(state);
        if last {
            self.changed.notify_all();
        }
    }

    /// Counts one of a directory's parts as gone; with the last one goes the directory, and so on upwards.
    fn finish(&self, level: Arc<Level>) {
        let mut level = level;
        while level.pending.fetch_sub(1, Ordering::AcqRel) == 1 {
            // The top is its caller's to remove.
            let Some(above) = level.above.clone() else { return };
            let removed =
                match rustix::fs::unlinkat(&above.directory, &level.name[..], AtFlags::REMOVEDIR) {
                    // Another command put something into it meanwhile.
                    Err(Errno::NOTEMPTY) => remove_directory(above.directory.as_fd(), &level.name),
                    Err(Errno::NOENT) => Ok(()),
                    other => other,
                };
            if let Err(errno) = removed {
                return self.fail(errno);
            }
            level = above;
        }
    }
}

/// Whether there was a directory to empty.
fn work_once(queue: &Queue) -> bool {
    let Some(Waiting { above, name }) = queue.next() else { return false };
    open_and_empty(&above, name, queue);
    queue.done();
    true
}

fn open_and_empty(above: &Arc<Level>, name: Vec<u8>, queue: &Queue) {
    if above.depth == DEEPEST {
        return match remove_directory(above.directory.as_fd(), &name) {
            Ok(()) => queue.finish(Arc::clone(above)),
            Err(errno) => queue.fail(errno),
        };
    }
    let flags = DIRECTORY | OFlags::NOFOLLOW;
    match rustix::fs::openat(&above.directory, &name[..], flags, Mode::empty()) {
        Ok(directory) => {
            let level = Arc::new(Level {
                directory,
                name,
                depth: above.depth + 1,
                above: Some(Arc::clone(above)),
                pending: AtomicUsize::new(1),
            });
            empty(&level, queue);
            queue.finish(level);
        }
        Err(Errno::NOENT) => queue.finish(Arc::clone(above)),
        Err(errno) => queue.fail(errno),
    }
}

/// Unlinks what is no directory, and puts what is one into the queue.
fn empty(level: &Arc<Level>, queue: &Queue) {
    let mut buffer = Vec::with_capacity(32 * 1024);
    let mut listing = RawDir::new(&level.directory, buffer.spare_capacity_mut());
    while let Some(entry) = listing.next() {
        let entry = match entry {
            // The directory itself is gone. getdents(2).
            Err(Errno::NOENT) => return,
            Err(errno) => return queue.fail(errno),
            Ok(entry) => entry,
        };
        let name = entry.file_name().to_bytes();
        if matches!(name, b"." | b"..") {
            continue;
        }
        // Without a type in the listing, as some file systems do, unlinking tells.
        let is_directory = entry.file_type() == FileType::Directory
            || match rustix::fs::unlinkat(&level.directory, name, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => {
                    queue.removed.fetch_add(1, Ordering::Relaxed);
                    false
                }
                Err(Errno::ISDIR) => true,
                Err(errno) => return queue.fail(errno),
            };
        if is_directory {
            level.pending.fetch_add(1, Ordering::AcqRel);
            queue.add(Waiting { above: Arc::clone(level), name: name.to_vec() });
        }
    }
}
