//! What the caller says of the place where files are read: nothing here is looked up.

use std::collections::BTreeMap;

/// Where files are read.
#[derive(Clone, Copy)]
pub struct Machine<'a> {
    /// The environment, which overrides variables.
    pub environment: &'a BTreeMap<String, String>,
    /// What Compose files find in its place: the environment, and what a file `.env` says beside it.
    pub compose_environment: &'a BTreeMap<String, String>,
    /// `BAKE_CMD_CONTEXT`: the context that the command line names, `cwd://` where it names none.
    pub command_context: &'a str,
    /// `BAKE_LOCAL_PLATFORM`: such as `linux/amd64`.
    pub local_platform: &'a str,
    /// Seconds since 1970, UTC.
    pub now: i64,
    /// The user's home directory.
    pub home: &'a str,
    /// Sixteen random bytes.
    pub random: &'a dyn Fn() -> [u8; 16],
    /// Whether a context is an address, from which it is fetched.
    pub is_address: &'a dyn Fn(&str) -> bool,
}

impl std::fmt::Debug for Machine<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Machine").field("now", &self.now).finish_non_exhaustive()
    }
}
