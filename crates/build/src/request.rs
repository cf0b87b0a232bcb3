//! What is to be built, with everything that flags say: plain data, which the faces fill in.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use engine::config::{HostRules, Limits, Ulimit};
use spec::Reference;
use spec::image::Platform;

use crate::GitSettings;
use crate::attest::Detail;

/// A build.
#[derive(Debug, Default)]
pub struct BuildRequest {
    /// Where files come from.
    pub context: ContextSource,
    /// Where the instructions are.
    pub dockerfile: DockerfileSource,
    /// Further contexts by their names: `--build-context`.
    pub contexts: BTreeMap<String, NamedContext>,
    /// Arguments of the build.
    pub arguments: BTreeMap<String, String>,
    /// The stage that is wanted; nothing is the last one.
    pub target: Option<String>,
    /// The machines that images are for, each with one of its own; none is this one.
    pub platforms: Vec<Platform>,
    /// Labels over those of the file.
    pub labels: BTreeMap<String, String>,
    /// Names of the image.
    pub tags: Vec<Reference>,
    /// What the cache may be asked for.
    pub caching: Caching,
    /// When bases are asked for at their registry.
    pub pull: PullBases,
    /// What steps may have for as long as they run.
    pub secrets: Vec<BuildSecret>,
    /// Agents of keys.
    pub agents: Vec<Agent>,
    /// What git may know and do.
    pub git: GitSettings,
    /// How steps run.
    pub steps: StepRules,
    /// Whether all layers of the build become one.
    pub squash: Squash,
    /// Annotations of manifests and of the index.
    pub annotations: Vec<Annotation>,
    /// What is said of how it was built, where anything is.
    pub provenance: Option<ProvenanceWish>,
    /// Whether it is said what the image holds.
    pub sbom: bool,
    /// Whether what a step leaves that fails is shown to [`crate::Progress::failed`].
    pub keep_failed: bool,
}

/// Where files come from.
#[derive(Default)]
pub enum ContextSource {
    /// There is none.
    #[default]
    Empty,
    /// A directory of this machine.
    Directory(PathBuf),
    /// An archive, plain or compressed.
    Archive(Mutex<Box<dyn Read + Send>>),
    /// A repository, a branch and a directory in it: `URL#REF:DIRECTORY`.
    Git(String),
    /// An archive, or a Dockerfile alone, of a web server.
    Url(String),
}

/// Where the instructions are.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum DockerfileSource {
    /// `Dockerfile`, or else `Containerfile`, in the context.
    #[default]
    Usual,
    /// A file of the context.
    InContext(String),
    /// A file of this machine.
    File(PathBuf),
    /// Its text, of standard input or of a request.
    Text(Vec<u8>),
}

/// What a name stands for in `FROM`, `--from` and `from=`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NamedContext {
    /// A directory of this machine.
    Directory(PathBuf),
    /// A repository, as in [`ContextSource::Git`].
    Git(String),
    /// An archive of a web server.
    Url(String),
    /// An image: `docker-image://NAME`.
    Image(String),
    /// An image of a layout in a directory: `oci-layout://PATH[:TAG]`.
    Layout(String),
}

/// What the cache may be asked for.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Caching {
    /// Nothing.
    pub none: bool,
    /// Nothing for these stages.
    pub not_for: Vec<String>,
    /// Places that it may be fetched from: `--cache-from`.
    pub from: Vec<CachePlace>,
    /// Places that it is put at in the end: `--cache-to`.
    pub to: Vec<CachePlace>,
}

/// A place of a cache outside of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CachePlace {
    /// `local`, `registry`, `inline`.
    pub kind: String,
    /// Its further words.
    pub options: BTreeMap<String, String>,
}

/// When bases are asked for at their registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum PullBases {
    /// When they are not here.
    #[default]
    Missing,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// A secret of steps.
#[derive(Clone, PartialEq, Eq)]
pub struct BuildSecret {
    /// Its name.
    pub id: String,
    /// What it is.
    pub content: Vec<u8>,
}

/// An agent of keys.
#[derive(Clone, Debug)]
pub struct Agent {
    /// Its name; `default` where nobody says another.
    pub id: String,
    /// Its socket.
    pub socket: PathBuf,
    /// What ends it when the build is over, if it is the build's own.
    pub keeper: Option<Arc<dyn Any + Send + Sync>>,
}

/// How steps run.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct StepRules {
    /// The network of steps that say none: empty is the default one, `none`, `host`, or the name of one.
    pub network: String,
    /// Limits of each.
    pub limits: Limits,
    /// Resource limits of processes.
    pub ulimits: Vec<Ulimit>,
    /// Size of `/dev/shm`.
    pub shm_bytes: Option<u64>,
    /// The control group that theirs are made in.
    pub cgroup_parent: String,
    /// What they find in `/etc/hosts`.
    pub hosts: HostRules,
    /// Whether they may ask for the host's network (`--allow network.host`).
    pub may_use_host_network: bool,
    /// Whether they may ask for everything (`--allow security.insecure`).
    pub may_be_insecure: bool,
    /// CDI devices that they may ask for (`--allow device`).
    pub devices: AllowedDevices,
    /// Options of confinement, as `run --security-opt`.
    pub security: engine::config::Security,
}

/// CDI devices that steps may ask for.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum AllowedDevices {
    /// None whatever their descriptions say.
    None,
    /// Those whose descriptions let every build have them.
    #[default]
    Free,
    /// These too, as the Dockerfile writes them or by their whole names.
    Named(Vec<String>),
    /// All.
    All,
}

/// An annotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotation {
    /// Of what.
    pub level: AnnotationLevel,
    /// Of the image for which machine; nothing is all of them.
    pub platform: Option<Platform>,
    /// Its name.
    pub key: String,
    /// What it says.
    pub value: String,
}

/// What an annotation is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AnnotationLevel {
    /// The image's manifest.
    Manifest,
    /// The index.
    Index,
    /// The entry of the manifest in the index.
    ManifestDescriptor,
    /// The entry of the index in a layout.
    IndexDescriptor,
}

/// What is said of how an image was built.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ProvenanceWish {
    /// How much.
    pub detail: Detail,
    /// Who builds: a URI, empty where none is said.
    pub builder_id: String,
}

/// Whether layers become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Squash {
    /// None.
    #[default]
    No,
    /// Those of the build.
    New,
    /// All of them.
    All,
}

impl ContextSource {
    /// What an address means: a repository by its scheme, its host or the end of its path, or else what a web server has. Nothing for what is none.
    #[must_use]
    pub fn of_address(text: &str) -> Option<Self> {
        if text.starts_with("github.com/") || crate::git::is_git(text) {
            return Some(Self::Git(text.to_owned()));
        }
        let is_url = text.starts_with("http://") || text.starts_with("https://");
        is_url.then(|| Self::Url(text.to_owned()))
    }

    /// An archive, plain or compressed.
    pub fn archive(archive: impl Read + Send + 'static) -> Self {
        Self::Archive(Mutex::new(Box::new(archive)))
    }
}

impl fmt::Debug for ContextSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => formatter.write_str("Empty"),
            Self::Directory(path) => formatter.debug_tuple("Directory").field(path).finish(),
            Self::Archive(_) => formatter.write_str("Archive"),
            Self::Git(url) => formatter.debug_tuple("Git").field(url).finish(),
            Self::Url(url) => formatter.debug_tuple("Url").field(url).finish(),
        }
    }
}

/// Never what it is.
impl fmt::Debug for BuildSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("BuildSecret").field("id", &self.id).finish_non_exhaustive()
    }
}
