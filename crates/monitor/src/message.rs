//! What a client and the monitor say to each other, one packet of a sequenced-packet socket each.
//!
//! ```text
//! client                                monitor
//! HandOff(version, streams), its file, perhaps contents, perhaps three streams -->   from whoever started the monitor, in place
//!                                       of the next two
//! Hello(version)        ------------>   (Refused(version) when it is newer, and the end)
//! Attach(streams)       ------------>
//!                       <------------   Started(pid, warnings) | StartFailed(code, text)
//!                       <------------   Stdout(bytes), Stderr(bytes) …
//! Stdin(bytes), StdinEnd ----------->
//! Resize(rows, columns) ------------>
//! Signal(number)        ------------>
//! Terminal(number)      ------------>   in the place of Attach: the console (0), /dev/ttyN, or the first free one (65535)
//!                       <------------   Terminal(number), and what it has shown as Stdout | NotNow: there is none
//!                       <------------   Exited(code, oom)
//!
//! Exec(plan, streams)   ------------>
//!                       <------------   ExecStarted(pid, terminal) | ExecFailed(code, text)
//!                       <------------   ExecExited(code)
//!
//! Freeze                ------------>
//!                       <------------   Frozen | FreezeFailed(code, text)
//! Thaw                  ------------>
//!                       <------------   Thawed
//! Pause                 ------------>   it stands still until somebody resumes it
//!                       <------------   Frozen | FreezeFailed(code, text) | NotNow
//! Resume                ------------>
//!                       <------------   Thawed | NotNow
//!
//! Guard                 ------------>   it is killed when this client leaves
//!
//! Check                 ------------>   its health check runs now
//!                       <------------   Checked(code) | NotNow
//!
//! Hold                  ------------>   it stays down when it ends
//!                       <------------   Held
//! Restarts(policy)      ------------>
//!                       <------------   Held
//! Name(name)            ------------>   what events call it
//!                       <------------   Held
//! Settings(settings)    ------------>   the limits that it has when it is started again
//!                       <------------   Held
//! Networks(networks)    ------------>   the places in networks that it has from now on, all of them
//!                       <------------   Held | NetworksFailed(code, text), and it has those that it had
//! NetworksKept          ------------>   they are written down; of who leaves without it they are not
//! ```
//!
//! Whoever connects later attaches without a `Started`. Only a client that attached for input may write it. The streams of
//! `Exec` travel as descriptors beside it, stdin, stdout, stderr, or none for no streams; with a terminal its master comes
//! back beside `ExecStarted`. Who froze the container holds it so until it says `Thaw` or is gone, whatever ended it. A container that
//! is started again tells `Exited` at each end to those who attached to its streams, and at the last one to everybody. A client
//! that is not read from slows the container down; one that is gone is forgotten.
//!
//! The first byte is the kind. Numbers are in native order: both ends are on one machine. The monitor of an older release is
//! asked by a newer client, so kinds are only ever added, and a monitor leaves a client that says what it does not know.

/// Version in the hello.
pub(crate) const VERSION: u8 = 1;
/// Bytes of a stream in one packet.
pub(crate) const MOST_DATA: usize = 32 * 1024;
/// A whole packet: an exec plan with its system call filter is the largest.
pub(crate) const MOST_PACKET: usize = 256 * 1024;

pub(crate) mod kind {
    //! First bytes.
    pub(crate) const HAND_OFF: u8 = b'P';
    pub(crate) const HELLO: u8 = b'H';
    pub(crate) const ATTACH: u8 = b'A';
    pub(crate) const STDIN: u8 = b'i';
    pub(crate) const STDIN_END: u8 = b'e';
    pub(crate) const RESIZE: u8 = b'w';
    pub(crate) const SIGNAL: u8 = b'k';
    pub(crate) const TERMINAL: u8 = b'y';
    pub(crate) const EXEC: u8 = b'x';
    pub(crate) const FREEZE: u8 = b'z';
    pub(crate) const THAW: u8 = b't';
    pub(crate) const PAUSE: u8 = b'1';
    pub(crate) const RESUME: u8 = b'0';
    pub(crate) const CHECK: u8 = b'c';
    pub(crate) const GUARD: u8 = b'u';
    pub(crate) const HOLD: u8 = b'd';
    pub(crate) const RESTARTS: u8 = b'p';
    pub(crate) const NAME: u8 = b'n';
    pub(crate) const SETTINGS: u8 = b'g';
    pub(crate) const NETWORKS: u8 = b'a';
    pub(crate) const NETWORKS_FAILED: u8 = b'b';
    pub(crate) const NETWORKS_KEPT: u8 = b'l';
    pub(crate) const REFUSED: u8 = b'V';
    pub(crate) const STARTED: u8 = b'S';
    pub(crate) const START_FAILED: u8 = b'F';
    pub(crate) const STDOUT: u8 = b'o';
    pub(crate) const STDERR: u8 = b'r';
    pub(crate) const EXITED: u8 = b'X';
    pub(crate) const EXEC_STARTED: u8 = b'E';
    pub(crate) const EXEC_FAILED: u8 = b'f';
    pub(crate) const EXEC_EXITED: u8 = b'Y';
    pub(crate) const FROZEN: u8 = b'Z';
    pub(crate) const FREEZE_FAILED: u8 = b'q';
    pub(crate) const THAWED: u8 = b'T';
    pub(crate) const HELD: u8 = b'D';
    pub(crate) const NOT_NOW: u8 = b'N';
    pub(crate) const CHECKED: u8 = b'C';
}

/// Bits of [`kind::ATTACH`].
pub(crate) const ATTACH_OUTPUT: u8 = 1;
pub(crate) const ATTACH_INPUT: u8 = 2;
/// Beside them in the hand-off: contents of files travel with it.
pub(crate) const WITH_CONTENTS: u8 = 4;

/// Kind and a number.
pub(crate) fn number(kind: u8, number: i32) -> [u8; 5] {
    let [a, b, c, d] = number.to_ne_bytes();
    [kind, a, b, c, d]
}

/// The number of a packet made by [`number`].
pub(crate) fn read_number(packet: &[u8]) -> Option<i32> {
    packet.get(1..5)?.try_into().ok().map(i32::from_ne_bytes)
}

/// Kind, exit code, and words.
pub(crate) fn failure(kind: u8, code: u8, words: &str) -> Vec<u8> {
    [&[kind, code], words.as_bytes()].concat()
}
