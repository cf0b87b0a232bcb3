//! Where a child is, for whoever finds that it has ended without a word: it stores the place of each step in a page of memory
//! that outlives it. Start at [`Progress`].
//!
//! The page belongs to a file in memory, which its maker keeps. A child that waited at its gate makes a second one, and hands it to
//! whoever starts it. After exec neither page nor file is within reach of the program. Sources: memfd_create(2), mmap(2), "MAP_SHARED".

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use sys::{CloneArgs, Errno, SharedPage};

use crate::process::{Process, has_executed};
use crate::wire::{Place, ProcessStep};

/// A page at least, on every machine.
const LENGTH: u64 = 4096;

/// The page, mapped before the child is made. Nothing but [`Progress::new`] allocates.
#[derive(Debug)]
pub(crate) struct Progress {
    page: SharedPage,
    file: OwnedFd,
}

/// What can be read of it, by the parent and by whoever was handed the file.
#[derive(Debug)]
pub(crate) struct Trace {
    file: OwnedFd,
}

impl Progress {
    pub(crate) fn new() -> Result<Self, Errno> {
        let file = memfd_create(c"progress", MemfdFlags::CLOEXEC)?;
        ftruncate(&file, LENGTH)?;
        let progress = Self { page: SharedPage::of(file.as_fd())?, file };
        // Here, so that the page of a maker is no memory of the container's.
        progress.page.store(Place::Process(ProcessStep::Begin).to_word());
        Ok(progress)
    }

    /// In the child: the next step is this one.
    pub(crate) fn reach(&self, place: Place) {
        self.page.store(place.to_word());
        #[cfg(debug_assertions)]
        crate::faults::strike();
    }

    /// In the child: the next step is one that every process takes.
    pub(crate) fn step(&self, step: ProcessStep) {
        self.reach(Place::Process(step));
    }

    /// In the child: where it is, or a child of its own.
    pub(crate) fn place(&self) -> Place {
        Place::from_word(self.page.load())
    }

    /// For a helper's clone of the process that it is there for.
    pub(crate) fn told_of_clone<'a>(&'a self, args: CloneArgs<'a>) -> CloneArgs<'a> {
        CloneArgs { told: Some(self.page.pid()), ..args }
    }

    pub(crate) fn file(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// In the parent, once the child is there.
    pub(crate) fn into_trace(self) -> Trace {
        Trace { file: self.file }
    }
}

impl Trace {
    pub(crate) const fn received(file: OwnedFd) -> Self {
        Self { file }
    }

    /// Where the child was last.
    pub(crate) fn place(&self) -> Place {
        self.words()
            .map_or(Place::Process(ProcessStep::Begin), |[place, _]| Place::from_word(place))
    }

    /// The process that a helper has made.
    pub(crate) fn made(&self) -> Option<i32> {
        self.words().and_then(|[_, pid]| i32::try_from(pid).ok()).filter(|pid| *pid > 0)
    }

    /// Whether the program of a child has begun whose socket is closed. That one which was killed in the midst of exec had not is
    /// told by the kernel as long as nobody has reaped it.
    pub(crate) fn program_runs(&self, process: &Process) -> bool {
        match self.place() {
            Place::Process(ProcessStep::Serve) => true,
            Place::Process(ProcessStep::Exec) => has_executed(process).unwrap_or(true),
            Place::Process(_)
            | Place::Step(_)
            | Place::Limit(_)
            | Place::Landlock(_)
            | Place::Hook(..) => false,
        }
    }

    fn words(&self) -> Option<[u32; 2]> {
        let mut bytes = [0_u8; 8];
        let length = rustix::io::pread(&self.file, &mut bytes, 0).ok()?;
        let [a, b, c, d, e, f, g, h] = bytes;
        let words = [u32::from_ne_bytes([a, b, c, d]), u32::from_ne_bytes([e, f, g, h])];
        (length == bytes.len()).then_some(words)
    }
}
