//! Device rules as a BPF program, assembled by hand: no compiler, no library.
//!
//! The kernel calls it with a pointer to `bpf_cgroup_dev_ctx { u32 access_type; u32 major; u32 minor }`, where `access_type`
//! is `access << 16 | type`; it returns 1 to allow. It answers as [`DeviceRules::allows`] does.
//! Sources: kernel Documentation/bpf/standardization/instruction-set.rst, linux/bpf.h.

use super::{Access, Device, DeviceKind, DeviceRules};

// Operation codes: class | operation | source.
const LOAD_WORD: u8 = 0x61; // BPF_LDX | BPF_MEM | BPF_W
const MOVE: u8 = 0xb4; // BPF_ALU | BPF_MOV | BPF_K
const MOVE_REGISTER: u8 = 0xbc; // BPF_ALU | BPF_MOV | BPF_X
const AND: u8 = 0x54; // BPF_ALU | BPF_AND | BPF_K
const SHIFT_RIGHT: u8 = 0x74; // BPF_ALU | BPF_RSH | BPF_K
const JUMP_NOT_EQUAL: u8 = 0x56; // BPF_JMP32 | BPF_JNE | BPF_K
const JUMP_EQUAL: u8 = 0x16; // BPF_JMP32 | BPF_JEQ | BPF_K
const EXIT: u8 = 0x95; // BPF_JMP | BPF_EXIT

// Registers: the result, the context (then scratch), and what is asked.
const RESULT: u8 = 0;
const CONTEXT: u8 = 1;
const SCRATCH: u8 = 1;
const KIND: u8 = 2;
const ACCESS: u8 = 3;
const MAJOR: u8 = 4;
const MINOR: u8 = 5;

/// The program, eight bytes an instruction.
pub(super) fn assemble(rules: &DeviceRules) -> Vec<u64> {
    let mut program = vec![
        instruction(LOAD_WORD, KIND, CONTEXT, 0, 0),
        instruction(MOVE_REGISTER, ACCESS, KIND, 0, 0),
        instruction(AND, KIND, 0, 0, 0xffff),
        instruction(SHIFT_RIGHT, ACCESS, 0, 0, 16),
        instruction(LOAD_WORD, MAJOR, CONTEXT, 4, 0),
        instruction(LOAD_WORD, MINOR, CONTEXT, 8, 0),
    ];
    for (device, access) in &rules.exceptions {
        append(&mut program, *device, *access, rules.allow);
    }
    program.extend(answer(rules.allow));
    program
}

/// One exception: a row of tests that each jump behind it, and the opposite of the default as its answer.
fn append(program: &mut Vec<u64>, device: Device, access: Access, default: bool) {
    let mut tests = vec![(JUMP_NOT_EQUAL, KIND, kind_number(device.kind))];
    tests.extend(device.major.map(|major| (JUMP_NOT_EQUAL, MAJOR, major)));
    tests.extend(device.minor.map(|minor| (JUMP_NOT_EQUAL, MINOR, minor)));
    let bits = access_bits(access);
    let scratch = match (access == Access::ALL, default) {
        // Every request is within "rwm".
        (true, _) => None,
        // A prohibition holds when any letter is asked for …
        (false, true) => Some((bits, JUMP_EQUAL)),
        // … a permission when no letter is asked for beyond its own.
        (false, false) => Some((!bits & access_bits(Access::ALL), JUMP_NOT_EQUAL)),
    };
    tests.extend(scratch.map(|(_, jump)| (jump, SCRATCH, 0)));
    let answer = answer(!default);
    let mut left = tests.len() + answer.len();
    for (jump, register, value) in tests {
        if let Some((mask, _)) = scratch.filter(|_| register == SCRATCH) {
            program.push(instruction(MOVE_REGISTER, SCRATCH, ACCESS, 0, 0));
            program.push(instruction(AND, SCRATCH, 0, 0, mask));
        }
        left -= 1;
        // Two more instructions lie ahead as long as the scratch test is still to come.
        let ahead = if scratch.is_some() && register != SCRATCH { left + 2 } else { left };
        program.push(instruction(jump, register, 0, ahead, value));
    }
    program.extend(answer);
}

fn answer(allow: bool) -> [u64; 2] {
    [instruction(MOVE, RESULT, 0, 0, u32::from(allow)), instruction(EXIT, 0, 0, 0, 0)]
}

fn instruction(code: u8, destination: u8, source: u8, offset: usize, immediate: u32) -> u64 {
    // Offsets are below a dozen: the length of one exception.
    let offset = u16::try_from(offset).unwrap_or(u16::MAX);
    let [offset_low, offset_high] = offset.to_ne_bytes();
    // linux/bpf.h packs the registers as bit fields, whose order follows the machine's.
    let registers = if cfg!(target_endian = "little") {
        source << 4 | destination
    } else {
        destination << 4 | source
    };
    let [a, b, c, d] = immediate.to_ne_bytes();
    u64::from_ne_bytes([code, registers, offset_low, offset_high, a, b, c, d])
}

/// `BPF_DEVCG_DEV_BLOCK` and `BPF_DEVCG_DEV_CHAR`.
fn kind_number(kind: DeviceKind) -> u32 {
    match kind {
        DeviceKind::Block => 1,
        DeviceKind::Character => 2,
    }
}

/// `BPF_DEVCG_ACC_MKNOD`, `…_READ` and `…_WRITE`.
fn access_bits(access: Access) -> u32 {
    u32::from(access.make) | u32::from(access.read) << 1 | u32::from(access.write) << 2
}
