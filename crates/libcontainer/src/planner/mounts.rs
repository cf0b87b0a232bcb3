//! The `mounts` of a configuration as steps.

use std::path::{Path, PathBuf};

use spec::runtime::{Mount, NamespaceKind};

use super::{Steps, inside};
use crate::cgroup::{LayoutKind, Place};
use crate::error::PlanError;
use crate::options::{self, Attributes, MountOptions, Recursive};
use crate::plan::{IdMapPlan, Step, V1Hierarchy};
use crate::prepared::PAGE;

/// What an engine may put below `/proc`: files that tell a container its own limits. Anything else could fool a process
/// that trusts procfs (CVE-2019-16884).
const PROC_FILES: &[&str] = &[
    "/proc/cpuinfo",
    "/proc/diskstats",
    "/proc/loadavg",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/swaps",
    "/proc/uptime",
    "/proc/slabinfo",
    "/proc/sys/kernel/ns_last_pid",
    "/proc/sys/crypto/fips_enabled",
];

const CGROUP_ATTRIBUTES: u64 =
    libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV | libc::MOUNT_ATTR_NOEXEC;

/// Options of a file system on bind mounts, which the kernel ignores: mount(2). Every runtime takes them.
pub(super) fn ignored(mounts: &[Mount]) -> impl Iterator<Item = String> {
    mounts.iter().enumerate().filter_map(|(number, mount)| {
        let options = options::parse(&mount.options);
        (is_bind(mount, &options) && !options.data.is_empty()).then(|| {
            format!("mounts[{number}].options: {:?} has no effect on a bind mount", options.data)
        })
    })
}

