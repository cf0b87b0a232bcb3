//! A container's configuration file: its lines as they are, and the values that they and their includes make.
//!
//! What is changed goes into both, as LXC does it: an entry is added at the end, and one that is cleared is taken out. Comments,
//! blank lines and everything that is not changed stay as they are. Start at [`Document::open`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::item::Value;
use super::keys::{self, Form, Known};
use super::network::Network;
use super::problem::{ConfigError, Place, Problem};
use super::read::{Contents, Found, Limits, Opener, Reader, from_disk};
use super::support::support_of;
use super::text::Text;
use super::values::Config;

/// A configuration file with its values.
#[derive(Clone, Debug, Default)]
pub struct Document {
    text: Text,
    values: Config,
    places: BTreeMap<String, Place>,
    foreign: Vec<Place>,
}

/// A key that is set though the engine does not heed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// As it was written.
    pub key: String,
    /// Where it was set last; nothing when it was not by a file.
    pub place: Option<Place>,
    /// Why.
    pub reason: &'static str,
}

impl Document {
    /// Reads a file of this machine with what it includes.
    ///
    /// # Errors
    /// With file and line, for all that cannot be read or is none of LXC's.
    pub fn open(path: &Path, limits: &Limits) -> Result<Self, ConfigError> {
        Self::read_by(limits, &mut from_disk, |reader, sink| reader.read(path, sink))
    }

    /// Reads a text that is no file, or not yet; `path` is for errors. What it includes is opened by `opener`.
    ///
    /// # Errors
    /// As [`Document::open`].
    pub fn read(
        path: &Path,
        bytes: &[u8],
        limits: &Limits,
        opener: &mut Opener<'_>,
    ) -> Result<Self, ConfigError> {
        // No file has this one.
        const NOWHERE: (u64, u64) = (u64::MAX, u64::MAX);
        let contents = Contents { identity: NOWHERE, bytes: bytes.to_owned() };
        Self::read_by(limits, opener, |reader, sink| reader.file(path, &contents, sink))
    }

    fn read_by(
        limits: &Limits,
        opener: &mut Opener<'_>,
        read: impl FnOnce(&mut Reader<'_>, &mut super::read::Sink<'_>) -> Result<Text, ConfigError>,
    ) -> Result<Self, ConfigError> {
        let mut document = Self::default();
        let mut sink = |place: &Place, found: Found<'_>| {
            match found {
                Found::Entry { key, value } => {
                    document.values.set(key, value)?;
                    document.place(key, value, place);
                }
                Found::Foreign => document.foreign.push(place.clone()),
            }
            Ok(())
        };
        let mut opener = |path: &Path, most: u64| opener(path, most);
        let text = read(&mut Reader::new(*limits, &mut opener), &mut sink)?;
        document.text = text;
        Ok(document)
    }

    fn place(&mut self, key: &str, value: &str, place: &Place) {
        if value.is_empty() {
            self.places.remove(key);
            return;
        }
        match self.places.get_mut(key) {
            Some(known) => known.clone_from(place),
            None => {
                self.places.insert(key.to_owned(), place.clone());
            }
        }
    }

    /// What it says.
    #[must_use]
    pub fn values(&self) -> &Config {
        &self.values
    }

    /// Its lines.
    #[must_use]
    pub fn text(&self) -> &Text {
        &self.text
    }

    /// The file as it would be saved: what it includes stays included.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.text.to_bytes()
    }

    /// Where a key was set last.
    #[must_use]
    pub fn place_of(&self, key: &str) -> Option<&Place> {
        self.places.get(key)
    }

    /// Lines that do not begin with `lxc.`: LXC passes over them, and so does this; whoever shows a configuration may tell of them.
    #[must_use]
    pub fn foreign(&self) -> &[Place] {
        &self.foreign
    }

    /// Keys that are set though the engine does not heed them.
    #[must_use]
    pub fn refused(&self) -> Vec<Refused> {
        let mut keys: Vec<String> = self.values.entries().into_iter().map(|(key, _)| key).collect();
        keys.dedup();
        let refused = keys.into_iter().filter_map(|key| {
            let reason = support_of(&key)?.refusal()?;
            let place = self.places.get(&key).cloned();
            Some(Refused { key, place, reason })
        });
        refused.collect()
    }

    /// A key's value as LXC's tools show it, see [`Config::get`].
    ///
    /// # Errors
    /// As there.
    pub fn get(&self, key: &str) -> Result<String, Problem> {
        self.values.get(key)
    }

    /// Sets a key, in addition or instead, as [`Config::set`] does, and adds the line to the file; with an empty value it is cleared
    /// and its lines are taken out.
    ///
    /// # Errors
    /// As there, and for what is not one line. Nothing has changed then.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), Problem> {
        changeable(key, value)?;
        if value.is_empty() {
            return self.clear(key);
        }
        self.values.set(key, value)?;
        self.places.remove(key);
        self.text.append(key, value);
        Ok(())
    }

    /// Sets a key to one value, whatever it had, in the line that had the last one: what a copy does to its names, paths and hardware
    /// addresses.
    ///
    /// # Errors
    /// As [`Document::set`].
    pub fn replace(&mut self, key: &str, value: &str) -> Result<(), Problem> {
        changeable(key, value)?;
        if value.is_empty() {
            return self.clear(key);
        }
        // A value that is none must not cost the one there is.
        let mut tried = self.values.clone();
        tried.clear(key)?;
        tried.set(key, value)?;
        self.values = tried;
        self.places.remove(key);
        self.text.put(key, value);
        Ok(())
    }

    /// Forgets a key and takes its lines out of the file. What an include says of it comes back when the file is read again.
    ///
    /// # Errors
    /// For keys that there are not.
    pub fn clear(&mut self, key: &str) -> Result<(), Problem> {
        self.values.clear(key)?;
        self.places.remove(key);
        self.remove_lines(key);
        Ok(())
    }

    fn remove_lines(&mut self, cleared: &str) {
        self.text.remove(&|key| goes_with(cleared, key));
    }

    /// Fills what hardware addresses leave open, in the values and in the file's own lines, so that the container has the same at its
    /// next start. `random` gives a new byte at each call.
    pub fn complete_hardware_addresses(&mut self, random: &mut dyn FnMut() -> u8) {
        let mut made: BTreeMap<u32, String> = BTreeMap::new();
        for (number, network) in &mut self.values.networks {
            if let Some(address) = network.hardware.take() {
                let full = address.complete(random);
                made.insert(*number, full.show());
                network.hardware = Some(full);
            }
        }
        self.text.change(&mut |key, value| {
            let Ok(Known::OfNetwork(number, known)) = keys::find(key) else { return None };
            let open = known.name == "hwaddr" && value.contains(['x', 'X']);
            made.get(&number).filter(|_| open).cloned()
        });
    }

    /// What a copy of the container changes: paths that begin with the old container's directory lead to the new one's, in hooks and
    /// in the layers of overlays among the mounts, in the file and in the values.
    ///
    /// # Errors
    /// When a path becomes too long.
    pub fn move_paths(&mut self, old: &Path, new: &Path) -> Result<(), Problem> {
        let (old, new) = (directory_text(old), directory_text(new));
        let moved = |key: &str, value: &str| moved(key, value, &old, &new);
        self.text.change(&mut |key, value| moved(key, value));
        let entries = self.values.entries();
        let mut values = Config::default();
        for (key, value) in entries {
            let value = moved(&key, &value).unwrap_or(value);
            values.set(&key, &value)?;
        }
        self.values = values;
        Ok(())
    }

    /// The network of a number.
    #[must_use]
    pub fn network(&self, number: u32) -> Option<&Network> {
        self.values.networks.get(&number)
    }
}

