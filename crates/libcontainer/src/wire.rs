//! What child and parent say to each other between clone and exec, over a pair of sequenced-packet sockets.
//!
//! ```text
//! child                          parent
//! (in a new user namespace)      writes uid_map, gid_map
//!             <--------------    Mapped
//!             <--------------    Mount (what it is lent ahead, see `ahead.rs`)
//! mounts …                       makes the control groups
//!             <--------------    Groups (and the doors into them)
//! enters, mounts …
//! Hooks (when there are any) ->  runs those of the runtime's namespaces
//!             <--------------    Hooks (with the state for them): runs those of the container's
//! Wish (for a mount) --------->  clones what is out of the child's reach, or shares with the host
//!             <--------------    Mount
//! Terminal (one of those beside) ->  keeps its master
//! Ready (and the terminal) --->  attaches networks
//!             <--------------    Go (with the state for hooks)
//! Trace (at a gate) ---------->  knows where it was, should it end without a word
//! Listener (of a filter that notifies) ->  sends it to its socket
//! execve: the socket closes -->  end of file: the program runs, if the child was at its exec
//! Failed at any time --------->  kills what is left
//! ```
//!
//! With a gate, which outlives the parent, Leave stands in the place of Go, and whoever starts the container later comes by the
//! gate and speaks from Go on. Who says Show there is shown the namespaces, and the child waits on.
//!
//! In a user namespace, and by plans of older releases, the groups are entered before the first mount.
//!
//! Both ends are this program, so numbers travel in native order. Nothing here allocates.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno as Raw;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags,
};
use rustix::net::{recvmsg, send, sendmsg};
use sys::{Errno, Namespaces};

use crate::hooks::HookEnd;
use crate::show::KINDS;

/// A step that failed: its number, and the kernel's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failed {
    pub(crate) at: Place,
    pub(crate) errno: Errno,
}

/// Where the child was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// At the step of that number in the plan.
    Step(u16),
    /// At a step that every process takes.
    Process(ProcessStep),
    /// At the resource limit of that number in the plan.
    Limit(u16),
    /// At the rule of that number of Landlock's in the plan.
    Landlock(u16),
    /// At the hook of that number, which ended so; the errno is of one that could not be run.
    Hook(u16, HookEnd),
}

impl Place {
    /// As a number for [`crate::progress`] and for a packet, which says elsewhere how a hook has ended.
    pub(crate) fn to_word(self) -> u32 {
        let (kind, number) = match self {
            Self::Step(number) => (0, number),
            Self::Process(step) => (1, u16::from(step as u8)),
            Self::Limit(number) => (2, number),
            Self::Hook(number, _) => (3, number),
            Self::Landlock(number) => (4, number),
        };
        kind << 16 | u32::from(number)
    }

    pub(crate) fn from_word(word: u32) -> Self {
        let number = u16::try_from(word & 0xffff).unwrap_or(u16::MAX);
        match word >> 16 {
            0 => Self::Step(number),
            2 => Self::Limit(number),
            3 => Self::Hook(number, HookEnd::NotRun),
            4 => Self::Landlock(number),
            _ => {
                let step = ProcessStep::ALL.get(usize::from(number)).copied();
                Self::Process(step.unwrap_or(ProcessStep::Talk))
            }
        }
    }
}

macro_rules! process_steps {
    ($($name:ident = $words:literal),* $(,)?) => {
        /// Steps that every process takes, in the kernel's order but for the last: numbers stay what they were, since a container
        /// that waits at its gate may have been made by an earlier release.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub(crate) enum ProcessStep { $($name),* }

        impl ProcessStep {
            const ALL: &[Self] = &[$(Self::$name),*];

            /// Its words in an error.
            pub(crate) const fn words(self) -> &'static str {
                match self { $(Self::$name => $words),* }
            }
        }
    };
}

process_steps! {
    Talk = "talk with the parent",
    EnterCgroup = "enter the control groups",
    HideFromTracers = "become undumpable",
    JoinNamespace = "join a namespace",
    MakeNamespaces = "make the namespaces",
    BecomeRootInside = "become root of the user namespace",
    Fork = "make the joining process",
    Stdio = "take the standard streams",
    NewSession = "make a session",
    ControllingTerminal = "take the terminal",
    Keyring = "join a session keyring",
    Label = "set the security label",
    Processors = "set the CPU affinity",
    IoPriority = "set the I/O priority",
    MemoryPolicy = "set the memory policy",
    Core = "choose beside whom it runs on a core",
    Scheduler = "set the scheduler",
    Personality = "set the execution domain",
    WorkingDirectory = "enter the working directory",
    Seccomp = "load the system call filter",
    BoundingSet = "drop capabilities from the bounding set",
    KeepCapabilities = "keep capabilities over the change of user",
    Groups = "set the groups",
    User = "set the user",
    Capabilities = "set the capabilities",
    Ambient = "set the ambient capabilities",
    NoNewPrivileges = "set no_new_privs",
    Descriptors = "close the descriptors at exec",
    Signals = "reset the signals",
    OwnProgram = "exec the program that runs containers",
    Exec = "exec",
    Begin = "begin",
    MapIds = "have its ids mapped",
    FindProgram = "look for the program",
    Gate = "wait at the gate",
    StartHooks = "run the startContainer hooks",
    Serve = "serve as process 1",
    LandlockRules = "make the rules of Landlock",
    Landlock = "restrict itself by Landlock",
}

