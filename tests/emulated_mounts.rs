//! `--security-opt emulate=mount`: file systems that harm nobody, mounted by the monitor for root of a container that may not mount.

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    use testkit::{Corten, Finished};

    fn corten() -> Corten {
        Corten::with_busybox(env!("CARGO_BIN_EXE_corten"))
    }

    const MOUNT: [&str; 2] = ["--security-opt", "emulate=mount"];

    fn run(corten: &Corten, flags: &[&str], script: &str) -> Finished {
        corten.script(&[&MOUNT, flags].concat(), script)
    }

    /// Last words of each line that the errors have.
    fn errors(seen: &Finished) -> Vec<&str> {
        seen.stderr.lines().filter_map(|line| line.rsplit(": ").next()).collect()
    }

    const REFUSED: &str = "permission denied (are you root?)";

    #[test]
    fn file_systems_are_mounted_and_unmounted_again() {
        let corten = corten();
        testkit::give_id_ranges("containers:200000:655360\n");
        let script = "mkdir /m /p /s /q /d; mount -t tmpfs -o size=1m,mode=750,noatime x /m && mount -t proc p /p && mount -t sysfs s /s && \
            mount -t mqueue q /q && mount -t devpts -o newinstance,ptmxmode=666 d /d && echo x > /m/x && stat -c %a /m && \
            sed -nE 's,^([a-z]+ /[mpsqd]) [a-z]+ ([a-z,]*),\\1 \\2,p' /proc/mounts | cut -d ' ' -f 1-3; test -e /p/self/status && \
            umount /m /p /s /q /d && rmdir /m /p /s /q /d && echo gone";
        let plain = corten.script(&[], script);
        assert_eq!(errors(&plain)[0], REFUSED, "{plain:?}");
        let expected = [
            "750",
            "tmpfs /m rw,nosuid,nodev,noexec,noatime,size=1024k",
            "proc /p rw,nosuid,nodev,noexec,relatime",
            "sysfs /s ro,nosuid,nodev,noexec,relatime",
            "mqueue /q rw,nosuid,nodev,noexec,relatime",
            "devpts /d rw,nosuid,noexec,relatime,mode=600,ptmxmode=666,max=1024",
        ];
        for flags in [
            &[][..],
            &["--userns", "auto"],
            &["--security-opt", "seccomp=unconfined"],
            &["--cap-drop", "ALL", "--security-opt", "no-new-privileges"],
            &["--init"],
        ] {
            let seen = run(&corten, flags, script);
            assert_eq!((seen.code, seen.stderr.as_str()), (0, ""), "{flags:?}: {seen:?}");
            for line in expected {
                assert!(seen.stdout.contains(line), "{flags:?}: {line}: {seen:?}");
            }
            assert!(seen.stdout.ends_with("gone\n"), "{flags:?}: {seen:?}");
        }
    }

    /// What is masked or read-only in its own /proc is so in each further one.
    #[test]
    fn a_further_proc_shows_no_more() {
        let corten = corten();
        let script = "mkdir /p; mount -t proc p /p; for place in /proc /p; do (cd $place; cat kcore keys timer_list 2>/dev/null | wc -c; \
            (echo x > sysrq-trigger) 2>/dev/null; echo $?; (: > sys/kernel/core_pattern) 2>/dev/null; echo $?; ls acpi scsi 2>/dev/null | wc -l); done";
        let seen = run(&corten, &[], script);
        let lines: Vec<&str> = seen.stdout.lines().collect();
        let (own, further) = lines.split_at(lines.len() / 2);
        assert_eq!(own, further, "{seen:?}");
        assert_eq!((own[0], own[1], own[2]), ("0", "1", "1"), "{seen:?}");
    }

    #[test]
    fn everything_else_is_refused() {
        let corten = corten();
        let refused = [
            "mount -t tmpfs x /sys/fs",
            "mount -t tmpfs x /proc/acpi",
            "mount -t tmpfs -o huge=always x /m",
            "mount -t proc -o hidepid=0 x /m",
            "mount -t ext4 /dev/vda /m",
            "mount -t overlay -o lowerdir=/,upperdir=/tmp,workdir=/var x /m",
            "mount -t cgroup x /m",
            "mount -t debugfs x /m",
            "mount -t securityfs x /m",
            "mount -t bpf x /m",
            "mount --bind /proc /m",
            "mount --rbind / /m",
            "mount --move /dev/shm /m",
            "mount -o remount,rw /proc/sys",
            "mount -o remount,bind,rw /sys",
            "mount --make-rshared /",
            "mount --make-private /proc",
        ];
        let busy = [
            "mount -t tmpfs x /",
            "mount -t tmpfs x /proc",
            "mount -t tmpfs x /dev/shm",
            "mount -t tmpfs x /dev",
        ];
        let unmounts = ["umount /proc", "umount -l /proc/sys", "umount /dev/shm", "umount -l /"];
        let script = |commands: &[&str]| format!("mkdir /m; {}", commands.join("; "));
        let seen = run(&corten, &[], &script(&refused));
        let masked = "Device or resource busy";
        let expected: Vec<&str> = refused
            .iter()
            .map(|command| match command {
                _ if command.contains("acpi") => masked,
                _ if command.contains("--make") => "Operation not permitted",
                _ => REFUSED,
            })
            .collect();
        assert_eq!(errors(&seen), expected, "{seen:?}");
        let seen = run(&corten, &[], &script(&busy));
        assert_eq!(errors(&seen), [masked; 4], "{seen:?}");
        let seen = run(&corten, &[], &script(&unmounts));
        assert_eq!(errors(&seen), ["Operation not permitted"; 4], "{seen:?}");
        // Who covers /etc is root for every program with the setuid bit.
        for flags in [&["--user", "1000"][..], &["--user", "1000", "--cap-add", "DAC_OVERRIDE"]] {
            let seen =
                run(&corten, flags, "mount -t tmpfs x /etc; mount -t tmpfs x /tmp; umount /proc");
            assert_eq!(errors(&seen), [REFUSED, REFUSED, "Operation not permitted"], "{seen:?}");
        }
        for flag in ["landlock=default", "hardened"] {
            let seen = run(&corten, &["--security-opt", flag], "true");
            assert!(seen.code == 125 && seen.stderr.contains("rules of Landlock"), "{seen:?}");
        }
    }

    /// A root of its own, from which its paths are looked up; and who may mount by himself does.
    #[test]
    fn a_root_in_the_container_has_its_own_mounts() {
        let corten = corten();
        let script = "mkdir -p /n/bin /n/proc /n/tmp; cp /bin/busybox /n/bin; ln -s /../../../../../tmp /n/out; cd /n; \
            within() { chroot /n /bin/busybox \"$@\"; }; within mount -t proc proc /proc && within mount -t tmpfs x /out/../tmp && within cat /proc/mounts | grep -c ' /tmp '; \
            grep -E ' /(n/)?(tmp|proc) ' /proc/mounts | cut -d ' ' -f 2; within umount /tmp && within umount -l /proc; grep -c ' /n/' /proc/mounts";
        let seen = run(&corten, &[], script);
        assert_eq!(seen.stdout, "1\n/proc\n/n/proc\n/n/tmp\n0\n", "{seen:?}");
        let privileged = run(
            &corten,
            &["--privileged"],
            "mkdir /m; mount -t tmpfs x /m && mount -o remount,exec,size=2m /m && umount /m && echo done",
        );
        assert_eq!(privileged.stdout, "done\n", "{privileged:?}");
    }

    #[test]
    fn memory_is_the_containers_and_so_is_the_number() {
        let corten = corten();
        let script = "mkdir /m; mount -t tmpfs -o size=1g,nr_inodes=9g x /m; sed -n 's/.*,size=/size=/p' /proc/mounts | grep 32768; \
            dd if=/dev/zero of=/m/x bs=1M count=64 2>/dev/null; echo $?";
        let limits = ["-m", "32m", "--memory-swap", "32m"];
        let seen = run(&corten, &limits, script);
        assert!(seen.stdout.starts_with("size=32768k,nr_inodes=8192 "), "{seen:?}");
        assert!(seen.stdout.ends_with("137\n"), "the container's limit kills it: {seen:?}");
        let many = "i=0; while [ $i -lt 70 ]; do i=$((i+1)); mkdir /m$i; mount -t tmpfs x /m$i 2>/dev/null || break; done; echo $i; \
            mount -t tmpfs x /m$i; umount /m1; mount -t tmpfs x /m$i && echo again";
        let seen = run(&corten, &[], many);
        assert_eq!(
            (seen.stdout.as_str(), errors(&seen)),
            ("65\nagain\n", vec!["No space left on device"])
        );
    }

    /// A mount in a directory that has peers on the host would be the host's, too.
    #[test]
    fn nothing_is_mounted_on_the_host() {
        let corten = corten();
        let place = corten.directory().join("shared");
        fs::create_dir(&place).unwrap();
        // By one pipe: what comes by two has no order.
        let line = "exec 2>&1; mkdir -p /v/in; mount -t tmpfs x /v/in; grep -c ' /v/' /proc/mounts";
        let script = format!(
            "mount -t tmpfs x $0 && mount --make-shared $0 || exit; for flag in :rshared '' :rslave; do \
             \"$@\" run --rm --network none --security-opt emulate=mount -v $0:/v$flag busybox sh -c \"{line}\" 2>&1; done; \
             grep -c $0/in /proc/mounts"
        );
        let plain = corten.command();
        let mut command = Command::new("unshare");
        command.args(["-m", "--propagation", "private", "sh", "-c", &script]).arg(&place);
        command.arg(plain.get_program()).args(plain.get_args());
        let seen = Finished::from(command.output().unwrap());
        let refused = format!("mount: {REFUSED}\n0\n");
        assert_eq!(seen.stdout, format!("{refused}1\n1\n0\n"), "{seen:?}");
    }

    /// The target becomes a link to what must not be covered, again and again: it is looked up once.
    #[test]
    fn a_target_that_becomes_a_link_is_one_or_the_other() {
        let corten = corten();
        let script = "cd /tmp; mkdir a b; ln -s /proc l; (while :; do mv -T a c; mv -T l a; mv -T a l; mv -T c a; done) 2>/dev/null & \
            i=0; while [ $i -lt 300 ]; do i=$((i+1)); mount -t tmpfs x /tmp/a 2>/dev/null && umount /tmp/a 2>/dev/null; done; kill $!; \
            grep -c '^proc /proc proc' /proc/mounts; grep ' /proc tmpfs' /proc/mounts; grep -c ' / ' /proc/mounts";
        let seen = run(&corten, &[], script);
        assert_eq!(seen.stdout, "1\n1\n", "{seen:?}");
    }

    /// A program that tries the newer calls first comes to the one that is answered.
    #[test]
    fn debians_mount_mounts() {
        let corten = corten();
        let script = "PATH=/usr/bin; mount -t tmpfs -o size=1m,nosuid tmpfs /mnt && mount -t proc -o ro proc /opt && umount /mnt && umount /opt && echo done; \
            mount --bind / /mnt; mount -o remount,rw /sys";
        let flags = ["-v", "/usr:/usr:ro", "-v", "/usr/lib:/lib:ro", "-v", "/usr/lib64:/lib64:ro"];
        let script = format!("mkdir -p /mnt /opt; {script}");
        let seen = run(&corten, &flags, &script);
        assert_eq!(seen.stdout, "done\n", "{seen:?}");
        assert_eq!(
            seen.stderr.lines().filter(|line| line.contains("denied")).count(),
            2,
            "{seen:?}"
        );
    }

    #[test]
    fn further_processes_and_runs_have_mounts_of_their_own() {
        let corten = corten();
        let line = [
            &["run", "-d", "--name", "web", "--network", "none"],
            &MOUNT[..],
            &["busybox", "sleep", "1000"],
        ];
        corten.ok(&line.concat());
        corten.ok(&["exec", "web", "mkdir", "-p", "/mnt"]);
        corten.ok(&["exec", "web", "mount", "-t", "tmpfs", "x", "/mnt"]);
        assert_eq!(corten.ok(&["exec", "web", "grep", "-c", " /mnt ", "/proc/mounts"]), "1");
        // Who may mount by himself is not helped, and what he has mounted is not others' to unmount.
        corten.ok(&["exec", "--privileged", "web", "mount", "-t", "tmpfs", "x", "/tmp"]);
        assert_eq!(corten.run(&["exec", "web", "umount", "/tmp"]).code, 1);
        corten.ok(&["exec", "web", "umount", "/mnt"]);
        corten.ok(&["exec", "web", "mount", "-t", "tmpfs", "x", "/mnt"]);
        corten.ok(&["restart", "-t", "0", "web"]);
        assert_eq!(corten.run(&["exec", "web", "grep", " /mnt ", "/proc/mounts"]).code, 1);
        corten.ok(&["exec", "web", "mount", "-t", "tmpfs", "x", "/mnt"]);
        corten.ok(&["rm", "-f", "web"]);
    }
}
