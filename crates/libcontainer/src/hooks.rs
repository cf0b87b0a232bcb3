//! Hooks: programs of the configuration that run at fixed moments of a container's life. Each gets the container's state on its
//! standard input; what it prints is kept for the error that it may cause.
//!
//! Those of the runtime's namespaces run in the parent, those of the container's in the child, by the same function, which does
//! not allocate. Start at [`run_here`] and [`run_prepared`]. Source: config.md, "POSIX-platform Hooks"; runtime.md, "Lifecycle".

use std::ffi::CString;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::time::{Duration, Instant};

use rustix::fs::{MemfdFlags, SeekFrom, memfd_create, seek};
use rustix::io::Errno as Raw;
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use spec::runtime::{Hook, State, Status};
use sys::{CStringArray, Errno, SignalSet, exit_now};

use crate::error::{HookError, StartError};
use crate::plan::HookPlan;
use crate::prepared::{path, text};
use crate::wire::{Failed, Place};

/// SIGCHLD, signal(7).
const CHILD_ENDED: i32 = 17;
/// So much of what a hook printed is told.
const MOST_TOLD_BYTES: u64 = 4096;

/// How a hook ended that did not end well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HookEnd {
    /// With this exit code.
    Exited(u8),
    /// By this signal.
    Signalled(u8),
    /// It was killed after its time.
    TimedOut,
    /// It could not be executed.
    NotRun,
}

impl HookEnd {
    /// Both in one number: what kind in the upper half.
    pub(crate) fn to_wire(self, errno: Errno) -> i32 {
        match self {
            Self::Exited(code) => 1 << 16 | i32::from(code),
            Self::Signalled(signal) => 2 << 16 | i32::from(signal),
            Self::TimedOut => 3 << 16,
            Self::NotRun => errno.raw(),
        }
    }

    /// The reverse.
    pub(crate) fn from_wire(number: i32) -> (Self, Errno) {
        let value = u8::try_from(number & 0xff).unwrap_or(0);
        let end = match number >> 16 {
            1 => Self::Exited(value),
            2 => Self::Signalled(value),
            3 => Self::TimedOut,
            _ => Self::NotRun,
        };
        (end, Errno::from_raw(number & 0xffff))
    }
}

/// A hook that did not end well.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HookFailure {
    /// Its place in its list, from 0.
    pub(crate) number: u16,
    pub(crate) end: HookEnd,
    /// Of one that could not be run.
    pub(crate) errno: Errno,
}

impl HookFailure {
    /// As it is told by the child.
    pub(crate) const fn failed(self) -> Failed {
        Failed { at: Place::Hook(self.number, self.end), errno: self.errno }
    }
}

/// One hook, ready.
pub(crate) struct PreparedHook {
    path: CString,
    argv: CStringArray,
    /// Nothing for one that names none, which is left open by the specification: it has that of whoever runs it.
    envp: Option<CStringArray>,
    patience: Option<Duration>,
}

impl PreparedHook {
    fn new(hook: &Hook) -> Result<Self, StartError> {
        let strings =
            |list: &[String]| list.iter().map(|string| text(string)).collect::<Result<Vec<_>, _>>();
        let envp = (!hook.env.is_empty()).then(|| strings(&hook.env)).transpose()?;
        // Without arguments of its own a program still has its name, execve(2).
        let argv =
            if hook.args.is_empty() { vec![path(&hook.path)?] } else { strings(&hook.args)? };
        Ok(Self {
            path: path(&hook.path)?,
            argv: CStringArray::new(argv),
            envp: envp.map(CStringArray::new),
            patience: hook.timeout.map(|seconds| Duration::from_secs(seconds.into())),
        })
    }
}

/// Makes hooks ready that the child runs.
pub(crate) fn prepare(hooks: &[Hook]) -> Result<Vec<PreparedHook>, StartError> {
    hooks.iter().map(PreparedHook::new).collect()
}

/// What hooks read, and where they print: files in memory, which survive the change of the root.
#[derive(Debug)]
pub(crate) struct HookFiles {
    state: OwnedFd,
    output: OwnedFd,
}

impl HookFiles {
    fn new(state: &State) -> Result<Self, Errno> {
        let mut file = File::from(memfd_create(c"state", MemfdFlags::CLOEXEC)?);
        file.write_all(&serde_json::to_vec(state).map_err(std::io::Error::from)?)?;
        Ok(Self { state: file.into(), output: memfd_create(c"output", MemfdFlags::CLOEXEC)? })
    }

