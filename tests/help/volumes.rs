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
      prune     Remove unused local volumes
      rename    Rename a volume that no container has
      restore   Give a volume what a snapshot of it holds
      rm        Remove one or more volumes
      snapshot  Keep what a volume holds now under a name
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
}
