//! What a container is given beside its plan: streams, a network, a gate, contents of files. Start at [`Surroundings`].

use std::fmt;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use sys::Errno;

use crate::create::Stdio;
use crate::error::StartError;
use crate::spare::SpareNetwork;

/// What a container is given beside its plan.
#[derive(Debug)]
pub struct Surroundings<'a> {
    /// Its streams.
    pub(crate) stdio: Stdio<'a>,
    /// A network namespace that was made ahead, for a plan that makes one.
    pub(crate) spare: Option<SpareNetwork>,
    /// A listening socket at which it waits for its start once its maker has left, see [`Created::leave`].
    pub(crate) gate: Option<BorrowedFd<'a>>,
    /// Contents of the files that its plan gives it, see [`crate::seal_contents`].
    pub(crate) contents: Option<BorrowedFd<'a>>,
    /// A file system of what is shown to it, see [`crate::Plan::show`].
    pub(crate) shown: Option<BorrowedFd<'a>>,
    /// What is done once a container with a user namespace has its network namespace.
    pub(crate) arrival: Option<Arrival<'a>>,
}

impl<'a> Surroundings<'a> {
    /// Streams alone.
    #[must_use]
    pub fn new(stdio: Stdio<'a>) -> Self {
        Self { stdio, spare: None, gate: None, contents: None, shown: None, arrival: None }
    }

    pub(crate) fn with_gate(self, gate: Option<&'a OwnedFd>) -> Self {
        Self { gate: gate.map(AsFd::as_fd), ..self }
    }

    /// With contents of files.
    #[must_use]
    pub fn with_contents(self, contents: Option<BorrowedFd<'a>>) -> Self {
        Self { contents, ..self }
    }

    /// With a file system, mounted nowhere, whose files are shown; somebody has to answer what is asked of it meanwhile.
    #[must_use]
    pub fn with_shown(self, shown: Option<BorrowedFd<'a>>) -> Self {
        Self { shown, ..self }
    }

    /// With a network namespace that was made ahead.
    #[must_use]
    pub fn with_spare(self, spare: Option<SpareNetwork>) -> Self {
        Self { spare, ..self }
    }

    /// With something that is done once the container has the network namespace that it makes, which is handed over, while the
    /// container is at its mounts; a container that makes both a user namespace and a network namespace takes no spare one. Where
    /// it gives false, the container is not made.
    #[must_use]
    pub fn with_arrival(self, arrive: &'a mut dyn FnMut(SpareNetwork) -> bool) -> Self {
        Self { arrival: Some(Arrival(arrive)), ..self }
    }
}

/// What is done once a container has its network namespace.
pub(crate) struct Arrival<'a>(&'a mut dyn FnMut(SpareNetwork) -> bool);

impl fmt::Debug for Arrival<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Arrival").finish_non_exhaustive()
    }
}

impl Arrival<'_> {
    /// Hands the network namespace of a process over.
    pub(crate) fn tell(self, pid: i32) -> Result<(), StartError> {
        let failed = || StartError::parent("attach the container to its networks");
        let network = SpareNetwork::of(pid).map_err(failed())?;
        if (self.0)(network) { Ok(()) } else { Err(failed()(Errno::from_raw(libc::ECANCELED))) }
    }
}
