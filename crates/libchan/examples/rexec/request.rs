//! What client and server say to each other, with the original's names.

use libchan::{ByteReader, ByteWriter, Sender};
use serde::{Deserialize, Serialize};

/// A command that is to run.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Request {
    #[serde(rename = "Cmd")]
    pub(crate) command: String,
    /// Nothing where there is none, as the original's clients write it.
    pub(crate) args: Option<Vec<String>>,
    pub(crate) stdin: ByteReader,
    pub(crate) stdout: ByteWriter,
    pub(crate) stderr: ByteWriter,
    pub(crate) status_chan: Sender<Answer>,
}

/// How it ended.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Answer {
    /// Its exit status; 10 where it did not start.
    pub(crate) status: i32,
}
