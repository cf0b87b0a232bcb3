//! Layers from archives into their directories: each in one pass, several at once, whole or not at all.

use std::fs;
use std::io::Read;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Mutex;

use spec::Digest;

use crate::scratch::Scratch;
use crate::unpack::{Rules, unpack_stream};
use crate::{Paths, StoreError};

/// A layer to unpack.
pub(super) struct Job<R> {
    /// How errors call it.
    pub(super) what: String,
    /// The archive, compressed or not.
    pub(super) reader: R,
    /// What its plain archive must hash to; nothing where nobody has said.
    pub(super) diff_id: Option<Digest>,
    /// What the archive as it is must hash to.
    pub(super) blob: Option<Digest>,
    /// How to unpack it.
    pub(super) rules: Rules,
}

/// Unpacks the jobs' layers below `scratch` and moves each to its place; gives diff id and unpacked size of each, in order.
pub(super) fn unpack_all<R: Read + Send>(
    paths: &Paths,
    scratch: &Scratch,
    jobs: Vec<Job<R>>,
) -> Result<Vec<(Digest, u64)>, StoreError> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(jobs.len());
    let mut outcomes: Vec<Option<Result<(Digest, u64), StoreError>>> =
        jobs.iter().map(|_| None).collect();
    let queue = Mutex::new(jobs.into_iter().zip(outcomes.iter_mut()).enumerate());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    // A thread that panicked leaves a queue that is still whole.
                    let next =
                        queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner).next();
                    let Some((number, (job, outcome))) = next else { return };
                    *outcome = Some(unpack(scratch, number, job));
                }
            });
        }
    });
    let layers: Vec<(Digest, u64)> = outcomes.into_iter().flatten().collect::<Result<_, _>>()?;
    // Once for all of them, before the first becomes visible.
    rustix::fs::syncfs(scratch.descriptor()).map_err(StoreError::file("flush", scratch.path()))?;
    for (number, (diff_id, _)) in layers.iter().enumerate() {
        publish(paths, &directory(scratch, number), diff_id)?;
    }
    Ok(layers)
}

fn directory(scratch: &Scratch, number: usize) -> std::path::PathBuf {
    scratch.path().join(format!("layer-{number}"))
}

fn unpack<R: Read + Send>(
    scratch: &Scratch,
    number: usize,
    job: Job<R>,
) -> Result<(Digest, u64), StoreError> {
    let path = directory(scratch, number);
    fs::create_dir(&path).map_err(StoreError::file("make", &path))?;
    let into = fs::File::open(&path).map_err(StoreError::file("open", &path))?;
    // The directory is the root of whatever has this layer; umask(2) must not decide its mode.
    rustix::fs::fchmod(&into, rustix::fs::Mode::from_raw_mode(0o755))
        .map_err(StoreError::file("make", &path))?;
    let streamed = unpack_stream(job.reader, into.as_fd(), &job.rules).map_err(|cause| {
        StoreError::Unpack { what: format!("unpack {}", job.what), cause: Box::new(cause) }
    })?;
    for (name, wanted, found) in [
        ("digest", &job.blob, &streamed.stored.digest),
        ("diff id", &job.diff_id, &streamed.archive.digest),
    ] {
        if let Some(wanted) = wanted.as_ref().filter(|wanted| *wanted != found) {
            return Err(StoreError::Archive(format!(
                "{} has the {name} {found}, not {wanted}",
                job.what
            )));
        }
    }
    Ok((streamed.archive.digest, streamed.unpacked.bytes))
}

/// Moves a layer to its place. When another command was faster, its layer is the same.
fn publish(paths: &Paths, from: &Path, diff_id: &Digest) -> Result<(), StoreError> {
    let to = paths.layer(diff_id);
    match fs::rename(from, &to) {
        Err(error)
            if matches!(
                error.kind(),
                std::io::ErrorKind::DirectoryNotEmpty | std::io::ErrorKind::AlreadyExists
            ) =>
        {
            Ok(())
        }
        done => done.map_err(StoreError::file("make", to)),
    }
}
