//! Which file systems are mounted in the kernel's place, and with which options: a pure reading of the arguments of mount(2). What is not
//! named here is refused with EPERM, as the kernel refuses all of it. Sources: mount(2), tmpfs(5), kernel filesystems/devpts.rst.

use rustix::mount::MountAttrFlags;
use sys::Errno;

/// A page of memory, which both limits of a tmpfs count by.
const PAGE: u64 = 4096;

/// Most terminals of one file system; the kernel keeps as many for all of its own, `kernel.pty.reserve`.
const MOST_TERMINALS: u64 = 1024;

/// `MS_MGC_VAL`, which programs of old put into the upper half, and its mask.
const MAGIC: (u64, u64) = (0xc0ed_0000, 0xffff_0000);

/// Numbers of the kernel's own file systems, linux/magic.h: proc, sysfs, both cgroups, devpts, mqueue, and those of a machine's.
const PROC: u64 = 0x9fa0;
const SYSFS: u64 = 0x6265_6572;
const CGROUP2: u64 = 0x6367_7270;
const MQUEUE: u64 = 0x1980_0202;
const OF_THE_KERNEL: [u64; 15] = [
    PROC,
    SYSFS,
    CGROUP2,
    MQUEUE,
    0x0027_e0eb, // cgroup
    0x1cd1,      // devpts
    0x6462_6720, // debugfs
    0x7472_6163, // tracefs
    0x7363_6673, // securityfs
    0xcafe_4a11, // bpf
    0x4249_4e4d, // binfmt_misc
    0x6e73_6673, // nsfs
    0xde5e_81e4, // efivarfs
    0xf97c_ff8c, // selinuxfs
    0x6265_6570, // configfs
];

/// Whether nothing is mounted in there: what the kernel, or whoever runs the container, reads there is the kernel's.
pub(super) fn is_the_kernels(number: u64) -> bool {
    OF_THE_KERNEL.contains(&number)
}

/// A file system that harms nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Files in memory, which are charged to the container that writes them.
    Tmpfs,
    /// Terminals of its own.
    Devpts,
    /// A copy of a mount that the container has, with all that covers it: the number of its file system, and where it is.
    Copy(u64, &'static [&'static str]),
}

impl Kind {
    pub(super) fn named(name: &[u8]) -> Result<Self, Errno> {
        Ok(match name {
            b"tmpfs" => Self::Tmpfs,
            b"devpts" => Self::Devpts,
            b"proc" => Self::Copy(PROC, &["/proc"]),
            b"sysfs" => Self::Copy(SYSFS, &["/sys"]),
            b"mqueue" => Self::Copy(MQUEUE, &["/dev/mqueue"]),
            b"cgroup2" => Self::Copy(CGROUP2, &["/sys/fs/cgroup", "/sys/fs/cgroup/unified"]),
            _ => return Err(refused()),
        })
    }

    /// The options as the kernel is given them: no more than `memory` bytes, and no fewer limits than there would be.
    pub(super) fn options(self, text: &str, memory: u64) -> Result<Vec<Setting>, Errno> {
        let words = text.split(',').filter(|word| !word.is_empty());
        let mut words = words.map(|word| word.split_once('=').unwrap_or((word, "")));
        match self {
            Self::Tmpfs => tmpfs(words, memory),
            Self::Devpts => devpts(words),
            Self::Copy(CGROUP2, _) => words
                .try_for_each(|(name, value)| match name {
                    // Outside of the first namespace the kernel does not heed them either, kernel admin-guide/cgroup-v2.rst.
                    "nsdelegate" | "memory_recursiveprot" if value.is_empty() => Ok(()),
                    _ => Err(refused()),
                })
                .map(|()| Vec::new()),
            Self::Copy(..) if words.count() == 0 => Ok(Vec::new()),
            Self::Copy(..) => Err(refused()),
        }
    }

    /// Attributes of a mount whatever was asked for.
    pub(super) fn always(self) -> MountAttrFlags {
        let both = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NOEXEC;
        match self {
            // Its nodes are terminals, and nobody can make others.
            Self::Devpts => both,
            Self::Tmpfs | Self::Copy(..) => both | MountAttrFlags::MOUNT_ATTR_NODEV,
        }
    }
}

