//! `images`, `load`, `import`, `rmi`, `tag`, `history` and the templates.

use std::fs::File;
use std::io::Read;
use std::os::fd::AsFd;
use std::path::Path;

use engine::{DebianRequest, Image, ImageFilter, Import};
use serde_json::{Value, json};
use spec::Reference;
use spec::image::RunConfig;

use super::list::print;
use crate::arguments::Matches;
use crate::config::build_time_ns;
use crate::failure::Failure;
use crate::output;
use crate::program::Session;
use crate::words::{duration, local_time, now, seconds_of, size, truncate, whole_seconds};

const IMAGE_COLUMNS: &[(&str, &str)] = &[
    ("Repository", "REPOSITORY"),
    ("Tag", "TAG"),
    ("ID", "IMAGE ID"),
    ("CreatedSince", "CREATED"),
    ("Size", "SIZE"),
];

pub(super) fn images(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let mut filter = ImageFilter::default();
    for text in matches.values("filter") {
        filter.add(text)?;
    }
    for name in &matches.words {
        filter.add_reference(name)?;
    }
    let engine = session.engine()?;
    let whole = matches.on("no-trunc");
    let images = engine.images().list_by(&filter)?;
    let rows: Vec<Value> =
        images.iter().map(|(image, name)| row(image, name.as_ref(), whole)).collect();
    if matches.on("quiet") {
        let mut ids: Vec<String> =
            rows.iter().map(|row| row["ID"].as_str().unwrap_or_default().to_owned()).collect();
        ids.dedup();
        let text: String = ids.iter().map(|id| format!("{id}\n")).collect();
        output::write(&text).map_err(Failure::file("write", "standard output"))?;
        return Ok(0);
    }
    let mut columns = IMAGE_COLUMNS.to_vec();
    if matches.on("digests") {
        columns.insert(2, ("Digest", "DIGEST"));
    }
    print(matches.value("format"), &columns, &rows)
}

fn row(image: &Image, name: Option<&Reference>, whole: bool) -> Value {
    let created = image.config.created.as_deref().unwrap_or_default();
    json!({
        "Repository": name.map_or_else(|| "<none>".to_owned(), Reference::familiar_name),
        "Tag": name.and_then(Reference::tag).unwrap_or("<none>"),
        "Digest": "<none>",
        "ID": if whole { image.id.to_string() } else { image.id.short().to_owned() },
        "CreatedSince": if created.is_empty() { "N/A".to_owned() } else { format!("{} ago", duration(now() - seconds_of(created))) },
        "CreatedAt": if created.is_empty() { "N/A".to_owned() } else { local_time(seconds_of(created)) },
        "Size": size(image.size_bytes),
        "Containers": "N/A",
        "SharedSize": "N/A",
        "UniqueSize": "N/A",
    })
}

pub(super) fn load(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let engine = session.engine()?;
    let images = engine.images();
    let from = matches.value("input").filter(|input| *input != "-");
    let doing = |from: &str| {
        let what = format!("load {from}");
        move |error| Failure::Doing { what, error }
    };
    let loaded = match from {
        Some(path) if Path::new(path).is_dir() => {
            images.load_directory(Path::new(path)).map_err(doing(path))?
        }
        Some(path) => images
            .load(File::open(path).map_err(Failure::file("load", path))?)
            .map_err(doing(path))?,
        None if crate::terminal::is_terminal() => {
            return Err(Failure::Words(
                "load: requested load from stdin, but stdin is a terminal".to_owned(),
            ));
        }
        None => {
            // It may be a file as well: `load < archive`.
            let input = std::io::stdin().as_fd().try_clone_to_owned();
            let input = input.map_err(Failure::file("load", "standard input"))?;
            images.load(File::from(input)).map_err(doing("standard input"))?
        }
    };
    for image in loaded.iter().filter(|_| !matches.on("quiet")) {
        if image.names.is_empty() {
            output::line(&format!("Loaded image ID: {}", image.id));
        }
        for name in &image.names {
            output::line(&format!("Loaded image: {}", name.familiar()));
        }
    }
    Ok(0)
}

pub(super) fn import(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let engine = session.engine()?;
    let path = matches.word(0);
    let reference = matches
        .words
        .get(1)
        .map(|name| name.parse::<Reference>().map_err(|error| Failure::Words(error.to_string())))
        .transpose()?;
    let import = Import {
        platform: None,
        reference,
        config: changes(matches)?,
        created: engine::format_time(engine::now_ns()),
        created_by: String::new(),
        comment: matches.value("message").unwrap_or("Imported from -").to_owned(),
    };
    let archive: Box<dyn Read + Send> = if path == "-" {
        Box::new(std::io::stdin())
    } else {
        Box::new(File::open(path).map_err(Failure::file("import", path))?)
    };
    let image = engine
        .images()
        .import(archive, &import)
        .map_err(|error| Failure::Doing { what: format!("import {path}"), error })?;
    output::line(&image.id.to_string());
    Ok(0)
}

