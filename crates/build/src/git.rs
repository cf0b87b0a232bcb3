//! Files of a git repository: fetched by the machine's git into a private directory, without `.git` unless that is asked for. Start at
//! [`checkout`].
//!
//! Only what is asked for is fetched where the server allows it. Modes are 0755 and 0644, whatever the umask. Sources: git-fetch(1),
//! git-submodule(1); Docker's "Build context", "Git repositories".

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, chmodat, fchmod, openat, statat, unlinkat};
use rustix::io::Errno;

mod address;
mod run;

pub(crate) use address::{GitAddress, is_git};
pub use run::GitSettings;
pub(crate) use run::{Git, GitFailure};

use crate::{Cancel, Refusal};

const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Why there are no files.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GitError {
    /// What git says.
    #[error("fetch {remote}")]
    Git {
        /// The repository, without credentials.
        remote: String,
        /// What it says.
        #[source]
        cause: GitFailure,
    },
    /// Nobody may fetch from there.
    #[error("fetch {remote}")]
    Refused {
        /// The repository, without credentials.
        remote: String,
        /// Why not.
        #[source]
        cause: Refusal,
    },
    /// It is not the commit that it was to be.
    #[error("{remote} has the commit {found}, not {wanted}")]
    Commit {
        /// The repository.
        remote: String,
        /// What it has.
        found: String,
        /// What it was to begin with.
        wanted: String,
    },
    /// The directory in it.
    #[error("open {directory:?} of {remote}")]
    Directory {
        /// The repository.
        remote: String,
        /// The directory.
        directory: String,
        /// Why not: ELOOP for a link.
        #[source]
        cause: sys::Errno,
    },
    /// The private directory.
    #[error("arrange the files of {remote}")]
    Files {
        /// The repository.
        remote: String,
        /// Why not.
        #[source]
        cause: std::io::Error,
    },
}

/// Files of a repository.
#[derive(Debug)]
pub(crate) struct Checkout {
    /// The directory that was meant.
    pub(crate) directory: OwnedFd,
    /// The commit.
    pub(crate) commit: String,
}

/// Fetches a repository into `into`, an empty directory of the caller's.
///
/// # Errors
/// [`GitError`]; what was fetched by then stays, and the caller removes it.
pub(crate) fn checkout(
    address: &GitAddress,
    keep_git_dir: bool,
    settings: &GitSettings,
    into: &Path,
    cancel: &Cancel,
) -> Result<Checkout, GitError> {
    let remote = address.shown();
    let said = |cause| GitError::Git { remote: remote.clone(), cause };
    let git = Git { settings, cancel, directory: into };
    git.run(&["init", "--quiet"]).map_err(said)?;
    git.run(&["remote", "add", "origin", &address.remote]).map_err(said)?;
    let commit = fetch(git, address).map_err(said)?;
    if let Some(wanted) = &address.commit
        && !commit.starts_with(&wanted.to_ascii_lowercase())
    {
        return Err(GitError::Commit { remote, found: commit, wanted: wanted.clone() });
    }
    git.run(&["checkout", "--quiet", "--detach", &commit]).map_err(said)?;
    if address.submodules {
        submodules(git).map_err(said)?;
    }
    let files = |cause| GitError::Files { remote: remote.clone(), cause };
    let root = OwnedFd::from(std::fs::File::open(into).map_err(files)?);
    if keep_git_dir && address.directory.is_empty() {
        forget(git, &remote).map_err(said)?;
    } else {
        let inner = links_of_submodules(git, into).map_err(said)?;
        remove_git(root.as_fd(), &inner).map_err(files)?;
    }
    usual_modes(root.as_fd(), ".", 0).map_err(|errno| files(errno.into()))?;
    let directory = if address.directory.is_empty() { "." } else { &address.directory };
    // A link could lead to files that the repository does not have.
    let directory =
        sys::open_without_links(root.as_fd(), directory, DIRECTORY, Mode::empty()).map_err(
            |cause| GitError::Directory { remote, directory: address.directory.clone(), cause },
        )?;
    Ok(Checkout { directory, commit })
}

