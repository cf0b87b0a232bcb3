//! Docker's list of flags against ours.

use testkit::Corten;

/// What `docker run --help` of version 28 lists on Linux.
const DOCKERS: &str = "add-host annotation attach blkio-weight blkio-weight-device cap-add cap-drop cgroup-parent cgroupns cidfile \
    cpu-period cpu-quota cpu-rt-period cpu-rt-runtime cpu-shares cpus cpuset-cpus cpuset-mems detach detach-keys device \
    device-cgroup-rule device-read-bps device-read-iops device-write-bps device-write-iops disable-content-trust dns dns-option \
    dns-search domainname entrypoint env env-file expose gpus group-add health-cmd health-interval health-retries \
    health-start-interval health-start-period health-timeout hostname init interactive ip ip6 ipc isolation label label-file link \
    link-local-ip log-driver log-opt mac-address memory memory-reservation memory-swap memory-swappiness mount name network \
    network-alias no-healthcheck oom-kill-disable oom-score-adj pid pids-limit platform privileged publish publish-all pull quiet \
    read-only restart rm runtime security-opt shm-size sig-proxy stop-signal stop-timeout storage-opt sysctl tmpfs tty ulimit \
    use-api-socket user userns uts volume volume-driver volumes-from workdir";

/// Those that are refused by name, and why.
const REFUSED: &[(&str, &str)] = &[("use-api-socket", "there is no API yet")];

#[test]
fn every_flag_of_docker_is_there_or_refused_by_name() {
    let corten = Corten::new(env!("CARGO_BIN_EXE_corten"));
    let help = corten.ok(&["run", "--help"]);
    let is_there = |flag: &str| {
        let mut lines = help.lines().map(str::trim_start);
        let long = format!("--{flag}");
        lines.any(|line| line.split_whitespace().take(2).any(|word| word == long))
    };
    let mut wrong = Vec::new();
    for flag in DOCKERS.split_whitespace() {
        let refusal = REFUSED.iter().any(|(name, _)| *name == flag);
        match (is_there(flag), refusal) {
            (true, false) => {}
            (true, true) => wrong.push(format!("--{flag} is there: no reason is needed")),
            (false, false) => wrong.push(format!("--{flag} is missing without a reason")),
            (false, true) => {
                let run = corten.run(&["run", &format!("--{flag}=x"), "busybox"]);
                let words = format!("error: --{flag} is not supported yet\n");
                if (run.code, &run.stderr) != (125, &words) {
                    wrong.push(format!("--{flag}: {run:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Podman's that Corten has not are refused by name, too, and by no command that has them not.
#[test]
fn flags_of_podman_are_known() {
    let corten = Corten::new(env!("CARGO_BIN_EXE_corten"));
    let time = corten.run(&["run", "--time=5", "busybox"]);
    assert!(time.stderr.starts_with("error: unknown flag: --time\n"), "{time:?}");
    for flag in ["sdnotify", "rmi", "init-path", "systemd", "pod"] {
        let run = corten.run(&["create", &format!("--{flag}=x"), "busybox"]);
        assert_eq!(run.stderr, format!("error: --{flag} is not supported yet\n"));
        let other = corten.run(&["stop", &format!("--{flag}=x"), "web"]);
        assert!(other.stderr.starts_with(&format!("error: unknown flag: --{flag}\n")), "{other:?}");
    }
}
