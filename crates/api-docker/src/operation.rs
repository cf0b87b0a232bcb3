//! The operations, each with its place: the one table that the router, the limits of sockets and the description of the API read.

use crate::version::ApiVersion;

/// An operation's place and what kind it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Name of the operation, as the API's reference has it.
    pub name: &'static str,
    /// `GET` and so on.
    pub method: &'static str,
    /// Its path behind the version. `{name}` is at least one character, and may have slashes.
    pub path: &'static str,
    /// Minor number of the version that it came with.
    pub since: u16,
    /// What it is about.
    pub family: Family,
    /// What it does to that.
    pub effect: Effect,
}

/// What operations are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of the API's reference")]
pub enum Family {
    System,
    Container,
    Exec,
    Image,
    Build,
    Network,
    Volume,
    Distribution,
    Plugin,
    /// Swarm, nodes, services, tasks, secrets and configs.
    Swarm,
}

/// What an operation does to what it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing.
    Reads,
    /// Something.
    Changes,
}

macro_rules! effect {
    (reads) => {
        Effect::Reads
    };
    (changes) => {
        Effect::Changes
    };
}

macro_rules! operations {
    ($($name:ident: $method:ident $path:literal, since $since:literal, $family:ident $effect:ident;)*) => {
        /// What may be asked for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[expect(missing_docs, reason = "the names of the API's reference")]
        pub enum Operation {
            $($name,)*
        }

        impl Operation {
            /// All of them. Where two places fit a path the first one is meant.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Where it is, and what kind it is.
            #[must_use]
            pub const fn place(self) -> Place {
                match self {
                    $(Self::$name => Place {
                        name: stringify!($name),
                        method: stringify!($method),
                        path: $path,
                        since: $since,
                        family: Family::$family,
                        effect: effect!($effect),
                    },)*
                }
            }
        }
    };
}

