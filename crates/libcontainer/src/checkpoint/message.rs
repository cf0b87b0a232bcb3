//! What is said to CRIU and what it answers. Field numbers are those of its images/rpc.proto.
//!
//! ```text
//! us                                        criu swrk 3
//! DUMP, PRE_DUMP or RESTORE   --------->    works
//!                             <---------    NOTIFY (script, pid; perhaps a descriptor)     any number of times
//! NOTIFY, success             --------->    goes on
//!                             <---------    the kind that was asked, success or errno
//! ```

use super::protobuf::{Value, Writer, fields};

/// `criu_req_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Dump = 1,
    Restore = 2,
    PreDump = 4,
    Notify = 6,
    FeatureCheck = 9,
    Version = 10,
}

impl Kind {
    /// For messages.
    pub(super) const fn verb(self) -> &'static str {
        match self {
            Self::Dump => "dump",
            Self::Restore => "restore",
            Self::PreDump => "pre-dump",
            Self::Notify => "go on",
            Self::FeatureCheck => "tell its features",
            Self::Version => "tell its version",
        }
    }
}

/// Field numbers of `criu_opts`.
pub(super) mod option {
    pub(in crate::checkpoint) const IMAGES_DIR_FD: u32 = 1;
    pub(in crate::checkpoint) const PID: u32 = 2;
    pub(in crate::checkpoint) const LEAVE_RUNNING: u32 = 3;
    pub(in crate::checkpoint) const EXT_UNIX_SK: u32 = 4;
    pub(in crate::checkpoint) const TCP_ESTABLISHED: u32 = 5;
    pub(in crate::checkpoint) const EVASIVE_DEVICES: u32 = 6;
    pub(in crate::checkpoint) const SHELL_JOB: u32 = 7;
    pub(in crate::checkpoint) const FILE_LOCKS: u32 = 8;
    pub(in crate::checkpoint) const LOG_LEVEL: u32 = 9;
    pub(in crate::checkpoint) const LOG_FILE: u32 = 10;
    pub(in crate::checkpoint) const PAGE_SERVER: u32 = 11;
    pub(in crate::checkpoint) const NOTIFY_SCRIPTS: u32 = 12;
    pub(in crate::checkpoint) const ROOT: u32 = 13;
    pub(in crate::checkpoint) const PARENT_IMG: u32 = 14;
    pub(in crate::checkpoint) const TRACK_MEM: u32 = 15;
    pub(in crate::checkpoint) const AUTO_DEDUP: u32 = 16;
    pub(in crate::checkpoint) const WORK_DIR_FD: u32 = 17;
    pub(in crate::checkpoint) const LINK_REMAP: u32 = 18;
    pub(in crate::checkpoint) const EXT_MNT: u32 = 23;
    pub(in crate::checkpoint) const MANAGE_CGROUPS: u32 = 24;
    pub(in crate::checkpoint) const CG_ROOT: u32 = 25;
    pub(in crate::checkpoint) const RST_SIBLING: u32 = 26;
    pub(in crate::checkpoint) const INHERIT_FD: u32 = 27;
    pub(in crate::checkpoint) const MANAGE_CGROUPS_MODE: u32 = 34;
    pub(in crate::checkpoint) const EXTERNAL: u32 = 37;
    pub(in crate::checkpoint) const EMPTY_NS: u32 = 38;
    pub(in crate::checkpoint) const JOIN_NS: u32 = 39;
    pub(in crate::checkpoint) const FREEZE_CGROUP: u32 = 44;
    pub(in crate::checkpoint) const TCP_SKIP_IN_FLIGHT: u32 = 46;
    pub(in crate::checkpoint) const LAZY_PAGES: u32 = 48;
    pub(in crate::checkpoint) const ORPHAN_PTS_MASTER: u32 = 50;
    pub(in crate::checkpoint) const CONFIG_FILE: u32 = 51;
    pub(in crate::checkpoint) const LSM_PROFILE: u32 = 53;
    pub(in crate::checkpoint) const LSM_MOUNT_CONTEXT: u32 = 63;
}

/// A request with its options.
pub(super) fn request(kind: Kind, options: Option<&Writer>) -> Writer {
    let mut message = Writer::default();
    message.number(1, kind as i32);
    if let Some(options) = options {
        message.message(2, options);
    }
    message
}

