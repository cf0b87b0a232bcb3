//! A program in readable form, for `--explain`. Source: linux/filter.h, linux/seccomp.h.

use std::fmt::Write;

use super::action::describe;
use super::assembler::{
    AND, JUMP, JUMP_ANY_BIT, JUMP_EQUAL, JUMP_GREATER, JUMP_GREATER_OR_EQUAL, LOAD, RETURN,
};
use super::{Architecture, Instruction};

/// One line for each instruction; jump targets are line numbers.
pub(super) fn disassemble(program: &[Instruction]) -> String {
    let mut text = String::new();
    for (line, instruction) in program.iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{line:4}: {}", describe_instruction(line, *instruction));
    }
    text
}

fn describe_instruction(line: usize, Instruction { code, jt, jf, k }: Instruction) -> String {
    let test = match code {
        LOAD => return format!("load {}", field(k)),
        AND => return format!("and {k:#x}"),
        RETURN => return describe(k),
        JUMP => return format!("go to {}", line + 1 + k as usize),
        JUMP_EQUAL => "==",
        JUMP_GREATER => ">",
        JUMP_GREATER_OR_EQUAL => ">=",
        JUMP_ANY_BIT => "&",
        _ => return format!("instruction {code:#x} {jt} {jf} {k:#x}"),
    };
    let target = |skipped: u8| line + 1 + usize::from(skipped);
    let value = Architecture::all()
        .find(|architecture| architecture.audit() == k)
        .map_or_else(|| format!("{k:#x}"), Architecture::name);
    format!("if {test} {value} go to {} else {}", target(jt), target(jf))
}

/// A word of `seccomp_data`.
fn field(offset: u32) -> String {
    match offset {
        0 => "number".to_owned(),
        4 => "architecture".to_owned(),
        8 => "instruction pointer, first word".to_owned(),
        12 => "instruction pointer, second word".to_owned(),
        // The order of an argument's words is its architecture's; on most machines the lower one comes first.
        _ => format!("argument {} at byte {}", offset.saturating_sub(16) / 8, offset % 8),
    }
}
