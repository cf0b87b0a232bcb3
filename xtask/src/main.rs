//! Development commands. `cargo xtask tidy` holds the repository against the house's rules; it is also a test.
#![forbid(unsafe_code)]
#![expect(clippy::print_stderr, reason = "a development command talks to its developer")]

mod layers;
mod tidy;

use std::process::ExitCode;

fn main() -> ExitCode {
    let command = std::env::args().nth(1).unwrap_or_default();
    let outcome = match command.as_str() {
        "tidy" => tidy::check(),
        _ => Err(anyhow::anyhow!("usage: cargo xtask tidy")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