/// Asks for the features that a dump may need.
pub(super) fn feature_check() -> Writer {
    let mut features = Writer::default();
    features.number(1, true);
    features.number(2, true);
    let mut message = request(Kind::FeatureCheck, None);
    message.message(5, &features);
    message
}

/// Lets CRIU go on after a notification.
pub(super) fn notified() -> Writer {
    let mut message = request(Kind::Notify, None);
    message.number(3, true);
    message
}

/// Two strings as a message: `ext_mount_map`, `cgroup_root`, `join_namespace`.
pub(super) fn pair(first: &[u8], second: &[u8]) -> Writer {
    let mut message = Writer::default();
    message.text(1, first);
    message.text(2, second);
    message
}

/// A name and a descriptor's number as a message: `inherit_fd`.
pub(super) fn inherited(name: &str, number: u8) -> Writer {
    let mut message = Writer::default();
    message.text(1, name.as_bytes());
    message.number(2, i32::from(number));
    message
}

/// Any answer of CRIU's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Response {
    pub(super) kind: i32,
    pub(super) success: bool,
    /// The restored process.
    pub(super) pid: Option<i32>,
    /// What a notification is about, and the process it is about.
    pub(super) notify: Option<(String, i32)>,
    pub(super) errno: i32,
    pub(super) message: String,
    pub(super) mem_track: bool,
    pub(super) lazy_pages: bool,
    /// Major, minor, sublevel.
    pub(super) version: Option<[i32; 3]>,
}

impl Response {
    /// Nothing where the bytes are no answer.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut response = Self::default();
        for (field, value) in fields(bytes)? {
            match field {
                1 => response.kind = value.int32()?,
                2 => response.success = value == Value::Number(1),
                4 => response.pid = number_in(value, 1),
                5 => {
                    let script = text_in(value, 1).unwrap_or_default();
                    response.notify = Some((script, number_in(value, 2).unwrap_or(0)));
                }
                7 => response.errno = value.int32()?,
                8 => {
                    response.mem_track = number_in(value, 1) == Some(1);
                    response.lazy_pages = number_in(value, 2) == Some(1);
                }
                9 => response.message = String::from_utf8_lossy(value.bytes()?).into_owned(),
                10 => {
                    let part = |field| number_in(value, field).unwrap_or(0);
                    response.version = Some([part(1), part(2), part(4)]);
                }
                _ => {}
            }
        }
        Some(response)
    }

    pub(super) const fn is(&self, kind: Kind) -> bool {
        self.kind == kind as i32
    }
}

fn field_in(message: Value<'_>, field: u64) -> Option<Value<'_>> {
    let found = fields(message.bytes()?)?;
    found.into_iter().find(|(number, _)| *number == field).map(|(_, value)| value)
}

fn number_in(message: Value<'_>, field: u64) -> Option<i32> {
    field_in(message, field)?.int32()
}

fn text_in(message: Value<'_>, field: u64) -> Option<String> {
    Some(String::from_utf8_lossy(field_in(message, field)?.bytes()?).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read() {
        let mut version = Writer::default();
        for (field, value) in [(1, 4), (2, 1), (4, 1)] {
            version.number(field, value);
        }
        let mut message = request(Kind::Version, None);
        message.number(2, true);
        message.message(10, &version);
        let read = Response::read(message.as_bytes()).unwrap();
        assert!(read.is(Kind::Version) && read.success);
        assert_eq!(read.version, Some([4, 1, 1]));

        let mut notify = pair(b"post-restore", b"");
        notify.number(2, 4711);
        let mut message = request(Kind::Notify, None);
        message.message(5, &notify);
        message.number(7, 22);
        message.text(9, b"no");
        let read = Response::read(message.as_bytes()).unwrap();
        assert_eq!(read.notify.as_ref().map(|(script, _)| script.as_str()), Some("post-restore"));
        assert_eq!((read.errno, read.message.as_str(), read.success), (22, "no", false));
    }

    #[test]
    fn a_pid_of_a_notification_is_read() {
        let mut notify = Writer::default();
        notify.text(1, b"setup-namespaces");
        notify.number(2, 4711);
        let mut message = request(Kind::Notify, None);
        message.message(5, &notify);
        let read = Response::read(message.as_bytes()).unwrap();
        assert_eq!(read.notify, Some(("setup-namespaces".to_owned(), 4711)));
    }
}
