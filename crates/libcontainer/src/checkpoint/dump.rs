//! A running container into images. Start at [`dump`].

use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::readlink;
use spec::runtime::NamespaceKind;

use super::criu::{Criu, Session, Start};
use super::error::CheckpointError;
use super::message::{Kind, option, pair};
use super::mounts::{Outside, resolved};
use super::options::{DumpKind, DumpOptions, make_directory};
use super::protobuf::Writer;
use super::talk::{OnMoment, talk};
use crate::cgroup::{CgroupPlan, Controller, LayoutKind};
use crate::descriptor_path::DescriptorPath;

/// The file, beside CRIU's images, that tells which streams the first process began with. Its name and form are those of other
/// runtimes, so that each can restore what another has dumped.
pub(super) const DESCRIPTORS: &str = "descriptors.json";

/// The container that is dumped.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// Its first process.
    pub pid: i32,
    /// Its root on the host.
    pub rootfs: &'a Path,
    /// What of it is not its own.
    pub outside: &'a Outside,
    /// Its control groups.
    pub cgroup: &'a CgroupPlan,
    /// What the first process began with as streams 0, 1 and 2, see [`stream_name`].
    pub streams: &'a [String],
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

/// A stream as `/proc/PID/fd` names it: `pipe:[4711]`, `/dev/null` …; empty where that cannot be told. Asked before the
/// container starts: its program may redirect its streams, and its children still have them.
#[must_use]
pub fn stream_name(stream: BorrowedFd<'_>) -> String {
    let link = readlink(DescriptorPath::of(stream).as_c_str(), Vec::new());
    link.map(|link| link.to_string_lossy().into_owned()).unwrap_or_default()
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
    if let Some(freezer) = freezer(target.cgroup) {
        // Without it the processes are stopped one by one, and new ones can be missed.
        to.text(option::FREEZE_CGROUP, freezer.as_os_str().as_bytes());
    }
}

fn freezer(cgroup: &CgroupPlan) -> Option<PathBuf> {
    let unified = cgroup.kind == LayoutKind::Unified;
    let place = cgroup.places.iter().find(|place| {
        if unified { place.unified } else { place.controllers.contains(&Controller::Freezer) }
    })?;
    Some(place.path())
}

/// Network and pid namespaces that the container shares are left to whoever made them.
fn write_namespaces(target: &Target<'_>, to: &mut Writer) -> Result<(), CheckpointError> {
    for (kind, path) in &target.outside.namespaces {
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
    for mount in &target.outside.mounts {
        let at = resolved(target.pid, &mount.target);
        let name = mount.target.as_os_str().as_bytes();
        to.message(option::EXT_MNT, &pair(at.as_os_str().as_bytes(), name));
    }
}

fn write_descriptors(target: &Target<'_>, images: &Path) -> Result<(), CheckpointError> {
    let path = images.join(DESCRIPTORS);
    let failed = |cause| CheckpointError::Image { path: path.clone(), cause };
    let text = serde_json::to_vec(target.streams).map_err(|error| failed(error.into()))?;
    let mut file = std::fs::OpenOptions::new();
    std::os::unix::fs::OpenOptionsExt::mode(&mut file, 0o600);
    let file = file.write(true).create(true).truncate(true).open(&path);
    file.and_then(|mut file| std::io::Write::write_all(&mut file, &text)).map_err(failed)
}