/// Name and value of an option.
pub(super) type Setting = (&'static str, String);

fn refused() -> Errno {
    Errno::from_raw(libc::EPERM)
}

fn invalid() -> Errno {
    Errno::from_raw(libc::EINVAL)
}

fn tmpfs<'a>(
    words: impl Iterator<Item = (&'a str, &'a str)>,
    memory: u64,
) -> Result<Vec<Setting>, Errno> {
    // The kernel's own defaults are half of the machine's memory, and a file for each page of it.
    let (mut bytes, mut inodes) = (memory / 2, memory / 2 / PAGE);
    let most_inodes = memory / PAGE;
    let mut settings = Vec::new();
    for (name, value) in words {
        match name {
            // 0 is no limit.
            "size" => bytes = limit(size(value, memory)?, memory),
            "nr_inodes" => inodes = limit(size(value, most_inodes)?, most_inodes),
            "mode" => settings.push(("mode", mode(value, 0o1777)?)),
            "uid" => settings.push(("uid", number(value)?.to_string())),
            "gid" => settings.push(("gid", number(value)?.to_string())),
            _ => return Err(refused()),
        }
    }
    settings.push(("size", bytes.to_string()));
    settings.push(("nr_inodes", inodes.to_string()));
    Ok(settings)
}

fn devpts<'a>(words: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Vec<Setting>, Errno> {
    let mut most = MOST_TERMINALS;
    let mut settings = Vec::new();
    for (name, value) in words {
        match name {
            // Each is, since Linux 4.7.
            "newinstance" if value.is_empty() => {}
            "mode" => settings.push(("mode", mode(value, 0o777)?)),
            "ptmxmode" => settings.push(("ptmxmode", mode(value, 0o777)?)),
            "uid" => settings.push(("uid", number(value)?.to_string())),
            "gid" => settings.push(("gid", number(value)?.to_string())),
            "max" => most = number(value)?.into(),
            _ => return Err(refused()),
        }
    }
    settings.push(("max", most.min(MOST_TERMINALS).to_string()));
    Ok(settings)
}

fn limit(asked: u64, most: u64) -> u64 {
    if asked == 0 { most } else { asked.min(most) }
}

fn number(text: &str) -> Result<u32, Errno> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number).ok_or_else(invalid)
}

fn mode(text: &str, most: u32) -> Result<String, Errno> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let mode = u32::from_str_radix(text, 8).ok().filter(|_| is_number).ok_or_else(invalid)?;
    if mode & !most == 0 { Ok(format!("{mode:o}")) } else { Err(invalid()) }
}

/// A number with k, m or g behind it, or a part of `whole` in hundredths.
fn size(text: &str, whole: u64) -> Result<u64, Errno> {
    let (digits, factor) = match text.split_at_checked(text.len().saturating_sub(1)) {
        Some((digits, "%")) => {
            let hundredths = u64::from(number(digits)?);
            return Ok((whole / 100).saturating_mul(hundredths).max(1));
        }
        Some((digits, "k" | "K")) => (digits, 1 << 10),
        Some((digits, "m" | "M")) => (digits, 1 << 20),
        Some((digits, "g" | "G")) => (digits, 1 << 30),
        _ => (text, 1),
    };
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    let number: u64 = digits.parse().ok().filter(|_| is_number).ok_or_else(invalid)?;
    Ok(number.saturating_mul(factor))
}

