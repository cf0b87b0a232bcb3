//! Device rules of a v2 group as a BPF program: who may open which device. Source: cgroup-v2.rst, "Device controller";
//! linux/bpf.h, `bpf_cgroup_dev_ctx`.

use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::{Mode, OFlags, open};

use super::{Access, CgroupError, Device, DeviceKind, DeviceRules, Errno};

/// Makes the rules hold for a group.
pub(super) fn attach(directory: &Path, rules: &DeviceRules) -> Result<(), CgroupError> {
    let path = directory.to_owned();
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let group = match open(directory, flags, Mode::empty()) {
        Ok(group) => group,
        Err(errno) => return Err(CgroupError::Open { path, errno }),
    };
    sys::attach_device_program(group.as_fd(), &assemble(rules)).map_err(|errno| {
        CgroupError::DeviceFilter { path, errno: Errno::from_raw_os_error(errno.raw()) }
    })
}

/// Registers: the context that the kernel passes, and what is taken out of it. The kernel wants its answer in register 0.
const ANSWER: u8 = 0;
const CONTEXT: u8 = 1;
const KIND: u8 = 2;
const ACCESS: u8 = 3;
const MAJOR: u8 = 4;
const MINOR: u8 = 5;
const SCRATCH: u8 = 6;

/// BPF_LDX | BPF_MEM | BPF_W and others, linux/bpf.h and bpf_common.h.
const LOAD_WORD: u8 = 0x61;
const MOVE: u8 = 0xbc;
const MOVE_CONSTANT: u8 = 0xb4;
const AND_CONSTANT: u8 = 0x54;
const SHIFT_RIGHT: u8 = 0x74;
const JUMP_NOT_EQUAL: u8 = 0x56;
const EXIT: u8 = 0x95;

/// `bpf_insn` as one number: operation, registers, offset, constant, from the lowest byte on.
fn instruction(operation: u8, to: u8, from: u8, offset: i16, constant: u32) -> u64 {
    u64::from(operation)
        | u64::from(to) << 8
        | u64::from(from) << 12
        | u64::from(offset.cast_unsigned()) << 16
        | u64::from(constant) << 32
}

/// One block for each exception, in order; what matches none gets the default.
fn assemble(rules: &DeviceRules) -> Vec<u64> {
    let load = |to, offset| instruction(LOAD_WORD, to, CONTEXT, offset, 0);
    let mut program = vec![
        load(KIND, 0),
        instruction(MOVE, ACCESS, KIND, 0, 0),
        instruction(AND_CONSTANT, KIND, 0, 0, 0xffff),
        instruction(SHIFT_RIGHT, ACCESS, 0, 0, 16),
        load(MAJOR, 4),
        load(MINOR, 8),
    ];
    for (device, access) in &rules.exceptions {
        program.extend(exception(*device, *access, rules.allow));
    }
    program.extend(answer(rules.allow));
    program
}

/// An allowed exception must hold all that is wanted; a forbidden one needs to hold a part of it.
fn exception(device: Device, access: Access, allow: bool) -> Vec<u64> {
    let kind = match device.kind {
        DeviceKind::Block => 1,
        DeviceKind::Character => 2,
    };
    let mut tests = vec![(KIND, kind)];
    tests.extend(device.major.map(|major| (MAJOR, major)));
    tests.extend(device.minor.map(|minor| (MINOR, minor)));
    let bits = u32::from(access.make) | u32::from(access.read) << 1 | u32::from(access.write) << 2;
    let answer = answer(!allow);
    let mut block: Vec<u64> = Vec::new();
    // Jumps count the instructions that they pass over.
    let mut left = tests.len() + 3 + answer.len();
    let mut jump = |block: &mut Vec<u64>, register, constant| {
        left -= 1;
        let over = i16::try_from(left).unwrap_or(i16::MAX);
        block.push(instruction(JUMP_NOT_EQUAL, register, 0, over, constant));
    };
    for (register, constant) in tests {
        jump(&mut block, register, constant);
    }
    if allow {
        // Forbidden when a wanted letter is among these.
        block.push(instruction(MOVE, SCRATCH, ACCESS, 0, 0));
        block.push(instruction(AND_CONSTANT, SCRATCH, 0, 0, bits));
        // Nothing shared: over the answer.
        let over = i16::try_from(answer.len()).unwrap_or(i16::MAX);
        block.push(instruction(JUMP_EQUAL, SCRATCH, 0, over, 0));
    } else {
        // Allowed when no wanted letter is missing.
        block.push(instruction(MOVE, SCRATCH, ACCESS, 0, 0));
        block.push(instruction(AND_CONSTANT, SCRATCH, 0, 0, !bits & 7));
        let over = i16::try_from(answer.len()).unwrap_or(i16::MAX);
        block.push(instruction(JUMP_NOT_EQUAL, SCRATCH, 0, over, 0));
    }
    block.extend(answer);
    block
}

/// Equality, for the one test that passes over the answer when it holds.
const JUMP_EQUAL: u8 = 0x16;

fn answer(allow: bool) -> [u64; 2] {
    [instruction(MOVE_CONSTANT, ANSWER, 0, 0, u32::from(allow)), instruction(EXIT, 0, 0, 0, 0)]
}
