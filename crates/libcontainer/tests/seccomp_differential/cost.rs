//! What the default filter costs a system call, beside libseccomp's optimised filter of the same profile.

use std::path::Path;
use std::process::Command;

use libcontainer::capability;
use libcontainer::seccomp::{Instruction, compile, default_profile};

use crate::oracle;

const CALLS: [&str; 3] =
    ["getppid", "writev, the last of the list", "personality, by its argument"];
const ROUNDS: usize = 7;

#[test]
#[ignore = "a measurement, not a test: `just bench filter`"]
fn cost_of_a_system_call() {
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("calls");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/seccomp_differential/calls.c");
    let built = Command::new("cc").args(["-O2", "-o"]).arg(&program).arg(source).status();
    assert!(built.unwrap().success());

    let profile = default_profile(&capability::DEFAULT);
    let ours = compile(&profile).unwrap();
    let answer = oracle::ask(&oracle::commands(&profile, 2));
    let theirs = oracle::filter(&answer[0], false, &profile).unwrap();
    let filters = [
        ("no filter", None),
        ("ours", Some(write(directory.path(), "ours", &ours.instructions))),
        ("libseccomp, optimised", Some(write(directory.path(), "theirs", &theirs))),
    ];
    let mut least = [[f64::MAX; CALLS.len()]; 3];
    for _ in 0..ROUNDS {
        for (least, (_, filter)) in least.iter_mut().zip(&filters) {
            let output = Command::new(&program).args(filter).output().unwrap();
            assert!(output.status.success(), "{output:?}");
            let text = String::from_utf8(output.stdout).unwrap();
            for (least, line) in least.iter_mut().zip(text.lines()) {
                *least = least.min(line.parse().unwrap());
            }
        }
    }
    println!("\nnanoseconds of a system call, the least of {ROUNDS} processes");
    println!("{:<26} {:>12} {:>30} {:>30}", "", CALLS[0], CALLS[1], CALLS[2]);
    for ((name, _), [a, b, c]) in filters.iter().zip(least) {
        println!("{name:<26} {a:>12.1} {b:>30.1} {c:>30.1}");
    }
}

fn write(directory: &Path, name: &str, instructions: &[Instruction]) -> std::path::PathBuf {
    let bytes: Vec<u8> = instructions.iter().flat_map(Instruction::bytes).collect();
    let path = directory.join(name);
    #[expect(clippy::disallowed_methods, reason = "a test's own file needs no atomic write")]
    std::fs::write(&path, bytes).unwrap();
    path
}
