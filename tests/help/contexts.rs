//! What the commands on contexts say.

use super::help;

#[test]
fn contexts() {
    insta::assert_snapshot!(help("context"), @r"
    Usage:  corten context COMMAND

    Manage contexts: servers that have names

    Commands:
      create   Create a context
      export   Export a context to a tar archive FILE or a tar stream on STDOUT
      import   Import a context from a tar archive
      inspect  Display detailed information on one or more contexts
      ls       List contexts
      rm       Remove one or more contexts
      show     Print the name of the current context
      update   Update a context
      use      Set the context that commands go by

    Run 'corten context COMMAND --help' for more information on a command.
    ");
    insta::assert_snapshot!(help("context create"), @r"
    Usage:  corten context create [OPTIONS] CONTEXT

    Create a context

    Options:
          --description string   Description of the context
          --docker map           The server: host=ADDRESS, and for tcp:// ca=FILE,cert=FILE,key=FILE
          --from string          Create the context from another one
    ");
    insta::assert_snapshot!(help("context ls"), @r"
    Usage:  corten context ls [OPTIONS]

    List contexts

    Aliases:
      corten context ls, corten context list

    Options:
          --format string   Format output using a Go template, or 'json'
      -q, --quiet           Only show context names
    ");
    insta::assert_snapshot!(help("context inspect"), @r"
    Usage:  corten context inspect [OPTIONS] [CONTEXT] [CONTEXT...]

    Display detailed information on one or more contexts

    Options:
      -f, --format string   Format output using a Go template, or 'json'
    ");
    insta::assert_snapshot!(help("context use"), @r"
    Usage:  corten context use CONTEXT

    Set the context that commands go by
    ");
    insta::assert_snapshot!(help("context show"), @r"
    Usage:  corten context show

    Print the name of the current context
    ");
}

#[test]
fn contexts_that_exist() {
    insta::assert_snapshot!(help("context rm"), @r"
    Usage:  corten context rm [OPTIONS] CONTEXT [CONTEXT...]

    Remove one or more contexts

    Aliases:
      corten context rm, corten context remove

    Options:
      -f, --force   Force the removal of a context in use
    ");
    insta::assert_snapshot!(help("context update"), @r"
    Usage:  corten context update [OPTIONS] CONTEXT

    Update a context

    Options:
          --description string   Description of the context
          --docker map           The server: host=ADDRESS, and for tcp:// ca=FILE,cert=FILE,key=FILE
    ");
    insta::assert_snapshot!(help("context export"), @r"
    Usage:  corten context export CONTEXT [FILE|-]

    Export a context to a tar archive FILE or a tar stream on STDOUT
    ");
    insta::assert_snapshot!(help("context import"), @r"
    Usage:  corten context import CONTEXT FILE|-

    Import a context from a tar archive
    ");
}
