//! Documents of requests for whoever fuzzes them: read, and made into what the engine is asked for.

use crate::bodies::{self, container, host, network};
use crate::version::ApiVersion;

/// Reads a document of some kind, as clients of a version write it.
///
/// # Errors
/// Why it is refused.
pub fn document(kind: u8, bytes: &[u8], version: ApiVersion) -> Result<(), String> {
    match kind % 3 {
        0 => {
            let body: container::Create = bodies::read(bytes).map_err(|bad| bad.message)?;
            let made = body.request(None, version);
            made.map(|_request| ()).map_err(|error| engine::chain(&error))
        }
        1 => {
            let body: network::Create = bodies::read(bytes).map_err(|bad| bad.message)?;
            let made = body.request(version);
            made.map(|_request| ()).map_err(|error| engine::chain(&error))
        }
        _ => {
            let body: host::Resources = bodies::read(bytes).map_err(|bad| bad.message)?;
            body.changes().map(|_limits| ()).map_err(|error| engine::chain(&error))
        }
    }
}
