//! Where Docker's documents are Go's structures and ours are JSON: names that differ, fields that may be missing, and maps, whose
//! keys are the user's. Source: answers of Docker 28.

/// A field's name in Go, and in JSON.
const OTHER_NAMES: &[(&str, &str)] = &[
    ("ID", "Id"),
    ("NanoCPUs", "NanoCpus"),
    ("CPUShares", "CpuShares"),
    ("IPCMode", "IpcMode"),
    ("Status", "status"),
    ("ID", "id"),
    ("From", "from"),
    ("Scope", "scope"),
    ("Time", "time"),
    ("TimeNano", "timeNano"),
];

/// Maps: a key that is not there is no error.
const MAPS: &[&str] = &[
    "Labels",
    "Networks",
    "Volumes",
    "Sysctls",
    "Tmpfs",
    "ExposedPorts",
    "Ports",
    "Annotations",
    "Attributes",
];

/// Pointers that JSON leaves out where they are nil.
const NOTHING: &[&str] = &["Health"];

/// Lists that JSON shows as null where they are empty; they print as empty lists.
const LISTS: &[&str] = &[
    "Entrypoint",
    "Cmd",
    "Env",
    "OnBuild",
    "CapAdd",
    "CapDrop",
    "Binds",
    "ExecIDs",
    "Shell",
    "SecurityOpt",
    "GroupAdd",
    "ExtraHosts",
    "Links",
    "VolumesFrom",
];

/// How JSON calls a field that Go calls so.
pub(super) fn in_json(field: &str) -> impl Iterator<Item = &'static str> {
    OTHER_NAMES.iter().filter(move |(go, _)| *go == field).map(|(_, json)| *json)
}

pub(super) fn is_map(field: &str) -> bool {
    MAPS.contains(&field)
}

pub(super) fn may_be_nothing(field: &str) -> bool {
    NOTHING.contains(&field)
}

pub(super) fn is_list(field: &str) -> bool {
    LISTS.contains(&field)
}
