//! The child's walk: from clone to the gate, and through it to exec. Nothing here allocates, locks, formats or logs.
//!
//! Start at [`run`]. Each [`Action`] is one arm of [`Walk::step`]; what is done to the new root is in [`crate::rootfs`], what
//! the process becomes in [`crate::identity`].

use std::convert::Infallible;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno as Raw;
use rustix::mount::{MountFlags, MountPropagationFlags, mount_change};
use rustix::process::{DumpableBehavior, set_dumpable_behavior};
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space};
use sys::{Errno, Namespaces, SignalSet, exit_now};

use crate::cgroup;
use crate::console;
use crate::cover::{self, Covers};
use crate::hooks::{HookFailure, PreparedHook, ReceivedFiles};
use crate::identity;
use crate::lend;
use crate::prepared::{Action, BindSource, Prepared};
use crate::progress::Progress;
use crate::rootfs::{self, Root};
use crate::show;
use crate::wire::{self, At, Failed, Place, ProcessStep, ToChild};

mod root;

/// What the child is handed.
#[derive(Clone, Copy)]
pub(crate) struct Inherited<'a> {
    pub(crate) prepared: &'a Prepared,
    pub(crate) socket: BorrowedFd<'a>,
    /// Where it tells where it is.
    pub(crate) progress: &'a Progress,
    /// The parent's end of it, closed first: the end of a parent that was killed would not be seen.
    pub(crate) parents_end: BorrowedFd<'a>,
    /// Namespaces to join but the user namespace.
    pub(crate) joins: &'a [OwnedFd],
    /// The user namespace to join.
    pub(crate) joined_user: Option<&'a OwnedFd>,
    /// Whether the parent writes id maps.
    pub(crate) user_namespace: bool,
    /// Whether it stays dumpable up to the gate, see [`begin`].
    pub(crate) open_to_maker: bool,
    /// Whether it enters a user namespace, made or joined.
    pub(crate) confined: bool,
    /// What it makes itself, once it is root there.
    pub(crate) made_inside: Namespaces,
    /// Standard streams; nothing with a terminal.
    pub(crate) stdio: Option<[BorrowedFd<'a>; 3]>,
    /// Where to wait for the start once the parent has left.
    pub(crate) gate: Option<BorrowedFd<'a>>,
}

/// The child's whole life; it ends in exec or in exit.
pub(crate) fn run(inherited: &Inherited<'_>) -> Infallible {
    let Err(failed) = live(inherited);
    wire::send_failed(inherited.socket, failed);
    exit_now(125)
}

/// A container whose pids this one shares sees it from here on; its memory is the monitor's (CVE-2016-9962).
pub(crate) fn hide() -> Result<(), Failed> {
    set_dumpable_behavior(DumpableBehavior::NotDumpable).at(ProcessStep::HideFromTracers)
}

fn live(inherited: &Inherited<'_>) -> Result<Infallible, Failed> {
    let progress = inherited.progress;
    let namespaces = begin(inherited)?;
    let enter_groups = || {
        wire::await_parent_with(inherited.socket, ToChild::Groups, |door| {
            cgroup::enter(door.as_fd()).at(ProcessStep::EnterCgroup)
        })
    };
    let mut outside = inherited.prepared.enters_groups_later();
    if !outside {
        progress.step(ProcessStep::EnterCgroup);
        enter_groups()?;
    }
    progress.step(ProcessStep::JoinNamespace);
    join(inherited)?;
    let (mut walk, early) = arrive(inherited)?;
    for (number, action) in inherited.prepared.steps.iter().enumerate().skip(early) {
        walk.number = u16::try_from(number).unwrap_or(u16::MAX);
        let here = Place::Step(walk.number);
        progress.reach(here);
        if outside && action.wants_groups() {
            enter_groups()?;
            outside = false;
        }
        if let Action::Hooks { hooks } = action {
            walk.stand_in_root().map_err(|errno| Failed { at: here, errno })?;
            run_hooks(hooks, inherited)?;
        }
        walk.step(action, inherited.prepared).map_err(|errno| Failed { at: here, errno })?;
    }
    come_to_gate(inherited)?;
    let console = walk.terminal.as_ref().map(|terminal| terminal.master.as_fd());
    wire::send_ready(inherited.socket, console)?;
    let starter = inherited.gate.map(|gate| {
        wire::await_parent(inherited.socket, ToChild::Leave)?;
        let namespaces = namespaces.as_ref().map(AsFd::as_fd);
        forget_maker(inherited, (gate, namespaces), walk.terminal.as_ref())?;
        wait_at_gate(gate, namespaces)
    });
    let starter = starter.transpose()?;
    drop(namespaces);
    let talk = starter.as_ref().map_or(inherited.socket, |(socket, _)| socket.as_fd());
    let become_process = |hooks: &ReceivedFiles, progress: &Progress| {
        let slave = walk.terminal.as_ref().map(|terminal| terminal.slave.as_fd());
        let process = &inherited.prepared.process;
        identity::become_process(process, (talk, progress), inherited.stdio, slave, hooks)
    };
    let outcome = match &starter {
        Some((_, hooks)) => {
            // Its starter is not its maker, who has the page; and what waits holds nothing but its gate.
            Progress::new().at(ProcessStep::Gate).and_then(|progress| {
                progress.step(ProcessStep::Gate);
                wire::send_trace(talk, progress.file())?;
                become_process(hooks, &progress)
            })
        }
        None => receive_go(talk).and_then(|hooks| become_process(&hooks, progress)),
    };
    if let (Some((socket, _)), Err(failed)) = (&starter, &outcome) {
        // The parent has left; whoever started the container hears it.
        wire::send_failed(socket.as_fd(), *failed);
    }
    outcome
}