/// Names the step that an errno belongs to.
pub(crate) trait At<T> {
    fn at(self, step: ProcessStep) -> Result<T, Failed>;
}

impl<T, E: Into<Errno>> At<T> for Result<T, E> {
    fn at(self, step: ProcessStep) -> Result<T, Failed> {
        self.map_err(|errno| Failed { at: Place::Process(step), errno: errno.into() })
    }
}

/// From the parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum ToChild {
    Mapped = b'M',
    /// The control groups exist; with the `tasks` file of every v1 hierarchy.
    Groups = b'C',
    /// The hooks of the runtime's namespaces have run; with [`crate::hooks::HookFiles`].
    Hooks = b'H',
    /// The mount that was wished for.
    Mount = b'T',
    /// Wait at the gate: everything about the container is written down.
    Leave = b'L',
    /// Show the namespaces, at the gate.
    Show = b'N',
    /// Become the program; perhaps with [`crate::hooks::HookFiles`].
    Go = b'G',
}

/// From the child.
#[derive(Debug)]
pub(crate) enum FromChild {
    /// Everything is made, the root not yet its own: hooks may run.
    Hooks,
    /// It cannot clone by itself what the step of that number binds.
    Wish {
        number: u16,
    },
    /// The next of the terminals beside that of its streams.
    Terminal {
        master: Option<OwnedFd>,
    },
    Ready {
        descriptor: Option<OwnedFd>,
    },
    /// Where it is from here on.
    Trace {
        file: Option<OwnedFd>,
    },
    /// A namespace of it, of this kind, at the gate.
    Namespace {
        kind: Namespaces,
        descriptor: Option<OwnedFd>,
    },
    /// The filter is loaded: who answers for it.
    Listener {
        descriptor: Option<OwnedFd>,
    },
    Failed(Failed),
    /// The socket is closed: the program runs, or the child is gone.
    Closed,
}

/// Kind, number or place, errno.
type Packet = [u8; 9];

const HOOKS: u8 = b'H';
const WISH: u8 = b'W';
const TERMINAL: u8 = b'Y';
const READY: u8 = b'R';
const TRACE: u8 = b'T';
const LISTENER: u8 = b'N';
const NAMESPACE: u8 = b'S';
const FAILED: u8 = b'F';

fn packet(kind: u8, first: u32, second: i32) -> Packet {
    let ([a, b, c, d], [e, f, g, h]) = (first.to_ne_bytes(), second.to_ne_bytes());
    [kind, a, b, c, d, e, f, g, h]
}

pub(crate) fn tell_child(socket: BorrowedFd<'_>, word: ToChild) -> Result<(), Errno> {
    send(socket, &[word as u8], SendFlags::NOSIGNAL).map(drop).map_err(Errno::from)
}

/// More descriptors than any word has of itself: v1 hierarchies are the most, one per controller. Mounts that are lent ahead come
/// in several words.
pub(crate) const MOST_DESCRIPTORS: usize = 32;

/// Sends a word with descriptors. A child that has failed hears nothing any more, and has said why.
pub(crate) fn tell_child_with(
    socket: BorrowedFd<'_>,
    word: ToChild,
    descriptors: &[BorrowedFd<'_>],
) -> Result<(), Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_DESCRIPTORS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(Raw::TOOBIG.into());
    }
    let word = [word as u8];
    match sendmsg(socket, &[IoSlice::new(&word)], &mut control, SendFlags::NOSIGNAL) {
        Ok(_) | Err(Raw::PIPE | Raw::CONNRESET) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

/// Waits for exactly `word`, and hands each of its descriptors on: another one, or silence for ever, is an error. Nothing here
/// allocates.
pub(crate) fn await_parent_with(
    socket: BorrowedFd<'_>,
    word: ToChild,
    take: impl FnMut(OwnedFd) -> Result<(), Failed>,
) -> Result<(), Failed> {
    hear_parent(socket, &[word], take).map(drop)
}

/// The same for one of several words; gives which.
pub(crate) fn hear_parent(
    socket: BorrowedFd<'_>,
    words: &[ToChild],
    mut take: impl FnMut(OwnedFd) -> Result<(), Failed>,
) -> Result<ToChild, Failed> {
    let mut byte = [0_u8; 1];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_DESCRIPTORS))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC;
    let received =
        retry(|| recvmsg(socket, &mut [IoSliceMut::new(&mut byte)], &mut control, flags))
            .at(ProcessStep::Talk)?;
    let heard = words.iter().find(|word| received.bytes == 1 && byte[0] == **word as u8);
    let word = *heard.ok_or(Raw::PIPE).at(ProcessStep::Talk)?;
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            for descriptor in descriptors {
                take(descriptor)?;
            }
        }
    }
    Ok(word)
}

