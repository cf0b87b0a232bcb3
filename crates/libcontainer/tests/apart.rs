//! A program in namespaces of its own: which ids it has, what stays of its mounts and processes, and how its end is told.

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::path::Path;

    use libcontainer::{Apart, Ending};
    use spec::runtime::IdMapping;

    fn run(script: &str, maps: &[IdMapping]) -> Result<Ending, libcontainer::StartError> {
        let arguments = [OsString::from("-c"), script.into()];
        let program = Path::new("/bin/sh");
        Apart { program, arguments: &arguments, uids: maps, gids: maps, talks: true }.run()
    }

    #[test]
    fn a_program_has_its_own_mounts_and_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().display();
        let script = format!(
            "mount -t tmpfs none {path} && touch {path}/inside; (setsid sleep 4713 &); exit 5"
        );
        assert_eq!(run(&script, &[]).unwrap(), Ending::Exited(5));
        assert!(!directory.path().join("inside").exists());
        assert_eq!(run("kill -9 $$", &[]).unwrap(), Ending::Signalled(9));
        let processes = fs::read_dir("/proc").unwrap().flatten();
        let mut lines =
            processes.filter_map(|entry| fs::read_to_string(entry.path().join("cmdline")).ok());
        assert!(!lines.any(|line| line.starts_with("sleep\u{0}4713")));
    }

    #[test]
    fn a_program_with_maps_is_root_of_its_own() {
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let maps = [
            IdMapping { container_id: 0, host_id: 200_000, size: 65_536 },
            IdMapping { container_id: 65_536, host_id: 0, size: 1 },
        ];
        let path = directory.path().join("told");
        let script = format!("(id -u; id -g; id -G) > {}", path.display());
        assert_eq!(run(&script, &maps).unwrap(), Ending::Exited(0));
        assert_eq!(fs::read_to_string(&path).unwrap(), "0\n0\n0\n");
        assert_eq!(path.metadata().unwrap().uid(), 200_000);
        let twice = [maps[0], maps[0]];
        assert!(run("true", &twice).is_err(), "ids overlap");
    }

    #[test]
    fn what_cannot_be_executed_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("plain");
        testkit::write(&path, "exit 4\n").unwrap();
        let run =
            || Apart { program: &path, arguments: &[], uids: &[], gids: &[], talks: false }.run();
        let refused = libcontainer::chain(&run().unwrap_err());
        assert!(refused.contains("EACCES"), "{refused}");
        // Without an interpreter's name it is the shell's.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(run().unwrap(), Ending::Exited(4));
    }
}