/// From the first moment on it is undumpable, unless a user who is not root makes it in a user namespace of its own. The files
/// below /proc of what is undumpable belong to the root of the user namespace that its memory came from: fs/proc/base.c,
/// task_dump_owner. So neither he nor newuidmap(1), which acts as him, could write its maps, and no hook of his could reach its
/// namespaces; the child itself could not write its OOM score.
///
/// Nobody else gains by that. Whoever wants to look into a process is in its user namespace with the same ids and no fewer
/// capabilities, or has CAP_SYS_PTRACE over that namespace: kernel/ptrace.c, __ptrace_may_access; security/commoncap.c,
/// cap_ptrace_access_check. This namespace is a moment old and has nobody else in it. Processes of his other containers are in
/// user namespaces beside it, over which they have no right whatever ids they share with it: cap_capable looks upwards only.
/// Those in the runtime's own user namespace that have such a right, by his ids, may look into the runtime as well. And who
/// joins pids of another container hides at once, as does who joins its user namespace: there no map is written. The child hides
/// before it says that it is ready, for from then on `exec` brings others in (CVE-2016-9962), whose `/proc/1/exe` would be this
/// program (CVE-2019-5736).
///
/// Gives where its namespaces are, for one that shows them at the gate.
fn begin(inherited: &Inherited<'_>) -> Result<Option<OwnedFd>, Failed> {
    let progress = inherited.progress;
    sys::close_inherited(inherited.parents_end);
    if !inherited.open_to_maker {
        progress.step(ProcessStep::HideFromTracers);
        hide()?;
    }
    // Its maker reaches them in no other way later.
    let shows = inherited.open_to_maker && inherited.gate.is_some();
    let namespaces = shows.then(show::own).transpose().at(ProcessStep::JoinNamespace)?;
    if inherited.user_namespace {
        progress.step(ProcessStep::MapIds);
        wire::await_parent(inherited.socket, ToChild::Mapped)?;
    }
    let Prepared { ahead, steps, .. } = inherited.prepared;
    ahead.receive(steps, inherited.socket)?;
    Ok(namespaces)
}

fn come_to_gate(inherited: &Inherited<'_>) -> Result<(), Failed> {
    let progress = inherited.progress;
    if inherited.gate.is_some() {
        // Engines take a program that is missing as the caller's mistake when `create` says so, as their own when `start` does.
        progress.step(ProcessStep::FindProgram);
        identity::find_program(&inherited.prepared.process)?;
    }
    hide()?;
    if inherited.gate.is_some() {
        // Before anybody knows of the container: what is blocked waits.
        sys::block_signals(ending_signals()).at(ProcessStep::Signals)?;
    }
    progress.step(ProcessStep::Gate);
    Ok(())
}

