//! A user's ids: the ranges in `/etc/subuid` and `/etc/subgid`, and the programs that map them. Sources: subuid(5), newuidmap(1).

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use monitor::keeper::{UserIds, find_program, ids_of};

use super::{Check, install};

const IDS: &str = "ids";
/// Images have owners up to nobody, 65534.
const ENOUGH: u64 = 65_536;
/// stat(2): set-user-ID.
const SETUID: u32 = 0o4000;

pub(super) fn checks(user: u32) -> Vec<Check> {
    let programs =
        ["newuidmap", "newgidmap"].map(|name| program(name, find_program(name).as_deref()));
    std::iter::once(ranges(&ids_of(user), user)).chain(programs).collect()
}

fn ranges(ids: &UserIds, user: u32) -> Check {
    let name = ids.name.clone().unwrap_or_else(|| user.to_string());
    let (first, last) = (ids.free_from, ids.free_from + ENOUGH - 1);
    let remedy = |flags: &str| format!("sudo usermod {flags} {name}");
    let (uids, gids) =
        (format!("--add-subuids {first}-{last}"), format!("--add-subgids {first}-{last}"));
    match (ids.uids, ids.gids) {
        (ENOUGH.., ENOUGH..) => {
            let finding = format!("{} further users and {} further groups", ids.uids, ids.gids);
            Check::ok(IDS, finding)
        }
        (0, 0) => Check::broken(
            IDS,
            format!(
                "neither /etc/subuid nor /etc/subgid has a line for {name}: containers have one id, and images with several owners cannot be unpacked"
            ),
            remedy(&format!("{uids} {gids}")),
        ),
        (0, _) => Check::broken(
            IDS,
            format!("/etc/subuid has no line for {name}: containers have one id"),
            remedy(&uids),
        ),
        (_, 0) => Check::broken(
            IDS,
            format!("/etc/subgid has no line for {name}: containers have one id"),
            remedy(&gids),
        ),
        (some_uids, some_gids) => {
            let missing = [(some_uids, uids), (some_gids, gids)];
            let flags = missing.into_iter().filter(|(has, _)| *has < ENOUGH).map(|(_, flag)| flag);
            let finding = format!(
                "{some_uids} further users and {some_gids} further groups: images with higher ids cannot be unpacked"
            );
            Check::note(IDS, finding, remedy(&flags.collect::<Vec<_>>().join(" ")))
        }
    }
}

/// It acts as root, by the bit on its file or by a capability.
fn program(subject: &'static str, path: Option<&Path>) -> Check {
    let Some(path) = path else {
        let finding = "it is not installed: nobody maps the ids of a user";
        return Check::broken(subject, finding, install("uidmap", "shadow"));
    };
    let may = path.metadata().is_ok_and(|found| {
        found.uid() == 0 && found.permissions().mode() & SETUID != 0 || has_capability(path)
    });
    if may {
        Check::ok(subject, path.display().to_string())
    } else {
        let finding = format!("{} has not the right to map ids", path.display());
        Check::broken(subject, finding, format!("sudo chmod u+s {}", path.display()))
    }
}

/// capabilities(7), "File capabilities".
fn has_capability(path: &Path) -> bool {
    let mut value = [0_u8; 64];
    rustix::fs::getxattr(path, "security.capability", &mut value[..]).is_ok_and(|length| length > 0)
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    fn ids(uids: u64, gids: u64) -> UserIds {
        UserIds { name: Some("ann".to_owned()), uids, gids, free_from: 165_536 }
    }

    #[test]
    fn each_lack_has_the_line_that_mends_it() {
        let of = |uids, gids| ranges(&ids(uids, gids), 1500);
        assert_eq!(of(65_536, 70_000).verdict, Verdict::Ok);
        let both = "sudo usermod --add-subuids 165536-231071 --add-subgids 165536-231071 ann";
        assert_eq!((of(0, 0).verdict, of(0, 0).remedy.as_str()), (Verdict::Broken, both));
        assert_eq!(of(0, 65_536).remedy, "sudo usermod --add-subuids 165536-231071 ann");
        assert_eq!(of(65_536, 0).remedy, "sudo usermod --add-subgids 165536-231071 ann");
        assert_eq!((of(10, 65_536).verdict, of(10, 10).remedy.as_str()), (Verdict::Note, both));
        let unnamed = UserIds { name: None, ..ids(0, 65_536) };
        assert!(ranges(&unnamed, 1500).remedy.ends_with(" 1500"));
    }

    #[test]
    fn a_program_without_its_right_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("newuidmap");
        std::fs::File::create(&path).unwrap();
        let mode = |mode| {
            let mode = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(&path, mode).unwrap();
        };
        mode(0o755);
        let told = program("newuidmap", Some(&path));
        assert_eq!(told.remedy, format!("sudo chmod u+s {}", path.display()));
        mode(0o4755);
        let is_root = rustix::process::geteuid().is_root();
        let told = program("newuidmap", Some(&path));
        assert_eq!(told.verdict == Verdict::Ok, is_root);
        assert_eq!(program("newuidmap", None).verdict, Verdict::Broken);
    }
}
