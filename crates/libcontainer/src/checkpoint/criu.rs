//! The program CRIU, and one run of it: `criu swrk 3` serves the requests that come over the socket at descriptor 3.

use std::convert::Infallible;
use std::ffi::{CStr, CString, OsStr, OsString};
use std::fmt;
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, AtFlags, CWD, Mode, OFlags, accessat, open};
use rustix::mount::{
    MountPropagationFlags, MoveMountFlags, mount_bind_recursive, mount_change, move_mount,
};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, send, sendmsg, socketpair,
};
use rustix::process::{WaitId, WaitIdOptions, WaitIdStatus, waitid};
use sys::{CStringArray, CloneArgs, Errno, Namespaces, clone3, execve, exit_now};

use super::error::CheckpointError;
use super::message::{self, Kind, Response};
use super::protobuf::Writer;
use crate::process::Process;
use crate::wire::retry;

/// The file that every directory of images has. CRIU, images/inventory.proto.
pub const INVENTORY: &str = "inventory.img";
/// What the program's word `swrk` is followed by.
const SOCKET: u8 = 3;
/// The directory of the images.
pub(super) const IMAGES: u8 = SOCKET + 1;
/// The directory of the log.
pub(super) const WORK: u8 = IMAGES + 1;
/// The first number of what else the program inherits.
pub(super) const FIRST_INHERITED: u8 = WORK + 1;
/// Descriptors are moved above these numbers before they are put in their places.
const SPARE: i32 = 64;
/// An answer is far shorter; a longer one is refused as none.
const MOST_ANSWER_BYTES: usize = 1 << 16;

/// A release of CRIU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CriuVersion {
    /// As in 4.1.1.
    pub major: i32,
    /// As in 4.1.1.
    pub minor: i32,
    /// As in 4.1.1.
    pub sublevel: i32,
}

impl CriuVersion {
    /// What every request needs: external pid namespaces, the freezer of cgroup v2, LSM profiles, word of the page server.
    pub const NEEDED: Self = Self { major: 3, minor: 16, sublevel: 0 };
}

impl fmt::Display for CriuVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)?;
        if self.sublevel > 0 { write!(f, ".{}", self.sublevel) } else { Ok(()) }
    }
}

/// The program CRIU.
#[derive(Clone, Debug)]
pub struct Criu {
    program: PathBuf,
    environment: Vec<OsString>,
}

impl Criu {
    /// The program at this path. `environment` (`NAME=value`) is what it sees: it looks for tools such as `iptables` in `PATH`.
    pub fn new(
        program: impl Into<PathBuf>,
        environment: impl IntoIterator<Item = OsString>,
    ) -> Self {
        Self { program: program.into(), environment: environment.into_iter().collect() }
    }

    /// The first program of the name `criu` in the directories of `path`, which has the form of `PATH`; nothing where there is none.
    #[must_use]
    pub fn find(path: &OsStr) -> Option<PathBuf> {
        let executable =
            |program: &PathBuf| accessat(CWD, program, Access::EXEC_OK, AtFlags::empty()).is_ok();
        let directories = path.as_bytes().split(|byte| *byte == b':');
        let programs =
            directories.map(|directory| Path::new(OsStr::from_bytes(directory)).join("criu"));
        programs.into_iter().find(executable)
    }

    /// Asks the program for its version.
    ///
    /// # Errors
    /// [`CheckpointError::Run`] where it cannot be executed, [`CheckpointError::Ended`] where it is no CRIU.
    pub fn version(&self) -> Result<CriuVersion, CheckpointError> {
        let answer = self.simple(&message::request(Kind::Version, None))?;
        let [major, minor, sublevel] = answer.version.ok_or(CheckpointError::Malformed)?;
        Ok(CriuVersion { major, minor, sublevel })
    }

    /// Refuses releases before [`CriuVersion::NEEDED`].
    pub(super) fn check_version(&self) -> Result<(), CheckpointError> {
        let found = self.version()?;
        let needed = CriuVersion::NEEDED;
        if found < needed { Err(CheckpointError::TooOld { found, needed }) } else { Ok(()) }
    }

    /// What the kernel and this release can do together.
    pub(super) fn features(&self) -> Result<Response, CheckpointError> {
        self.simple(&message::feature_check())
    }

    fn simple(&self, request: &Writer) -> Result<Response, CheckpointError> {
        let mut session = Session::start(self, &Start::default())?;
        session.say(request)?;
        let (answer, _) = session.hear()?;
        if answer.success { Ok(answer) } else { Err(CheckpointError::Malformed) }
    }
}

