//! Flags of what is done with the cache and the records of builds: docker's and buildx'.

use super::{Flag, many, one, switch};

pub(crate) const BUILD_PRUNE: &[Flag] = &[
    switch("a", "all", "Also forget steps whose layers images have, which frees nothing"),
    many(
        "",
        "filter",
        "filter",
        "What goes only: until=24h, id=ID, type=exec.cachemount, description~=REGEX, inuse, shared, private or mutable=BOOL (!= says the opposite)",
    ),
    switch("f", "force", "Do not prompt for confirmation"),
    one("", "keep-storage", "bytes", "The same as --reserved-space"),
    one("", "max-used-space", "bytes", "Maximum amount of disk space allowed to keep for cache"),
    one("", "min-free-space", "bytes", "Target amount of free disk space after pruning"),
    one("", "reserved-space", "bytes", "Amount of disk space always allowed to keep for cache"),
    switch("", "verbose", "Say everything of what has gone"),
];

pub(crate) const BUILD_DU: &[Flag] = &[
    many("", "filter", "filter", "What is listed only, as of prune"),
    one("", "format", "string", "json or a Go template for each record"),
    switch("", "verbose", "Say everything of each record"),
];

pub(crate) const BUILD_HISTORY_LIST: &[Flag] = &[
    many(
        "",
        "filter",
        "filter",
        "Builds only of status=error|completed|running|canceled|killed, ref=ID, name=PART (!= says the opposite)",
    ),
    one("", "format", "string", "json or a Go template for each build"),
    switch("", "no-trunc", "Show names whole"),
    switch("q", "quiet", "Only show IDs"),
];

pub(crate) const BUILD_HISTORY_INSPECT: &[Flag] =
    &[one("f", "format", "string", "json or a Go template")];

pub(crate) const BUILD_HISTORY_LOGS: &[Flag] =
    &[one("", "progress", "string", "How it is shown: plain, json, rawjson (default \"plain\")")];

pub(crate) const BUILD_HISTORY_REMOVE: &[Flag] =
    &[switch("a", "all", "Remove the records of all builds")];
