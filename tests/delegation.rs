//! Limits of a user without rights, on a machine whose systemd delegates control groups to him: it has to run for the user 1000.

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, chown};
    use std::path::Path;
    use std::process::{Command, Stdio};

    const USER: u32 = 1000;
    /// Every command of a script is a user's, with a store and a state directory of its own. `corten` has his systemd, `alone` has not.
    /// They share the scope, so they take turns.
    const LINES: &str = r#"
        exec 9< /run/user/1000; flock 9
        user() { setpriv --reuid 1000 --regid 1000 --clear-groups env -i HOME=$PWD PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"; }
        corten() { user XDG_RUNTIME_DIR=/run/user/1000 ./corten --root $PWD/root --state $PWD/run/corten "$@"; }
        alone() { user XDG_RUNTIME_DIR=$PWD/run ./corten --root $PWD/root --state $PWD/run/corten "$@"; }
        corten template build busybox > /dev/null
    "#;

    /// What a script prints; nothing where there is no such systemd.
    fn told(script: &str) -> Option<String> {
        let is_unified = Path::new("/sys/fs/cgroup/cgroup.controllers").exists();
        if !is_unified || !Path::new("/run/user/1000/systemd/private").exists() {
            eprintln!("skipped: no systemd of user 1000 has control groups to divide");
            return None;
        }
        let directory = tempfile::Builder::new().prefix("delegation-").tempdir().unwrap();
        let place = directory.path();
        fs::set_permissions(place, Permissions::from_mode(0o755)).unwrap();
        fs::copy(env!("CARGO_BIN_EXE_corten"), place.join("corten")).unwrap();
        fs::create_dir(place.join("run")).unwrap();
        fs::set_permissions(place.join("run"), Permissions::from_mode(0o700)).unwrap();
        for path in [place.to_owned(), place.join("run")] {
            chown(path, Some(USER), Some(USER)).unwrap();
        }
        let mut command = Command::new("bash");
        command.arg("-c").arg(format!("{LINES}{script}\nexec 2>&1; {END}"));
        let output = command.current_dir(place).stdin(Stdio::null()).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Some(text(&output.stdout) + &text(&output.stderr))
    }

    /// What every script ends with: nothing of it is left, and his systemd knows of none.
    const END: &str = r#"
        ids=$(corten ps -aq); [ -z "$ids" ] || corten rm -f $ids > /dev/null
        group=$(echo /sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/user.slice/corten.scope)
        for _ in $(seq 1000); do [ -e $group ] || break; user true; done
        [ ! -e $group ] || { echo left; find $group; }
    "#;

    #[test]
    fn limits_of_a_user_are_in_his_groups() {
        let Some(told) = told(
            r#"
            corten run -d --name web --network none --memory 64m --cpus 0.5 --pids-limit 50 busybox sleep 1000 > /dev/null
            group=/sys/fs/cgroup$(sed -n s/^0:://p /proc/$(corten inspect -f '{{.State.Pid}}' web)/cgroup)
            echo ${group%/*}
            (cd $group && cat memory.max cpu.max pids.max)
            corten exec web cat /sys/fs/cgroup/memory.max
            corten update --memory 128m --memory-swap -1 web > /dev/null; cat $group/memory.max
            corten pause web; cat $group/cgroup.freeze; corten unpause web; cat $group/cgroup.freeze
            corten stats --no-stream --format '{{.MemUsage}} {{.PIDs}}' web | grep -o '/ 128MiB 1$'
            corten run --rm --network none --memory 16m --memory-swap 16m busybox sh -c 'tail /dev/zero'; echo $?
        "#,
        ) else {
            return;
        };
        let scope = "/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/user.slice/corten.scope/corten";
        let seen = format!(
            "{scope}\n67108864\n50000 100000\n50\n67108864\n134217728\nweb\n1\nweb\n0\n/ 128MiB 1\n"
        );
        assert!(told.starts_with(&seen), "{told}");
        assert!(told.contains("137\n") && !told.contains("left"), "{told}");
    }

    /// Two at once make the scope, and the last one that goes takes it along.
    #[test]
    fn commands_at_once_share_the_scope() {
        let Some(told) = told(
            r#"
            for n in 1 2 3 4; do corten run --rm --network none --memory 32m busybox cat /sys/fs/cgroup/memory.max & done; wait
            corten run --rm --network none --memory 32m busybox cat /sys/fs/cgroup/memory.max
        "#,
        ) else {
            return;
        };
        assert_eq!(told, "33554432\n".repeat(5));
    }

    #[test]
    fn where_nothing_is_delegated_limits_are_refused_by_name() {
        let Some(told) = told(
            r#"
            alone run --rm --network none busybox echo runs
            alone run --rm --network none --memory 64m busybox true; echo $?
        "#,
        ) else {
            return;
        };
        assert!(told.starts_with("runs\n125\n"), "{told}");
        let words = "limits need a control group, and none is delegated to this user: ask the user's systemd: connect to systemd at ";
        assert!(told.contains(words), "{told}");
        assert!(told.contains("hint: corten system doctor tells what delegates one\n"), "{told}");
    }

    #[test]
    fn the_doctor_sees_what_is_delegated() {
        let Some(told) = told(
            r#"
            corten system doctor | grep 'control groups' | cut -c 1-44
            alone system doctor | grep -A 1 'control groups'
        "#,
        ) else {
            return;
        };
        let lines: Vec<&str> = told.lines().collect();
        assert!(lines[0].contains("control groups") && lines[0].contains("delegated"), "{told}");
        assert!(lines[1].starts_with("broken  control groups"), "{told}");
        assert_eq!(lines[2].trim(), "export XDG_RUNTIME_DIR=/run/user/1000", "{told}");
    }
}
