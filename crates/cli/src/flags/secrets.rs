//! Flags of secrets and configs.

use super::{FORMAT, FORMAT_F, QUIET};
use crate::arguments::{Flag, many, one, switch};

const ALL: Flag = switch("a", "all", "Remove all of them");
const FORCE: Flag = switch("f", "force", "Remove also what containers were given");
const IGNORE_MISSING: Flag = switch("i", "ignore", "Do not fail where there is none of the name");
const FILTER: Flag =
    many("f", "filter", "filter", "Filter output based on conditions provided: id, label, name");

pub(crate) const SECRET_CREATE: &[Flag] = &[
    one("d", "driver", "string", "Secret driver (only \"file\")"),
    switch(
        "",
        "env",
        "Read the secret from the environment variable that is named in the place of the file",
    ),
    switch("", "ignore", "Leave a secret of that name as it is"),
    many("l", "label", "list", "Secret labels"),
    switch("", "replace", "Give a secret of that name the new content"),
];
pub(crate) const CONFIG_CREATE: &[Flag] = &[
    switch("", "ignore", "Leave a config of that name as it is"),
    many("l", "label", "list", "Config labels"),
    switch("", "replace", "Give a config of that name the new content"),
];
pub(crate) const SECRET_LIST: &[Flag] = &[FILTER, FORMAT, QUIET];
pub(crate) const SECRET_INSPECT: &[Flag] = &[
    FORMAT_F,
    switch("", "pretty", "Print the information in a human friendly format"),
    switch("", "showsecret", "Show the secret itself, too"),
];
pub(crate) const CONFIG_INSPECT: &[Flag] =
    &[FORMAT_F, switch("", "pretty", "Print the information in a human friendly format")];
pub(crate) const SECRET_REMOVE: &[Flag] = &[ALL, FORCE, IGNORE_MISSING];
