//! Templates: images made on this machine, from its own packages or out of this program.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use store::tar::{Kind, Metadata, Writer};
use store::{Image, Import};

use crate::engine::Engine;
use crate::error::EngineError;
use info::own_templates;

mod alpine;
mod busybox;
mod distribution;
mod download;
mod excluded;
mod hello;
mod info;
mod kept;
mod mirror;
mod script;
mod signature;
mod streams;
mod systems;

pub use alpine::AlpineRequest;
pub use distribution::{DEBIAN, Distribution, DistributionRequest, UBUNTU};
pub use download::DownloadRequest;
pub use info::TemplateInfo;
pub use kept::{CONFIG_LABEL, EXPIRY_LABEL, FSTAB_LABEL, TEMPLATES_LABEL};
pub use mirror::Trust;
pub use script::{ScriptIds, TemplateScript, find_script};
pub use streams::RemoteImage;
pub use systems::{LocalRequest, ScriptRequest, SystemName};

/// Name of the template that is inside this program.
pub(crate) const HELLO: &str = "hello";
/// Files that every container gets its own of: an image that has them, empty, spares each start the making of mount targets,
/// and tells nobody about the machine that it was built on.
const OWN_FILES: [&str; 3] = ["etc/hostname", "etc/hosts", "etc/resolv.conf"];

/// Handle on the templates.
#[derive(Clone, Copy, Debug)]
pub struct Templates<'a> {
    engine: &'a Engine,
}

impl<'a> Templates<'a> {
    pub(crate) const fn new(engine: &'a Engine) -> Self {
        Self { engine }
    }

    /// Every template: those of this program, then the scripts in `directories` and LXC's own.
    #[must_use]
    pub fn list(&self, directories: &[PathBuf]) -> Vec<TemplateInfo> {
        let own = own_templates().into_iter();
        let scripts = script::scripts(directories).into_iter();
        own.chain(scripts.map(|(name, path)| TemplateInfo::of_script(&name, path))).collect()
    }

    /// Builds `busybox:latest` from the machine's static busybox. The layer does not know the image's time.
    ///
    /// # Errors
    /// When there is none, or the store refuses.
    pub fn build_busybox(&self, named: &SystemName) -> Result<Image, EngineError> {
        let (reference, created_ns) = (named.or("busybox:latest")?, named.created_ns);
        let archive = busybox::archive()?;
        let about = About {
            command: &["sh"],
            entrypoint: &[],
            created_ns,
            made_of: "busybox-static of this machine",
            labels: BTreeMap::new(),
        };
        self.import(&archive[..], Some(&reference), &about)
    }

    /// Builds `DISTRIBUTION:SUITE`.
    ///
    /// # Errors
    /// When neither mmdebstrap nor debootstrap is there, it fails, or the store refuses. Nothing is left then.
    pub fn build_distribution(
        &self,
        request: &DistributionRequest,
        named: &SystemName,
    ) -> Result<Image, EngineError> {
        let suite = request.suite()?;
        let template = request.distribution.name;
        let name = named.or(&format!("{template}:{suite}"))?;
        let mut child = distribution::start(request, &suite)?;
        let mut output =
            child.stdout.take().ok_or_else(|| failed(template, "its builder has no output"))?;
        let builder = distribution::builder().unwrap_or("mmdebstrap");
        let about = About {
            command: &["bash"],
            entrypoint: &[],
            created_ns: named.created_ns,
            made_of: &format!("{builder} of {suite}"),
            labels: BTreeMap::new(),
        };
        let imported = self.import(&mut output, None, &about);
        // What was refused is read to its end all the same: mmdebstrap, when it cannot write, hangs up its whole process group,
        // which is ours.
        let _unread = std::io::copy(&mut output, &mut std::io::sink());
        let status = child.wait().map_err(|error| failed(template, &error.to_string()))?;
        let refused_by_us =
            imported.as_ref().is_err_and(|error| error.kind() != crate::Kind::Invalid);
        // A damaged archive is the builder's own failure.
        if !status.success() && !refused_by_us {
            // The archive of a builder that failed may be whole to a reader; the image is not.
            if let Ok(image) = imported {
                self.engine.images().remove(&image.id.to_string(), false)?;
            }
            return Err(failed(template, &format!("its builder ended with {status}")));
        }
        let id = imported?.id.to_string();
        self.engine.images().tag(&id, &name)?;
        self.engine.images().resolve(&name)
    }

    /// Gives an image that came from elsewhere its name as a system; whoever builds is told where it has no init.
    ///
    /// # Errors
    /// When the name is none, or the store refuses.
    pub fn adopt(&self, image: &Image, named: &SystemName) -> Result<Image, EngineError> {
        let id = image.id.to_string();
        let view = store::RootView::of(&self.engine.images().layer_directories(image));
        if view.places(Path::new(crate::whole_system::INIT)).is_err() {
            tell(
                "note: the image has no /sbin/init: as a system it needs its first process named behind it",
            );
        }
        match &named.name {
            Some(name) => {
                self.engine.images().tag(&id, name)?;
                self.engine.images().resolve(name)
            }
            None => Ok(image.clone()),
        }
    }

    fn import(
        &self,
        archive: impl std::io::Read + Send,
        name: Option<&str>,
        about: &About<'_>,
    ) -> Result<Image, EngineError> {
        let words = |words: &[&str]| {
            Some(words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>())
                .filter(|words| !words.is_empty())
        };
        let reference = name.map(str::parse).transpose().map_err(store::StoreError::from)?;
        let import = Import {
            platform: None,
            reference,
            config: spec::image::RunConfig {
                cmd: words(about.command),
                entrypoint: words(about.entrypoint),
                labels: Some(about.labels.clone()).filter(|labels| !labels.is_empty()),
                ..Default::default()
            },
            created: monitor::format_time(about.created_ns),
            created_by: about.made_of.to_owned(),
            comment: "corten template".to_owned(),
        };
        self.engine.images().import(archive, &import)
    }
}

/// What a template's image says beside its layer.
struct About<'a> {
    command: &'a [&'a str],
    entrypoint: &'a [&'a str],
    created_ns: i64,
    made_of: &'a str,
    labels: BTreeMap<String, String>,
}

fn failed(name: &str, why: &str) -> EngineError {
    EngineError::Template { name: name.to_owned(), why: why.to_owned() }
}

fn entry(path: &str, kind: Kind, mode: u32) -> Metadata {
    Metadata { path: path.as_bytes().to_vec(), kind, mode, ..Metadata::default() }
}

fn append(
    archive: &mut Writer<Vec<u8>>,
    template: &str,
    metadata: &Metadata,
    contents: &[u8],
) -> Result<(), EngineError> {
    archive
        .append(metadata, contents)
        .map_err(|error| failed(template, &libcontainer::chain(&error)))
}

/// A file of no name that anybody knows, to be read again, below a command's own directory.
fn fresh_file(scratch: &store::Scratch) -> Result<(File, PathBuf), EngineError> {
    for number in 0_u32.. {
        let path = scratch.path().join(format!("file{number}"));
        match File::options().read(true).write(true).create_new(true).open(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            opened => {
                let opened = opened.map_err(EngineError::file("make", &path))?;
                return Ok((opened, path));
            }
        }
    }
    Err(failed("scratch", "it is full"))
}

/// Progress for people goes to standard error.
fn tell(words: &str) {
    // Nobody may be listening.
    let _closed = writeln!(std::io::stderr(), "{words}");
}
