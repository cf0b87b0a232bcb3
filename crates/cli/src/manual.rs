//! Manual pages, made from the tables that parsing uses. Only for `cargo xtask generate`: the program does not carry them.
//! Start at [`pages`]. Source: man(7), groff_man(7).

use std::fmt::Write;

use engine::VERSION;

use crate::arguments::{Flag, Grammar, Kind};
use crate::commands::{COMMANDS, Command, FAMILIES, GROUPS};
use crate::flags::GLOBAL;

const DESCRIPTION: &str = ".PP
Corten runs applications from images in isolated environments of namespaces, control groups, capabilities and system call filters.
There is no daemon: a command opens the store, does its work and ends; what must outlive it is one small monitor for each container.
Commands, flags, columns and exit codes are those of Docker.
.PP
Output is data on standard output and talk on standard error. No colour is used, so there is nothing for
.B NO_COLOR
to turn off. There is no log and no debug mode; every error is one line with its causes.
";

const ENDING: &str = ".SH EXIT STATUS
.TP
.B 0
Success; for commands that run a program, that of the program.
.TP
.B 1
The command failed.
.TP
.B 125
A flag was wrong, or Corten itself failed before
.BR run ,
.B create
or
.B exec
could start the program.
.TP
.B 126
The program cannot be executed.
.TP
.B 127
The program does not exist.
.SH ENVIRONMENT
.TP
.B CORTEN_HOST
Used where there is neither
.B \\-\\-host
nor
.BR \\-\\-context .
.B DOCKER_HOST
is not heard.
.TP
.B CORTEN_CONTEXT
Used where there is no
.B \\-\\-context
nor a host.
.TP
.B CORTEN_API_VERSION
The newest version of the Docker Engine API to speak with a server.
.TP
.B CORTEN_CERT_PATH
The directory of ca.pem, cert.pem and key.pem for a host at
.BR tcp:// .
.TP
.B CORTEN_ROOT
Used where there is no
.BR \\-\\-root .
.TP
.B CORTEN_STATE
Used where there is no
.BR \\-\\-state .
.TP
.B CORTEN_SECRET_KEY_FILE
The key that secrets and configs are sealed with, 32 bytes; without it the store has a key of its own.
.TP
.B NETCONFPATH
The directory of lists of CNI plugins; without it
.IR /etc/cni/net.d .
.TP
.B CNI_PATH
The directories of their programs, separated by colons; without it
.I /usr/lib/cni
and
.IR /opt/cni/bin .
.SH FILES
.TP
.I /var/lib/corten
Images, layers, volumes, containers and their records.
.TP
.I /run/corten
Sockets and state of containers that run.
";

/// Every page: its file name and its text.
pub(crate) fn pages() -> Vec<(String, String)> {
    let mut pages = vec![("corten.1".to_owned(), program())];
    let everyday = known().map(|command| (command.grammar, command.runs_programs));
    let oci = crate::oci::COMMANDS.iter().map(|command| (command.grammar, false));
    let page = |(grammar, programs)| (format!("{}.1", title(grammar)), page(grammar, programs));
    let lxc = crate::lxc::TOOLS.iter().map(|tool| (tool.grammar, false));
    pages.extend(everyday.chain(oci).chain(lxc).map(page));
    let commands = crate::oci::COMMANDS.iter().map(|command| command.grammar);
    let text = face("oci", "run OCI bundles, as runc does", crate::oci::GLOBAL, commands);
    pages.push(("corten-oci.1".to_owned(), text));
    let tools = crate::lxc::TOOLS.iter().map(|tool| tool.grammar);
    let text = face("lxc", "whole systems by LXC's tools", crate::lxc::GLOBAL, tools);
    pages.push(("corten-lxc.1".to_owned(), text));
    pages
}

/// A face of the program, with the options that stand before its commands.
fn face(
    name: &str,
    about: &str,
    flags: &[Flag],
    commands: impl Iterator<Item = &'static Grammar>,
) -> String {
    let mut text = head(&format!("corten-{name}"), about);
    let _infallible = write!(
        text,
        ".B corten {name}\n[\\fIOPTIONS\\fR] \\fICOMMAND\\fR [\\fIARG\\fR...]\n.SH OPTIONS\n"
    );
    for flag in flags {
        text.push_str(&flag_item(flag));
    }
    text.push_str(".SH COMMANDS\n");
    for command in commands {
        text.push_str(&reference(command));
    }
    text
}

/// An entry that leads to another page.
fn reference(grammar: &Grammar) -> String {
    let about = escaped(grammar.about);
    format!(".TP\n.BR {} (1)\n{about}.\n", escaped(&title(grammar)))
}

fn known() -> impl Iterator<Item = &'static Command> {
    COMMANDS.iter().filter(|command| !command.group.is_empty())
}

fn title(grammar: &Grammar) -> String {
    format!("corten-{}", grammar.name().replace(' ', "-"))
}

