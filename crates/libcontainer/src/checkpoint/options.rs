//! What callers choose, as they know it from the `checkpoint` and `restore` commands of other runtimes.

use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, open};

use super::criu::{IMAGES, WORK};
use super::error::{CheckpointError, LogTail};
use super::message::option;
use super::protobuf::Writer;

/// What a dump and a restore have in common.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The directory of the images; a dump makes it where it is missing.
    pub images: PathBuf,
    /// The directory of the log and of what is needed for a while; nothing is that of the images. It is made where missing.
    pub work: Option<PathBuf>,
    /// Established TCP connections are allowed: they go on after the restore.
    pub tcp_established: bool,
    /// Unix sockets whose other end is outside are allowed.
    pub external_unix_sockets: bool,
    /// The processes belong to a session, or use a terminal, of somebody outside.
    pub shell_job: bool,
    /// File locks are allowed: they are taken again at the restore, if nobody has them.
    pub file_locks: bool,
    /// What is done about control groups.
    pub cgroups: CgroupMode,
    /// Punch what a newer dump replaces, or what is restored, out of the images.
    pub auto_dedup: bool,
    /// Memory is sent, or fetched, page by page when it is touched. userfaultfd(2).
    pub lazy_pages: bool,
    /// A file of further options, in CRIU's own form, that override these. One that does not exist is none.
    pub config_file: Option<PathBuf>,
}

/// What is done about control groups. criu(8), `--manage-cgroups`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CgroupMode {
    /// CRIU's own default, soft.
    #[default]
    Default,
    /// Settings are restored in groups that were made by the restore.
    Soft,
    /// Always restored, in groups that exist too.
    Full,
    /// As full, and groups that exist already are an error.
    Strict,
    /// Nothing: processes stay in the groups of the new container.
    Ignore,
}

impl CgroupMode {
    /// By its name on command lines; the empty one is the default.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "" => Self::Default,
            "soft" => Self::Soft,
            "full" => Self::Full,
            "strict" => Self::Strict,
            "ignore" => Self::Ignore,
            _ => return None,
        })
    }

    /// `criu_cg_mode`.
    const fn number(self) -> i32 {
        match self {
            Self::Ignore => 0,
            Self::Soft => 3,
            Self::Full => 4,
            Self::Strict => 5,
            Self::Default => 6,
        }
    }
}

/// What only a dump has.
#[derive(Clone, Debug, Default)]
pub struct DumpOptions {
    /// What it has in common with a restore.
    pub options: Options,
    /// How much of the container is written, and what becomes of it.
    pub kind: DumpKind,
    /// Images of an earlier dump, relative to the new ones: memory that has not changed since is not written again.
    pub parent: Option<PathBuf>,
    /// TCP connections that are being made are left out, for their other end to try again.
    pub tcp_skip_in_flight: bool,
    /// Open files without a name get one for a while where they are.
    pub link_remap: bool,
    /// Memory goes there instead of into the images.
    pub page_server: Option<PageServer>,
}

/// How much of a container is written, and what becomes of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DumpKind {
    /// All of it, and its processes end.
    #[default]
    Stop,
    /// All of it, and it goes on.
    LeaveRunning,
    /// Only its memory, ahead of a dump that names this one as its parent; it goes on.
    PreDump,
}

/// A page server, as `criu page-server` is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageServer {
    /// Its address.
    pub address: String,
    /// Its port.
    pub port: u16,
}

/// What only a restore has.
#[derive(Clone, Debug, Default)]
pub struct RestoreOptions {
    /// What it has in common with a dump.
    pub options: Options,
    /// Another security profile than the one of the dump, `TYPE:NAME`.
    pub lsm_profile: Option<String>,
    /// Another SELinux context for the mounts.
    pub lsm_mount_context: Option<String>,
}

/// The directories of a run, and where its log is.
pub(super) struct Directories<'a> {
    pub(super) paths: [&'a Path; 2],
    log: &'static str,
}

impl Directories<'_> {
    /// The log's end; nothing where there is none.
    pub(super) fn log_tail(&self) -> Option<LogTail> {
        LogTail::read(self.paths[1].join(self.log))
    }
}

/// Information of CRIU's log: everything but what helps its developers only.
const LOG_LEVEL: i32 = 4;

impl Options {
    /// What engines allow, as Docker does: connections, sockets, terminals and file locks are taken along.
    #[must_use]
    pub fn of_engines(images: PathBuf) -> Self {
        Self {
            images,
            tcp_established: true,
            external_unix_sockets: true,
            shell_job: true,
            file_locks: true,
            ..Self::default()
        }
    }

    /// Both directories, there and to be opened.
    pub(super) fn directories(
        &self,
        log: &'static str,
    ) -> Result<Directories<'_>, CheckpointError> {
        let work = self.work.as_ref().unwrap_or(&self.images);
        if self.work.is_some() {
            make_directory(work)?;
        }
        for path in [&self.images, work] {
            check_directory(path)?;
        }
        Ok(Directories { paths: [&self.images, work], log })
    }

    /// The fields that both requests have.
    pub(super) fn write(&self, directories: &Directories<'_>) -> Writer {
        let mut to = Writer::default();
        to.number(option::IMAGES_DIR_FD, IMAGES);
        to.number(option::WORK_DIR_FD, WORK);
        to.number(option::LOG_LEVEL, LOG_LEVEL);
        to.text(option::LOG_FILE, directories.log.as_bytes());
        to.flag(option::NOTIFY_SCRIPTS, true);
        to.flag(option::ORPHAN_PTS_MASTER, true);
        to.flag(option::TCP_ESTABLISHED, self.tcp_established);
        to.flag(option::EXT_UNIX_SK, self.external_unix_sockets);
        to.flag(option::SHELL_JOB, self.shell_job);
        to.flag(option::FILE_LOCKS, self.file_locks);
        // The older field says whether anything is done at all, and wins where it is absent.
        to.flag(option::MANAGE_CGROUPS, true);
        to.number(option::MANAGE_CGROUPS_MODE, self.cgroups.number());
        to.flag(option::AUTO_DEDUP, self.auto_dedup);
        to.flag(option::LAZY_PAGES, self.lazy_pages);
        // Whoever gives a container its network does so again after a restore.
        to.number(option::EMPTY_NS, libc::CLONE_NEWNET);
        if let Some(path) = &self.config_file {
            to.text(option::CONFIG_FILE, path.as_os_str().as_encoded_bytes());
        }
        to
    }
}

/// Makes a directory for its owner only, unless it exists.
pub(super) fn make_directory(path: &Path) -> Result<(), CheckpointError> {
    let mut builder = std::fs::DirBuilder::new();
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .recursive(true)
        .create(path)
        .map_err(|cause| CheckpointError::Image { path: path.to_owned(), cause })
}

/// So that the one that is wrong can be named: CRIU opens them itself.
fn check_directory(path: &Path) -> Result<(), CheckpointError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    open(path, flags, Mode::empty())
        .map(drop)
        .map_err(|errno| CheckpointError::Image { path: path.to_owned(), cause: errno.into() })
}
