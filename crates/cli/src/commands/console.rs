//! `console`: the console of a container, or one of its terminals beside it. Leaving it ends nothing.

use engine::{Console, DetachKeys, Engine};

use super::run::detach_keys;
use crate::arguments::Matches;
use crate::attach::{End, Foreground, Shown};
use crate::failure::Failure;
use crate::output;
use crate::program::Session;
use crate::request::wrong;
use crate::signals::Held;
use crate::terminal;

/// Key that is pressed before `q`, as with lxc-console(1).
const ESCAPE: &str = "^a";

pub(super) fn console(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let escape = matches.text("escape").unwrap_or(ESCAPE);
    let keys = match matches.value("detach-keys") {
        Some(_) => detach_keys(matches, true)?,
        None => Some(
            DetachKeys::with_prefix(escape)
                .ok_or_else(|| wrong("escape", escape, "it is a letter, or one behind ^"))?,
        ),
    };
    let number = match matches.text("tty") {
        None => Some(0),
        Some("free") => None,
        Some(text) => {
            let why = "it is the number of a terminal, or free";
            Some(text.parse().map_err(|_none| wrong("tty", text, why))?)
        }
    };
    attend(
        &session.engine()?,
        matches.word(0),
        number,
        (keys, escape, matches.value("detach-keys")),
    )
}

/// Is at the console of a container, or at one of its terminals, until the keys are typed; `escape` and `named` are what is said of these.
pub(crate) fn attend(
    engine: &Engine,
    container: &str,
    number: Option<u16>,
    (keys, escape, named): (Option<DetachKeys>, &str, Option<&str>),
) -> Result<i32, Failure> {
    let containers = engine.containers();
    // Before it is raw: what is typed from now on is for the container.
    let held = Held::take(false, true);
    let Console { container, number, connection } = containers.console(container, number)?;
    if terminal::is_terminal() {
        greet(number, escape, named);
    }
    let mut foreground = Foreground {
        connection,
        input: true,
        tty: true,
        shown: Shown::ALL,
        keys,
        signal: &|_own| {},
    };
    let end = foreground.run(&held);
    if let End::Signalled(number) = end {
        return Ok(held.end_by(number));
    }
    held.release();
    match end {
        End::Lost => {
            let name = &container.record.name;
            Err(Failure::Words(format!("console of container {name}: its monitor is gone")))
        }
        End::OutputClosed => Ok(output::UNREAD),
        End::Detached => {
            containers.tell_of(&container.record.id, "detach")?;
            Ok(0)
        }
        // Whose system goes down has seen it.
        End::Exited(_) | End::InputGiven | End::Signalled(_) => Ok(0),
    }
}

/// Says how one gets out.
fn greet(number: u16, escape: &str, keys: Option<&str>) {
    let what = if number == 0 { "the console".to_owned() } else { format!("tty{number}") };
    let letter = escape.trim_start_matches('^');
    let leave = match keys {
        Some("") => "nothing leaves it".to_owned(),
        Some(keys) => format!("{keys} leaves it"),
        None => format!("ctrl-{letter} q leaves it, ctrl-{letter} ctrl-{letter} is ctrl-{letter}"),
    };
    output::talk(&format!("Connected to {what}: {leave}"));
}
