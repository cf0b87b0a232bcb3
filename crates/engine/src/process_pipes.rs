//! Pipes for the streams of a further process: its own ends, and those of who started it.

use std::os::fd::OwnedFd;

use sys::Errno;

/// Both ends of a further process's streams.
#[derive(Debug)]
pub struct ProcessPipes {
    /// Its standard input, output and error output; who keeps them never sees the others' end.
    pub theirs: [OwnedFd; 3],
    /// Where its input is written to, if it gets any.
    pub stdin: Option<OwnedFd>,
    /// Where its output is read from.
    pub stdout: OwnedFd,
    /// Where its error output is read from.
    pub stderr: OwnedFd,
}

impl ProcessPipes {
    /// Makes them, with the label of the container's streams ([`crate::Containers::label_of_streams`]). Without input it reads from /dev/null.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn new(input: bool, label: Option<&str>) -> Result<Self, Errno> {
        let pipes = libcontainer::Pipes::labelled(label)?;
        let (stdin_theirs, stdin) = if input {
            let (read, write) = pipes.pipe()?;
            (read, Some(write))
        } else {
            (
                rustix::fs::open(
                    c"/dev/null",
                    rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::CLOEXEC,
                    rustix::fs::Mode::empty(),
                )?,
                None,
            )
        };
        let (stdout, stdout_theirs) = pipes.pipe()?;
        let (stderr, stderr_theirs) = pipes.pipe()?;
        Ok(Self { theirs: [stdin_theirs, stdout_theirs, stderr_theirs], stdin, stdout, stderr })
    }
}
