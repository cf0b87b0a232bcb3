//! `create`: a directory with a configuration and a root.

use std::path::{Path, PathBuf};

use ::lxc::config::Document;
use ::lxc::config::namespaces::IdKind;
use ::lxc::config::read::Limits;
use ::lxc::tree;
use engine::{ScriptIds, TemplateScript, chain, find_script};
use spec::runtime::IdMapping;

use super::call::{Call, system};
use crate::config::template_directories;
use crate::failure::Failure;

/// No template: the root stays empty, or is not there.
const NONE: &str = "none";
const MODE: u32 = 0o755;

pub(super) fn create(call: &Call) -> Result<i32, Failure> {
    let matches = &call.matches;
    let of_devices =
        ["lvname", "vgname", "thinpool", "rbdname", "rbdpool", "zfsroot", "fstype", "fssize"];
    if let Some(flag) = of_devices.iter().find(|flag| matches.is_given(flag)) {
        return Err(Failure::Words(format!("--{flag}: roots are directories here")));
    }
    let bdev = matches.value("bdev");
    if let Some(kind) = bdev.filter(|kind| !matches!(*kind, "dir" | "none" | "best")) {
        return Err(Failure::Words(format!("--bdev {kind}: roots are directories here")));
    }
    let Some(template) = matches.value("template") else {
        return Err(Failure::Words(
            "no template is named; with 'none' the container gets no root".to_owned(),
        ));
    };
    let directory = call.directory()?;
    directory.of(&call.name).map_err(|error| Failure::Words(error.to_string()))?;
    if directory.has(&call.name) {
        return Err(Failure::Words("there is a container of this name already".to_owned()));
    }
    let mut document = first_lines(call)?;
    // LXC gives those without a template a root only where one is asked for.
    let root = (template != NONE || matches.is_given("dir")).then(|| root(call)).transpose()?;
    if let Some(root) = &root {
        set(&mut document, "lxc.rootfs.path", &format!("dir:{}", root.display()))?;
    }
    let is_new = root.as_ref().is_some_and(|root| !::lxc::containers::is_there(root));
    let own = directory
        .make(&call.name, &document)
        .map_err(Failure::file("make", directory.path().join(&call.name).display()))?;
    let filled = match &root {
        None => Ok(()),
        Some(root) => std::fs::create_dir_all(root)
            .and_then(|()| {
                std::fs::set_permissions(root, std::os::unix::fs::PermissionsExt::from_mode(MODE))
            })
            .map_err(Failure::file("make", root.display()))
            .and_then(|()| {
                if template == NONE {
                    Ok(())
                } else {
                    fill(call, template, (&own, root), &document)
                }
            }),
    };
    if filled.is_err() {
        // Nothing is left of a template that failed half way, but for a directory of the user's.
        for path in root.iter().filter(|_| is_new).chain([&own]) {
            tree::remove(path).map_err(|error| Failure::Words(chain(&error)))?;
        }
    }
    filled.map(|()| 0)
}

fn set(document: &mut Document, key: &str, value: &str) -> Result<(), Failure> {
    document.replace(key, value).map_err(|error| Failure::Words(chain(&error)))
}

/// What the configuration begins with: the file that is named, or the usual one where it is there.
fn first_lines(call: &Call) -> Result<Document, Failure> {
    let (path, is_named) = match call.matches.value("config") {
        Some(path) => (PathBuf::from(path), true),
        None => (system()?.default_config, false),
    };
    if !is_named && !path.exists() {
        return Ok(Document::default());
    }
    Document::open(&path, &Limits::default()).map_err(|error| Failure::Words(chain(&error)))
}

fn root(call: &Call) -> Result<PathBuf, Failure> {
    let own = call.directory()?.path().join(&call.name).join("rootfs");
    match call.matches.value("dir") {
        None => Ok(own),
        Some(text) => std::path::absolute(text).map_err(Failure::file("find", text)),
    }
}

/// Runs the template in place, in a mount namespace of its own; what it adds to the configuration it writes into the file itself.
fn fill(
    call: &Call,
    template: &str,
    (own, root): (&Path, &Path),
    document: &Document,
) -> Result<(), Failure> {
    let directories = template_directories();
    let kind = |wanted: IdKind| {
        let maps =
            document.values().namespaces.id_maps.iter().filter(move |map| map.kind == wanted);
        maps.map(|map| IdMapping {
            container_id: map.inside,
            host_id: map.outside,
            size: map.count,
        })
        .collect::<Vec<_>>()
    };
    let (uids, gids) = (kind(IdKind::User), kind(IdKind::Group));
    let ids = if uids.is_empty() && gids.is_empty() {
        ScriptIds::Machine
    } else {
        ScriptIds::Mapped { uids, gids }
    };
    let script = TemplateScript {
        script: find_script(template, &directories)?,
        name: call.name.clone(),
        path: own.to_owned(),
        rootfs: root.to_owned(),
        arguments: call.words.iter().map(Into::into).collect(),
        ids,
        talks: false,
    };
    Ok(script.run()?)
}
