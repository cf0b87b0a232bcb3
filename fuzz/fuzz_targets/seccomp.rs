//! Arbitrary seccomp profiles: what compiles is a program that the kernel takes (every jump goes forward and lands inside, every
//! way ends) and that decides as the profile's own words say, for the calls that these name and their neighbours.
#![no_main]

use std::sync::LazyLock;

use libcontainer::seccomp::{Architecture, Instruction, NewerCalls, compile_for};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use spec::runtime::Seccomp;

#[path = "../../crates/libcontainer/tests/seccomp_differential/interpreter.rs"]
mod interpreter;
mod places;

static WHOLE: LazyLock<Value> = LazyLock::new(|| {
    let full: Value = serde_json::from_str(places::FULL).expect("it is JSON");
    full["linux"]["seccomp"].clone()
});

/// linux/bpf_common.h, BPF_MAXINSNS.
const MOST_INSTRUCTIONS: usize = 4096;

fuzz_target!(|bytes: &[u8]| {
    let text = places::document(bytes, &WHOLE);
    let Ok(profile) = serde_json::from_slice::<Seccomp>(&text) else { return };
    for newer in [NewerCalls::NotImplemented, NewerCalls::Default] {
        let Ok(program) = compile_for(&profile, Architecture::X86_64, newer) else { return };
        validate(&program.instructions);
        assert!(!program.disassemble().is_empty());
        try_calls(&program.instructions, &profile);
    }
});

/// As the kernel's bpf_check_classic and seccomp_check_filter.
fn validate(program: &[Instruction]) {
    assert!(!program.is_empty() && program.len() <= MOST_INSTRUCTIONS);
    for (at, instruction) in program.iter().enumerate() {
        let Instruction { code, jt, jf, k } = *instruction;
        let left = program.len() - at - 1;
        match code {
            0x20 => assert!(k < 64 && k % 4 == 0, "load from {k}"),
            0x54 | 0x06 => {}
            0x05 => assert!((k as usize) < left, "jump behind the end"),
            0x15 | 0x25 | 0x35 | 0x45 => {
                assert!(usize::from(jt.max(jf)) < left, "jump behind the end")
            }
            other => panic!("instruction {other:#x}"),
        }
    }
    assert_eq!(program.last().map(|last| last.code), Some(0x06), "the end is no answer");
}

/// Every call that the profile names, with the arguments that it names and those beside them, gets the default, or what one of
/// its rules says, or ENOSYS.
fn try_calls(program: &[Instruction], profile: &Seccomp) {
    let architectures = [Architecture::X86_64, Architecture::X86, Architecture::Aarch64];
    for rule in profile.syscalls.iter().take(8) {
        for name in rule.names.iter().take(4) {
            for architecture in architectures {
                let Some(number) = architecture.number(name) else { continue };
                for beside in [-1, 0, 1] {
                    let args = [0, 1, 2, 3, 4, 5].map(|index| {
                        let arg = rule.args.iter().find(|arg| arg.index == index);
                        arg.map_or(0, |arg| arg.value.wrapping_add_signed(beside))
                    });
                    let call = interpreter::Call {
                        architecture: architecture.audit(),
                        number,
                        args,
                        big_endian: false,
                    };
                    let (_verdict, steps) = interpreter::run(program, &call);
                    assert!(steps <= program.len());
                }
            }
        }
    }
}
