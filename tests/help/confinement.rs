//! What the commands that confine containers say.

use super::help;

#[test]
fn apparmor() {
    insta::assert_snapshot!(help("apparmor"), @r"
    Usage:  corten apparmor COMMAND

    Manage AppArmor profiles

    Commands:
      load    Load an AppArmor profile: the default one, or those of FILE or STDIN
      ls      List the AppArmor profiles that are loaded
      print   Print the default AppArmor profile, or the same as NAME to begin one of your own with
      unload  Unload one or more AppArmor profiles

    Run 'corten apparmor COMMAND --help' for more information on a command.
    ");
    insta::assert_snapshot!(help("apparmor load"), @r"
    Usage:  corten apparmor load [FILE|-]

    Load an AppArmor profile: the default one, or those of FILE or STDIN
    ");
    insta::assert_snapshot!(help("apparmor ls"), @r"
    Usage:  corten apparmor ls [OPTIONS]

    List the AppArmor profiles that are loaded

    Aliases:
      corten apparmor ls, corten apparmor list

    Options:
          --format string   Format output using a Go template, or 'json'
      -q, --quiet           Only show names of profiles
    ");
    insta::assert_snapshot!(help("apparmor unload"), @r"
    Usage:  corten apparmor unload [OPTIONS] PROFILE [PROFILE...]

    Unload one or more AppArmor profiles

    Options:
      -f, --force   Also a profile that containers run in: they are unconfined then
    ");
    insta::assert_snapshot!(help("apparmor print"), @"
    Usage:  corten apparmor print [NAME]

    Print the default AppArmor profile, or the same as NAME to begin one of your own with

    Aliases:
      corten apparmor print, corten apparmor inspect

    Options:
          --system   Print the profile of whole systems instead (corten-system)
    ");
}

#[test]
fn selinux() {
    insta::assert_snapshot!(help("selinux"), @r"
    Usage:  corten selinux COMMAND

    Manage Corten's types in the SELinux policy

    Commands:
      load    Add types for containers to the SELinux policy of this machine
      print   Print what is added
      unload  Take them out of the policy again

    Run 'corten selinux COMMAND --help' for more information on a command.
    ");
    insta::assert_snapshot!(help("selinux load"), @r"
    Usage:  corten selinux load

    Add types for containers to the SELinux policy of this machine
    ");
    insta::assert_snapshot!(help("selinux unload"), @r"
    Usage:  corten selinux unload [OPTIONS]

    Take them out of the policy again

    Options:
      -f, --force   Also while containers have such labels: they are nobody's then
    ");
    insta::assert_snapshot!(help("selinux print"), @r"
    Usage:  corten selinux print

    Print what is added

    Aliases:
      corten selinux print, corten selinux inspect
    ");
}
