//! Which namespaces a container makes and which it joins. Source: config-linux.md, "Namespaces"; namespaces(7).

use std::path::PathBuf;

use spec::runtime::{Namespace, NamespaceKind};

use crate::config::{ContainerConfig, IpcMode, NetworkMode, PidMode};

/// First processes of the containers whose namespaces are joined.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Joined {
    pub(crate) network: Option<i32>,
    pub(crate) ipc: Option<i32>,
    pub(crate) pid: Option<i32>,
}

pub(super) fn namespaces(config: &ContainerConfig, joined: Joined) -> Vec<Namespace> {
    use NamespaceKind::{Cgroup, Ipc, Mount, Network, Pid, Time, Uts};
    let sharing = &config.sharing;
    let own = |kind| Some(Namespace { kind, path: None });
    let join = |kind, file: &str, pid: Option<i32>| {
        let path = PathBuf::from(format!("/proc/{}/ns/{file}", pid.unwrap_or(0)));
        Some(Namespace { kind, path: Some(path) })
    };
    let pid = match &sharing.pid {
        PidMode::Private => own(Pid),
        PidMode::Host => None,
        PidMode::Container(_) => join(Pid, "pid", joined.pid),
    };
    let ipc = match &sharing.ipc {
        IpcMode::Private | IpcMode::Shareable | IpcMode::None => own(Ipc),
        IpcMode::Host => None,
        IpcMode::Container(_) => join(Ipc, "ipc", joined.ipc),
    };
    let uts = if sharing.uts_host { None } else { own(Uts) };
    let cgroup = if sharing.cgroup_host { None } else { own(Cgroup) };
    let network = match &config.network {
        NetworkMode::None | NetworkMode::Networks(_) => own(Network),
        NetworkMode::Host => None,
        NetworkMode::Container(_) => join(Network, "net", joined.network),
    };
    let time = if config.clocks.is_empty() { None } else { own(Time) };
    [own(Mount), pid, ipc, uts, cgroup, network, time].into_iter().flatten().collect()
}
