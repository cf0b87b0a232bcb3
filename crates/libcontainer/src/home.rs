//! HOME of a process that was given none: the home directory of its user, as the container's own `/etc/passwd` says.
//!
//! Runs in the child: nothing here allocates. The file is the image's, so it is opened without leaving the root, without waiting
//! at a pipe, and read up to a limit. Source: passwd(5).

use rustix::fs::{FileType, Mode, OFlags, fstat};
use sys::{CStringArray, open_in_root};

use crate::rootfs::Root;

/// Where a user lives who is not in the file.
const NOWHERE: &[u8] = b"/";
/// Longer lines are passed over.
const LONGEST_LINE: usize = 4096;
/// Of a longer file the rest is not looked at.
const LONGEST_FILE: usize = 16 * 1024 * 1024;
/// The longest path of a home directory, PATH_MAX.
pub(crate) const LONGEST: usize = 4096;

/// Completes the environment's last string, `HOME=`.
pub(crate) fn complete(environment: &CStringArray, uid: u32) {
    let found = Root::here().is_ok_and(|root| look_up(&root, uid, environment));
    let _complete = found || environment.write_end(NOWHERE);
}

fn look_up(root: &Root, uid: u32, environment: &CStringArray) -> bool {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let Ok(file) = open_in_root(root.directory(), c"etc/passwd", flags, Mode::empty()) else {
        return false;
    };
    if !fstat(&file).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode).is_file()) {
        return false;
    }
    let mut lines = Lines::default();
    let mut chunk = [0; 4096];
    let mut left = LONGEST_FILE;
    loop {
        let length = match rustix::io::read(&file, &mut chunk) {
            Ok(0) => return lines.end(|line| take(line, uid, environment)),
            Ok(length) => length,
            Err(rustix::io::Errno::INTR) => continue,
            Err(_) => return false,
        };
        if lines.feed(&chunk[..length], |line| take(line, uid, environment)) {
            return true;
        }
        left = left.saturating_sub(length);
        if left == 0 {
            return false;
        }
    }
}

fn take(line: &[u8], uid: u32, environment: &CStringArray) -> bool {
    home_of(line, uid).is_some_and(|home| environment.write_end(home))
}

/// The sixth field of a line whose third is `uid`.
fn home_of(line: &[u8], uid: u32) -> Option<&[u8]> {
    let mut fields = line.split(|byte| *byte == b':');
    let number = std::str::from_utf8(fields.nth(2)?).ok()?.parse::<u32>().ok()?;
    fields.nth(2).filter(|_| number == uid)
}

/// Cuts what is read into lines.
struct Lines {
    line: [u8; LONGEST_LINE],
    length: usize,
    /// Whether the line is longer than there is room.
    overlong: bool,
}

impl Default for Lines {
    fn default() -> Self {
        Self { line: [0; LONGEST_LINE], length: 0, overlong: false }
    }
}

impl Lines {
    /// Gives each line that ends here to `take`, until one is taken.
    fn feed(&mut self, bytes: &[u8], take: impl Fn(&[u8]) -> bool) -> bool {
        for byte in bytes {
            if *byte == b'\n' {
                if self.end(&take) {
                    return true;
                }
            } else if let Some(place) = self.line.get_mut(self.length) {
                *place = *byte;
                self.length += 1;
            } else {
                self.overlong = true;
            }
        }
        false
    }

    fn end(&mut self, take: impl Fn(&[u8]) -> bool) -> bool {
        let taken = !self.overlong && take(&self.line[..self.length]);
        (self.length, self.overlong) = (0, false);
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_a_home() {
        let line = b"user:x:1000:100:A User:/home/user:/bin/sh";
        assert_eq!(home_of(line, 1000), Some(&b"/home/user"[..]));
        for (line, uid) in [
            (&line[..], 100),
            (b"", 0),
            (b"::::::", 0),
            (b"x:x:x:0:x:/x", 0),
            (b"x:x:-1:0:x:/x", 0),
            (b"x:x:0:0:x", 0),
        ] {
            assert_eq!(home_of(line, uid), None);
        }
        assert_eq!(home_of(b"root:x:0:0::", 0), Some(&b""[..]));
    }

    #[test]
    fn lines_end_where_they_end() {
        let wanted = b"root:x:0:0::/root:".as_slice();
        let mut lines = Lines::default();
        assert!(!lines.feed(b"root:x:", |line| line == wanted));
        assert!(lines.feed(b"0:0::/root:\n", |line| line == wanted));
        assert!(!lines.feed(&[b'x'; 5000], |_| true));
        assert!(!lines.feed(b"\n", |_| true), "longer than there is room");
        assert!(!lines.feed(wanted, |line| line == wanted));
        assert!(lines.end(|line| line == wanted), "the last line has no end");
    }
}
