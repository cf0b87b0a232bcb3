//! A plan made ready for a child that must not allocate: C strings, pointer arrays, numbers.
//!
//! Everything that can fail for a reason of ours (a NUL byte, an unknown resource) fails here, in the parent.

use std::ffi::CString;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::FileType;
use rustix::process::Resource;
use sys::{CStringArray, FilterInstruction, MountAttributes, Namespaces};

use crate::capability;
use crate::error::StartError;
use crate::hooks::{self, PreparedHook};
use crate::host_root;
use crate::id_map::{IdMap, IdMaps};
use crate::plan::{CapabilityPlan, DeviceNode, HookPlan, Plan, ProcessPlan, Step};
use crate::scheduling::{Processors, SchedulingPlan};

/// mount(2) takes one page of options.
pub(crate) const PAGE: usize = 4096;

pub(crate) struct Prepared {
    /// Made by clone3.
    pub(crate) namespaces: Namespaces,
    pub(crate) steps: Vec<Action>,
    pub(crate) process: PreparedProcess,
}

/// A path inside the new root.
pub(crate) struct Target {
    /// Relative to the root; never empty.
    pub(crate) path: CString,
}

/// What is bound.
pub(crate) struct BindSource {
    pub(crate) path: CString,
    pub(crate) recursive: bool,
    pub(crate) id_map: Option<IdMap>,
}

/// What a bind has beside its source.
#[derive(Clone, Copy)]
pub(crate) struct BindAttributes {
    pub(crate) own: MountAttributes<'static>,
    /// Bits that it loses where the kernel lets them go.
    pub(crate) unless_locked: u64,
    /// For the mount and all below it.
    pub(crate) tree: MountAttributes<'static>,
}

/// One [`Step`], ready.
pub(crate) enum Action {
    DetachPropagation {
        flags: u64,
    },
    OverlayRoot {
        options: OverlayOptions,
        at: CString,
    },
    BindRoot {
        path: CString,
    },
    Mount(FileSystem),
    Bind {
        source: BindSource,
        target: Target,
        attributes: BindAttributes,
        /// The source's mounts, cloned while they still have their peers on the host.
        tree: Option<OwnedFd>,
    },
    Propagation {
        target: Option<Target>,
        flags: u64,
    },
    Devices {
        nodes: Vec<Node>,
        links: Vec<(CString, CString)>,
        elsewhere: Vec<Node>,
    },
    Console,
    LoopbackUp,
    HostName {
        name: CString,
    },
    DomainName {
        name: CString,
    },
    TimeNamespace {
        offsets: CString,
    },
    EnterGroups,
    Hooks {
        hooks: Vec<PreparedHook>,
    },
    CgroupNamespace,
    CgroupV1 {
        target: Target,
        hierarchies: Vec<V1Mount>,
        read_only: bool,
    },
    CgroupV2(V2Mount),
    Seal {
        target: Target,
    },
    PivotRoot,
    MoveRoot {
        /// Where whole file systems of the kernel are mounted on the host.
        revealing: Vec<CString>,
    },
    ChangeRoot,
    Sysctl {
        path: CString,
        value: CString,
    },
    Mask {
        path: CString,
    },
    ReadOnly {
        path: CString,
    },
    ReadOnlyRoot,
    OomScoreAdjust {
        value: CString,
    },
}

/// A file system to mount.
pub(crate) struct FileSystem {
    pub(crate) kind: CString,
    pub(crate) source: CString,
    pub(crate) target: Target,
    pub(crate) flags: u64,
    pub(crate) data: CString,
    pub(crate) copy_up: bool,
    pub(crate) keep_mode: bool,
}

pub(crate) enum OverlayOptions {
    /// Short enough for mount(2).
    Joined(CString),
    /// One by one, Linux 6.5.
    Single { lower: Vec<CString>, upper: CString, work: CString, volatile: bool },
}