    /// In the order in which [`HookFiles::receive`] takes them.
    pub(crate) fn descriptors(&self) -> [BorrowedFd<'_>; 2] {
        [self.state.as_fd(), self.output.as_fd()]
    }

    /// What the hooks printed.
    fn printed(&self) -> String {
        let Ok(output) = self.output.try_clone() else { return String::new() };
        let mut output = File::from(output);
        let mut text = Vec::new();
        let end = output.seek(std::io::SeekFrom::End(0)).unwrap_or(0);
        let _lost = output.seek(std::io::SeekFrom::Start(end.saturating_sub(MOST_TOLD_BYTES)));
        let _lost = output.take(MOST_TOLD_BYTES).read_to_end(&mut text);
        String::from_utf8_lossy(&text).trim().to_owned()
    }
}

/// The same files as they arrive in the child.
#[derive(Default)]
pub(crate) struct ReceivedFiles {
    state: Option<OwnedFd>,
    output: Option<OwnedFd>,
}

impl ReceivedFiles {
    /// Takes the next descriptor.
    pub(crate) fn receive(&mut self, descriptor: OwnedFd) {
        if self.state.is_none() {
            self.state = Some(descriptor);
        } else {
            self.output = Some(descriptor);
        }
    }

    /// Runs hooks, one after the other, up to the first that does not end well; those without an environment have that of the
    /// container's process, as with other runtimes. Nothing here allocates.
    pub(crate) fn run(
        &self,
        hooks: &[PreparedHook],
        environment: &CStringArray,
    ) -> Result<(), HookFailure> {
        match (&self.state, &self.output) {
            (Some(state), Some(output)) => {
                run_prepared(hooks, (state.as_fd(), output.as_fd()), environment, None)
            }
            // The parent sends them where there are hooks.
            _ if hooks.is_empty() => Ok(()),
            _ => Err(HookFailure {
                number: 0,
                end: HookEnd::NotRun,
                errno: Errno::from_raw(libc::EBADF),
            }),
        }
    }
}

/// The six moments, by the names of the specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    Prestart,
    CreateRuntime,
    CreateContainer,
    StartContainer,
    Poststart,
    Poststop,
}

impl Moment {
    pub(crate) const ALL: [Self; 6] = [
        Self::Prestart,
        Self::CreateRuntime,
        Self::CreateContainer,
        Self::StartContainer,
        Self::Poststart,
        Self::Poststop,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Prestart => "prestart",
            Self::CreateRuntime => "createRuntime",
            Self::CreateContainer => "createContainer",
            Self::StartContainer => "startContainer",
            Self::Poststart => "poststart",
            Self::Poststop => "poststop",
        }
    }

    pub(crate) fn hooks(self, plan: &HookPlan) -> &[Hook] {
        match self {
            Self::Prestart => &plan.hooks.prestart,
            Self::CreateRuntime => &plan.hooks.create_runtime,
            Self::CreateContainer => &plan.hooks.create_container,
            Self::StartContainer => &plan.hooks.start_container,
            Self::Poststart => &plan.hooks.poststart,
            Self::Poststop => &plan.hooks.poststop,
        }
    }
}

/// The files for the hooks of one moment, and what becomes of them.
#[derive(Debug)]
pub(crate) struct Occasion<'a> {
    plan: &'a HookPlan,
    pub(crate) files: HookFiles,
}

/// Runs the hooks of a container's making in the caller's namespaces; those that follow have the same state.
///
/// It is being created for all of them but `prestart`, which stands between `create` and `start`: the table of runtime.md,
/// "State", allows either, crun and the specification's own tests take it as created.
pub(crate) fn before_the_root(plan: &HookPlan, pid: i32) -> Result<Occasion<'_>, StartError> {
    if !Moment::Prestart.hooks(plan).is_empty() {
        Occasion::new(plan, Status::Created, Some(pid))?.run_here(Moment::Prestart)?;
    }
    let occasion = Occasion::new(plan, Status::Creating, Some(pid))?;
    occasion.run_here(Moment::CreateRuntime)?;
    Ok(occasion)
}