/// The same for a word without descriptors.
pub(crate) fn await_parent(socket: BorrowedFd<'_>, word: ToChild) -> Result<(), Failed> {
    await_parent_with(socket, word, |_unasked| Ok(()))
}

pub(crate) fn send_hooks(socket: BorrowedFd<'_>) -> Result<(), Failed> {
    send_packet(socket, packet(HOOKS, 0, 0), None).at(ProcessStep::Talk)
}

pub(crate) fn send_wish(socket: BorrowedFd<'_>, number: u16) -> Result<(), Failed> {
    send_packet(socket, packet(WISH, number.into(), 0), None).at(ProcessStep::Talk)
}

pub(crate) fn send_terminal(socket: BorrowedFd<'_>, master: BorrowedFd<'_>) -> Result<(), Errno> {
    Ok(send_packet(socket, packet(TERMINAL, 0, 0), Some(master))?)
}

pub(crate) fn send_ready(
    socket: BorrowedFd<'_>,
    descriptor: Option<BorrowedFd<'_>>,
) -> Result<(), Failed> {
    send_packet(socket, packet(READY, 0, 0), descriptor).at(ProcessStep::Talk)
}

/// How the listener is sent: `MSG_NOSIGNAL`, and two flags that mean nothing on these sockets (`MSG_CONFIRM`, `MSG_MORE`), by which a
/// filter knows the call that nobody can answer yet. linux/socket.h.
pub(crate) const LISTENER_FLAGS: u32 = 0x4000 | 0x800 | 0x8000;

pub(crate) fn send_listener(
    socket: BorrowedFd<'_>,
    descriptor: BorrowedFd<'_>,
) -> Result<(), Failed> {
    let flags = SendFlags::from_bits_retain(LISTENER_FLAGS);
    send_flagged((socket, flags), packet(LISTENER, 0, 0), Some(descriptor)).at(ProcessStep::Talk)
}

pub(crate) fn send_namespace(
    socket: BorrowedFd<'_>,
    kind: Namespaces,
    descriptor: BorrowedFd<'_>,
) -> Result<(), Errno> {
    // A kind is one bit of the lower 31.
    let bits = u32::try_from(kind.bits()).unwrap_or(0);
    Ok(send_packet(socket, packet(NAMESPACE, bits, 0), Some(descriptor))?)
}

pub(crate) fn send_trace(socket: BorrowedFd<'_>, file: BorrowedFd<'_>) -> Result<(), Failed> {
    send_packet(socket, packet(TRACE, 0, 0), Some(file)).at(ProcessStep::Talk)
}

/// The child's last words; nobody may be listening.
pub(crate) fn send_failed(socket: BorrowedFd<'_>, failed: Failed) {
    let how = match failed.at {
        Place::Hook(_, end) => end.to_wire(failed.errno),
        Place::Step(_) | Place::Process(_) | Place::Limit(_) | Place::Landlock(_) => {
            failed.errno.raw()
        }
    };
    let _nobody = send_packet(socket, packet(FAILED, failed.at.to_word(), how), None);
}

fn send_packet(
    socket: BorrowedFd<'_>,
    packet: Packet,
    descriptor: Option<BorrowedFd<'_>>,
) -> Result<(), Raw> {
    send_flagged((socket, SendFlags::NOSIGNAL), packet, descriptor)
}

fn send_flagged(
    (socket, flags): (BorrowedFd<'_>, SendFlags),
    packet: Packet,
    descriptor: Option<BorrowedFd<'_>>,
) -> Result<(), Raw> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let descriptors = descriptor.map(|descriptor| [descriptor]);
    if let Some(descriptors) = &descriptors {
        control.push(SendAncillaryMessage::ScmRights(descriptors));
    }
    sendmsg(socket, &[IoSlice::new(&packet)], &mut control, flags).map(drop)
}

