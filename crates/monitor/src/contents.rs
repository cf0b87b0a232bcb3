//! What a container is given and no file of a disk holds: contents of files, and of variables, which are put into the hand-off each
//! time that it was read and never into its file. They are kept for all runs of the container.

use std::os::fd::{AsFd, OwnedFd};

use libcontainer::read_content;
use sys::{Errno, Resident};

use crate::handoff::HandOff;
use crate::start::Refused;

/// A sealed file of no file system, see [`libcontainer::seal_contents`].
pub(crate) struct Contents {
    file: OwnedFd,
    /// Nothing where the caller may lock no memory: then it may be written to swap.
    _resident: Option<Resident>,
}

impl Contents {
    pub(crate) fn new(file: OwnedFd) -> Self {
        let length = rustix::fs::fstat(&file).map_or(0, |about| about.st_size);
        let length = usize::try_from(length).unwrap_or(0);
        let resident = Resident::of(file.as_fd(), length).ok();
        Self { file, _resident: resident }
    }

    pub(crate) fn file(&self) -> &OwnedFd {
        &self.file
    }
}

/// Gives the variables to the container's first process, and to those that check its health.
pub(crate) fn add_variables(
    handoff: &mut HandOff,
    contents: Option<&Contents>,
) -> Result<(), Refused> {
    let mut environments = vec![&mut handoff.plan.process.env];
    environments.extend(handoff.health.as_mut().map(|rules| &mut rules.probe.env));
    for (name, number) in &handoff.variables {
        let value = contents
            .ok_or(Errno::from_raw(libc::EBADF))
            .and_then(|contents| read_content(contents.file.as_fd(), *number))
            .and_then(|bytes| {
                String::from_utf8(bytes).map_err(|_no_text| Errno::from_raw(libc::EILSEQ))
            })
            .map_err(|errno| Refused::engine(&format!("read the variable {name}"), errno))?;
        for environment in &mut environments {
            // Of two with one name a program finds the first: environ(7).
            environment.retain(|known| known.split('=').next() != Some(name));
            environment.push(format!("{name}={value}"));
        }
    }
    Ok(())
}
