//! What the commands on volumes say, and `cp`.
#![expect(clippy::too_many_lines, reason = "what a command says is data, not logic")]

use super::help;

#[test]
fn volumes() {
    insta::assert_snapshot!(help("cp"), @r"
    Usage:  corten cp [OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-
           corten cp [OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH

    Copy files/folders between a container and the local filesystem

    Aliases:
      corten cp, corten container cp

    Options:
      -a, --archive       Archive mode (copy all uid/gid information)
      -L, --follow-link   Always follow symbol link in SRC_PATH
      -q, --quiet         Suppress the line that says what was copied
    ");
    insta::assert_snapshot!(help("volume"), @r"
    Usage:  corten volume COMMAND

    Manage volumes

    Commands:
      clone     Make a volume with the contents of another one
      create    Create a volume
      exists    Exit with 0 if there is such a volume, with 1 if not
      export    Export a volume's contents as a tar archive
      import    Fill an empty or new volume from a tar archive
      inspect   Display detailed information on one or more volumes
      ls        List volumes
      mount     Print where the files of volumes are on the host, and mount there what their options say
      prune     Remove unused local volumes
      rename    Rename a volume that no container has
      restore   Give a volume what a snapshot of it holds
      rm        Remove one or more volumes
      snapshot  Keep what a volume holds now under a name
      unmount   Take away what volume mount has mounted
      update    Change labels of one or more volumes

    Run 'corten volume COMMAND --help' for more information on a command.
    ");
    insta::assert_snapshot!(help("volume create"), @r#"
    Usage:  corten volume create [OPTIONS] [VOLUME]

    Create a volume

    Options:
      -d, --driver string   Specify volume driver name (default "local")
          --label list      Set metadata for a volume
      -o, --opt map         Set driver specific options: size, or type, device, o
    "#);
    insta::assert_snapshot!(help("volume ls"), @r#"
    Usage:  corten volume ls [OPTIONS]

    List volumes

    Aliases:
      corten volume ls, corten volume list

    Options:
      -f, --filter filter   Provide filter values (e.g. "dangling=true")
          --format string   Format output using a Go template, or 'json'
      -q, --quiet           Only display volume names
    "#);
    insta::assert_snapshot!(help("volume inspect"), @r"
    Usage:  corten volume inspect [OPTIONS] VOLUME [VOLUME...]

    Display detailed information on one or more volumes

    Options:
      -f, --format string   Format output using a Go template, or 'json'
    ");
    insta::assert_snapshot!(help("volume rm"), @r"
    Usage:  corten volume rm [OPTIONS] VOLUME [VOLUME...]

    Remove one or more volumes

    Aliases:
      corten volume rm, corten volume remove

    Options:
      -f, --force   Do not fail where there is no such volume
    ");
    insta::assert_snapshot!(help("volume prune"), @r#"
    Usage:  corten volume prune [OPTIONS]

    Remove unused local volumes

    Options:
      -a, --all             Remove all unused volumes, not just anonymous ones
          --filter filter   Provide filter values (e.g. "label=<label>")
      -f, --force           Do not prompt for confirmation
    "#);
    insta::assert_snapshot!(help("volume rename"), @r"
    Usage:  corten volume rename VOLUME NEW_NAME

    Rename a volume that no container has
    ");
    insta::assert_snapshot!(help("volume clone"), @r"
    Usage:  corten volume clone VOLUME NEW_VOLUME

    Make a volume with the contents of another one
    ");
    insta::assert_snapshot!(help("volume snapshot"), @r"
    Usage:  corten volume snapshot VOLUME [NAME]

    Keep what a volume holds now under a name
    ");
    insta::assert_snapshot!(help("volume restore"), @r"
    Usage:  corten volume restore VOLUME SNAPSHOT

    Give a volume what a snapshot of it holds
    ");
    insta::assert_snapshot!(help("volume update"), @r"
    Usage:  corten volume update [OPTIONS] VOLUME [VOLUME...]

    Change labels of one or more volumes

    Options:
          --label list      Set metadata of the volume
          --label-rm list   Take metadata away from the volume
      -o, --opt map         Set driver specific options: size (0 for none)
    ");
    insta::assert_snapshot!(help("volume exists"), @r"
    Usage:  corten volume exists VOLUME

    Exit with 0 if there is such a volume, with 1 if not
    ");
    insta::assert_snapshot!(help("volume export"), @r"
    Usage:  corten volume export [OPTIONS] VOLUME

    Export a volume's contents as a tar archive

    Options:
      -o, --output string   Write to a file, instead of STDOUT
    ");
    insta::assert_snapshot!(help("volume import"), @r"
    Usage:  corten volume import VOLUME [FILE|-]

    Fill an empty or new volume from a tar archive
    ");
    insta::assert_snapshot!(help("volume mount"), @r"
    Usage:  corten volume mount VOLUME [VOLUME...]

    Print where the files of volumes are on the host, and mount there what their options say
    ");
    insta::assert_snapshot!(help("volume unmount"), @r"
    Usage:  corten volume unmount VOLUME [VOLUME...]

    Take away what volume mount has mounted
    ");
}

#[test]
fn what_is_shown_on_the_host() {
    insta::assert_snapshot!(help("container mount"), @r"
    Usage:  corten container mount [OPTIONS] [CONTAINER...]

    Mount the files of containers on the host and print where, or list what is mounted

    Aliases:
      corten container mount, corten mount

    Options:
      -a, --all             All containers
          --format string   Format the list of what is mounted as 'json'
          --no-trunc        Don't truncate output
    ");
    insta::assert_snapshot!(help("container unmount"), @r"
    Usage:  corten container unmount [OPTIONS] CONTAINER [CONTAINER...]

    Take the files of containers away from the host

    Aliases:
      corten container unmount, corten container umount, corten unmount, corten umount

    Options:
      -a, --all     All containers that are mounted
      -f, --force   Also where somebody uses the files, or they are not mounted
    ");
    insta::assert_snapshot!(help("container clone"), @"
    Usage:  corten container clone [OPTIONS] CONTAINER [NAME [IMAGE]]

    Create a new container with the configuration of another one, without its files

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
          --files                      The new container has the original's files, too, as with corten
                                       clone
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
}
