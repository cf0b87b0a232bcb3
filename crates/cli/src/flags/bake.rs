//! Flags of `bake`: those of buildx'. Whatever else a build may be told stands in the file, or behind `--set`.

use super::{Flag, many, maybe, one, switch};

pub(crate) const BAKE: &[Flag] = &[
    many(
        "",
        "allow",
        "strings",
        "Let targets have what they ask for: network.host, security.insecure, ssh, fs.read=PATH, fs.write=PATH, fs=PATH",
    ),
    one("", "builder", "string", "There is one builder, this program; others are refused"),
    one("", "call", "string", "What is done with each target: build, check (default \"build\")"),
    switch("", "check", "Check the Dockerfiles and build nothing (--call=check)"),
    switch("", "explain", "Say of each step that was not in the cache why it was not"),
    many(
        "f",
        "file",
        "list",
        "Bake or Compose file, or - for standard input (default: those of the usual names)",
    ),
    one("", "list", "string", "List targets or variables (targets|variables[,format=json])"),
    switch("", "list-targets", "The same as --list targets"),
    switch("", "list-variables", "The same as --list variables"),
    switch("", "load", "Keep the images in the store, too (--set=*.load=true)"),
    one("", "metadata-file", "file", "Write what was built to a file, as JSON by target"),
    switch("", "no-cache", "Take nothing from the cache (--set=*.no-cache=true)"),
    many("", "policy", "strings", "Rules for sources (not there yet)"),
    switch("", "print", "Print what would be built as JSON, and build nothing"),
    one(
        "",
        "progress",
        "string",
        "How progress is shown: auto, plain, tty, json, rawjson, quiet (default \"auto\")",
    ),
    one("", "provenance", "string", "Provenance attestation (--set=*.attest=type=provenance)"),
    maybe("", "pull", "bool", "Ask registries for bases always (--set=*.pull=true)"),
    switch("", "push", "Push the images to the registries of their names (--set=*.push=true)"),
    switch("q", "quiet", "Suppress the build output and print image IDs on success"),
    one("", "sbom", "string", "SBOM attestation (--set=*.attest=type=sbom)"),
    many(
        "",
        "set",
        "list",
        "Override a value of targets: PATTERN.KEY[.NAME]=VALUE, += adds to a list",
    ),
    many("", "var", "list", "Set a variable of the files: NAME=VALUE"),
];
