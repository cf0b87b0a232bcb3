//! `GET /images/search`.

use std::sync::Arc;

use registry::{Progress, SearchFilter};
use serde_json::{Value, json};

use super::of_registry;
use crate::answer::Answer;
use crate::failure::Failure;
use crate::filters::Filters;
use crate::handlers::Call;
use crate::registries::login_of;
use crate::shared::blocking;

/// Docker's.
const LIMIT: u32 = 25;
const MOST: u32 = 100;
const FILTERS: &[&str] = &["is-automated", "is-official", "stars"];

/// `GET /images/search`.
pub(super) async fn search(call: Call) -> Result<Answer, Failure> {
    let query = &call.query;
    let filters = Filters::parse(query.get("filters").unwrap_or_default())?.only(FILTERS)?;
    let limit = match query.number::<u32>("limit")?.unwrap_or(0) {
        0 => LIMIT,
        limit @ 1..=MOST => limit,
        limit => {
            let words = format!("limit {limit} is outside the range of [1, {MOST}]");
            return Err(Failure::bad(words));
        }
    };
    let mut filter = SearchFilter::default();
    for text in filters.texts() {
        filter.add(&text).map_err(of_registry)?;
    }
    let Some(term) = query.text("term").map(str::to_owned) else {
        return Err(Failure::bad("there is nothing to look for: term is empty"));
    };
    let login = login_of(call.request.headers());
    let registries = call.shared.registries;
    blocking(move || {
        let place = term.split_once('/').map(|(domain, _)| domain);
        let place = place.and_then(registry::registry_named);
        let place = place.unwrap_or_else(|| "docker.io".to_owned());
        let (_, client) = registries.client(&place, login, &Arc::new(Progress::default()))?;
        let found = client.search(&term, limit, &filter).map_err(of_registry)?;
        let rows: Vec<Value> = found
            .iter()
            .map(|one| {
                json!({
                    "description": one.description,
                    "is_automated": one.automated,
                    "is_official": one.official,
                    "name": one.name,
                    "star_count": one.stars,
                })
            })
            .collect();
        Answer::json(&rows)
    })
    .await?
}
