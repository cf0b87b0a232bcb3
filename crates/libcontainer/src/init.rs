//! A process 1 that does what an init must: it forwards signals to the program, its child, and reaps every orphan.
//!
//! It is this program after all rights were given up: nothing is executed, and nothing here allocates. Source: pid_namespaces(7).

use std::convert::Infallible;
use std::ffi::CStr;

use rustix::fs::{Mode, OFlags, open};
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use rustix::process::{WaitOptions, WaitStatus, wait};
use sys::{Errno, SignalSet, exit_now};

use crate::identity;
use crate::prepared::PreparedProcess;
use crate::progress::Progress;
use crate::wire::{At, Failed, Place, ProcessStep};

/// The number of descriptors below which nothing is closed: the standard streams.
const FIRST_OF_OURS: u32 = 3;

const NAME: &CStr = c"init";

/// Starts the program as a child and serves it until it ends; then ends with its status.
pub(crate) fn run(process: &PreparedProcess, progress: &Progress) -> Result<Infallible, Failed> {
    let all = SignalSet::all();
    sys::block_signals(all).at(ProcessStep::Signals)?;
    // Before there is a program that could look. Without procfs nobody inside sees the arguments at all.
    let _unseen = take_name();
    if let Some(words) = &process.apparmor_of_init {
        // Processes of the profile may signal and see their first one then. It runs nothing of theirs: without procfs it stays.
        let _open = identity::write_label(c"/proc/self/attr/apparmor/current", words.to_bytes());
    }
    // Process 1 is still our own program: the container shall read neither its file nor its memory (CVE-2019-5736).
    set_dumpable_behavior(DumpableBehavior::NotDumpable).at(ProcessStep::HideFromTracers)?;
    // A pipe that closes at exec tells whether the program runs, so that a failure is told by the one who knows it.
    let (told, tell) =
        rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).at(ProcessStep::Fork)?;
    // The filter is loaded by now, and Docker's knows clone(2) alone.
    let child = sys::fork(|| {
        let failed = begin(process, progress);
        let _nobody = rustix::io::write(&tell, &failed.errno.raw().to_ne_bytes());
        exit_now(127)
    })
    .at(ProcessStep::Fork)?;
    drop(tell);
    let mut errno = [0_u8; 4];
    if let Ok(4) = rustix::io::read(&told, &mut errno[..]) {
        return Err(Failed {
            at: Place::Process(ProcessStep::Exec),
            errno: Errno::from_raw(i32::from_ne_bytes(errno)),
        });
    }
    if progress.place() != Place::Process(ProcessStep::Exec) {
        // It ended without a word before it came to its exec, and whoever waits hears what it was at.
        exit_now(125);
    }
    progress.step(ProcessStep::Serve);
    sys::close_from(FIRST_OF_OURS);
    serve(child, all)
}

/// Process 1 shows itself as `init`: the monitor's arguments, which name directories of the host, are none of the container's
/// business. proc_pid_cmdline(5): the file is the memory between two addresses, proc_pid_stat(5), fields 48 and 49.
pub(crate) fn take_name() -> Result<(), Errno> {
    rustix::thread::set_name(NAME)?;
    let mut space = [0_u8; 1024];
    let stat = open(c"/proc/self/stat", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let length = rustix::io::read(&stat, &mut space)?;
    let (start, end) = arguments(&space[..length]).ok_or(Errno::from_raw(libc::EIO))?;
    let memory = open(c"/proc/self/mem", OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    let mut text = NAME.to_bytes();
    for address in start..end {
        let (byte, rest) = text.split_first().map_or((0, text), |(byte, rest)| (*byte, rest));
        text = rest;
        rustix::io::pwrite(&memory, &[byte], address)?;
    }
    Ok(())
}

/// Where the arguments begin and end. The fields are counted after the last parenthesis: a name may hold anything.
fn arguments(stat: &[u8]) -> Option<(u64, u64)> {
    let name_end = stat.iter().rposition(|byte| *byte == b')')?;
    let mut fields = std::str::from_utf8(stat.get(name_end + 1..)?).ok()?.split_whitespace();
    let start = fields.nth(45)?.parse().ok()?;
    let end = fields.next()?.parse().ok()?;
    (start < end).then_some((start, end))
}

fn begin(process: &PreparedProcess, progress: &Progress) -> Failed {
    progress.step(ProcessStep::NewSession);
    let started = rustix::process::setpgid(None, None)
        .at(ProcessStep::NewSession)
        .and_then(|()| take_foreground().at(ProcessStep::ControllingTerminal))
        .and_then(|()| sys::unblock_all_signals().at(ProcessStep::Signals))
        .and_then(|()| identity::execute(process, progress));
    match started {
        Err(failed) => failed,
        Ok(never) => match never {},
    }
}

/// A group in the background could not read the terminal. SIGTTOU, which this causes, is still blocked.
fn take_foreground() -> Result<(), rustix::io::Errno> {
    match rustix::termios::tcsetpgrp(rustix::stdio::stdin(), rustix::process::getpid()) {
        Err(rustix::io::Errno::NOTTY) => Ok(()),
        done => done,
    }
}

fn serve(child: i32, all: SignalSet) -> ! {
    loop {
        match sys::wait_for_signal(all) {
            Ok(libc::SIGCHLD) => reap(child),
            // The kernel tells about our own terminal; the program has its own group in the foreground.
            Ok(libc::SIGTTIN | libc::SIGTTOU) | Err(_) => {}
            Ok(signal) => {
                let _gone = sys::signal_child(child, signal);
            }
        }
    }
}

fn reap(child: i32) {
    while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
        if pid.as_raw_nonzero().get() == child {
            exit_now(code(status));
        }
    }
}

/// Exit code, or 128 and the signal, as shells tell it.
fn code(status: WaitStatus) -> i32 {
    status
        .exit_status()
        .or_else(|| status.terminating_signal().map(|signal| 128 + signal))
        .unwrap_or(125)
}
