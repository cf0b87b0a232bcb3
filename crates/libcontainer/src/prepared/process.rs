//! A process made ready for a child that must not allocate.

use std::ffi::CString;
use std::path::Path;

use rustix::process::Resource;
use sys::{CStringArray, FilterInstruction};

use super::{Target, text};
use crate::apparmor;
use crate::error::StartError;
use crate::home;
use crate::hooks::PreparedHook;
use crate::landlock::PreparedLandlock;
use crate::plan::{CapabilityPlan, ProcessPlan};
use crate::scheduling::{Processors, SchedulingPlan};
use crate::selinux;

pub(crate) struct PreparedProcess {
    pub(crate) programs: Vec<CString>,
    pub(crate) argv: CStringArray,
    pub(crate) envp: CStringArray,
    /// Whether the environment ends with a HOME that has to be looked up.
    pub(crate) home_missing: bool,
    /// Nothing for the root itself.
    pub(crate) cwd: Option<Target>,
    /// Whether it is made where it is missing: for the first process of a container, as other runtimes have it.
    pub(crate) makes_cwd: bool,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) groups: Vec<rustix::process::Gid>,
    /// Whether the caller is in a user namespace where nobody sets groups, nor anybody in those below.
    pub(crate) groups_denied: bool,
    pub(crate) umask: u32,
    pub(crate) capabilities: Option<CapabilityPlan>,
    pub(crate) rlimits: Vec<(Resource, rustix::process::Rlimit)>,
    pub(crate) no_new_privileges: bool,
    pub(crate) seccomp: Option<(Vec<FilterInstruction>, u32)>,
    pub(crate) landlock: Option<PreparedLandlock>,
    pub(crate) apparmor: Option<CString>,
    /// What an init writes to enter the profile, too.
    pub(crate) apparmor_of_init: Option<CString>,
    pub(crate) selinux: Option<CString>,
    pub(crate) terminal: Option<rustix::termios::Winsize>,
    /// It stays nobody's.
    pub(crate) leaves_terminal: bool,
    pub(crate) init: bool,
    /// Run right before the program, with its rights.
    pub(crate) start_hooks: Vec<PreparedHook>,
    /// The first descriptor that does not stay open.
    pub(crate) close_from: u32,
    pub(crate) keep_keyring: bool,
    pub(crate) keyring: Option<CString>,
    pub(crate) processors: Processors,
    pub(crate) scheduling: SchedulingPlan,
    pub(crate) personality: Option<u32>,
    /// Device and inode of this program.
    pub(crate) own_program: Option<(u64, u64)>,
}

impl PreparedProcess {
    pub(crate) fn new(process: &ProcessPlan, processors: Processors) -> Result<Self, StartError> {
        let strings =
            |list: &[String]| list.iter().map(|string| text(string)).collect::<Result<Vec<_>, _>>();
        let cwd = (process.cwd != Path::new("/")).then(|| Target::new(&process.cwd)).transpose()?;
        let size = process.console_size.unwrap_or_default();
        let winsize = rustix::termios::Winsize {
            ws_row: size.height,
            ws_col: size.width,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let apparmor = apparmor::at_exec(process.apparmor_profile.as_ref())?;
        let of_init = apparmor.as_deref().filter(|_| process.init);
        Ok(Self {
            apparmor_of_init: of_init.map(apparmor::at_once).transpose()?,
            apparmor,
            programs: strings(&process.programs)?,
            argv: CStringArray::new(strings(&process.args)?),
            envp: if process.home_missing {
                CStringArray::with_blank(strings(&process.env)?, c"HOME=", home::LONGEST)
            } else {
                CStringArray::new(strings(&process.env)?)
            },
            home_missing: process.home_missing,
            cwd,
            makes_cwd: true,
            uid: process.uid,
            gid: process.gid,
            groups: process.groups.iter().map(|gid| rustix::process::Gid::from_raw(*gid)).collect(),
            groups_denied: !process.groups.is_empty() && setgroups_is_denied(),
            umask: process.umask,
            capabilities: process.capabilities,
            rlimits: process.rlimits.iter().map(rlimit).collect::<Result<_, _>>()?,
            no_new_privileges: process.no_new_privileges,
            seccomp: process
                .seccomp
                .as_ref()
                .map(|program| (program.instructions.clone(), program.flags)),
            landlock: process.landlock.as_ref().map(PreparedLandlock::new).transpose()?,
            selinux: selinux::process_label(process.selinux_label.as_ref())?,
            terminal: process.terminal.then_some(winsize),
            leaves_terminal: process.leaves_terminal,
            init: process.init,
            start_hooks: Vec::new(),
            close_from: process.preserved_descriptors.saturating_add(3),
            keep_keyring: process.keep_keyring,
            keyring: process.keyring.as_deref().map(text).transpose()?,
            processors,
            scheduling: process.scheduling.clone(),
            personality: process.personality,
            own_program: crate::protect::own_identity(),
        })
    }
}

/// user_namespaces(7), "The /proc/pid/setgroups file".
fn setgroups_is_denied() -> bool {
    std::fs::read_to_string("/proc/self/setgroups").is_ok_and(|text| text.trim() == "deny")
}

fn rlimit(
    limit: &crate::plan::RlimitPlan,
) -> Result<(Resource, rustix::process::Rlimit), StartError> {
    let resource = match limit.resource.as_str() {
        "as" => Resource::As,
        "core" => Resource::Core,
        "cpu" => Resource::Cpu,
        "data" => Resource::Data,
        "fsize" => Resource::Fsize,
        "locks" => Resource::Locks,
        "memlock" => Resource::Memlock,
        "msgqueue" => Resource::Msgqueue,
        "nice" => Resource::Nice,
        "nofile" => Resource::Nofile,
        "nproc" => Resource::Nproc,
        "rss" => Resource::Rss,
        "rtprio" => Resource::Rtprio,
        "rttime" => Resource::Rttime,
        "sigpending" => Resource::Sigpending,
        "stack" => Resource::Stack,
        _ => return Err(StartError::Nul { what: "the name of a resource limit" }),
    };
    Ok((resource, rustix::process::Rlimit { current: limit.soft, maximum: limit.hard }))
}
