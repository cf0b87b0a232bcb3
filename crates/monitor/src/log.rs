//! The container's log: Docker's json-file lines, in a bounded number of bounded files.
//!
//! `container.log` is written to; when it is full it becomes `container.log.1`, and so on until the last one is dropped.
//! The [`Writer`] belongs to the monitor, the [`Reader`] to whoever runs `logs`.

mod reader;
mod writer;

pub use reader::{Entry, ReadError, Reader, Selection};
pub(crate) use writer::Writer;

/// Name of the file that is written to.
const FILE: &str = "container.log";
