//! Development commands. `cargo xtask tidy` holds the repository against the house's rules (it is also a
//! test); `cargo xtask generate` writes manual pages and completions; `cargo xtask bench` measures what SPECIFICATION.md promises.
#![forbid(unsafe_code)]
#![expect(clippy::print_stderr, reason = "a development command talks to its developer")]

mod bench;
mod generate;
mod layers;
mod tidy;

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match args.first().map(String::as_str) {
        Some("tidy") => tidy::check().and_then(|()| generate::check()),
        Some("generate") => generate::run(),
        Some("bench") => bench::run(&args[1..]),
        _ => Err(anyhow::anyhow!("usage: cargo xtask tidy | generate | bench [SECTION…]")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