/// Whether nobody is at the other end any more: poll(2), POLLHUP.
pub(crate) fn has_closed(socket: BorrowedFd<'_>) -> bool {
    let mut ends = [PollFd::from_borrowed_fd(socket, PollFlags::empty())];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    matches!(poll(&mut ends, Some(&now)), Ok(1)) && ends[0].revents().contains(PollFlags::HUP)
}

/// The child's next word.
pub(crate) fn hear_child(socket: BorrowedFd<'_>) -> Result<FromChild, Errno> {
    let mut packet: Packet = [0; 9];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC;
    let bytes = loop {
        match recvmsg(socket, &mut [IoSliceMut::new(&mut packet)], &mut control, flags) {
            Ok(received) => break received.bytes,
            // A child that ends with a word of ours unread resets the connection: told once, before its own last words,
            // which the next call gives. net/unix/af_unix.c, unix_release_sock.
            Err(Raw::INTR | Raw::CONNRESET) => {}
            Err(errno) => return Err(errno.into()),
        }
    };
    let mut descriptor = None;
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(mut descriptors) = message {
            descriptor = descriptors.next();
        }
    }
    if bytes != packet.len() {
        return Ok(FromChild::Closed);
    }
    let [kind, a, b, c, d, e, f, g, h] = packet;
    let (first, second) = (u32::from_ne_bytes([a, b, c, d]), i32::from_ne_bytes([e, f, g, h]));
    Ok(match kind {
        HOOKS => FromChild::Hooks,
        WISH => FromChild::Wish { number: u16::try_from(first).unwrap_or(u16::MAX) },
        TERMINAL => FromChild::Terminal { master: descriptor },
        READY => FromChild::Ready { descriptor },
        LISTENER => FromChild::Listener { descriptor },
        NAMESPACE => FromChild::Namespace { kind: kind_of(first), descriptor },
        TRACE => FromChild::Trace { file: descriptor },
        _ => match Place::from_word(first) {
            Place::Hook(number, _) => {
                let (end, errno) = HookEnd::from_wire(second);
                FromChild::Failed(Failed { at: Place::Hook(number, end), errno })
            }
            at @ (Place::Step(_) | Place::Process(_) | Place::Limit(_) | Place::Landlock(_)) => {
                FromChild::Failed(Failed { at, errno: Errno::from_raw(second) })
            }
        },
    })
}

/// The kind of namespace with this bit; none for any other number.
fn kind_of(bits: u32) -> Namespaces {
    let known = KINDS.iter().find(|(_, kind)| kind.bits() == u64::from(bits));
    known.map_or(Namespaces::default(), |(_, kind)| *kind)
}

pub(crate) fn retry<T>(mut call: impl FnMut() -> Result<T, Raw>) -> Result<T, Raw> {
    loop {
        match call() {
            Err(Raw::INTR) => {}
            other => return other,
        }
    }
}

/// A connected pair: the parent's end and the child's.
pub(crate) fn pair() -> Result<(OwnedFd, OwnedFd), Errno> {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
    socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
        .map_err(Errno::from)
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn failures_cross_the_pair() {
        let (parent, child) = pair().unwrap();
        let hook = Place::Hook(3, HookEnd::NotRun);
        let steps = [Place::Step(7), Place::Process(ProcessStep::Landlock)];
        for at in steps.into_iter().chain([Place::Limit(2), Place::Landlock(9), hook]) {
            let failed = Failed { at, errno: Errno::from_raw(2) };
            send_failed(child.as_fd(), failed);
            assert!(
                matches!(hear_child(parent.as_fd()), Ok(FromChild::Failed(heard)) if heard == failed)
            );
        }
        drop(child);
        assert!(matches!(hear_child(parent.as_fd()), Ok(FromChild::Closed)));
    }

    #[test]
    fn last_words_are_heard_although_the_child_did_not_listen() {
        let (parent, child) = pair().unwrap();
        tell_child(parent.as_fd(), ToChild::Go).unwrap();
        let at = Place::Process(ProcessStep::Exec);
        send_failed(child.as_fd(), Failed { at, errno: Errno::from_raw(2) });
        drop(child);
        assert!(
            matches!(hear_child(parent.as_fd()), Ok(FromChild::Failed(heard)) if heard.at == at)
        );
        assert!(matches!(hear_child(parent.as_fd()), Ok(FromChild::Closed)));
    }

    #[test]
    fn a_wrong_word_is_an_error() {
        let (parent, child) = pair().unwrap();
        tell_child(parent.as_fd(), ToChild::Go).unwrap();
        assert!(await_parent(child.as_fd(), ToChild::Mapped).is_err());
    }
}
