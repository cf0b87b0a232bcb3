//! Files of a running container's control groups by the kernel's own names: for what has no field of ours. Source: kernel
//! Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst.

use std::path::{Component, Path, PathBuf};

use libcontainer::cgroup::{Hierarchy, Layout};

use crate::containers::Containers;
use crate::error::EngineError;
use crate::life::Container;
use crate::state::Action;

/// The most that is read of one.
const MOST_BYTES: u64 = 1 << 20;

impl Containers<'_> {
    /// What a file of the container's groups says, such as `memory.max`; its first word tells in which hierarchy it is.
    ///
    /// # Errors
    /// When the container does not run, for what is no name, and what the kernel says when it is read.
    pub fn read_group_file(
        &self,
        container: &Container,
        name: &str,
    ) -> Result<Vec<u8>, EngineError> {
        use std::io::Read;
        let path = self.group_file(container, name)?;
        let mut bytes = Vec::new();
        std::fs::File::open(&path)
            .and_then(|file| file.take(MOST_BYTES).read_to_end(&mut bytes))
            .map_err(EngineError::file("read", &path))?;
        Ok(bytes)
    }

    /// Writes a value into a file of the container's groups, and returns once the kernel has it.
    ///
    /// # Errors
    /// As there; values that the kernel does not take.
    pub fn write_group_file(
        &self,
        container: &Container,
        name: &str,
        value: &str,
    ) -> Result<(), EngineError> {
        use std::io::Write;
        let path = self.group_file(container, name)?;
        let opened = std::fs::OpenOptions::new().write(true).open(&path);
        opened
            .and_then(|mut file| file.write_all(value.as_bytes()))
            .map_err(EngineError::file("write", &path))
    }

    fn group_file(&self, container: &Container, name: &str) -> Result<PathBuf, EngineError> {
        container.allow(Action::ListProcesses)?;
        let is_one = Path::new(name).components().eq([Component::Normal(name.as_ref())]);
        if !is_one || !name.contains('.') {
            return Err(EngineError::value("group file", name, "it is no CONTROLLER.FILE"));
        }
        let hierarchy = hierarchy_of(self.engine.layout()?, name).ok_or_else(|| {
            EngineError::value("group file", name, "no hierarchy of this machine has it")
        })?;
        let group = self.engine.group_of_running(container);
        Ok(hierarchy.mount.join(group.trim_start_matches('/')).join(name))
    }
}

/// The hierarchy whose controller a file's name begins with; the tree of version 2 has files of its own.
fn hierarchy_of<'a>(layout: &'a Layout, name: &str) -> Option<&'a Hierarchy> {
    let first = name.split('.').next().unwrap_or_default();
    let controller = if first == "io" { "blkio" } else { first };
    let carries =
        |hierarchy: &&Hierarchy| hierarchy.controllers.iter().any(|own| own.name() == controller);
    let tree = || layout.hierarchies.iter().find(|hierarchy| hierarchy.unified);
    layout.hierarchies.iter().find(carries).or_else(tree)
}
