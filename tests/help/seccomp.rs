//! What the commands on profiles of system calls say.

use super::help;

#[test]
fn profiles() {
    insta::assert_snapshot!(help("seccomp"), @r"
    Usage:  corten seccomp COMMAND

    Manage profiles of system calls

    Commands:
      record  Start a container, and propose a profile of the system calls that it makes until it ends

    Run 'corten seccomp COMMAND --help' for more information on a command.
    ");
    insta::assert_snapshot!(help("seccomp record"), @r"
    Usage:  corten seccomp record [OPTIONS] CONTAINER

    Start a container, and propose a profile of the system calls that it makes until it ends

    Options:
          --base file     Add to this earlier profile what it lacks
      -o, --output file   Write the profile to a file (default: standard output)
    ");
}