fn directory_text(path: &Path) -> String {
    path.to_string_lossy().trim_end_matches('/').to_owned()
}

fn moved(key: &str, value: &str, old: &str, new: &str) -> Option<String> {
    let inside = |rest: &str| rest.is_empty() || rest.starts_with(['/', ' ', '\t', ',', ':']);
    if key.starts_with("lxc.hook.") {
        let rest = value.strip_prefix(old).filter(|rest| inside(rest))?;
        return Some(format!("{new}{rest}"));
    }
    if key != "lxc.mount.entry" || !value.contains(" overlay") {
        return None;
    }
    let mut text = value.to_owned();
    for option in ["lowerdir=", "upperdir=", "workdir="] {
        let start = text.find(&format!("{option}{old}")).map(|at| at + option.len());
        if let Some(at) = start.filter(|at| inside(&text[at + old.len()..])) {
            text.replace_range(at..at + old.len(), new);
        }
    }
    (text != value).then_some(text)
}

/// Whether an entry can be put into a file.
fn changeable(key: &str, value: &str) -> Result<(), Problem> {
    // A value with a newline would be two entries in the file, and the second one somebody else's wish.
    let breaks = |text: &str| text.contains(['\n', '\r', '\0']);
    if breaks(key) || breaks(value) {
        return Err(Problem::NotALine);
    }
    if is_order(key) && !value.is_empty() {
        Err(Problem::NotAValue(key.to_owned()))
    } else {
        Ok(())
    }
}

/// Whether the entries of a key go when another is cleared: that one itself, and what it stands for.
fn goes_with(cleared: &str, key: &str) -> bool {
    let (Ok(cleared), Ok(key)) = (keys::find(cleared), keys::find(key)) else { return false };
    match (cleared, key) {
        // The version is no hook.
        (Known::Hooks, Known::Plain(hook)) => {
            hook.name.starts_with("lxc.hook.") && hook.form == Form::List
        }
        (Known::Networks, Known::Network(_) | Known::OfNetwork(..)) => true,
        (Known::Network(cleared), Known::OfNetwork(number, _)) => cleared == number,
        // The type forgets what else there is, and what it allows could not stand without it.
        (Known::OfNetwork(cleared, known), Known::OfNetwork(number, _)) if known.name == "type" => {
            cleared == number
        }
        (Known::Plain(cleared), Known::Named(known, _)) => cleared == known,
        (cleared, key) => cleared == key,
    }
}