/// Runs all hooks of a moment of a container that is no more, whether they fail or not; gives the errors of those that did.
/// runtime.md, "Lifecycle", step 13.
pub(crate) fn after_the_end(plan: &HookPlan) -> Vec<StartError> {
    let (mut errors, mut next) = (Vec::new(), 0);
    while Moment::Poststop.hooks(plan).len() > usize::from(next) {
        let ran = Occasion::new(plan, Status::Stopped, None).and_then(|occasion| {
            let failure = occasion.run_from(Moment::Poststop, next)?;
            Ok(failure.map(|failure| (failure.number, occasion.error(Moment::Poststop, failure))))
        });
        match ran {
            Ok(None) => break,
            Ok(Some((number, error))) => {
                errors.push(error);
                // More hooks than a number counts are told of no further.
                let Some(following) = number.checked_add(1) else { break };
                next = following;
            }
            Err(error) => {
                errors.push(error);
                break;
            }
        }
    }
    errors
}

impl<'a> Occasion<'a> {
    /// Writes the state down.
    pub(crate) fn new(
        plan: &'a HookPlan,
        status: Status,
        pid: Option<i32>,
    ) -> Result<Self, StartError> {
        let state = State {
            oci_version: plan.oci_version.clone(),
            id: plan.id.clone(),
            status,
            pid,
            bundle: plan.bundle.clone(),
            annotations: plan.annotations.clone(),
        };
        let files = HookFiles::new(&state)
            .map_err(StartError::parent("write the container's state for its hooks"))?;
        Ok(Self { plan, files })
    }

    /// Runs the hooks of a moment in the caller's namespaces and in the bundle, until one fails.
    pub(crate) fn run_here(&self, moment: Moment) -> Result<(), StartError> {
        match self.run_from(moment, 0)? {
            Some(failure) => Err(self.error(moment, failure)),
            None => Ok(()),
        }
    }

    /// Runs the hooks from the one of that number on, until one fails.
    fn run_from(&self, moment: Moment, first: u16) -> Result<Option<HookFailure>, StartError> {
        let hooks = moment.hooks(self.plan).get(usize::from(first)..).unwrap_or_default();
        if hooks.is_empty() {
            return Ok(None);
        }
        let own: Vec<CString> = std::env::vars_os()
            .filter_map(|(name, value)| {
                CString::new([name.into_vec(), value.into_vec()].join(&b'=')).ok()
            })
            .collect();
        let prepared: Vec<PreparedHook> = prepare(hooks)?;
        let bundle = path(&self.plan.bundle)?;
        let [state, output] = self.files.descriptors();
        let blocked = sys::blocked_signals();
        let own = CStringArray::new(own);
        let run = run_prepared(&prepared, (state, output), &own, Some(&bundle));
        let _never_fails = sys::restore_signals(blocked);
        let counted = |failure: HookFailure| HookFailure {
            number: first.saturating_add(failure.number),
            ..failure
        };
        Ok(run.err().map(counted))
    }

    /// The error of a hook that did not end well, wherever it ran.
    pub(crate) fn error(&self, moment: Moment, failure: HookFailure) -> StartError {
        let hook = moment.hooks(self.plan).get(usize::from(failure.number));
        let how = match failure.end {
            HookEnd::Exited(code) => format!("exit status {code}"),
            // A system call filter that kills sends it, signal(7).
            HookEnd::Signalled(signal) if i32::from(signal) == libc::SIGSYS => {
                format!("ended by signal {signal} (bad system call)")
            }
            HookEnd::Signalled(signal) => format!("ended by signal {signal}"),
            HookEnd::TimedOut => {
                let seconds = hook.and_then(|hook| hook.timeout).unwrap_or(0);
                format!("killed after its time of {seconds} s")
            }
            HookEnd::NotRun => format!("exec: {}", failure.errno),
        };
        StartError::Hook(Box::new(HookError {
            moment: moment.name(),
            number: failure.number.into(),
            program: hook.map(|hook| hook.path.clone()).unwrap_or_default(),
            how,
            output: self.files.printed(),
        }))
    }
}

