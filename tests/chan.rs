//! `corten chan`: real programs that speak libchan with each other, over real sockets.
#![cfg(test)]
