//! A plan made ready for a child that must not allocate: C strings, pointer arrays, numbers.
//!
//! Everything that can fail for a reason of ours (a NUL byte, an unknown resource) fails here, in the parent.

use std::ffi::CString;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::FileType;
use sys::{MountAttributes, Namespaces};

use crate::ahead::Ahead;
use crate::boot_id::PreparedName;
use crate::console::TerminalPlace;
use crate::directory_root::DirectoryRoot;
use crate::error::StartError;
use crate::given::PreparedGift;
use crate::hooks::{self, PreparedHook};
use crate::host_root;
use crate::id_map::{IdMap, IdMaps, is_unprivileged};
use crate::lent::LentMount;
use crate::mapped_root::MappedRoot;
use crate::plan::{DeviceNode, HookPlan, Plan, Step};
use crate::scheduling::Processors;
use crate::selinux::{self, Labelling};
use crate::shown::PreparedShow;

mod bind;
mod overlay;
mod process;

pub(crate) use bind::BindAttributes;
pub(crate) use overlay::OverlayOptions;
pub(crate) use process::PreparedProcess;

/// mount(2) takes one page of options.
pub(crate) const PAGE: usize = 4096;

pub(crate) struct Prepared {
    /// Made by clone3.
    pub(crate) namespaces: Namespaces,
    pub(crate) steps: Vec<Action>,
    pub(crate) process: PreparedProcess,
    /// Contents of files that are given.
    pub(crate) contents: Option<OwnedFd>,
    /// File system of what is shown, mounted nowhere.
    pub(crate) shown: Option<OwnedFd>,
    /// Mounts that are lent before the child asks.
    pub(crate) ahead: Ahead,
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Prepared").finish_non_exhaustive()
    }
}

/// A path inside the new root.
pub(crate) struct Target {
    /// Relative to the root; never empty.
    pub(crate) path: CString,
}

/// What is bound.
pub(crate) struct BindSource {
    pub(crate) path: CString,
    /// A directory that links on the way cannot lead out of.
    pub(crate) within: Option<CString>,
    pub(crate) recursive: bool,
    /// Process in whose mount namespace it is.
    pub(crate) of_process: Option<i32>,
    pub(crate) id_map: Option<IdMap>,
}

/// One [`Step`], ready.
pub(crate) enum Action {
    DetachPropagation {
        flags: u64,
    },
    OverlayRoot {
        options: OverlayOptions,
        at: CString,
        /// Where the host may have mounted the same.
        shared: Option<CString>,
    },
    /// An overlay that the child is lent.
    MappedRoot(Box<MappedRoot>),
    DirectoryRoot(DirectoryRoot),
    RootAttributes(MountAttributes<'static>),
    BindRoot {
        path: CString,
    },
    Part {
        target: Target,
        attributes: BindAttributes,
        mode: Option<u32>,
    },
    Mount(FileSystem),
    /// A file system that the child is lent.
    Lent(Box<LentMount>),
    Bind {
        source: BindSource,
        target: Target,
        attributes: BindAttributes,
        /// Whether the source's mounts keep their peers on the host, where the parent then clones them.
        keep_peers: bool,
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
    Console(TerminalPlace),
    Terminals(Vec<TerminalPlace>),
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
        hierarchies: V1Mounts,
        read_only: bool,
    },
    CgroupV2(V2Mount),
    Give(PreparedGift),
    Show(PreparedShow),
    NameBoot(PreparedName),
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
        path: Masked,
    },
    ReadOnly {
        path: CString,
    },
    ReadOnlyRoot,
    OomScoreAdjust {
        value: CString,
    },
}

impl Action {
    /// Whether the control groups are entered by then: by a step of its own, or because the parent, which is asked for a mount,
    /// makes them first.
    pub(crate) fn wants_groups(&self) -> bool {
        matches!(self, Self::EnterGroups) || self.is_lent()
    }