fn is_order(key: &str) -> bool {
    matches!(keys::find(key), Ok(Known::Plain(known)) if known.form == Form::Order)
}

/// The configuration file of a container below LXC's directory.
#[must_use]
pub fn file_of(directory: &Path, name: &str) -> PathBuf {
    directory.join(name).join("config")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Document {
        let mut nothing = |_: &Path, _: u64| Err(super::super::problem::Unreadable::Kind);
        Document::read(Path::new("config"), text.as_bytes(), &Limits::default(), &mut nothing)
            .expect(text)
    }

    fn text_of(document: &Document) -> String {
        String::from_utf8(document.to_bytes()).expect("text")
    }

    #[test]
    fn a_value_cannot_bring_an_entry_of_its_own() {
        let mut document = Document::default();
        for value in ["a\nlxc.init.uid = 0", "a\rb", "a\0"] {
            assert!(matches!(document.set("lxc.uts.name", value), Err(Problem::NotALine)));
            assert!(matches!(document.replace("lxc.uts.name", value), Err(Problem::NotALine)));
        }
        assert!(document.to_bytes().is_empty());
    }

    #[test]
    fn what_is_cleared_takes_along_what_it_stands_for_alone() {
        let text = "lxc.cgroup.dir = a\nlxc.cgroup.cpu.shares = 1\nlxc.cgroup2.cpu.max = 1\nlxc.hook.version = 1\nlxc.hook.start = /a\n\
                    lxc.net.1.type = veth\nlxc.net.10.type = none\n";
        for (key, gone) in [
            ("lxc.cgroup", &[1_usize][..]),
            ("lxc.cgroup2", &[2]),
            ("lxc.hook", &[4]),
            ("lxc.net.1", &[5]),
            ("lxc.net", &[5, 6]),
            ("lxc.cgroup.cpu.shares", &[1]),
        ] {
            let mut document = read(text);
            document.clear(key).expect(key);
            let left = text.lines().enumerate().filter(|(at, _)| !gone.contains(at));
            let left: String = left.map(|(_, line)| format!("{line}\n")).collect();
            assert_eq!(text_of(&document), left, "{key}");
            assert_eq!(read(&left).values(), document.values(), "{key}");
        }
    }

    #[test]
    fn what_is_refused_is_named_with_its_place() {
        let document = read("lxc.uts.name = a\nlxc.cgroup.dir.monitor.pivot = b\n");
        let [refused] = &document.refused()[..] else { panic!("{:?}", document.refused()) };
        assert_eq!(refused.key, "lxc.cgroup.dir.monitor.pivot");
        assert_eq!(refused.place.as_ref().map(ToString::to_string), Some("config:2".to_owned()));
    }

    #[test]
    fn open_addresses_are_filled_once_in_values_and_lines() {
        let mut document = read(
            "lxc.net.0.type = veth\nlxc.net.0.hwaddr=00:16:3e:xx:xx:xx\nlxc.net.1.hwaddr = 00:16:3e:00:00:01\n",
        );
        document.complete_hardware_addresses(&mut || 0x0a);
        assert_eq!(document.get("lxc.net.0.hwaddr").ok().as_deref(), Some("00:16:3e:aa:aa:aa"));
        assert_eq!(
            text_of(&document),
            "lxc.net.0.type = veth\nlxc.net.0.hwaddr=00:16:3e:aa:aa:aa\nlxc.net.1.hwaddr = 00:16:3e:00:00:01\n"
        );
    }

    #[test]
    fn a_copy_has_paths_and_names_of_its_own() {
        let mut document = read(
            "lxc.hook.start = /c/a/hook /c/a\nlxc.hook.stop = /c/ab/hook\nlxc.uts.name = a # b\n\
             lxc.mount.entry = overlay m overlay lowerdir=/c/a/l,upperdir=/c/a/u,workdir=/x\nlxc.mount.entry = /c/a m none bind\n",
        );
        document.move_paths(Path::new("/c/a"), Path::new("/c/longer/")).expect("paths");
        document.replace("lxc.uts.name", "b").expect("a name");
        assert!(document.replace("lxc.uts.name", &"b".repeat(65)).is_err());
        assert_eq!(document.get("lxc.uts.name").ok().as_deref(), Some("b"));
        assert_eq!(document.get("lxc.hook.start").ok().as_deref(), Some("/c/longer/hook /c/a\n"));
        assert_eq!(
            text_of(&document),
            "lxc.hook.start = /c/longer/hook /c/a\nlxc.hook.stop = /c/ab/hook\nlxc.uts.name = b\n\
             lxc.mount.entry = overlay m overlay lowerdir=/c/longer/l,upperdir=/c/longer/u,workdir=/x\nlxc.mount.entry = /c/a m none bind\n"
        );
    }
}
