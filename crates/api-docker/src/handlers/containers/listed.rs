//! `GET /containers/json`.

use engine::Filter;

use crate::answer::Answer;
use crate::failure::Failure;
use crate::filters::Filters;
use crate::handlers::Call;

/// Filters that Docker's list of containers has.
const FILTERS: &[&str] = &[
    "ancestor",
    "before",
    "expose",
    "exited",
    "health",
    "id",
    "isolation",
    "is-task",
    "label",
    "name",
    "network",
    "publish",
    "since",
    "status",
    "volume",
];

pub(super) async fn list(call: Call) -> Result<Answer, Failure> {
    let query = call.query;
    let filters = Filters::parse(query.get("filters").unwrap_or_default())?.only(FILTERS)?;
    let limit = query.number::<i64>("limit")?.and_then(|limit| usize::try_from(limit).ok());
    let limit = limit.filter(|limit| *limit > 0);
    let (all, size) = (query.is_on("all") || limit.is_some(), query.is_on("size"));
    call.shared
        .with(move |engine| {
            let mut filter = Filter::default();
            for text in filters.texts() {
                filter.add(&text)?;
            }
            let containers = engine.containers();
            let rows = containers.list(all, &filter, size)?;
            let rows = rows.iter().take(limit.unwrap_or(usize::MAX));
            let documents =
                rows.map(|row| containers.listed(row)).collect::<Result<Vec<_>, _>>()?;
            Answer::json(&documents)
        })
        .await
}
