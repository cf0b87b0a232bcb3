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
    /// Whether it changes anything.
    pub effect: Effect,
    /// What may stand behind the question mark.
    pub parameters: &'static [Parameter],
    /// What its body is.
    pub body: Body,
}

/// A parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub kind: ParameterKind,
}

/// What a parameter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterKind {
    /// Yes or no, in any of Docker's words.
    Flag,
    /// A whole number.
    Number,
    /// Text.
    Text,
    /// Text, any number of times.
    Texts,
    /// Seconds since 1970.
    Time,
    /// JSON.
    Json,
}

/// What the body of a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// There is none, or it is not looked at.
    None,
    /// A document.
    Json,
    /// An archive.
    Tar,
}

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It shows what there is.
    Reads,
    /// It changes something.
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

macro_rules! body {
    () => {
        Body::None
    };
    (json) => {
        Body::Json
    };
    (tar) => {
        Body::Tar
    };
}

macro_rules! operations {
    ($(#[doc = $doc:literal] $family:ident($operations:ident) {
        $($name:ident: $method:ident $path:literal, since $since:literal, $effect:ident
            $(, [$($parameter:literal $kind:ident),*])? $(, body $body:ident)?;)*
    })*) => {
        /// What may be asked for, by what it is about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Operation {
            $(#[doc = $doc] $family($operations),)*
        }

        $(
            #[doc = $doc]
            #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
            #[expect(missing_docs, reason = "the names of the API's reference")]
            pub enum $operations {
                $($name,)*
            }
        )*

        impl Operation {
            /// All of them. Where two places fit a path the first one is meant.
            pub const ALL: &[Self] = &[$($(Self::$family($operations::$name),)*)*];

            /// What it is about, by the API's word.
            #[must_use]
            pub const fn family(self) -> &'static str {
                match self {
                    $(Self::$family(_) => stringify!($family),)*
                }
            }

            /// Where it is, and what kind it is.
            #[must_use]
            pub const fn place(self) -> Place {
                match self {
                    $($(Self::$family($operations::$name) => Place {
                        name: concat!(stringify!($family), stringify!($name)),
                        method: stringify!($method),
                        path: $path,
                        since: $since,
                        effect: effect!($effect),
                        parameters: &[$($(
                            Parameter { name: $parameter, kind: ParameterKind::$kind },
                        )*)?],
                        body: body!($($body)?),
                    },)*)*
                }
            }
        }
    };
}

