//! The family `selinux`: the module of policy for machines whose own policy knows no containers.

use crate::arguments::Matches;
use crate::failure::Failure;
use crate::output;
use crate::program::Session;

pub(super) fn load(session: &Session, _matches: &Matches) -> Result<i32, Failure> {
    session.engine()?.selinux_module().load()?;
    Ok(0)
}

pub(super) fn unload(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    session.engine()?.selinux_module().unload(matches.on("force"))?;
    Ok(0)
}

pub(super) fn print(session: &Session, _matches: &Matches) -> Result<i32, Failure> {
    output::write(session.engine()?.selinux_module().text())?;
    Ok(0)
}
