//! Commands whose containers are elsewhere: the same lines and the same output, by the Docker Engine API. A server may be any that speaks it.
//!
//! [`run`] finds a command's other half in [`TABLE`]. What the API has no field for is refused by its name and never ignored, whoever the
//! server is: Corten's own extras do not travel. Nothing here opens a store; nothing is read from this machine but what the line names.

use client_docker::{Client, ClientError, Request};
use serde_json::Value;

use super::Command;
use crate::arguments::Matches;
use crate::failure::Failure;
use crate::host::Chosen;
use crate::output;

mod checkpoint;
mod cp;
mod create;
mod events;
mod exec;
mod images;
mod life;
mod list;
mod logs;
mod look;
mod network;
mod prune;
mod run;
mod stats;
mod streams;
mod transfer;
mod usage;
mod volume;

/// A server, and the way to it.
pub(super) struct Far {
    pub(super) client: Client,
}

/// Gives the exit code.
type Run = fn(&Far, &Matches) -> Result<i32, Failure>;

/// A command's other half: its name, the flags that it cannot have, what it does.
type Half = (&'static str, &'static [&'static str], Run);

/// Flags of `run` and `create` that the API has no field for.
const CREATE: &[&str] = &[
    "autostart",
    "autostart-delay",
    "autostart-group",
    "autostart-order",
    "config",
    "env-merge",
    "explain",
    "gidmap",
    "health-on-failure",
    "no-hostname",
    "no-hosts",
    "pidfile",
    "requires",
    "rootfs",
    "secret",
    "subgidname",
    "subuidname",
    "system",
    "timeout",
    "ttys",
    "tz",
    "uidmap",
    "umask",
    "unsetenv-all",
];

/// What can be done elsewhere.
const TABLE: &[Half] = &[
    ("attach", &[], run::attach),
    ("builder prune", &["verbose"], prune::builder),
    ("checkpoint create", &[], checkpoint::create),
    ("checkpoint ls", &[], checkpoint::ls),
    ("checkpoint rm", &[], checkpoint::rm),
    ("commit", &[], images::commit),
    ("container exists", &[], life::exists),
    ("container inspect", &[], look::container),
    ("container prune", &[], prune::containers),
    ("cp", &[], cp::cp),
    ("create", CREATE, run::create),
    ("diff", &[], cp::diff),
    ("events", &[], events::events),
    ("exec", &["security-opt"], exec::exec),
    ("export", &[], cp::export),
    ("history", &["platform"], images::history),
    ("image inspect", &["platform"], look::image),
    ("image prune", &["keep", "unused-for"], prune::images),
    ("images", &["tree"], images::images),
    ("import", &[], images::import),
    ("info", &[], look::info),
    ("inspect", &[], look::any),
    ("kill", &[], life::kill),
    ("load", &["platform"], images::load),
    ("logs", &[], logs::logs),
    ("network connect", &[], network::connect),
    ("network create", &[], network::create),
    ("network disconnect", &[], network::disconnect),
    ("network inspect", &[], look::network),
    ("network ls", &[], network::ls),
    ("network prune", &[], prune::networks),
    ("network rm", &[], network::rm),
    ("pause", &[], life::pause),
    ("port", &[], life::port),
    ("ps", &[], list::ps),
    ("pull", &["tls-verify"], transfer::pull),
    (
        "push",
        &[
            "all-platforms",
            "compression",
            "compression-level",
            "digestfile",
            "force-compression",
            "format",
            "platform",
            "tls-verify",
        ],
        transfer::push,
    ),
    ("rename", &[], life::rename),
    ("restart", &[], life::restart),
    ("rm", &[], life::rm),
    ("rmi", &["platform"], images::rmi),
    ("run", CREATE, run::run),
    ("save", &["platform"], images::save),
    ("start", &[], run::start),
    ("stats", &[], stats::stats),
    ("stop", &[], life::stop),
    ("system df", &[], usage::df),
    ("system prune", &[], prune::system),
    ("tag", &[], images::tag),
    ("top", &[], life::top),
    ("unpause", &[], life::unpause),
    (
        "update",
        &[
            "autostart",
            "autostart-delay",
            "autostart-group",
            "autostart-order",
            "publish-add",
            "publish-rm",
        ],
        life::update,
    ),
    ("version", &[], look::version),
    ("volume create", &[], volume::create),
    ("volume exists", &[], volume::exists),
    ("volume inspect", &[], look::volume),
    ("volume ls", &[], volume::ls),
    ("volume prune", &[], prune::volumes),
    ("volume rm", &[], volume::rm),
    ("wait", &["interval"], life::wait),
];

/// Commands that concern this machine or its user, wherever containers are.
const HERE: &[&str] = &["completion", "login", "logout", "search"];

/// Commands that are this machine's whatever context is in use: a server, and what systemd calls when the machine begins and ends. A flag that
/// says otherwise is an error, not ignored.
const OF_THE_MACHINE: &[&str] =
    &["serve", "system doctor", "system install-units", "system start-all", "system stop-all"];

/// Whether a command is done here, whatever the environment and the context in use say; those of the program itself are for nobody else to
/// answer.
pub(crate) fn is_local(command: &Command, is_by_flag: bool) -> bool {
    let name = command.grammar.name();
    command.group.is_empty()
        || HERE.contains(&name)
        || name.starts_with("context ")
        || name.starts_with("chan ")
        || (!is_by_flag && OF_THE_MACHINE.contains(&name))
}

/// Does it elsewhere.
pub(crate) fn run(command: &Command, chosen: &Chosen, matches: &Matches) -> Result<i32, Failure> {
    let name = command.grammar.name();
    if name == "system dial-stdio" {
        return super::dial::dial(chosen);
    }
    let Some((_, refused, half)) = TABLE.iter().find(|(own, ..)| *own == name) else {
        return Err(Failure::OnlyHere { what: format!("corten {name}"), host: chosen.shown() });
    };
    if let Some(flag) = refused.iter().find(|flag| matches.is_given(flag)) {
        let what = format!("corten {name} --{flag}");
        return Err(Failure::OnlyHere { what, host: chosen.shown() });
    }
    let client = Client::connect(chosen.host.clone(), chosen.tls.as_ref(), crate::host::newest()?)?;
    half(&Far { client }, matches)
}

impl Far {
    /// A document that is asked for.
    pub(super) fn get(&self, parts: &[&str]) -> Result<Value, ClientError> {
        self.client.document(Request::get(parts))
    }

    /// Refuses what the server's version of the API has no field for.
    pub(super) fn demand(&self, minor: u32, what: &str) -> Result<(), Failure> {
        let version = self.client.version();
        if version.has(minor) {
            return Ok(());
        }
        let host = self.client.host();
        Err(Failure::Words(format!(
            "{what} needs version 1.{minor} of the API, and {host} speaks {version}"
        )))
    }
}

/// Filters of the line as the API has them: values by kind. Old servers want them as a map of maps, which new ones take, too.
pub(super) fn filters<'a>(texts: impl Iterator<Item = &'a str>) -> Option<String> {
    let mut all = serde_json::Map::new();
    for text in texts {
        let (kind, value) = text.split_once('=').unwrap_or((text, ""));
        // `label!=x` is a kind of its own.
        if let Value::Object(values) =
            all.entry(kind.to_owned()).or_insert_with(|| Value::Object(serde_json::Map::new()))
        {
            values.insert(value.to_owned(), true.into());
        }
    }
    (!all.is_empty()).then(|| Value::Object(all).to_string())
}

/// Does something for each word; the first failure does not keep the others from their turn.
pub(super) fn each(
    words: &[String],
    act: impl FnMut(&str) -> Result<(), Failure>,
) -> Result<i32, Failure> {
    super::each_of(words, act)
}

/// A text of a document.
pub(super) fn text(document: &Value, name: &str) -> String {
    document[name].as_str().unwrap_or_default().to_owned()
}

/// What the server says beside its answer.
pub(super) fn warn(warnings: &Value) {
    for warning in warnings.as_array().into_iter().flatten().filter_map(Value::as_str) {
        output::talk(&format!("WARNING: {warning}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::COMMANDS;

    #[test]
    fn every_half_is_of_a_command_and_every_flag_is_one_of_it() {
        for (name, flags, _) in TABLE {
            let command = COMMANDS.iter().find(|command| command.grammar.name() == *name);
            let command = command.unwrap_or_else(|| panic!("{name}"));
            for flag in *flags {
                let is_one = command.grammar.all_flags().any(|own| own.long == *flag);
                assert!(is_one, "{name} --{flag}");
            }
        }
    }

    #[test]
    fn filters_are_maps() {
        let given = ["label=a=b", "label=c", "label!=d", "until=1h"];
        assert_eq!(
            filters(given.into_iter()).unwrap(),
            r#"{"label":{"a=b":true,"c":true},"label!":{"d":true},"until":{"1h":true}}"#
        );
        assert_eq!(filters(std::iter::empty()), None);
    }
}
