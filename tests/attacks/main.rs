//! The suite of attacks: small programs in C (`programs/`) that try, as root in a container, to do what a container must not. Each is tried in
//! a default container, one with a user namespace, a hardened one and a user's own, and beside Corten in those of Debian's Podman and Docker.
//! What comes of each is a table in docs/security.md, which every test here is held against; and each is tried once more where the wall in
//! front of it is taken out, so that it is known to see one that is missing.
//!
//! - `just attacks` prints the table with every errno.
//! - `CORTEN_ATTACKS_DOCUMENT=write` writes what was found into docs/security.md. What escapes from Corten fails all the same.

#![cfg(test)]

mod attack;
mod engine;
mod escapes;
mod falling;
mod finding;
mod ground;
mod leaks;
mod mode;
mod table;

use mode::{MODES, Mode};

/// What an environment variable of the test says.
fn asked(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "a test's own switches, not the program's")]
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn hold(mode: Mode) {
    let found = mode.attempt();
    if found.is_empty() {
        eprintln!("skipped: this program has no mode {}", mode.name());
        return;
    }
    let wrong = table::hold(mode, &found);
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn a_default_container_holds() {
    hold(Mode::Default);
}

#[test]
fn who_answers_calls_holds() {
    hold(Mode::Emulated);
}

#[test]
fn a_user_namespace_holds() {
    hold(Mode::UserNamespace);
}

#[test]
fn a_hardened_container_holds() {
    hold(Mode::Hardened);
}

#[test]
fn a_users_own_container_holds() {
    hold(Mode::Rootless);
}

#[test]
fn podman_beside_it() {
    hold(Mode::Podman);
}

#[test]
fn docker_beside_it() {
    hold(Mode::Docker);
}

#[test]
fn attacks_are_documented() {
    let wrong = table::hold_words();
    assert!(wrong.is_empty(), "{wrong}");
}

/// Not a test, but `just attacks`.
#[test]
#[ignore = "prints the table"]
fn print_the_table() {
    let all: Vec<_> = MODES.iter().map(|mode| (*mode, mode.attempt())).collect();
    eprintln!("{}", table::print(&all));
}
