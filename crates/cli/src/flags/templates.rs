//! Flags of the templates: each says in its help which template takes it, `template show` tells all of one.

use super::FORMAT;
use crate::arguments::{Example, Flag, many, one, switch};

pub(crate) const TEMPLATE_LIST: &[Flag] = &[FORMAT, switch("q", "quiet", "Only display names")];
pub(crate) const TEMPLATE_SHOW: &[Flag] = &[FORMAT];
pub(crate) const TEMPLATE_BUILD: &[Flag] = &[
    one("t", "tag", "name", "Name of the image (default: the template's, with its release)"),
    one("", "suite", "string", "Release to build (debian, ubuntu; default: this machine's own)"),
    one(
        "",
        "mirror",
        "url",
        "Package archive (debian, ubuntu, alpine; default: this machine's own)",
    ),
    many(
        "",
        "package",
        "list",
        "Package to install beside the essential ones (debian, ubuntu, alpine)",
    ),
    one(
        "",
        "keyring",
        "file",
        "Keys that must have signed what is fetched (debian, ubuntu, alpine, download)",
    ),
    one("a", "arch", "string", "Architecture (alpine, download; default: this machine's own)"),
    one("r", "release", "string", "Release (alpine, download)"),
    one("", "apk", "file", "Program apk to build with, statically linked (alpine)"),
    one("d", "dist", "string", "Distribution (download)"),
    one("", "variant", "string", "Variant of the image (download; default \"default\")"),
    one(
        "",
        "server",
        "url",
        "Image server, or a directory (download; default \"https://images.linuxcontainers.org\")",
    ),
    switch("l", "list", "List the images that there are (download)"),
    switch(
        "",
        "no-validate",
        "Take what nobody has signed over an open connection (alpine, download)",
    ),
    one("f", "rootfs", "file", "Archive of the root file system (local)"),
    one("m", "metadata", "file", "Archive of LXC's metadata for it (local)"),
    one("", "name", "string", "Name of a container that the script is told (scripts)"),
];

pub(crate) const TEMPLATE_BUILD_EXAMPLES: &[Example] = &[
    (
        "A system of this machine's own packages",
        "corten template build debian --package systemd-sysv",
    ),
    ("An image of an image server", "corten template build download -d alpine -r 3.20"),
    ("A root file system in an archive", "corten template build local --rootfs root.tar.xz"),
    (
        "LXC's own script, with its arguments",
        "corten template build lxc-busybox -- --busybox-path /bin/busybox",
    ),
];
