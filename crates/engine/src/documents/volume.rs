//! A volume as `volume inspect` shows it.

use serde_json::{Value, json};
use store::Volume;

use super::Document;

pub(crate) fn volume(volume: &Volume) -> Document {
    // Docker marks those that it named itself by a label without a value.
    let mut labels = volume.labels.clone();
    if volume.anonymous {
        labels.insert("com.docker.volume.anonymous".to_owned(), String::new());
    }
    let map = |map: &std::collections::BTreeMap<String, String>| {
        if map.is_empty() { Value::Null } else { json!(map) }
    };
    let seconds = volume.created_ns.div_euclid(1_000_000_000) * 1_000_000_000;
    let created = monitor::format_time(seconds).replace(".000000000", "");
    Document::new()
        .with("CreatedAt", created)
        .with("Driver", "local")
        .with("Labels", map(&labels))
        .with("Mountpoint", volume.path.display().to_string())
        .with("Name", volume.name.clone())
        .with("Options", map(&volume.options))
        .with("Scope", "local")
}
