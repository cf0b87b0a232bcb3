//! What the commands on images say, and those that make images of containers and archives.
#![expect(clippy::too_many_lines, reason = "what a command says is data, not logic")]

use super::help;

#[test]
fn images() {
    insta::assert_snapshot!(help("images"), @r#"
    Usage:  corten images [OPTIONS] [REPOSITORY[:TAG]]

    List images

    Aliases:
      corten images, corten image ls, corten image list

    Options:
      -a, --all             Show all images
          --digests         Show digests
      -f, --filter filter   Filter output based on conditions provided
          --format string   Format output using a Go template, or 'json'
          --no-trunc        Don't truncate output
      -q, --quiet           Only display IDs
          --tree            List each image below the index that it came in
    "#);
    insta::assert_snapshot!(help("template list"), @r#"
    Usage:  corten template list

    List what images can be built of

    Aliases:
      corten template list, corten template ls
    "#);
    insta::assert_snapshot!(help("template build"), @r#"
    Usage:  corten template build [OPTIONS] TEMPLATE

    Build an image from this machine's own packages: busybox or debian

    Options:
          --mirror string   Package archive (default: this machine's own)
          --package list    Package to install beside the essential ones
          --suite string    Release to build (default: this machine's own)
    "#);
    insta::assert_snapshot!(help("load"), @r#"
    Usage:  corten load [OPTIONS]

    Load an image from a tar archive or STDIN

    Aliases:
      corten load, corten image load

    Options:
      -i, --input string      Read from an archive file or an OCI layout directory, instead of STDIN
          --platform string   Load only what is for the given platform, as linux/arm64
      -q, --quiet             Suppress the load output
    "#);
    insta::assert_snapshot!(help("import"), @r#"
    Usage:  corten import [OPTIONS] file|- [REPOSITORY[:TAG]]

    Import the contents from a tarball to create a filesystem image

    Aliases:
      corten import, corten image import

    Options:
      -c, --change list       Apply Dockerfile instruction to the created image
      -m, --message string    Set commit message for imported image
          --platform string   Set platform if the image is for another machine
    "#);
    insta::assert_snapshot!(help("save"), @r#"
    Usage:  corten save [OPTIONS] IMAGE [IMAGE...]

    Save one or more images to a tar archive (streamed to STDOUT by default)

    Aliases:
      corten save, corten image save

    Options:
      -o, --output string     Write to a file, instead of STDOUT
          --platform string   Save only what is for the given platform, as linux/arm64
    "#);
    insta::assert_snapshot!(help("export"), @r#"
    Usage:  corten export [OPTIONS] CONTAINER

    Export a container's filesystem as a tar archive

    Aliases:
      corten export, corten container export

    Options:
      -o, --output string   Write to a file, instead of STDOUT
    "#);
    insta::assert_snapshot!(help("commit"), @r#"
    Usage:  corten commit [OPTIONS] CONTAINER [REPOSITORY[:TAG]]

    Create a new image from a container's changes

    Aliases:
      corten commit, corten container commit

    Options:
      -a, --author string    Author (e.g., "Ada Lovelace <ada@example.org>")
      -c, --change list      Apply Dockerfile instruction to the created image
      -m, --message string   Commit message
      -p, --pause            Pause container during commit (default true)
    "#);
    insta::assert_snapshot!(help("diff"), @r#"
    Usage:  corten diff CONTAINER

    Inspect changes to files or directories on a container's filesystem

    Aliases:
      corten diff, corten container diff
    "#);
    insta::assert_snapshot!(help("rmi"), @r#"
    Usage:  corten rmi [OPTIONS] IMAGE [IMAGE...]

    Remove one or more images

    Aliases:
      corten rmi, corten image rm, corten image remove

    Options:
      -f, --force           Force removal of the image
          --no-prune        Do not delete untagged parents (there are none to delete)
          --platform list   Remove only what is for the given platform, as linux/arm64
    "#);
    insta::assert_snapshot!(help("tag"), @r#"
    Usage:  corten tag SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]

    Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE

    Aliases:
      corten tag, corten image tag
    "#);
    insta::assert_snapshot!(help("history"), @r#"
    Usage:  corten history [OPTIONS] IMAGE

    Show the history of an image

    Aliases:
      corten history, corten image history

    Options:
          --format string     Format output using a Go template, or 'json'
      -H, --human             Print sizes and dates in human readable format (default true)
          --no-trunc          Don't truncate output
          --platform string   Show the history of what is for the given platform only
      -q, --quiet             Only display IDs
    "#);
    insta::assert_snapshot!(help("image inspect"), @r#"
    Usage:  corten image inspect [OPTIONS] IMAGE [IMAGE...]

    Display detailed information on one or more images

    Options:
      -f, --format string     Format output using a Go template, or 'json'
          --platform string   Inspect what is for the given platform only
    "#);
}
