//! What `--help` says of every command: inline snapshots, so that a change of a text is seen by who reviews it.
#![cfg(test)]

mod chan;
mod confinement;
mod containers;
mod contexts;
mod images;
mod program;
mod run;
mod seccomp;
mod secrets;
mod systems;
mod volumes;

use testkit::Corten;

/// Every way to ask says the same.
#[track_caller]
fn help(command: &str) -> String {
    let corten = Corten::new(env!("CARGO_BIN_EXE_corten"));
    let words: Vec<&str> = command.split(' ').filter(|word| !word.is_empty()).collect();
    let text = corten.ok(&[&words[..], &["--help"]].concat());
    assert_eq!(corten.ok(&[&["help"], &words[..]].concat()), text);
    assert_eq!(corten.ok(&[&["--help"], &words[..]].concat()), text);
    text
}
