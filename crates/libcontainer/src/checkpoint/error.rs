//! Why a container could not be dumped or restored, with CRIU's own words.

use std::path::PathBuf;

use sys::Errno;

/// A checkpoint that was not made, or one that no container came of.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// CRIU is not where it was said to be.
    #[error("run {}", program.display())]
    Run {
        /// The program.
        program: PathBuf,
        /// The kernel's answer.
        #[source]
        errno: Errno,
    },
    /// A system call on the way.
    #[error("{action}")]
    System {
        /// What was tried, with its object.
        action: String,
        /// The kernel's answer.
        #[source]
        errno: Errno,
    },
    /// It ended, or hung up, before it had answered.
    #[error("criu ended without an answer{}", quoted(log, ""))]
    Ended {
        /// What its log says last, see [`LogTail`].
        log: Option<LogTail>,
    },
    /// It said something that is not in its protocol.
    #[error("criu gave an answer that is none")]
    Malformed,
    /// A release that lacks what is needed.
    #[error("criu {found} is too old, {needed} is needed")]
    TooOld {
        /// What there is.
        found: super::CriuVersion,
        /// What there must be.
        needed: super::CriuVersion,
    },
    /// The kernel, or CRIU, lacks something that an option asks for.
    #[error("criu or the kernel lacks {feature}")]
    Lacks {
        /// As `criu check --feature` calls it.
        feature: &'static str,
    },
    /// CRIU refused.
    #[error("criu could not {verb}{}{}", reason(message, *errno), quoted(log, message))]
    Refused {
        /// What it was asked for.
        verb: &'static str,
        /// Its errno, 0 where it has none.
        errno: i32,
        /// Its message, often empty.
        message: String,
        /// What its log says.
        log: Option<LogTail>,
    },
    /// A directory or file of the checkpoint.
    #[error("{}", path.display())]
    Image {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        cause: std::io::Error,
    },
    /// The images of an earlier dump are told by a path from the new ones, so that both can be moved together.
    #[error("parent {} is not relative to the images", path.display())]
    AbsoluteParent {
        /// The path.
        path: PathBuf,
    },
    /// A namespace that the container shares is not one that CRIU can enter.
    #[error("a {kind} namespace joined by path cannot be restored")]
    Namespace {
        /// Its kind.
        kind: spec::runtime::NamespaceKind,
    },
    /// The control groups.
    #[error("cgroup")]
    Cgroup(#[source] crate::cgroup::CgroupError),
    /// The root cannot be mounted as it is planned.
    #[error("plan the root")]
    Root(#[source] Box<crate::StartError>),
    /// The first process is this program's, whose file has no path that CRIU could open.
    #[error("its first process is the init of --init")]
    Init,
    /// Nobody would answer the calls that its filter asks for.
    #[error("its system call filter has a listener, which CRIU cannot restore")]
    Listener,
    /// CRIU does not see it, and would bring the processes back without it.
    #[error("it is under rules of Landlock, which CRIU cannot restore")]
    Landlock,
    /// A mount that CRIU cannot make again as it was.
    #[error("mount {}: {why}", target.display())]
    Mount {
        /// Inside the container.
        target: PathBuf,
        /// What it has that CRIU does not know.
        why: &'static str,
    },
    /// A mount point could not be made again.
    #[error("make the mount point {}", target.display())]
    MountPoint {
        /// Inside the container.
        target: PathBuf,
        /// The kernel's answer.
        #[source]
        errno: Errno,
    },
    /// The caller, who was told of a moment, could not do what belongs there.
    #[error("{moment}")]
    Caller {
        /// CRIU's name for the moment.
        moment: String,
        /// What went wrong.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl CheckpointError {
    pub(super) fn system(action: impl Into<String>) -> impl FnOnce(Errno) -> Self {
        |errno| Self::System { action: action.into(), errno }
    }
}

/// The errors in CRIU's log, with the lines before each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogTail {
    /// The whole log.
    pub path: PathBuf,
    /// Numbered lines, at most [`LogTail::MOST_LINES`]; the last error is last.
    pub lines: Vec<String>,
}

impl LogTail {
    /// So many lines are kept.
    pub const MOST_LINES: usize = 40;
    /// So many lines are shown before each error.
    const BEFORE: usize = 5;

    /// Reads a log; nothing where there is none.
    pub(super) fn read(path: PathBuf) -> Option<Self> {
        let text = String::from_utf8_lossy(&std::fs::read(&path).ok()?).into_owned();
        let all: Vec<&str> = text.lines().collect();
        let mut wanted = vec![false; all.len()];
        for (number, _) in all.iter().enumerate().filter(|(_, line)| line.contains("Error")) {
            wanted[number.saturating_sub(Self::BEFORE)..=number].fill(true);
        }
        let chosen = all.iter().enumerate().filter(|(number, _)| wanted[*number]);
        let mut lines: Vec<String> =
            chosen.map(|(number, line)| format!("{}: {line}", number + 1)).collect();
        lines.drain(..lines.len().saturating_sub(Self::MOST_LINES));
        Some(Self { path, lines })
    }

    /// The first error: those after it are often its consequences.
    fn first_error(&self) -> Option<&str> {
        let line = self.lines.iter().find(|line| line.contains("Error"))?;
        line.find("Error").map(|at| line[at..].trim_end())
    }
}

/// CRIU's message is a line of its log.
fn reason(message: &str, errno: i32) -> String {
    match (message.trim_end(), errno) {
        ("", 0) => String::new(),
        ("", errno) => format!(": {}", Errno::from_raw(errno)),
        (message, _) => format!(": {message}"),
    }
}

fn quoted(log: &Option<LogTail>, told: &str) -> String {
    let Some(log) = log else { return String::new() };
    let error = log.first_error().filter(|error| *error != told.trim_end());
    let error = error.map(|error| format!(": {error}")).unwrap_or_default();
    format!("{error} (see {})", log.path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_quotes_the_log() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("dump.log");
        let mut text: String = (1..=20).map(|number| format!("(00.0{number}) line\n")).collect();
        text.push_str("(00.21) Error (criu/mount.c:1): no such mount\n(00.22) Error (criu/cr-dump.c:2): Dumping FAILED.\n");
        std::io::Write::write_all(&mut std::fs::File::create(&path).unwrap(), text.as_bytes())
            .unwrap();
        let log = LogTail::read(path.clone()).unwrap();
        assert_eq!(log.lines.len(), 7);
        assert_eq!(log.lines[0], "16: (00.016) line");
        let expected = format!(
            "criu could not dump: Error (criu/mount.c:1): no such mount (see {})",
            path.display()
        );
        // Said once, also where CRIU answers with the line of its log.
        for message in ["", "Error (criu/mount.c:1): no such mount\n"] {
            let (message, log) = (message.to_owned(), Some(log.clone()));
            let refused = CheckpointError::Refused { verb: "dump", errno: 0, message, log };
            assert_eq!(refused.to_string(), expected);
        }
        let plain = CheckpointError::Refused {
            verb: "restore",
            errno: 22,
            message: String::new(),
            log: None,
        };
        assert_eq!(plain.to_string(), "criu could not restore: EINVAL");
    }
}
