//! The family `seccomp`: profiles of system calls.

use std::path::Path;

use libcontainer::seccomp::{Calls, Proposal, propose};

use super::run::warn;
use crate::arguments::Matches;
use crate::failure::Failure;
use crate::output;
use crate::program::Session;
use crate::signals::Held;

/// Starts a container, and proposes a profile once it has ended.
pub(super) fn record(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    // Whatever is wrong with files is found before anything runs.
    let earlier = matches
        .value("base")
        .map(|path| std::fs::read_to_string(path).map_err(Failure::file("read the profile", path)));
    let earlier = earlier.transpose()?;
    let propose = |calls: &Calls| {
        propose(calls, earlier.as_deref()).map_err(|error| {
            let path = matches.value("base").unwrap_or_default();
            Failure::Words(format!("add to the profile {path}: {}", engine::chain(&error)))
        })
    };
    propose(&Calls::default())?;
    let file = matches.value("output").filter(|path| *path != "-");
    file.map_or(Ok(()), check_directory)?;
    let held = Held::endings();
    let engine = session.engine()?;
    let recorded = engine.containers().record_calls(matches.word(0), held.as_fd(), |name| {
        output::talk(&format!("recording {name}: use all of it, then stop it, here by Ctrl-C"));
    });
    held.release();
    let recorded = recorded?;
    warn(&recorded.warnings);
    let proposal = propose(&recorded.calls)?;
    tell(&proposal, earlier.is_some());
    tell_refused(&recorded.calls);
    match file {
        None => output::write(&proposal.text)?,
        #[expect(clippy::disallowed_methods, reason = "a file, or a pipe, of the caller's choice")]
        Some(path) => std::fs::write(path, proposal.text).map_err(Failure::file("write", path))?,
    }
    Ok(0)
}

fn tell(proposal: &Proposal, is_added: bool) {
    let Proposal { calls, added, nameless, .. } = proposal;
    let new = if is_added { format!(", {added} of them new") } else { String::new() };
    output::talk(&format!("{calls} system calls{new}"));
    for (architecture, number) in nameless {
        output::talk(&format!(
            "WARNING: system call {number} of architecture {architecture:#x} has no name here and is not in the profile"
        ));
    }
}

/// What the container asked for in vain, by how it was refused.
fn tell_refused(calls: &Calls) {
    let mut by_errno: Vec<(String, Vec<String>)> = Vec::new();
    for (name, errno) in calls.refused() {
        let errno = errno.to_string();
        match by_errno.iter_mut().find(|(known, _)| *known == errno) {
            Some((_, names)) => names.push(name),
            None => by_errno.push((errno, vec![name])),
        }
    }
    for (errno, mut names) in by_errno {
        names.sort_unstable();
        names.dedup();
        let names = names.join(" ");
        output::talk(&format!("refused by its filter with {errno}, and not proposed: {names}"));
    }
}

/// Prints a profile as a document.
pub(super) fn print(_session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let names = |flag: &str| {
        let names = matches.values(flag).map(engine::parse::capability);
        names.collect::<Result<Vec<String>, _>>()
    };
    let capabilities = (names("cap-add")?, names("cap-drop")?);
    let profile = matches.words.first().map(String::as_str);
    output::write(&engine::seccomp_profile_text(profile, capabilities)?)?;
    Ok(0)
}

/// A recording is not to be lost because of a slip of the pen.
fn check_directory(path: &str) -> Result<(), Failure> {
    let directory = Path::new(path).parent().filter(|parent| !parent.as_os_str().is_empty());
    match directory {
        Some(directory) if !directory.is_dir() => Err(Failure::Words(format!(
            "write {path}: there is no directory {}",
            directory.display()
        ))),
        _ => Ok(()),
    }
}
