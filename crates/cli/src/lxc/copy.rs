//! `copy`: a container of another name, with the original's files or over them; and new names. One that runs at once is in [`ephemeral`].

use ::lxc::config::Document;
use ::lxc::containers::Directory;
use ::lxc::copies::{self, CopyRequest};
use engine::{Engine, chain};

use super::call::Call;
use super::{ephemeral, states};
use crate::failure::Failure;

pub(super) fn copy(call: &Call) -> Result<i32, Failure> {
    let matches = &call.matches;
    let is_ephemeral = matches.on("ephemeral");
    refuse_flags(call, is_ephemeral)?;
    let is_overlay = match matches.value("backingstorage") {
        None => matches.on("snapshot") || is_ephemeral,
        Some("dir") => false,
        Some("overlay" | "overlayfs") => true,
        Some(kind) => {
            return Err(Failure::Words(format!(
                "--backingstorage {kind}: there are dir and overlay"
            )));
        }
    };
    let named = matches.value("newname");
    if named.is_none() && !is_ephemeral {
        return Err(Failure::Words("no new name is given: --newname".to_owned()));
    }
    let from = call.directory()?;
    let to = match matches.value("newpath") {
        None => from.clone(),
        Some(path) => {
            Directory::new(std::path::absolute(path).map_err(Failure::file("find", path))?)
        }
    };
    let engine = call.session.engine()?;
    let is_active = call.known(&engine)?.is_some_and(|container| states::is_active(&container));
    if is_active && !(is_overlay && matches.on("allowrunning")) {
        return Err(Failure::Words("it is running".to_owned()));
    }
    if matches.on("rename") {
        return rename(call, &engine, (from, &to), named.unwrap_or_default());
    }
    let random = ephemeral::name(&call.name);
    let new_name = named.unwrap_or(&random);
    let request = CopyRequest {
        from,
        name: &call.name,
        to: &to,
        new_name,
        is_overlay,
        keeps_name: matches.on("keepname"),
        keeps_addresses: matches.on("keepmac"),
        words: &call.words,
    };
    // Said before anything is made.
    let mounts = ephemeral::mounts(call, &to, new_name)?;
    copies::copy(&request).map_err(|error| Failure::Words(chain(&error)))?;
    if is_ephemeral { ephemeral::start(call, (&to, new_name), &mounts) } else { Ok(0) }
}

/// What nothing here can do, and what does not go together.
fn refuse_flags(call: &Call, is_ephemeral: bool) -> Result<(), Failure> {
    let refused = [
        ("tmpfs", "what an ephemeral container writes is on the disk until it ends"),
        ("fssize", "roots are directories here"),
    ];
    for (flag, why) in refused {
        if call.matches.is_given(flag) {
            return Err(Failure::Words(format!("--{flag}: {why}")));
        }
    }
    let of_ephemeral = ["mount", "keepdata", "foreground"];
    let alone = of_ephemeral.into_iter().find(|flag| call.matches.is_given(flag));
    match alone.filter(|_| !is_ephemeral) {
        Some(flag) => Err(Failure::Words(format!("--{flag} goes with --ephemeral alone"))),
        None if is_ephemeral && call.matches.on("rename") => {
            Err(Failure::Words("--ephemeral and --rename exclude each other".to_owned()))
        }
        None => Ok(()),
    }
}

/// The directory gets the name; the record is made anew at the next start.
fn rename(
    call: &Call,
    engine: &Engine,
    (from, to): (&Directory, &Directory),
    new_name: &str,
) -> Result<i32, Failure> {
    let wrong = |error: ::lxc::containers::BadName| Failure::Words(error.to_string());
    let (old, new) = (from.of(&call.name).map_err(wrong)?, to.of(new_name).map_err(wrong)?);
    let mut document: Document =
        call.document()?.ok_or_else(|| Failure::Words("it is not defined".to_owned()))?;
    if ::lxc::containers::is_there(&new) {
        return Err(Failure::Words(format!("there is a container {new_name} already")));
    }
    let failed = |error: copies::CopyError| Failure::Words(chain(&error));
    copies::demand_free(from, &call.name).map_err(failed)?;
    let changed = |error: ::lxc::config::Problem| Failure::Words(chain(&error));
    document.move_paths(&old, &new).map_err(changed)?;
    let text = copies::root_text(&document).unwrap_or_default();
    if text.contains(&format!("{}/", old.display())) {
        let text = text.replace(&format!("{}/", old.display()), &format!("{}/", new.display()));
        document.replace("lxc.rootfs.path", &text).map_err(changed)?;
    }
    document.replace("lxc.uts.name", new_name).map_err(changed)?;
    if let Some(known) = call.known(engine)? {
        engine.containers().remove(known.record.id.as_str(), false, false)?;
    }
    std::fs::create_dir_all(to.path()).map_err(Failure::file("make", to.path().display()))?;
    std::fs::rename(&old, &new).map_err(Failure::file("rename", old.display()))?;
    to.save(new_name, &document).map_err(Failure::file("write", new.display()))?;
    copies::tell_bases((from, &call.name), (to, new_name)).map_err(failed)?;
    Ok(0)
}
