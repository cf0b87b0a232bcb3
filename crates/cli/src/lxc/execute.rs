//! `execute`: a program below a small first process, with the caller's own streams. Its record goes with it.

use ::lxc::config::Document;
use ::lxc::mapping::Purpose;
use engine::Attach;

use super::call::Call;
use super::start;
use crate::failure::Failure;
use crate::terminal;

pub(super) fn execute(call: &Call) -> Result<i32, Failure> {
    let mut document: Document = call.document()?.unwrap_or_default();
    start::settings(call, &mut document)?;
    let is_empty = document.values().entries().is_empty();
    if is_empty {
        return Err(Failure::Words(
            "it has no configuration, by which it would be confined".to_owned(),
        ));
    }
    let mut mapped = start::mapped(call, &document, Purpose::Execute(&call.words))?;
    let config = &mut mapped.request.config;
    // What there is to do at its end removes it, too.
    config.auto_remove = config.end_command.is_empty();
    if call.matches.on("daemon") {
        config.tty = false;
        return match start::begin(call, &mapped, Attach::default())? {
            None => Err(Failure::Words("it runs already".to_owned())),
            Some(mut begun) => {
                begun.hear(call)?;
                start::after_start(call, &mapped)?;
                Ok(0)
            }
        };
    }
    config.attached = true;
    let streams = [rustix::stdio::stdin(), rustix::stdio::stdout(), rustix::stdio::stderr()];
    let has_terminal = streams.into_iter().any(rustix::termios::isatty);
    config.tty = terminal::is_terminal();
    config.open_stdin = has_terminal;
    config.stdin_once = has_terminal;
    if !has_terminal {
        "passthrough".clone_into(&mut config.log.driver);
    }
    start::in_foreground(call, &mapped)
}
