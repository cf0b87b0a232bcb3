//! Documents that clients send. Fields that are not known are passed over.

/// By name; those that other documents have in them follow what has them.
pub(super) const DOCUMENTS: &[(&str, &str)] = &[
    ("SystemAuth", "username string; password string; auth string; serveraddress string; identitytoken string; registrytoken string"),
    (
        "ContainerCreate",
        "Hostname string; Domainname string; User string; AttachStdin boolean; AttachStdout boolean; AttachStderr boolean;
         ExposedPorts {any}; Tty boolean; OpenStdin boolean; StdinOnce boolean; Env [string]; Cmd Words; Healthcheck Healthcheck;
         Image string; Volumes {any}; WorkingDir string; Entrypoint Words; NetworkDisabled boolean; MacAddress string;
         Labels {string}; StopSignal string; StopTimeout integer; HostConfig HostConfig; NetworkingConfig NetworkingConfig",
    ),
    (
        "Healthcheck",
        "Test [string]; Interval integer; Timeout integer; StartPeriod integer; StartInterval integer; Retries integer",
    ),
    (
        "HostConfig",
        "Binds [string]; MaskedPaths [string]; ReadonlyPaths [string]; LogConfig LogConfig; NetworkMode string;
         PortBindings {PortBindings}; RestartPolicy RestartPolicy; AutoRemove boolean; VolumeDriver string; VolumesFrom [string];
         Annotations {string}; CapAdd [string]; CapDrop [string]; CgroupnsMode string; Dns [string]; DnsOptions [string];
         DnsSearch [string]; ExtraHosts [string]; GroupAdd [string]; IpcMode string; Links [string]; OomScoreAdj Small;
         PidMode string; Privileged boolean; PublishAllPorts boolean; ReadonlyRootfs boolean; SecurityOpt [string];
         StorageOpt {string}; Tmpfs {string}; UTSMode string; UsernsMode string; ShmSize Large; Sysctls {string};
         Runtime string; Isolation string; Mounts [Mount]; Init boolean; CpuShares Large; Memory Large; NanoCpus Large;
         CgroupParent string; BlkioWeight Weight; BlkioWeightDevice [WeightDevice]; BlkioDeviceReadBps [RateDevice];
         BlkioDeviceWriteBps [RateDevice]; BlkioDeviceReadIOps [RateDevice]; BlkioDeviceWriteIOps [RateDevice];
         CpuPeriod Large; CpuQuota Large; CpuRealtimePeriod Large; CpuRealtimeRuntime Large; CpusetCpus string;
         CpusetMems string; Devices [Device]; DeviceCgroupRules [string]; DeviceRequests [DeviceRequest];
         MemoryReservation Large; MemorySwap Large; MemorySwappiness Large; OomKillDisable boolean; PidsLimit Large;
         Ulimits [Ulimit]",
    ),
    ("LogConfig", "Type string; Config {string}"),
    ("PortBinding", "HostIp string; HostPort string"),
    ("RestartPolicy", "Name string; MaximumRetryCount Count"),
    ("WeightDevice", "Path string; Weight Count"),
    ("RateDevice", "Path string; Rate Count"),
    ("Device", "PathOnHost string; PathInContainer string; CgroupPermissions string"),
    ("DeviceRequest", "Driver string; Count Large; DeviceIDs [string]; Capabilities [[string]]"),
    ("Ulimit", "Name string; Soft Large; Hard Large"),
    (
        "Mount",
        "Type string; Source string; Target string; ReadOnly boolean; BindOptions BindOptions; VolumeOptions VolumeOptions;
         TmpfsOptions TmpfsOptions; ImageOptions ImageOptions",
    ),
    (
        "BindOptions",
        "Propagation string; NonRecursive boolean; CreateMountpoint boolean; ReadOnlyNonRecursive boolean; ReadOnlyForceRecursive boolean",
    ),
    ("VolumeOptions", "NoCopy boolean; Labels {string}; DriverConfig DriverConfig; Subpath string"),
    ("DriverConfig", "Name string; Options {string}"),
    ("TmpfsOptions", "SizeBytes Count; Mode Count; Options [[string]]"),
    ("ImageOptions", "Subpath string"),
    ("NetworkingConfig", "EndpointsConfig {Endpoint}"),
    (
        "Endpoint",
        "IPAMConfig EndpointAddresses; Links [string]; Aliases [string]; MacAddress string; DriverOpts {string}; GwPriority Large",
    ),
    ("EndpointAddresses", "IPv4Address string; IPv6Address string; LinkLocalIPs [string]"),
    (
        "ContainerUpdate",
        "RestartPolicy RestartPolicy; CpuShares Large; Memory Large; NanoCpus Large; BlkioWeight Weight; CpuPeriod Large;
         CpuQuota Large; CpusetCpus string; CpusetMems string; MemoryReservation Large; MemorySwap Large; PidsLimit Large",
    ),
    ("ContainerCheckpointCreate", "CheckpointID string; CheckpointDir string; Exit boolean"),
    (
        "ExecCreate",
        "AttachStdin boolean; AttachStdout boolean; AttachStderr boolean; Tty boolean; Privileged boolean; Cmd Words; Env [string];
         WorkingDir string; User string; DetachKeys string; ConsoleSize ConsoleSize",
    ),
    ("ExecStart", "Detach boolean; Tty boolean; ConsoleSize ConsoleSize"),
    (
        "NetworkCreate",
        "Name string; Driver string; Scope string; Internal boolean; Attachable boolean; Ingress boolean; ConfigOnly boolean;
         ConfigFrom ConfigFrom; EnableIPv4 boolean; EnableIPv6 boolean; IPAM Ipam; Options {string}; Labels {string}",
    ),
    ("ConfigFrom", "Network string"),
    ("Ipam", "Driver string; Config [Pool]"),
    ("Pool", "Subnet string; IPRange string; Gateway string; AuxiliaryAddresses {string}"),
    ("NetworkConnect", "Container string; EndpointConfig Endpoint"),
    ("NetworkDisconnect", "Container string; Force boolean"),
    ("VolumeCreate", "Name string; Driver string; DriverOpts {string}; Labels {string}; ClusterVolumeSpec {any}"),
    (
        "ImageCommit",
        "Hostname string; User string; ExposedPorts {any}; Env [string]; Cmd [string]; Volumes {any}; WorkingDir string;
         Entrypoint [string]; Labels {string}; StopSignal string",
    ),
];
