//! `GET /images/json`.

use engine::{ImageEntry, ImageFilter};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::failure::Failure;
use crate::filters::Filters;
use crate::handlers::Call;
use crate::version::ApiVersion;

/// Filters that Docker's list of images has.
const FILTERS: &[&str] = &["before", "dangling", "label", "reference", "since", "until"];
/// What is not known, or was not asked for.
const UNKNOWN: i64 = -1;

pub(super) async fn list(call: Call) -> Result<Answer, Failure> {
    let version = call.routed.version;
    let query = call.query;
    let filters = Filters::parse(query.get("filters").unwrap_or_default())?.only(FILTERS)?;
    let shared_size = version.has(42) && query.is_on("shared-size");
    // Older clients name a reference by a parameter of its own.
    let reference = query.text("filter").filter(|_| !version.has(41)).map(str::to_owned);
    call.shared
        .with(move |engine| {
            let mut filter = ImageFilter::default();
            for text in filters.texts() {
                filter.add(&text)?;
            }
            if let Some(reference) = reference {
                filter.add_reference(&reference)?;
            }
            let entries = engine.images().entries(&filter, shared_size)?;
            let rows: Vec<Value> = entries.into_iter().map(|entry| row(entry, version)).collect();
            Answer::json(&rows)
        })
        .await
}

fn row(entry: ImageEntry, version: ApiVersion) -> Value {
    let ImageEntry { summary, mut names, mut digests, labels, containers, shared_bytes } = entry;
    let is_old = !version.has(43);
    if is_old && names.is_empty() && digests.is_empty() {
        names.push("<none>:<none>".to_owned());
        digests.push("<none>@<none>".to_owned());
    }
    // Go writes a list that was never made as null.
    let list =
        |list: Vec<String>| if is_old && list.is_empty() { Value::Null } else { json!(list) };
    let number = |number: Option<u64>| number.map_or(json!(UNKNOWN), |number| json!(number));
    let containers = if version.has(51) { json!(containers) } else { json!(UNKNOWN) };
    let mut row = json!({
        "Containers": containers,
        "Created": engine::words::seconds_of(&summary.created),
        "Id": summary.id.to_string(),
        "Labels": labels,
        "ParentId": "",
        "RepoDigests": list(digests),
        "RepoTags": list(names),
        "SharedSize": number(shared_bytes),
        "Size": summary.size_bytes,
    });
    if !version.has(44) {
        row["VirtualSize"] = json!(summary.size_bytes);
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(names: &[&str]) -> ImageEntry {
        let id = spec::Digest::sha256([1; 32]);
        let summary = engine::ImageSummary {
            id,
            names: Vec::new(),
            created: "1970-01-01T00:01:00Z".to_owned(),
            size_bytes: 7,
            loaded_ns: 0,
        };
        ImageEntry {
            summary,
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            digests: Vec::new(),
            labels: None,
            containers: 2,
            shared_bytes: None,
        }
    }

    #[test]
    fn fields_are_those_of_the_version() {
        let old = row(entry(&[]), ApiVersion::of(41));
        assert_eq!(old["RepoTags"], json!(["<none>:<none>"]));
        assert_eq!(old["RepoDigests"], json!(["<none>@<none>"]));
        assert_eq!((&old["VirtualSize"], &old["Containers"]), (&json!(7), &json!(-1)));
        assert_eq!((&old["Created"], &old["SharedSize"]), (&json!(60), &json!(-1)));
        assert_eq!(row(entry(&["a:b"]), ApiVersion::of(41))["RepoDigests"], Value::Null);
        let new = row(entry(&[]), ApiVersion::of(52));
        assert_eq!((&new["RepoTags"], &new["RepoDigests"]), (&json!([]), &json!([])));
        assert_eq!((new.get("VirtualSize"), &new["Containers"]), (None, &json!(2)));
        assert!(row(entry(&[]), ApiVersion::of(43)).get("VirtualSize").is_some());
        assert_eq!(row(entry(&[]), ApiVersion::of(50))["Containers"], json!(-1));
    }
}
