//! Documents that clients get, of the newest version. What else is in them is Docker's.

/// By name.
pub(super) const DOCUMENTS: &[(&str, &str)] = &[
    ("Refusal", "message string"),
    ("Made", "Id string"),
    ("ContainerMade", "Id string; Warnings [string]"),
    ("NetworkMade", "Id string; Warning string"),
    ("Warned", "Warnings [string]?"),
    ("Waited", "StatusCode integer; Error? Fault"),
    ("Fault", "Message string"),
    ("AuthDone", "Status string; IdentityToken string"),
    ("BuildPruned", "CachesDeleted [string]?; SpaceReclaimed integer"),
    ("ContainersPruned", "ContainersDeleted [string]?; SpaceReclaimed integer"),
    ("ImagesPruned", "ImagesDeleted [Removed]?; SpaceReclaimed integer"),
    ("NetworksPruned", "NetworksDeleted [string]?"),
    ("VolumesPruned", "VolumesDeleted [string]?; SpaceReclaimed integer"),
    ("Removed", "Untagged? string; Deleted? string"),
    ("Found", "name string; description string; star_count integer; is_official boolean; is_automated boolean"),
    ("Distribution", "Descriptor {any}; Platforms [any]"),
    ("Top", "Titles [string]; Processes [[string]]"),
    ("Change", "Path string; Kind integer"),
    ("Checkpoint", "Name string"),
    ("History", "Id string; Created integer; CreatedBy string; Tags [string]?; Size integer; Comment string"),
    (
        "ContainerSummary",
        "Id string; Names [string]; Image string; ImageID string; Command string; Created integer; Ports [Port]; SizeRw? integer;
         SizeRootFs? integer; Labels {string}; State string; Status string; HostConfig {any}; NetworkSettings {any}; Mounts [MountPoint]",
    ),
    ("Port", "PrivatePort integer; Type string; PublicPort? integer; IP? string"),
    (
        "MountPoint",
        "Type string; Name? string; Source string; Destination string; Driver? string; Mode string; RW boolean; Propagation string",
    ),
    (
        "Container",
        "Id string; Created string; Path string; Args [string]; State State; Image string; ResolvConfPath string; HostnamePath string;
         HostsPath string; LogPath string; Name string; RestartCount integer; Driver string; Platform string; MountLabel string;
         ProcessLabel string; AppArmorProfile string; ExecIDs [string]?; HostConfig {any}; GraphDriver {any}; SizeRw? integer;
         SizeRootFs? integer; Mounts [MountPoint]; Config {any}; NetworkSettings {any}",
    ),
    (
        "State",
        "Status string; Running boolean; Paused boolean; Restarting boolean; OOMKilled boolean; Dead boolean; Pid integer;
         ExitCode integer; Error string; StartedAt string; FinishedAt string; Health? {any}",
    ),
    (
        "Exec",
        "ID string; Running boolean; ExitCode integer?; ProcessConfig {any}; OpenStdin boolean; OpenStderr boolean;
         OpenStdout boolean; CanRemove boolean; ContainerID string; DetachKeys string; Pid integer",
    ),
    (
        "ImageSummary",
        "Id string; ParentId string; RepoTags [string]; RepoDigests [string]; Created integer; Size integer; SharedSize integer;
         Labels {string}?; Containers integer",
    ),
    (
        "Image",
        "Id string; RepoTags [string]; RepoDigests [string]; Created? string; Config {any}; Architecture string; Os string;
         Size integer; GraphDriver {any}; RootFS {any}; Metadata {any}",
    ),
    (
        "NetworkInList",
        "Name string; Id string; Created string; Scope string; Driver string; EnableIPv4 boolean; EnableIPv6 boolean; IPAM {any};
         Internal boolean; Attachable boolean; Ingress boolean; ConfigFrom {any}; ConfigOnly boolean; Options {string};
         Labels {string}",
    ),
    (
        "Network",
        "Name string; Id string; Created string; Scope string; Driver string; EnableIPv4 boolean; EnableIPv6 boolean; IPAM {any};
         Internal boolean; Attachable boolean; Ingress boolean; ConfigFrom {any}; ConfigOnly boolean; Containers {any};
         Options {string}; Labels {string}",
    ),
    ("Volumes", "Volumes [Volume]; Warnings [string]?"),
    (
        "Volume",
        "CreatedAt string; Driver string; Labels {string}?; Mountpoint string; Name string; Options {string}?; Scope string;
         UsageData? {any}",
    ),
    (
        "Version",
        "Platform {any}; Components [any]; Version string; ApiVersion string; MinAPIVersion string; GitCommit string; GoVersion string;
         Os string; Arch string; KernelVersion string; BuildTime string; Experimental boolean",
    ),
    (
        "Info",
        "ID string; Containers integer; ContainersRunning integer; ContainersPaused integer; ContainersStopped integer; Images integer;
         Driver string; Name string; NCPU integer; MemTotal integer; OperatingSystem string; OSType string; Architecture string;
         KernelVersion string; ServerVersion string; CgroupDriver string; CgroupVersion string; Runtimes {any}; Warnings [string]?",
    ),
    (
        "DataUsage",
        "ContainerUsage? Usage; ImageUsage? Usage; VolumeUsage? Usage; BuildCacheUsage? Usage; LayersSize? integer; Containers? [any]?;
         Images? [any]?; Volumes? [any]?; BuildCache? [any]?",
    ),
    ("Usage", "ActiveCount? integer; TotalCount? integer; Reclaimable? integer; TotalSize? integer; Items? [any]"),
];
