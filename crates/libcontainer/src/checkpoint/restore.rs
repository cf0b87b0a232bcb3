//! A running container out of images. Start at [`restore`].

use std::fs;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{Mode, OFlags, open};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use spec::runtime::NamespaceKind;

use super::criu::{Criu, FIRST_INHERITED, RootFrom, Session, Start};
use super::dump::{DESCRIPTORS, external_namespace};
use super::error::CheckpointError;
use super::message::{Kind, inherited, option, pair};
use super::mounts::{Outside, make_mount_points};
use super::options::RestoreOptions;
use super::protobuf::Writer;
use super::root;
use super::talk::{Moment, OnMoment, talk};
use crate::cgroup::Cgroup;
use crate::descriptor_path::DescriptorPath;
use crate::plan::Plan;
use crate::process::Process;
use crate::spare::SpareNetwork;

/// What a container is restored with.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// What it is made of: as at the dump, but sources of binds, joined namespaces and control groups may be others.
    pub plan: &'a Plan,
    /// Its root on the host; nothing is the overlay of the plan, mounted where nobody else sees it.
    pub rootfs: Option<&'a Path>,
    /// An empty directory, for as long as this takes; the root is mounted there where nobody else sees it.
    pub staging: &'a Path,
    /// The streams that take the place of those that were pipes of somebody outside; nothing is `/dev/null`.
    pub stdio: Option<[BorrowedFd<'a>; 3]>,
    /// What takes the place of a network namespace that the dump called [external](Outside::with_network); the plan's rules for a new one are carried out in it.
    pub network: Option<&'a SpareNetwork>,
}

/// A container that goes on from where it was dumped.
#[derive(Debug)]
pub struct Restored {
    /// Its first process, a child of the caller.
    pub process: Process,
    /// Its control groups.
    pub cgroup: Cgroup,
}

/// Makes a container out of images. The caller has one thread.
///
/// # Errors
/// [`CheckpointError::Refused`] with CRIU's log; nothing of the container is left.
pub fn restore(
    criu: &Criu,
    origin: &Origin<'_>,
    options: &RestoreOptions,
    on_moment: OnMoment<'_>,
) -> Result<Restored, CheckpointError> {
    criu.check_version()?;
    let directories = options.options.directories("restore.log")?;
    let mut to = options.options.write(&directories);
    let mut inherit = Inherit::default();
    inherit.pipes(&options.options.images, &mut to)?;
    inherit.namespaces(origin.plan, &mut to)?;
    inherit.network(origin, &mut to)?;
    write_restore(origin, options, &mut to);
    let overlay = match origin.rootfs {
        Some(_) => None,
        None => Some(root::detached(origin.plan)?),
    };
    let seen = overlay.as_ref().map(|mount| DescriptorPath::of(mount.as_fd()).to_path_buf());
    let root = match (&overlay, origin.rootfs) {
        (Some(mount), _) => RootFrom::Detached(mount.as_fd()),
        (None, rootfs) => RootFrom::Directory(rootfs.unwrap_or(Path::new("/"))),
    };
    make_mount_points(origin.plan, seen.as_deref().or(origin.rootfs).unwrap_or(Path::new("/")))?;
    let start = Start {
        stdio: origin.stdio,
        directories: Some(directories.paths),
        inherit: inherit.descriptors.iter().map(AsFd::as_fd).collect(),
        root: Some((root, origin.staging)),
    };
    let session = Session::start(criu, &start)?;
    let mut half = Half::around(origin.plan, session.pid())?;
    write_groups(session.pid(), &mut to)?;
    let mut process = None;
    let mut watch = |moment: Moment| {
        if let Moment::Restored { pid } = &moment {
            process = Some(find(*pid)?);
        }
        on_moment(moment)
    };
    let talked = talk(session, (Kind::Restore, &to), &directories, &mut watch);
    if let (Some(process), Err(_)) = (&process, &talked) {
        let _gone = process.signal(libc::SIGKILL);
        let _reaped = rustix::process::waitid(
            rustix::process::WaitId::PidFd(process.pidfd()),
            rustix::process::WaitIdOptions::EXITED,
        );
    }
    let answer = talked?;
    let process = match (process, answer.pid) {
        (Some(process), _) => process,
        (None, Some(pid)) => {
            find(pid).map_err(CheckpointError::system("find the restored process"))?
        }
        (None, None) => return Err(CheckpointError::Malformed),
    };
    let cgroup = half.keep().ok_or(CheckpointError::Malformed)?;
    Ok(Restored { process, cgroup })
}

fn find(pid: i32) -> Result<Process, sys::Errno> {
    let number = Pid::from_raw(pid).ok_or(sys::Errno::from_raw(libc::ESRCH))?;
    Ok(Process::new(pid, pidfd_open(number, PidfdFlags::empty())?))
}

/// Control groups of a container that is not there yet; unless they are kept, nothing is left of them.
struct Half {
    cgroup: Option<Cgroup>,
}

