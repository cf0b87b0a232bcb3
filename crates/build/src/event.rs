//! What a build tells while it runs. Faces show it: lines, bars, JSON, Docker's streams.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use spec::{ContainerId, Digest};

use crate::kept::FailedStep;

/// Hears of a build. Stages run beside each other, so it is called from several threads, each step's events in their order.
pub trait Progress: Sync {
    /// Something happened.
    fn tell(&self, event: &Event<'_>);

    /// A step failed, and what it left may be looked at until this returns. Asked once at most, and only with
    /// [`crate::BuildRequest::keep_failed`].
    fn failed(&self, _failed: &FailedStep<'_>) {}
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event<'a> {
    /// What the file's checks found. Told once, before anything else.
    Warnings(&'a [Warning]),
    /// The steps that will be asked for, by their numbers: all of the stages that are needed, in the order of the file.
    Steps(&'a [Step]),
    /// One begins.
    Started {
        /// Its number.
        step: usize,
    },
    /// It runs in a container, which is removed afterwards.
    Running {
        /// Its number.
        step: usize,
        /// The container.
        container: &'a ContainerId,
    },
    /// It was in the cache.
    Cached {
        /// Its number.
        step: usize,
    },
    /// It was not, and why: one line for each input that is another one.
    Missed {
        /// Its number.
        step: usize,
        /// What changed.
        why: &'a [String],
    },
    /// What it writes.
    Output {
        /// Its number.
        step: usize,
        /// Whether on its standard error.
        is_error: bool,
        /// As it comes: not always whole lines.
        bytes: &'a [u8],
    },
    /// How far something is that it waits for.
    Transfer {
        /// Its number.
        step: usize,
        /// What: a layer, a URL.
        what: &'a str,
        /// Bytes so far.
        bytes: u64,
        /// Of so many, where that is known.
        of: Option<u64>,
    },
    /// It is done. Where it has made a layer, its digest.
    Done {
        /// Its number.
        step: usize,
        /// The layer.
        layer: Option<&'a Digest>,
        /// How long it took.
        took: Duration,
    },
    /// It failed.
    Failed {
        /// Its number.
        step: usize,
        /// Why.
        why: &'a str,
    },
    /// It was stopped because another one failed, or the build was cancelled.
    Cancelled {
        /// Its number.
        step: usize,
    },
    /// The image is there under its names.
    Image {
        /// Its id.
        id: &'a Digest,
        /// The names.
        names: &'a [String],
    },
}

/// A step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What kind it is.
    pub kind: StepKind,
    /// The stage's name, or its number; empty for what belongs to none.
    pub stage: String,
    /// Its place among the steps of its stage that are shown, from 1, and how many there are.
    pub place: (usize, usize),
    /// Its line in the file, from 1; 0 for what has none.
    pub line: usize,
    /// The instruction as it stands there, on one line.
    pub text: String,
}

/// What kind a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StepKind {
    /// Reading the context and the Dockerfile.
    Load,
    /// `FROM`.
    Base,
    /// `RUN`.
    Run,
    /// `COPY` or `ADD`.
    Transfer,
    /// `WORKDIR`, which may make a directory.
    Directory,
    /// An instruction that says how the image runs, and makes no layer.
    Setting,
    /// Making the image, or another output.
    Output,
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// The rule's name.
    pub rule: String,
    /// Its line in the file, from 1.
    pub line: usize,
    /// What it says.
    pub message: String,
    /// The place in the file, with its line, as [`dockerfile::render`] shows it.
    pub shown: String,
}