impl Steps<'_> {
    pub(super) fn mounts(&mut self) -> Result<(), PlanError> {
        let spec = self.spec;
        let targets = self.targets(&spec.mounts)?;
        let dev = targets.iter().rposition(|target| target == Path::new("/dev"));
        let whose_dev = dev.and_then(|number| spec.mounts.get(number)).map(Dev::of);
        for (number, (mount, target)) in spec.mounts.iter().zip(&targets).enumerate() {
            let field = format!("mounts[{number}]");
            if !is_cgroup(mount) {
                self.mount(mount, target, &field)?;
            } else if targets[number + 1..].iter().any(|later| overlap(later, target)) {
                // The groups are entered late, while the parent makes them; here another mount waits for this one.
                self.enter_groups();
                self.cgroup_view(mount, target);
            } else {
                self.views.push((mount, target.clone()));
            }
            if dev == Some(number) && whose_dev == Some(Dev::Empty) {
                self.devices()?;
            }
        }
        // Whoever brings a whole `/dev` has filled it.
        if matches!(whose_dev, None | Some(Dev::Filled)) {
            self.devices()?;
        }
        Ok(())
    }

    fn targets(&self, mounts: &[Mount]) -> Result<Vec<PathBuf>, PlanError> {
        let target = |(number, mount): (usize, &Mount)| {
            let field = format!("mounts[{number}].destination");
            let target = inside(&self.destination(&mount.destination), &field)?;
            if target == Path::new("/") {
                return Err(PlanError::field(field, "is the root itself"));
            }
            Ok(target)
        };
        mounts.iter().enumerate().map(target).collect()
    }

    /// A relative path begins at the root: config.md, "Mounts". One that begins with the path of the root on the host is taken
    /// from there on, as runc has always done.
    fn destination(&self, destination: &Path) -> PathBuf {
        let root = self.root_path().filter(|root| root != Path::new("/"));
        let below = root.as_ref().and_then(|root| destination.strip_prefix(root).ok());
        Path::new("/").join(below.unwrap_or(destination))
    }

    fn mount(&mut self, mount: &Mount, target: &Path, field: &str) -> Result<(), PlanError> {
        let options = options::parse(&mount.options);
        if is_bind(mount, &options) {
            self.bind(mount, target, &options, field)?;
        } else {
            self.file_system(mount, target, &options, field)?;
        }
        // Everything in a namespace that is cut off is private already.
        let arrive = self.mounts_arrive();
        let needed = |flags: &u64| arrive || flags & libc::MS_PRIVATE == 0;
        for flags in options.propagation.into_iter().filter(needed) {
            self.steps.push(Step::Propagation { target: target.to_owned(), flags });
        }
        Ok(())
    }

    fn bind(
        &mut self,
        mount: &Mount,
        target: &Path,
        options: &MountOptions,
        field: &str,
    ) -> Result<(), PlanError> {
        refuse_below_proc(target, field)?;
        let source = mount.source.as_ref().filter(|source| !source.as_os_str().is_empty());
        let source =
            source.ok_or_else(|| PlanError::field(format!("{field}.source"), "is missing"))?;
        let (own, clear_unless_locked) = options.of_bind();
        let (shared, slave) = (libc::MS_SHARED, libc::MS_SLAVE);
        let keep_peers = match options.propagation.as_slice() {
            [] => self.root_propagation()? & shared != 0,
            asked => asked.iter().any(|flags| flags & (shared | slave) != 0),
        };
        let id_map = self.id_map(mount, options, field)?;
        self.steps.push(Step::Bind {
            source: self.context.bundle.join(source),
            within: None,
            target: target.to_owned(),
            recursive: options.bind == Some(Recursive::Yes),
            set: own.set,
            clear: own.clear,
            set_recursive: false,
            clear_unless_locked,
            tree_set: options.tree.set,
            tree_clear: options.tree.clear,
            // Ids are mapped where the container sees the source.
            keep_peers: keep_peers && id_map.is_none(),
            of_process: None,
            id_map,
        });
        Ok(())
    }

    fn id_map(
        &self,
        mount: &Mount,
        options: &MountOptions,
        field: &str,
    ) -> Result<Option<IdMapPlan>, PlanError> {
        let (uids, gids) = (&mount.uid_mappings, &mount.gid_mappings);
        let recursive = options.id_map == Some(Recursive::Yes);
        match (uids.is_empty(), gids.is_empty(), options.id_map) {
            (true, true, None) => return Ok(None),
            (true, true, Some(_)) if !self.has_own(NamespaceKind::User) => {
                let why = "an id-mapped mount needs maps, or a user namespace that has some";
                return Err(PlanError::field(format!("{field}.uidMappings"), why));
            }
            (true, false, _) | (false, true, _) => {
                let why = "are needed both, or none";
                return Err(PlanError::field(format!("{field}.uidMappings and gidMappings"), why));
            }
            (true, true, Some(_)) | (false, false, _) => {}
        }
        Ok(Some(IdMapPlan { uid_mappings: uids.clone(), gid_mappings: gids.clone(), recursive }))
    }

    fn file_system(
        &mut self,
        mount: &Mount,
        target: &Path,
        options: &MountOptions,
        field: &str,
    ) -> Result<(), PlanError> {
        let Some(kind) = mount.kind.as_deref().filter(|kind| !kind.is_empty()) else {
            let why = "is missing, and it is no bind mount";
            return Err(PlanError::field(format!("{field}.type"), why));
        };
        if target == Path::new("/proc") && kind != "proc" {
            let why = format!("{} cannot be mounted over", target.display());
            return Err(PlanError::field(format!("{field}.destination"), why));
        }
        refuse_below_proc(target, field)?;
        if options.id_map.is_some()
            || !mount.uid_mappings.is_empty()
            || !mount.gid_mappings.is_empty()
        {
            let why = "only a bind mount can be id-mapped";
            return Err(PlanError::field(format!("{field}.uidMappings"), why));
        }
        let wrong = |why: &str| Err(PlanError::field(format!("{field}.options"), why));
        if options.copy_up && kind != "tmpfs" {
            return wrong("tmpcopyup is for a tmpfs only");
        }
        if options.tree != Attributes::default() {
            return wrong("for a whole tree are for a bind mount only");
        }
        // A page is what mount(2) takes.
        if options.data.len() >= PAGE {
            return wrong("are longer than 4095 bytes");
        }
        let named = mount.source.as_ref().filter(|source| !source.as_os_str().is_empty());
        let source = named.map_or_else(|| kind.into(), |source| source.to_string_lossy());
        let is_tmpfs = kind == "tmpfs";
        // What is mounted or made in it comes first.
        let later =
            options.flags & libc::MS_RDONLY != 0 && (is_tmpfs || target == Path::new("/dev"));
        if later {
            self.seals.push(Step::Seal { target: target.to_owned() });
        }
        self.steps.push(Step::Mount {
            kind: kind.to_owned(),
            source: source.into_owned(),
            target: target.to_owned(),
            flags: if later { options.flags & !libc::MS_RDONLY } else { options.flags },
            data: options.data.clone(),
            copy_up: options.copy_up,
            keep_mode: is_tmpfs && !mount.options.iter().any(|given| given.starts_with("mode=")),
            lent: None,
        });
        Ok(())
    }

    /// The views of the groups that nothing else waits for.
    pub(super) fn cgroup_views(&mut self) {
        for (mount, target) in std::mem::take(&mut self.views) {
            self.cgroup_view(mount, &target);
        }
        self.cgroup_namespace();
    }

    /// Its root is the group that has just been entered.
    fn cgroup_namespace(&mut self) {
        if self.makes(NamespaceKind::Cgroup) && !self.steps.contains(&Step::CgroupNamespace) {
            self.steps.push(Step::CgroupNamespace);
        }
    }

    /// The container's view of its own groups, from a cgroup namespace that begins inside them.
    fn cgroup_view(&mut self, mount: &Mount, target: &Path) {
        self.cgroup_namespace();
        let options = options::parse(&mount.options);
        let read_only = options.flags & libc::MS_RDONLY != 0;
        let target = target.to_owned();
        let unified = self.context.layout.kind == LayoutKind::Unified
            || mount.kind.as_deref() == Some("cgroup2");
        let step = if unified {
            self.cgroup_v2(target, &options)
        } else {
            let places = self.cgroup.places.iter().filter(|place| !place.unified);
            let hierarchies = places.map(|place| self.v1_hierarchy(place)).collect();
            Step::CgroupV1 { target, hierarchies, read_only }
        };
        self.steps.push(step);
    }

    /// The group's directory under the name that its hierarchy has on the host, with a link for each of several controllers.
    fn v1_hierarchy(&self, place: &Place) -> V1Hierarchy {
        let name = place.mount.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let several = place.controllers.len() > 1;
        let controllers = place.controllers.iter().map(|controller| controller.name().to_owned());
        let links = controllers.filter(|link| several && *link != name).collect();
        let hierarchies = &self.context.layout.hierarchies;
        let same = hierarchies.iter().find(|hierarchy| hierarchy.mount == place.mount);
        let callers = same.filter(|_| self.cgroup.optional);
        let callers = callers.map(|hierarchy| hierarchy.mount.join(&hierarchy.own));
        V1Hierarchy { source: place.path(), callers, name, links }
    }

    fn cgroup_v2(&self, target: PathBuf, options: &MountOptions) -> Step {
        let own = self.has_own(NamespaceKind::Cgroup);
        let place = self.cgroup.places.iter().find(|place| place.unified);
        let group = match place {
            Some(place) if own => place.path(),
            Some(place) => place.mount.clone(),
            None => PathBuf::from("/sys/fs/cgroup"),
        };
        // The whole tree of the host in the hands of a user namespace would let it write to groups that its user owns
        // (CVE-2023-25809).
        let read_only = !own || options.flags & libc::MS_RDONLY != 0;
        let set = CGROUP_ATTRIBUTES | if read_only { libc::MOUNT_ATTR_RDONLY } else { 0 };
        let data = if own { "nsdelegate" } else { "" }.to_owned();
        Step::CgroupV2 { target, flags: options.flags, data, group, set }
    }
}

