//! Where an image goes once it is built: `--output`, `--push`, `--load`. It is in the store already: nothing is copied that need not be.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use build::{BuildRequest, Built};
use engine::{Compress, Engine, EngineError, Image, PushRequest};
use registry::{Client, Progress};
use serde_json::json;
use spec::{ImageId, Reference};

use super::super::archives::into_place;
use super::given::{bad, fields};
use super::packing::{self, Packing, Wanted};
use super::roots;
use crate::arguments::Matches;
use crate::failure::Failure;
use crate::program::Session;
use crate::progress::build::Style;
use crate::progress::{Direction, Mode, show};
use crate::{output, registries};

/// One place. A path that is not said is standard output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Output {
    /// The store, where images are.
    Image,
    /// The registries of its names.
    Registry(Packing),
    /// An archive that is an OCI layout and what `docker save` writes in one.
    Archive(Option<String>, Packing),
    /// An archive of the root file system.
    Tar(Option<String>),
    /// The files, in a directory.
    Local(String),
    /// The cache alone.
    Cache,
}

/// All places, and what they want of the build.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Outputs {
    all: Vec<Output>,
    wanted: Wanted,
}

impl Outputs {
    /// Whether the image stays in the store, and gets its names.
    pub(super) fn keep_image(&self) -> bool {
        self.all.iter().any(|output| matches!(output, Output::Image | Output::Registry(_)))
    }

    /// How many of them are standard output.
    pub(super) fn to_stdout(&self) -> usize {
        let is_stdout =
            |output: &&Output| matches!(output, Output::Archive(None, _) | Output::Tar(None));
        self.all.iter().filter(is_stdout).count()
    }

    /// Puts what they want into the request.
    pub(super) fn add_to(&self, request: &mut BuildRequest) -> Result<(), Failure> {
        for name in &self.wanted.names {
            if !request.tags.contains(name) {
                request.tags.push(name.clone());
            }
        }
        request.annotations.extend(self.wanted.annotations.iter().cloned());
        let has_time = request.arguments.get("SOURCE_DATE_EPOCH").is_some_and(|it| !it.is_empty());
        if self.wanted.rewrites_times && !has_time {
            let words = "rewrite-timestamp needs a time: set SOURCE_DATE_EPOCH";
            return Err(Failure::Words(words.to_owned()));
        }
        let is_docker = |output: &Output| matches!(output, Output::Registry(packing) if packing.is_docker == Some(true));
        let says = !request.annotations.is_empty() || request.sbom || request.provenance.is_some();
        if (says || request.platforms.len() > 1) && self.all.iter().any(is_docker) {
            let words = "oci-mediatypes=false: Docker's manifests have neither annotations nor attestations";
            return Err(Failure::Words(words.to_owned()));
        }
        if request.tags.is_empty() && self.all.iter().any(|it| matches!(it, Output::Registry(_))) {
            return Err(Failure::Words("tag is needed when pushing to registry".to_owned()));
        }
        Ok(())
    }
}

/// What the line asks for.
pub(super) fn outputs(matches: &Matches, style: Style) -> Result<Outputs, Failure> {
    let mut outputs = Outputs::default();
    for text in matches.values("output") {
        let output = one(text, &mut outputs.wanted)?;
        outputs.all.push(output);
    }
    let is_pushed = outputs.all.iter().any(|output| matches!(output, Output::Registry(_)));
    if matches.on("push") && !is_pushed {
        outputs.all.push(Output::Registry(Packing::default()));
    }
    if matches.on("load") {
        outputs.all.push(Output::Image);
    }
    if outputs.all.is_empty() {
        outputs.all.push(Output::Image);
    }
    match outputs.to_stdout() {
        0 => {}
        1 if style == Style::Json || matches.on("quiet") => {
            let words = "the archive goes to standard output, where --quiet and --progress json write, too: name a file with dest=";
            return Err(Failure::Words(words.to_owned()));
        }
        1 => {}
        _ => return Err(Failure::Words("two outputs go to standard output".to_owned())),
    }
    Ok(outputs)
}

fn one(text: &str, wanted: &mut Wanted) -> Result<Output, Failure> {
    let fields = fields("output", text)?;
    if let [(path, None)] = fields.as_slice() {
        return Ok(if path == "-" { Output::Tar(None) } else { Output::Local(path.clone()) });
    }
    let (mut kind, mut dest, mut pushes) = (None, None, false);
    let mut further = Vec::new();
    for (name, value) in fields {
        let value = value.unwrap_or_default();
        match (name.as_str(), value.as_str()) {
            ("type", _) => kind = Some(value),
            ("dest", "-") => dest = None,
            ("dest", _) => dest = Some(value),
            ("push", "true") => pushes = true,
            ("push", "false") | ("tar", "true") | ("mode", "copy") => {}
            _ => further.push((name, value)),
        }
    }
    let kind = kind.ok_or_else(|| bad("output", text, "it has no type="))?;
    let is_archive = kind == "oci" || (kind == "docker" && text.contains("dest="));
    let packing = packing::packing(text, (&kind, is_archive, pushes), further, wanted)?;
    match (kind.as_str(), dest) {
        ("image", None) if !pushes => Ok(Output::Image),
        ("image" | "registry", None) => Ok(Output::Registry(packing)),
        ("docker" | "oci", dest) if is_archive => Ok(Output::Archive(dest, packing)),
        ("docker", _) => Ok(Output::Image),
        ("tar", dest) => Ok(Output::Tar(dest)),
        ("local", Some(dest)) => Ok(Output::Local(dest)),
        ("local", None) => Err(bad("output", text, "type=local needs dest=DIRECTORY")),
        ("cacheonly", None) => Ok(Output::Cache),
        ("image" | "registry" | "cacheonly", Some(_)) => {
            Err(bad("output", text, "its type has no dest="))
        }
        (other, _) => {
            let known = "image, registry, docker, oci, tar, local, cacheonly";
            Err(bad("output", text, &format!("{other:?} is not one of {known}")))
        }
    }
}

