//! The tools, by the names that LXC gave them.

use super::{
    Tool, attach, autostart, cgroup, checkconfig, checkpoint, config, console, copy, create,
    destroy, device, end, execute, freeze, info, links, ls, monitor, snapshot, start, stop, top,
    unshare, update_config, usernsexec, wait,
};
use crate::arguments::{ANY, Arity, Grammar, NONE, SOME, at_least};
use crate::lxc::options::*;

/// What a tool that is about one container has in common with the others.
const ABOUT_ONE: Grammar = Grammar {
    names: &[],
    usage: "[-n] NAME [OPTIONS]",
    about: "",
    flags: &[COMMON, NAMED, RCFILE],
    arity: ANY,
    interspersed: true,
    examples: &[],
};

/// One word for the container, where `--name` does not say it, and no more.
const AT_MOST_TWO: Arity = Arity { least: 0, most: 2 };

/// What a monitor becomes.
pub(super) static END: Tool = Tool {
    grammar: &Grammar {
        names: &["lxc end"],
        about: "Do what there is to do once a container has ended",
        flags: &[COMMON, NAMED, RCFILE_F, START, END_ALONE],
        ..ABOUT_ONE
    },
    is_named: true,
    run: end::end,
};

/// Every tool, in the order of their names.
pub(crate) static TOOLS: &[Tool] = &[
    Tool {
        grammar: &Grammar {
            names: &["lxc attach"],
            usage: "[-n] NAME [OPTIONS] [--] [PROGRAM ARGUMENT…]",
            about: "Run a program in a container that runs",
            flags: &[COMMON, NAMED, RCFILE_F, ATTACH],
            ..ABOUT_ONE
        },
        is_named: true,
        run: attach::attach,
    },
    Tool {
        grammar: &Grammar {
            names: &["lxc autostart"],
            usage: "[OPTIONS]",
            about: "Start what starts with the machine, or stop it",
            flags: &[COMMON, AUTOSTART],
            ..ABOUT_ONE
        },
        is_named: false,
        run: autostart::autostart,
    },
    Tool {
        grammar: &Grammar {
            names: &["lxc cgroup"],
            usage: "[-n] NAME FILE [VALUE]",
            about: "Read or write a file of a container's control groups",
            ..ABOUT_ONE
        },
        is_named: true,
        run: cgroup::cgroup,
    },
    Tool {
        grammar: &Grammar {
            names: &["lxc checkconfig"],
            usage: "",
            about: "Show what the kernel has for containers",
            flags: &[],
            arity: NONE,
            ..ABOUT_ONE
        },
        is_named: false,
        run: checkconfig::checkconfig,
    },
    Tool {
        grammar: &Grammar {
            names: &["lxc checkpoint"],
            usage: "[-n] NAME [OPTIONS]",
            about: "Write a container's processes to the disk, or go on from there",
            flags: &[COMMON, NAMED, RCFILE, CHECKPOINT],
            ..ABOUT_ONE
        },
        is_named: true,
        run: checkpoint::checkpoint,
    },
    Tool {
        grammar: &Grammar {
            names: &["lxc config"],
            usage: "-l | KEY",
            about: "Show LXC's own configuration",
            flags: &[CONFIG],
            ..ABOUT_ONE
        },
        is_named: false,
        run: config::config,
    },
    Tool {
        grammar: &Grammar {
            names: &["lxc console"],
            usage: "[-n] NAME [OPTIONS]",
            about: "Use a container's console; ^a q leaves it",
            flags: &[COMMON, NAMED, RCFILE, CONSOLE],
            ..ABOUT_ONE
        },
        is_named: true,
        run: console::console,
    },
    Tool {
        grammar: &Grammar {
            names: &["lxc copy"],
            usage: "[-n] NAME -N NEWNAME [OPTIONS] [-- ARGUMENT…]",
            about: "Copy a container, or give it another name",
            flags: &[COMMON, NAMED, RCFILE, COPY],
            ..ABOUT_ONE
        },
        is_named: true,
        run: copy::copy,
    },
    Tool {
        grammar: &Grammar {
            names: &["lxc create"],
            usage: "[-n] NAME -t TEMPLATE [OPTIONS] [-- ARGUMENT…]",
            about: "Make a container",
            flags: &[COMMON, NAMED, CREATE],
            ..ABOUT_ONE
        },
        is_named: true,
        run: create::create,
    },
    Tool {
        grammar: &Grammar {
            names: &["lxc destroy"],
            about: "Remove a container with its files",
            flags: &[COMMON, NAMED, RCFILE, DESTROY],
            ..ABOUT_ONE
        },
        is_named: true,
        run: destroy::destroy,
    },
    Tool {
        grammar: &Grammar {
            names: &["lxc device"],
            usage: "[-n] NAME -- add|del DEVICE [NAME]",
            about: "Give a container that runs a device, or take it away",
            ..ABOUT_ONE
        },
        is_named: true,
        run: device::device,
    },
    Tool {
        grammar: &Grammar {
            names: &["lxc execute"],
            usage: "[-n] NAME [OPTIONS] -- PROGRAM [ARGUMENT…]",
            about: "Run a program in a container of its own",
            flags: &[COMMON, NAMED, RCFILE_F, EXECUTE],
            ..ABOUT_ONE
        },
        is_named: true,
        run: execute::execute,
    },
    Tool {
        grammar: &Grammar {
            names: &["lxc freeze"],
            about: "Make a container's processes stand still",
            ..ABOUT_ONE
        },
        is_named: true,
        run: freeze::freeze,
    },
    Tool {
        grammar: &Grammar {
            names: &["lxc info"],
            about: "Show a container's state and what it uses",
            flags: &[COMMON, NAMED, RCFILE, INFO],
            ..ABOUT_ONE
        },
        is_named: true,
        run: info::info,
    },
    Tool {
        grammar: &Grammar {
            names: &["lxc install-links"],
            usage: "DIRECTORY",
            about: "Make links by LXC's names to this program",
            flags: &[COMMON],
            arity: at_least(1),
            ..ABOUT_ONE
        },
        is_named: false,
        run: links::install,
    },
    Tool {
        grammar: &Grammar {
            names: &["lxc ls"],
            usage: "[OPTIONS] [PATTERN]",
            about: "List containers",
            flags: &[COMMON, LS],
            ..ABOUT_ONE
        },
        is_named: false,
        run: ls::ls,
    },
    Tool {
        grammar: &Grammar {
            names: &["lxc monitor"],
            usage: "[[-n] PATTERN]",
            about: "Show what happens to containers",
            flags: &[COMMON, NAMED, MONITOR],
            ..ABOUT_ONE
        },
        is_named: false,
        run: monitor::monitor,
    },
    Tool {
        grammar: &Grammar {
            names: &["lxc snapshot"],
            about: "Keep a container as it is now, and restore it",
            flags: &[COMMON, NAMED, RCFILE, SNAPSHOT],
            ..ABOUT_ONE
        },
        is_named: true,
        run: snapshot::snapshot,
    },
    Tool {
        grammar: &Grammar {
            names: &["lxc start"],
            usage: "[-n] NAME [OPTIONS] [-- PROGRAM ARGUMENT…]",
            about: "Start a container",
            flags: &[COMMON, NAMED, RCFILE_F, START],
            ..ABOUT_ONE
        },
        is_named: true,
        run: start::start,
    },
    Tool {
        grammar: &Grammar {
            names: &["lxc stop"],
            about: "Stop a container, or have it start anew",
            flags: &[COMMON, NAMED, RCFILE, STOP],
            ..ABOUT_ONE
        },
        is_named: true,
        run: stop::stop,
    },
    Tool {
        grammar: &Grammar {
            names: &["lxc top"],
            usage: "[OPTIONS]",
            about: "Show what containers use",
            flags: &[COMMON, TOP],
            arity: NONE,
            ..ABOUT_ONE
        },
        is_named: false,
        run: top::top,
    },
    Tool {
        grammar: &Grammar {
            names: &["lxc unfreeze"],
            about: "Let a container's processes go on",
            ..ABOUT_ONE
        },
        is_named: true,
        run: freeze::unfreeze,
    },
    Tool {
        grammar: &Grammar {
            names: &["lxc unshare"],
            usage: "-s NAMESPACES [OPTIONS] [--] [PROGRAM ARGUMENT…]",
            about: "Run a program in namespaces of its own",
            flags: &[COMMON, UNSHARE],
            ..ABOUT_ONE
        },
        is_named: false,
        run: unshare::unshare,
    },
    Tool {
        grammar: &Grammar {
            names: &["lxc update-config"],
            usage: "-c FILE",
            about: "Make a configuration of before LXC 2.1 a new one",
            flags: &[UPDATE_CONFIG],
            arity: AT_MOST_TWO,
            ..ABOUT_ONE
        },
        is_named: false,
        run: update_config::update_config,
    },
    Tool {
        grammar: &Grammar {
            names: &["lxc usernsexec"],
            usage: "[-m MAP] [--] [PROGRAM ARGUMENT…]",
            about: "Run a program in a user namespace of its own",
            flags: &[USERNSEXEC],
            interspersed: false,
            ..ABOUT_ONE
        },
        is_named: false,
        run: usernsexec::usernsexec,
    },
    Tool {
        grammar: &Grammar {
            names: &["lxc wait"],
            about: "Wait until a container is in a state",
            flags: &[COMMON, NAMED, RCFILE, WAIT],
            arity: SOME_OR_NONE,
            ..ABOUT_ONE
        },
        is_named: true,
        run: wait::wait,
    },
];

const SOME_OR_NONE: Arity = Arity { least: 0, ..SOME };