    /// Whether the parent is asked for it, see [`crate::lend`].
    pub(crate) const fn is_lent(&self) -> bool {
        let Self::Bind { source, keep_peers, .. } = self else { return false };
        *keep_peers || source.of_process.is_some()
    }
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
    /// A label that is no option of it, but an attribute.
    pub(crate) label: Option<CString>,
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

/// The hierarchies, and options of the file system that they are mounted in.
pub(crate) struct V1Mounts {
    pub(crate) list: Vec<V1Mount>,
    pub(crate) options: CString,
}

/// A path that is covered, by something with the label of the mounts.
pub(crate) struct Masked {
    pub(crate) path: CString,
    pub(crate) label: Option<CString>,
}

pub(crate) struct V1Mount {
    pub(crate) source: CString,
    pub(crate) callers: Option<CString>,
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

impl Prepared {
    pub(crate) fn new(plan: &Plan) -> Result<Self, StartError> {
        let label = plan.mount_label.as_deref().filter(|_| selinux::enabled());
        let steps = plan.steps.iter().map(|step| prepare(step, label));
        let mut steps = steps.collect::<Result<Vec<_>, _>>()?;
        if is_unprivileged() {
            be_slaves_of_the_host(&mut steps);
        }
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
            process.start_hooks = hooks::prepare(&hooks.start_container)?;
            for step in &mut steps {
                if let Action::Hooks { hooks: prepared } = step {
                    *prepared = hooks::prepare(&hooks.create_container)?;
                }
            }
        }
        Ok(Self {
            namespaces: crate::process::clone_flags(&plan.namespaces.create),
            ahead: Ahead::of(&steps),
            steps,
            process,
            contents: None,
            shown: None,
        })
    }

