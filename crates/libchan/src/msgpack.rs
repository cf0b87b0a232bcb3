//! MessagePack as libchan writes and reads it: by serde, with extension types for what is not data.
//!
//! Whoever reads has looked at the whole message first ([`scan`]): its end, its depth, and which streams it names. What is written
//! takes the shortest form that the original reads into any type: signed numbers never as unsigned ones, floats with 64 bits.
//! Source: the MessagePack specification, "Formats".

pub(crate) mod extension;
mod head;
pub(crate) mod item;
pub(crate) mod read;
pub(crate) mod scan;
pub(crate) mod write;

#[cfg(test)]
mod tests;
