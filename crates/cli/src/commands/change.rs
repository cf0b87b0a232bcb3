//! `rename`, `restart`, `update`, `clone`, `port`: containers that exist become other, or say how they are reached.

use engine::config::Limits;
use engine::parse::{self, signal_number};
use engine::{CloneRequest, Update};

use super::several::{self, chosen};
use super::{each, each_of};
use crate::arguments::Matches;
use crate::failure::Failure;
use crate::output;
use crate::program::Session;
use crate::request::places::published;
use crate::request::{changeable, wrong};

pub(super) fn rename(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let engine = session.engine()?;
    engine.containers().rename(matches.word(0), matches.word(1))?;
    Ok(0)
}

pub(super) fn restart(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let engine = session.engine()?;
    let containers = engine.containers();
    let signal = matches.text("signal").map(signal_number).transpose()?;
    // The grammar takes whole numbers only.
    let timeout = matches.value("timeout").and_then(|text| text.parse::<i64>().ok());
    let names = chosen(&engine, matches, "restart", several::runs)?;
    each_of(&names, |name| {
        let (id, mut connection) = containers.restart(name, signal, timeout)?;
        super::run::warn(&containers.restarted(&id, name, &mut connection)?);
        output::line(name);
        Ok(())
    })
}

pub(super) fn update(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let update = wanted(matches)?;
    parse::check_processors(&update.limits)?;
    let engine = session.engine()?;
    each(matches, |name| {
        super::run::warn(&engine.containers().update(name, &update)?);
        output::line(name);
        Ok(())
    })
}

/// What is to be changed.
pub(super) fn wanted(matches: &Matches) -> Result<Update, Failure> {
    let mut update = Update {
        limits: Limits::default(),
        restart: matches.value("restart").map(parse::restart).transpose()?,
        autostart: crate::request::autostart::wanted(matches)?,
        publish: published(matches.values("publish-add"))?,
        withdraw: published(matches.values("publish-rm"))?,
    };
    changeable(matches, &mut update.limits)?;
    parse::check_limits(&update.limits)?;
    if update == Update::default() {
        return Err(Failure::Words(
            "nothing is to be changed: a flag says what, see corten update --help".to_owned(),
        ));
    }
    Ok(update)
}

pub(super) fn clone(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    clone_as(session, matches, matches.on("files"))
}

pub(super) fn clone_with_files(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    clone_as(session, matches, true)
}

fn clone_as(session: &Session, matches: &Matches, files: bool) -> Result<i32, Failure> {
    let mut request = CloneRequest {
        name: matches.words.get(1).map(String::as_str).or(matches.text("name")).map(str::to_owned),
        image: matches.words.get(2).cloned(),
        files,
        limits: Limits::default(),
        run: matches.on("run"),
        destroy: matches.on("destroy"),
        force: matches.on("force"),
    };
    if matches.words.len() > 1 && matches.is_given("name") {
        return Err(wrong("name", matches.word(1), "--name gives one, too"));
    }
    if request.force && !request.destroy {
        return Err(wrong("force", "", "it is about the original, and needs --destroy"));
    }
    changeable(matches, &mut request.limits)?;
    parse::check_processors(&request.limits)?;
    parse::check_limits(&request.limits)?;
    let act = || Ok(session.engine()?.containers().clone_of(matches.word(0), &request)?);
    let (id, warnings) = match &request.image {
        Some(image) => super::pull::with_missing_image(session, image, (None, false), act)?,
        None => act()?,
    };
    super::run::warn(&warnings);
    output::line(id.as_str());
    Ok(0)
}

pub(super) fn port(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let ports = session.engine()?.containers().ports(matches.word(0))?;
    let ports = ports.iter().map(|port| {
        (port.port.to_string(), port.transport.word().to_owned(), engine::host_place(port))
    });
    show_ports(matches, &ports.collect::<Vec<_>>())
}

/// Shows ports: of the container, its protocol, and where they are on the host.
pub(super) fn show_ports(
    matches: &Matches,
    ports: &[(String, String, String)],
) -> Result<i32, Failure> {
    let Some(wanted) = matches.words.get(1) else {
        for (own, transport, place) in ports {
            output::line(&format!("{own}/{transport} -> {place}"));
        }
        return Ok(0);
    };
    let (number, protocol) = wanted.split_once('/').unwrap_or((wanted, "tcp"));
    if number.parse::<u16>().is_err() || !matches!(protocol, "tcp" | "udp" | "sctp") {
        let error = wrong("port", wanted, "it is not of the form PORT[/tcp|/udp|/sctp]");
        return Err(error);
    }
    let is_wanted =
        |(own, transport, _): &&(String, String, String)| own == number && transport == protocol;
    let mut found = ports.iter().filter(is_wanted).peekable();
    if found.peek().is_none() {
        return Err(Failure::Words(format!(
            "no public port '{number}/{protocol}' published for {}",
            matches.word(0)
        )));
    }
    found.for_each(|(_, _, place)| output::line(place));
    Ok(0)
}
