//! What fuzz/ reaches beyond the public items: readers of foreign bytes, and the way from a plan to what the child takes.
//! Exists with `--cfg fuzzing` only, as cargo-fuzz sets it: no release holds this module. Touches no container.

use crate::container::rewrite_record;
use crate::error::StartError;
use crate::plan::{Plan, ProcessPlan, Step};
use crate::prepared::{Prepared, PreparedProcess};
use crate::scheduling::Processors;

pub use crate::cgroup::fuzzing::{annotation, bus_message};
pub use crate::checkpoint::fuzzing::answer;

/// Makes a plan ready for the child, all but what needs privileges: no mount is cloned and no namespace is made.
///
/// # Errors
/// What the child could not be given.
pub fn prepare(mut plan: Plan) -> Result<(), StartError> {
    for step in &mut plan.steps {
        if let Step::Bind { keep_peers, id_map, .. } = step {
            (*keep_peers, *id_map) = (false, None);
        }
    }
    Prepared::new(&plan).map(drop)
}

/// The same for a process that joins.
///
/// # Errors
/// What it could not be given.
pub fn prepare_process(process: &ProcessPlan) -> Result<(), StartError> {
    PreparedProcess::new(process, Processors::Every).map(drop)
}

/// Reads the record of a container and writes it again; nothing for what is no record.
#[must_use]
pub fn record(text: &[u8]) -> Option<Vec<u8>> {
    rewrite_record(text)
}
