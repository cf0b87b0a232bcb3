//! `image prune`, `container prune`, `network prune`, `system prune`: Docker's words, and its question before.

use std::io::{BufRead, Write};

use engine::{Engine, ImagePrune, PruneFilter, Pruned};

use crate::arguments::Matches;
use crate::failure::Failure;
use crate::output;
use crate::program::Session;
use crate::words::{duration_ns, size};

pub(super) const ALL_IMAGES: &str = "all images without at least one container associated to them";

pub(super) fn images(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let rules = rules(matches)?;
    let what = match (matches.value("keep"), matches.value("unused-for")) {
        (None, None) if rules.all => ALL_IMAGES.to_owned(),
        (None, None) => "all dangling images".to_owned(),
        (keep, unused) => {
            let unused = unused.map(|time| format!(", and that were not used for {time}"));
            let keep = keep
                .map(|count| format!(", but the {count} that were used last of each repository"));
            format!("{ALL_IMAGES}{}{}", unused.unwrap_or_default(), keep.unwrap_or_default())
        }
    };
    confirm(matches, "image prune", &format!("WARNING! This will remove {what}."))?;
    let pruned = session.engine()?.room().prune_images(&rules)?;
    let mut text = String::new();
    tell_images(&mut text, &pruned);
    finish(&text, pruned.freed_bytes)
}

pub(super) fn containers(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let filter = filter(matches)?;
    confirm(matches, "container prune", "WARNING! This will remove all stopped containers.")?;
    let pruned = session.engine()?.room().prune_containers(&filter)?;
    let mut text = String::new();
    tell(&mut text, "Deleted Containers", &pruned.deleted);
    finish(&text, pruned.freed_bytes)
}

pub(super) fn volumes(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let mut filter = PruneFilter::default();
    let mut all = matches.on("all");
    for text in matches.values("filter") {
        match text {
            "all=true" | "all=1" => all = true,
            "all=false" | "all=0" => {}
            text => filter.add(text)?,
        }
    }
    let which = if all { "all" } else { "anonymous" };
    let warning = format!(
        "WARNING! This will remove {which} local volumes not used by at least one container."
    );
    confirm(matches, "volume prune", &warning)?;
    let pruned = session.engine()?.room().prune_volumes(all, &filter)?;
    let mut text = String::new();
    tell(&mut text, "Deleted Volumes", &pruned.deleted);
    finish(&text, pruned.freed_bytes)
}

pub(super) fn networks(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let filter = filter(matches)?;
    let warning =
        "WARNING! This will remove all custom networks not used by at least one container.";
    confirm(matches, "network prune", warning)?;
    let pruned = session.engine()?.room().prune_networks(&filter)?;
    let mut text = String::new();
    tell(&mut text, "Deleted Networks", &pruned.deleted);
    output::write(&text)?;
    Ok(0)
}

pub(super) fn system(session: &Session, matches: &Matches) -> Result<i32, Failure> {
    let filter = filter(matches)?;
    let volumes = matches.on("volumes");
    if volumes && filter.has_until() {
        return Err(Failure::Words(
            "the \"until\" filter is not supported with \"--volumes\"".to_owned(),
        ));
    }
    confirm(matches, "system prune", &warning(matches))?;
    let engine = session.engine()?;
    let (text, freed_bytes) = prune_system(&engine, filter, matches.on("all"), volumes)?;
    finish(&text, freed_bytes)
}

fn prune_system(
    engine: &Engine,
    filter: PruneFilter,
    all: bool,
    volumes: bool,
) -> Result<(String, u64), Failure> {
    let room = engine.room();
    let (mut text, mut freed_bytes) = (String::new(), 0);
    let mut gone = |text: &mut String, title: &str, pruned: &Pruned| {
        tell(text, title, &pruned.deleted);
        freed_bytes += pruned.freed_bytes;
    };
    // Containers first: what they used is free then.
    gone(&mut text, "Deleted Containers", &room.prune_containers(&filter)?);
    gone(&mut text, "Deleted Networks", &room.prune_networks(&filter)?);
    if volumes {
        gone(&mut text, "Deleted Volumes", &room.prune_volumes(false, &filter)?);
    }
    gone(&mut text, "Deleted Mounts", &room.prune_mounts()?);
    let layers = room.prune_layers(&filter)?;
    let transfers = room.prune_transfers(&filter)?;
    let uploads = room.prune_uploads(&filter)?;
    let images = room.prune_images(&ImagePrune { all, filter, ..ImagePrune::default() })?;
    tell_images(&mut text, &images);
    gone(&mut text, "Deleted Layers", &layers);
    gone(&mut text, "Deleted Transfers", &transfers);
    gone(&mut text, "Deleted Uploads", &uploads);
    Ok((text, freed_bytes + images.freed_bytes))
}

