//! Writes the default filter for Docker's default capabilities to standard output, for `src/seccomp/default_x86_64.bpf`.

use std::io::Write;

use libcontainer::{capability, seccomp};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let program = seccomp::compile(&seccomp::default_profile(&capability::DEFAULT))?;
    let mut output = std::io::stdout().lock();
    for instruction in program.instructions {
        output.write_all(&instruction.code.to_be_bytes())?;
        output.write_all(&[instruction.jt, instruction.jf])?;
        output.write_all(&instruction.k.to_be_bytes())?;
    }
    Ok(())
}
