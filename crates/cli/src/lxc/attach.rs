//! `attach`: a program in a container that runs, or in some of its namespaces.

use engine::ExecRequest;

use super::call::Call;
use super::unshare::{in_namespaces, kinds};
use crate::commands::exec::{Further, run_in};
use crate::config::{environment, lookup};
use crate::failure::Failure;
use crate::terminal;

/// What LXC gives a program that has no path.
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Without a word of the caller's: a login shell where there is one, or the one that always is.
const SHELL: &str = "/bin/sh";

pub(super) fn attach(call: &Call) -> Result<i32, Failure> {
    let matches = &call.matches;
    for flag in ["arch", "context", "pty-log"] {
        if matches.is_given(flag) {
            return Err(Failure::Words(format!(
                "--{flag}: a further process has that of its container"
            )));
        }
    }
    if matches.on("clear-env") && matches.on("keep-env") {
        return Err(Failure::Words("--clear-env and --keep-env exclude each other".to_owned()));
    }
    let env = variables(call)?;
    let engine = call.session.engine()?;
    let container = call.running(&engine)?;
    let command = if call.words.is_empty() { vec![SHELL.to_owned()] } else { call.words.clone() };
    if let Some(text) = matches.value("namespaces") {
        let pid = super::states::pid(&container).unwrap_or_default();
        return in_namespaces(pid, &kinds(text)?, matches.on("remount-sys-proc"), (&command, &env));
    }
    drop(engine);
    let tty = terminal::is_terminal();
    let request = ExecRequest {
        command,
        env,
        user: user(call)?,
        tty,
        size: terminal::size().filter(|_| tty),
        privileged: matches.is_given("elevated-privileges"),
        ..ExecRequest::default()
    };
    let further = Further { request, detached: false, input: true, keys: None };
    match run_in(&call.session, container.record.id.as_str(), further) {
        Err(Failure::Engine(error @ engine::EngineError::Exec { .. })) => {
            let code = error.exit_code();
            call.say(&engine::chain(&error));
            Ok(code.into())
        }
        done => done,
    }
}

fn user(call: &Call) -> Result<String, Failure> {
    let number = |flag: &str| match call.matches.value(flag) {
        None => Ok(None),
        Some(text) => text
            .parse::<u32>()
            .map(Some)
            .map_err(|_no_number| Failure::Words(format!("--{flag}: {text:?} is no id"))),
    };
    Ok(match (number("uid")?, number("gid")?) {
        (None, None) => String::new(),
        (uid, gid) => format!("{}:{}", uid.unwrap_or(0), gid.unwrap_or(0)),
    })
}

/// The caller's variables, or those that it names alone, and what it sets.
fn variables(call: &Call) -> Result<Vec<String>, Failure> {
    let matches = &call.matches;
    let mut env: Vec<String> = if matches.on("clear-env") {
        let kept = matches.values("keep-var");
        kept.filter_map(|name| Some(format!("{name}={}", lookup(name)?))).collect()
    } else {
        environment().into_iter().map(|(name, value)| format!("{name}={value}")).collect()
    };
    if !env.iter().any(|variable| variable.starts_with("PATH=")) {
        env.push(PATH.to_owned());
    }
    env.push("container=lxc".to_owned());
    for text in matches.values("set-var") {
        if !text.contains('=') {
            return Err(Failure::Words(format!("--set-var {text}: it is no NAME=VALUE")));
        }
        env.push(text.to_owned());
    }
    Ok(env)
}
