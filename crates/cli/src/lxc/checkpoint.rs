//! `checkpoint`: a container's processes on the disk, by CRIU.

use super::call::Call;
use crate::failure::Failure;

pub(super) fn checkpoint(call: &Call) -> Result<i32, Failure> {
    let _about = &call.name;
    Err(Failure::Words("checkpoints are made by `corten container checkpoint`".to_owned()))
}
