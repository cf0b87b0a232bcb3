//! AppArmor as the kernel has it: whether it is on, which profiles are loaded, how one is loaded and taken away, and how a process
//! enters one.
//!
//! Never reads the text of a profile: apparmor_parser(8) compiles that, and here are only compiled ones. Sources: apparmor(7),
//! apparmor.d(5), aa_change_profile(2), aa_stack_profile(2); the kernel's security/apparmor/apparmorfs.c.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use rustix::thread::CapabilitySet;
use sys::Errno;

use crate::error::StartError;
use crate::prepared::text;

/// What a process is in that no profile confines.
pub const UNCONFINED: &str = "unconfined";
/// Where the kernel shows policy, once securityfs is mounted.
const POLICY: &str = "/sys/kernel/security/apparmor";
/// Between the parts of a label that is several profiles at once.
const STACKED: &str = "//&";

/// A profile that the kernel has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadedProfile {
    /// Its name.
    pub name: String,
    /// `enforce`, `complain`, `kill`, `prompt`, `user` or `unconfined`.
    pub mode: String,
}

/// Whether this machine runs with AppArmor.
#[must_use]
pub fn enabled() -> bool {
    fs::read("/sys/module/apparmor/parameters/enabled").is_ok_and(|text| text.starts_with(b"Y"))
}

/// The profiles of the caller's policy namespace, in the kernel's order.
///
/// # Errors
/// ENOENT where securityfs is not mounted; EACCES where the caller may not see them.
pub fn profiles() -> Result<Vec<LoadedProfile>, Errno> {
    let text = fs::read_to_string(Path::new(POLICY).join("profiles"))?;
    Ok(text.lines().filter_map(profile).collect())
}

/// `NAME (MODE)`; a name may have spaces and brackets.
fn profile(line: &str) -> Option<LoadedProfile> {
    let (name, mode) = line.strip_suffix(')')?.rsplit_once(" (")?;
    Some(LoadedProfile { name: name.to_owned(), mode: mode.to_owned() })
}

/// Whether a process can enter this: a profile, or several with `//&` between. What is in another namespace (`:NAME:PROFILE`) is
/// not seen from here, and counts as loaded.
///
/// # Errors
/// As [`profiles`].
pub fn is_loaded(label: &str) -> Result<bool, Errno> {
    let loaded = profiles()?;
    Ok(label.split(STACKED).all(|part| {
        part == UNCONFINED
            || part.starts_with([':', '&'])
            || loaded.iter().any(|profile| profile.name == part)
    }))
}

/// Whether the caller may load profiles: the file is his to write, and he has CAP_MAC_ADMIN.
#[must_use]
pub fn may_load() -> bool {
    let has = rustix::thread::capabilities(None)
        .is_ok_and(|own| own.effective.contains(CapabilitySet::MAC_ADMIN));
    has && File::options().write(true).open(Path::new(POLICY).join(".replace")).is_ok()
}

/// Loads compiled profiles; those that are there already are replaced, for what runs in them too.
///
/// # Errors
/// EACCES or EPERM for a caller without the right; EPROTO or EPROTONOSUPPORT for what was compiled for another kernel.
pub fn replace(policy: &[u8]) -> Result<(), Errno> {
    write(".replace", policy)
}

/// Takes a profile away. What runs in it is unconfined from then on.
///
/// # Errors
/// ENOENT when it is not loaded, EACCES or EPERM for a caller without the right.
pub fn remove(name: &str) -> Result<(), Errno> {
    write(".remove", name.as_bytes())
}

/// The kernel takes it in one write(2) or not at all.
fn write(file: &str, bytes: &[u8]) -> Result<(), Errno> {
    let mut file = File::options().write(true).open(Path::new(POLICY).join(file))?;
    if file.write(bytes)? == bytes.len() { Ok(()) } else { Err(Errno::from_raw(libc::EIO)) }
}

/// What the kernel can mediate, by path: what a profile is compiled to depends on it.
///
/// # Errors
/// What the kernel says.
pub fn features() -> Result<BTreeMap<String, Vec<u8>>, Errno> {
    let mut found = BTreeMap::new();
    let mut directories = vec![Path::new(POLICY).join("features")];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                directories.push(entry.path());
            } else {
                found.insert(entry.path().display().to_string(), fs::read(entry.path())?);
            }
        }
    }
    Ok(found)
}

/// The profile that confines the caller; nothing where none does.
#[must_use]
pub fn own_label() -> Option<String> {
    confining(&fs::read_to_string("/proc/thread-self/attr/apparmor/current").ok()?)
}