/// Becomes root of its user namespace, where it has one. Gives how many steps were taken on the way.
fn arrive<'a>(inherited: &Inherited<'a>) -> Result<(Walk<'a>, usize), Failed> {
    let (confined, socket, covers) = (inherited.confined, inherited.socket, Covers::default());
    let mut walk = Walk { socket, confined, number: 0, root: None, terminal: None, covers };
    if !confined {
        return Ok((walk, 0));
    }
    let early = walk.early_steps(inherited)?;
    inherited.progress.step(ProcessStep::BecomeRootInside);
    identity::become_root_inside()?;
    if !inherited.made_inside.is_empty() {
        let bits = u32::try_from(inherited.made_inside.bits()).unwrap_or(0);
        inherited.progress.step(ProcessStep::MakeNamespaces);
        sys::unshare_namespaces(bits).at(ProcessStep::MakeNamespaces)?;
    }
    Ok((walk, early))
}

/// Joins with the rights outside whatever can be joined with them: a namespace need not belong to the user namespace that is
/// joined beside it. The rest is joined with the rights inside, as a user without others must: setns(2).
pub(crate) fn join(inherited: &Inherited<'_>) -> Result<(), Failed> {
    let join = |namespace: &OwnedFd| {
        move_into_link_name_space(namespace.as_fd(), None::<LinkNameSpaceType>)
    };
    let Some(user) = inherited.joined_user else {
        return inherited.joins.iter().try_for_each(join).at(ProcessStep::JoinNamespace);
    };
    // There are eight kinds.
    let mut refused = 0_u32;
    for (number, namespace) in inherited.joins.iter().enumerate() {
        match join(namespace) {
            Err(rustix::io::Errno::PERM) => refused |= 1 << number,
            done => done.at(ProcessStep::JoinNamespace)?,
        }
    }
    join(user).at(ProcessStep::JoinNamespace)?;
    let left = inherited.joins.iter().enumerate().filter(|(number, _)| refused >> number & 1 == 1);
    left.map(|(_, namespace)| namespace).try_for_each(join).at(ProcessStep::JoinNamespace)
}

/// The parent's part of the hooks first, then those that run in here.
fn run_hooks(hooks: &[PreparedHook], inherited: &Inherited<'_>) -> Result<(), Failed> {
    wire::send_hooks(inherited.socket)?;
    let mut files = ReceivedFiles::default();
    wire::await_parent_with(inherited.socket, ToChild::Hooks, |file| {
        files.receive(file);
        Ok(())
    })?;
    files.run(hooks, &inherited.prepared.process.envp).map_err(HookFailure::failed)
}

fn receive_go(socket: BorrowedFd<'_>) -> Result<ReceivedFiles, Failed> {
    let mut files = ReceivedFiles::default();
    wire::await_parent_with(socket, ToChild::Go, |file| {
        files.receive(file);
        Ok(())
    })?;
    // Who said so long ago may have been killed since.
    if wire::has_closed(socket) { Err(Raw::PIPE).at(ProcessStep::Gate) } else { Ok(files) }
}

/// Closes whatever the maker had open: it may wait here for days, and a pipe of the maker's caller would not end meanwhile.
fn forget_maker(
    inherited: &Inherited<'_>,
    (gate, namespaces): (BorrowedFd<'_>, Option<BorrowedFd<'_>>),
    terminal: Option<&console::Terminal>,
) -> Result<(), Failed> {
    let slave = terminal.map_or(gate, |terminal| terminal.slave.as_fd());
    let [stdin, stdout, stderr] = inherited.stdio.unwrap_or([slave; 3]);
    // Whoever called the maker with a pipe waits for its end.
    if let Some(streams) = terminal.map(|_| [slave; 3]).or(inherited.stdio) {
        identity::place_streams(streams)?;
    }
    let kept = [gate, namespaces.unwrap_or(gate), slave, stdin, stdout, stderr];
    sys::close_all_but(inherited.prepared.process.close_from, &kept).at(ProcessStep::Descriptors)
}