/// The instructions of a Dockerfile that change how an image runs.
fn changes(matches: &Matches) -> Result<RunConfig, Failure> {
    let mut config = RunConfig::default();
    for change in matches.values("change") {
        let (instruction, value) =
            change.trim().split_once(char::is_whitespace).unwrap_or((change, ""));
        let value = value.trim();
        let wrong = |why: &str| Failure::Words(format!("invalid change {change:?}: {why}"));
        let words = || match serde_json::from_str::<Vec<String>>(value) {
            Ok(words) => Some(words),
            Err(_shell_form) => Some(vec!["/bin/sh".to_owned(), "-c".to_owned(), value.to_owned()]),
        };
        match instruction.to_ascii_uppercase().as_str() {
            "CMD" => config.cmd = words(),
            "ENTRYPOINT" => config.entrypoint = words(),
            "ENV" => {
                let pair = value
                    .split_once('=')
                    .or_else(|| value.split_once(' '))
                    .ok_or_else(|| wrong("it is not of the form NAME=value"))?;
                config.env.get_or_insert_default().push(format!(
                    "{}={}",
                    pair.0,
                    pair.1.trim_matches('"')
                ));
            }
            "LABEL" => {
                let (name, value) = value
                    .split_once('=')
                    .ok_or_else(|| wrong("it is not of the form NAME=value"))?;
                config
                    .labels
                    .get_or_insert_default()
                    .insert(name.trim_matches('"').to_owned(), value.trim_matches('"').to_owned());
            }
            "USER" => value.clone_into(&mut config.user),
            "WORKDIR" => value.clone_into(&mut config.working_dir),
            "STOPSIGNAL" => config.stop_signal = Some(value.to_owned()),
            "EXPOSE" => drop(
                config.exposed_ports.get_or_insert_default().insert(value.to_owned(), json!({})),
            ),
            "VOLUME" => {
                drop(config.volumes.get_or_insert_default().insert(value.to_owned(), json!({})));
            }
            _ => {
                return Err(wrong(
                    "the instruction is not one of CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, STOPSIGNAL, USER, VOLUME, WORKDIR",
                ));
            }
        }
    }
    Ok(config)
}

pub(super) fn rmi(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let engine = session.engine()?;
    super::each(matches, |name| {
        let removed = match engine.images().remove(name, matches.on("force")) {
            // Docker's -f is content when there is nothing to remove, and says so.
            Err(error) if matches.on("force") && error.kind() == engine::Kind::NotFound => {
                output::error(&engine::chain(&error), None);
                return Ok(());
            }
            removed => removed?,
        };
        for name in removed.untagged {
            output::line(&format!("Untagged: {name}"));
        }
        for digest in removed.deleted {
            output::line(&format!("Deleted: {digest}"));
        }
        Ok(())
    })
}

pub(super) fn tag(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    session.engine()?.images().tag(matches.word(0), matches.word(1))?;
    Ok(0)
}

pub(super) fn history(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let engine = session.engine()?;
    let image = engine.images().resolve(matches.word(0))?;
    let mut sizes = engine.images().layer_sizes(&image)?.into_iter();
    let whole = matches.on("no-trunc");
    let human = matches.value("human") != Some("false");
    let mut rows = Vec::new();
    for step in &image.config.history {
        let bytes = if step.empty_layer { 0 } else { sizes.next().unwrap_or(0) };
        let created = step.created.as_deref().unwrap_or_default();
        let by = step.created_by.clone().unwrap_or_default();
        let since = match created {
            "" => "N/A".to_owned(),
            created if human => format!("{} ago", duration(now() - seconds_of(created))),
            created => whole_seconds(created),
        };
        rows.push(json!({
            "ID": "<missing>",
            "CreatedSince": since,
            "CreatedAt": if created.is_empty() { "N/A".to_owned() } else { whole_seconds(created) },
            "CreatedBy": if whole { by } else { truncate(&by, 45) },
            "Size": if human { size(bytes) } else { bytes.to_string() },
            "Comment": step.comment.clone().unwrap_or_default(),
        }));
    }
    rows.reverse();
    if let Some(top) = rows.first_mut() {
        top["ID"] = json!(if whole { image.id.to_string() } else { image.id.short().to_owned() });
    }
    if matches.on("quiet") {
        rows.iter().for_each(|row| output::line(row["ID"].as_str().unwrap_or_default()));
        return Ok(0);
    }
    let columns = [
        ("ID", "IMAGE"),
        ("CreatedSince", if human { "CREATED" } else { "CREATED AT" }),
        ("CreatedBy", "CREATED BY"),
        ("Size", "SIZE"),
        ("Comment", "COMMENT"),
    ];
    print(matches.value("format"), &columns, &rows)
}

pub(super) fn template_list(session: &Session, _matches: &Matches) -> Result<i32, Failure> {
    let engine = session.engine()?;
    let rows: Vec<Value> = engine.templates().list().iter().map(|template| json!({
        "Name": template.name, "Description": template.description, "Needs": template.needs, "Available": if template.available { "yes" } else { "no" },
    })).collect();
    print(
        None,
        &[
            ("Name", "TEMPLATE"),
            ("Available", "AVAILABLE"),
            ("Needs", "NEEDS"),
            ("Description", "DESCRIPTION"),
        ],
        &rows,
    )
}

pub(super) fn template_build(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let engine = session.engine()?;
    let is_debian = matches.word(0) == "debian";
    if let Some(flag) =
        ["suite", "mirror", "package"].into_iter().find(|flag| matches.is_given(flag) && !is_debian)
    {
        return Err(Failure::Words(format!("--{flag} is for the template debian only")));
    }
    let image = match matches.word(0) {
        "busybox" => engine.templates().build_busybox(build_time_ns()?)?,
        "debian" => {
            let text = |flag| matches.value(flag).map(str::to_owned);
            let packages = matches.values("package").map(str::to_owned).collect();
            let request = DebianRequest { suite: text("suite"), mirror: text("mirror"), packages };
            engine.templates().build_debian(&request, build_time_ns()?)?
        }
        "hello" => {
            return Err(Failure::Words(
                "the template hello is inside the program: corten run hello".to_owned(),
            ));
        }
        other => {
            return Err(Failure::Words(format!(
                "no such template: {other} (there are busybox and debian)"
            )));
        }
    };
    let name = image.names.first().map_or_else(|| image.id.to_string(), Reference::familiar);
    output::line(&name);
    Ok(0)
}
