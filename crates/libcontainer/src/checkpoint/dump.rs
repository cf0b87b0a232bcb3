//! A running container into images. Start at [`dump`].

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use spec::runtime::NamespaceKind;

use super::criu::{Criu, Session, Start};
use super::error::CheckpointError;
use super::message::{Kind, option, pair};
use super::mounts::{externals, resolved};
use super::options::{DumpKind, DumpOptions, make_directory};
use super::protobuf::Writer;
use super::talk::{OnMoment, talk};
use crate::cgroup::{Controller, LayoutKind};
use crate::plan::Plan;

/// The file, beside CRIU's images, that tells which streams the first process began with. Its name and form are those of other
/// runtimes, so that each can restore what another has dumped.
pub(super) const DESCRIPTORS: &str = "descriptors.json";

/// The container that is dumped.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// Its first process.
    pub pid: i32,
    /// What it was made of.
    pub plan: &'a Plan,
    /// Its root on the host.
    pub rootfs: &'a Path,
    /// What the first process began with as streams 0, 1 and 2, see [`standard_streams`].
    pub descriptors: &'a [String],
}

/// Writes a container into the directory of images. With [`DumpKind::Stop`] its processes have ended when this returns; its
/// control groups are still there.
///
/// # Errors
/// [`CheckpointError::Refused`] says which part of the container CRIU cannot write, by its log; the container goes on then.
pub fn dump(
    criu: &Criu,
    target: &Target<'_>,
    options: &DumpOptions,
    on_moment: OnMoment<'_>,
) -> Result<(), CheckpointError> {
    criu.check_version()?;
    let images = &options.options.images;
    make_directory(images)?;
    check_parent(options)?;
    check_features(criu, options)?;
    let directories = options.options.directories("dump.log")?;
    let mut to = options.options.write(&directories);
    write_dump(target, options, &mut to);
    write_namespaces(target, &mut to)?;
    let kind = if options.kind == DumpKind::PreDump {
        Kind::PreDump
    } else {
        write_mounts(target, &mut to);
        write_descriptors(target, images)?;
        Kind::Dump
    };
    let start = Start { directories: Some(directories.paths), ..Start::default() };
    let session = Session::start(criu, &start)?;
    talk(session, (kind, &to), &directories, on_moment).map(drop)
}

/// What a process has as its streams 0, 1 and 2, as `/proc/PID/fd` names them: `pipe:[4711]`, `/dev/null` …. Asked when the
/// container has just been created: a program may redirect them, and its children still have them.
#[must_use]
pub fn standard_streams(pid: i32) -> Vec<String> {
    let stream = |number: u8| {
        let link = std::fs::read_link(format!("/proc/{pid}/fd/{number}"));
        link.map(|link| link.to_string_lossy().into_owned()).unwrap_or_default()
    };
    (0..3).map(stream).collect()
}

fn check_parent(options: &DumpOptions) -> Result<(), CheckpointError> {
    let Some(parent) = &options.parent else { return Ok(()) };
    if parent.is_absolute() {
        return Err(CheckpointError::AbsoluteParent { path: parent.clone() });
    }
    let path = options.options.images.join(parent);
    let wrong = |cause| CheckpointError::Image { path: path.clone(), cause };
    let found = std::fs::metadata(&path).map_err(wrong)?;
    if found.is_dir() { Ok(()) } else { Err(wrong(std::io::ErrorKind::NotADirectory.into())) }
}

fn check_features(criu: &Criu, options: &DumpOptions) -> Result<(), CheckpointError> {
    let tracks = options.kind == DumpKind::PreDump;
    let lazy = options.options.lazy_pages;
    if !tracks && !lazy {
        return Ok(());
    }
    let found = criu.features()?;
    for (wanted, has, feature) in
        [(tracks, found.mem_track, "mem_dirty_track"), (lazy, found.lazy_pages, "uffd-noncoop")]
    {
        if wanted && !has {
            return Err(CheckpointError::Lacks { feature });
        }
    }
    Ok(())
}

fn write_dump(target: &Target<'_>, options: &DumpOptions, to: &mut Writer) {
    to.number(option::PID, target.pid);
    to.text(option::ROOT, target.rootfs.as_os_str().as_bytes());
    to.flag(option::LEAVE_RUNNING, options.kind == DumpKind::LeaveRunning);
    to.flag(option::TCP_SKIP_IN_FLIGHT, options.tcp_skip_in_flight);
    to.flag(option::LINK_REMAP, options.link_remap);
    if let Some(server) = &options.page_server {
        let mut message = Writer::default();
        message.text(1, server.address.as_bytes());
        message.number(2, i32::from(server.port));
        to.message(option::PAGE_SERVER, &message);
    }
    if let Some(parent) = &options.parent {
        to.text(option::PARENT_IMG, parent.as_os_str().as_bytes());
        to.flag(option::TRACK_MEM, true);
    }
    if let Some(freezer) = freezer(target.plan) {
        // Without it the processes are stopped one by one, and new ones can be missed.
        to.text(option::FREEZE_CGROUP, freezer.as_os_str().as_bytes());
    }
}

fn freezer(plan: &Plan) -> Option<PathBuf> {
    let unified = plan.cgroup.kind == LayoutKind::Unified;
    let place = plan.cgroup.places.iter().find(|place| {
        if unified { place.unified } else { place.controllers.contains(&Controller::Freezer) }
    })?;
    Some(place.path())
}

/// Network and pid namespaces that the container shares are left to whoever made them.
fn write_namespaces(target: &Target<'_>, to: &mut Writer) -> Result<(), CheckpointError> {
    for (kind, path) in &target.plan.namespaces.join {
        let Some((name, key)) = external_namespace(*kind) else { continue };
        let found = std::fs::metadata(path)
            .map_err(|cause| CheckpointError::Image { path: path.clone(), cause })?;
        to.text(option::EXTERNAL, format!("{name}[{}]:{key}", found.ino()).as_bytes());
    }
    Ok(())
}

/// What CRIU calls a namespace that it leaves alone, and the name under which a restore gives it back.
pub(super) fn external_namespace(kind: NamespaceKind) -> Option<(&'static str, &'static str)> {
    match kind {
        NamespaceKind::Network => Some(("net", "extRootNetNS")),
        NamespaceKind::Pid => Some(("pid", "extRootPidNS")),
        NamespaceKind::User
        | NamespaceKind::Mount
        | NamespaceKind::Ipc
        | NamespaceKind::Uts
        | NamespaceKind::Cgroup
        | NamespaceKind::Time => None,
    }
}

fn write_mounts(target: &Target<'_>, to: &mut Writer) {
    for mount in externals(target.plan) {
        let at = resolved(target.pid, &mount.target);
        let name = mount.target.as_os_str().as_bytes();
        to.message(option::EXT_MNT, &pair(at.as_os_str().as_bytes(), name));
    }
}

fn write_descriptors(target: &Target<'_>, images: &Path) -> Result<(), CheckpointError> {
    let path = images.join(DESCRIPTORS);
    let failed = |cause| CheckpointError::Image { path: path.clone(), cause };
    let text = serde_json::to_vec(target.descriptors).map_err(|error| failed(error.into()))?;
    let mut file = std::fs::OpenOptions::new();
    std::os::unix::fs::OpenOptionsExt::mode(&mut file, 0o600);
    let file = file.write(true).create(true).truncate(true).open(&path);
    file.and_then(|mut file| std::io::Write::write_all(&mut file, &text)).map_err(failed)
}