fn head(title: &str, about: &str) -> String {
    // No date: the page would change without a change of what it says.
    format!(
        ".\\\" Made by `cargo xtask generate` from the tables of the program; do not edit.\n.TH {} 1 \"\" \"Corten {VERSION}\" \"Corten Manual\"\n.SH NAME\n{} \\- {}\n.SH SYNOPSIS\n",
        title.to_uppercase(),
        escaped(title),
        escaped(about)
    )
}

fn program() -> String {
    let mut text = head("corten", "a container engine without a daemon");
    text.push_str(
        ".B corten\n[\\fIOPTIONS\\fR] \\fICOMMAND\\fR [\\fIARG\\fR...]\n.SH DESCRIPTION\n",
    );
    text.push_str(DESCRIPTION);
    text.push_str(".SH OPTIONS\n");
    for flag in GLOBAL {
        text.push_str(&flag_item(flag));
    }
    text.push_str(".SH COMMANDS\n");
    for group in GROUPS {
        let _infallible = writeln!(text, ".SS {group}");
        for command in known().filter(|command| command.group == *group) {
            text.push_str(&reference(command.grammar));
        }
    }
    text.push_str(".SS Families\n");
    for (family, about) in FAMILIES {
        let _infallible = write!(text, ".TP\n.B corten {family}\n{about}.\n");
    }
    text.push_str(ENDING);
    text
}

fn page(grammar: &Grammar, runs_programs: bool) -> String {
    let about = grammar.about;
    let mut text = head(&title(grammar), &format!("{}{}", about[..1].to_lowercase(), &about[1..]));
    let _infallible = write!(
        text,
        ".B corten {}\n{}\n.SH DESCRIPTION\n{}.\n",
        grammar.name(),
        synopsis(grammar.usage),
        escaped(about)
    );
    if grammar.names.len() > 1 {
        text.push_str(".PP\nIts other names:\n");
        let others: Vec<String> =
            grammar.names[1..].iter().map(|name| format!(".B corten {name}")).collect();
        let _infallible = writeln!(text, "{}", others.join("\n.br\n"));
    }
    let mut flags: Vec<&Flag> = grammar.all_flags().collect();
    flags.sort_by_key(|flag| flag.long);
    if !flags.is_empty() {
        text.push_str(".SH OPTIONS\n");
    }
    for flag in flags {
        text.push_str(&flag_item(flag));
    }
    if runs_programs {
        text.push_str(".SH EXIT STATUS\nThat of the program; 125, 126 or 127 when it did not come to run, see\n.BR corten (1).\n");
    }
    if !grammar.examples.is_empty() {
        text.push_str(".SH EXAMPLES\n");
    }
    for (about, line) in grammar.examples {
        let line = escaped(line);
        let _infallible = write!(text, ".PP\n{about}:\n.PP\n.EX\n{line}\n.EE\n");
    }
    text.push_str(".SH SEE ALSO\n.BR corten (1)\n");
    text
}

/// `[OPTIONS] IMAGE [COMMAND]`: names in italics.
fn synopsis(usage: &str) -> String {
    let mut text = String::new();
    let mut inside = false;
    for letter in usage.chars() {
        let is_part = letter.is_alphanumeric() || matches!(letter, '_');
        if is_part != inside {
            text.push_str(if is_part { "\\fI" } else { "\\fR" });
            inside = is_part;
        }
        text.push_str(&escaped(&letter.to_string()));
    }
    if inside {
        text.push_str("\\fR");
    }
    text
}

fn flag_item(flag: &Flag) -> String {
    let value = match flag.kind {
        Kind::Switch => String::new(),
        Kind::Maybe(name) => format!("[=\\fI{name}\\fR]"),
        Kind::One(name) => format!("=\\fI{name}\\fR"),
        Kind::Many(name) => format!("=\\fI{name}\\fR ..."),
    };
    let short = flag.short.map(|letter| format!("\\fB\\-{letter}\\fR, ")).unwrap_or_default();
    format!(".TP\n{short}\\fB\\-\\-{}\\fR{value}\n{}.\n", escaped(flag.long), escaped(flag.help))
}

/// Text that groff would take for requests or other characters.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_all_commands() {
        let pages = pages();
        let run = &pages.iter().find(|(name, _)| name == "corten-run.1").unwrap().1;
        insta::assert_snapshot!(run.lines().take(14).collect::<Vec<_>>().join("\n"), @r#"
        .\" Made by `cargo xtask generate` from the tables of the program; do not edit.
        .TH CORTEN-RUN 1 "" "Corten 0.1.0" "Corten Manual"
        .SH NAME
        corten\-run \- create and run a new container from an image
        .SH SYNOPSIS
        .B corten run
        [\fIOPTIONS\fR] \fIIMAGE\fR [\fICOMMAND\fR] [\fIARG\fR\&.\&.\&.]
        .SH DESCRIPTION
        Create and run a new container from an image.
        .PP
        Its other names:
        .B corten container run
        .SH OPTIONS
        .TP
        "#);
        // The program's own, and those of its other faces.
        let all = known().count() + crate::oci::COMMANDS.len() + crate::lxc::TOOLS.len() + 3;
        assert_eq!(pages.len(), all);
    }
}
