//! Mount options as in fstab(5) and the OCI specification, turned into the kernel's bits. Source: mount(2), mount(8), config.md "Mounts".

/// What a list of options means.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct MountOptions {
    /// MS_… bits that are asked for.
    pub(crate) flags: u64,
    /// MS_… bits that are asked not to be there.
    pub(crate) cleared: u64,
    /// Whether it is a bind mount, and a recursive one.
    pub(crate) bind: Option<Recursive>,
    /// MOUNT_ATTR_… bits for the mount and every one below it.
    pub(crate) tree: Attributes,
    /// Whether its ids are mapped, and those of the mounts below.
    pub(crate) id_map: Option<Recursive>,
    /// MS_SHARED … with or without MS_REC, in order.
    pub(crate) propagation: Vec<u64>,
    /// Copy what the directory held into a new tmpfs.
    pub(crate) copy_up: bool,
    /// Options for the file system, joined by commas.
    pub(crate) data: String,
}

/// MOUNT_ATTR_… bits, see mount_setattr(2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Attributes {
    pub(crate) set: u64,
    pub(crate) clear: u64,
}

/// Whether mounts below are included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recursive {
    Yes,
    No,
}

/// linux/mount.h; libc has it for other systems' libraries only.
const MS_NOSYMFOLLOW: u64 = 0x100;

/// Attributes that have both an MS_ and a MOUNT_ATTR_ form: name, its opposite, both bits.
const ATTRIBUTES: &[(&str, &str, u64, u64)] = &[
    ("ro", "rw", libc::MS_RDONLY, libc::MOUNT_ATTR_RDONLY),
    ("nosuid", "suid", libc::MS_NOSUID, libc::MOUNT_ATTR_NOSUID),
    ("nodev", "dev", libc::MS_NODEV, libc::MOUNT_ATTR_NODEV),
    ("noexec", "exec", libc::MS_NOEXEC, libc::MOUNT_ATTR_NOEXEC),
    ("nosymfollow", "symfollow", MS_NOSYMFOLLOW, libc::MOUNT_ATTR_NOSYMFOLLOW),
    ("nodiratime", "diratime", libc::MS_NODIRATIME, libc::MOUNT_ATTR_NODIRATIME),
];

/// When access times are written: one of these at a time, hence the values of a field and no bits of their own.
const ACCESS_TIMES: &[(&str, &str, u64, u64)] = &[
    ("noatime", "atime", libc::MS_NOATIME, libc::MOUNT_ATTR_NOATIME),
    ("relatime", "norelatime", libc::MS_RELATIME, libc::MOUNT_ATTR_RELATIME),
    ("strictatime", "nostrictatime", libc::MS_STRICTATIME, libc::MOUNT_ATTR_STRICTATIME),
];

const ACCESS_TIME_FLAGS: u64 =
    libc::MS_NOATIME | libc::MS_RELATIME | libc::MS_STRICTATIME | libc::MS_NODIRATIME;

