//! Mount options as in fstab(5) and the OCI specification, turned into the kernel's bits. Source: mount(2), mount(8), config.md "Mounts".

/// What a list of options means.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct MountOptions {
    /// MS_… bits for a new file system.
    pub(crate) flags: u64,
    /// Whether it is a bind mount, and a recursive one.
    pub(crate) bind: Option<Recursive>,
    /// MOUNT_ATTR_… bits to set on a bind mount.
    pub(crate) set: u64,
    /// MOUNT_ATTR_… bits to clear.
    pub(crate) clear: u64,
    /// Whether the attributes reach the mounts below.
    pub(crate) set_recursive: bool,
    /// MS_SHARED … with or without MS_REC, in order.
    pub(crate) propagation: Vec<u64>,
    /// Copy what the directory held into a new tmpfs.
    pub(crate) copy_up: bool,
    /// Options for the file system, joined by commas.
    pub(crate) data: String,
}

/// Whether mounts below are included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recursive {
    Yes,
    No,
}

/// Attributes that have both an MS_ and a MOUNT_ATTR_ form: name, its opposite, both bits.
const ATTRIBUTES: &[(&str, &str, u64, u64)] = &[
    ("ro", "rw", libc::MS_RDONLY, libc::MOUNT_ATTR_RDONLY),
    ("nosuid", "suid", libc::MS_NOSUID, libc::MOUNT_ATTR_NOSUID),
    ("nodev", "dev", libc::MS_NODEV, libc::MOUNT_ATTR_NODEV),
    ("noexec", "exec", libc::MS_NOEXEC, libc::MOUNT_ATTR_NOEXEC),
    ("noatime", "atime", libc::MS_NOATIME, libc::MOUNT_ATTR_NOATIME),
    ("nodiratime", "diratime", libc::MS_NODIRATIME, libc::MOUNT_ATTR_NODIRATIME),
    ("strictatime", "nostrictatime", libc::MS_STRICTATIME, libc::MOUNT_ATTR_STRICTATIME),
    ("relatime", "norelatime", libc::MS_RELATIME, 0),
    ("nosymfollow", "symfollow", 0x100, libc::MOUNT_ATTR_NOSYMFOLLOW),
];

/// Options that only a new file system has: name and bits to set; an unset form clears nothing we ever set.
const FLAGS: &[(&str, u64)] = &[
    ("sync", libc::MS_SYNCHRONOUS),
    ("async", 0),
    ("dirsync", libc::MS_DIRSYNC),
    ("mand", libc::MS_MANDLOCK),
    ("nomand", 0),
    ("lazytime", libc::MS_LAZYTIME),
    ("nolazytime", 0),
    ("silent", libc::MS_SILENT),
    ("loud", 0),
    ("iversion", libc::MS_I_VERSION),
    ("noiversion", 0),
    ("defaults", 0),
];

const PROPAGATION: &[(&str, u64)] = &[
    ("private", libc::MS_PRIVATE),
    ("slave", libc::MS_SLAVE),
    ("shared", libc::MS_SHARED),
    ("unbindable", libc::MS_UNBINDABLE),
    ("rprivate", libc::MS_PRIVATE | libc::MS_REC),
    ("rslave", libc::MS_SLAVE | libc::MS_REC),
    ("rshared", libc::MS_SHARED | libc::MS_REC),
    ("runbindable", libc::MS_UNBINDABLE | libc::MS_REC),
];

/// The bits of a propagation by its name.
pub(crate) fn propagation(name: &str) -> Option<u64> {
    PROPAGATION.iter().find(|(known, _)| *known == name).map(|(_, bits)| *bits)
}

/// Reads a list of options. What is unknown goes to the file system, as mount(8) does.
pub(crate) fn parse(options: &[String]) -> MountOptions {
    let mut parsed = MountOptions::default();
    let mut data: Vec<&str> = Vec::new();
    for option in options {
        if !parsed.take(option) {
            data.push(option);
        }
    }
    parsed.data = data.join(",");
    parsed
}

impl MountOptions {
    fn take(&mut self, option: &str) -> bool {
        match option {
            "bind" => self.bind = Some(self.bind.unwrap_or(Recursive::No)),
            "rbind" => self.bind = Some(Recursive::Yes),
            "tmpcopyup" => self.copy_up = true,
            _ => return self.take_attribute(option) || self.take_flag(option),
        }
        true
    }

    /// `ro`, and `rro` for the whole tree.
    fn take_attribute(&mut self, option: &str) -> bool {
        let bare = option
            .strip_prefix('r')
            .filter(|bare| !matches!(option, "ro" | "rw" | "relatime") && is_attribute(bare));
        let name = bare.unwrap_or(option);
        for (yes, no, flag, attribute) in ATTRIBUTES {
            if name == *yes {
                self.flags |= flag;
                self.set |= attribute;
                self.clear &= !attribute;
            } else if name == *no {
                self.flags &= !flag;
                self.set &= !attribute;
                self.clear |= attribute;
            } else {
                continue;
            }
            self.set_recursive |= bare.is_some();
            return true;
        }
        false
    }

    fn take_flag(&mut self, option: &str) -> bool {
        if let Some(bits) = propagation(option) {
            self.propagation.push(bits);
            return true;
        }
        let known = FLAGS.iter().find(|(name, _)| *name == option);
        self.flags |= known.map_or(0, |(_, bits)| *bits);
        known.is_some()
    }
}

fn is_attribute(name: &str) -> bool {
    ATTRIBUTES.iter().any(|(yes, no, _, _)| name == *yes || name == *no)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> MountOptions {
        parse(&text.split(',').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn options_become_bits() {
        let tmpfs = of("nosuid,strictatime,mode=755,size=65536k");
        assert_eq!(
            (tmpfs.flags, tmpfs.data.as_str()),
            (libc::MS_NOSUID | libc::MS_STRICTATIME, "mode=755,size=65536k")
        );
        let bind = of("rbind,rprivate,ro");
        assert_eq!(
            (bind.bind, bind.set, bind.set_recursive),
            (Some(Recursive::Yes), libc::MOUNT_ATTR_RDONLY, false)
        );
        assert_eq!(bind.propagation, [libc::MS_PRIVATE | libc::MS_REC]);
        assert!(of("rbind,rro").set_recursive);
        assert_eq!(of("ro,rw").set, 0);
        assert_eq!(of("relatime").flags, libc::MS_RELATIME);
    }
}
