//! What the commands of whole systems say.
#![expect(clippy::too_many_lines, reason = "what a command says is data, not logic")]

use super::help;

#[test]
fn systems() {
    insta::assert_snapshot!(help("console"), @"
    Usage:  corten console [OPTIONS] CONTAINER

    Look at the console or a terminal of a running container

    Aliases:
      corten console, corten container console

    Options:
          --detach-keys string   Override the key sequence for detaching a container
      -e, --escape key           Key before q that leaves it: a letter, pressed with ctrl (default ^a)
      -t, --tty number           Terminal beside the console: N for /dev/ttyN, or free for the first
                                 that nobody looks at (default 0: the console)
    ");
    insta::assert_snapshot!(help("clone"), @"
    Usage:  corten clone [OPTIONS] CONTAINER [NAME]

    Create a new container with the configuration and the files of another one, without copying them

    Options:
          --blkio-weight uint16        Block IO (relative weight), between 10 and 1000, or 0 to disable
                                       (default 0)
          --cpu-period int             Limit CPU CFS (Completely Fair Scheduler) period
          --cpu-quota int              Limit CPU CFS (Completely Fair Scheduler) quota
          --cpu-rt-period int          Limit CPU real-time period in microseconds
          --cpu-rt-runtime int         Limit CPU real-time runtime in microseconds
      -c, --cpu-shares int             CPU shares (relative weight)
          --cpus decimal               Number of CPUs
          --cpuset-cpus string         CPUs in which to allow execution (0-3, 0,1)
          --cpuset-mems string         MEMs in which to allow execution (0-3, 0,1)
          --destroy                    Remove the original container
      -f, --force                      Remove the original even if it runs (uses SIGKILL)
      -m, --memory bytes               Memory limit
          --memory-reservation bytes   Memory soft limit
          --memory-swap bytes          Swap limit equal to memory plus swap: '-1' to enable unlimited
                                       swap
          --name string                Assign a name to the new container (default: the original's with
                                       -clone behind)
          --pids-limit int             Tune container pids limit (set -1 for unlimited)
          --run                        Start the new container
    ");
    insta::assert_snapshot!(help("snapshot create"), @"
    Usage:  corten snapshot create [OPTIONS] CONTAINER [SNAPSHOT]

    Create a snapshot of a container: its files and its configuration

    Options:
      -c, --comment string   Words about the snapshot
    ");
    insta::assert_snapshot!(help("snapshot ls"), @"
    Usage:  corten snapshot ls [OPTIONS] CONTAINER

    List snapshots of a container

    Aliases:
      corten snapshot ls, corten snapshot list

    Options:
      -f, --filter filter   Filter output based on conditions provided: name
          --format string   Format output using a Go template, or 'json'
      -q, --quiet           Only display IDs
    ");
    insta::assert_snapshot!(help("snapshot restore"), @"
    Usage:  corten snapshot restore [OPTIONS] CONTAINER SNAPSHOT

    Bring a container back to a snapshot, or make a new one of it

    Options:
          --name string   Make a new container of this name, and leave the original as it is
          --run           Start the container afterwards
    ");
    insta::assert_snapshot!(help("snapshot rm"), @"
    Usage:  corten snapshot rm CONTAINER SNAPSHOT [SNAPSHOT...]

    Remove one or more snapshots

    Aliases:
      corten snapshot rm, corten snapshot remove
    ");
    insta::assert_snapshot!(help("autostart"), @"
    Usage:  corten autostart [OPTIONS]

    Start what starts with the machine in turn, or restart, stop or list it

    Options:
      -a, --all           All containers that start with the machine, whatever their groups
      -g, --groups list   Groups one after the other; an empty one is of containers in none
      -A, --ignore-auto   Also containers that do not start with the machine
      -k, --kill          Kill them instead
      -L, --list          Only list them, with their delays
      -r, --reboot        Restart those that run instead
      -s, --shutdown      Stop them instead
      -t, --timeout int   Seconds to wait before killing a container (default: its own)
    ");
}