/// Who fills `/dev`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dev {
    /// A new tmpfs, which is filled as soon as it is there.
    Empty,
    /// Another file system, which may hold some devices already.
    Filled,
    /// A directory of the host, which is left as it is.
    Bound,
}

impl Dev {
    fn of(mount: &Mount) -> Self {
        if is_bind(mount, &options::parse(&mount.options)) {
            Self::Bound
        } else if mount.kind.as_deref() == Some("tmpfs") {
            Self::Empty
        } else {
            Self::Filled
        }
    }
}

fn is_bind(mount: &Mount, options: &MountOptions) -> bool {
    options.bind.is_some() || mount.kind.as_deref() == Some("bind")
}

fn overlap(one: &Path, other: &Path) -> bool {
    one.starts_with(other) || other.starts_with(one)
}

fn refuse_below_proc(target: &Path, field: &str) -> Result<(), PlanError> {
    if below(target, "/proc") && !PROC_FILES.iter().any(|file| target == Path::new(file)) {
        let why = format!("{} cannot be mounted over", target.display());
        return Err(PlanError::field(format!("{field}.destination"), why));
    }
    Ok(())
}

pub(super) fn is_cgroup(mount: &Mount) -> bool {
    matches!(mount.kind.as_deref(), Some("cgroup" | "cgroup2"))
}

fn below(target: &Path, directory: &str) -> bool {
    target.starts_with(directory) && target != Path::new(directory)
}
