//! Where things are: the directory of a login, and the store's file system. Sources: XDG Base Directory Specification, statfs(2).

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::{Check, Patient, name_of};

const RUNTIME: &str = "XDG_RUNTIME_DIR";
const STORE: &str = "store";

/// File systems whose files are elsewhere, or that keep no owners: statfs(2) and linux/magic.h.
const UNFIT: [(u32, &str); 8] = [
    (0x6969, "NFS"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB"),
    (0x0102_1997, "9p"),
    (0x4d44, "FAT"),
    (0x2011_bab0, "exFAT"),
    (0xf15f, "eCryptfs"),
    (0x00c3_6400, "Ceph"),
];

pub(super) fn runtime_directory(patient: &Patient) -> Vec<Check> {
    let usual = PathBuf::from(format!("/run/user/{}", patient.user));
    let by_hand = format!("export XDG_RUNTIME_DIR={}", usual.display());
    let by_login = format!("sudo loginctl enable-linger {} && {by_hand}", name_of(patient.user));
    let remedy = if is_his(&usual, patient.user) { by_hand } else { by_login };
    let Some(directory) = &patient.runtime_directory else {
        return vec![Check::broken(RUNTIME, "it is not set", remedy)];
    };
    let shown = directory.display();
    let Ok(about) = directory.metadata() else {
        return vec![Check::broken(RUNTIME, format!("{shown} is not there"), remedy)];
    };
    vec![if about.uid() != patient.user || !about.is_dir() {
        Check::broken(RUNTIME, format!("{shown} is no directory of this user's"), remedy)
    } else if about.permissions().mode() & 0o077 != 0 {
        let finding = format!("{shown} is open to others");
        Check::broken(RUNTIME, finding, format!("chmod 700 {shown}"))
    } else {
        Check::ok(RUNTIME, shown.to_string())
    }]
}

fn is_his(directory: &Path, user: u32) -> bool {
    directory.metadata().is_ok_and(|about| about.is_dir() && about.uid() == user)
}

pub(super) fn store(patient: &Patient) -> Vec<Check> {
    let Some(root) = &patient.root else {
        let finding = "neither HOME nor XDG_DATA_HOME says where it is";
        let home = format!("export HOME=$(getent passwd {} | cut -d: -f6)", patient.user);
        return vec![Check::broken(STORE, finding, home)];
    };
    // What is not there yet will be on the file system of what is above.
    let Some((above, about)) =
        root.ancestors().find_map(|path| Some((path, rustix::fs::statfs(path).ok()?)))
    else {
        return Vec::new();
    };
    let shown = root.display();
    let kind = u64::try_from(about.f_type).unwrap_or(0);
    let elsewhere = || format!("export CORTEN_ROOT=/var/tmp/corten-{}", patient.user);
    if let Some((_, name)) = UNFIT.iter().find(|(magic, _)| u64::from(*magic) == kind & 0xffff_ffff)
    {
        let finding = format!("{shown} is on {name}, which has no overlays and not all owners");
        return vec![Check::broken(STORE, finding, elsewhere())];
    }
    if rustix::fs::access(above, rustix::fs::Access::WRITE_OK).is_err() {
        let finding = format!("{} is not to be written", above.display());
        return vec![Check::broken(STORE, finding, elsewhere())];
    }
    vec![Check::ok(STORE, shown.to_string())]
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    fn patient(root: &Path, runtime: Option<&Path>) -> Patient {
        Patient {
            user: rustix::process::getuid().as_raw(),
            root: Some(root.to_owned()),
            runtime_directory: runtime.map(Path::to_owned),
            bus: None,
            program: "/usr/bin/corten".into(),
        }
    }

    #[test]
    fn a_directory_of_a_login_is_his_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let look = |runtime: Option<&Path>| runtime_directory(&patient(path, runtime)).remove(0);
        assert_eq!(look(None).verdict, Verdict::Broken);
        assert_eq!(look(Some(&path.join("none"))).verdict, Verdict::Broken);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(look(Some(path)).remedy, format!("chmod 700 {}", path.display()));
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).unwrap();
        assert_eq!(look(Some(path)).verdict, Verdict::Ok);
    }

    #[test]
    fn a_store_that_is_not_there_yet_is_looked_for_above() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("a/b");
        assert_eq!(store(&patient(&root, None))[0].verdict, Verdict::Ok);
        let nowhere = Patient { root: None, ..patient(&root, None) };
        assert_eq!(store(&nowhere)[0].verdict, Verdict::Broken);
    }
}