/// Waits for somebody who says Go. Who comes and goes without it has only looked, perhaps at the namespaces.
///
/// It ends by the signals that end a program: process 1 of a pid namespace would not hear those that it neither handles nor
/// blocks, pid_namespaces(7).
fn wait_at_gate(
    gate: BorrowedFd<'_>,
    namespaces: Option<BorrowedFd<'_>>,
) -> Result<(OwnedFd, ReceivedFiles), Failed> {
    let signals = sys::open_signalfd(ending_signals()).at(ProcessStep::Signals)?;
    loop {
        let mut ready = [
            PollFd::from_borrowed_fd(gate, PollFlags::IN),
            PollFd::from_borrowed_fd(signals.as_fd(), PollFlags::IN),
        ];
        wire::retry(|| poll(&mut ready, None::<&Timespec>)).at(ProcessStep::Talk)?;
        if !ready[1].revents().is_empty() {
            exit_now(128 + first_signal(signals.as_fd()));
        }
        let flags = rustix::net::SocketFlags::CLOEXEC;
        let starter =
            wire::retry(|| rustix::net::accept_with(gate, flags)).at(ProcessStep::Talk)?;
        let mut files = ReceivedFiles::default();
        let heard = wire::hear_parent(starter.as_fd(), &[ToChild::Go, ToChild::Show], |file| {
            files.receive(file);
            Ok(())
        });
        match (heard, namespaces) {
            (Ok(ToChild::Go), _) => return Ok((starter, files)),
            (Ok(ToChild::Show), Some(own)) => {
                let _gone = show::show(own, starter.as_fd());
            }
            _ => {}
        }
    }
}

fn ending_signals() -> SignalSet {
    let ending = [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGTERM];
    ending.into_iter().fold(SignalSet::empty(), SignalSet::with)
}

/// The number that a record of a signalfd begins with.
fn first_signal(signals: BorrowedFd<'_>) -> i32 {
    /// signalfd(2), `struct signalfd_siginfo`.
    const RECORD: usize = 128;
    let mut record = [0_u8; RECORD];
    let _read = rustix::io::read(signals, &mut record[..]);
    record.first_chunk().map_or(libc::SIGTERM, |number| i32::from_ne_bytes(*number))
}

struct Walk<'a> {
    socket: BorrowedFd<'a>,
    /// Whether it has rights inside a user namespace only.
    confined: bool,
    /// Of the step that is being taken.
    number: u16,
    root: Option<Root>,
    terminal: Option<console::Terminal>,
    covers: Covers,
}

