//! The family `volume`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;

use engine::{Volume, VolumeFilter, VolumeRequest, parse};
use serde_json::{Value, json};

use super::{each, inspect, list};
use crate::arguments::Matches;
use crate::failure::Failure;
use crate::output;
use crate::program::Session;

pub(super) fn create(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    if let Some(driver) = matches.value("driver").filter(|driver| !matches!(*driver, "" | "local"))
    {
        return Err(Failure::Words(format!("there is no volume driver {driver:?}, only local")));
    }
    let name = matches.words.first().filter(|name| !name.is_empty()).cloned();
    let volume = session.engine()?.volumes().create(VolumeRequest {
        name,
        labels: matches.values("label").map(parse::label).collect::<Result<_, _>>()?,
        options: parse::volume_options(matches.values("opt"))?,
    })?;
    output::line(&volume.name);
    Ok(0)
}

pub(super) fn ls(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let mut filter = VolumeFilter::default();
    for text in matches.values("filter") {
        filter.add(text)?;
    }
    let engine = session.engine()?;
    let volumes = engine.volumes().list(&filter)?;
    // A list of names alone asks for nothing more.
    let format = matches.value("format").filter(|_| !matches.on("quiet"));
    // Only a look at every file tells.
    let sizes: BTreeMap<String, (u64, u64)> =
        if format.is_some_and(|format| format.contains("Size") || format == "json") {
            let usage = engine.room().usage()?.volumes;
            usage.into_iter().map(|one| (one.volume.name, (one.bytes, one.containers))).collect()
        } else {
            BTreeMap::new()
        };
    let rows: Vec<VolumeRow> =
        volumes.iter().map(|volume| row(volume, sizes.get(&volume.name))).collect();
    show(matches, &rows)
}

/// A volume in a list.
pub(super) struct VolumeRow {
    pub(super) name: String,
    pub(super) driver: String,
    pub(super) scope: String,
    pub(super) path: String,
    /// `NAME=VALUE`.
    pub(super) labels: Vec<String>,
    /// Bytes and containers, where somebody looked.
    pub(super) usage: Option<(u64, u64)>,
}

fn row(volume: &Volume, usage: Option<&(u64, u64)>) -> VolumeRow {
    let mut labels: Vec<String> =
        volume.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    labels.extend(volume.anonymous.then(|| "com.docker.volume.anonymous=".to_owned()));
    VolumeRow {
        name: volume.name.clone(),
        driver: "local".to_owned(),
        scope: "local".to_owned(),
        path: volume.path.display().to_string(),
        labels,
        usage: usage.copied(),
    }
}

pub(super) fn show(matches: &Matches, volumes: &[VolumeRow]) -> Result<i32, Failure> {
    if matches.on("quiet") {
        let names: String = volumes.iter().map(|volume| format!("{}\n", volume.name)).collect();
        output::write(&names)?;
        return Ok(0);
    }
    let values: Vec<Value> = volumes.iter().map(value).collect();
    let columns = [("Driver", "DRIVER"), ("Name", "VOLUME NAME")];
    list::print(matches.value("format"), &columns, &values)
}

fn value(volume: &VolumeRow) -> Value {
    let told = |tell: fn(&(u64, u64)) -> String| {
        volume.usage.as_ref().map_or_else(|| "N/A".to_owned(), tell)
    };
    json!({
        "Availability": "N/A",
        "Driver": volume.driver,
        "Group": "N/A",
        "Labels": volume.labels.join(","),
        "Links": told(|(_, links)| links.to_string()),
        "Mountpoint": volume.path,
        "Name": volume.name,
        "Scope": volume.scope,
        "Size": told(|(bytes, _)| crate::words::size(*bytes)),
        "Status": "N/A",
    })
}

pub(super) fn inspect(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    inspect::print(session, matches, |engine, name| Ok(engine.volumes().inspect(name)?))
}

pub(super) fn rm(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let engine = session.engine()?;
    each(matches, |name| {
        engine.volumes().remove(name, matches.on("force"))?;
        output::line(name);
        Ok(())
    })
}

pub(super) fn rename(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    session.engine()?.volumes().rename(matches.word(0), matches.word(1))?;
    Ok(0)
}

pub(super) fn copy(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let volume = session.engine()?.volumes().copy(matches.word(0), matches.word(1))?;
    output::line(&volume.name);
    Ok(0)
}

pub(super) fn snapshot(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let name = matches.words.get(1).map(String::as_str).filter(|name| !name.is_empty());
    let volume = session.engine()?.volumes().snapshot(matches.word(0), name)?;
    output::line(&volume.name);
    Ok(0)
}

pub(super) fn restore(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    session.engine()?.volumes().restore(matches.word(0), matches.word(1))?;
    output::line(matches.word(0));
    Ok(0)
}

pub(super) fn update(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let mut changes: BTreeMap<String, Option<String>> =
        matches.values("label-rm").map(|name| (name.to_owned(), None)).collect();
    for text in matches.values("label") {
        let (name, value) = parse::label(text)?;
        changes.insert(name, Some(value));
    }
    let size = parse::volume_size(matches.values("opt"))?;
    if changes.is_empty() && size.is_none() {
        return Err(Failure::Words("volume update: nothing is to be changed".to_owned()));
    }
    let engine = session.engine()?;
    each(matches, |name| {
        if let Some(size) = &size {
            engine.volumes().resize(name, size)?;
        }
        if !changes.is_empty() {
            engine.volumes().label(name, &changes)?;
        }
        output::line(name);
        Ok(())
    })
}

pub(super) fn exists(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    super::exists(session.engine()?.volumes().get(matches.word(0)).map(drop))
}

pub(super) fn export(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let archive = session.engine()?.volumes().export(matches.word(0))?;
    super::archives::archive_to_output("volume export", matches, archive)
}

pub(super) fn import(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let path = matches.words.get(1).map_or("-", String::as_str);
    let archive: Box<dyn Read> = if path == "-" {
        Box::new(std::io::stdin().lock())
    } else {
        Box::new(File::open(path).map_err(Failure::file("import", path))?)
    };
    session.engine()?.volumes().import(matches.word(0), archive)?;
    Ok(0)
}
