//! `exec`: a further process in a container that runs.

use libcontainer::cgroup::SubGroup;
use libcontainer::{Container, Execution};
use spec::runtime::{Capabilities, Process};

use super::foreground::Foreground;
use super::{Session, process};
use crate::arguments::Matches;
use crate::failure::Failure;

/// How `exec` fails by itself: every other code is the program's.
const FAILED: i32 = 255;

pub(super) fn execute(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    session.fail_with(FAILED);
    let container = session.container(matches)?;
    let wanted = wanted(&container, matches)?;
    let detach = matches.on("detach");
    process::check_terminal(matches, wanted.terminal, detach)?;
    let foreground = (!detach).then(|| Foreground::take(wanted.terminal));
    let groups = matches.values("cgroup").map(str::parse).collect::<Result<Vec<SubGroup>, _>>();
    let groups = groups.map_err(|error| Failure::Words(libcontainer::chain(&error)))?;
    let execution = Execution {
        process: &wanted,
        stdio: process::stdio(wanted.terminal),
        preserved_descriptors: process::preserved(session, matches, 0)?,
        even_paused: matches.on("ignore-paused"),
        groups: &groups,
    };
    let executed = container.execute(&execution)?;
    executed.warnings.iter().for_each(|warning| session.warn(warning));
    let master = match process::announce(matches, &executed.process, executed.console) {
        Ok(master) => master,
        Err(failure) => {
            let _gone = executed.process.signal(9);
            let _reaped = executed.process.wait();
            return Err(failure);
        }
    };
    match foreground {
        Some(foreground) => foreground.serve(&executed.process, master.as_ref()),
        None => Ok(0),
    }
}

/// The process of the file, or the container's own with the command's words, changed by the flags.
fn wanted(container: &Container, matches: &Matches) -> Result<Process, Failure> {
    if let Some(file) = matches.value("process") {
        let text = std::fs::read(file).map_err(Failure::file("read", file))?;
        return Process::from_json(&text)
            .map_err(|error| Failure::Words(format!("read {file}: {error}")));
    }
    let process = container.spec()?.process;
    let mut process = process.unwrap_or_else(|| Process { cwd: "/".into(), ..Process::default() });
    process.args = matches.words.get(1..).unwrap_or_default().to_vec();
    if process.args.is_empty() {
        return Err(Failure::Words(
            "process args cannot be empty: name a command, or --process".into(),
        ));
    }
    process.terminal = matches.on("tty");
    process.env.extend(matches.values("env").map(str::to_owned));
    if let Some(directory) = matches.text("cwd") {
        process.cwd = directory.into();
    }
    if let Some(label) = matches.text("process-label") {
        process.selinux_label = Some(label.to_owned());
    }
    if let Some(profile) = matches.text("apparmor") {
        process.apparmor_profile = Some(profile.to_owned());
    }
    if let Some(on) = matches.value("no-new-privs") {
        process.no_new_privileges = on == "true";
    }
    add_capabilities(&mut process, matches);
    set_user(&mut process, matches)?;
    Ok(process)
}

fn add_capabilities(process: &mut Process, matches: &Matches) {
    let added: Vec<String> = matches.values("cap").map(str::to_owned).collect();
    if added.is_empty() {
        return;
    }
    let sets = process.capabilities.get_or_insert_with(Capabilities::default);
    // Only what is inheritable can be ambient, capabilities(7).
    let inherited = added.iter().filter(|name| sets.inheritable.contains(name)).cloned();
    sets.ambient.extend(inherited.collect::<Vec<_>>());
    for set in [&mut sets.bounding, &mut sets.effective, &mut sets.permitted] {
        set.extend(added.iter().cloned());
    }
}

fn set_user(process: &mut Process, matches: &Matches) -> Result<(), Failure> {
    let id = |text: &str| {
        let wrong = |_wrong| Failure::Words(format!("invalid user or group id {text:?}"));
        text.parse::<u32>().map_err(wrong)
    };
    if let Some(user) = matches.text("user") {
        let (uid, gid) = user.split_once(':').map_or((user, None), |(uid, gid)| (uid, Some(gid)));
        process.user.uid = id(uid)?;
        if let Some(gid) = gid {
            process.user.gid = id(gid)?;
        }
    }
    for gid in matches.values("additional-gids") {
        process.user.additional_gids.push(id(gid)?);
    }
    Ok(())
}