/// The attributes that the flags of mount(2) ask for.
pub(super) fn attributes(flags: u64) -> Result<MountAttrFlags, Errno> {
    let flags = if flags & MAGIC.1 == MAGIC.0 { flags & !MAGIC.1 } else { flags };
    // Whether the kernel says something in its log.
    let mut left = flags & !libc::MS_SILENT;
    let mut attributes = MountAttrFlags::empty();
    for (flag, attribute) in [
        (libc::MS_RDONLY, MountAttrFlags::MOUNT_ATTR_RDONLY),
        (libc::MS_NOSUID, MountAttrFlags::MOUNT_ATTR_NOSUID),
        (libc::MS_NODEV, MountAttrFlags::MOUNT_ATTR_NODEV),
        (libc::MS_NOEXEC, MountAttrFlags::MOUNT_ATTR_NOEXEC),
        (libc::MS_NODIRATIME, MountAttrFlags::MOUNT_ATTR_NODIRATIME),
        (libc::MS_RELATIME, MountAttrFlags::MOUNT_ATTR_RELATIME),
        (libc::MS_STRICTATIME, MountAttrFlags::MOUNT_ATTR_STRICTATIME),
        (libc::MS_NOATIME, MountAttrFlags::MOUNT_ATTR_NOATIME),
    ] {
        if left & flag != 0 {
            left &= !flag;
            attributes |= attribute;
        }
    }
    // Two of them are values of one field, of which the kernel takes one: mount(2) lets MS_STRICTATIME win.
    if attributes.contains(MountAttrFlags::MOUNT_ATTR_STRICTATIME) {
        attributes -= MountAttrFlags::MOUNT_ATTR_NOATIME;
    }
    if left == 0 { Ok(attributes) } else { Err(refused()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(kind: &str, text: &str) -> Result<String, i32> {
        let kind = Kind::named(kind.as_bytes()).map_err(Errno::raw)?;
        let settings = kind.options(text, 1 << 20).map_err(Errno::raw)?;
        let words = settings.iter().map(|(name, value)| format!("{name}={value}"));
        Ok(words.collect::<Vec<_>>().join(","))
    }

    #[test]
    fn no_option_makes_a_limit_larger() {
        for (text, expected) in [
            ("", "size=524288,nr_inodes=128"),
            ("size=64k,mode=0755,uid=1,gid=2", "mode=755,uid=1,gid=2,size=65536,nr_inodes=128"),
            ("size=0,nr_inodes=0", "size=1048576,nr_inodes=256"),
            ("size=9g,nr_inodes=800k", "size=1048576,nr_inodes=256"),
            ("size=18446744073709551615g", "size=1048576,nr_inodes=128"),
            ("size=10%,nr_inodes=5", "size=104850,nr_inodes=5"),
            ("size=1k,size=2k", "size=2048,nr_inodes=128"),
        ] {
            assert_eq!(options("tmpfs", text).as_deref(), Ok(expected), "{text}");
        }
        let terminals = options("devpts", "newinstance,ptmxmode=0666,mode=620,gid=5,max=99999");
        assert_eq!(terminals.as_deref(), Ok("ptmxmode=666,mode=620,gid=5,max=1024"));
        assert_eq!(options("cgroup2", "nsdelegate,memory_recursiveprot").as_deref(), Ok(""));
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for (kind, text) in [
            ("ext4", ""),
            ("cgroup", "memory"),
            ("overlay", "lowerdir=/,upperdir=/tmp,workdir=/tmp"),
            ("tmpf", ""),
            ("tmpfs ", ""),
            ("tmpfs", "huge=always"),
            ("tmpfs", "context=x"),
            ("tmpfs", "nr_blocks=9"),
            ("tmpfs", "mpol=bind:0"),
            ("proc", "hidepid=0"),
            ("proc", "gid=0"),
            ("sysfs", "x"),
            ("mqueue", "x"),
            ("cgroup2", "favordynmods"),
        ] {
            assert_eq!(options(kind, text), Err(libc::EPERM), "{kind} {text}");
        }
        for text in
            ["mode=4755", "mode=+7", "mode=9", "uid=-1", "uid=+1", "size=", "size=1t", "size=%"]
        {
            assert_eq!(options("tmpfs", text), Err(libc::EINVAL), "{text}");
        }
    }

    #[test]
    fn flags_are_those_of_a_mount_and_no_other_operation() {
        let asked = attributes(libc::MS_RDONLY | libc::MS_NOATIME | 0xc0ed_0000).unwrap();
        let expected = MountAttrFlags::MOUNT_ATTR_RDONLY | MountAttrFlags::MOUNT_ATTR_NOATIME;
        assert_eq!(asked, expected);
        for flag in [
            libc::MS_BIND,
            libc::MS_REMOUNT,
            libc::MS_MOVE,
            libc::MS_REC,
            libc::MS_SHARED,
            libc::MS_PRIVATE,
            libc::MS_SLAVE,
            libc::MS_UNBINDABLE,
            libc::MS_SYNCHRONOUS,
            libc::MS_MANDLOCK,
            1 << 29,
            1 << 40,
        ] {
            assert!(attributes(flag).is_err(), "{flag:#x}");
        }
    }
}
