//! What there is in the file system: one directory, and a file for each that a container has of its own. Numbers are fixed.

/// Files of the kernel that a container sees its own of, for [`libcontainer::Plan::show`].
pub const LIMIT_FILES: [&str; 13] = [
    "/proc/meminfo",
    "/proc/cpuinfo",
    "/proc/stat",
    "/proc/uptime",
    "/proc/loadavg",
    "/proc/swaps",
    "/proc/diskstats",
    "/proc/slabinfo",
    "/proc/pressure/cpu",
    "/proc/pressure/io",
    "/proc/pressure/memory",
    "/proc/pressure/irq",
    "/sys/devices/system/cpu/online",
];

/// The node of the directory: `FUSE_ROOT_ID`.
pub(super) const DIRECTORY: u64 = 1;
pub(super) const DIRECTORY_MODE: u32 = libc::S_IFDIR | 0o555;
pub(super) const FILE_MODE: u32 = libc::S_IFREG | 0o444;

/// One of the files, in the order of [`LIMIT_FILES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum File {
    Memory,
    Processors,
    Times,
    Uptime,
    Loads,
    Swaps,
    Disks,
    Slabs,
    Pressure(&'static str),
    Online,
}

impl File {
    pub(super) const ALL: [Self; 13] = [
        Self::Memory,
        Self::Processors,
        Self::Times,
        Self::Uptime,
        Self::Loads,
        Self::Swaps,
        Self::Disks,
        Self::Slabs,
        Self::Pressure("cpu"),
        Self::Pressure("io"),
        Self::Pressure("memory"),
        Self::Pressure("irq"),
        Self::Online,
    ];

    /// The file of a node, and where it is among all.
    pub(super) fn of_node(node: u64) -> Option<(usize, Self)> {
        let number = usize::try_from(node.checked_sub(DIRECTORY + 1)?).ok()?;
        Some((number, *Self::ALL.get(number)?))
    }
}

/// Names in the directory: the last word of each path, which no two share.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    LIMIT_FILES.iter().map(|path| path.rsplit('/').next().unwrap_or_default())
}

/// The node of a name.
pub(super) fn node_of(name: &[u8]) -> Option<u64> {
    let number = names().position(|known| known.as_bytes() == name)?;
    Some(DIRECTORY + 1 + number as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_leads_to_its_file() {
        let nodes: Vec<u64> = names().filter_map(|name| node_of(name.as_bytes())).collect();
        assert_eq!(nodes, (2..15).collect::<Vec<u64>>());
        assert_eq!(File::of_node(2), Some((0, File::Memory)));
        assert_eq!(File::of_node(14), Some((12, File::Online)));
        for node in [0, 1, 15, u64::MAX] {
            assert_eq!(File::of_node(node), None);
        }
        for (path, file) in LIMIT_FILES.iter().zip(File::ALL) {
            if let File::Pressure(resource) = file {
                assert_eq!(*path, format!("/proc/pressure/{resource}"));
            }
        }
    }
}
