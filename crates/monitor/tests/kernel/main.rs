//! The monitor on the real kernel. This program is both ends: as `corten monitor …` it is the monitor, as `corten removes …`
//! the command that removes a container, and else it runs the tests, of which it speaks the runner's language by itself.
//!
//! The tests need root, and leave nothing.
#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking, and its runner reads from stdout"
)]

mod bed;
mod clients;
mod limits;
mod logs;
mod memory;
mod sessions;
mod starts;
mod streams;
mod terminals;
mod truth;

use std::process::ExitCode;

type Test = (&'static str, fn());

const MODULES: [&[Test]; 9] = [
    clients::TESTS,
    limits::TESTS,
    logs::TESTS,
    memory::TESTS,
    sessions::TESTS,
    starts::TESTS,
    streams::TESTS,
    terminals::TESTS,
    truth::TESTS,
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some("monitor") => ExitCode::from(u8::try_from(monitor::main()).unwrap_or(u8::MAX)),
        Some("removes") => {
            std::fs::remove_dir_all(arguments.get(2).unwrap()).unwrap();
            ExitCode::SUCCESS
        }
        _ => run_tests(&arguments),
    }
}

fn run_tests(arguments: &[String]) -> ExitCode {
    let says = |word: &str| arguments.iter().any(|argument| argument == word);
    let tests = MODULES.into_iter().flatten();
    if says("--list") {
        // Nothing is ignored, so the list of what is has no line.
        for (name, _) in tests.filter(|_| !says("--ignored")) {
            println!("{name}: test");
        }
        return ExitCode::SUCCESS;
    }
    let filter = arguments.iter().skip(1).find(|argument| !argument.starts_with("--"));
    for (name, test) in tests {
        let wanted = filter.is_none_or(|filter| {
            if says("--exact") { filter == name } else { name.contains(filter.as_str()) }
        });
        if wanted {
            test();
            println!("{name}: ok");
        }
    }
    ExitCode::SUCCESS
}
