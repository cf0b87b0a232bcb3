//! `POST /build/prune`: steps that are forgotten with their layers, and directories of cache mounts.

use engine::{CachePrune, EngineError};
use serde_json::json;

use crate::answer::Answer;
use crate::failure::Failure;
use crate::filters::Filters;
use crate::handlers::Call;

/// Filters that are texts.
const TEXTS: &[&str] = &[
    "until",
    "unused-for",
    "id",
    "id!",
    "id~",
    "type",
    "type!",
    "type~",
    "description",
    "description!",
    "description~",
];

pub(super) async fn prune(call: Call) -> Result<Answer, Failure> {
    let rules = rules(&call)?;
    call.shared
        .with(move |engine| {
            let (gone, freed_bytes) = engine.building().prune_cache(&rules)?;
            let gone: Vec<&str> = gone.iter().map(|record| record.id.as_str()).collect();
            Answer::json(&json!({ "CachesDeleted": gone, "SpaceReclaimed": freed_bytes }))
        })
        .await
}

fn rules(call: &Call) -> Result<CachePrune, Failure> {
    let query = &call.query;
    let bytes = |name| Ok::<u64, Failure>(query.number::<u64>(name)?.unwrap_or_default());
    let mut rules = CachePrune {
        all: query.is_on("all"),
        // As it was called before 1.48.
        reserved_bytes: bytes("reserved-space")?.max(bytes("keep-storage")?),
        most_bytes: bytes("max-used-space")?,
        free_bytes: bytes("min-free-space")?,
        ..CachePrune::default()
    };
    let mut filters = Filters::of(query)?;
    let mut texts = Vec::new();
    for kind in ["inuse", "shared", "private", "mutable", "immutable"] {
        texts.extend(filters.take_truth(kind)?.map(|truth| format!("{kind}={truth}")));
    }
    let filters = filters.only(TEXTS)?;
    for kind in TEXTS {
        texts.extend(filters.get(kind).iter().map(|value| format!("{kind}={value}")));
    }
    for text in texts {
        let added = rules.filter.add(&text);
        added.map_err(|error: EngineError| Failure::bad(error.to_string()))?;
    }
    Ok(rules)
}
