//! What the commands on secrets and configs say.

use super::help;

#[test]
fn secrets() {
    insta::assert_snapshot!(help("secret"), @r"
    Usage:  corten secret COMMAND

    Manage secrets

    Commands:
      create   Create a secret from a file or STDIN, encrypted at rest
      exists   Exit with 0 if there is such a secret, with 1 if not
      inspect  Display detailed information on one or more secrets
      ls       List secrets
      rm       Remove one or more secrets

    Run 'corten secret COMMAND --help' for more information on a command.
    ");
    insta::assert_snapshot!(help("secret create"), @r#"
    Usage:  corten secret create [OPTIONS] SECRET FILE|-

    Create a secret from a file or STDIN, encrypted at rest

    Options:
      -d, --driver string   Secret driver (only "file")
          --env             Read the secret from the environment variable that is named in the place of
                            the file
          --ignore          Leave a secret of that name as it is
      -l, --label list      Secret labels
          --replace         Give a secret of that name the new content
    "#);
    insta::assert_snapshot!(help("secret ls"), @r"
    Usage:  corten secret ls [OPTIONS]

    List secrets

    Aliases:
      corten secret ls, corten secret list

    Options:
      -f, --filter filter   Filter output based on conditions provided: id, label, name
          --format string   Format output using a Go template, or 'json'
      -q, --quiet           Only display IDs
    ");
    insta::assert_snapshot!(help("secret inspect"), @r"
    Usage:  corten secret inspect [OPTIONS] SECRET [SECRET...]

    Display detailed information on one or more secrets

    Options:
      -f, --format string   Format output using a Go template, or 'json'
          --pretty          Print the information in a human friendly format
          --showsecret      Show the secret itself, too
    ");
    insta::assert_snapshot!(help("secret rm"), @r"
    Usage:  corten secret rm [OPTIONS] SECRET [SECRET...]

    Remove one or more secrets

    Aliases:
      corten secret rm, corten secret remove

    Options:
      -a, --all      Remove all of them
      -f, --force    Remove also what containers were given
      -i, --ignore   Do not fail where there is none of the name
    ");
    insta::assert_snapshot!(help("secret exists"), @r"
    Usage:  corten secret exists SECRET

    Exit with 0 if there is such a secret, with 1 if not
    ");
}

#[test]
fn configs() {
    insta::assert_snapshot!(help("config"), @r"
    Usage:  corten config COMMAND

    Manage configs

    Commands:
      create   Create a config from a file or STDIN, encrypted at rest
      exists   Exit with 0 if there is such a config, with 1 if not
      inspect  Display detailed information on one or more configs
      ls       List configs
      rm       Remove one or more configs

    Run 'corten config COMMAND --help' for more information on a command.
    ");
    insta::assert_snapshot!(help("config create"), @r"
    Usage:  corten config create [OPTIONS] CONFIG FILE|-

    Create a config from a file or STDIN, encrypted at rest

    Options:
          --ignore       Leave a config of that name as it is
      -l, --label list   Config labels
          --replace      Give a config of that name the new content
    ");
    insta::assert_snapshot!(help("config ls"), @r"
    Usage:  corten config ls [OPTIONS]

    List configs

    Aliases:
      corten config ls, corten config list

    Options:
      -f, --filter filter   Filter output based on conditions provided: id, label, name
          --format string   Format output using a Go template, or 'json'
      -q, --quiet           Only display IDs
    ");
    insta::assert_snapshot!(help("config inspect"), @r"
    Usage:  corten config inspect [OPTIONS] CONFIG [CONFIG...]

    Display detailed information on one or more configs

    Options:
      -f, --format string   Format output using a Go template, or 'json'
          --pretty          Print the information in a human friendly format
    ");
    insta::assert_snapshot!(help("config rm"), @r"
    Usage:  corten config rm [OPTIONS] CONFIG [CONFIG...]

    Remove one or more configs

    Aliases:
      corten config rm, corten config remove

    Options:
      -a, --all      Remove all of them
      -f, --force    Remove also what containers were given
      -i, --ignore   Do not fail where there is none of the name
    ");
    insta::assert_snapshot!(help("config exists"), @r"
    Usage:  corten config exists CONFIG

    Exit with 0 if there is such a config, with 1 if not
    ");
}
