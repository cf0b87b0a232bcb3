//! The objects that people name, and what may happen to them: containers, images, templates.
//!
//! [`Engine::open`] opens a store; its handles are [`Containers`], [`ImagesHandle`] and [`Templates`]. The engine decides and
//! writes down; a container's monitor acts. Nothing here mounts or clones: what `container mount` shows on the host, libcontainer mounts.
//! Ending this process disturbs no container.
#![forbid(unsafe_code)]

mod apparmor;
mod archives;
mod asking;
mod autostart;
mod awaiting;
mod boot;
mod build_cache;
mod building;
mod changes;
mod checkpoints;
mod cloning;
pub mod config;
mod console;
mod containers;
mod copying;
mod delegation;
mod detach_keys;
pub mod doctor;
mod documents;
mod engine;
mod error;
mod event_filter;
mod exec;
mod exec_records;
mod facts;
mod frozen;
mod group_files;
mod hardened;
mod health;
pub mod hello;
mod hints;
mod host_mounts;
mod id_maps;
mod id_pool;
mod image_entries;
mod image_filter;
mod images;
mod interfaces;
mod journal;
mod labels;
mod lacks;
mod landlock;
mod life;
mod list;
mod list_filter;
mod live_devices;
mod live_interfaces;
mod lock;
mod logging;
mod manifest_lists;
mod merge;
mod mounts;
mod names;
mod nesting;
pub mod networks;
mod oci;
pub mod parse;
mod pattern;
mod pause;
mod places;
mod process_pipes;
mod processes;
mod programs;
mod pull;
mod push;
mod quotas;
mod recording;
mod removal;
mod rename;
mod room;
mod roots;
mod running_groups;
mod seccomp;
mod secrets;
mod settings;
mod sharing;
mod shifted;
mod snapshot;
mod start;
mod state;
mod stats;
mod telling;
mod templates;
pub mod times;
mod update;
mod user_namespaces;
mod users;
mod volumes;
mod whole_system;
pub mod words;

pub use apparmor::{AppArmor, DEFAULT as DEFAULT_APPARMOR_PROFILE, PolicyError, ProfileError};
pub use archives::{CommitRequest, RootPart};
pub use autostart::AutostartChoice;
pub use awaiting::{Condition, Wait};
pub use boot::Stopped;
pub use build_cache::{
    CACHE_MOUNT_LABEL, CACHE_MOUNT_LOCKS, CacheFilter, CacheKind, CachePrune, CacheRecord,
};
pub use building::{Building, STEP_LABEL, Workspace};
pub use changes::changes;
pub use checkpoints::{CheckpointName, CheckpointRefusal};
pub use cloning::CloneRequest;
pub use console::Console;
pub use containers::{Containers, CreateRequest, EnvRules};
pub use copying::{
    Copied, CopyRequest, HostSource, PathStat, PutRules, host_archive, host_put, host_source,
};
pub use detach_keys::DetachKeys;
pub use documents::{Document, restart_document};
pub use engine::{Engine, EngineConfig, VERSION};
pub use error::{EngineError, Kind};
pub use event_filter::EventFilter;
pub use exec::ExecRequest;
pub use exec_records::ExecRecord;
pub use frozen::MOST_FROZEN;
pub use host_mounts::Mounted;
pub use image_entries::{HistoryStep, ImageEntry};
pub use image_filter::{DigestNames, ImageFilter, ListedImage};
pub use images::ImagesHandle;
pub use journal::{JournalEntry, journal_command};
pub use labels::{ModuleError, SelinuxModule, containers_are_labelled, listen_for_containers};
pub use libcontainer::cgroup::Bus;
pub use libcontainer::{Plan, chain};
pub use life::Container;
pub use list::Row;
pub use list_filter::Filter;
pub use logging::LogPlace;
pub use manifest_lists::{Annotation, ManifestListsHandle};
pub use monitor::{
    Connection, FromMonitor, HealthFile, HealthStatus, Received, RestartPolicy, events,
    format_time, log, now_ns, raise_descriptors, reap as reap_monitors,
};
pub use network::PortMapping;
pub use oci::cdi::{StepDevice, step_devices};
pub use places::{CniPaths, host_address, host_place};
pub use process_pipes::ProcessPipes;
pub use processes::ProcessRow;
pub use pull::{PULL_CONNECTIONS, PullReport, PullRequest};
pub use push::PushRequest;
pub use recording::Recorded;
pub use room::{ImagePrune, PruneFilter, Room};
pub use seccomp::profile_text as seccomp_profile_text;
pub use secrets::{SecretFilter, SecretRequest, SecretsHandle};
pub use settings::MachineSettings;
pub use snapshot::SnapshotRequest;
pub use spec::Reference as ImageName;
pub use start::{Attach, Launch};
pub use state::{Phase, State};
pub use stats::{
    BlockEntry, CpuDetails, DetailedMeter, Details, InterfaceDetails, MemoryDetails, Meter,
    Reading, machine_cpu_ns, machine_cpus,
};
pub use store::compression::{Compress, Compression};
pub use store::layer::{Change, ChangeKind, TreeArchive};
pub use store::tar;
pub use store::{
    AddedLayer, BuildLease, Builds, BuiltStep, Checked, ContainerUsage, Ended, Finding, Image,
    ImageSummary, ImageUsage, Import, ListMember, Loaded, NewLayer, NewStep, Paths, Problem,
    Pruned, Remedy, Removed, Secret, SecretKind, Snapshot, StepUsage, TransferUsage, UPLOADS_KEPT,
    UploadUsage, Usage, Volume, VolumeUsage, WhenTaken,
};
pub use telling::event_document;
pub use templates::{
    AlpineRequest, CONFIG_LABEL, DEBIAN, Distribution, DistributionRequest, DownloadRequest,
    EXPIRY_LABEL, FSTAB_LABEL, LocalRequest, RemoteImage, ScriptIds, ScriptRequest, SystemName,
    TEMPLATES_LABEL, TemplateInfo, TemplateScript, Templates, Trust, UBUNTU, find_script,
};
pub use update::Update;
pub use volumes::{SNAPSHOT_OF, VolumeFilter, VolumeRequest, VolumesHandle};