impl Walk<'_> {
    /// Files of procfs about a process that is undumpable belong to the host's root, which in a user namespace it is no longer
    /// once it is root inside: proc(5). Gives how many steps were taken.
    fn early_steps(&mut self, inherited: &Inherited<'_>) -> Result<usize, Failed> {
        let prepared = inherited.prepared;
        let early = |action: &&Action| {
            matches!(action, Action::OomScoreAdjust { .. } | Action::TimeNamespace { .. })
        };
        let count = prepared.steps.iter().take_while(early).count();
        for (number, action) in prepared.steps.iter().take(count).enumerate() {
            let here = Place::Step(u16::try_from(number).unwrap_or(u16::MAX));
            inherited.progress.reach(here);
            self.step(action, prepared).map_err(|errno| Failed { at: here, errno })?;
        }
        Ok(count)
    }

    /// What is bound, cloned with the rights that it takes, where it has the peers that it shall have.
    fn clone_source(
        &self,
        (source, keep_peers): (&BindSource, bool),
        prepared: &Prepared,
    ) -> Result<OwnedFd, Errno> {
        if let Some(lent) = prepared.ahead.take(self.number) {
            return Ok(lent);
        }
        let borrow = || lend::borrow(self.socket, self.number).map_err(|failed| failed.errno);
        let is_elsewhere = source.of_process.is_some();
        if keep_peers || is_elsewhere || self.confined && source.id_map.is_some() {
            return borrow();
        }
        match rootfs::clone_mapped(source, None) {
            Err(errno) if self.confined && errno.raw() == libc::EACCES => borrow(),
            cloned => cloned,
        }
    }

    fn step(&mut self, action: &Action, prepared: &Prepared) -> Result<(), Errno> {
        match action {
            Action::DetachPropagation { flags } => mount_change(c"/", propagation(*flags))?,
            Action::OverlayRoot { .. }
            | Action::MappedRoot(_)
            | Action::DirectoryRoot(_)
            | Action::BindRoot { .. } => self.root = Some(self.make_root(action, prepared)?),
            Action::RootAttributes(attributes) => self.root()?.set_attributes(*attributes)?,
            Action::Mount(file_system) => self.root()?.mount(file_system)?,
            Action::Lent(lent) => {
                let tree = prepared.ahead.take(self.number).ok_or(Errno::from_raw(libc::EBADF))?;
                self.root()?.attach(tree.as_fd(), &lent.target, &lent.attributes)?;
            }
            Action::Bind { source, target, attributes, keep_peers } => {
                let tree = self.clone_source((source, *keep_peers), prepared)?;
                self.root()?.attach(tree.as_fd(), target, attributes)?;
            }
            Action::Propagation { target: Some(target), flags } => {
                self.root()?.propagate(target, propagation(*flags))?;
            }
            Action::Propagation { target: None, flags } => mount_change(c"/", propagation(*flags))?,
            Action::Devices { nodes, links, elsewhere } => {
                self.root()?.devices(nodes, links, elsewhere)?;
            }
            Action::Console(at) => {
                self.terminal = Some(console::open(self.root()?, at, prepared.process.terminal)?);
            }
            Action::Terminals(places) => console::open_all(self.root()?, places, self.socket)?,
            Action::LoopbackUp => sys::set_interface_up(b"lo")?,
            Action::HostName { name } => rustix::system::sethostname(name.to_bytes())?,
            Action::DomainName { name } => rustix::system::setdomainname(name.to_bytes())?,
            Action::TimeNamespace { offsets } => time_namespace(offsets.to_bytes())?,
            // In `live`, which talks with the parent.
            Action::EnterGroups | Action::Hooks { .. } => {}
            Action::CgroupNamespace => unshare(UnshareFlags::NEWCGROUP)?,
            Action::CgroupV1 { target, hierarchies, read_only } => {
                self.root()?.cgroup_v1(target, hierarchies, *read_only)?;
            }
            Action::CgroupV2(tree) => self.root()?.cgroup_v2(tree)?,
            Action::Give(gift) => {
                self.root()?.give(gift, prepared.contents.as_ref().map(AsFd::as_fd))?;
            }
            Action::Show(files) => {
                self.root()?.show(files, prepared.shown.as_ref().map(AsFd::as_fd))?;
            }
            Action::NameBoot(name) => self.root()?.name_boot(name)?,
            Action::Part { target, attributes, mode } => {
                self.root()?.part(target, attributes, *mode)?;
            }
            Action::Seal { target } => self.root()?.seal(target)?,
            Action::PivotRoot => self.pivot()?,
            Action::MoveRoot { revealing } => self.move_over(revealing)?,
            Action::ChangeRoot => self.change_root()?,
            Action::Sysctl { path, value } => write_file(path, value.to_bytes())?,
            Action::Mask { path } => self.covers.mask(path)?,
            Action::ReadOnly { path } => cover::read_only(path)?,
            Action::ReadOnlyRoot => cover::read_only_root()?,
            Action::OomScoreAdjust { value } => {
                write_file(c"/proc/self/oom_score_adj", value.to_bytes())?;
            }
        }
        Ok(())
    }
}

fn propagation(flags: u64) -> MountPropagationFlags {
    // The kernel's word is 32 bits wide; these flags are its lower ones.
    MountPropagationFlags::from_bits_retain(u32::try_from(flags).unwrap_or(0))
}

pub(crate) fn mount_flags(flags: u64) -> MountFlags {
    MountFlags::from_bits_retain(u32::try_from(flags).unwrap_or(0))
}

fn unshare(flags: UnshareFlags) -> Result<(), Errno> {
    sys::unshare_namespaces(flags.bits())
}

/// The offsets can be written until the first process enters, and unshare(2) alone enters none. time_namespaces(7).
fn time_namespace(offsets: &[u8]) -> Result<(), Errno> {
    sys::unshare_namespaces(u32::try_from(sys::Namespaces::TIME.bits()).unwrap_or(0))?;
    if !offsets.is_empty() {
        write_file(c"/proc/self/timens_offsets", offsets)?;
    }
    let namespace =
        open(c"/proc/self/ns/time_for_children", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    move_into_link_name_space(namespace.as_fd(), None::<LinkNameSpaceType>).map_err(Errno::from)
}

fn write_file(path: &std::ffi::CStr, text: &[u8]) -> Result<(), Errno> {
    let file = open(path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    rustix::io::write(&file, text).map(drop).map_err(Errno::from)
}
