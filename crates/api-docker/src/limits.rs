//! What clients may take of a server: sizes, times, and how many. docs/serve.md tells people of each, with its reason.
//!
//! A client that is slow costs what it was given and no more; those that are not are answered meanwhile.

use std::time::Duration;

/// Bytes of a request's line and headers at most.
pub(crate) const HEAD: usize = 64 * 1024;
/// How long a client may take for them, for the next ones where it stays, and for greeting over TLS.
pub(crate) const HEAD_PATIENCE: Duration = Duration::from_secs(30);
/// Bytes of a document that a request may have.
pub(crate) const DOCUMENT: usize = 8 * 1024 * 1024;
/// How long a client may take for it. An archive may take as long as it likes: what makes it may need hours.
pub(crate) const DOCUMENT_PATIENCE: Duration = Duration::from_secs(30);
/// Bytes that are taken from a client which has its answer already and still writes, and for how long.
pub(crate) const LINGERED: usize = 64 * 1024 * 1024;
pub(crate) const LINGERING: Duration = Duration::from_secs(5);
/// Requests whose work is done or waited for at once; further ones wait for their turn.
pub(crate) const THREADS: usize = 512;
/// Those of them whose clients, or registries, say how fast it goes: archives both ways, pulls, pushes. And those that wait for ends of containers, as
/// long as a client says. The other threads are for whoever asks meanwhile.
pub(crate) const PACED: usize = 256;
pub(crate) const ENDING: usize = 128;
/// Connections that may be open where descriptors are very few.
const LEAST_CONNECTIONS: usize = 64;
/// Nobody is looked for on a TCP connection that says nothing before that, and how often then. Who is gone without a word is noticed by it.
pub(crate) const PROBED_AFTER: Duration = Duration::from_secs(30);
pub(crate) const PROBES: u32 = 4;

/// How many connections may be open where that many descriptors may be: what they ask for wants some, too.
pub(crate) fn connections(descriptors: Option<u64>) -> usize {
    let descriptors = descriptors.and_then(|count| usize::try_from(count).ok());
    // As many as the semaphore counts.
    let most = tokio::sync::Semaphore::MAX_PERMITS;
    descriptors.map_or(most, |count| (count / 4 * 3).clamp(LEAST_CONNECTIONS, most))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_descriptors_are_for_connections() {
        assert_eq!(connections(Some(1024)), 768);
        assert_eq!(connections(Some(10)), 64);
        assert_eq!(connections(None), tokio::sync::Semaphore::MAX_PERMITS);
        assert_eq!(connections(Some(u64::MAX)), tokio::sync::Semaphore::MAX_PERMITS);
    }
}
