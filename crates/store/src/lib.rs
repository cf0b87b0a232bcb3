//! What is on disk: blobs, layers, images, container records.
#![forbid(unsafe_code)]

pub mod compression;
pub mod tar;
pub mod unpack;
