//! The device program of a v2 group: loading and attaching it. Source: bpf(2), linux/bpf.h.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use crate::Errno;
use crate::fd::own_fd;

const PROG_LOAD: libc::c_int = 5;
const PROG_ATTACH: libc::c_int = 8;
const PROG_DETACH: libc::c_int = 9;
const PROG_GET_FD_BY_ID: libc::c_int = 13;
const PROG_QUERY: libc::c_int = 16;
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

#[repr(C)]
struct QueryAttributes {
    target: u32,
    kind: u32,
    query_flags: u32,
    attach_flags: u32,
    ids: u64,
    count: u32,
    padding: u32,
}

#[repr(C)]
struct IdAttributes {
    id: u32,
    next_id: u32,
    flags: u32,
}

/// Like [`attach_device_program`], in place of all programs that the group itself has. All are in force for a moment: what one
/// of them forbids stays forbidden, so nothing is allowed in between that is neither before nor after.
///
/// # Errors
/// As [`attach_device_program`].
pub fn replace_device_programs(group: BorrowedFd<'_>, instructions: &[u64]) -> Result<(), Errno> {
    let old = attached(group)?;
    attach_device_program(group, instructions)?;
    for program in old {
        let attributes = AttachAttributes {
            target: group.as_raw_fd().cast_unsigned(),
            program: program.as_fd().as_raw_fd().cast_unsigned(),
            kind: ATTACH_CGROUP_DEVICE,
            flags: 0,
        };
        match command(PROG_DETACH, &attributes) {
            // Whoever attached it took it away meanwhile.
            Ok(_) => {}
            Err(errno) if errno.raw() == libc::ENOENT => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// The device programs of the group itself.
fn attached(group: BorrowedFd<'_>) -> Result<Vec<OwnedFd>, Errno> {
    // The kernel allows 64.
    let mut ids = [0_u32; 64];
    let mut attributes = QueryAttributes {
        target: group.as_raw_fd().cast_unsigned(),
        kind: ATTACH_CGROUP_DEVICE,
        query_flags: 0,
        attach_flags: 0,
        ids: ids.as_mut_ptr().expose_provenance() as u64,
        count: 64,
        padding: 0,
    };
    let size = size_of::<QueryAttributes>();
    // SAFETY: the kernel reads and writes `size` bytes of the structure, which is that long and holds integers only, and writes
    // at most `count` numbers to `ids`, which has room for them; both live over the call and nothing else refers to them.
    let done = unsafe { libc::syscall(libc::SYS_bpf, PROG_QUERY, &raw mut attributes, size) };
    if done != 0 {
        return Err(Errno::last());
    }
    let count = usize::try_from(attributes.count).unwrap_or(0);
    let open = |id: &u32| {
        let opened = command(PROG_GET_FD_BY_ID, &IdAttributes { id: *id, next_id: 0, flags: 0 });
        match opened {
            Err(errno) if errno.raw() == libc::ENOENT => None,
            opened => Some(opened.map(own_fd)),
        }
    };
    ids.iter().take(count).filter_map(open).collect()
}

/// A command whose attributes hold integers only and are read only.
fn command<T: Integers>(command: libc::c_int, attributes: &T) -> Result<i32, Errno> {
    let size = size_of::<T>();
    // SAFETY: the kernel reads `size` bytes of the structure, which is that long and, as `Integers`, has no pointers.
    let done =
        unsafe { libc::syscall(libc::SYS_bpf, command, std::ptr::from_ref(attributes), size) };
    i32::try_from(done).ok().filter(|done| *done >= 0).ok_or_else(Errno::last)
}

/// Attributes without pointers.
trait Integers {}
impl Integers for AttachAttributes {}
impl Integers for IdAttributes {}

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
    command(PROG_ATTACH, &attributes).map(drop)
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
