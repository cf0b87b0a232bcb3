//! Flags as `inspect` tells them, in Docker's words.

use testkit::Corten;

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn what_was_asked_for_is_told() {
    let corten = Corten::with_busybox(env!("CARGO_BIN_EXE_corten"));
    corten.ok(&["run", "-d", "--name", "giver", "--ipc=shareable", "busybox", "sleep", "99"]);
    let giver = corten.ok(&["inspect", "-f", "{{.Id}}", "giver"]);
    corten.ok(&[
        "create",
        "--name",
        "web",
        "--dns=192.0.2.9",
        "--dns-option=ndots:3",
        "--dns-search=a.example",
        "--add-host=db=[::1]",
        "--group-add=77",
        "--ipc=container:giver",
        "--pid=host",
        "--uts=host",
        "--userns=host",
        "--cgroupns=host",
        "--shm-size=3m",
        "--oom-score-adj=7",
        "--annotation=a=b",
        "--cgroup-parent=/corten-test",
        "--blkio-weight=300",
        "--cpu-period=50000",
        "--cpu-quota=25000",
        "--cpuset-mems=0",
        "--device-cgroup-rule=c 1:3 r",
        "--memory=32m",
        "--memory-reservation=16m",
        "--memory-swappiness=7",
        "--oom-kill-disable",
        "--expose=7-8/udp",
        "-a=stderr",
        "--runtime=corten",
        "--isolation=default",
        "--disable-content-trust=false",
        "busybox",
        "true",
    ]);
    let shared = format!("container:{giver}");
    for (path, wanted) in [
        ("HostConfig.Dns", r#"["192.0.2.9"]"#),
        ("HostConfig.DnsOptions", r#"["ndots:3"]"#),
        ("HostConfig.DnsSearch", r#"["a.example"]"#),
        ("HostConfig.ExtraHosts", r#"["db:::1"]"#),
        ("HostConfig.GroupAdd", r#"["77"]"#),
        ("HostConfig.IpcMode", &format!("{shared:?}")),
        ("HostConfig.PidMode", r#""host""#),
        ("HostConfig.UTSMode", r#""host""#),
        ("HostConfig.UsernsMode", r#""host""#),
        ("HostConfig.CgroupnsMode", r#""host""#),
        ("HostConfig.ShmSize", "3145728"),
        ("HostConfig.OomScoreAdj", "7"),
        ("HostConfig.Annotations", r#"{"a":"b"}"#),
        ("HostConfig.CgroupParent", r#""/corten-test""#),
        ("HostConfig.BlkioWeight", "300"),
        ("HostConfig.CpuPeriod", "50000"),
        ("HostConfig.CpuQuota", "25000"),
        ("HostConfig.CpusetMems", r#""0""#),
        ("HostConfig.DeviceCgroupRules", r#"["c 1:3 r"]"#),
        ("HostConfig.MemoryReservation", "16777216"),
        ("HostConfig.MemorySwappiness", "7"),
        ("HostConfig.OomKillDisable", "true"),
        ("HostConfig.Runtime", r#""corten""#),
        ("Config.ExposedPorts", r#"{"7/udp":{},"8/udp":{}}"#),
        ("Config.AttachStdin", "false"),
        ("Config.AttachStdout", "false"),
        ("Config.AttachStderr", "true"),
    ] {
        let told = corten.ok(&["inspect", "-f", &format!("{{{{json .{path}}}}}"), "web"]);
        assert_eq!(told, wanted, "{path}");
    }
    // Docker's defaults of a container that asks for nothing.
    corten.ok(&["create", "--name", "plain", "busybox", "true"]);
    for (path, wanted) in [
        ("HostConfig.Dns", "[]"),
        ("HostConfig.ExtraHosts", "null"),
        ("HostConfig.IpcMode", r#""private""#),
        ("HostConfig.PidMode", r#""""#),
        ("HostConfig.ShmSize", "67108864"),
        ("HostConfig.MemorySwappiness", "null"),
        ("HostConfig.DeviceRequests", "null"),
        ("Config.Domainname", r#""""#),
        ("Config.AttachStderr", "true"),
    ] {
        let told = corten.ok(&["inspect", "-f", &format!("{{{{json .{path}}}}}"), "plain"]);
        assert_eq!(told, wanted, "{path}");
    }
}
