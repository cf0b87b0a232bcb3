//! `console`: the terminal of a container's first process.

use engine::DetachKeys;

use super::call::Call;
use crate::attach::Shown;
use crate::commands::run::foreground;
use crate::failure::Failure;
use crate::signals::Held;

/// What goes before `q`, unless said otherwise.
const ESCAPE: &str = "^a";

pub(super) fn console(call: &Call) -> Result<i32, Failure> {
    let keys = keys(call.matches.value("escape").unwrap_or(ESCAPE))?;
    if let Some(number) = call.matches.value("tty").filter(|number| !matches!(*number, "0" | "-1"))
    {
        return Err(Failure::Words(format!("--tty {number}: there is the console alone, 0")));
    }
    let engine = call.session.engine()?;
    let container = call.running(&engine)?;
    if !container.config.tty {
        return Err(Failure::Words("it has no console".to_owned()));
    }
    let held = Held::take(false, true);
    let connection = engine.containers().connect(&container)?;
    let gone = |errno| Failure::Words(format!("attach to its console: {errno}"));
    connection.attach(true, true).map_err(gone)?;
    foreground(
        &engine,
        &container.record.id,
        connection,
        (true, true, Shown::ALL),
        Some(keys),
        held,
    )
}

/// The escape as LXC has it: a letter with control, and `q` behind it.
fn keys(escape: &str) -> Result<DetachKeys, Failure> {
    let wrong = || Failure::Words(format!("--escape {escape:?}: it is no letter, nor ^ with one"));
    let keys = match escape.strip_prefix('^') {
        Some(letter) => format!("ctrl-{},q", letter.to_lowercase()),
        None if escape.chars().count() == 1 => format!("{escape},q"),
        None => return Err(wrong()),
    };
    DetachKeys::parse(&keys).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_letters() {
        for (escape, is_one) in
            [("^a", true), ("^B", true), ("x", true), ("", false), ("ab", false), ("^", false)]
        {
            assert_eq!(keys(escape).is_ok(), is_one, "{escape}");
        }
    }
}