pub(crate) struct Node {
    /// Relative to `/dev`, or to the root for one that is elsewhere.
    pub(crate) path: CString,
    /// The same device on the host.
    pub(crate) host: CString,
    pub(crate) kind: FileType,
    pub(crate) device: u64,
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

pub(crate) struct V1Mount {
    pub(crate) source: CString,
    pub(crate) name: CString,
    /// One link per controller of a hierarchy that has several.
    pub(crate) links: Vec<CString>,
}

pub(crate) struct V2Mount {
    pub(crate) target: Target,
    pub(crate) flags: u64,
    pub(crate) data: CString,
    pub(crate) group: CString,
    pub(crate) attributes: BindAttributes,
}

pub(crate) struct PreparedProcess {
    pub(crate) programs: Vec<CString>,
    pub(crate) argv: CStringArray,
    pub(crate) envp: CStringArray,
    /// Nothing for the root itself.
    pub(crate) cwd: Option<Target>,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) groups: Vec<rustix::process::Gid>,
    pub(crate) umask: u32,
    pub(crate) capabilities: Option<CapabilityPlan>,
    pub(crate) rlimits: Vec<(Resource, rustix::process::Rlimit)>,
    pub(crate) no_new_privileges: bool,
    pub(crate) seccomp: Option<(Vec<FilterInstruction>, u32)>,
    pub(crate) apparmor: Option<CString>,
    pub(crate) selinux: Option<CString>,
    pub(crate) terminal: Option<rustix::termios::Winsize>,
    pub(crate) init: bool,
    /// Run right before the program, with its rights.
    pub(crate) start_hooks: Vec<PreparedHook>,
    /// The first descriptor that does not stay open.
    pub(crate) close_from: u32,
    pub(crate) keep_keyring: bool,
    pub(crate) processors: Processors,
    pub(crate) scheduling: SchedulingPlan,
    pub(crate) personality: Option<u32>,
    /// Device and inode of this program.
    pub(crate) own_program: Option<(u64, u64)>,
}

impl Prepared {
    pub(crate) fn new(plan: &Plan) -> Result<Self, StartError> {
        let mut steps = plan.steps.iter().map(prepare).collect::<Result<Vec<_>, _>>()?;
        let mut id_maps = IdMaps::default();
        for (action, step) in steps.iter_mut().zip(&plan.steps) {
            if let (Action::Bind { source, .. }, Step::Bind { id_map: Some(map), .. }) =
                (action, step)
            {
                source.id_map = Some(id_maps.prepare(map)?);
            }
        }
        let mut process = PreparedProcess::new(&plan.process, Processors::Every)?;
        if let Some(HookPlan { hooks, .. }) = &plan.hooks {
            process.start_hooks = hooks::prepare(&hooks.start_container, &plan.process.env)?;
            for step in &mut steps {
                if let Action::Hooks { hooks: prepared } = step {
                    *prepared = hooks::prepare(&hooks.create_container, &plan.process.env)?;
                }
            }
        }
        Ok(Self {
            namespaces: crate::process::clone_flags(&plan.namespaces.create),
            steps,
            process,
        })
    }

    /// Whether the control groups are entered by a step; otherwise they are entered first of all.
    pub(crate) fn enters_groups_later(&self) -> bool {
        self.steps.iter().any(|action| matches!(action, Action::EnterGroups))
    }
}

