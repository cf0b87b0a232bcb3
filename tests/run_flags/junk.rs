//! Every flag with values that it cannot have: the error names it, and nothing is left.

use testkit::Corten;

/// Flags for which any text is a good value, or that nothing here can be junk for.
const ANYTHING: &[&str] = &[
    "annotation",
    "cidfile",
    "entrypoint",
    "env",
    "health-cmd",
    "label",
    "pidfile",
    "detach-keys",
    "name",
    "requires",
];

/// What an error calls a flag that has another name in words.
const CALLED: &[(&str, &str)] = &[
    ("cap-add", "capability"),
    ("cap-drop", "capability"),
    ("cpuset-cpus", "cpuset"),
    ("cpuset-mems", "cpuset"),
    ("workdir", "working directory"),
    ("security-opt", "security option"),
    ("stop-signal", "signal"),
    ("env-file", "read"),
    ("memory", "memory limit"),
    ("memory-swap", "memory swap"),
];

const JUNK: &[&str] =
    &["\u{1}junk", "-7.5x", "é:é:é:é:é", "=", "a=\nb", "/../../x:y:z:w", "99999999999999999999999"];

/// The flags that take a value, by the help itself.
fn flags(corten: &Corten) -> Vec<String> {
    let help = corten.ok(&["create", "--help"]);
    let mut flags = Vec::new();
    for line in help.lines() {
        let mut words =
            line.split_whitespace().filter(|word| !(word.len() == 3 && word.ends_with(',')));
        let Some(name) = words.next().and_then(|word| word.strip_prefix("--")) else { continue };
        let takes_value = words.next().is_some_and(|word| {
            word.chars().all(|letter| {
                letter.is_ascii_lowercase()
                    || letter.is_ascii_digit()
                    || letter == '-'
                    || word == "stringSlice"
            })
        });
        if takes_value {
            flags.push(name.to_owned());
        }
    }
    flags
}