operations! {
    /// The engine and its machine.
    System(SystemOperation) {
        Ping: GET "/_ping", since 24, reads;
        PingHead: HEAD "/_ping", since 24, reads;
        Version: GET "/version", since 24, reads;
        Info: GET "/info", since 24, reads;
        Events: GET "/events", since 24, reads,
            ["since" Time, "until" Time, "filters" Json];
        DataUsage: GET "/system/df", since 25, reads,
            ["type" Texts, "verbose" Flag];
        Auth: POST "/auth", since 24, changes,
            body json;
    }
    /// What Docker has not: the server itself.
    Corten(CortenOperation) {
        Metrics: GET "/metrics", since 24, reads;
        Description: GET "/openapi.json", since 24, reads;
    }
    /// Containers, and their checkpoints.
    Container(ContainerOperation) {
        List: GET "/containers/json", since 24, reads,
            ["all" Flag, "limit" Number, "size" Flag, "filters" Json];
        Create: POST "/containers/create", since 24, changes,
            ["name" Text, "platform" Text],
            body json;
        Prune: POST "/containers/prune", since 25, changes,
            ["filters" Json];
        Inspect: GET "/containers/{name}/json", since 24, reads,
            ["size" Flag];
        Top: GET "/containers/{name}/top", since 24, reads,
            ["ps_args" Text];
        Logs: GET "/containers/{name}/logs", since 24, reads,
            ["follow" Flag, "stdout" Flag, "stderr" Flag, "since" Time, "until" Time, "timestamps" Flag, "details" Flag, "tail" Text];
        Changes: GET "/containers/{name}/changes", since 24, reads;
        Export: GET "/containers/{name}/export", since 24, reads;
        Stats: GET "/containers/{name}/stats", since 24, reads,
            ["stream" Flag, "one-shot" Flag];
        Resize: POST "/containers/{name}/resize", since 24, changes,
            ["h" Number, "w" Number];
        Start: POST "/containers/{name}/start", since 24, changes,
            ["detachKeys" Text, "checkpoint" Text, "checkpoint-dir" Text];
        Stop: POST "/containers/{name}/stop", since 24, changes,
            ["signal" Text, "t" Number];
        Restart: POST "/containers/{name}/restart", since 24, changes,
            ["signal" Text, "t" Number];
        Kill: POST "/containers/{name}/kill", since 24, changes,
            ["signal" Text];
        Update: POST "/containers/{name}/update", since 24, changes,
            body json;
        Rename: POST "/containers/{name}/rename", since 24, changes,
            ["name" Text];
        Pause: POST "/containers/{name}/pause", since 24, changes;
        Unpause: POST "/containers/{name}/unpause", since 24, changes;
        Attach: POST "/containers/{name}/attach", since 24, changes,
            ["detachKeys" Text, "logs" Flag, "stream" Flag, "stdin" Flag, "stdout" Flag, "stderr" Flag];
        AttachWebsocket: GET "/containers/{name}/attach/ws", since 24, changes,
            ["detachKeys" Text, "logs" Flag, "stream" Flag, "stdin" Flag, "stdout" Flag, "stderr" Flag];
        Wait: POST "/containers/{name}/wait", since 24, reads,
            ["condition" Text];
        ArchiveInfo: HEAD "/containers/{name}/archive", since 24, reads,
            ["path" Text];
        Archive: GET "/containers/{name}/archive", since 24, reads,
            ["path" Text];
        ArchivePut: PUT "/containers/{name}/archive", since 24, changes,
            ["path" Text, "noOverwriteDirNonDir" Flag, "copyUIDGID" Flag],
            body tar;
        CheckpointCreate: POST "/containers/{name}/checkpoints", since 25, changes,
            body json;
        CheckpointList: GET "/containers/{name}/checkpoints", since 25, reads,
            ["dir" Text];
        CheckpointDelete: DELETE "/containers/{name}/checkpoints/{name}", since 25, changes,
            ["dir" Text];
        Delete: DELETE "/containers/{name}", since 24, changes,
            ["v" Flag, "force" Flag, "link" Flag];
    }
    /// Further processes in containers.
    Exec(ExecOperation) {
        Create: POST "/containers/{name}/exec", since 24, changes,
            body json;
        Start: POST "/exec/{name}/start", since 24, changes,
            body json;
        Resize: POST "/exec/{name}/resize", since 24, changes,
            ["h" Number, "w" Number];
        Inspect: GET "/exec/{name}/json", since 24, reads;
    }
    /// Images.
    Image(ImageOperation) {
        List: GET "/images/json", since 24, reads,
            ["all" Flag, "filters" Json, "shared-size" Flag, "digests" Flag, "manifests" Flag];
        Search: GET "/images/search", since 24, reads,
            ["term" Text, "limit" Number, "filters" Json];
        GetAll: GET "/images/get", since 24, reads,
            ["names" Texts, "platform" Texts];
        Create: POST "/images/create", since 24, changes,
            ["fromImage" Text, "fromSrc" Text, "repo" Text, "tag" Text, "message" Text, "changes" Texts, "platform" Text],
            body tar;
        Load: POST "/images/load", since 24, changes,
            ["quiet" Flag, "platform" Texts],
            body tar;
        Prune: POST "/images/prune", since 25, changes,
            ["filters" Json];
        Commit: POST "/commit", since 24, changes,
            ["container" Text, "repo" Text, "tag" Text, "comment" Text, "author" Text, "pause" Flag, "changes" Texts],
            body json;
        Inspect: GET "/images/{name}/json", since 24, reads,
            ["manifests" Flag, "platform" Json];
        History: GET "/images/{name}/history", since 24, reads,
            ["platform" Json];
        Get: GET "/images/{name}/get", since 24, reads,
            ["platform" Texts];
        Push: POST "/images/{name}/push", since 24, changes,
            ["tag" Text, "platform" Json];
        Tag: POST "/images/{name}/tag", since 24, changes,
            ["repo" Text, "tag" Text];
        Delete: DELETE "/images/{name}", since 24, changes,
            ["force" Flag, "noprune" Flag, "platforms" Texts];
    }
    /// Builds.
    Build(BuildOperation) {
        Session: POST "/session", since 31, changes;
        Image: POST "/build", since 24, changes,
            ["dockerfile" Text, "t" Texts, "remote" Text, "q" Flag, "nocache" Flag, "cachefrom" Json, "pull" Flag, "rm" Flag, "forcerm" Flag,
             "memory" Number, "memswap" Number, "cpushares" Number, "cpuperiod" Number, "cpuquota" Number, "cpusetcpus" Text, "cpusetmems" Text,
             "buildargs" Json, "labels" Json, "networkmode" Text, "extrahosts" Texts, "shmsize" Number, "ulimits" Json, "cgroupparent" Text,
             "securityopt" Json, "isolation" Text, "squash" Flag, "target" Text, "platform" Text, "outputs" Json, "version" Text],
            body tar;
        Prune: POST "/build/prune", since 31, changes,
            ["all" Flag, "filters" Json, "keep-storage" Number, "reserved-space" Number, "max-used-space" Number, "min-free-space" Number];
        Cancel: POST "/build/cancel", since 39, changes,
            ["id" Text];
    }
    /// Registries.
    Distribution(DistributionOperation) {
        Inspect: GET "/distribution/{name}/json", since 30, reads;
    }
    /// Networks.
    Network(NetworkOperation) {
        List: GET "/networks", since 24, reads,
            ["filters" Json];
        Create: POST "/networks/create", since 24, changes,
            body json;
        Prune: POST "/networks/prune", since 25, changes,
            ["filters" Json];
        Connect: POST "/networks/{name}/connect", since 24, changes,
            body json;
        Disconnect: POST "/networks/{name}/disconnect", since 24, changes,
            body json;
        Inspect: GET "/networks/{name}", since 24, reads,
            ["verbose" Flag, "scope" Text];
        Delete: DELETE "/networks/{name}", since 24, changes;
    }
    /// Volumes.
    Volume(VolumeOperation) {
        List: GET "/volumes", since 24, reads,
            ["filters" Json];
        Create: POST "/volumes/create", since 24, changes,
            body json;
        Prune: POST "/volumes/prune", since 25, changes,
            ["filters" Json];
        Inspect: GET "/volumes/{name}", since 24, reads;
        Update: PUT "/volumes/{name}", since 42, changes;
        Delete: DELETE "/volumes/{name}", since 24, changes,
            ["force" Flag];
    }
    /// Plugins.
    Plugin(PluginOperation) {
        List: GET "/plugins", since 25, reads;
        Privileges: GET "/plugins/privileges", since 25, reads;
        Pull: POST "/plugins/pull", since 25, changes;
        Create: POST "/plugins/create", since 25, changes;
        Inspect: GET "/plugins/{name}/json", since 25, reads;
        Enable: POST "/plugins/{name}/enable", since 25, changes;
        Disable: POST "/plugins/{name}/disable", since 25, changes;
        Upgrade: POST "/plugins/{name}/upgrade", since 26, changes;
        Push: POST "/plugins/{name}/push", since 25, changes;
        Set: POST "/plugins/{name}/set", since 25, changes;
        Delete: DELETE "/plugins/{name}", since 25, changes;
    }
    /// Swarm, nodes, services, tasks, secrets and configs.
    Swarm(SwarmOperation) {
        SwarmInspect: GET "/swarm", since 24, reads;
        SwarmInit: POST "/swarm/init", since 24, changes;
        SwarmJoin: POST "/swarm/join", since 24, changes;
        SwarmLeave: POST "/swarm/leave", since 24, changes;
        SwarmUpdate: POST "/swarm/update", since 24, changes;
        SwarmUnlockkey: GET "/swarm/unlockkey", since 24, reads;
        SwarmUnlock: POST "/swarm/unlock", since 24, changes;
        NodeList: GET "/nodes", since 24, reads;
        NodeUpdate: POST "/nodes/{name}/update", since 24, changes;
        NodeInspect: GET "/nodes/{name}", since 24, reads;
        NodeDelete: DELETE "/nodes/{name}", since 24, changes;
        ServiceList: GET "/services", since 24, reads;
        ServiceCreate: POST "/services/create", since 24, changes;
        ServiceUpdate: POST "/services/{name}/update", since 24, changes;
        ServiceLogs: GET "/services/{name}/logs", since 25, reads;
        ServiceInspect: GET "/services/{name}", since 24, reads;
        ServiceDelete: DELETE "/services/{name}", since 24, changes;
        TaskList: GET "/tasks", since 24, reads;
        TaskLogs: GET "/tasks/{name}/logs", since 25, reads;
        TaskInspect: GET "/tasks/{name}", since 24, reads;
        SecretList: GET "/secrets", since 25, reads;
        SecretCreate: POST "/secrets/create", since 25, changes;
        SecretUpdate: POST "/secrets/{name}/update", since 25, changes;
        SecretInspect: GET "/secrets/{name}", since 25, reads;
        SecretDelete: DELETE "/secrets/{name}", since 25, changes;
        ConfigList: GET "/configs", since 30, reads;
        ConfigCreate: POST "/configs/create", since 30, changes;
        ConfigUpdate: POST "/configs/{name}/update", since 30, changes;
        ConfigInspect: GET "/configs/{name}", since 30, reads;
        ConfigDelete: DELETE "/configs/{name}", since 30, changes;
    }
}

impl Operation {
    /// Whether a version has it.
    #[must_use]
    pub fn is_in(self, version: ApiVersion) -> bool {
        version.has(self.place().since)
    }
}