/// Options that only a new file system has: name, bit, and whether it is asked for or asked not to be there.
const FLAGS: &[(&str, u64, bool)] = &[
    ("sync", libc::MS_SYNCHRONOUS, true),
    ("async", libc::MS_SYNCHRONOUS, false),
    ("dirsync", libc::MS_DIRSYNC, true),
    ("mand", libc::MS_MANDLOCK, true),
    ("nomand", libc::MS_MANDLOCK, false),
    ("lazytime", libc::MS_LAZYTIME, true),
    ("nolazytime", libc::MS_LAZYTIME, false),
    ("silent", libc::MS_SILENT, true),
    ("loud", libc::MS_SILENT, false),
    ("iversion", libc::MS_I_VERSION, true),
    ("noiversion", libc::MS_I_VERSION, false),
    ("remount", libc::MS_REMOUNT, true),
    ("defaults", 0, true),
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

/// Every option that is not left to the file system.
pub(crate) fn names() -> Vec<String> {
    let attributes = ATTRIBUTES.iter().chain(ACCESS_TIMES);
    let attributes = attributes.flat_map(|(yes, no, _, _)| [*yes, *no]);
    let recursive = attributes.clone().map(|name| format!("r{name}"));
    let others = FLAGS.iter().map(|(name, _, _)| *name);
    let others = others.chain(PROPAGATION.iter().map(|(name, _)| *name));
    let mut names: Vec<String> = attributes
        .chain(others)
        .chain(["bind", "rbind", "idmap", "ridmap", "tmpcopyup"])
        .map(str::to_owned)
        .chain(recursive)
        .collect();
    names.sort_unstable();
    names
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
    /// The attributes of a bind mount by itself, and those that it loses unless the kernel holds on to them.
    ///
    /// As mount(8) does: without any option a bind mount keeps what its source has; with one it has what is listed, and
    /// nothing else of its source. Access times stay as they are unless one of them is asked for.
    pub(crate) fn of_bind(&self) -> (Attributes, u64) {
        let mut own = Attributes::default();
        let mut all = 0;
        for (_, _, flag, attribute) in
            ATTRIBUTES.iter().filter(|row| row.2 & ACCESS_TIME_FLAGS == 0)
        {
            all |= attribute;
            own.set |= if self.flags & flag == 0 { 0 } else { *attribute };
            own.clear |= if self.cleared & flag == 0 { 0 } else { *attribute };
        }
        if self.flags & ACCESS_TIME_FLAGS != 0 {
            own.clear |= libc::MOUNT_ATTR__ATIME | libc::MOUNT_ATTR_NODIRATIME;
            own.set |= self.access_time();
        }
        let asked = self.flags & !libc::MS_REMOUNT != 0 || self.cleared != 0;
        let unless_locked = if asked { all & !own.set & !own.clear } else { 0 };
        (own, unless_locked)
    }

    /// Whether its flags are attributes of one mount, and none of them the file system's.
    pub(crate) fn is_of_mounts(&self) -> bool {
        let known = ATTRIBUTES.iter().chain(ACCESS_TIMES).fold(0, |all, row| all | row.2);
        (self.flags | self.cleared) & !known == 0
    }

    /// In the order in which mount(2) looks at the flags.
    fn access_time(&self) -> u64 {
        let has = |flag: u64| self.flags & flag != 0;
        let directories = if has(libc::MS_NODIRATIME) { libc::MOUNT_ATTR_NODIRATIME } else { 0 };
        let files = if has(libc::MS_STRICTATIME) {
            libc::MOUNT_ATTR_STRICTATIME
        } else if has(libc::MS_NOATIME) {
            libc::MOUNT_ATTR_NOATIME
        } else {
            libc::MOUNT_ATTR_RELATIME
        };
        directories | files
    }

    fn take(&mut self, option: &str) -> bool {
        match option {
            "bind" => self.bind = Some(self.bind.unwrap_or(Recursive::No)),
            "rbind" => self.bind = Some(Recursive::Yes),
            "tmpcopyup" => self.copy_up = true,
            "idmap" => self.id_map = Some(Recursive::No),
            "ridmap" => self.id_map = Some(Recursive::Yes),
            _ => {
                return self.take_propagation(option)
                    || self.take_flag(option)
                    || self.take_recursive(option);
            }
        }
        true
    }

    fn take_propagation(&mut self, option: &str) -> bool {
        let known = propagation(option);
        self.propagation.extend(known);
        known.is_some()
    }

    fn take_flag(&mut self, option: &str) -> bool {
        let (flag, asked) = match (attribute(option), FLAGS.iter().find(|row| row.0 == option)) {
            (Some((yes, _, flag, _)), _) => (*flag, *yes == option),
            (None, Some((_, flag, asked))) => (*flag, *asked),
            (None, None) => return false,
        };
        if asked {
            self.flags |= flag;
            self.cleared &= !flag;
        } else {
            self.flags &= !flag;
            self.cleared |= flag;
        }
        true
    }

    /// `rro` is `ro` for the whole tree. Clearing one access time leaves the kernel's default, `relatime`.
    fn take_recursive(&mut self, option: &str) -> bool {
        let Some((bare, row)) =
            option.strip_prefix('r').and_then(|bare| Some((bare, attribute(bare)?)))
        else {
            return false;
        };
        let (yes, _, flag, bit) = *row;
        let is_access_time = flag & (ACCESS_TIME_FLAGS & !libc::MS_NODIRATIME) != 0;
        let mask = if is_access_time { libc::MOUNT_ATTR__ATIME } else { bit };
        self.tree.set &= !mask;
        self.tree.clear |= mask;
        if yes == bare {
            self.tree.set |= bit;
            // The field must be cleared together with being set: mount_setattr(2), "MOUNT_ATTR__ATIME".
            self.tree.clear &= if is_access_time { u64::MAX } else { !bit };
        }
        true
    }
}

fn attribute(name: &str) -> Option<&'static (&'static str, &'static str, u64, u64)> {
    ATTRIBUTES.iter().chain(ACCESS_TIMES).find(|(yes, no, _, _)| name == *yes || name == *no)
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
        assert_eq!(bind.bind, Some(Recursive::Yes));
        assert_eq!(bind.propagation, [libc::MS_PRIVATE | libc::MS_REC]);
        assert_eq!(of("ro,rw").flags, 0);
        assert_eq!(of("relatime").flags, libc::MS_RELATIME);
        assert_eq!(
            (of("idmap").id_map, of("ridmap").id_map),
            (Some(Recursive::No), Some(Recursive::Yes))
        );
        assert_eq!(of("remount,defaults").flags, libc::MS_REMOUNT);
    }

    /// Every option that the specification says a runtime must know is one, and no option of a file system.
    #[test]
    fn no_option_of_the_specification_is_left_to_the_file_system() {
        let all = "async atime bind defaults dev diratime dirsync exec iversion lazytime loud mand noatime nodev nodiratime \
                   noexec noiversion nolazytime nomand norelatime nostrictatime nosuid nosymfollow private ratime rbind rdev \
                   rdiratime relatime remount rexec rnoatime rnodiratime rnoexec rnorelatime rnostrictatime rnosuid \
                   rnosymfollow ro rprivate rrelatime rro rrw rshared rslave rstrictatime rsuid rsymfollow runbindable rw \
                   shared silent slave strictatime suid symfollow sync tmpcopyup unbindable idmap ridmap rnodev";
        for option in all.split_whitespace() {
            assert_eq!(of(option).data, "", "{option}");
        }
    }

    #[test]
    fn a_bind_has_what_is_listed_and_keeps_its_source_where_nothing_is() {
        assert_eq!(of("rbind").of_bind(), (Attributes::default(), 0));
        let lost = libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV | libc::MOUNT_ATTR_NOEXEC;
        let (own, unless_locked) = of("bind,ro,symfollow").of_bind();
        let expected =
            Attributes { set: libc::MOUNT_ATTR_RDONLY, clear: libc::MOUNT_ATTR_NOSYMFOLLOW };
        assert_eq!((own, unless_locked), (expected, lost));
        // An access time is the value of a field, and one that is only cleared changes nothing.
        let (own, _) = of("bind,noatime").of_bind();
        assert_eq!(own.set, libc::MOUNT_ATTR_NOATIME);
        assert_eq!(own.clear, libc::MOUNT_ATTR__ATIME | libc::MOUNT_ATTR_NODIRATIME);
        assert_eq!(of("bind,atime").of_bind().0, Attributes::default());
        assert_eq!(of("bind,nodiratime").of_bind().0.set, libc::MOUNT_ATTR_NODIRATIME);
    }

    #[test]
    fn attributes_of_the_tree_stand_apart() {
        let both = of("rbind,ro,rnosuid,rdev");
        let expected = Attributes { set: libc::MOUNT_ATTR_NOSUID, clear: libc::MOUNT_ATTR_NODEV };
        assert_eq!((both.of_bind().0.set, both.tree), (libc::MOUNT_ATTR_RDONLY, expected));
        for (option, value) in [
            ("rnoatime", libc::MOUNT_ATTR_NOATIME),
            ("rstrictatime", libc::MOUNT_ATTR_STRICTATIME),
            ("rrelatime", 0),
            ("ratime", 0),
            ("rnostrictatime", 0),
            ("rnorelatime", 0),
        ] {
            let expected = Attributes { set: value, clear: libc::MOUNT_ATTR__ATIME };
            assert_eq!(of(option).tree, expected, "{option}");
        }
        assert_eq!(of("rro,rrw").tree, Attributes { set: 0, clear: libc::MOUNT_ATTR_RDONLY });
        assert_eq!(of("rrw,rro").tree, Attributes { set: libc::MOUNT_ATTR_RDONLY, clear: 0 });
    }
}
