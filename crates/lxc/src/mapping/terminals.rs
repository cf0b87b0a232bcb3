//! Terminals: the console, what is done with what it shows, and those beside it.

use engine::config::{ConsoleFile, MOST_TERMINALS, TerminalConfig};

use super::carried::{Console, ConsolePlace};
use super::{Draft, Remark};

const COUNT: &str = "lxc.tty.max";
const DIRECTORY: &str = "lxc.tty.dir";

pub(super) fn map(draft: &mut Draft<'_>) {
    let Console { place, log, log_bytes, log_rotates, buffer_bytes } = draft.tools.console.clone();
    let said = &draft.config.terminals;
    let count = said.terminals.unwrap_or(0);
    let directory = said.directory.clone().map(|own| own.0).unwrap_or_default();
    let most_pseudo = said.pseudo_terminals.filter(|most| *most != 0);
    if count > u32::from(MOST_TERMINALS) {
        draft.refuse(COUNT, format!("{count}: there are at most {MOST_TERMINALS}"));
    }
    if directory.contains('/') {
        draft.refuse(DIRECTORY, format!("{directory}: it is one name below /dev"));
    }
    // Where there is no console, nothing of it is written anywhere.
    let has_console = place != ConsolePlace::None;
    if !has_console && (log.is_some() || buffer_bytes != 0) {
        let why = "the container has no console: lxc.console.path = none".to_owned();
        draft.told.push(Remark { key: "lxc.console.logfile".to_owned(), why });
    }
    let file = log.filter(|_| has_console);
    draft.engine.terminals = TerminalConfig {
        count: Some(u16::try_from(count).unwrap_or(u16::MAX)).filter(|count| *count > 0),
        directory,
        most_pseudo,
        console_kept_bytes: Some(u32::try_from(buffer_bytes).unwrap_or(u32::MAX))
            .filter(|bytes| has_console && *bytes > 0),
        console_file: file.map(|path| ConsoleFile {
            path,
            most_bytes: log_bytes,
            rotates: log_rotates,
        }),
        console_device: match place {
            ConsolePlace::Device(path) => Some(path),
            ConsolePlace::Own | ConsolePlace::None => None,
        },
    };
}
