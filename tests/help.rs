//! What `--help` says of every command: inline snapshots, so that a change of a text is seen by who reviews it.

#[cfg(test)]
#[expect(clippy::too_many_lines, reason = "what a command says is data, not logic")]
mod tests {
    use testkit::Corten;

    /// Every way to ask says the same.
    #[track_caller]
    fn help(command: &str) -> String {
        let corten = Corten::new(env!("CARGO_BIN_EXE_corten"));
        let words: Vec<&str> = command.split(' ').filter(|word| !word.is_empty()).collect();
        let text = corten.ok(&[&words[..], &["--help"]].concat());
        assert_eq!(corten.ok(&[&["help"], &words[..]].concat()), text);
        assert_eq!(corten.ok(&[&["--help"], &words[..]].concat()), text);
        text
    }

    #[test]
    fn the_program_and_its_families() {
        insta::assert_snapshot!(help(""), @r#"
        Usage:  corten [OPTIONS] COMMAND

        A container engine without a daemon

        Common Commands:
          run      Create and run a new container from an image
          exec     Execute a command in a running container
          ps       List containers
          pull     Download an image from a registry
          push     Upload an image to a registry
          images   List images
          login    Authenticate to a registry
          logout   Log out from a registry
          search   Search Docker Hub, or the registry before the term, for images
          version  Show the Corten version information
          info     Display system-wide information

        Management Commands:
          container  Manage containers
          image      Manage images
          manifest   Manage lists of manifests for several platforms
          oci        Run OCI bundles, as runc does
          system     Manage Corten
          template   Manage what images are built of

        Templates and images:
          template list      List what images can be built of
          template build     Build an image from this machine's own packages: busybox or debian
          load               Load an image from a tar archive or STDIN
          import             Import the contents from a tarball to create a filesystem image
          save               Save one or more images to a tar archive (streamed to STDOUT by default)
          rmi                Remove one or more images
          tag                Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE
          history            Show the history of an image
          image inspect      Display detailed information on one or more images
          image copy         Copy an image among registries, OCI layouts, archives and the store, byte for byte
          manifest create    Create a local manifest list for annotating and pushing to a registry
          manifest annotate  Add additional information to a local image manifest
          manifest inspect   Display an image manifest, or manifest list
          manifest push      Push a manifest list to a repository
          manifest rm        Delete one or more manifest lists from local storage
          image verify       Verify the signatures of an image at its registry
          image prune        Remove unused images

        Commands:
          container prune  Remove all stopped containers
          system df        Show disk usage
          system prune     Remove unused data
          system check     Check that everything on the disk is whole, and mend what is not
          attach           Attach local standard input, output, and error streams to a running container
          commit           Create a new image from a container's changes
          create           Create a new container
          diff             Inspect changes to files or directories on a container's filesystem
          export           Export a container's filesystem as a tar archive
          inspect          Return low-level information on containers and images
          kill             Kill one or more running containers
          logs             Fetch the logs of a container
          pause            Pause all processes within one or more containers
          rm               Remove one or more containers
          start            Start one or more stopped containers
          stop             Stop one or more running containers
          top              Display the running processes of a container
          unpause          Unpause all processes within one or more containers
          wait             Block until one or more containers stop, then print their exit codes
          completion       Print the completion script of a shell

        Global Options:
              --root string    Directory of images, layers and records (default "/var/lib/corten", or
                               CORTEN_ROOT)
              --state string   Directory of what does not survive a reboot (default "/run/corten", or
                               CORTEN_STATE)
          -v, --version        Print version information and quit

        Run 'corten COMMAND --help' for more information on a command.
        "#);
        insta::assert_snapshot!(help("container"), @r#"
        Usage:  corten container COMMAND

        Manage containers

        Commands:
          attach   Attach local standard input, output, and error streams to a running container
          commit   Create a new image from a container's changes
          create   Create a new container
          diff     Inspect changes to files or directories on a container's filesystem
          exec     Execute a command in a running container
          export   Export a container's filesystem as a tar archive
          inspect  Return low-level information on containers and images
          kill     Kill one or more running containers
          logs     Fetch the logs of a container
          ls       List containers
          pause    Pause all processes within one or more containers
          prune    Remove all stopped containers
          rm       Remove one or more containers
          run      Create and run a new container from an image
          start    Start one or more stopped containers
          stop     Stop one or more running containers
          top      Display the running processes of a container
          unpause  Unpause all processes within one or more containers
          wait     Block until one or more containers stop, then print their exit codes

        Run 'corten container COMMAND --help' for more information on a command.
        "#);
        insta::assert_snapshot!(help("image"), @r#"
        Usage:  corten image COMMAND

        Manage images

        Commands:
          copy     Copy an image among registries, OCI layouts, archives and the store, byte for byte
          history  Show the history of an image
          import   Import the contents from a tarball to create a filesystem image
          inspect  Display detailed information on one or more images
          load     Load an image from a tar archive or STDIN
          ls       List images
          prune    Remove unused images
          pull     Download an image from a registry
          push     Upload an image to a registry
          rm       Remove one or more images
          save     Save one or more images to a tar archive (streamed to STDOUT by default)
          tag      Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE
          verify   Verify the signatures of an image at its registry

        Run 'corten image COMMAND --help' for more information on a command.
        "#);
        // Its commands have a test of their own.
        assert!(
            help("oci").starts_with("Usage:  corten oci [OPTIONS] COMMAND\n"),
            "{}",
            help("oci")
        );
        insta::assert_snapshot!(help("system"), @r#"
        Usage:  corten system COMMAND

        Manage Corten

        Commands:
          check  Check that everything on the disk is whole, and mend what is not
          df     Show disk usage
          info   Display system-wide information
          prune  Remove unused data

        Run 'corten system COMMAND --help' for more information on a command.
        "#);
        insta::assert_snapshot!(help("template"), @r#"
        Usage:  corten template COMMAND

        Manage what images are built of

        Commands:
          build  Build an image from this machine's own packages: busybox or debian
          list   List what images can be built of

        Run 'corten template COMMAND --help' for more information on a command.
        "#);
    }

    #[test]
    fn run_and_create() {
        insta::assert_snapshot!(help("run"), @r#"
        Usage:  corten run [OPTIONS] IMAGE [COMMAND] [ARG...]

        Create and run a new container from an image

        Aliases:
          corten run, corten container run

        Options:
              --cap-add list         Add Linux capabilities
              --cap-drop list        Drop Linux capabilities
              --cidfile string       Write the container ID to the file
          -c, --cpu-shares int       CPU shares (relative weight)
              --cpus decimal         Number of CPUs
              --cpuset-cpus string   CPUs in which to allow execution (0-3, 0,1)
          -d, --detach               Run container in background and print container ID
              --detach-keys string   Override the key sequence for detaching a container
              --device list          Add a host device to the container
              --entrypoint string    Overwrite the default ENTRYPOINT of the image
          -e, --env list             Set environment variables
              --env-file list        Read in a file of environment variables
              --explain              Print what would be done, step by step, and do nothing
          -h, --hostname string      Container host name
              --init                 Run an init inside the container that forwards signals and reaps
                                     processes
          -i, --interactive          Keep STDIN open even if not attached
          -l, --label list           Set meta data on a container
          -m, --memory bytes         Memory limit
              --memory-swap bytes    Swap limit equal to memory plus swap: '-1' to enable unlimited swap
              --mount mount          Attach a filesystem mount to the container
              --name string          Assign a name to the container
              --network network      Connect a container to a network: none, host or container:NAME
              --pids-limit int       Tune container pids limit (set -1 for unlimited)
              --platform string      Image for this platform: OS/ARCHITECTURE[/VARIANT]
              --privileged           Give extended privileges to this container
              --pull string          Pull image before running ("always", "missing", "never")
          -q, --quiet                Suppress the pull output
              --read-only            Mount the container's root filesystem as read only
              --rm                   Automatically remove the container when it exits
              --security-opt list    Security Options
              --sig-proxy            Proxy received signals to the process (default true)
              --stop-signal string   Signal to stop the container
              --stop-timeout int     Timeout (in seconds) to stop a container
              --sysctl map           Sysctl options
              --tmpfs list           Mount a tmpfs directory
          -t, --tty                  Allocate a pseudo-TTY
              --ulimit ulimit        Ulimit options
          -u, --user string          Username or UID (format: <name|uid>[:<group|gid>])
          -v, --volume list          Bind mount a volume
          -w, --workdir string       Working directory inside the container
        "#);
        insta::assert_snapshot!(help("create"), @r#"
        Usage:  corten create [OPTIONS] IMAGE [COMMAND] [ARG...]

        Create a new container

        Aliases:
          corten create, corten container create

        Options:
              --cap-add list         Add Linux capabilities
              --cap-drop list        Drop Linux capabilities
              --cidfile string       Write the container ID to the file
          -c, --cpu-shares int       CPU shares (relative weight)
              --cpus decimal         Number of CPUs
              --cpuset-cpus string   CPUs in which to allow execution (0-3, 0,1)
              --device list          Add a host device to the container
              --entrypoint string    Overwrite the default ENTRYPOINT of the image
          -e, --env list             Set environment variables
              --env-file list        Read in a file of environment variables
              --explain              Print what would be done, step by step, and do nothing
          -h, --hostname string      Container host name
              --init                 Run an init inside the container that forwards signals and reaps
                                     processes
          -i, --interactive          Keep STDIN open even if not attached
          -l, --label list           Set meta data on a container
          -m, --memory bytes         Memory limit
              --memory-swap bytes    Swap limit equal to memory plus swap: '-1' to enable unlimited swap
              --mount mount          Attach a filesystem mount to the container
              --name string          Assign a name to the container
              --network network      Connect a container to a network: none, host or container:NAME
              --pids-limit int       Tune container pids limit (set -1 for unlimited)
              --platform string      Image for this platform: OS/ARCHITECTURE[/VARIANT]
              --privileged           Give extended privileges to this container
              --pull string          Pull image before running ("always", "missing", "never")
          -q, --quiet                Suppress the pull output
              --read-only            Mount the container's root filesystem as read only
              --rm                   Automatically remove the container when it exits
              --security-opt list    Security Options
              --stop-signal string   Signal to stop the container
              --stop-timeout int     Timeout (in seconds) to stop a container
              --sysctl map           Sysctl options
              --tmpfs list           Mount a tmpfs directory
          -t, --tty                  Allocate a pseudo-TTY
              --ulimit ulimit        Ulimit options
          -u, --user string          Username or UID (format: <name|uid>[:<group|gid>])
          -v, --volume list          Bind mount a volume
          -w, --workdir string       Working directory inside the container
        "#);
    }

    #[test]
    fn containers() {
        insta::assert_snapshot!(help("exec"), @r#"
        Usage:  corten exec [OPTIONS] CONTAINER COMMAND [ARG...]

        Execute a command in a running container

        Aliases:
          corten exec, corten container exec

        Options:
          -d, --detach               Detached mode: run command in the background
              --detach-keys string   Override the key sequence for detaching a container
          -e, --env list             Set environment variables
              --env-file list        Read in a file of environment variables
          -i, --interactive          Keep STDIN open even if not attached
              --privileged           Give extended privileges to the command
          -t, --tty                  Allocate a pseudo-TTY
          -u, --user string          Username or UID (format: <name|uid>[:<group|gid>])
          -w, --workdir string       Working directory inside the container
        "#);
        insta::assert_snapshot!(help("ps"), @r#"
        Usage:  corten ps [OPTIONS]

        List containers

        Aliases:
          corten ps, corten container ls, corten container list, corten container ps

        Options:
          -a, --all             Show all containers (default shows just running)
          -f, --filter filter   Filter output based on conditions provided
              --format string   Format output using a Go template, or 'json'
          -n, --last int        Show n last created containers (includes all states)
          -l, --latest          Show the latest created container (includes all states)
              --no-trunc        Don't truncate output
          -q, --quiet           Only display IDs
          -s, --size            Display total file sizes
        "#);
        insta::assert_snapshot!(help("attach"), @r#"
        Usage:  corten attach [OPTIONS] CONTAINER

        Attach local standard input, output, and error streams to a running container

        Aliases:
          corten attach, corten container attach

        Options:
              --detach-keys string   Override the key sequence for detaching a container
              --no-stdin             Do not attach STDIN
              --sig-proxy            Proxy received signals to the process (default true)
        "#);
        insta::assert_snapshot!(help("inspect"), @r#"
        Usage:  corten inspect [OPTIONS] NAME|ID [NAME|ID...]

        Return low-level information on containers and images

        Aliases:
          corten inspect, corten container inspect

        Options:
          -f, --format string   Format output using a Go template, or 'json'
          -s, --size            Display total file sizes if the type is container
              --type string     Return JSON for specified type: container or image
        "#);
        insta::assert_snapshot!(help("kill"), @r#"
        Usage:  corten kill [OPTIONS] CONTAINER [CONTAINER...]

        Kill one or more running containers

        Aliases:
          corten kill, corten container kill

        Options:
          -s, --signal string   Signal to send to the container
        "#);
        insta::assert_snapshot!(help("logs"), @r#"
        Usage:  corten logs [OPTIONS] CONTAINER

        Fetch the logs of a container

        Aliases:
          corten logs, corten container logs

        Options:
          -f, --follow         Follow log output
              --since string   Show logs since timestamp (e.g. "2013-01-02T13:23:37Z") or relative (e.g.
                               "42m")
          -n, --tail string    Number of lines to show from the end of the logs (default "all")
          -t, --timestamps     Show timestamps
              --until string   Show logs before a timestamp or relative (e.g. "42m")
        "#);
        insta::assert_snapshot!(help("pause"), @r#"
        Usage:  corten pause CONTAINER [CONTAINER...]

        Pause all processes within one or more containers

        Aliases:
          corten pause, corten container pause
        "#);
        insta::assert_snapshot!(help("rm"), @r#"
        Usage:  corten rm [OPTIONS] CONTAINER [CONTAINER...]

        Remove one or more containers

        Aliases:
          corten rm, corten container rm, corten container remove

        Options:
          -f, --force     Force the removal of a running container (uses SIGKILL)
          -v, --volumes   Remove anonymous volumes associated with the container
        "#);
        insta::assert_snapshot!(help("start"), @r#"
        Usage:  corten start [OPTIONS] CONTAINER [CONTAINER...]

        Start one or more stopped containers

        Aliases:
          corten start, corten container start

        Options:
          -a, --attach               Attach STDOUT/STDERR and forward signals
              --detach-keys string   Override the key sequence for detaching a container
          -i, --interactive          Attach container's STDIN
              --sig-proxy            Proxy received signals to the process (default true)
        "#);
        insta::assert_snapshot!(help("stop"), @r#"
        Usage:  corten stop [OPTIONS] CONTAINER [CONTAINER...]

        Stop one or more running containers

        Aliases:
          corten stop, corten container stop

        Options:
          -s, --signal string   Signal to send to the container
          -t, --timeout int     Seconds to wait before killing the container
        "#);
        insta::assert_snapshot!(help("top"), @r#"
        Usage:  corten top CONTAINER [ps OPTIONS]

        Display the running processes of a container

        Aliases:
          corten top, corten container top
        "#);
        insta::assert_snapshot!(help("unpause"), @r#"
        Usage:  corten unpause CONTAINER [CONTAINER...]

        Unpause all processes within one or more containers

        Aliases:
          corten unpause, corten container unpause
        "#);
        insta::assert_snapshot!(help("wait"), @r#"
        Usage:  corten wait CONTAINER [CONTAINER...]

        Block until one or more containers stop, then print their exit codes

        Aliases:
          corten wait, corten container wait
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

    #[test]
    fn the_rest() {
        insta::assert_snapshot!(help("version"), @r#"
        Usage:  corten version [OPTIONS]

        Show the Corten version information

        Options:
          -f, --format string   Format output using a Go template, or 'json'
        "#);
        insta::assert_snapshot!(help("info"), @r#"
        Usage:  corten info [OPTIONS]

        Display system-wide information

        Aliases:
          corten info, corten system info

        Options:
          -f, --format string   Format output using a Go template, or 'json'
        "#);
        insta::assert_snapshot!(help("oci plan"), @r#"
        Usage:  corten oci plan BUNDLE

        Print what a bundle's configuration comes to, step by step
        "#);
        insta::assert_snapshot!(help("completion"), @r#"
        Usage:  corten completion bash|fish|zsh

        Print the completion script of a shell
        "#);
    }
}
