//! The `mounts` of a configuration as steps.

use std::path::Path;

use spec::runtime::{Mount, NamespaceKind};

use super::{Steps, inside};
use crate::cgroup::{LayoutKind, Place};
use crate::error::PlanError;
use crate::options::{self, MountOptions, Recursive};
use crate::plan::{Step, V1Hierarchy};

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

impl Steps<'_> {
    pub(super) fn mounts(&mut self) -> Result<(), PlanError> {
        for (number, mount) in self.spec.mounts.iter().enumerate() {
            let field = format!("mounts[{number}]");
            let target = inside(&mount.destination, &format!("{field}.destination"))?;
            if target == Path::new("/") {
                return Err(PlanError::field(format!("{field}.destination"), "is the root itself"));
            }
            if !is_cgroup(mount) {
                self.mount(mount, &target, &field)?;
            }
            if target == Path::new("/dev") && mount.kind.as_deref() == Some("tmpfs") {
                self.devices()?;
            }
        }
        Ok(())
    }

    fn mount(&mut self, mount: &Mount, target: &Path, field: &str) -> Result<(), PlanError> {
        let options = options::parse(&mount.options);
        let bind = options.bind.is_some() || mount.kind.as_deref() == Some("bind");
        if !mount.uid_mappings.is_empty() || !mount.gid_mappings.is_empty() {
            return Err(PlanError::field(
                format!("{field}.uidMappings"),
                "id-mapped mounts are not supported yet",
            ));
        }
        if bind {
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
        if below(target, "/proc") && !PROC_FILES.iter().any(|file| target == Path::new(file)) {
            return Err(PlanError::field(
                format!("{field}.destination"),
                format!("{} cannot be mounted over", target.display()),
            ));
        }
        let source = mount
            .source
            .as_ref()
            .ok_or_else(|| PlanError::field(format!("{field}.source"), "is missing"))?;
        self.steps.push(Step::Bind {
            source: self.context.bundle.join(source),
            target: target.to_owned(),
            recursive: options.bind == Some(Recursive::Yes),
            set: options.set,
            clear: options.clear,
            set_recursive: options.set_recursive,
            keep_peers: options
                .propagation
                .iter()
                .any(|flags| flags & (libc::MS_SHARED | libc::MS_SLAVE) != 0),
        });
        Ok(())
    }

    fn file_system(
        &mut self,
        mount: &Mount,
        target: &Path,
        options: &MountOptions,
        field: &str,
    ) -> Result<(), PlanError> {
        let Some(kind) = mount.kind.as_deref().filter(|kind| !kind.is_empty()) else {
            return Err(PlanError::field(
                format!("{field}.type"),
                "is missing, and it is no bind mount",
            ));
        };
        if below(target, "/proc") || (target == Path::new("/proc") && kind != "proc") {
            return Err(PlanError::field(
                format!("{field}.destination"),
                format!("{} cannot be mounted over", target.display()),
            ));
        }
        if options.copy_up && kind != "tmpfs" {
            return Err(PlanError::field(
                format!("{field}.options"),
                "tmpcopyup is for a tmpfs only",
            ));
        }
        // A page is what mount(2) takes.
        if options.data.len() >= 4096 {
            return Err(PlanError::field(format!("{field}.options"), "are longer than 4095 bytes"));
        }
        let source = mount
            .source
            .as_ref()
            .map_or_else(|| kind.to_owned(), |source| source.to_string_lossy().into_owned());
        self.steps.push(Step::Mount {
            kind: kind.to_owned(),
            source,
            target: target.to_owned(),
            flags: options.flags,
            data: options.data.clone(),
            copy_up: options.copy_up,
        });
        Ok(())
    }

    /// The container's view of its own groups, from a cgroup namespace that begins inside them.
    pub(super) fn cgroup_view(&mut self) -> Result<(), PlanError> {
        let own = self.makes(NamespaceKind::Cgroup);
        if own {
            self.steps.push(Step::CgroupNamespace);
        }
        let Some(mount) = self.spec.mounts.iter().find(|mount| is_cgroup(mount)) else {
            return Ok(());
        };
        let options = options::parse(&mount.options);
        let target = inside(&mount.destination, "mounts.destination")?;
        if self.context.layout.kind == LayoutKind::Unified {
            let data = if own { "nsdelegate" } else { "" }.to_owned();
            let (kind, source) = ("cgroup2".to_owned(), "cgroup".to_owned());
            self.steps.push(Step::Mount {
                kind,
                source,
                target,
                flags: options.flags,
                data,
                copy_up: false,
            });
            return Ok(());
        }
        let places = self.cgroup.places.iter().filter(|place| !place.unified);
        let hierarchies = places.map(v1_hierarchy).collect();
        let read_only = options.flags & libc::MS_RDONLY != 0;
        self.steps.push(Step::CgroupV1 { target, hierarchies, read_only });
        Ok(())
    }
}

/// The group's directory under the name that its hierarchy has on the host, with a link for each of several controllers.
fn v1_hierarchy(place: &Place) -> V1Hierarchy {
    let name = place.mount.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let several = place.controllers.len() > 1;
    let controllers = place.controllers.iter().map(|controller| controller.name().to_owned());
    let links = controllers.filter(|link| several && *link != name).collect();
    V1Hierarchy { source: place.path(), name, links }
}

fn is_cgroup(mount: &Mount) -> bool {
    matches!(mount.kind.as_deref(), Some("cgroup" | "cgroup2"))
}

fn below(target: &Path, directory: &str) -> bool {
    target.starts_with(directory) && target != Path::new(directory)
}