    /// Whether the control groups are entered by a step; otherwise they are entered first of all.
    pub(crate) fn enters_groups_later(&self) -> bool {
        self.steps.iter().any(|action| matches!(action, Action::EnterGroups))
    }
}

/// A user without rights over his mount namespace gets no peers of its mounts. In the mount namespace of a new user namespace, however, they
/// have slaves: mount_namespaces(7), "Restrictions on mount namespaces". Mounts of the host arrive in these unless cut off: then binds are made private.
fn be_slaves_of_the_host(steps: &mut [Action]) {
    if !steps.iter().any(|step| matches!(step, Action::Bind { keep_peers: true, .. })) {
        return;
    }
    let mut cut_off = false;
    for step in steps {
        if let Action::DetachPropagation { flags } = step {
            cut_off = *flags & libc::MS_PRIVATE != 0;
            *flags = *flags & !libc::MS_PRIVATE | libc::MS_SLAVE;
        }
        if let Action::Bind { keep_peers, attributes, .. } = step
            && !std::mem::take(keep_peers)
            && cut_off
        {
            attributes.tree.propagation = libc::MS_PRIVATE;
        }
    }
}

#[expect(clippy::too_many_lines, reason = "a table: one row for each kind of step")]
fn prepare(step: &Step, label: Option<&str>) -> Result<Action, StartError> {
    Ok(match step {
        Step::DetachPropagation { flags } => Action::DetachPropagation { flags: *flags },
        Step::OverlayRoot { lower, upper, work, at, volatile, shared, root_ids: _, shifted: _ } => {
            if let Some(mapped) = MappedRoot::new(step, label)? {
                return Ok(Action::MappedRoot(Box::new(mapped)));
            }
            let options = OverlayOptions::new(lower, Some((upper, work)), *volatile, label)?;
            let shared = shared.as_deref().map(path).transpose()?;
            Action::OverlayRoot { options, at: path(at)?, shared }
        }
        Step::DirectoryRoot { path, root_ids, shifted } => {
            Action::DirectoryRoot(DirectoryRoot::new(path, *root_ids, *shifted)?)
        }
        Step::RootAttributes { set, clear } => Action::RootAttributes(attributes(*set, *clear)),
        Step::BindRoot { path: root } => Action::BindRoot { path: path(root)? },
        Step::Part { target, set, mode } => {
            let (target, attributes) = (Target::new(target)?, BindAttributes::setting(*set));
            Action::Part { target, attributes, mode: *mode }
        }
        Step::Mount { kind, source, target: at, flags, data, copy_up, keep_mode, lent: _ } => {
            if let Some(lent) = LentMount::new(step, label)? {
                return Ok(Action::Lent(Box::new(lent)));
            }
            Action::Mount(FileSystem {
                kind: text(kind)?,
                source: text(source)?,
                target: Target::new(at)?,
                flags: *flags,
                data: labelled(kind, data, label)?,
                copy_up: *copy_up,
                keep_mode: *keep_mode,
                label: label
                    .filter(|_| matches!(Labelling::of(kind), Labelling::Attribute))
                    .map(text)
                    .transpose()?,
            })
        }
        Step::Bind { source, within, target, recursive, keep_peers, of_process, .. } => {
            Action::Bind {
                // Ids are mapped once all steps are there: those with the same maps share a namespace.
                source: BindSource {
                    path: path(source)?,
                    within: within.as_deref().map(path).transpose()?,
                    recursive: *recursive,
                    of_process: *of_process,
                    id_map: None,
                },
                target: Target::new(target)?,
                attributes: BindAttributes::of(step),
                keep_peers: *keep_peers,
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
        Step::Console { directory } => Action::Console(TerminalPlace::new("console", directory)?),
        Step::Terminals { count, directory } => {
            Action::Terminals(TerminalPlace::numbered(*count, directory)?)
        }
        Step::LoopbackUp => Action::LoopbackUp,
        Step::HostName { name } => Action::HostName { name: text(name)? },
        Step::DomainName { name } => Action::DomainName { name: text(name)? },
        Step::TimeNamespace { offsets } => Action::TimeNamespace { offsets: text(offsets)? },
        Step::EnterGroups => Action::EnterGroups,
        Step::CgroupNamespace => Action::CgroupNamespace,
        Step::CgroupV1 { target, hierarchies, read_only } => Action::CgroupV1 {
            target: Target::new(target)?,
            hierarchies: V1Mounts {
                list: hierarchies.iter().map(v1_mount).collect::<Result<_, _>>()?,
                options: labelled("tmpfs", "mode=755", label)?,
            },
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
        Step::Give { target, files } => Action::Give(PreparedGift::new(target, files, label)?),
        Step::Show { targets } => Action::Show(PreparedShow::new(targets)?),
        Step::NameBoot { beside_devices } => {
            Action::NameBoot(PreparedName::new(*beside_devices, label)?)
        }
        Step::Seal { target } => Action::Seal { target: Target::new(target)? },
        Step::PivotRoot => Action::PivotRoot,
        Step::MoveRoot => Action::MoveRoot { revealing: host_root::revealing()? },
        Step::ChangeRoot => Action::ChangeRoot,
        Step::Sysctl { path, value } => {
            Action::Sysctl { path: text(&format!("/proc/sys/{path}"))?, value: text(value)? }
        }
        Step::Mask { path: at } => {
            Action::Mask { path: Masked { path: path(at)?, label: label.map(text).transpose()? } }
        }
        Step::ReadOnly { path: at } => Action::ReadOnly { path: path(at)? },
        Step::ReadOnlyRoot => Action::ReadOnlyRoot,
        Step::OomScoreAdjust { value } => {
            Action::OomScoreAdjust { value: text(&value.to_string())? }
        }
    })
}

fn labelled(kind: &str, options: &str, label: Option<&str>) -> Result<CString, StartError> {
    match label.filter(|_| matches!(Labelling::of(kind), Labelling::Context)) {
        None => text(options),
        Some(label) => {
            let options = selinux::with_context(options, label);
            // What is longer, mount(2) cuts off.
            if options.len() >= PAGE {
                return Err(StartError::Parent {
                    action: format!("mount {kind} with the label {label}"),
                    errno: sys::Errno::from_raw(libc::E2BIG),
                });
            }
            text(&options)
        }
    }
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

fn attributes(set: u64, clear: u64) -> MountAttributes<'static> {
    MountAttributes { set, clear, ..MountAttributes::default() }
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
    let callers = hierarchy.callers.as_deref().map(path).transpose()?;
    Ok(V1Mount { source: path(&hierarchy.source)?, callers, name: text(&hierarchy.name)?, links })
}

pub(crate) fn text(string: &str) -> Result<CString, StartError> {
    CString::new(string).map_err(|_nul| StartError::Nul { what: "a string of the plan" })
}

pub(crate) fn path(path: &Path) -> Result<CString, StartError> {
    CString::new(path.as_os_str().as_bytes())
        .map_err(|_nul| StartError::Nul { what: "a path of the plan" })
}
