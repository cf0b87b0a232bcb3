//! What `run` and `create` say.
#![expect(clippy::too_many_lines, reason = "what a command says is data, not logic")]

use super::help;

#[test]
fn run_and_create() {
    insta::assert_snapshot!(help("run"), @r#"
    Usage:  corten run [OPTIONS] IMAGE [COMMAND] [ARG...]

    Create and run a new container from an image

    Aliases:
      corten run, corten container run

    Options:
          --add-host list                    Add a custom host-to-IP mapping (host:ip)
          --annotation map                   Add an annotation to the container (passed through to the
                                             OCI runtime)
      -a, --attach list                      Attach to STDIN, STDOUT or STDERR
          --autostart                        Start the container with the machine
          --autostart-delay int              Seconds that the next container waits behind this one
          --autostart-group list             Group of the container: a boot starts onboot, then those of
                                             no group
          --autostart-order int              Turn of the container: lower ones are started earlier
          --blkio-weight uint16              Block IO (relative weight), between 10 and 1000, or 0 to
                                             disable (default 0)
          --blkio-weight-device list         Block IO weight (relative device weight)
          --cap-add list                     Add Linux capabilities
          --cap-drop list                    Drop Linux capabilities
          --cgroup-parent string             Optional parent cgroup for the container
          --cgroupns string                  Cgroup namespace to use (host|private)
          --cidfile string                   Write the container ID to the file
          --config config                    Give the container a config
                                             (NAME[,type=mount|env][,target=...][,uid=...][,gid=...][,mode=...])
          --cpu-period int                   Limit CPU CFS (Completely Fair Scheduler) period
          --cpu-quota int                    Limit CPU CFS (Completely Fair Scheduler) quota
          --cpu-rt-period int                Limit CPU real-time period in microseconds
          --cpu-rt-runtime int               Limit CPU real-time runtime in microseconds
      -c, --cpu-shares int                   CPU shares (relative weight)
          --cpus decimal                     Number of CPUs
          --cpuset-cpus string               CPUs in which to allow execution (0-3, 0,1)
          --cpuset-mems string               MEMs in which to allow execution (0-3, 0,1)
      -d, --detach                           Run container in background and print container ID
          --detach-keys string               Override the key sequence for detaching a container
          --device list                      Add a host device to the container, or a CDI device
                                             (vendor.com/class=name)
          --device-cgroup-rule list          Add a rule to the cgroup allowed devices list
          --device-read-bps list             Limit read rate (bytes per second) from a device
          --device-read-iops list            Limit read rate (IO per second) from a device
          --device-write-bps list            Limit write rate (bytes per second) to a device
          --device-write-iops list           Limit write rate (IO per second) to a device
          --disable-content-trust            Has no effect: signatures are verified as the policy says
                                             (default true)
          --dns list                         Set custom DNS servers
          --dns-option list                  Set DNS options
          --dns-search list                  Set custom DNS search domains
          --domainname string                Container NIS domain name
          --entrypoint string                Overwrite the default ENTRYPOINT of the image
      -e, --env list                         Set environment variables
          --env-file list                    Read in a file of environment variables
          --env-merge list                   Set a variable in which ${NAME} stands for what the image
                                             says (Podman)
          --explain                          Print what would be done, step by step, and do nothing
          --expose list                      Expose a port or a range of ports
          --gidmap list                      Groups of a namespace of its own: INSIDE:OUTSIDE:COUNT
          --gpus gpu-request                 GPU devices to add to the container ('all' to pass all
                                             GPUs), by their CDI names
          --group-add list                   Add additional groups to join
          --hardened                         Tighten every wall of the container
          --health-cmd string                Command to run to check health
          --health-interval duration         Time between running the check (default 30s)
          --health-on-failure string         What to do with an unhealthy container: "none", "kill",
                                             "restart" or "stop" (default "none")
          --health-retries int               Consecutive failures needed to report unhealthy (default 3)
          --health-start-interval duration   Time between running the check during the start period
                                             (default 5s)
          --health-start-period duration     Start period for the container to initialize, in which
                                             failures do not count (default 0s)
          --health-timeout duration          Maximum time to allow one check to run (default 30s)
      -h, --hostname string                  Container host name
          --http-proxy                       Pass the caller's proxy variables into the container
                                             (default: those of Docker's config.json)
          --init                             Run an init inside the container that forwards signals and
                                             reaps processes
      -i, --interactive                      Keep STDIN open even if not attached
          --ip ip                            IPv4 address (e.g., 172.30.100.104)
          --ip6 ip                           IPv6 address (e.g., 2001:db8::33)
          --ipc string                       IPC mode to use: private, shareable, host, none or
                                             container:NAME
          --isolation string                 Container isolation technology: default
      -l, --label list                       Set meta data on a container
          --label-file list                  Read in a line delimited file of labels
          --link list                        Add link to another container: NAME[:ALIAS]
          --link-local-ip list               Container IPv4/IPv6 link-local addresses
          --log-driver string                Logging driver for the container
          --log-opt list                     Log driver options
          --mac-address string               Container MAC address (e.g., 92:d0:c6:0a:29:33)
      -m, --memory bytes                     Memory limit
          --memory-reservation bytes         Memory soft limit
          --memory-swap bytes                Swap limit equal to memory plus swap: '-1' to enable
                                             unlimited swap
          --memory-swappiness int            Tune container memory swappiness (0 to 100) (default -1)
          --mount mount                      Attach a filesystem mount to the container
          --name string                      Assign a name to the container
          --network network                  Connect a container to networks
                                             (NAME[,ip=,alias=,bandwidth=,...]), or to none, host,
                                             container:NAME or cni:NAME
          --network-alias list               Add network-scoped alias for the container
          --no-healthcheck                   Disable any container-specified HEALTHCHECK
          --no-hostname                      Leave /etc/hostname as the image has it
          --no-hosts                         Leave /etc/hosts as the image has it
          --oom-kill-disable                 Disable OOM Killer
          --oom-score-adj int                Tune host's OOM preferences (-1000 to 1000)
          --pid string                       PID namespace to use: host or container:NAME
          --pidfile path                     Write the pid of the first process to the file
          --pids-limit int                   Tune container pids limit (set -1 for unlimited)
          --platform string                  Image for this platform: OS/ARCHITECTURE[/VARIANT]
          --privileged                       Give extended privileges to this container
      -p, --publish list                     Publish a container's port(s) to the host
      -P, --publish-all                      Publish all exposed ports to random ports
          --pull string                      Pull image before running ("always", "missing", "never")
      -q, --quiet                            Suppress the pull output
          --read-only                        Mount the container's root filesystem as read only
          --read-only-tmpfs                  With --read-only, mount a writable tmpfs on /run, /tmp and
                                             /var/tmp
          --replace                          Remove the container that has the name first
          --requires list                    Containers that are started before this one
          --restart string                   Restart policy to apply when a container exits: no,
                                             on-failure[:N], on-unhealthy[:N], always, unless-stopped
                                             (default "no")
          --rm                               Automatically remove the container when it exits
          --rootfs                           The first argument is a directory, not an image; what the
                                             container changes goes elsewhere, or with :rw[,idmap]
                                             behind the directory into it
          --runtime string                   Runtime to use for this container: corten
          --secret secret                    Give the container a secret
                                             (NAME[,type=mount|env][,target=...][,uid=...][,gid=...][,mode=...])
          --security-opt list                Security Options
          --shm-size bytes                   Size of /dev/shm (default 64m)
          --sig-proxy                        Proxy received signals to the process (default true)
          --stop-signal string               Signal to stop the container
          --stop-timeout int                 Timeout (in seconds) to stop a container
          --storage-opt list                 Storage driver options for the container: size=BYTES, on
                                             XFS or ext4 with project quotas
          --subgidname string                Groups are those that /etc/subgid gives to this name
          --subuidname string                Users are those that /etc/subuid gives to this name
          --sysctl map                       Sysctl options
          --system                           Run a whole system: the image's own init is the first
                                             process
          --timeout int                      Seconds that the container may run before it is killed
                                             (default 0: without end)
          --tmpfs list                       Mount a tmpfs directory
      -t, --tty                              Allocate a pseudo-TTY
          --ttys int                         Terminals beside the console: /dev/tty1 and so on (default
                                             4 with --system)
          --tz string                        Time zone of the container, such as Europe/Zurich, or local
          --uidmap list                      Users of a namespace of its own: INSIDE:OUTSIDE:COUNT
          --ulimit ulimit                    Ulimit options
          --umask string                     Umask of the container's processes (default 0022)
          --unsetenv list                    Leave out a variable of the image
          --unsetenv-all                     Leave out all variables of the image
      -u, --user string                      Username or UID (format: <name|uid>[:<group|gid>])
          --userns string                    User namespace: host, auto[:OPTIONS], nomap,
                                             keep-id[:OPTIONS], private, container:NAME
          --uts string                       UTS namespace to use: host
      -v, --volume list                      Bind mount a volume
          --volume-driver string             Optional volume driver for the container (only "local")
          --volumes-from list                Mount volumes from the specified container(s)
      -w, --workdir string                   Working directory inside the container
    "#);
    insta::assert_snapshot!(help("create"), @r#"
    Usage:  corten create [OPTIONS] IMAGE [COMMAND] [ARG...]

    Create a new container

    Aliases:
      corten create, corten container create

    Options:
          --add-host list                    Add a custom host-to-IP mapping (host:ip)
          --annotation map                   Add an annotation to the container (passed through to the
                                             OCI runtime)
      -a, --attach list                      Attach to STDIN, STDOUT or STDERR
          --autostart                        Start the container with the machine
          --autostart-delay int              Seconds that the next container waits behind this one
          --autostart-group list             Group of the container: a boot starts onboot, then those of
                                             no group
          --autostart-order int              Turn of the container: lower ones are started earlier
          --blkio-weight uint16              Block IO (relative weight), between 10 and 1000, or 0 to
                                             disable (default 0)
          --blkio-weight-device list         Block IO weight (relative device weight)
          --cap-add list                     Add Linux capabilities
          --cap-drop list                    Drop Linux capabilities
          --cgroup-parent string             Optional parent cgroup for the container
          --cgroupns string                  Cgroup namespace to use (host|private)
          --cidfile string                   Write the container ID to the file
          --config config                    Give the container a config
                                             (NAME[,type=mount|env][,target=...][,uid=...][,gid=...][,mode=...])
          --cpu-period int                   Limit CPU CFS (Completely Fair Scheduler) period
          --cpu-quota int                    Limit CPU CFS (Completely Fair Scheduler) quota
          --cpu-rt-period int                Limit CPU real-time period in microseconds
          --cpu-rt-runtime int               Limit CPU real-time runtime in microseconds
      -c, --cpu-shares int                   CPU shares (relative weight)
          --cpus decimal                     Number of CPUs
          --cpuset-cpus string               CPUs in which to allow execution (0-3, 0,1)
          --cpuset-mems string               MEMs in which to allow execution (0-3, 0,1)
          --device list                      Add a host device to the container, or a CDI device
                                             (vendor.com/class=name)
          --device-cgroup-rule list          Add a rule to the cgroup allowed devices list
          --device-read-bps list             Limit read rate (bytes per second) from a device
          --device-read-iops list            Limit read rate (IO per second) from a device
          --device-write-bps list            Limit write rate (bytes per second) to a device
          --device-write-iops list           Limit write rate (IO per second) to a device
          --disable-content-trust            Has no effect: signatures are verified as the policy says
                                             (default true)
          --dns list                         Set custom DNS servers
          --dns-option list                  Set DNS options
          --dns-search list                  Set custom DNS search domains
          --domainname string                Container NIS domain name
          --entrypoint string                Overwrite the default ENTRYPOINT of the image
      -e, --env list                         Set environment variables
          --env-file list                    Read in a file of environment variables
          --env-merge list                   Set a variable in which ${NAME} stands for what the image
                                             says (Podman)
          --explain                          Print what would be done, step by step, and do nothing
          --expose list                      Expose a port or a range of ports
          --gidmap list                      Groups of a namespace of its own: INSIDE:OUTSIDE:COUNT
          --gpus gpu-request                 GPU devices to add to the container ('all' to pass all
                                             GPUs), by their CDI names
          --group-add list                   Add additional groups to join
          --hardened                         Tighten every wall of the container
          --health-cmd string                Command to run to check health
          --health-interval duration         Time between running the check (default 30s)
          --health-on-failure string         What to do with an unhealthy container: "none", "kill",
                                             "restart" or "stop" (default "none")
          --health-retries int               Consecutive failures needed to report unhealthy (default 3)
          --health-start-interval duration   Time between running the check during the start period
                                             (default 5s)
          --health-start-period duration     Start period for the container to initialize, in which
                                             failures do not count (default 0s)
          --health-timeout duration          Maximum time to allow one check to run (default 30s)
      -h, --hostname string                  Container host name
          --http-proxy                       Pass the caller's proxy variables into the container
                                             (default: those of Docker's config.json)
          --init                             Run an init inside the container that forwards signals and
                                             reaps processes
      -i, --interactive                      Keep STDIN open even if not attached
          --ip ip                            IPv4 address (e.g., 172.30.100.104)
          --ip6 ip                           IPv6 address (e.g., 2001:db8::33)
          --ipc string                       IPC mode to use: private, shareable, host, none or
                                             container:NAME
          --isolation string                 Container isolation technology: default
      -l, --label list                       Set meta data on a container
          --label-file list                  Read in a line delimited file of labels
          --link list                        Add link to another container: NAME[:ALIAS]
          --link-local-ip list               Container IPv4/IPv6 link-local addresses
          --log-driver string                Logging driver for the container
          --log-opt list                     Log driver options
          --mac-address string               Container MAC address (e.g., 92:d0:c6:0a:29:33)
      -m, --memory bytes                     Memory limit
          --memory-reservation bytes         Memory soft limit
          --memory-swap bytes                Swap limit equal to memory plus swap: '-1' to enable
                                             unlimited swap
          --memory-swappiness int            Tune container memory swappiness (0 to 100) (default -1)
          --mount mount                      Attach a filesystem mount to the container
          --name string                      Assign a name to the container
          --network network                  Connect a container to networks
                                             (NAME[,ip=,alias=,bandwidth=,...]), or to none, host,
                                             container:NAME or cni:NAME
          --network-alias list               Add network-scoped alias for the container
          --no-healthcheck                   Disable any container-specified HEALTHCHECK
          --no-hostname                      Leave /etc/hostname as the image has it
          --no-hosts                         Leave /etc/hosts as the image has it
          --oom-kill-disable                 Disable OOM Killer
          --oom-score-adj int                Tune host's OOM preferences (-1000 to 1000)
          --pid string                       PID namespace to use: host or container:NAME
          --pidfile path                     Write the pid of the first process to the file
          --pids-limit int                   Tune container pids limit (set -1 for unlimited)
          --platform string                  Image for this platform: OS/ARCHITECTURE[/VARIANT]
          --privileged                       Give extended privileges to this container
      -p, --publish list                     Publish a container's port(s) to the host
      -P, --publish-all                      Publish all exposed ports to random ports
          --pull string                      Pull image before running ("always", "missing", "never")
      -q, --quiet                            Suppress the pull output
          --read-only                        Mount the container's root filesystem as read only
          --read-only-tmpfs                  With --read-only, mount a writable tmpfs on /run, /tmp and
                                             /var/tmp
          --replace                          Remove the container that has the name first
          --requires list                    Containers that are started before this one
          --restart string                   Restart policy to apply when a container exits: no,
                                             on-failure[:N], on-unhealthy[:N], always, unless-stopped
                                             (default "no")
          --rm                               Automatically remove the container when it exits
          --rootfs                           The first argument is a directory, not an image; what the
                                             container changes goes elsewhere, or with :rw[,idmap]
                                             behind the directory into it
          --runtime string                   Runtime to use for this container: corten
          --secret secret                    Give the container a secret
                                             (NAME[,type=mount|env][,target=...][,uid=...][,gid=...][,mode=...])
          --security-opt list                Security Options
          --shm-size bytes                   Size of /dev/shm (default 64m)
          --stop-signal string               Signal to stop the container
          --stop-timeout int                 Timeout (in seconds) to stop a container
          --storage-opt list                 Storage driver options for the container: size=BYTES, on
                                             XFS or ext4 with project quotas
          --subgidname string                Groups are those that /etc/subgid gives to this name
          --subuidname string                Users are those that /etc/subuid gives to this name
          --sysctl map                       Sysctl options
          --system                           Run a whole system: the image's own init is the first
                                             process
          --timeout int                      Seconds that the container may run before it is killed
                                             (default 0: without end)
          --tmpfs list                       Mount a tmpfs directory
      -t, --tty                              Allocate a pseudo-TTY
          --ttys int                         Terminals beside the console: /dev/tty1 and so on (default
                                             4 with --system)
          --tz string                        Time zone of the container, such as Europe/Zurich, or local
          --uidmap list                      Users of a namespace of its own: INSIDE:OUTSIDE:COUNT
          --ulimit ulimit                    Ulimit options
          --umask string                     Umask of the container's processes (default 0022)
          --unsetenv list                    Leave out a variable of the image
          --unsetenv-all                     Leave out all variables of the image
      -u, --user string                      Username or UID (format: <name|uid>[:<group|gid>])
          --userns string                    User namespace: host, auto[:OPTIONS], nomap,
                                             keep-id[:OPTIONS], private, container:NAME
          --uts string                       UTS namespace to use: host
      -v, --volume list                      Bind mount a volume
          --volume-driver string             Optional volume driver for the container (only "local")
          --volumes-from list                Mount volumes from the specified container(s)
      -w, --workdir string                   Working directory inside the container
    "#);
}
