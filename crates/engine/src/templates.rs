//! Templates: images made on this machine, from its own packages or out of this program.

use std::io::Write;

use store::tar::{Kind, Metadata, Writer};
use store::{Image, Import};

use crate::engine::Engine;
use crate::error::EngineError;

mod busybox;
mod debian;

pub use debian::DebianRequest;

/// Name of the template that is inside this program.
pub(crate) const HELLO: &str = "hello";
/// Files that every container gets its own of: an image that has them, empty, spares each start the making of mount targets,
/// and tells nobody about the machine that it was built on.
const OWN_FILES: [&str; 3] = ["etc/hostname", "etc/hosts", "etc/resolv.conf"];

/// What a template needs, and whether that is here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateInfo {
    /// Its name.
    pub name: &'static str,
    /// In one line.
    pub description: &'static str,
    /// What must be on the machine.
    pub needs: &'static str,
    /// Whether it is.
    pub available: bool,
}

/// Handle on the templates.
#[derive(Clone, Copy, Debug)]
pub struct Templates<'a> {
    engine: &'a Engine,
}

impl<'a> Templates<'a> {
    pub(crate) const fn new(engine: &'a Engine) -> Self {
        Self { engine }
    }

    /// Every template.
    #[must_use]
    pub fn list(&self) -> Vec<TemplateInfo> {
        let debian = debian::builder().is_some();
        vec![
            TemplateInfo {
                name: HELLO,
                description: "shows the isolation that it finds around it",
                needs: "nothing",
                available: true,
            },
            TemplateInfo {
                name: "busybox",
                description: "a small system of one program",
                needs: "busybox-static",
                available: busybox::program().is_some(),
            },
            TemplateInfo {
                name: "debian",
                description: "a Debian or Ubuntu system",
                needs: "mmdebstrap or debootstrap",
                available: debian,
            },
        ]
    }

    /// Builds `busybox:latest` from the machine's static busybox. `created_ns` is the image's time; the layer does not know it.
    ///
    /// # Errors
    /// When there is none, or the store refuses.
    pub fn build_busybox(&self, created_ns: i64) -> Result<Image, EngineError> {
        let archive = busybox::archive()?;
        let about = About {
            command: &["sh"],
            entrypoint: &[],
            created_ns,
            made_of: "busybox-static of this machine",
        };
        self.import(&archive[..], Some("busybox:latest"), &about)
    }

    /// Builds `debian:SUITE`. `created_ns` is the image's time.
    ///
    /// # Errors
    /// When neither mmdebstrap nor debootstrap is there, it fails, or the store refuses. Nothing is left then.
    pub fn build_debian(
        &self,
        request: &DebianRequest,
        created_ns: i64,
    ) -> Result<Image, EngineError> {
        let suite = request.suite()?;
        let name = format!("debian:{suite}");
        let mut child = debian::start(request, &suite)?;
        let mut output =
            child.stdout.take().ok_or_else(|| failed("debian", "its builder has no output"))?;
        let made_of = format!("{} of {suite}", debian::builder().unwrap_or("mmdebstrap"));
        let about = About { command: &["bash"], entrypoint: &[], created_ns, made_of: &made_of };
        let imported = self.import(&mut output, None, &about);
        // What was refused is read to its end all the same: mmdebstrap, when it cannot write, hangs up its whole process group,
        // which is ours.
        let _unread = std::io::copy(&mut output, &mut std::io::sink());
        let status = child.wait().map_err(|error| failed("debian", &error.to_string()))?;
        let refused_by_us =
            imported.as_ref().is_err_and(|error| error.kind() != crate::Kind::Invalid);
        // A damaged archive is the builder's own failure.
        if !status.success() && !refused_by_us {
            // The archive of a builder that failed may be whole to a reader; the image is not.
            if let Ok(image) = imported {
                self.engine.images().remove(&image.id.to_string(), false)?;
            }
            return Err(failed("debian", &format!("its builder ended with {status}")));
        }
        let id = imported?.id.to_string();
        self.engine.images().tag(&id, &name)?;
        self.engine.images().resolve(&name)
    }

    /// The image whose one layer is this program, made anew when the program has changed.
    ///
    /// # Errors
    /// When the program cannot be read, or the store refuses.
    pub(crate) fn hello(&self) -> Result<Image, EngineError> {
        let name = "hello:latest";
        let about = std::fs::metadata(&self.engine.program)
            .map_err(EngineError::file("read", &self.engine.program))?;
        use std::os::unix::fs::MetadataExt;
        // Which program it was made of stands in its history.
        let made_of = format!(
            "corten {} {}.{} {}",
            crate::VERSION,
            about.mtime(),
            about.mtime_nsec(),
            about.size()
        );
        if let Ok(image) = self.engine.store.images().resolve(name)
            && image.config.history.first().and_then(|step| step.created_by.as_ref())
                == Some(&made_of)
        {
            return Ok(image);
        }
        let program = std::fs::read(&self.engine.program)
            .map_err(EngineError::file("read", &self.engine.program))?;
        let mut archive = Writer::new(Vec::new());
        let unwritable =
            |error: store::tar::WriteError| failed(HELLO, &libcontainer::chain(&error));
        let directories =
            ["dev", "etc", "proc", "sys"].map(|path| entry(path, Kind::Directory, 0o755));
        for wanted in
            directories.into_iter().chain(OWN_FILES.map(|path| entry(path, Kind::File, 0o644)))
        {
            archive.append(&wanted, std::io::empty()).map_err(unwritable)?;
        }
        let file = Metadata { size: program.len() as u64, ..entry("corten", Kind::File, 0o755) };
        archive.append(&file, &program[..]).map_err(unwritable)?;
        let archive = archive.finish().map_err(|error| failed(HELLO, &error.to_string()))?;
        let about = About {
            command: &[],
            entrypoint: &["/corten", "hello-inside"],
            // The program's own time: all that make it of this program, at the same time even, make the same image.
            created_ns: about.mtime().saturating_mul(1_000_000_000),
            made_of: &made_of,
        };
        self.import(&archive[..], Some(name), &about)
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

/// Progress for people goes to standard error.
fn tell(words: &str) {
    // Nobody may be listening.
    let _closed = writeln!(std::io::stderr(), "{words}");
}
