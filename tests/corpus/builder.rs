//! Who builds. Each has a store of its own, in a network of its own with nothing in it.

mod buildah;
mod buildkit;
mod corten;
mod docker;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::asked;
use crate::case::Case;
use crate::ground::Ground;

/// The image by lines, or what the builder said instead.
pub(crate) type Built = Result<Vec<String>, String>;

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Builder {
    Corten,
    Buildah,
    Docker,
    /// By hand only: Debian has none.
    Buildkit,
}

/// One that is ready to build.
trait Ready {
    /// Gives it an image, in an archive as `docker save` writes it.
    fn load(&self, archive: &Path);

    /// Builds with flags of `docker build`.
    fn build(&self, work: &Work<'_>) -> Result<(), String>;

    /// Writes an image that it has built into an archive, as `docker save` does.
    fn save(&self, tag: &str, archive: &Path);
}

/// What is to be built.
struct Work<'a> {
    context: &'a Path,
    file: &'a str,
    tag: &'a str,
    flags: &'a [String],
}

impl Builder {
    /// Those that build here.
    pub(crate) fn all() -> Vec<Self> {
        let mut all = vec![Self::Corten, Self::Buildah, Self::Docker];
        if !corten::can_build() {
            all.remove(0);
        }
        if buildkit::address().is_some() {
            all.push(Self::Buildkit);
        }
        if let Some(name) = asked("CORTEN_CORPUS_WRITE") {
            all.retain(|builder| builder.name() == name);
        }
        all
    }

    /// As cases call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Corten => "corten",
            Self::Buildah => "buildah",
            Self::Docker => "docker",
            Self::Buildkit => "buildkit",
        }
    }

    /// Builds one case after the other; gives what it made of each.
    pub(crate) fn build(self, ground: &Ground, cases: &[Case]) -> Vec<(String, Built)> {
        let place = ground.place(self.name());
        // A copy of its own: some builders write into the context.
        let mut copy = command("cp", &place);
        copy.arg("--archive").arg(ground.contexts()).arg(place.join("contexts"));
        must(copy);
        let ready: Box<dyn Ready> = match self {
            Self::Corten => Box::new(corten::Ready::new()),
            Self::Buildah => Box::new(buildah::Ready::new(&place)),
            Self::Docker => Box::new(docker::Ready::new(&place)),
            Self::Buildkit => Box::new(buildkit::Ready::new(&place)),
        };
        for base in &ground.bases {
            ready.load(base);
        }
        let one = |case: &Case| {
            let begun = std::time::Instant::now();
            let built = build(&*ready, ground, case, &place);
            eprintln!("{}: {} in {:?}", self.name(), case.name, begun.elapsed());
            (case.name.clone(), built)
        };
        cases.iter().map(one).collect()
    }
}

fn build(ready: &dyn Ready, ground: &Ground, case: &Case, place: &Path) -> Built {
    let context = place.join("contexts").join(&case.name);
    for first in &case.settings.first {
        let (file, tag) = (first.file.as_str(), first.tag.as_str());
        ready.build(&Work { context: &context, file, tag, flags: &[] })?;
    }
    let (flags, tag) = (ground.flags(case, &context), format!("corpus/{}:1", case.name));
    let file = case.settings.file.as_deref().unwrap_or("Dockerfile");
    ready.build(&Work { context: &context, file, tag: &tag, flags: &flags })?;
    let archive = place.join("image.tar");
    ready.save(&tag, &archive);
    let lines = ground.listing(&archive);
    std::fs::remove_file(archive).unwrap();
    if asked("CORTEN_CORPUS_ONLY").is_some() {
        eprintln!("{} by {}:\n{}\n", case.name, place.display(), lines.join("\n"));
    }
    Ok(lines)
}

/// Where programs are.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A command with nothing of the caller's settings. Nothing takes as long as its time.
fn command(program: &str, home: &Path) -> Command {
    let mut command = Command::new("timeout");
    command.args(["--signal=KILL", "110", program]).stdin(Stdio::null()).env_clear();
    command.env("PATH", PATH);
    command.env("HOME", home).env("TMPDIR", home).env("LC_ALL", "C.UTF-8");
    command
}

/// Runs it; gives the last that it said where it fails.
fn tried(mut command: Command) -> Result<(), String> {
    let output = command.output().unwrap();
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let lines: Vec<&str> = said.lines().collect();
    Err(lines[lines.len().saturating_sub(12)..].join("\n"))
}

/// Runs it, and demands success.
fn must(command: Command) {
    let shown = format!("{command:?}");
    tried(command).unwrap_or_else(|said| panic!("{shown}\n{said}"));
}

/// Where an archive of an image goes that stays.
fn kept(place: &Path, tag: &str) -> PathBuf {
    place.join(tag.replace(['/', ':'], "-"))
}