#[expect(clippy::too_many_lines, reason = "a table: one row for each kind of step")]
fn prepare(step: &Step) -> Result<Action, StartError> {
    Ok(match step {
        Step::DetachPropagation { flags } => Action::DetachPropagation { flags: *flags },
        Step::OverlayRoot { lower, upper, work, at, volatile } => {
            Action::OverlayRoot { options: overlay(lower, upper, work, *volatile)?, at: path(at)? }
        }
        Step::BindRoot { path: root } => Action::BindRoot { path: path(root)? },
        Step::Mount { kind, source, target: at, flags, data, copy_up, keep_mode } => {
            Action::Mount(FileSystem {
                kind: text(kind)?,
                source: text(source)?,
                target: Target::new(at)?,
                flags: *flags,
                data: text(data)?,
                copy_up: *copy_up,
                keep_mode: *keep_mode,
            })
        }
        Step::Bind { source, target, recursive, keep_peers, .. } => {
            let tree = keep_peers.then(|| clone_tree(source, *recursive)).transpose()?;
            Action::Bind {
                // Ids are mapped once all steps are there: those with the same maps share a namespace.
                source: BindSource { path: path(source)?, recursive: *recursive, id_map: None },
                target: Target::new(target)?,
                attributes: BindAttributes::of(step),
                tree,
            }
        }
        Step::Propagation { target, flags } => {
            let target = (target != Path::new("/")).then(|| Target::new(target)).transpose()?;
            Action::Propagation { target, flags: *flags }
        }
        Step::Devices { nodes, links, elsewhere } => {
            let links = links
                .iter()
                .map(|(name, to)| Ok((text(name)?, text(to)?)))
                .collect::<Result<_, StartError>>()?;
            let prepare = |nodes: &[DeviceNode], below| {
                nodes.iter().map(|made| node(made, below)).collect::<Result<_, _>>()
            };
            Action::Devices {
                nodes: prepare(nodes, "/dev")?,
                links,
                elsewhere: prepare(elsewhere, "/")?,
            }
        }
        Step::Console => Action::Console,
        Step::LoopbackUp => Action::LoopbackUp,
        Step::HostName { name } => Action::HostName { name: text(name)? },
        Step::DomainName { name } => Action::DomainName { name: text(name)? },
        Step::TimeNamespace { offsets } => Action::TimeNamespace { offsets: text(offsets)? },
        Step::EnterGroups => Action::EnterGroups,
        Step::CgroupNamespace => Action::CgroupNamespace,
        Step::CgroupV1 { target, hierarchies, read_only } => Action::CgroupV1 {
            target: Target::new(target)?,
            hierarchies: hierarchies.iter().map(v1_mount).collect::<Result<_, _>>()?,
            read_only: *read_only,
        },
        // Filled in by whoever knows the hooks.
        Step::Hooks => Action::Hooks { hooks: Vec::new() },
        Step::CgroupV2 { target, flags, data, group, set } => Action::CgroupV2(V2Mount {
            target: Target::new(target)?,
            flags: *flags,
            data: text(data)?,
            group: path(group)?,
            attributes: BindAttributes::setting(*set),
        }),
        Step::Seal { target } => Action::Seal { target: Target::new(target)? },
        Step::PivotRoot => Action::PivotRoot,
        Step::MoveRoot => Action::MoveRoot { revealing: host_root::revealing()? },
        Step::ChangeRoot => Action::ChangeRoot,
        Step::Sysctl { path, value } => {
            Action::Sysctl { path: text(&format!("/proc/sys/{path}"))?, value: text(value)? }
        }
        Step::Mask { path: at } => Action::Mask { path: path(at)? },
        Step::ReadOnly { path: at } => Action::ReadOnly { path: path(at)? },
        Step::ReadOnlyRoot => Action::ReadOnlyRoot,
        Step::OomScoreAdjust { value } => {
            Action::OomScoreAdjust { value: text(&value.to_string())? }
        }
    })
}

/// Cloned before the child cuts its mount namespace off, a mount keeps its peers: mount_namespaces(7), "Peer groups".
fn clone_tree(source: &Path, recursive: bool) -> Result<OwnedFd, StartError> {
    crate::rootfs::clone_tree(&path(source)?, recursive)
        .map_err(|errno| StartError::Open { path: source.to_owned(), errno })
}

impl Target {
    pub(crate) fn new(at: &Path) -> Result<Self, StartError> {
        let relative = at.strip_prefix("/").unwrap_or(at);
        if relative.as_os_str().is_empty() {
            return Err(StartError::Nul { what: "an empty mount target" });
        }
        Ok(Self { path: path(relative)? })
    }
}

impl BindAttributes {
    fn setting(set: u64) -> Self {
        let (own, tree) = (attributes(set, 0), attributes(0, 0));
        Self { own, unless_locked: 0, tree }
    }

    fn of(bind: &Step) -> Self {
        let Step::Bind {
            set, clear, set_recursive, clear_unless_locked, tree_set, tree_clear, ..
        } = bind
        else {
            return Self::setting(0);
        };
        if *set_recursive {
            return Self { tree: attributes(*set, *clear), ..Self::setting(0) };
        }
        Self {
            own: attributes(*set, *clear),
            unless_locked: *clear_unless_locked,
            tree: attributes(*tree_set, *tree_clear),
        }
    }
}

fn attributes(set: u64, clear: u64) -> MountAttributes<'static> {
    MountAttributes { set, clear, ..MountAttributes::default() }
}

