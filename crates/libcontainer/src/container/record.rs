//! What is written down about a container: `state.json` in its directory. Its fields only ever grow, so that a release reads what
//! every earlier one wrote.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use sys::Errno;

use super::{ContainerError, ContainerName, Request};
use crate::cgroup::{Cgroup, CgroupError, CgroupPlan};
use crate::checkpoint::{Outside, stream_name};
use crate::create::Stdio;
use crate::names::Names;
use crate::plan::{HookPlan, ProcessPlan};
use crate::process::{Process, start_time};
use crate::resctrl::Resctrl;

/// The form that this program writes; it reads this and every earlier one.
const VERSION: u32 = 1;

/// A container as it is written down.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Record {
    /// [`VERSION`] of the program that wrote it.
    pub(super) version: u32,
    pub(super) name: ContainerName,
    pub(super) oci_version: String,
    pub(super) bundle: PathBuf,
    /// Absolute path of its root on the host.
    pub(super) rootfs: PathBuf,
    /// Nanoseconds since 1970.
    pub(super) created_ns: u64,
    /// Who made it.
    pub(super) owner_uid: u32,
    pub(super) annotations: BTreeMap<String, String>,
    pub(super) cgroup: CgroupPlan,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) hooks: Option<HookPlan>,
    /// Its class of service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) resctrl: Option<Resctrl>,
    /// Whether its processes end with the first one: it has a pid namespace of its own.
    pub(super) own_pids: bool,
    /// What its processes have as their session keyring: nothing in records of older releases, whose processes have one each.
    #[serde(default)]
    pub(super) keyring: Keyring,
    /// Whether its configuration names no process: it can be created but not started.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) without_process: bool,
    /// For a dump.
    #[serde(default)]
    pub(super) outside: Outside,
    /// What its first process began with as its streams, for a dump.
    #[serde(default)]
    pub(super) streams: Vec<String>,
    /// For the errors of its start.
    #[serde(default)]
    pub(super) names: Names,
    /// Its first process; nothing while it is being made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) first: Option<FirstProcess>,
}

/// The session keyring of a container's processes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Keyring {
    /// Whether it is the caller's.
    kept: bool,
    /// Its name, of one that is the container's.
    name: Option<String>,
}

impl Keyring {
    fn of(process: &ProcessPlan) -> Self {
        Self { kept: process.keep_keyring, name: process.keyring.clone() }
    }

    /// For a further process.
    pub(super) fn give(&self, process: &mut ProcessPlan) {
        (process.keep_keyring, process.keyring) = (self.kept, self.name.clone());
    }
}

/// The first process, and the moment it was made: the number alone may come to mean another one.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct FirstProcess {
    pub(super) pid: i32,
    /// Clock ticks since boot.
    pub(super) start_time: u64,
}

impl Record {
    pub(super) fn new(request: &Request<'_>) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let root = request.spec.root.as_ref().map(|root| root.path.clone()).unwrap_or_default();
        let own_pids = request.plan.namespaces.create.contains(&spec::runtime::NamespaceKind::Pid);
        Self {
            version: VERSION,
            name: request.name.clone(),
            oci_version: request.spec.oci_version.clone(),
            bundle: request.bundle.to_owned(),
            rootfs: request.bundle.join(root),
            created_ns: u64::try_from(now.as_nanos()).unwrap_or(u64::MAX),
            owner_uid: rustix::process::geteuid().as_raw(),
            annotations: request.spec.annotations.clone(),
            cgroup: CgroupPlan { settings: Vec::new(), ..request.plan.cgroup.clone() },
            hooks: request.plan.hooks.clone(),
            resctrl: None,
            own_pids,
            keyring: Keyring::of(&request.plan.process),
            without_process: request.plan.process.args.is_empty(),
            outside: Outside::default(),
            streams: Vec::new(),
            names: Names::default(),
            first: None,
        }
    }

    /// Reads one of any version up to ours.
    ///
    /// # Errors
    /// Why it cannot be read, in words.
    pub(super) fn read(text: &[u8]) -> Result<Self, String> {
        /// Enough of every version to tell which it is.
        #[derive(Deserialize)]
        struct Version {
            version: u32,
        }
        let Version { version } =
            serde_json::from_slice(text).map_err(|error| error.to_string())?;
        if version > VERSION {
            return Err(format!(
                "version {version} is of a newer release; this one reads up to {VERSION}"
            ));
        }
        serde_json::from_slice(text).map_err(|error| error.to_string())
    }

    /// Writes in what was made of the request.
    pub(super) fn is_made(
        &mut self,
        request: &Request<'_>,
        created: &crate::Created,
    ) -> Result<(), ContainerError> {
        self.is_process(request, created.pid())?;
        self.names = created.names().clone();
        self.resctrl = created.resctrl().cloned();
        Ok(())
    }

    /// Writes its first process in, by its pid, and what that began with.
    pub(super) fn is_process(
        &mut self,
        request: &Request<'_>,
        pid: i32,
    ) -> Result<(), ContainerError> {
        self.outside = Outside::of(request.plan);
        self.streams = stream_names(request.stdio);
        let start_time = start_time(pid).ok_or_else(|| ContainerError::Kernel {
            name: self.name.clone(),
            action: "create",
            errno: Errno::from_raw(libc::ESRCH),
        })?;
        self.first = Some(FirstProcess { pid, start_time });
        Ok(())
    }

    /// Whether its making came to its end.
    pub(super) const fn is_complete(&self) -> bool {
        self.first.is_some()
    }

    /// Its groups; nothing where they are gone.
    pub(super) fn cgroup(&self) -> Result<Option<Cgroup>, CgroupError> {
        match Cgroup::reopen(&self.cgroup) {
            Ok(cgroup) => Ok(Some(cgroup)),
            Err(CgroupError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Its first process, unless that has ended; one that nobody has reaped has ended too.
    pub(super) fn process(&self) -> Option<Process> {
        let FirstProcess { pid, start_time } = self.first?;
        Process::find(pid, start_time).filter(|process| !process.has_ended())
    }
}

/// Nothing for a terminal of the container's own.
fn stream_names(stdio: Stdio<'_>) -> Vec<String> {
    stdio.streams().map(|streams| streams.map(stream_name).to_vec()).unwrap_or_default()
}
