//! Device nodes and links in the container's `/dev`, and nodes elsewhere in its root.
//!
//! Runs in the child: nothing here allocates. Sources: mknod(2), user_namespaces(7), config-linux.md "Default Devices".

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, Stat, chownat, fstat, mkdirat, mknodat, open, openat, statat,
    symlinkat,
};
use rustix::io::Errno as Raw;
use rustix::mount::{OpenTreeFlags, open_tree};
use rustix::process::{Gid, Uid};
use sys::{Errno, open_in_root};

use crate::prepared::Node;
use crate::rootfs::{Root, attach_to};
use crate::target::DIRECTORY;

impl Root {
    /// Fills `/dev`, which an earlier step has usually mounted empty, so that nobody's link can stand in the way.
    pub(crate) fn devices(
        &self,
        nodes: &[Node],
        links: &[(CString, CString)],
        elsewhere: &[Node],
    ) -> Result<(), Errno> {
        let open = || open_in_root(self.directory(), c"dev", DIRECTORY, Mode::empty());
        let dev = match open() {
            Err(errno) if errno.raw() == libc::ENOENT => {
                mkdirat(self.directory(), c"dev", Mode::from_raw_mode(0o755))?;
                open()?
            }
            opened => opened?,
        };
        let dev = Self::below(dev);
        // The modes of the nodes are what the plan says.
        let umask = rustix::process::umask(Mode::empty());
        let outcome = nodes
            .iter()
            .try_for_each(|node| dev.device(node))
            .and_then(|()| elsewhere.iter().try_for_each(|node| self.device(node)));
        rustix::process::umask(umask);
        outcome?;
        links.iter().try_for_each(|(name, to)| dev.link(name, to))
    }

    /// A link that an image has is left as it is.
    fn link(&self, name: &CStr, to: &CStr) -> Result<(), Errno> {
        match symlinkat(to, self.directory(), name) {
            Ok(()) | Err(Raw::EXIST) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    fn device(&self, node: &Node) -> Result<(), Errno> {
        let (parent, name) = self.make_parent(node.path.as_c_str())?;
        let parent = parent.as_ref().map_or(self.directory(), OwnedFd::as_fd);
        match mknodat(parent, name, node.kind, Mode::from_raw_mode(node.mode), node.device) {
            // In a user namespace no node can be made, but the host's can be bound.
            Err(Raw::PERM) if node.kind != FileType::Fifo => {
                return bind_host_device(node, parent, name);
            }
            Err(Raw::EXIST) => {
                let there = statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
                return if is_node(&there, node) { Ok(()) } else { Err(Raw::EXIST.into()) };
            }
            done => done?,
        }
        if node.uid != 0 || node.gid != 0 {
            let (uid, gid) = (Uid::from_raw(node.uid), Gid::from_raw(node.gid));
            chownat(parent, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
        }
        Ok(())
    }
}

fn is_node(stat: &Stat, node: &Node) -> bool {
    FileType::from_raw_mode(stat.st_mode) == node.kind
        && (node.kind == FileType::Fifo || stat.st_rdev == node.device)
}

fn bind_host_device(node: &Node, parent: BorrowedFd<'_>, name: &CStr) -> Result<(), Errno> {
    const HERE: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
    let from = open(node.host.as_c_str(), HERE, Mode::empty())?;
    if !is_node(&fstat(&from)?, node) {
        return Err(Errno::from_raw(libc::ENODEV));
    }
    match mknodat(parent, name, FileType::RegularFile, Mode::from_raw_mode(0o644), 0) {
        Ok(()) | Err(Raw::EXIST) => {}
        Err(errno) => return Err(errno.into()),
    }
    let at = openat(parent, name, HERE, Mode::empty())?;
    if FileType::from_raw_mode(fstat(&at)?.st_mode) == FileType::Symlink {
        return Err(Errno::from_raw(libc::ELOOP));
    }
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_EMPTY_PATH;
    attach_to(open_tree(&from, c"", flags)?.as_fd(), at.as_fd())
}
