//! What the commands on containers say.
#![expect(clippy::too_many_lines, reason = "what a command says is data, not logic")]

use super::help;

#[test]
fn containers() {
    insta::assert_snapshot!(help("exec"), @r"
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
          --security-opt list    Security options of the command (apparmor=PROFILE)
      -t, --tty                  Allocate a pseudo-TTY
      -u, --user string          Username or UID (format: <name|uid>[:<group|gid>])
      -w, --workdir string       Working directory inside the container
    ");
    insta::assert_snapshot!(help("ps"), @r"
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
    ");
    insta::assert_snapshot!(help("attach"), @r"
    Usage:  corten attach [OPTIONS] CONTAINER

    Attach local standard input, output, and error streams to a running container

    Aliases:
      corten attach, corten container attach

    Options:
          --detach-keys string   Override the key sequence for detaching a container
          --no-stdin             Do not attach STDIN
          --sig-proxy            Proxy received signals to the process (default true)
    ");
    insta::assert_snapshot!(help("inspect"), @r"
    Usage:  corten inspect [OPTIONS] NAME|ID [NAME|ID...]

    Return low-level information on containers and images

    Options:
      -f, --format string   Format output using a Go template, or 'json'
      -s, --size            Display total file sizes if the type is container
          --type string     Return JSON for specified type: container or image
    ");
    insta::assert_snapshot!(help("kill"), @r"
    Usage:  corten kill [OPTIONS] CONTAINER [CONTAINER...]

    Kill one or more running containers

    Aliases:
      corten kill, corten container kill

    Options:
      -a, --all             All containers that it can be done to
          --filter filter   Those that meet conditions, as in ps
      -s, --signal string   Signal to send to the container
    ");
    insta::assert_snapshot!(help("logs"), @r#"
    Usage:  corten logs [OPTIONS] CONTAINER

    Fetch the logs of a container

    Aliases:
      corten logs, corten container logs

    Options:
          --details        Show extra details provided to logs
      -f, --follow         Follow log output
          --since string   Show logs since timestamp (e.g. "2013-01-02T13:23:37Z") or relative (e.g.
                           "42m")
      -n, --tail string    Number of lines to show from the end of the logs (default "all")
      -t, --timestamps     Show timestamps
          --until string   Show logs before a timestamp or relative (e.g. "42m")
    "#);
    insta::assert_snapshot!(help("pause"), @r"
    Usage:  corten pause [OPTIONS] CONTAINER [CONTAINER...]

    Pause all processes within one or more containers

    Aliases:
      corten pause, corten container pause

    Options:
      -a, --all             All containers that it can be done to
          --filter filter   Those that meet conditions, as in ps
    ");
    insta::assert_snapshot!(help("rm"), @r"
    Usage:  corten rm [OPTIONS] CONTAINER [CONTAINER...]

    Remove one or more containers

    Aliases:
      corten rm, corten container rm, corten container remove

    Options:
      -a, --all             All containers that it can be done to
          --filter filter   Those that meet conditions, as in ps
      -f, --force           Force the removal of a running container (uses SIGKILL)
      -v, --volumes         Remove anonymous volumes associated with the container
    ");
    insta::assert_snapshot!(help("start"), @r"
    Usage:  corten start [OPTIONS] CONTAINER [CONTAINER...]

    Start one or more stopped containers

    Aliases:
      corten start, corten container start

    Options:
          --all                     All containers that it can be done to
      -a, --attach                  Attach STDOUT/STDERR and forward signals
          --checkpoint string       Restore from this checkpoint
          --checkpoint-dir string   Directory of checkpoints (default: the container's own)
          --detach-keys string      Override the key sequence for detaching a container
          --filter filter           Those that meet conditions, as in ps
      -i, --interactive             Attach container's STDIN
          --sig-proxy               Proxy received signals to the process (default true)
    ");
    insta::assert_snapshot!(help("stop"), @r"
    Usage:  corten stop [OPTIONS] CONTAINER [CONTAINER...]

    Stop one or more running containers

    Aliases:
      corten stop, corten container stop

    Options:
      -a, --all             All containers that it can be done to
          --filter filter   Those that meet conditions, as in ps
      -s, --signal string   Signal to send to the container
      -t, --timeout int     Seconds to wait before killing the container
    ");
    insta::assert_snapshot!(help("top"), @r"
    Usage:  corten top CONTAINER [ps OPTIONS]

    Display the running processes of a container

    Aliases:
      corten top, corten container top
    ");
    insta::assert_snapshot!(help("unpause"), @r"
    Usage:  corten unpause [OPTIONS] CONTAINER [CONTAINER...]

    Unpause all processes within one or more containers

    Aliases:
      corten unpause, corten container unpause

    Options:
      -a, --all             All containers that it can be done to
          --filter filter   Those that meet conditions, as in ps
    ");
    insta::assert_snapshot!(help("wait"), @r"
    Usage:  corten wait [OPTIONS] CONTAINER [CONTAINER...]

    Block until one or more containers stop, then print their exit codes

    Aliases:
      corten wait, corten container wait

    Options:
          --condition string    Wait for not-running, next-exit, removed, created, running, paused,
                                exited, healthy or unhealthy (default not-running)
      -i, --interval duration   Look at least so often (default 250ms)
    ");
}