/// A profile whose mode is `unconfined` names programs and confines nothing.
fn confining(current: &str) -> Option<String> {
    let current = current.trim_end_matches(['\n', '\0']);
    if current == UNCONFINED || current.is_empty() {
        return None;
    }
    match profile(current) {
        Some(LoadedProfile { mode, .. }) if mode == UNCONFINED => None,
        Some(LoadedProfile { name, .. }) => Some(name),
        None => Some(current.to_owned()),
    }
}

/// Whether the caller's own profile lets it add this one to itself; whoever is not confined may enter any.
///
/// A thread that ends without executing anything asks for it, and what it asked for ends with it: nothing else answers that.
///
/// # Errors
/// What the kernel says but for a refusal.
pub fn may_enter(label: &str) -> Result<bool, Errno> {
    if own_label().is_none() {
        return Ok(true);
    }
    let words = format!("stack {label}");
    let ask = || {
        let mut file = File::options().write(true).open("/proc/thread-self/attr/apparmor/exec")?;
        file.write(words.as_bytes()).map(drop)
    };
    let answer = std::thread::scope(|scope| scope.spawn(ask).join());
    match answer.unwrap_or_else(|_lost| Err(std::io::ErrorKind::Other.into())) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// What is written to `attr/apparmor/exec`, ready; it is an error where nothing would confine the process. Whoever is confined
/// himself adds the profile to his own: a change would need his profile's leave, and take that one's walls away.
pub(crate) fn at_exec(label: Option<&String>) -> Result<Option<CString>, StartError> {
    let Some(label) = label else { return Ok(None) };
    let refused = |why: &str, errno: i32| StartError::Parent {
        action: format!("enter the AppArmor profile {label}: {why}"),
        errno: Errno::from_raw(errno),
    };
    let is_on = enabled();
    let own = own_label().filter(|_| is_on);
    if label == UNCONFINED && own.is_none() {
        return Ok(None);
    }
    if !is_on {
        return Err(refused("this machine runs without AppArmor", libc::EOPNOTSUPP));
    }
    // Whoever may not see the list hears from the kernel.
    if matches!(is_loaded(label), Ok(false)) {
        return Err(refused("no such profile is loaded", libc::ENOENT));
    }
    let verb = if own.is_some() && label != UNCONFINED { "stack" } else { "exec" };
    text(&format!("{verb} {label}")).map(Some)
}

/// The same for a process that executes nothing, out of what it would be at exec: for `attr/apparmor/current`.
pub(crate) fn at_once(at_exec: &CStr) -> Result<CString, StartError> {
    let words = at_exec.to_string_lossy();
    match words.strip_prefix("exec ") {
        Some(label) => text(&format!("changeprofile {label}")),
        None => Ok(at_exec.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_list() {
        let parts = |line| profile(line).map(|profile| (profile.name, profile.mode));
        let pair = |name: &str, mode: &str| Some((name.to_owned(), mode.to_owned()));
        assert_eq!(parts("corten-default (enforce)"), pair("corten-default", "enforce"));
        assert_eq!(parts("/opt/a b (c) (complain)"), pair("/opt/a b (c)", "complain"));
        for bad in ["", "name", "name (enforce", "(enforce)"] {
            assert_eq!(parts(bad), None, "{bad}");
        }
    }

    #[test]
    fn who_is_confined() {
        for free in ["", "unconfined\n", "crun (unconfined)\n", "unconfined\0"] {
            assert_eq!(confining(free), None, "{free:?}");
        }
        assert_eq!(confining("docker-default (enforce)\n").as_deref(), Some("docker-default"));
        assert_eq!(confining("a//&b (mixed)").as_deref(), Some("a//&b"));
    }

    #[test]
    fn what_an_init_writes() {
        for (at_exec, now) in [(c"exec web", c"changeprofile web"), (c"stack web", c"stack web")] {
            assert_eq!(at_once(at_exec).unwrap().as_c_str(), now);
        }
    }

    #[test]
    fn a_profile_needs_apparmor() {
        if enabled() {
            return eprintln!("skipped: this machine runs with AppArmor");
        }
        let told = at_exec(Some(&"web".to_owned())).unwrap_err();
        let told = crate::error::chain(&told);
        assert!(told.contains("web: this machine runs without AppArmor"), "{told}");
        assert!(at_exec(Some(&UNCONFINED.to_owned())).unwrap().is_none());
        assert!(at_exec(None).unwrap().is_none());
    }
}