operations! {
    SystemPing: GET "/_ping", since 24, System reads;
    SystemPingHead: HEAD "/_ping", since 24, System reads;
    SystemVersion: GET "/version", since 24, System reads;
    SystemInfo: GET "/info", since 24, System reads;
    SystemEvents: GET "/events", since 24, System reads;
    SystemDataUsage: GET "/system/df", since 25, System reads;
    SystemAuth: POST "/auth", since 24, System reads;
    Session: POST "/session", since 31, Build changes;
    ContainerList: GET "/containers/json", since 24, Container reads;
    ContainerCreate: POST "/containers/create", since 24, Container changes;
    ContainerPrune: POST "/containers/prune", since 25, Container changes;
    ContainerInspect: GET "/containers/{name}/json", since 24, Container reads;
    ContainerTop: GET "/containers/{name}/top", since 24, Container reads;
    ContainerLogs: GET "/containers/{name}/logs", since 24, Container reads;
    ContainerChanges: GET "/containers/{name}/changes", since 24, Container reads;
    ContainerExport: GET "/containers/{name}/export", since 24, Container reads;
    ContainerStats: GET "/containers/{name}/stats", since 24, Container reads;
    ContainerResize: POST "/containers/{name}/resize", since 24, Container changes;
    ContainerStart: POST "/containers/{name}/start", since 24, Container changes;
    ContainerStop: POST "/containers/{name}/stop", since 24, Container changes;
    ContainerRestart: POST "/containers/{name}/restart", since 24, Container changes;
    ContainerKill: POST "/containers/{name}/kill", since 24, Container changes;
    ContainerUpdate: POST "/containers/{name}/update", since 24, Container changes;
    ContainerRename: POST "/containers/{name}/rename", since 24, Container changes;
    ContainerPause: POST "/containers/{name}/pause", since 24, Container changes;
    ContainerUnpause: POST "/containers/{name}/unpause", since 24, Container changes;
    ContainerAttach: POST "/containers/{name}/attach", since 24, Container changes;
    ContainerAttachWebsocket: GET "/containers/{name}/attach/ws", since 24, Container changes;
    ContainerWait: POST "/containers/{name}/wait", since 24, Container reads;
    ContainerExec: POST "/containers/{name}/exec", since 24, Exec changes;
    ContainerArchiveInfo: HEAD "/containers/{name}/archive", since 24, Container reads;
    ContainerArchive: GET "/containers/{name}/archive", since 24, Container reads;
    PutContainerArchive: PUT "/containers/{name}/archive", since 24, Container changes;
    CheckpointCreate: POST "/containers/{name}/checkpoints", since 25, Container changes;
    CheckpointList: GET "/containers/{name}/checkpoints", since 25, Container reads;
    CheckpointDelete: DELETE "/containers/{name}/checkpoints/{name}", since 25, Container changes;
    ContainerDelete: DELETE "/containers/{name}", since 24, Container changes;
    ExecStart: POST "/exec/{name}/start", since 24, Exec changes;
    ExecResize: POST "/exec/{name}/resize", since 24, Exec changes;
    ExecInspect: GET "/exec/{name}/json", since 24, Exec reads;
    ImageList: GET "/images/json", since 24, Image reads;
    ImageSearch: GET "/images/search", since 24, Image reads;
    ImageGetAll: GET "/images/get", since 24, Image reads;
    ImageCreate: POST "/images/create", since 24, Image changes;
    ImageLoad: POST "/images/load", since 24, Image changes;
    ImagePrune: POST "/images/prune", since 25, Image changes;
    ImageCommit: POST "/commit", since 24, Image changes;
    ImageInspect: GET "/images/{name}/json", since 24, Image reads;
    ImageHistory: GET "/images/{name}/history", since 24, Image reads;
    ImageGet: GET "/images/{name}/get", since 24, Image reads;
    ImagePush: POST "/images/{name}/push", since 24, Image changes;
    ImageTag: POST "/images/{name}/tag", since 24, Image changes;
    ImageDelete: DELETE "/images/{name}", since 24, Image changes;
    ImageBuild: POST "/build", since 24, Build changes;
    BuildPrune: POST "/build/prune", since 31, Build changes;
    BuildCancel: POST "/build/cancel", since 39, Build changes;
    DistributionInspect: GET "/distribution/{name}/json", since 30, Distribution reads;
    NetworkList: GET "/networks", since 24, Network reads;
    NetworkCreate: POST "/networks/create", since 24, Network changes;
    NetworkPrune: POST "/networks/prune", since 25, Network changes;
    NetworkConnect: POST "/networks/{name}/connect", since 24, Network changes;
    NetworkDisconnect: POST "/networks/{name}/disconnect", since 24, Network changes;
    NetworkInspect: GET "/networks/{name}", since 24, Network reads;
    NetworkDelete: DELETE "/networks/{name}", since 24, Network changes;
    VolumeList: GET "/volumes", since 24, Volume reads;
    VolumeCreate: POST "/volumes/create", since 24, Volume changes;
    VolumePrune: POST "/volumes/prune", since 25, Volume changes;
    VolumeInspect: GET "/volumes/{name}", since 24, Volume reads;
    VolumeUpdate: PUT "/volumes/{name}", since 42, Volume changes;
    VolumeDelete: DELETE "/volumes/{name}", since 24, Volume changes;
    PluginList: GET "/plugins", since 25, Plugin reads;
    GetPluginPrivileges: GET "/plugins/privileges", since 25, Plugin reads;
    PluginPull: POST "/plugins/pull", since 25, Plugin changes;
    PluginCreate: POST "/plugins/create", since 25, Plugin changes;
    PluginInspect: GET "/plugins/{name}/json", since 25, Plugin reads;
    PluginEnable: POST "/plugins/{name}/enable", since 25, Plugin changes;
    PluginDisable: POST "/plugins/{name}/disable", since 25, Plugin changes;
    PluginUpgrade: POST "/plugins/{name}/upgrade", since 26, Plugin changes;
    PluginPush: POST "/plugins/{name}/push", since 25, Plugin changes;
    PluginSet: POST "/plugins/{name}/set", since 25, Plugin changes;
    PluginDelete: DELETE "/plugins/{name}", since 25, Plugin changes;
    SwarmInspect: GET "/swarm", since 24, Swarm reads;
    SwarmInit: POST "/swarm/init", since 24, Swarm changes;
    SwarmJoin: POST "/swarm/join", since 24, Swarm changes;
    SwarmLeave: POST "/swarm/leave", since 24, Swarm changes;
    SwarmUpdate: POST "/swarm/update", since 24, Swarm changes;
    SwarmUnlockkey: GET "/swarm/unlockkey", since 24, Swarm reads;
    SwarmUnlock: POST "/swarm/unlock", since 24, Swarm changes;
    NodeList: GET "/nodes", since 24, Swarm reads;
    NodeUpdate: POST "/nodes/{name}/update", since 24, Swarm changes;
    NodeInspect: GET "/nodes/{name}", since 24, Swarm reads;
    NodeDelete: DELETE "/nodes/{name}", since 24, Swarm changes;
    ServiceList: GET "/services", since 24, Swarm reads;
    ServiceCreate: POST "/services/create", since 24, Swarm changes;
    ServiceUpdate: POST "/services/{name}/update", since 24, Swarm changes;
    ServiceLogs: GET "/services/{name}/logs", since 25, Swarm reads;
    ServiceInspect: GET "/services/{name}", since 24, Swarm reads;
    ServiceDelete: DELETE "/services/{name}", since 24, Swarm changes;
    TaskList: GET "/tasks", since 24, Swarm reads;
    TaskLogs: GET "/tasks/{name}/logs", since 25, Swarm reads;
    TaskInspect: GET "/tasks/{name}", since 24, Swarm reads;
    SecretList: GET "/secrets", since 25, Swarm reads;
    SecretCreate: POST "/secrets/create", since 25, Swarm changes;
    SecretUpdate: POST "/secrets/{name}/update", since 25, Swarm changes;
    SecretInspect: GET "/secrets/{name}", since 25, Swarm reads;
    SecretDelete: DELETE "/secrets/{name}", since 25, Swarm changes;
    ConfigList: GET "/configs", since 30, Swarm reads;
    ConfigCreate: POST "/configs/create", since 30, Swarm changes;
    ConfigUpdate: POST "/configs/{name}/update", since 30, Swarm changes;
    ConfigInspect: GET "/configs/{name}", since 30, Swarm reads;
    ConfigDelete: DELETE "/configs/{name}", since 30, Swarm changes;
}

impl Operation {
    /// Whether a version has it.
    #[must_use]
    pub fn is_in(self, version: ApiVersion) -> bool {
        version.has(self.place().since)
    }
}
