//! The console of a whole system: what it shows is kept for who comes later, written into a file of the host's and copied to a terminal
//! of the host's where somebody wants that.
//!
//! Nothing here waits: a terminal of the host's that takes no more misses the rest, and a file on a full disk, too. The container's log
//! has it as well, see `log.rs`.

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags, fstat, open};
use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcsetattr};
use serde::{Deserialize, Serialize};

use crate::kept::Kept;

/// What there is about a console.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConsoleRules {
    /// Whether it stays open while nothing in the container has it open: an init opens it for each of its words.
    pub stays_open: bool,
    /// How many bytes of what it has shown are kept in memory.
    pub kept_bytes: usize,
    /// A file that what it shows is written to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<ConsoleFile>,
    /// A terminal, FIFO or file of the host's: what the console shows is copied to it, and what is typed there is typed on the console.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<PathBuf>,
}

/// A file that a console is written to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsoleFile {
    /// On the host.
    pub path: PathBuf,
    /// How long it may get; 0 is without end.
    #[serde(default)]
    pub most_bytes: u64,
    /// Whether a full one gets `.1` behind its name; else it begins anew.
    #[serde(default)]
    pub rotates: bool,
}

/// A console that is open.
pub(crate) struct Console {
    kept: Kept,
    file: Option<Written>,
    device: Option<Device>,
}

struct Written {
    rules: ConsoleFile,
    file: File,
    length: u64,
}

struct Device {
    descriptor: OwnedFd,
    /// Whether something can be typed there.
    is_read: bool,
    /// A terminal's settings before it was made raw.
    before: Option<Termios>,
}

impl Console {
    /// Opens what the rules name; the words of an error say what.
    pub(crate) fn open(rules: &ConsoleRules) -> Result<Self, (String, std::io::Error)> {
        let at = |what: &str, path: &Path| {
            let words = format!("open the console's {what} {}", path.display());
            |error: std::io::Error| (words, error)
        };
        let file = rules.file.as_ref();
        let file = file.map(|file| Written::open(file).map_err(at("file", &file.path)));
        let device = rules.device.as_ref();
        let device = device.map(|path| Device::open(path).map_err(at("terminal", path)));
        Ok(Self {
            kept: Kept::new(rules.kept_bytes),
            file: file.transpose()?,
            device: device.transpose()?,
        })
    }

    /// It has shown this.
    pub(crate) fn show(&mut self, bytes: &[u8]) {
        self.kept.push(bytes);
        if let Some(file) = &mut self.file {
            // On a full disk it is shown all the same.
            let _full = file.write(bytes);
        }
        if let Some(device) = &self.device {
            let _misses_it = rustix::io::write(&device.descriptor, bytes);
        }
    }

    /// What it has shown, as far as that is kept.
    pub(crate) fn shown(&self) -> Vec<u8> {
        self.kept.bytes()
    }

    /// Where something may be typed.
    pub(crate) fn typed(&self) -> Option<BorrowedFd<'_>> {
        self.device.as_ref().filter(|device| device.is_read).map(|device| device.descriptor.as_fd())
    }

    /// Reads what was typed; so many bytes. Where nothing can come any more, nothing is waited for any more.
    pub(crate) fn read_typed(&mut self, room: &mut [u8]) -> usize {
        let Some(device) = &mut self.device else { return 0 };
        match rustix::io::read(&device.descriptor, room) {
            Ok(count @ 1..) => count,
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => 0,
            _ => {
                device.is_read = false;
                0
            }
        }
    }
}

impl Written {
    fn open(rules: &ConsoleFile) -> std::io::Result<Self> {
        let file = open_to_append(&rules.path)?;
        let length = file.metadata()?.len();
        Ok(Self { rules: rules.clone(), file, length })
    }

    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        let most = usize::try_from(self.rules.most_bytes).unwrap_or(usize::MAX);
        let bytes = match most {
            0 => bytes,
            most => bytes.get(bytes.len().saturating_sub(most)..).unwrap_or_default(),
        };
        let added = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if most > 0 && self.length.saturating_add(added) > self.rules.most_bytes {
            self.begin_anew()?;
        }
        self.file.write_all(bytes)?;
        self.length = self.length.saturating_add(added);
        Ok(())
    }

    fn begin_anew(&mut self) -> std::io::Result<()> {
        if self.rules.rotates {
            let mut full = self.rules.path.clone().into_os_string();
            full.push(".1");
            std::fs::rename(&self.rules.path, full)?;
            self.file = open_to_append(&self.rules.path)?;
        } else {
            self.file.set_len(0)?;
        }
        self.length = 0;
        Ok(())
    }
}

/// What is in it stays: it belongs to the one who named it.
fn open_to_append(path: &Path) -> std::io::Result<File> {
    let flags = i32::try_from((OFlags::NOCTTY | OFlags::NONBLOCK).bits()).unwrap_or(0);
    File::options().append(true).create(true).mode(0o600).custom_flags(flags).open(path)
}

impl Device {
    fn open(path: &Path) -> std::io::Result<Self> {
        let flags = OFlags::RDWR | OFlags::APPEND | OFlags::CREATE | OFlags::CLOEXEC;
        let flags = flags | OFlags::NOCTTY | OFlags::NONBLOCK;
        let descriptor = open(path, flags, Mode::from_raw_mode(0o600))?;
        let kind = FileType::from_raw_mode(fstat(&descriptor)?.st_mode);
        let before = if isatty(&descriptor) { Some(tcgetattr(&descriptor)?) } else { None };
        if let Some(before) = &before {
            let mut raw = before.clone();
            raw.make_raw();
            tcsetattr(&descriptor, OptionalActions::Now, &raw)?;
        }
        // A FIFO would give back what is written into it: LXC reads terminals alone, too.
        let is_read = kind == FileType::CharacterDevice && before.is_some();
        Ok(Self { descriptor, is_read, before })
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            let _hung_up = tcsetattr(&self.descriptor, OptionalActions::Now, before);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(most_bytes: u64, rotates: bool, shows: &[&str]) -> (String, Option<String>) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("console.log");
        let file = Some(ConsoleFile { path: path.clone(), most_bytes, rotates });
        let rules = ConsoleRules { file, ..ConsoleRules::default() };
        let mut console =
            Console::open(&rules).unwrap_or_else(|(words, error)| panic!("{words}: {error}"));
        for show in shows {
            console.show(show.as_bytes());
        }
        let read = |path: &Path| std::fs::read_to_string(path).ok();
        (read(&path).unwrap(), read(&path.with_extension("log.1")))
    }

    #[test]
    fn a_file_stays_within_its_bound() {
        assert_eq!(written(0, false, &["one\n", "two\n"]), ("one\ntwo\n".to_owned(), None));
        assert_eq!(written(6, false, &["one\n", "two\n"]), ("two\n".to_owned(), None));
        let rotated = ("three\n".to_owned(), Some("two\n".to_owned()));
        assert_eq!(written(6, true, &["one\n", "two\n", "three\n"]), rotated);
        assert_eq!(written(4, false, &["0123456789"]), ("6789".to_owned(), None));
    }

    #[test]
    fn what_cannot_be_opened_is_named() {
        let device = Some(PathBuf::from("/nonexistent/tty"));
        let rules = ConsoleRules { device, ..ConsoleRules::default() };
        let (words, _) = Console::open(&rules).err().unwrap();
        assert_eq!(words, "open the console's terminal /nonexistent/tty");
    }
}
