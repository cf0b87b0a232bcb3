//! What the commands on profiles of system calls say.

use super::help;

#[test]
fn profiles() {
    insta::assert_snapshot!(help("seccomp"), @r"
    Usage:  corten seccomp COMMAND

    Manage profiles of system calls

    Commands:
      print   Print the default profile, or another that --security-opt seccomp=PROFILE takes, as it is for a container here
      record  Start a container, and propose a profile of the system calls that it makes until it ends

    Run 'corten seccomp COMMAND --help' for more information on a command.
    ");
    insta::assert_snapshot!(help("seccomp print"), @r"
    Usage:  corten seccomp print [OPTIONS] [PROFILE]

    Print the default profile, or another that --security-opt seccomp=PROFILE takes, as it is for a container here

    Options:
          --cap-add list    Capabilities that the container has beside the default ones
          --cap-drop list   Capabilities that it lacks
    ");
    insta::assert_snapshot!(help("seccomp record"), @r"
    Usage:  corten seccomp record [OPTIONS] CONTAINER

    Start a container, and propose a profile of the system calls that it makes until it ends

    Options:
          --base file     Add to this earlier profile what it lacks
      -o, --output file   Write the profile to a file (default: standard output)
    ");
}
