//! `system doctor`: what this user needs of this machine, and the line that mends what is not there.

use engine::doctor::{Examination, Patient, examine};

use super::list;
use crate::arguments::Matches;
use crate::failure::Failure;
use crate::output;
use crate::program::Session;

/// Something does not work that people expect.
const BROKEN: i32 = 1;

pub(super) fn doctor(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let examination = examine(&patient(session)?);
    match matches.value("format") {
        None | Some("" | "table") => output::write(&shown(&examination))?,
        format => {
            list::print(format, &[], &[examination.document()])?;
        }
    }
    Ok(if examination.is_broken() { BROKEN } else { 0 })
}

/// Opens nothing: what is missing may be what an engine needs.
fn patient(session: &Session) -> Result<Patient, Failure> {
    let program = std::env::current_exe().map_err(Failure::file("find", "the running program"))?;
    Ok(Patient {
        user: rustix::process::getuid().as_raw(),
        root: session.root_if_known(),
        runtime_directory: crate::config::runtime_directory(),
        bus: crate::config::user_bus(),
        program,
    })
}

/// A line for each check, and below it, by itself, the one to copy.
fn shown(examination: &Examination) -> String {
    let longest = examination.checks.iter().map(|check| check.subject.len()).max().unwrap_or(0);
    let mut text = String::new();
    for check in &examination.checks {
        let (word, subject) = (check.verdict.word(), check.subject);
        text.push_str(&format!("{word:<8}{subject:<longest$}  {}\n", check.finding));
        if !check.remedy.is_empty() {
            text.push_str(&format!("        {}\n", check.remedy));
        }
    }
    text
}
