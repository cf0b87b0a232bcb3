//! Clients that others wrote, as they are installed: the docker command line beside a real dockerd, compose, and libraries of several languages.
//!
//! `scripts/prepare check` installs them; one that is missing is a failure.

#![cfg(test)]

mod base;
mod compose;
mod libraries;
mod rust;
mod session;
