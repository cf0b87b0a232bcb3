//! Writes a compiled profile of our own, as `src/seccomp/default_profile.rs` and `hardened_profile.rs` include it: the default one, or with
//! the word `hardened` that one.

use std::io::Write;

use libcontainer::capability;
use libcontainer::seccomp::{compile, default_profile, hardened_profile};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let none: [&str; 0] = [];
    let profile = match std::env::args().nth(1).as_deref() {
        Some("hardened") => hardened_profile(&none),
        _ => default_profile(&capability::DEFAULT),
    };
    let mut output = std::io::stdout().lock();
    for instruction in compile(&profile)?.instructions {
        output.write_all(&instruction.code.to_be_bytes())?;
        output.write_all(&[instruction.jt, instruction.jf])?;
        output.write_all(&instruction.k.to_be_bytes())?;
    }
    Ok(())
}