/// Gives the image to every place.
pub(super) fn give(
    session: &Session,
    built: &Built,
    (names, outputs): (&[Reference], &Outputs),
    style: Style,
) -> Result<(), Failure> {
    if outputs.all == [Output::Image] {
        return Ok(());
    }
    let engine = session.engine()?;
    let image = &built.image;
    outputs.all.iter().try_for_each(|output| match output {
        Output::Image | Output::Cache => Ok(()),
        Output::Registry(packing) => push(&engine, names, packing, style),
        Output::Archive(dest, packing) => save(&engine, image, names, (dest.as_deref(), packing)),
        Output::Tar(dest) => roots::tar(&engine, built, dest.as_deref()),
        Output::Local(directory) => roots::local(&engine, built, Path::new(directory)),
    })
}

/// Removes images that were to stay nowhere, unless they have names or are among those that are kept. Their layers stay in the cache, and what
/// is used stays as it is; those for other machines are there for the sake of one that has names.
pub(super) fn forget(session: &Session, built: &Built, kept: &BTreeSet<ImageId>) {
    let Ok(engine) = session.engine() else { return };
    if !built.image.names.is_empty() {
        return;
    }
    let goes = |image: &&Image| image.names.is_empty() && !kept.contains(&image.id);
    for image in built.images.iter().filter(goes) {
        let _used = engine.images().remove(&image.id.to_string(), false);
    }
}

pub(super) fn failed(what: &'static str) -> impl FnOnce(EngineError) -> Failure {
    move |error| Failure::Doing { what: what.to_owned(), error }
}

fn save(
    engine: &Engine,
    image: &Image,
    names: &[Reference],
    (dest, packing): (Option<&str>, &Packing),
) -> Result<(), Failure> {
    let how = packing.compress.unwrap_or(Compress::none());
    into_place("build", dest, |writer| {
        engine.images().save_as(image, names, how, writer).map_err(failed("write the archive"))
    })
}

fn push(
    engine: &Engine,
    names: &[Reference],
    packing: &Packing,
    style: Style,
) -> Result<(), Failure> {
    let progress = Arc::new(Progress::default());
    let client = Client::new(registries::settings(Arc::clone(&progress), None, None)?);
    let mode = match style {
        Style::Terminal => Mode::Bars,
        Style::Plain => Mode::Plain,
        Style::Quiet | Style::Json | Style::RawJson => Mode::Quiet,
    };
    for name in names {
        let request = PushRequest { reference: name, form: packing.form(), all_platforms: false };
        progress.begin_again();
        let pushed = show(mode, Direction::Push, &progress, || {
            engine.images().push(&client, request, &progress)
        });
        let what = || format!("push {}", name.familiar());
        let pushed = pushed.map_err(|error| Failure::Doing { what: what(), error })?;
        match style {
            Style::Quiet | Style::RawJson => {}
            Style::Json => {
                let (name, digest) = (name.to_string(), pushed.digest.to_string());
                output::line(
                    &json!({ "event": "pushed", "name": name, "digest": digest }).to_string(),
                );
            }
            Style::Plain | Style::Terminal => {
                output::talk(&format!("Pushed {name}@{}", pushed.digest));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_by_their_words() {
        let archive =
            |path: Option<&str>| Output::Archive(path.map(str::to_owned), Packing::default());
        let one = |text: &str| one(text, &mut Wanted::default());
        for (text, expected) in [
            ("out", Output::Local("out".to_owned())),
            ("-", Output::Tar(None)),
            ("type=local,dest=a,\"x\"", Output::Local(String::new())),
            ("type=local,dest=out", Output::Local("out".to_owned())),
            ("type=tar", Output::Tar(None)),
            ("type=tar,dest=-", Output::Tar(None)),
            ("type=tar,dest=a.tar", Output::Tar(Some("a.tar".to_owned()))),
            ("type=oci,dest=a.tar", archive(Some("a.tar"))),
            ("type=oci", archive(None)),
            ("type=docker", Output::Image),
            ("type=docker,dest=-", archive(None)),
            ("type=docker,dest=a.tar", archive(Some("a.tar"))),
            ("type=image", Output::Image),
            ("type=image,push=true", Output::Registry(Packing::default())),
            ("type=registry", Output::Registry(Packing::default())),
            ("type=cacheonly", Output::Cache),
        ] {
            match one(text) {
                Ok(output) => assert_eq!(output, expected, "{text}"),
                Err(_) => assert!(text.contains("\"x\""), "{text}"),
            }
        }
        for text in [
            "type=local",
            "dest=x",
            "type=floppy",
            "type=image,dest=x",
            "type=image,compression=lzma",
        ] {
            assert!(one(text).is_err(), "{text}");
        }
    }
}
