//! What holds for the machine's containers: `system settings`.

use engine::parse;

use super::list;
use crate::arguments::Matches;
use crate::failure::Failure;
use crate::program::Session;
use crate::{output, table};

pub(super) fn settings(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let engine = session.engine()?;
    let users = matches.text("userns");
    if users.is_none() && !matches.on("reset") {
        let settings = engine.settings()?;
        return match matches.value("format") {
            None | Some("" | "table") => {
                let rows = [["SETTING", "VALUE"], ["userns", &settings.users_word()]];
                let rows = rows.map(|row| row.map(str::to_owned).to_vec());
                output::write(&table::layout(&rows, table::LIST))?;
                Ok(0)
            }
            format => list::print(format, &[], &[settings.document()]),
        };
    }
    engine.change_settings(|settings| {
        if matches.on("reset") {
            *settings = engine::MachineSettings::default();
        }
        if let Some(text) = users {
            settings.users = parse::user_namespace(text)?;
        }
        Ok(())
    })?;
    Ok(0)
}
