//! `system start-all`, `system stop-all`, `system install-units`: what a machine's init calls when it begins and ends.

use std::path::Path;

use engine::{Attach, Engine, Paths};

use crate::arguments::Matches;
use crate::failure::Failure;
use crate::output;
use crate::program::Session;

/// Where an administrator's units are. systemd.unit(5), "UNIT FILE LOAD PATH".
const UNIT: &str = "/etc/systemd/system/corten.service";

pub(super) fn start_all(session: &Session, _matches: &Matches) -> Result<i32, Failure> {
    let engine = session.engine()?;
    let mut code = 0;
    let wanted = engine.containers().to_start()?;
    for (place, container) in wanted.iter().enumerate() {
        match start(&engine, container) {
            Ok(()) => {
                output::line(&container.record.name);
                if place + 1 < wanted.len() {
                    container.wait_for_next();
                }
            }
            Err(failure) => {
                output::error(&failure.line(), failure.hint().as_deref());
                code = 1;
            }
        }
    }
    Ok(code)
}

fn start(engine: &Engine, container: &engine::Container) -> Result<(), Failure> {
    let containers = engine.containers();
    let (id, name) = (&container.record.id, &container.record.name);
    if let Some(mut connection) = containers.start(id.as_str(), Attach::default())? {
        super::run::warn(&containers.started(id, name, &mut connection)?);
    }
    Ok(())
}

pub(super) fn stop_all(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let engine = session.engine()?;
    // The grammar takes whole numbers only.
    let timeout = matches.value("timeout").and_then(|text| text.parse::<i64>().ok());
    let mut code = 0;
    for (container, stopped) in engine.containers().stop_all(timeout)? {
        match stopped {
            Ok(()) => output::line(&container.record.name),
            Err(error) => {
                let failure = Failure::from(error);
                output::error(&failure.line(), failure.hint().as_deref());
                code = 1;
            }
        }
    }
    Ok(code)
}

pub(super) fn install_units(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let program = std::env::current_exe().map_err(Failure::file("find", "the running program"))?;
    let unit = unit(&program, &session.paths()?);
    if matches.on("print") {
        output::write(&unit)?;
        return Ok(0);
    }
    // Whole or not at all: systemd may read it at any moment.
    let new = format!("{UNIT}.new");
    #[expect(clippy::disallowed_methods, reason = "the rename below makes it atomic")]
    std::fs::write(&new, unit).map_err(Failure::file("write", &new))?;
    std::fs::rename(&new, UNIT).map_err(Failure::file("write", UNIT))?;
    output::line(UNIT);
    output::talk(
        "to have containers started at boot: systemctl daemon-reload && systemctl enable corten.service",
    );
    Ok(0)
}

/// systemd.service(5). Monitors live in the unit's group and end with their containers: nothing else is to be killed.
fn unit(program: &Path, paths: &Paths) -> String {
    let [program, root, state] =
        [program, &paths.root, &paths.state].map(|path| quoted(&path.display().to_string()));
    let call = format!("{program} --root {root} --state {state} system");
    format!(
        "[Unit]\n\
         Description=Containers of Corten that run whenever the machine does\n\
         After=local-fs.target network-online.target time-sync.target\n\
         Wants=network-online.target\n\
         \n\
         [Service]\n\
         Type=oneshot\n\
         RemainAfterExit=yes\n\
         ExecStart={call} start-all\n\
         ExecStop={call} stop-all\n\
         KillMode=process\n\
         TimeoutStartSec=infinity\n\
         TimeoutStopSec=15min\n\
         \n\
         [Install]\n\
         WantedBy=multi-user.target\n"
    )
}

/// A word of a command line. systemd.service(5), "COMMAND LINES"; systemd.unit(5), "SPECIFIERS".
fn quoted(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"");
    let text = text.replace('%', "%%").replace('$', "$$");
    format!("\"{text}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_unit_are_quoted() {
        assert_eq!(quoted("/a b/c%d\"e$f"), r#""/a b/c%%d\"e$$f""#);
        let paths = Paths { root: "/var/lib/corten".into(), state: "/run/corten".into() };
        let unit = unit(Path::new("/usr/bin/corten"), &paths);
        assert!(unit.contains("ExecStart=\"/usr/bin/corten\" --root \"/var/lib/corten\" --state \"/run/corten\" system start-all\n"), "{unit}");
    }
}
