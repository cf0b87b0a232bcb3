//! `corten --host`: the everyday commands at a server that is reached by its socket, by TCP with certificates of both sides, by ssh, and
//! at a real dockerd; contexts; and what is told when something is not as it should be.

#![cfg(test)]

mod base;
mod contexts;
mod errors;
mod everyday;
mod files;
mod foreground;
mod objects;
mod registry;
mod ways;
