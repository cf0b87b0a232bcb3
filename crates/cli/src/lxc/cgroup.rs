//! `cgroup`: files of a container's control groups, by the kernel's names.

use super::call::Call;
use crate::failure::Failure;
use crate::output;

pub(super) fn cgroup(call: &Call) -> Result<i32, Failure> {
    let Some(file) = call.words.first() else {
        return Err(Failure::Words("no file of a control group is named".to_owned()));
    };
    let engine = call.session.engine()?;
    let container = call.running(&engine)?;
    let containers = engine.containers();
    match call.words.get(1) {
        Some(value) => containers.write_group_file(&container, file, value)?,
        None => {
            let bytes = containers.read_group_file(&container, file)?;
            output::line(&String::from_utf8_lossy(&bytes));
        }
    }
    Ok(0)
}