impl Half {
    /// Puts CRIU in, whose children stay where it is.
    fn around(plan: &Plan, pid: i32) -> Result<Self, CheckpointError> {
        let cgroup = Cgroup::create_around(&plan.cgroup, pid).map_err(CheckpointError::Cgroup)?;
        let half = Self { cgroup: Some(cgroup) };
        if let Some(cgroup) = half.cgroup.as_ref().filter(|_| plan.cgroup.unit.is_none()) {
            cgroup.add_process(pid).map_err(CheckpointError::Cgroup)?;
        }
        Ok(half)
    }

    fn keep(&mut self) -> Option<Cgroup> {
        self.cgroup.take()
    }
}

impl Drop for Half {
    fn drop(&mut self) {
        // Best effort: the error that led here is the one to tell.
        if let Some(cgroup) = &self.cgroup {
            // A group that others live in is never joined.
            let _nobody = cgroup.kill();
            let _busy = cgroup.remove(crate::create::GROUP_PATIENCE);
        }
    }
}

/// What CRIU inherits beyond its streams.
#[derive(Default)]
struct Inherit {
    descriptors: Vec<OwnedFd>,
}

impl Inherit {
    /// Streams that were pipes are replaced by CRIU's own.
    fn pipes(&self, images: &Path, to: &mut Writer) -> Result<(), CheckpointError> {
        let path = images.join(DESCRIPTORS);
        let failed = |cause| CheckpointError::Image { path: path.clone(), cause };
        let text = fs::read(&path).map_err(failed)?;
        let names: Vec<String> =
            serde_json::from_slice(&text).map_err(|error| failed(error.into()))?;
        for (number, name) in (0_u8..3).zip(&names).filter(|(_, name)| name.starts_with("pipe:")) {
            to.message(option::INHERIT_FD, &inherited(name, number));
        }
        Ok(())
    }

    /// A namespace under the name that the dump gave it.
    fn namespace(&mut self, key: &str, namespace: OwnedFd, to: &mut Writer) {
        let number = FIRST_INHERITED + u8::try_from(self.descriptors.len()).unwrap_or(0);
        self.descriptors.push(namespace);
        to.message(option::INHERIT_FD, &inherited(key, number));
    }

    fn network(&mut self, origin: &Origin<'_>, to: &mut Writer) -> Result<(), CheckpointError> {
        let (Some(network), Some((_, key))) =
            (origin.network, external_namespace(NamespaceKind::Network))
        else {
            return Ok(());
        };
        network
            .furnish(origin.plan)
            .map_err(CheckpointError::system("prepare the network namespace"))?;
        let copy = rustix::io::fcntl_dupfd_cloexec(network.as_fd(), 0);
        let copy = copy
            .map_err(|errno| CheckpointError::system("keep the network namespace")(errno.into()))?;
        self.namespace(key, copy, to);
        Ok(())
    }

    fn namespaces(&mut self, plan: &Plan, to: &mut Writer) -> Result<(), CheckpointError> {
        for (kind, path) in &plan.namespaces.join {
            if let Some((_, key)) = external_namespace(*kind) {
                let namespace = open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
                let namespace = namespace.map_err(|errno| CheckpointError::Image {
                    path: path.clone(),
                    cause: errno.into(),
                })?;
                self.namespace(key, namespace, to);
                continue;
            }
            let name = match kind {
                NamespaceKind::Ipc => "ipc",
                NamespaceKind::Uts => "uts",
                NamespaceKind::Time => "time",
                NamespaceKind::User => "user",
                NamespaceKind::Mount
                | NamespaceKind::Cgroup
                | NamespaceKind::Network
                | NamespaceKind::Pid => return Err(CheckpointError::Namespace { kind: *kind }),
            };
            to.message(option::JOIN_NS, &pair(name.as_bytes(), path.as_os_str().as_bytes()));
        }
        Ok(())
    }
}

fn write_restore(origin: &Origin<'_>, options: &RestoreOptions, to: &mut Writer) {
    to.text(option::ROOT, origin.staging.as_os_str().as_bytes());
    // The first process becomes our child, not CRIU's, which ends.
    to.flag(option::RST_SIBLING, true);
    to.flag(option::EVASIVE_DEVICES, true);
    if let Some(profile) = &options.lsm_profile {
        to.text(option::LSM_PROFILE, profile.as_bytes());
    }
    if let Some(context) = &options.lsm_mount_context {
        to.text(option::LSM_MOUNT_CONTEXT, context.as_bytes());
    }
    for mount in Outside::of(origin.plan).mounts {
        let (name, source) = (mount.target.as_os_str(), mount.source.as_os_str());
        to.message(option::EXT_MNT, &pair(name.as_bytes(), source.as_bytes()));
    }
}

/// Groups of the images are put below the ones that CRIU is in: those of the new container.
fn write_groups(pid: i32, to: &mut Writer) -> Result<(), CheckpointError> {
    let path = format!("/proc/{pid}/cgroup");
    let text = fs::read_to_string(&path)
        .map_err(|cause| CheckpointError::Image { path: path.into(), cause })?;
    for line in text.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        if let (Some(controllers), Some(group)) = (parts.next(), parts.next()) {
            for controller in controllers.split(',') {
                to.message(option::CG_ROOT, &pair(controller.as_bytes(), group.as_bytes()));
            }
        }
    }
    Ok(())
}
