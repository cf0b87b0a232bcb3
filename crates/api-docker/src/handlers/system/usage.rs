//! `GET /system/df`: what takes how much room.

use std::collections::HashSet;

use engine::{Engine, Filter, State, StepUsage, Usage};
use serde_json::{Map, Value, json};

use crate::answer::Answer;
use crate::failure::Failure;
use crate::handlers::Call;
use crate::version::ApiVersion;

/// What may be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Containers,
    Images,
    Volumes,
    BuildCache,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Containers, Self::Images, Self::Volumes, Self::BuildCache];

    const fn word(self) -> &'static str {
        match self {
            Self::Containers => "container",
            Self::Images => "image",
            Self::Volumes => "volume",
            Self::BuildCache => "build-cache",
        }
    }
}

pub(in crate::handlers) async fn usage(call: Call) -> Result<Answer, Failure> {
    let version = call.routed.version;
    let kinds = kinds(call.query.all("type"), version)?;
    // Who asks for details knows the new form.
    let is_verbose = version.has(52) && call.query.is_on("verbose");
    call.shared
        .with(move |engine| {
            let usage = engine.room().usage()?;
            let mut document = Map::new();
            for kind in kinds {
                let found = find(engine, kind, &usage, version)?;
                if !is_verbose {
                    document.extend(found.as_before());
                }
                if version.has(52) {
                    let (name, summary) = found.summary(is_verbose);
                    document.insert(name.to_owned(), summary);
                }
            }
            if !version.has(42) {
                document.insert("BuilderSize".to_owned(), 0.into());
            }
            Answer::json(&document)
        })
        .await
}

/// All of them for old clients, whatever they say.
fn kinds<'a>(
    words: impl Iterator<Item = &'a str>,
    version: ApiVersion,
) -> Result<Vec<Kind>, Failure> {
    let words: Vec<_> = words.collect();
    if words.is_empty() || !version.has(42) {
        return Ok(Kind::ALL.to_vec());
    }
    let wanted = words.into_iter().map(|word| {
        let kind = Kind::ALL.into_iter().find(|kind| kind.word() == word);
        kind.ok_or_else(|| Failure::bad(format!("unknown object type: {word}")))
    });
    let wanted = wanted.collect::<Result<Vec<_>, _>>()?;
    Ok(Kind::ALL.into_iter().filter(|kind| wanted.contains(kind)).collect())
}

/// What there is of a kind.
struct Found {
    kind: Kind,
    items: Vec<Value>,
    active: usize,
    bytes: u64,
    reclaimable: u64,
}

impl Found {
    /// As clients before 1.52 have it.
    fn as_before(&self) -> Vec<(String, Value)> {
        let name = match self.kind {
            Kind::Containers => "Containers",
            Kind::Images => "Images",
            Kind::Volumes => "Volumes",
            Kind::BuildCache => "BuildCache",
        };
        let mut fields = vec![(name.to_owned(), self.items.clone().into())];
        if self.kind == Kind::Images {
            fields.push(("LayersSize".to_owned(), self.bytes.into()));
        }
        fields
    }

    fn summary(self, is_verbose: bool) -> (&'static str, Value) {
        let name = match self.kind {
            Kind::Containers => "ContainerUsage",
            Kind::Images => "ImageUsage",
            Kind::Volumes => "VolumeUsage",
            Kind::BuildCache => "BuildCacheUsage",
        };
        let mut fields = Map::new();
        // Noughts are left out.
        for (name, value) in [
            ("ActiveCount", self.active as u64),
            ("TotalCount", self.items.len() as u64),
            ("Reclaimable", self.reclaimable),
            ("TotalSize", self.bytes),
        ] {
            if value > 0 {
                fields.insert(name.to_owned(), value.into());
            }
        }
        if is_verbose && !self.items.is_empty() {
            fields.insert("Items".to_owned(), self.items.into());
        }
        (name, fields.into())
    }
}

fn find(engine: &Engine, kind: Kind, usage: &Usage, version: ApiVersion) -> Result<Found, Failure> {
    match kind {
        Kind::Containers => containers(engine, usage),
        Kind::Images => images(engine, usage, version),
        Kind::Volumes => volumes(engine, usage),
        Kind::BuildCache => build_cache(engine, version),
    }
}