/// Brings the reference, alone where the server allows it. Gives the commit.
fn fetch(git: Git<'_>, address: &GitAddress) -> Result<String, GitFailure> {
    let reference = address.reference.as_deref().unwrap_or("HEAD");
    let shallow = git.run(&[
        "fetch",
        "--quiet",
        "--no-tags",
        "--depth=1",
        "--no-recurse-submodules",
        "--",
        "origin",
        reference,
    ]);
    let said = match shallow {
        Err(GitFailure::Said { what, said }) => (what, said),
        Err(failure) => return Err(failure),
        Ok(_) => return commit_of(git, "FETCH_HEAD"),
    };
    // Servers that give no parts, or nothing that has no name.
    let is_commit =
        reference.len() >= 7 && reference.chars().all(|digit| digit.is_ascii_hexdigit());
    let refused = ["shallow", "depth", "not our ref", "unadvertised", "not advertised"];
    if !is_commit && !refused.iter().any(|word| said.1.contains(word)) {
        return Err(GitFailure::Said { what: said.0, said: said.1 });
    }
    if !is_commit {
        let fetch =
            ["fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--", "origin", reference];
        git.run(&fetch)?;
        return commit_of(git, "FETCH_HEAD");
    }
    git.run(&[
        "fetch",
        "--quiet",
        "--no-recurse-submodules",
        "--",
        "origin",
        "+refs/heads/*:refs/remotes/origin/*",
        "+refs/tags/*:refs/tags/*",
    ])?;
    commit_of(git, reference)
}

fn commit_of(git: Git<'_>, reference: &str) -> Result<String, GitFailure> {
    let commit = git.run(&["rev-parse", "--verify", &format!("{reference}^{{commit}}")])?;
    Ok(String::from_utf8_lossy(&commit).trim().to_owned())
}

fn submodules(git: Git<'_>) -> Result<(), GitFailure> {
    let update = ["submodule", "--quiet", "update", "--init", "--recursive"];
    match git.run(&[&update[..], &["--depth=1"]].concat()) {
        // Servers that give no parts.
        Err(GitFailure::Said { .. }) => git.run(&update).map(|_| ()),
        outcome => outcome.map(|_| ()),
    }
}

/// What would make two copies differ, or tell of credentials, in a `.git` that stays.
fn forget(git: Git<'_>, remote: &str) -> Result<(), GitFailure> {
    git.run(&["remote", "set-url", "origin", remote])?;
    git.run(&["reflog", "expire", "--all", "--expire=now"])?;
    let _none = std::fs::remove_file(git.directory.join(".git/FETCH_HEAD"));
    Ok(())
}

/// Paths of submodules, those of submodules too.
fn links_of_submodules(git: Git<'_>, into: &Path) -> Result<Vec<Vec<u8>>, GitFailure> {
    let mut found = Vec::new();
    let mut waiting = vec![Vec::new()];
    while let Some(below) = waiting.pop() {
        let directory = into.join(crate::files::path_of(&below));
        if !directory.join(".git").exists() {
            continue;
        }
        let listed = Git { directory: &directory, ..git }.run(&["ls-files", "--stage", "-z"])?;
        for line in listed.split(|byte| *byte == 0).filter(|line| line.starts_with(b"160000 ")) {
            let Some(tab) = line.iter().position(|byte| *byte == b'\t') else { continue };
            let path = [&below[..], &line[tab + 1..]].concat();
            found.push(path.clone());
            waiting.push([&path[..], b"/"].concat());
        }
    }
    Ok(found)
}

fn remove_git(root: BorrowedFd<'_>, submodules: &[Vec<u8>]) -> std::io::Result<()> {
    for path in submodules {
        let Ok(directory) = sys::open_without_links(root, &path[..], DIRECTORY, Mode::empty())
        else {
            continue;
        };
        match unlinkat(&directory, ".git", AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT | Errno::ISDIR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    store::unpack::remove_tree(root, ".git").map_err(std::io::Error::other)
}

/// Files as 0644 or 0755, directories as 0755: git knows no others, and what it makes is as the umask has it.
fn usual_modes(parent: BorrowedFd<'_>, name: &str, depth: usize) -> Result<(), Errno> {
    /// Directories below each other; each holds a descriptor.
    const DEEPEST: usize = 256;
    if depth == DEEPEST {
        return Err(Errno::NAMETOOLONG);
    }
    let directory = openat(parent, name, DIRECTORY, Mode::empty())?;
    modes_in(directory.as_fd(), depth)?;
    fchmod(&directory, Mode::from_raw_mode(0o755))
}

fn modes_in(directory: BorrowedFd<'_>, depth: usize) -> Result<(), Errno> {
    let listed = openat(directory, ".", DIRECTORY, Mode::empty())?;
    for name in crate::files::sorted_names(&listed)? {
        let stat = statat(directory, &name[..], AtFlags::SYMLINK_NOFOLLOW)?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => {
                let next = openat(directory, &name[..], DIRECTORY, Mode::empty())?;
                usual_modes(next.as_fd(), ".", depth + 1)?;
            }
            FileType::RegularFile => {
                let mode = if stat.st_mode & 0o100 == 0 { 0o644 } else { 0o755 };
                // Nobody else has this directory: it is still the file that was looked at.
                chmodat(directory, &name[..], Mode::from_raw_mode(mode), AtFlags::empty())?;
            }
            FileType::Symlink
            | FileType::Fifo
            | FileType::Socket
            | FileType::CharacterDevice
            | FileType::BlockDevice
            | FileType::Unknown => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