#[test]
fn junk_is_refused_by_name_and_leaves_nothing() {
    let corten = Corten::with_busybox(env!("CARGO_BIN_EXE_corten"));
    let flags = flags(&corten);
    assert!(flags.len() > 70, "{flags:?}");
    let mut wrong = Vec::new();
    for flag in flags.iter().filter(|flag| !ANYTHING.contains(&flag.as_str())) {
        let mut refused = 0;
        for junk in JUNK {
            let value = format!("--{flag}={junk}");
            let made = corten.run(&["create", "--pull", "never", &value, "busybox", "true"]);
            if made.code == 0 {
                corten.ok(&["rm", made.stdout.trim()]);
                continue;
            }
            refused += 1;
            let called = CALLED
                .iter()
                .find(|(name, _)| name == flag)
                .map_or(flag.as_str(), |(_, called)| *called);
            let plain = |text: &str| text.to_lowercase().replace(['-', '_'], " ");
            let is_named = plain(&made.stderr).contains(&plain(called))
                || made.stderr.contains(&format!("--{flag}"))
                // A platform that is one, and not the image's.
                || made.stderr.contains("is for linux/")
                // Any text may be a name that nobody has.
                || (flag == "volumes-from" && made.stderr.contains("no such container: "));
            if !made.stderr.starts_with("error: ") || !is_named || !matches!(made.code, 1 | 125) {
                wrong.push(format!("{value:?}: {made:?}"));
            }
        }
        if refused == 0 {
            wrong.push(format!("--{flag} takes everything"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(corten.ok(&["ps", "-aq"]), "");
    let left = std::fs::read_dir(corten.root().join("containers")).unwrap().count();
    assert_eq!(left, 0);
}

const OF_NETWORKS: [(&str, &str); 5] = [
    ("--link=a:b c", "it is not of the form NAME[:ALIAS]"),
    ("--network-alias=a..b", "invalid network-alias"),
    ("--link-local-ip=10.0.0.1", "it is no link-local address"),
    ("--network=name=a,x=1", "an option is not one of"),
    ("--publish=80:81:82:83", "invalid published port"),
];

/// Values that are nearly good, and the words that say what is wanted.
#[test]
fn refusals_say_what_is_wanted() {
    let corten = Corten::with_busybox(env!("CARGO_BIN_EXE_corten"));
    for (value, words) in [
        ("--dns=192.0.2", "invalid dns \"192.0.2\": it is no IP address, such as 192.0.2.1"),
        ("--add-host=a", "invalid add-host \"a\": it is not of the form NAME:ADDRESS"),
        ("--blkio-weight=9", "invalid blkio-weight \"9\": it is not within 10 to 1000"),
        ("--cpu-period=999", "invalid cpu-period \"999\": it is not within 1000 to 1000000"),
        ("--cpu-quota=999", "invalid cpu-quota \"999\": the least is 1000; -1 is no limit"),
        ("--memory-swappiness=101", "invalid memory-swappiness \"101\""),
        ("--memory-reservation=1m", "the least is 6 MiB"),
        ("--oom-score-adj=1001", "invalid oom-score-adj \"1001\": it is not within -1000 to 1000"),
        (
            "--device-read-bps=/dev/null:1mb",
            "invalid device-read-bps \"/dev/null\": it is no block device",
        ),
        ("--device-read-iops=/dev/nothing-here:1", "there is no such device (ENOENT)"),
        ("--device-cgroup-rule=c 1:3", "such as 'c 1:3 rwm'"),
        ("--device=vendor.com/class=name", "no description in /etc/cdi or /var/run/cdi knows it"),
        ("--gpus=all", "no description in /etc/cdi or /var/run/cdi knows it"),
        ("--group-add=nobody-here", "invalid group-add \"nobody-here\""),
        ("--ipc=container:nobody", "no such container: nobody"),
        ("--pid=container:nobody", "no such container: nobody"),
        ("--pid=shared", "it is not one of host, container:NAME"),
        ("--uts=mine", "it is neither host nor private"),
        ("--userns=mine", "it is not one of host, auto[:OPTIONS], keep-id[:OPTIONS]"),
        ("--userns=auto:size=no", "size is not a number of ids above 0"),
        ("--uidmap=0-1-1", "invalid uidmap \"0-1-1\": it is not of the form INSIDE:OUTSIDE:COUNT"),
        ("--gidmap=1:1:1", "invalid gidmap \"1:1:1\": id 0 inside is not mapped"),
        ("--runtime=runc", "there is one runtime, corten"),
        ("--isolation=hyperv", "there is default only"),
        ("--shm-size=0", "invalid shm-size \"0\": it must be more than 0"),
        ("--expose=8-7", "invalid expose \"8-7\""),
        ("--cgroup-parent=../x", "it must not contain `.` or `..`"),
        ("--umask=8", "invalid umask \"8\": it is no octal number"),
        (
            "--tz=Nowhere/There",
            "it is no time zone: there is no file /usr/share/zoneinfo/Nowhere/There",
        ),
        ("--pidfile=/nowhere/x", "invalid pidfile \"/nowhere/x\""),
        ("--attach=stdlog", "it is not one of STDIN, STDOUT, STDERR"),
        ("--requires=nobody", "no such container: nobody"),
        ("--replace", "it needs the --name of whom to replace"),
        ("--security-opt=mask=etc", "it is no list of absolute paths"),
        ("--security-opt=landlock=rw:data", "\"data\" is no absolute path"),
    ]
    .into_iter()
    .chain(OF_NETWORKS)
    {
        let made = corten.run(&["create", "--pull", "never", value, "busybox", "true"]);
        // As with Docker, what the engine itself finds wrong is 1.
        assert!(matches!(made.code, 1 | 125) && made.stdout.is_empty(), "{value}: {made:?}");
        assert!(made.stderr.contains(words), "{value}: {made:?}");
    }
    those_exclude_each_other(&corten);
    let both = corten.run(&["run", "-d", "-a", "stdout", "busybox", "true"]);
    assert!(both.code == 125 && both.stderr.contains("cannot specify both"), "{both:?}");
    assert_eq!(corten.ok(&["ps", "-aq"]), "");
}

fn those_exclude_each_other(corten: &Corten) {
    for (flags, words) in [
        (&["--cpus=1", "--cpu-quota=5000"][..], "it excludes --cpu-period and --cpu-quota"),
        (&["--memory=8m", "--memory-reservation=9m"], "it is more than the memory limit"),
        (&["--cpu-rt-period=5", "--cpu-rt-runtime=6"], "it is more than --cpu-rt-period"),
        (&["--uts=host", "--hostname=x"], "with --uts host the host's names hold"),
        (&["--no-hosts", "--add-host=a:192.0.2.1"], "--no-hosts leaves /etc/hosts as it is"),
        (&["--network=container:x", "--dns=192.0.2.1"], "whose network is shared"),
    ] {
        let line = [&["create"][..], flags, &["busybox", "true"]].concat();
        let made = corten.run(&line);
        assert!(matches!(made.code, 1 | 125) && made.stderr.contains(words), "{flags:?}: {made:?}");
    }
}
