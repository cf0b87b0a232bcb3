//! The cache, as a step asks it: found, done by another build at this moment, or missed, with the reason.

use std::fs::{self, File};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use engine::{AddedLayer, BuiltStep, NewStep, now_ns};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FlockOperation, flock};

use crate::cache_image::KeptStep;
use crate::error::StepError;
use crate::event::Event;
use crate::files::Part;
use crate::key::{Inputs, differences};
use crate::stage::{At, Made, StageRun};

/// In the state directory: a file for each step that is being done.
const LOCKS: &str = "build-steps";
/// Looks at the lock of what another step has.
pub(crate) const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// What a step asks for.
pub(crate) struct Question {
    /// What it reads.
    pub(crate) inputs: Inputs,
    /// What the files in it are.
    pub(crate) parts: Vec<Part>,
}

impl StageRun<'_> {
    /// The layer of a step: out of the cache, or made now.
    pub(crate) fn cached_or(
        &mut self,
        at: At<'_>,
        question: Question,
        make: impl FnOnce(&mut Self) -> Result<AddedLayer, StepError>,
    ) -> Result<Made, StepError> {
        let key = question.inputs.key();
        let may_ask = self.may_ask();
        if may_ask && let Some(found) = self.find(&key)? {
            return Ok(self.hit(at, found));
        }
        // Whoever else wants the same waits, and finds it.
        let _lock = self.lock(&key)?;
        if may_ask && let Some(found) = self.find(&key)? {
            return Ok(self.hit(at, found));
        }
        let inputs = question.inputs.to_text(question.parts);
        let place = self.place(at);
        self.explain(at, may_ask, &place, &inputs)?;
        let layer = make(self)?;
        let created = self.shared.now();
        let step = NewStep {
            key: &key,
            diff_id: &layer.diff_id,
            place: &place,
            step: at.text,
            inputs: &inputs,
            created: &created,
            replaces: !may_ask,
        };
        let steps = self.engine.building().steps();
        let kept = steps.remember(self.shared.lease, &step, now_ns())?;
        self.keep(at, &kept);
        Ok(Made { diff_id: kept.diff_id, created: kept.created })
    }

    fn keep(&self, at: At<'_>, step: &BuiltStep) {
        self.shared.has_done(KeptStep {
            key: step.key.clone(),
            diff_id: step.diff_id.clone(),
            place: self.place(at),
            step: at.text.to_owned(),
            inputs: step.inputs.clone(),
            created: step.created.clone(),
        });
    }

    fn find(&self, key: &spec::Digest) -> Result<Option<BuiltStep>, StepError> {
        Ok(self.engine.building().steps().find(self.shared.lease, key, now_ns())?)
    }

    fn hit(&mut self, at: At<'_>, found: BuiltStep) -> Made {
        self.cached += 1;
        self.keep(at, &found);
        self.shared.surroundings.progress.tell(&Event::Cached { step: at.step });
        Made { diff_id: found.diff_id, created: found.created }
    }

    /// Where its like is found: the same words in a stage of the same name, of the same context.
    fn place(&self, at: At<'_>) -> String {
        let shared = self.shared;
        let parts = [shared.identity, &*self.label(), at.text];
        crate::key::digest_of(parts.join("\0").as_bytes()).to_string()
    }

    fn explain(
        &self,
        at: At<'_>,
        may_ask: bool,
        place: &str,
        inputs: &str,
    ) -> Result<(), StepError> {
        let why = if may_ask {
            match self.engine.building().steps().last_at(place)? {
                None => vec!["the step is new".to_owned()],
                Some(before) => match differences(&before.inputs, inputs) {
                    same if same.is_empty() => vec!["its layer is not here any more".to_owned()],
                    different => different,
                },
            }
        } else {
            vec!["the cache is not to be asked".to_owned()]
        };
        self.shared.surroundings.progress.tell(&Event::Missed { step: at.step, why: &why });
        Ok(())
    }

    /// Locks a step: two builds do the same one after the other.
    fn lock(&self, key: &spec::Digest) -> Result<StepLock, StepError> {
        let directory = self.shared.state.join(LOCKS);
        let failed = |cause| StepError::Path { action: "lock", path: directory.clone(), cause };
        fs::create_dir_all(&directory).map_err(failed)?;
        let path = directory.join(key.hex());
        loop {
            let file = File::options().create(true).append(true).open(&path).map_err(failed)?;
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                // Whoever had it may have removed it meanwhile.
                Ok(()) if is_at(&file, &path) => return Ok(StepLock { path, _file: file }),
                Ok(()) => continue,
                Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) => {}
                Err(errno) => return Err(failed(errno.into())),
            }
            self.shared.wait_or_stop(BETWEEN_LOOKS)?;
        }
    }
}

/// Removes locks of builds that were killed.
pub(crate) fn sweep_locks(state: &Path) {
    for entry in fs::read_dir(state.join(LOCKS)).into_iter().flatten().flatten() {
        let Ok(file) = File::open(entry.path()) else { continue };
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
            // Whoever waits for it looks whether it is still there.
            let _gone = fs::remove_file(entry.path());
        }
    }
}

/// A step that is being done. Dropped, its file is gone.
struct StepLock {
    path: PathBuf,
    _file: File,
}

impl Drop for StepLock {
    fn drop(&mut self) {
        // Before the lock is: nobody else has it.
        let _gone = fs::remove_file(&self.path);
    }
}

fn is_at(file: &File, path: &Path) -> bool {
    let own = file.metadata().map(|about| (about.dev(), about.ino()));
    let there = fs::metadata(path).map(|about| (about.dev(), about.ino()));
    matches!((own, there), (Ok(own), Ok(there)) if own == there)
}

/// Waits a moment; true when the build is over.
pub(crate) fn is_told(cancels: [&crate::Cancel; 2], time: Duration) -> bool {
    let [one, other] = cancels;
    let mut polled = [
        PollFd::from_borrowed_fd(one.as_fd(), PollFlags::IN),
        PollFd::from_borrowed_fd(other.as_fd(), PollFlags::IN),
    ];
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    let time = Timespec { tv_sec: seconds, tv_nsec: i64::from(time.subsec_nanos()) };
    poll(&mut polled, Some(&time)).is_ok_and(|ready| ready > 0)
}
