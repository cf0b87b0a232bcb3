//! `image copy`. The store is opened only where an end is in it: everything else needs no rights.

use std::sync::Arc;

use registry::{Client, Copied, Copy, Place, Progress, Selection};
use serde_json::json;
use spec::image::Platform;

use super::pull::platform;
use crate::arguments::Matches;
use crate::failure::Failure;
use crate::output;
use crate::program::Session;
use crate::progress::{Direction, Mode, show};
use crate::registries;

pub(super) fn copy(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let mode = Mode::of(matches)?;
    let place =
        |at| matches.word(at).parse::<Place>().map_err(|error| Failure::Words(error.to_string()));
    let (from, to) = (place(0)?, place(1)?);
    let selection = selection(matches)?;
    let progress = Arc::new(Progress::default());
    let client = |flag| -> Result<Client, Failure> {
        let verify = matches.value(flag).map(|value| value == "true");
        Ok(Client::new(registries::settings(Arc::clone(&progress), verify, None)?))
    };
    let (source, destination) = (client("src-tls-verify")?, client("dest-tls-verify")?);
    let room = session.paths()?;
    let policy = registry::Policy::in_force(&crate::config::policy_files());
    let order = Copy {
        from: &from,
        to: &to,
        selection: &selection,
        policy: &policy,
        preserve_digests: matches.on("preserve-digests"),
        referrers: matches.on("referrers"),
        source: &source,
        destination: &destination,
        store: None,
        room: Some(&room),
        connections: engine::PULL_CONNECTIONS,
        now_ns: engine::now_ns(),
        progress: &progress,
    };
    let copied = if [&from, &to].iter().any(|place| matches!(place, Place::Store(_))) {
        let engine = session.engine()?;
        let what = format!("copy {} to {}", matches.word(0), matches.word(1));
        show(mode, direction(&from, &to), &progress, || engine.images().copy(&order))
            .map_err(|error| Failure::Doing { what, error })?
    } else {
        show(mode, Direction::Copy, &progress, || registry::copy(order))?
    };
    tell(mode, matches, &copied);
    Ok(0)
}

/// From the store to a registry it is a push, and the other way a pull.
fn direction(from: &Place, to: &Place) -> Direction {
    match (from, to) {
        (Place::Store(_), Place::Registry(_)) => Direction::Push,
        (_, Place::Store(_)) => Direction::Pull,
        _ => Direction::Copy,
    }
}

fn selection(matches: &Matches) -> Result<Selection, Failure> {
    match (matches.on("all-platforms"), platform(matches)?) {
        (true, Some(_)) => {
            Err(Failure::Words("--all-platforms and --platform exclude each other".to_owned()))
        }
        (true, None) => Ok(Selection::All),
        // What is signed is mostly the index: without it a signature would be of nothing there.
        (false, None) if matches.on("referrers") => Ok(Selection::All),
        (false, wanted) => Ok(Selection::One(wanted.unwrap_or_else(Platform::native))),
    }
}

fn tell(mode: Mode, matches: &Matches, copied: &Copied) {
    let digest = copied.digest.to_string();
    match mode {
        Mode::Quiet => output::line(&digest),
        Mode::Json => {
            let image = copied.image.as_ref().map(ToString::to_string);
            let line = json!({
                "source": matches.word(0), "destination": matches.word(1), "digest": digest, "image": image,
                "referrers": copied.referrers,
            });
            output::line(&line.to_string());
        }
        Mode::Bars | Mode::Plain => {
            output::line(&format!("Digest: {digest}"));
            if matches.on("referrers") {
                output::line(&format!("Referrers: {}", copied.referrers));
            }
            output::line(&format!("Status: Copied {} to {}", matches.word(0), matches.word(1)));
        }
    }
}
