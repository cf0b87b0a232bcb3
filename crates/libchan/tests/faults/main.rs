//! Connections that are cut anywhere, come in pieces, or are slow: what arrives is what was sent, in order and once, and what is not whole
//! never looks so.

#[cfg(test)]
mod conversation;
#[cfg(test)]
mod cuts;
#[cfg(test)]
mod network;
