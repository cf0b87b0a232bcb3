//! Where an image goes once it is built: `--output`, `--push`, `--load`. It is in the store already: nothing is copied that need not be.

use std::path::Path;
use std::sync::Arc;

use build::Built;
use engine::{Engine, EngineError, Image, PushRequest};
use registry::{Client, Form, Progress};
use rustix::fs::{Mode as FileMode, OFlags};
use serde_json::json;
use spec::Reference;

use super::super::archives::{into_place, pour};
use super::given::{bad, fields};
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
    Registry,
    /// An archive that is an OCI layout and what `docker save` writes in one.
    Archive(Option<String>),
    /// An archive of the root file system.
    Tar(Option<String>),
    /// The files, in a directory.
    Local(String),
    /// The cache alone.
    Cache,
}

/// What the line asks for.
pub(super) fn outputs(matches: &Matches, style: Style) -> Result<Vec<Output>, Failure> {
    let mut outputs = matches.values("output").map(one).collect::<Result<Vec<_>, _>>()?;
    if matches.on("push") {
        outputs.push(Output::Registry);
    }
    if matches.on("load") {
        outputs.push(Output::Image);
    }
    if outputs.is_empty() {
        outputs.push(Output::Image);
    }
    let to_stdout =
        outputs.iter().filter(|output| matches!(output, Output::Archive(None) | Output::Tar(None)));
    match to_stdout.count() {
        0 => {}
        1 if style == Style::Json || matches.on("quiet") => {
            let words = "the archive goes to standard output, where --quiet and --progress json write, too: name a file with dest=";
            return Err(Failure::Words(words.to_owned()));
        }
        1 => {}
        _ => return Err(Failure::Words("two outputs go to standard output".to_owned())),
    }
    if outputs.contains(&Output::Registry) && matches.text("tag").is_none() {
        return Err(Failure::Words("tag is needed when pushing to registry".to_owned()));
    }
    Ok(outputs)
}

fn one(text: &str) -> Result<Output, Failure> {
    let fields = fields("output", text)?;
    if let [(path, None)] = fields.as_slice() {
        return Ok(if path == "-" { Output::Tar(None) } else { Output::Local(path.clone()) });
    }
    let (mut kind, mut dest, mut pushes) = (None, None, false);
    for (name, value) in fields {
        let value = value.unwrap_or_default();
        match (name.as_str(), value.as_str()) {
            ("type", _) => kind = Some(value),
            ("dest", "-") => dest = None,
            ("dest", _) => dest = Some(value),
            ("push", "true") => pushes = true,
            ("push", "false") | ("tar", "true") | ("mode", "copy") => {}
            (other, _) => return Err(super::not_yet(&format!("--output {other}={value}"))),
        }
    }
    match (kind.as_deref(), dest) {
        (Some("image"), None) if !pushes => Ok(Output::Image),
        (Some("image" | "registry"), None) => Ok(Output::Registry),
        (Some("docker"), None) if !text.contains("dest=") => Ok(Output::Image),
        (Some("docker" | "oci"), dest) => Ok(Output::Archive(dest)),
        (Some("tar"), dest) => Ok(Output::Tar(dest)),
        (Some("local"), Some(dest)) => Ok(Output::Local(dest)),
        (Some("local"), None) => Err(bad("output", text, "type=local needs dest=DIRECTORY")),
        (Some("cacheonly"), None) => Ok(Output::Cache),
        (Some("image" | "registry" | "cacheonly"), Some(_)) => {
            Err(bad("output", text, "its type has no dest="))
        }
        (Some(other), _) => {
            let known = "image, registry, docker, oci, tar, local, cacheonly";
            Err(bad("output", text, &format!("{other:?} is not one of {known}")))
        }
        (None, _) => Err(bad("output", text, "it has no type=")),
    }
}

/// Whether the image stays in the store, and gets its names.
pub(super) fn keeps_image(outputs: &[Output]) -> bool {
    outputs.iter().any(|output| matches!(output, Output::Image | Output::Registry))
}

/// Gives the image to every place.
pub(super) fn give(
    session: &Session,
    built: &Built,
    (names, outputs): (&[Reference], &[Output]),
    style: Style,
) -> Result<(), Failure> {
    if outputs == [Output::Image] {
        return Ok(());
    }
    let engine = session.engine()?;
    let image = &built.image;
    let given = outputs.iter().try_for_each(|output| match output {
        Output::Image | Output::Cache => Ok(()),
        Output::Registry => push(&engine, names, style),
        Output::Archive(dest) => save(&engine, image, names, dest.as_deref()),
        Output::Tar(dest) => into_place("build", dest.as_deref(), |writer| {
            let archive =
                engine.images().root_archive(image).map_err(failed("write the archive"))?;
            pour("build", archive, writer)
        }),
        Output::Local(directory) => local(&engine, image, Path::new(directory)),
    });
    if !keeps_image(outputs) && image.names.is_empty() {
        // Its layers stay in the cache. One that is used stays as it is.
        let _used = engine.images().remove(&image.id.to_string(), false);
    }
    given
}

fn failed(what: &'static str) -> impl FnOnce(EngineError) -> Failure {
    move |error| Failure::Doing { what: what.to_owned(), error }
}

fn save(
    engine: &Engine,
    image: &Image,
    names: &[Reference],
    dest: Option<&str>,
) -> Result<(), Failure> {
    into_place("build", dest, |writer| {
        engine.images().save_as(image, names, writer).map_err(failed("write the archive"))
    })
}

fn local(engine: &Engine, image: &Image, directory: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(directory).map_err(Failure::file("create", directory.display()))?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let opened = rustix::fs::open(directory, flags, FileMode::empty());
    let opened =
        opened.map_err(|errno| Failure::file("open", directory.display())(errno.into()))?;
    let placed = engine.images().root_into(image, std::os::fd::AsFd::as_fd(&opened));
    placed.map_err(failed("write the files"))
}

fn push(engine: &Engine, names: &[Reference], style: Style) -> Result<(), Failure> {
    let progress = Arc::new(Progress::default());
    let client = Client::new(registries::settings(Arc::clone(&progress), None, None)?);
    let mode = match style {
        Style::Terminal => Mode::Bars,
        Style::Plain => Mode::Plain,
        Style::Quiet | Style::Json | Style::RawJson => Mode::Quiet,
    };
    for name in names {
        let request = PushRequest { reference: name, form: Form::default(), all_platforms: false };
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
        for (text, expected) in [
            ("out", Output::Local("out".to_owned())),
            ("-", Output::Tar(None)),
            ("type=local,dest=a,\"x\"", Output::Local(String::new())),
            ("type=local,dest=out", Output::Local("out".to_owned())),
            ("type=tar", Output::Tar(None)),
            ("type=tar,dest=-", Output::Tar(None)),
            ("type=tar,dest=a.tar", Output::Tar(Some("a.tar".to_owned()))),
            ("type=oci,dest=a.tar", Output::Archive(Some("a.tar".to_owned()))),
            ("type=oci", Output::Archive(None)),
            ("type=docker", Output::Image),
            ("type=docker,dest=-", Output::Archive(None)),
            ("type=docker,dest=a.tar", Output::Archive(Some("a.tar".to_owned()))),
            ("type=image", Output::Image),
            ("type=image,push=true", Output::Registry),
            ("type=registry", Output::Registry),
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
            "type=image,compression=zstd",
        ] {
            assert!(one(text).is_err(), "{text}");
        }
    }
}