/// What `system prune` is about to do.
pub(super) fn warning(matches: &Matches) -> String {
    let mut text = "WARNING! This will remove:\n  - all stopped containers\n  - all networks not used by at least one container\n".to_owned();
    if matches.on("volumes") {
        text.push_str("  - all anonymous volumes not used by at least one container\n");
    }
    let images = if matches.on("all") { ALL_IMAGES } else { "all dangling images" };
    text.push_str(&format!("  - {images}\n  - what interrupted pulls and pushes have left\n"));
    let filters: Vec<&str> = matches.values("filter").collect();
    if !filters.is_empty() {
        text.push_str("\n  Items to be pruned will be filtered with:\n");
        text.extend(filters.iter().map(|filter| format!("  - {filter}\n")));
    }
    text
}

/// Asks, unless `--force` is given. Where there is nobody to ask, what stands on standard input is the answer.
pub(super) fn confirm(matches: &Matches, command: &str, warning: &str) -> Result<(), Failure> {
    if matches.on("force") {
        return Ok(());
    }
    output::write(&format!("{warning}\nAre you sure you want to continue? [y/N] "))?;
    match answer()? {
        Answer::Yes => Ok(()),
        Answer::No => Err(Failure::Words(format!("{command} has been cancelled"))),
        Answer::None => {
            // The cursor still stands behind the question.
            let _nobody = std::io::stdout().write_all(b"\n");
            Err(Failure::Words(format!(
                "{command} has been cancelled: nobody answered, and --force was not given"
            )))
        }
    }
}

/// What somebody answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Yes,
    No,
    /// Nobody did.
    None,
}

/// What stands on standard input; anything but a `y` is a no.
pub(super) fn answer() -> Result<Answer, Failure> {
    let mut answer = String::new();
    let mut input = std::io::stdin().lock();
    input.read_line(&mut answer).map_err(Failure::file("read", "standard input"))?;
    Ok(match answer.trim() {
        _ if answer.is_empty() => Answer::None,
        "y" | "Y" => Answer::Yes,
        _ => Answer::No,
    })
}

fn rules(matches: &Matches) -> Result<ImagePrune, Failure> {
    let keep = matches.value("keep").map(|text| {
        text.parse::<usize>().map_err(|_none| {
            Failure::Words(format!("invalid --keep {text:?}: it is no number of images"))
        })
    });
    let unused_since_ns = matches.value("unused-for").map(|text| {
        let duration = long_duration_ns(text).filter(|duration| *duration >= 0);
        let duration = duration.ok_or_else(|| {
            Failure::Words(format!(
                "invalid --unused-for {text:?}: want a duration as 30d, 2w or 12h"
            ))
        })?;
        Ok::<i64, Failure>(engine::now_ns().saturating_sub(duration))
    });
    Ok(ImagePrune {
        all: matches.on("all"),
        keep: keep.transpose()?,
        unused_since_ns: unused_since_ns.transpose()?,
        filter: filter(matches)?,
    })
}

fn filter(matches: &Matches) -> Result<PruneFilter, Failure> {
    let mut filter = PruneFilter::default();
    for text in matches.values("filter") {
        filter.add(text)?;
    }
    Ok(filter)
}

/// Go's durations know no days; people do.
fn long_duration_ns(text: &str) -> Option<i64> {
    const DAY_NS: i64 = 24 * 3_600_000_000_000;
    let days = |number: &str, days: i64| number.parse::<i64>().ok()?.checked_mul(days * DAY_NS);
    match (text.strip_suffix('d'), text.strip_suffix('w')) {
        (Some(number), _) => days(number, 1),
        (_, Some(number)) => days(number, 7),
        _ => duration_ns(text),
    }
}

pub(super) fn tell(text: &mut String, title: &str, items: &[String]) {
    if !items.is_empty() {
        text.push_str(&format!("{title}:\n{}\n\n", items.join("\n")));
    }
}

pub(super) fn tell_images(text: &mut String, pruned: &Pruned) {
    let untagged = pruned.untagged.iter().map(|name| format!("untagged: {name}"));
    let deleted = pruned.deleted.iter().map(|digest| format!("deleted: {digest}"));
    tell(text, "Deleted Images", &untagged.chain(deleted).collect::<Vec<_>>());
}

pub(super) fn finish(text: &str, freed_bytes: u64) -> Result<i32, Failure> {
    let text = format!("{text}Total reclaimed space: {}\n", size(freed_bytes));
    output::write(&text)?;
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_weeks_are_durations() {
        let hour = 3_600_000_000_000;
        for (text, ns) in [
            ("30d", Some(30 * 24 * hour)),
            ("2w", Some(14 * 24 * hour)),
            ("12h", Some(12 * hour)),
            ("d", None),
            ("1.5d", None),
            ("99999999999999d", None),
            ("30", None),
        ] {
            assert_eq!(long_duration_ns(text), ns, "{text}");
        }
    }
}
