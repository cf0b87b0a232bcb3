//! Lists of plugins as files of a directory hold them. Source: specification 1.0.0, "Section 1: Network configuration format".

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::error::CniError;

/// Versions that are spoken, the newest last.
const VERSIONS: [&str; 3] = [OLDEST, "0.4.0", "1.0.0"];
/// The first one with lists whose plugins hear of each other.
pub(super) const OLDEST: &str = "0.3.1";
/// Larger files are no configuration.
const MOST_BYTES: u64 = 1 << 20;

/// The plugins of a network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConfigList {
    /// The network's name.
    pub name: String,
    /// The version of the specification that is spoken with them.
    pub version: String,
    /// Their configurations, in the order in which they are run.
    pub plugins: Vec<Map<String, Value>>,
}

impl ConfigList {
    /// The list of that name; of several the one of the first file, by the files' names.
    ///
    /// # Errors
    /// When there is none, or its file is not as it should be.
    pub fn find(directory: &Path, name: &str) -> Result<Self, CniError> {
        let mut unreadable = None;
        for path in files(directory)? {
            match read(&path, name) {
                Ok(Some(list)) => return Ok(list),
                Ok(None) => {}
                Err(error) => {
                    unreadable.get_or_insert(error);
                }
            }
        }
        // The one that is looked for may be in it.
        Err(unreadable.unwrap_or_else(|| CniError::NotFound {
            name: name.to_owned(),
            directory: directory.to_owned(),
        }))
    }

    /// Whether one of its plugins says that it knows what to do with it.
    #[must_use]
    pub fn has_capability(&self, name: &str) -> bool {
        self.plugins.iter().any(|plugin| wants(plugin, name))
    }
}

/// Files that may hold a list, by name. A directory that is not there has none.
fn files(directory: &Path) -> Result<Vec<PathBuf>, CniError> {
    let failed = |cause| CniError::Read { path: directory.to_owned(), cause };
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(cause) => return Err(failed(cause)),
    };
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    let mut paths = paths.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    paths.retain(|path| {
        path.extension().is_some_and(|kind| kind == "conflist" || kind == "conf" || kind == "json")
    });
    paths.sort();
    Ok(paths)
}

/// The list of a file, unless it has another name. One plugin alone is a list of one.
fn read(path: &Path, name: &str) -> Result<Option<ConfigList>, CniError> {
    let failed = |cause| CniError::Read { path: path.to_owned(), cause };
    let size = fs::metadata(path).map_err(failed)?.len();
    let wrong = |why: String| CniError::Config { path: path.display().to_string(), why };
    if size > MOST_BYTES {
        return Err(wrong(format!("it has {size} bytes: at most {MOST_BYTES} are read")));
    }
    let bytes = fs::read(path).map_err(failed)?;
    let mut list: Map<String, Value> =
        serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
    if list.get("name").and_then(Value::as_str) != Some(name) {
        return Ok(None);
    }
    let version = version(&list).map_err(wrong)?;
    let plugins = match list.remove("plugins") {
        Some(Value::Array(plugins)) => plugins,
        Some(_) => return Err(wrong("plugins is no list".to_owned())),
        None => vec![Value::Object(list)],
    };
    let plugins = plugins.into_iter().map(|plugin| match plugin {
        Value::Object(plugin) if is_program(kind(&plugin)) => Ok(plugin),
        Value::Object(plugin) => {
            Err(wrong(format!("the type {:?} names no plugin", kind(&plugin))))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(wrong("a plugin is no object".to_owned()))
        }
    });
    let plugins: Vec<_> = plugins.collect::<Result<_, _>>()?;
    if plugins.is_empty() {
        return Err(wrong("it has no plugins".to_owned()));
    }
    Ok(Some(ConfigList { name: name.to_owned(), version, plugins }))
}

/// The one that the list names; of several that it names, as 1.1.0 allows, the newest that is known.
fn version(list: &Map<String, Value>) -> Result<String, String> {
    let several = list.get("cniVersions").and_then(Value::as_array);
    let several = several.into_iter().flatten().filter_map(Value::as_str);
    let one = list.get("cniVersion").and_then(Value::as_str);
    let named: Vec<&str> = several.chain(one).collect();
    let known = VERSIONS.iter().rfind(|version| named.contains(version));
    known.map(|version| (*version).to_owned()).ok_or_else(|| {
        let named = if named.is_empty() { "none".to_owned() } else { named.join(", ") };
        format!("its version of CNI is {named}: {} are supported", VERSIONS.join(", "))
    })
}

/// The plugin's program.
pub(super) fn kind(plugin: &Map<String, Value>) -> &str {
    plugin.get("type").and_then(Value::as_str).unwrap_or_default()
}

fn is_program(kind: &str) -> bool {
    !kind.is_empty() && kind != "." && kind != ".." && !kind.contains(['/', '\0'])
}

/// Whether the plugin says that it knows what to do with it.
pub(super) fn wants(plugin: &Map<String, Value>, capability: &str) -> bool {
    plugin
        .get("capabilities")
        .and_then(|capabilities| capabilities.get(capability))
        .and_then(Value::as_bool)
        .unwrap_or(false)
}
