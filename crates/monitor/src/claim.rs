//! A monitor's claim that its container runs and that nobody has paused it: the lock (flock(2)) on the `state.json` it wrote.
//!
//! Who finds that lock taken knows all there is to know from one file. Who does not has to look further, which tells the truth in
//! every case: a monitor that was killed claims nothing any more, one that could not lock has only made looking slower, and so has
//! one of a release that did not claim. Start at [`Claim::make`] for the monitor, at [`is_claimed`] for everybody else.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

use crate::files::{STATE, StateFile};

/// Whether what is written down may be claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claims {
    Yes,
    No,
}

/// Given up when it is dropped.
#[derive(Debug)]
pub(crate) struct Claim {
    file: File,
    claims: Claims,
}

impl Claim {
    /// Writes the state down, and locks it before anybody can see it.
    pub(crate) fn make(state: &StateFile, state_dir: &Path, claims: Claims) -> io::Result<Self> {
        let file = crate::files::write_unseen(state_dir, STATE, &serde_json::to_vec(state)?)?;
        let mut claim = Self { file, claims: Claims::No };
        if claims == Claims::Yes {
            claim.renew();
        }
        crate::files::show(state_dir, STATE)?;
        Ok(claim)
    }

    /// Writes down that memory ran out.
    pub(crate) fn mark_oom_killed(&mut self, state_dir: &Path) -> io::Result<()> {
        let Some(state) = crate::files::read::<StateFile>(&state_dir.join(STATE))? else {
            return Ok(());
        };
        *self = Self::make(&StateFile { oom_killed: true, ..state }, state_dir, self.claims)?;
        Ok(())
    }

    /// Claims it again. Without waiting: whoever looks at this moment holds a lock of his own, and may hold it for ever.
    pub(crate) fn renew(&mut self) {
        if self.file.try_lock().is_ok() {
            self.claims = Claims::Yes;
        }
    }

    /// From now on everybody looks further. Closing would not do: a process that is being made has a copy of the descriptor.
    pub(crate) fn withdraw(&mut self) {
        self.claims = Claims::No;
        let _unlocked = self.file.unlock();
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.withdraw();
    }
}

/// Whether a living monitor claims the file.
pub(crate) fn is_claimed(file: &File) -> io::Result<bool> {
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(claims: Claims) -> (tempfile::TempDir, Claim) {
        let directory = tempfile::tempdir().unwrap();
        let state = StateFile::new(1, "s".to_owned()).unwrap();
        let claim = Claim::make(&state, directory.path(), claims).unwrap();
        (directory, claim)
    }

    fn is_claimed_in(directory: &Path) -> bool {
        is_claimed(&File::open(directory.join(STATE)).unwrap()).unwrap()
    }

    #[test]
    fn a_claim_ends_with_its_copies() {
        let (directory, mut claim) = made(Claims::Yes);
        let path = directory.path();
        assert!(is_claimed_in(path));
        claim.withdraw();
        assert!(!is_claimed_in(path));
        claim.renew();
        assert!(is_claimed_in(path));
        // As a process has it that is being made.
        let _copy = claim.file.try_clone().unwrap();
        drop(claim);
        assert!(!is_claimed_in(path));
    }

    #[test]
    fn what_is_not_claimed_is_not_claimed_by_writing_it_anew() {
        let (directory, mut claim) = made(Claims::Yes);
        let path = directory.path();
        claim.mark_oom_killed(path).unwrap();
        assert!(is_claimed_in(path));
        claim.withdraw();
        claim.mark_oom_killed(path).unwrap();
        assert!(!is_claimed_in(path));
    }

    #[test]
    fn whoever_looks_for_ever_delays_no_claim() {
        let (directory, mut claim) = made(Claims::No);
        let path = directory.path();
        let looker = File::open(path.join(STATE)).unwrap();
        assert!(!is_claimed(&looker).unwrap());
        claim.renew();
        assert!(!is_claimed_in(path));
        drop(looker);
        claim.renew();
        assert!(is_claimed_in(path));
    }
}
