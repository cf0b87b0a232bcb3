//! Why a container is not attached by plugins, in words.

use std::io;
use std::path::PathBuf;

/// An attachment, or its end, that failed.
#[derive(Debug, thiserror::Error)]
pub enum CniError {
    /// Configuration that cannot be read.
    #[error("read {}", path.display())]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// Why not.
        #[source]
        cause: io::Error,
    },
    /// No list has the name.
    #[error("network cni:{name}: no file in {} has a list of that name", directory.display())]
    NotFound {
        /// The name.
        name: String,
        /// Where lists are.
        directory: PathBuf,
    },
    /// A list that is not as it should be.
    #[error("CNI configuration {path}: {why}")]
    Config {
        /// The file.
        path: String,
        /// What is wrong.
        why: String,
    },
    /// The program of a plugin is not there.
    #[error("CNI plugin {plugin}: no such program in {directories}")]
    NoProgram {
        /// Its name.
        plugin: String,
        /// Where it was looked for.
        directories: String,
    },
    /// The program cannot be run.
    #[error("run CNI plugin {plugin}")]
    Run {
        /// Its name.
        plugin: String,
        /// Why not.
        #[source]
        cause: io::Error,
    },
    /// The plugin was killed: it had not ended in time.
    #[error("CNI plugin {plugin}: it did not end within {seconds} s")]
    TimedOut {
        /// Its name.
        plugin: String,
        /// Its time.
        seconds: u64,
    },
    /// The plugin says that it failed.
    #[error("CNI plugin {plugin}: {words} (code {code})")]
    Refused {
        /// Its name.
        plugin: String,
        /// What it says.
        words: String,
        /// The number that it gives.
        code: i64,
    },
    /// The plugin failed and did not say why in the form that it should.
    #[error("CNI plugin {plugin}: {how}{said}")]
    Ended {
        /// Its name.
        plugin: String,
        /// `exit status 1`.
        how: String,
        /// The end of what it printed, behind a colon.
        said: String,
    },
    /// The plugin said what nobody understands.
    #[error("CNI plugin {plugin}: its answer cannot be read: {why}")]
    Answer {
        /// Its name.
        plugin: String,
        /// What is wrong.
        why: String,
    },
    /// The plugins gave something else.
    #[error("network {network}: its plugins did not give the wanted {wanted}")]
    Unmet {
        /// Its name.
        network: String,
        /// What was wanted.
        wanted: String,
    },
    /// The record of what was attached.
    #[error("{action} {}", path.display())]
    Record {
        /// `write`, `read`, `remove`.
        action: &'static str,
        /// Its file.
        path: PathBuf,
        /// Why not.
        #[source]
        cause: io::Error,
    },
}