fn run_prepared(
    hooks: &[PreparedHook],
    files: (BorrowedFd<'_>, BorrowedFd<'_>),
    environment: &CStringArray,
    directory: Option<&CString>,
) -> Result<(), HookFailure> {
    for (number, hook) in hooks.iter().enumerate() {
        let number = u16::try_from(number).unwrap_or(u16::MAX);
        let ended = run_one(hook, files, environment, directory);
        let (end, errno) = match ended {
            Ok(None) => continue,
            Ok(Some(end)) => (end, Errno::from_raw(libc::EIO)),
            Err(errno) => (HookEnd::NotRun, errno),
        };
        return Err(HookFailure { number, end, errno });
    }
    Ok(())
}

/// Runs a hook; gives how it ended unless it ended well. Nothing here allocates.
fn run_one(
    hook: &PreparedHook,
    (state, output): (BorrowedFd<'_>, BorrowedFd<'_>),
    environment: &CStringArray,
    directory: Option<&CString>,
) -> Result<Option<HookEnd>, Errno> {
    seek(state, SeekFrom::Start(0))?;
    let ended = SignalSet::empty().with(CHILD_ENDED);
    // Waited for below; a filter of the container's may know neither pidfd_open(2) nor clone3(2).
    sys::block_signals(ended)?;
    // A pipe that closes at exec tells whether the hook runs.
    let (told, tell) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    let pid = sys::fork(|| {
        let errno = become_hook(hook, (state, output), environment, directory);
        let _nobody = rustix::io::write(&tell, &errno.raw().to_ne_bytes());
        exit_now(127)
    })?;
    drop(tell);
    let mut errno = [0_u8; 4];
    let not_run = matches!(crate::wire::retry(|| rustix::io::read(&told, &mut errno[..])), Ok(4));
    let end = wait_for(pid, hook.patience, ended)?;
    if not_run { Err(Errno::from_raw(i32::from_ne_bytes(errno))) } else { Ok(end) }
}

fn become_hook(
    hook: &PreparedHook,
    (state, output): (BorrowedFd<'_>, BorrowedFd<'_>),
    environment: &CStringArray,
    directory: Option<&CString>,
) -> Errno {
    let ready = rustix::stdio::dup2_stdin(state)
        .and_then(|()| rustix::stdio::dup2_stdout(output))
        .and_then(|()| rustix::stdio::dup2_stderr(output))
        .and_then(|()| directory.map_or(Ok(()), |path| rustix::process::chdir(path.as_c_str())))
        .map_err(Errno::from)
        .and_then(|()| sys::close_on_exec_from(3))
        .and_then(|()| {
            sys::default_signals();
            sys::unblock_all_signals()
        });
    match ready {
        Ok(()) => {
            let envp = hook.envp.as_ref().unwrap_or(environment);
            sys::execve(hook.path.as_c_str(), &hook.argv, envp)
        }
        Err(errno) => errno,
    }
}

fn wait_for(
    pid: i32,
    patience: Option<Duration>,
    ended: SignalSet,
) -> Result<Option<HookEnd>, Errno> {
    let child = Pid::from_raw(pid);
    let deadline = patience.and_then(|patience| Instant::now().checked_add(patience));
    let Some(deadline) = deadline else {
        let status = crate::wire::retry(|| waitpid(child, WaitOptions::empty()))?;
        return Ok(status.map_or(Some(HookEnd::NotRun), |(_, status)| how(status)));
    };
    loop {
        if let Some((_, status)) = crate::wire::retry(|| waitpid(child, WaitOptions::NOHANG))? {
            return Ok(how(status));
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            if let Some(child) = child {
                let _gone = kill_process(child, Signal::KILL);
            }
            crate::wire::retry(|| waitpid(child, WaitOptions::empty()))?;
            return Ok(Some(HookEnd::TimedOut));
        }
        match sys::wait_for_signal_within(ended, left) {
            Err(errno) if errno != Raw::AGAIN.into() && errno != Raw::INTR.into() => {
                return Err(errno);
            }
            _ => {}
        }
    }
}

fn how(status: rustix::process::WaitStatus) -> Option<HookEnd> {
    let byte = |number: i32| u8::try_from(number).unwrap_or(u8::MAX);
    match (status.exit_status(), status.terminating_signal()) {
        (Some(0), _) => None,
        (Some(code), _) => Some(HookEnd::Exited(byte(code))),
        (_, Some(signal)) => Some(HookEnd::Signalled(byte(signal))),
        _ => Some(HookEnd::NotRun),
    }
}
