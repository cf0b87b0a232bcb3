//! What the commands on images say, and those that make images of containers and archives.
#![expect(clippy::too_many_lines, reason = "what a command says is data, not logic")]

use super::help;

#[test]
fn building() {
    insta::assert_snapshot!(help("build"), @r#"
    Usage:  corten build [OPTIONS] PATH | URL | -

    Build an image from a Dockerfile

    Aliases:
      corten build, corten image build, corten builder build, corten buildx build

    Options:
          --add-host list              Add a custom host-to-IP mapping (host:ip) for RUN
          --allow strings              Allow what steps ask for: network.host, security.insecure,
                                       device[=NAME]
          --annotation list            Add an annotation:
                                       [manifest:|index:|manifest-descriptor:|index-descriptor:]KEY=VALUE
          --attest list                Say more of the image: type=sbom, type=provenance[,mode=min|max]
          --blkio-weight uint16        Block IO (relative weight), between 10 and 1000, or 0 to disable
                                       (default 0)
          --build-arg list             Set build-time variables; a NAME alone takes the caller's
          --build-context list         Additional contexts (NAME=DIRECTORY|URL|docker-image://IMAGE)
          --builder string             There is one builder, this program; others are refused
          --cache-from list            Places to take the cache from (type=local|registry|inline,...)
          --cache-to list              Places to put the cache at (type=local|registry|inline,...)
          --call string                What is done: build, check, outline, targets, the last three with
                                       ,format=json (default "build")
          --cgroup-parent string       Parent cgroup of RUN instructions
          --check                      Check the Dockerfile and build nothing (--call=check)
          --compress                   Has no effect: the context is not sent anywhere
          --cpu-period int             Limit CPU CFS (Completely Fair Scheduler) period
          --cpu-quota int              Limit CPU CFS (Completely Fair Scheduler) quota
          --cpu-rt-period int          Limit CPU real-time period in microseconds
          --cpu-rt-runtime int         Limit CPU real-time runtime in microseconds
      -c, --cpu-shares int             CPU shares (relative weight)
          --cpus decimal               Number of CPUs
          --cpuset-cpus string         CPUs in which to allow execution (0-3, 0,1)
          --cpuset-mems string         MEMs in which to allow execution (0-3, 0,1)
          --disable-content-trust      Has no effect: signatures are verified as the policy says
                                       (default true)
          --explain                    Say of each step that was not in the cache why it was not
      -f, --file string                Name of the Dockerfile, or - for standard input (default
                                       "PATH/Dockerfile"); a bake file (.hcl, .json) is baked
          --force-rm                   Has no effect: no intermediate container is ever left
          --iidfile file               Write the image ID to a file
          --isolation string           Container isolation technology: default
          --label list                 Set metadata for an image
          --load                       Keep the image in the store, which is so unless --output says
                                       otherwise
      -m, --memory bytes               Memory limit
          --memory-reservation bytes   Memory soft limit
          --memory-swap bytes          Swap limit equal to memory plus swap: '-1' to enable unlimited
                                       swap
          --metadata-file file         Write what was built to a file, as JSON
          --network string             Network of RUN instructions: default, none, host or the name of
                                       one
          --no-cache                   Take nothing from the cache
          --no-cache-filter strings    Take nothing from the cache for these stages
          --on-error string            What to do with a step that failed: shell opens one as the step
                                       left everything
      -o, --output list                Where the result goes
                                       (type=image|registry|docker|oci|tar|local|cacheonly[,dest=PATH]),
                                       or a directory, or -
          --pids-limit int             Tune container pids limit (set -1 for unlimited)
          --platform string            Machines that images are for: OS/ARCHITECTURE[/VARIANT],...
          --progress string            How progress is shown: auto, plain, tty, json, rawjson, quiet
                                       (default "auto")
          --provenance string          Say how it was built: true, false, mode=min|max (default "false")
          --pull[=string]              Ask registries for bases: always (the bare flag), missing, never
                                       (default "missing")
          --push                       Push the image to the registries of its names
      -q, --quiet                      Suppress the build output and print image ID on success
          --rm                         Has no effect: no intermediate container is ever left (default
                                       true)
          --sbom string                Say which packages it holds: true, false (default "false")
          --secret list                Secret of RUN --mount=type=secret:
                                       id=NAME[,src=FILE|,env=VARIABLE]
          --security-opt strings       Security options of RUN instructions
          --shm-size bytes             Size of /dev/shm of RUN instructions (default 64m)
          --squash                     Make one layer of those of the build
          --squash-all                 Make one layer of all of the image, its base's too
          --ssh list                   Agent of RUN --mount=type=ssh: default or
                                       NAME[=SOCKET|KEY[,KEY...]]
      -t, --tag list                   Name and optionally a tag for the image (format: "name:tag")
          --target string              Stage that is built (default: the last)
          --ulimit ulimit              Ulimit options of RUN instructions
    "#);
}

#[test]
fn baking() {
    insta::assert_snapshot!(help("bake"), @r#"
    Usage:  corten bake [OPTIONS] [TARGET...]

    Build the targets of a bake file or a Compose file

    Aliases:
      corten bake, corten buildx bake, corten builder bake, corten buildx f

    Options:
          --allow strings        Let targets have what they ask for: network.host, security.insecure,
                                 ssh, fs.read=PATH, fs.write=PATH, fs=PATH
          --builder string       There is one builder, this program; others are refused
          --call string          What is done with each target: build, check (default "build")
          --check                Check the Dockerfiles and build nothing (--call=check)
          --explain              Say of each step that was not in the cache why it was not
      -f, --file list            Bake or Compose file, or - for standard input (default: those of the
                                 usual names)
          --list string          List targets or variables (targets|variables[,format=json])
          --list-targets         The same as --list targets
          --list-variables       The same as --list variables
          --load                 Keep the images in the store, too (--set=*.load=true)
          --metadata-file file   Write what was built to a file, as JSON by target
          --no-cache             Take nothing from the cache (--set=*.no-cache=true)
          --policy strings       Rules for sources (not there yet)
          --print                Print what would be built as JSON, and build nothing
          --progress string      How progress is shown: auto, plain, tty, json, rawjson, quiet (default
                                 "auto")
          --provenance string    Provenance attestation (--set=*.attest=type=provenance)
          --pull[=bool]          Ask registries for bases always (--set=*.pull=true)
          --push                 Push the images to the registries of their names (--set=*.push=true)
      -q, --quiet                Suppress the build output and print image IDs on success
          --sbom string          SBOM attestation (--set=*.attest=type=sbom)
          --set list             Override a value of targets: PATTERN.KEY[.NAME]=VALUE, += adds to a
                                 list
          --var list             Set a variable of the files: NAME=VALUE
    "#);
}

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
    insta::assert_snapshot!(help("template list"), @"
    Usage:  corten template list [OPTIONS]

    List what images can be built of

    Aliases:
      corten template list, corten template ls

    Options:
          --format string   Format output using a Go template, or 'json'
      -q, --quiet           Only display names
    ");
    insta::assert_snapshot!(help("template build"), @r#"
    Usage:  corten template build [OPTIONS] TEMPLATE [IMAGE] [-- ARG...]

    Build an image of a template, or by a script with LXC's interface

    Options:
          --apk file         Program apk to build with, statically linked (alpine)
      -a, --arch string      Architecture (alpine, download; default: this machine's own)
      -d, --dist string      Distribution (download)
          --keyring file     Keys that must have signed what is fetched (debian, ubuntu, alpine,
                             download)
      -l, --list             List the images that there are (download)
      -m, --metadata file    Archive of LXC's metadata for it (local)
          --mirror url       Package archive (debian, ubuntu, alpine; default: this machine's own)
          --name string      Name of a container that the script is told (scripts)
          --no-validate      Take what nobody has signed over an open connection (alpine, download)
          --package list     Package to install beside the essential ones (debian, ubuntu, alpine)
      -r, --release string   Release (alpine, download)
      -f, --rootfs file      Archive of the root file system (local)
          --server url       Image server, or a directory (download; default
                             "https://images.linuxcontainers.org")
          --suite string     Release to build (debian, ubuntu; default: this machine's own)
      -t, --tag name         Name of the image (default: the template's, with its release)
          --variant string   Variant of the image (download; default "default")

    Examples:
      A system of this machine's own packages:
        corten template build debian --package systemd-sysv
      An image of an image server:
        corten template build download -d alpine -r 3.20
      A root file system in an archive:
        corten template build local --rootfs root.tar.xz
      LXC's own script, with its arguments:
        corten template build lxc-busybox -- --busybox-path /bin/busybox
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
