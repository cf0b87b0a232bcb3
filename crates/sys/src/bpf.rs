//! The device program of a v2 group: loading and attaching it. Source: bpf(2), linux/bpf.h.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use crate::Errno;
use crate::fd::own_fd;

const PROG_LOAD: libc::c_int = 5;
const PROG_ATTACH: libc::c_int = 8;
const PROG_TYPE_CGROUP_DEVICE: u32 = 15;
const ATTACH_CGROUP_DEVICE: u32 = 6;
/// Programs of groups above stay in force.
const ALLOW_MULTI: u32 = 2;

#[repr(C)]
struct LoadAttributes {
    program_type: u32,
    instruction_count: u32,
    instructions: u64,
    licence: u64,
    log_level: u32,
    log_size: u32,
    log_buffer: u64,
    kernel_version: u32,
    flags: u32,
}

#[repr(C)]
struct AttachAttributes {
    target: u32,
    program: u32,
    kind: u32,
    flags: u32,
}

/// Loads `instructions` (eight bytes each, linux/bpf.h `bpf_insn`) as a device program and attaches it to a v2 group.
///
/// # Errors
/// EPERM without CAP_BPF and CAP_SYS_ADMIN, EINVAL for a program that the kernel's verifier refuses.
pub fn attach_device_program(group: BorrowedFd<'_>, instructions: &[u64]) -> Result<(), Errno> {
    let program = load(instructions)?;
    let attributes = AttachAttributes {
        target: group.as_raw_fd().cast_unsigned(),
        program: program.as_fd().as_raw_fd().cast_unsigned(),
        kind: ATTACH_CGROUP_DEVICE,
        flags: ALLOW_MULTI,
    };
    let size = size_of::<AttachAttributes>();
    // SAFETY: the kernel reads `size` bytes of the structure, which is that long and holds integers only.
    let done = unsafe { libc::syscall(libc::SYS_bpf, PROG_ATTACH, &raw const attributes, size) };
    if done == 0 { Ok(()) } else { Err(Errno::last()) }
}

fn load(instructions: &[u64]) -> Result<OwnedFd, Errno> {
    let Ok(instruction_count) = u32::try_from(instructions.len()) else {
        return Err(Errno::from_raw(libc::E2BIG));
    };
    let attributes = LoadAttributes {
        program_type: PROG_TYPE_CGROUP_DEVICE,
        instruction_count,
        instructions: instructions.as_ptr().expose_provenance() as u64,
        licence: c"Apache-2.0".as_ptr().expose_provenance() as u64,
        log_level: 0,
        log_size: 0,
        log_buffer: 0,
        kernel_version: 0,
        flags: 0,
    };
    let size = size_of::<LoadAttributes>();
    // SAFETY: the kernel reads `size` bytes of the structure, `instruction_count` instructions and a C string behind its
    // pointers; all of them live over the call, and it writes nothing without a log buffer.
    let fd = unsafe { libc::syscall(libc::SYS_bpf, PROG_LOAD, &raw const attributes, size) };
    i32::try_from(fd).ok().filter(|fd| *fd >= 0).map(own_fd).ok_or_else(Errno::last)
}