/// How a run begins.
#[derive(Default)]
pub(super) struct Start<'a> {
    /// Its standard streams, which the restored processes inherit; nothing is `/dev/null`.
    pub(super) stdio: Option<[BorrowedFd<'a>; 3]>,
    /// The directories of the images and of the log.
    pub(super) directories: Option<[&'a Path; 2]>,
    /// More that it inherits, from [`FIRST_INHERITED`] on.
    pub(super) inherit: Vec<BorrowedFd<'a>>,
    /// A root and where it is mounted, in a mount namespace of the run's own.
    pub(super) root: Option<(RootFrom<'a>, &'a Path)>,
}

/// Where a root comes from.
#[derive(Clone, Copy, Debug)]
pub(super) enum RootFrom<'a> {
    /// A directory of the host, with what is mounted below it.
    Directory(&'a Path),
    /// A mount that is attached nowhere.
    Detached(BorrowedFd<'a>),
}

/// One run of the program. Dropped before its end, it is killed.
#[derive(Debug)]
pub(super) struct Session {
    socket: OwnedFd,
    process: Process,
    ended: bool,
}

impl Session {
    pub(super) fn start(criu: &Criu, start: &Start<'_>) -> Result<Self, CheckpointError> {
        let run = |errno| CheckpointError::Run { program: criu.program.clone(), errno };
        let c_string =
            |bytes: Vec<u8>| CString::new(bytes).map_err(|_nul| run(Errno::from_raw(libc::EINVAL)));
        let c_path = |path: &Path| c_string(path.as_os_str().as_bytes().to_vec());
        let pair = || {
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
                .map_err(|errno| run(errno.into()))
        };
        let (meeting, door) = pair()?;
        let null = open(c"/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())
            .map_err(|errno| run(errno.into()))?;
        let program = c_path(&criu.program)?;
        let words = ["criu", "swrk", "3"].map(|word| CString::new(word).unwrap_or_default());
        let environment = criu.environment.iter().map(|entry| c_string(entry.clone().into_vec()));
        let environment = environment.collect::<Result<Vec<_>, _>>()?;
        let root = match start.root {
            Some((RootFrom::Directory(from), to)) => {
                Some((PreparedRoot::Directory(c_path(from)?), c_path(to)?))
            }
            Some((RootFrom::Detached(mount), to)) => {
                Some((PreparedRoot::Detached(mount), c_path(to)?))
            }
            None => None,
        };
        let directories = start.directories.unwrap_or([Path::new("/"); 2]);
        let newborn = Newborn {
            door: door.as_fd(),
            stdio: start.stdio.unwrap_or([null.as_fd(); 3]),
            directories: [&c_path(directories[0])?, &c_path(directories[1])?],
            inherit: &start.inherit,
            spares: Vec::with_capacity(usize::from(FIRST_INHERITED) + start.inherit.len()),
            root: root.as_ref().map(|(from, to)| (from, to.as_c_str())),
            program: &program,
            argv: &CStringArray::new(words.to_vec()),
            envp: &CStringArray::new(environment),
        };
        let namespaces = if root.is_some() { Namespaces::MOUNT } else { Namespaces::default() };
        let args = CloneArgs { namespaces, waits_for_exec: true, ..CloneArgs::default() };
        let cloned = clone3(args, || newborn.become_criu()).map_err(run)?;
        drop(door);
        let process = Process::new(cloned.pid, cloned.pidfd);
        // Dropped on an error, it is reaped.
        let mut session = Self { socket: meeting, process, ended: false };
        match receive_one(&session.socket) {
            Some(socket) => session.socket = socket,
            None => return Err(session.silent()),
        }
        Ok(session)
    }

    /// In the caller's pid namespace.
    pub(super) const fn pid(&self) -> i32 {
        self.process.pid()
    }

    pub(super) fn say(&self, request: &Writer) -> Result<(), CheckpointError> {
        let sent = retry(|| send(&self.socket, request.as_bytes(), SendFlags::NOSIGNAL));
        match sent {
            Ok(_) => Ok(()),
            // It may have left its last words; whoever listens for them learns more than this.
            Err(rustix::io::Errno::PIPE) => Ok(()),
            Err(errno) => Err(CheckpointError::system("talk with criu")(errno.into())),
        }
    }

    /// The next answer, with the descriptor that came with it.
    pub(super) fn hear(&mut self) -> Result<(Response, Option<OwnedFd>), CheckpointError> {
        let mut bytes = vec![0_u8; MOST_ANSWER_BYTES];
        let (received, descriptor) =
            receive(&self.socket, &mut bytes).map_err(CheckpointError::system("talk with criu"))?;
        if received == 0 {
            return Err(self.silent());
        }
        let answer = Response::read(&bytes[..received]).ok_or(CheckpointError::Malformed)?;
        Ok((answer, descriptor))
    }

    /// Hangs up and waits for the end.
    pub(super) fn finish(mut self) -> Result<(), CheckpointError> {
        let _hung_up = rustix::net::shutdown(&self.socket, rustix::net::Shutdown::Write);
        let status = self.reap()?;
        // Its code after a pre-dump is that of a service whose client left: nothing to be learnt from it.
        let _code = status.and_then(|status| status.exit_status());
        Ok(())
    }

    /// Why it said nothing: it was never run, or it ended.
    fn silent(&mut self) -> CheckpointError {
        match self.reap() {
            Ok(Some(status)) => match status.exit_status().and_then(not_run) {
                Some(errno) => CheckpointError::System { action: "run criu".to_owned(), errno },
                None => CheckpointError::Ended { log: None },
            },
            Ok(None) => CheckpointError::Ended { log: None },
            Err(error) => error,
        }
    }

    fn reap(&mut self) -> Result<Option<WaitIdStatus>, CheckpointError> {
        self.ended = true;
        let wait = || waitid(WaitId::PidFd(self.process.pidfd()), WaitIdOptions::EXITED);
        retry(wait).map_err(|errno| CheckpointError::system("wait for criu")(errno.into()))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if !self.ended {
            let _gone = self.process.signal(libc::SIGKILL);
            let _nothing_to_tell = self.reap();
        }
    }
}

/// Exit codes above this one tell the errno of what kept the program from being run.
const NOT_RUN: i32 = 100;

fn not_run(code: i32) -> Option<Errno> {
    (code > NOT_RUN).then(|| Errno::from_raw(code - NOT_RUN))
}

/// One packet, and the descriptor that came with it; no bytes where the other end is closed.
fn receive(socket: &OwnedFd, bytes: &mut [u8]) -> Result<(usize, Option<OwnedFd>), Errno> {
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = retry(|| {
        let buffers = &mut [IoSliceMut::new(bytes)];
        recvmsg(socket, buffers, &mut control, RecvFlags::CMSG_CLOEXEC)
    });
    let received = match received {
        Ok(received) => received.bytes,
        Err(rustix::io::Errno::CONNRESET) => 0,
        Err(errno) => return Err(errno.into()),
    };
    let mut descriptor = None;
    for part in control.drain() {
        if let RecvAncillaryMessage::ScmRights(mut descriptors) = part {
            descriptor = descriptors.next();
        }
    }
    Ok((received, descriptor))
}

/// The socket that the new process has made.
fn receive_one(meeting: &OwnedFd) -> Option<OwnedFd> {
    receive(meeting, &mut [0]).ok()?.1
}

/// As [`RootFrom`], for a child that must not allocate.
enum PreparedRoot<'a> {
    Directory(CString),
    Detached(BorrowedFd<'a>),
}

/// What the new process has of its parent. Nothing here allocates.
struct Newborn<'a> {
    /// Where our end of its socket is handed out.
    door: BorrowedFd<'a>,
    stdio: [BorrowedFd<'a>; 3],
    directories: [&'a CStr; 2],
    inherit: &'a [BorrowedFd<'a>],
    /// Room for copies of everything that it keeps.
    spares: Vec<OwnedFd>,
    root: Option<(&'a PreparedRoot<'a>, &'a CStr)>,
    program: &'a CStr,
    argv: &'a CStringArray,
    envp: &'a CStringArray,
}

impl Newborn<'_> {
    fn become_criu(mut self) -> Infallible {
        let errno = match self.prepare() {
            Ok(()) => execve(self.program, self.argv, self.envp),
            Err(errno) => errno,
        };
        exit_now(NOT_RUN + errno.raw().min(154))
    }

    fn prepare(&mut self) -> Result<(), Errno> {
        sys::unblock_all_signals()?;
        if let Some((from, to)) = self.root {
            // CRIU wants a root that is a mount with nothing mounted over its parent. Nobody else sees it, and what the host
            // mounts or unmounts meanwhile still arrives.
            let slave = MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC;
            mount_change(c"/", slave)?;
            match from {
                PreparedRoot::Directory(from) => mount_bind_recursive(from.as_c_str(), to)?,
                PreparedRoot::Detached(mount) => {
                    move_mount(mount, c"", CWD, to, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?;
                }
            }
        }
        self.gather()?;
        sys::close_on_exec_from(SOCKET.into())?;
        for (number, spare) in (0_u8..).zip(&self.spares) {
            sys::place_inherited(spare.as_fd(), number)?;
        }
        Ok(())
    }

    /// Copies everything above the numbers that it shall have, in their order. CRIU opens the directories through `/proc` of
    /// whoever made the socket, and mounts in them: so it has made the socket itself, and opened them in its own mount namespace.
    fn gather(&mut self) -> Result<(), Errno> {
        let (ours, theirs) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        for stream in self.stdio {
            self.spares.push(spare(stream)?);
        }
        self.spares.push(spare(theirs.as_fd())?);
        for directory in self.directories {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            self.spares.push(spare(open(directory, flags, Mode::empty())?.as_fd())?);
        }
        for descriptor in self.inherit {
            self.spares.push(spare(*descriptor)?);
        }
        let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let rights = [ours.as_fd()];
        control.push(SendAncillaryMessage::ScmRights(&rights));
        sendmsg(self.door, &[IoSlice::new(&[0])], &mut control, SendFlags::NOSIGNAL)?;
        Ok(())
    }
}

fn spare(descriptor: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    Ok(rustix::io::fcntl_dupfd_cloexec(descriptor, SPARE)?)
}
