//! The Docker Engine API as bytes on its sockets: what is sent is what a test wrote.

#![cfg(test)]

mod archive;
mod builds;
mod containers;
mod contract;
mod faults;
mod images;
mod networks;
mod serve;
mod streams;
mod system;
mod systemd;
mod traces;
mod volumes;