fn overlay(
    lower: &[std::path::PathBuf],
    upper: &Path,
    work: &Path,
    volatile: bool,
) -> Result<OverlayOptions, StartError> {
    // overlayfs takes ":" as the end of a layer and "," as the end of an option unless a backslash stands before them.
    let escaped = |path: &Path| {
        path.to_string_lossy().replace('\\', "\\\\").replace(':', "\\:").replace(',', "\\,")
    };
    let joined: Vec<String> = lower.iter().map(|layer| escaped(layer)).collect();
    let options = format!(
        "lowerdir={},upperdir={},workdir={}{}",
        joined.join(":"),
        escaped(upper),
        escaped(work),
        if volatile { ",volatile" } else { "" }
    );
    if options.len() < PAGE {
        return Ok(OverlayOptions::Joined(text(&options)?));
    }
    let lower = lower.iter().map(|layer| path(layer)).collect::<Result<_, _>>()?;
    Ok(OverlayOptions::Single { lower, upper: path(upper)?, work: path(work)?, volatile })
}

fn node(node: &DeviceNode, below: &str) -> Result<Node, StartError> {
    let name = node.name.trim_start_matches('/');
    let kind = match (node.fifo, node.block) {
        (true, _) => FileType::Fifo,
        (false, true) => FileType::BlockDevice,
        (false, false) => FileType::CharacterDevice,
    };
    Ok(Node {
        path: text(name)?,
        host: path(&Path::new(below).join(name))?,
        kind,
        device: rustix::fs::makedev(node.major, node.minor),
        mode: node.mode,
        uid: node.uid,
        gid: node.gid,
    })
}

fn v1_mount(hierarchy: &crate::plan::V1Hierarchy) -> Result<V1Mount, StartError> {
    let links = hierarchy.links.iter().map(|link| text(link)).collect::<Result<_, _>>()?;
    Ok(V1Mount { source: path(&hierarchy.source)?, name: text(&hierarchy.name)?, links })
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
        Ok(Self {
            programs: strings(&process.programs)?,
            argv: CStringArray::new(strings(&process.args)?),
            envp: CStringArray::new(strings(&process.env)?),
            cwd,
            uid: process.uid,
            gid: process.gid,
            groups: process.groups.iter().map(|gid| rustix::process::Gid::from_raw(*gid)).collect(),
            umask: process.umask,
            capabilities: process.capabilities.map(within_reach),
            rlimits: process.rlimits.iter().map(rlimit).collect::<Result<_, _>>()?,
            no_new_privileges: process.no_new_privileges,
            seccomp: process
                .seccomp
                .as_ref()
                .map(|program| (program.instructions.clone(), program.flags)),
            apparmor: process
                .apparmor_profile
                .as_ref()
                .map(|profile| text(&format!("exec {profile}")))
                .transpose()?,
            selinux: process.selinux_label.as_ref().map(|label| text(label)).transpose()?,
            terminal: process.terminal.then_some(winsize),
            init: process.init,
            start_hooks: Vec::new(),
            close_from: process.preserved_descriptors.saturating_add(3),
            keep_keyring: process.keep_keyring,
            processors,
            scheduling: process.scheduling.clone(),
            personality: process.personality,
            own_program: crate::protect::own_identity(),
        })
    }
}

/// What the caller does not have itself cannot be given: config.md, "capabilities", lets a runtime pass over it.
fn within_reach(sets: CapabilityPlan) -> CapabilityPlan {
    let own =
        rustix::thread::capabilities(None).map_or(capability::all(), |own| own.permitted.bits());
    CapabilityPlan {
        bounding: sets.bounding & own,
        effective: sets.effective & own,
        inheritable: sets.inheritable & own,
        permitted: sets.permitted & own,
        ambient: sets.ambient & own,
    }
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

pub(crate) fn text(string: &str) -> Result<CString, StartError> {
    CString::new(string).map_err(|_nul| StartError::Nul { what: "a string of the plan" })
}

pub(crate) fn path(path: &Path) -> Result<CString, StartError> {
    CString::new(path.as_os_str().as_bytes())
        .map_err(|_nul| StartError::Nul { what: "a path of the plan" })
}
