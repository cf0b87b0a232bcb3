//! `push`: images to registries.

use std::sync::Arc;

use engine::{Compress, Compression, EngineError, PushRequest};
use registry::{Client, Form, Format, Progress, Pushed};
use serde_json::json;
use spec::Reference;

use super::pull::platforms;
use crate::arguments::Matches;
use crate::failure::Failure;
use crate::output;
use crate::program::Session;
use crate::progress::{Direction, Mode, show};
use crate::registries;

pub(super) fn push(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let engine = session.engine()?;
    let images = engine.images();
    let (mode, form, text) = (Mode::of(matches)?, form(matches)?, matches.word(0));
    let reference: Reference =
        text.parse().map_err(|error| Failure::Words(format!("push {text}: {error}")))?;
    let names = if matches.on("all-tags") {
        all_tags(images.names_in(&reference)?, text, &reference)?
    } else {
        vec![reference.clone()]
    };
    let verify = matches.value("tls-verify").map(|value| value == "true");
    let progress = Arc::new(Progress::default());
    let settings = registries::settings(Arc::clone(&progress), verify, matches.text("authfile"))?;
    let client = Client::new(settings);
    if matches!(mode, Mode::Bars | Mode::Plain) {
        let repository = reference.repository();
        output::talk(&format!("The push refers to repository [{repository}]"));
    }
    let (mut last, all_platforms) = (None, matches.on("all-platforms"));
    let platforms = platforms(matches)?;
    if all_platforms && !platforms.is_empty() {
        let words = "--all-platforms and --platform exclude each other";
        return Err(Failure::Words(words.to_owned()));
    }
    for name in &names {
        images.check_platform(&name.familiar(), &platforms)?;
        let request = PushRequest { reference: name, form, all_platforms };
        progress.begin_again();
        let pushed =
            show(mode, Direction::Push, &progress, || images.push(&client, request, &progress));
        let pushed = pushed.map_err(|error: EngineError| {
            let what = format!("push {}", name.familiar());
            Failure::Doing { what, error }
        })?;
        tell(mode, name, &pushed);
        last = Some(pushed.digest);
    }
    if let (Some(path), Some(digest)) = (matches.text("digestfile"), last) {
        let path = std::path::Path::new(path);
        let written = std::fs::File::create(path).and_then(|mut file| {
            std::io::Write::write_all(&mut file, digest.to_string().as_bytes())
        });
        written.map_err(Failure::file("write", path.display()))?;
    }
    Ok(0)
}

/// What layers and manifest are to look like at the registry.
fn form(matches: &Matches) -> Result<Form, Failure> {
    let wrong = |flag: &str, value: &str, why: &str| {
        Failure::Words(format!("invalid {flag} {value:?}: {why}"))
    };
    let method = match matches.text("compression") {
        None | Some("gzip") => Compression::Gzip,
        Some("zstd") => Compression::Zstd,
        Some("none") => Compression::Plain,
        Some(other) => {
            return Err(wrong("compression", other, "it is not one of gzip, zstd, none"));
        }
    };
    let level = matches.text("compression-level").map(|text| {
        let number = text.parse::<u32>();
        number.map_err(|_no_number| wrong("compression level", text, "it is no number"))
    });
    let compress = Compress::new(method, level.transpose()?)
        .map_err(|error| Failure::Words(error.to_string()))?;
    let format = match matches.text("format") {
        None => None,
        Some("oci") => Some(Format::Oci),
        Some("docker" | "v2s2") => Some(Format::Docker),
        Some(other) => return Err(wrong("format", other, "it is not one of oci, docker")),
    };
    Ok(Form { compress, force: matches.on("force-compression"), format })
}

/// Every name of a repository; the repository must be named without a tag.
fn all_tags(
    names: Vec<Reference>,
    text: &str,
    repository: &Reference,
) -> Result<Vec<Reference>, Failure> {
    if !super::pull::has_default_tag(text, repository) {
        return Err(Failure::Words("tag can't be used with --all-tags/-a".to_owned()));
    }
    let names: Vec<Reference> = names.into_iter().filter(|name| name.tag().is_some()).collect();
    if names.is_empty() {
        let name = repository.familiar_name();
        return Err(Failure::Words(format!("no image has a name in the repository {name}")));
    }
    Ok(names)
}

fn tell(mode: Mode, name: &Reference, pushed: &Pushed) {
    let Pushed { digest, size, was_there } = pushed;
    let tag = name.tag().unwrap_or_default();
    match mode {
        Mode::Json => output::line(
            &json!({
                "reference": name.to_string(), "digest": digest.to_string(), "size": size,
                "status": if *was_there { "up-to-date" } else { "pushed" },
            })
            .to_string(),
        ),
        Mode::Quiet => output::line(&name.to_string()),
        Mode::Bars | Mode::Plain => output::line(&format!("{tag}: digest: {digest} size: {size}")),
    }
}