/// Steps of builds. A layer that an image has, too, is counted there.
fn build_cache(engine: &Engine, version: ApiVersion) -> Result<Found, Failure> {
    let steps = engine.building().steps().list().map_err(engine::EngineError::from)?;
    let own = |step: &&StepUsage| !step.is_shared;
    let bytes = |step: &StepUsage| step.size_bytes;
    let time = |time_ns: i64| engine::format_time(time_ns);
    let items = steps.iter().map(|step| {
        let mut item = json!({
            "ID": step.key.hex(), "Type": "regular", "Description": step.step, "InUse": step.is_in_use,
            "Shared": step.is_shared, "Size": step.size_bytes, "CreatedAt": time(step.made_ns),
            "LastUsedAt": time(step.used_ns), "UsageCount": step.uses,
        });
        let (name, none) = if version.has(42) { ("Parents", Value::Null) } else { ("Parent", "".into()) };
        item[name] = none;
        item
    });
    Ok(Found {
        kind: Kind::BuildCache,
        items: items.collect(),
        active: steps.iter().filter(|step| step.is_in_use).count(),
        bytes: steps.iter().filter(own).map(bytes).sum(),
        reclaimable: steps.iter().filter(own).filter(|step| !step.is_in_use).map(bytes).sum(),
    })
}

fn containers(engine: &Engine, usage: &Usage) -> Result<Found, Failure> {
    let containers = engine.containers();
    let rows = containers.list(true, &Filter::default(), true)?;
    let runs = |state: &State| matches!(state, State::Running { .. } | State::Restarting(_));
    let active: HashSet<&str> = rows
        .iter()
        .filter(|row| runs(&row.container.state))
        .map(|row| row.container.record.id.as_str())
        .collect();
    let sizes = || usage.containers.iter().map(|own| (own.id.as_str(), own.layer_bytes));
    let items = rows.iter().map(|row| json_of(&containers.listed(row)?));
    Ok(Found {
        kind: Kind::Containers,
        items: items.collect::<Result<_, Failure>>()?,
        active: active.len(),
        bytes: sizes().map(|(_, bytes)| bytes).sum(),
        reclaimable: sizes().filter(|(id, _)| !active.contains(id)).map(|(_, bytes)| bytes).sum(),
    })
}

fn images(engine: &Engine, usage: &Usage, version: ApiVersion) -> Result<Found, Failure> {
    let used: HashSet<_> =
        usage.images.iter().filter(|own| own.containers > 0).map(|own| &own.summary.id).collect();
    let free = usage.layers.iter().filter(|own| !own.images.iter().any(|id| used.contains(id)));
    let item = |own: &engine::ImageUsage| -> Result<Value, Failure> {
        let (id, names) = (own.summary.id.to_string(), &own.summary.names);
        let (digests, tags): (Vec<_>, Vec<_>) =
            names.iter().partition(|name| name.digest().is_some());
        let familiar = |names: Vec<&_>| names.into_iter().map(familiar).collect::<Vec<String>>();
        let labels = engine.images().resolve(&id)?.config.config.labels;
        let mut document = json!({
            "Id": id, "ParentId": "", "RepoTags": familiar(tags), "RepoDigests": familiar(digests),
            "Created": engine::words::seconds_of(&own.summary.created), "Size": own.bytes,
            "SharedSize": own.shared_bytes, "Labels": labels, "Containers": own.containers,
        });
        if !version.has(44) {
            document["VirtualSize"] = own.bytes.into();
        }
        Ok(document)
    };
    Ok(Found {
        kind: Kind::Images,
        items: usage.images.iter().map(item).collect::<Result<_, _>>()?,
        active: used.len(),
        bytes: usage.layers.iter().map(|own| own.bytes).sum(),
        reclaimable: free.map(|own| own.bytes).sum(),
    })
}

fn familiar(name: &engine::ImageName) -> String {
    name.familiar()
}

fn volumes(engine: &Engine, usage: &Usage) -> Result<Found, Failure> {
    let all = &usage.volumes;
    let item = |own: &engine::VolumeUsage| -> Result<Value, Failure> {
        let mut document = json_of(&engine.volumes().document(&own.volume))?;
        document["UsageData"] = json!({ "Size": own.bytes, "RefCount": own.containers });
        Ok(document)
    };
    let unused = all.iter().filter(|own| own.containers == 0);
    Ok(Found {
        kind: Kind::Volumes,
        items: all.iter().map(item).collect::<Result<_, _>>()?,
        active: all.iter().filter(|own| own.containers > 0).count(),
        bytes: all.iter().map(|own| own.bytes).sum(),
        reclaimable: unused.map(|own| own.bytes).sum(),
    })
}

/// As it is printed: without the fields that are left out.
fn json_of(document: &engine::Document) -> Result<Value, Failure> {
    serde_json::to_value(document).map_err(|error| Failure::internal(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wanted_is_said_since_1_42() {
        let kinds = |words: &[&str], minor| {
            kinds(words.iter().copied(), ApiVersion::of(minor))
                .map(|kinds| kinds.into_iter().map(Kind::word).collect::<Vec<_>>())
                .map_err(|failure| failure.message)
        };
        assert_eq!(kinds(&[], 52).unwrap().len(), 4);
        assert_eq!(kinds(&["volume", "container"], 42).unwrap(), ["container", "volume"]);
        assert_eq!(kinds(&["volume", "x"], 41).unwrap().len(), 4);
        assert_eq!(kinds(&["x"], 42).unwrap_err(), "unknown object type: x");
    }
}
