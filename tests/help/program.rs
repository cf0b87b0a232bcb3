//! What the program itself says, its families, and the commands that are about neither containers nor images.
#![expect(clippy::too_many_lines, reason = "what a command says is data, not logic")]

use super::help;

#[test]
fn the_program_and_its_families() {
    insta::assert_snapshot!(help(""), @r#"
    Usage:  corten [OPTIONS] COMMAND

    A container engine without a daemon

    Common Commands:
      run      Create and run a new container from an image
      exec     Execute a command in a running container
      ps       List containers
      build    Build an image from a Dockerfile
      pull     Download an image from a registry
      push     Upload an image to a registry
      images   List images
      login    Authenticate to a registry
      logout   Log out from a registry
      search   Search Docker Hub, or the registry before the term, for images
      version  Show the Corten version information
      info     Display system-wide information

    Management Commands:
      apparmor     Manage AppArmor profiles
      builder      Manage builds
      buildx       Build images: Docker's other name for it
      chan         Speak libchan, and look at who speaks it
      checkpoint   Manage checkpoints of containers
      config       Manage configs
      container    Manage containers
      context      Manage contexts: servers that have names
      healthcheck  Manage health checks of containers
      image        Manage images
      lxc          Manage whole systems by LXC's tools and configurations
      manifest     Manage lists of manifests for several platforms
      network      Manage networks
      oci          Run OCI bundles, as runc does
      seccomp      Manage profiles of system calls
      secret       Manage secrets
      selinux      Manage Corten's types in the SELinux policy
      snapshot     Manage snapshots of containers
      system       Manage Corten
      template     Manage what images are built of
      volume       Manage volumes

    Commands:
      attach      Attach local standard input, output, and error streams to a running container
      autostart   Start what starts with the machine in turn, or restart, stop or list it
      bake        Build the targets of a bake file or a Compose file
      clone       Create a new container with the configuration and the files of another one, without copying them
      commit      Create a new image from a container's changes
      completion  Print the completion script of a shell
      console     Look at the console or a terminal of a running container
      cp          Copy files/folders between a container and the local filesystem
      create      Create a new container
      diff        Inspect changes to files or directories on a container's filesystem
      events      Get real time events
      export      Export a container's filesystem as a tar archive
      history     Show the history of an image
      import      Import the contents from a tarball to create a filesystem image
      inspect     Return low-level information on containers and images
      kill        Kill one or more running containers
      load        Load an image from a tar archive or STDIN
      logs        Fetch the logs of a container
      pause       Pause all processes within one or more containers
      port        List port mappings or a specific mapping for the container
      rename      Rename a container
      restart     Restart one or more containers
      rm          Remove one or more containers
      rmi         Remove one or more images
      save        Save one or more images to a tar archive (streamed to STDOUT by default)
      serve       Answer the Docker Engine API on a socket
      start       Start one or more stopped containers
      stats       Display a live stream of container(s) resource usage statistics
      stop        Stop one or more running containers
      tag         Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE
      top         Display the running processes of a container
      unpause     Unpause all processes within one or more containers
      update      Update configuration of one or more containers
      wait        Block until one or more containers stop, then print their exit codes

    Global Options:
      -c, --context string   Name of the context to connect to (or CORTEN_CONTEXT)
      -H, --host string      Server to connect to: unix://PATH, tcp://HOST:PORT or ssh://USER@HOST (or
                             CORTEN_HOST)
          --root string      Directory of images, layers and records (default "/var/lib/corten", or
                             CORTEN_ROOT)
          --state string     Directory of what does not survive a reboot (default "/run/corten", or
                             CORTEN_STATE)
          --tlscacert file   Trust only servers with certificates signed by this CA
          --tlscert file     TLS certificate for the server to know the caller by
          --tlskey file      Key of that certificate
      -v, --version          Print version information and quit

    Run 'corten COMMAND --help' for more information on a command.
    "#);
    insta::assert_snapshot!(help("container"), @"
    Usage:  corten container COMMAND

    Manage containers

    Commands:
      attach   Attach local standard input, output, and error streams to a running container
      clone    Create a new container with the configuration of another one, without its files
      commit   Create a new image from a container's changes
      console  Look at the console or a terminal of a running container
      cp       Copy files/folders between a container and the local filesystem
      create   Create a new container
      diff     Inspect changes to files or directories on a container's filesystem
      exec     Execute a command in a running container
      exists   Exit with 0 if there is such a container, with 1 if not
      export   Export a container's filesystem as a tar archive
      inspect  Display detailed information on one or more containers
      kill     Kill one or more running containers
      logs     Fetch the logs of a container
      ls       List containers
      mount    Mount the files of containers on the host and print where, or list what is mounted
      pause    Pause all processes within one or more containers
      port     List port mappings or a specific mapping for the container
      prune    Remove all stopped containers
      rename   Rename a container
      restart  Restart one or more containers
      rm       Remove one or more containers
      run      Create and run a new container from an image
      start    Start one or more stopped containers
      stats    Display a live stream of container(s) resource usage statistics
      stop     Stop one or more running containers
      top      Display the running processes of a container
      unmount  Take the files of containers away from the host
      unpause  Unpause all processes within one or more containers
      update   Update configuration of one or more containers
      wait     Block until one or more containers stop, then print their exit codes

    Run 'corten container COMMAND --help' for more information on a command.
    ");
    insta::assert_snapshot!(help("image"), @r"
    Usage:  corten image COMMAND

    Manage images

    Commands:
      build    Build an image from a Dockerfile
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
    ");
    // Its commands have a test of their own.
    assert!(help("oci").starts_with("Usage:  corten oci [OPTIONS] COMMAND\n"), "{}", help("oci"));
    insta::assert_snapshot!(help("system"), @r"
    Usage:  corten system COMMAND

    Manage Corten

    Commands:
      check          Check that everything on the disk is whole, and mend what is not
      df             Show disk usage
      dial-stdio     Proxy the stdio stream to the server's socket
      doctor         Tell what this user needs of this machine, and what mends what is not there
      events         Get real time events
      info           Display system-wide information
      install-units  Install the systemd unit that starts containers at boot and stops them at shutdown
      prune          Remove unused data
      settings       Show or change what holds for containers that are made
      start-all      Start every container that should run after a boot, by its restart policy
      stop-all       Stop every running container for a shutdown; those that should run after a boot will

    Run 'corten system COMMAND --help' for more information on a command.
    ");
    insta::assert_snapshot!(help("builder"), @r"
    Usage:  corten builder COMMAND

    Manage builds

    Commands:
      bake     Build the targets of a bake file or a Compose file
      build    Build an image from a Dockerfile
      du       List what builds keep, and what it takes
      history  Manage records of builds
      prune    Remove build cache

    Run 'corten builder COMMAND --help' for more information on a command.
    ");
    insta::assert_snapshot!(help("builder history"), @r"
    Usage:  corten builder history COMMAND

    Manage records of builds

    Commands:
      inspect  Show what is known of a build, the last one where none is named
      logs     Print what a build told, the last one where none is named
      ls       List builds that were
      rm       Remove records of builds

    Run 'corten builder history COMMAND --help' for more information on a command.
    ");
    assert_eq!(help("build history"), help("builder history"));
    insta::assert_snapshot!(help("template"), @"
    Usage:  corten template COMMAND

    Manage what images are built of

    Commands:
      build  Build an image of a template, or by a script with LXC's interface
      list   List what images can be built of
      show   Show what a template makes, which options it takes and what this machine lacks for it

    Run 'corten template COMMAND --help' for more information on a command.
    ");
}

#[test]
fn the_rest() {
    insta::assert_snapshot!(help("version"), @r"
    Usage:  corten version [OPTIONS]

    Show the Corten version information

    Options:
      -f, --format string   Format output using a Go template, or 'json'
    ");
    insta::assert_snapshot!(help("info"), @r"
    Usage:  corten info [OPTIONS]

    Display system-wide information

    Aliases:
      corten info, corten system info

    Options:
      -f, --format string   Format output using a Go template, or 'json'
    ");
    insta::assert_snapshot!(help("oci plan"), @r"
    Usage:  corten oci plan BUNDLE

    Print what a bundle's configuration comes to, step by step
    ");
    insta::assert_snapshot!(help("completion"), @r"
    Usage:  corten completion bash|fish|zsh

    Print the completion script of a shell
    ");
}
