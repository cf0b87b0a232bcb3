//! Files of before LXC 2.1 made new ones, as lxc-update-config(1) does, of entries and of entries that are commented out.
//!
//! That tool leaves some old keys as they are (`lxc.limit.NAME`, addresses of networks that have a number) and looks for the backend
//! of a root in the last line alone; here they are made new, too. Start at [`update`].

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use super::legacy::{Successor, successor};
use super::mounts::is_backend;
use super::text::Text;

const ROOT: &str = "lxc.rootfs";
const BACKEND: &str = "lxc.rootfs.backend";
/// What a root is when nothing says it.
const DEFAULT_BACKEND: &str = "dir";

/// A line that is an entry, or one that is commented out, in its parts: together they are the line.
struct Parts<'line> {
    /// Blanks and hash signs.
    before: &'line str,
    key: &'line str,
    /// Blanks, the equals sign, and blanks.
    assign: &'line str,
    value: &'line str,
}

/// The file with new keys. Keys that have no successor go, networks without numbers are counted by their types.
#[must_use]
pub fn update(text: &Text) -> Text {
    let backend = backend_of(text);
    let mut begun: Option<u32> = None;
    let mut new = text.clone();
    new.replace(&mut |line| {
        let Some(parts) = parts(line) else { return Some(line.to_vec()) };
        let key = match successor(parts.key) {
            None => return Some(line.to_vec()),
            Some(Successor::None) => return None,
            Some(Successor::Key(key)) => key,
            Some(Successor::Network(Some(number), key)) => format!("lxc.net.{number}.{key}"),
            Some(Successor::Network(None, key)) => {
                if key == "type" {
                    begun = Some(begun.map_or(0, |number| number.saturating_add(1)));
                }
                format!("lxc.net.{}.{key}", begun.unwrap_or(0))
            }
        };
        let value =
            if parts.key == ROOT { root(parts.value, &backend) } else { parts.value.into() };
        Some(format!("{}{key}{}{value}", parts.before, parts.assign).into_bytes())
    });
    new
}

/// Whether the file has keys of before LXC 2.1 that count.
#[must_use]
pub fn is_old(text: &Text) -> bool {
    let old = |parts: Parts<'_>| !parts.before.contains('#') && successor(parts.key).is_some();
    text.lines().filter_map(parts).any(old)
}

/// Where the file as it was is kept.
#[must_use]
pub fn backup_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".backup");
    name.into()
}

fn backend_of(text: &Text) -> String {
    let lines = text.lines().filter_map(parts);
    let said = lines.filter(|parts| parts.key == BACKEND && !parts.before.contains('#')).last();
    said.map_or(DEFAULT_BACKEND, |parts| parts.value.trim()).to_owned()
}

fn root<'value>(value: &'value str, backend: &str) -> Cow<'value, str> {
    let said = value.split_once(':').is_some_and(|(name, _)| is_backend(name));
    if value.is_empty() || said { value.into() } else { format!("{backend}:{value}").into() }
}

fn parts(line: &[u8]) -> Option<Parts<'_>> {
    let line = std::str::from_utf8(line).ok()?;
    let (start, equals) = (line.find("lxc.")?, line.find('=')?);
    let before = &line[..start];
    let key = line.get(start..equals)?.trim_end_matches([' ', '\t']);
    let value = line[equals + 1..].trim_start_matches([' ', '\t']);
    let assign = &line[start + key.len()..line.len() - value.len()];
    let plain = before.chars().all(|letter| matches!(letter, ' ' | '\t' | '#'))
        && !key.contains([' ', '\t']);
    plain.then_some(Parts { before, key, assign, value })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn updated(text: &str) -> String {
        String::from_utf8(update(&Text::read(text.as_bytes())).to_bytes()).expect("text")
    }

    #[test]
    fn roots_get_their_backend_wherever_it_is_said() {
        assert_eq!(
            updated("lxc.rootfs.backend = btrfs\nlxc.rootfs = /a\n"),
            "lxc.rootfs.path = btrfs:/a\n"
        );
        assert_eq!(updated("lxc.rootfs=/a\n"), "lxc.rootfs.path=dir:/a\n");
        assert_eq!(
            updated("lxc.rootfs = overlayfs:/a:/b\n"),
            "lxc.rootfs.path = overlayfs:/a:/b\n"
        );
        assert_eq!(updated("lxc.rootfs.path = dir:/a\n"), "lxc.rootfs.path = dir:/a\n");
    }

    #[test]
    fn what_the_tool_forgets_is_made_new() {
        assert_eq!(updated("lxc.limit.nofile = 5\n"), "lxc.prlimit.nofile = 5\n");
        assert_eq!(
            updated("lxc.network.1.ipv4 = 10.0.0.1\n"),
            "lxc.net.1.ipv4.address = 10.0.0.1\n"
        );
    }

    #[test]
    fn what_is_no_entry_stays() {
        let text = "# lxc.utsname was its name\nnote = lxc.utsname\nlxc.utsname\n";
        assert_eq!(updated(text), text);
        assert!(!is_old(&Text::read(b"#lxc.utsname = a\n")));
        assert!(is_old(&Text::read(b"lxc.utsname = a\n")));
        assert_eq!(backup_of(Path::new("/a/config")), Path::new("/a/config.backup"));
    }
}
