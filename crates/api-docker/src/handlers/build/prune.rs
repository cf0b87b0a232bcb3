//! `POST /build/prune`: steps that are forgotten, with their layers.

use std::collections::HashSet;

use engine::{Engine, StepUsage};
use serde_json::json;

use crate::answer::Answer;
use crate::failure::Failure;
use crate::filters::Filters;
use crate::handlers::Call;

/// What goes.
struct Wanted {
    /// Also what images have, which frees nothing.
    all: bool,
    /// Bytes that may stay: what was used last.
    budget: Option<u64>,
    /// Only what was not used since, nanoseconds since 1970.
    until_ns: Option<i64>,
    ids: Vec<String>,
    in_use: Option<bool>,
    shared: Option<bool>,
    private: Option<bool>,
}

pub(super) async fn prune(call: Call) -> Result<Answer, Failure> {
    let query = &call.query;
    let mut filters = Filters::of(query)?;
    let (in_use, shared, private) = (
        filters.take_truth("inuse")?,
        filters.take_truth("shared")?,
        filters.take_truth("private")?,
    );
    let filters = filters.only(&["until", "unused-for", "id"])?;
    let since = filters.get("until").first().or_else(|| filters.get("unused-for").first());
    let until_ns = since.map(|text| {
        let time = engine::times::time_ns(text);
        time.ok_or_else(|| Failure::bad(format!("invalid filter 'until=[{text}]'")))
    });
    let mut budgets = Vec::new();
    for name in ["max-used-space", "reserved-space", "keep-storage"] {
        budgets.extend(query.number::<u64>(name)?.filter(|bytes| *bytes > 0));
    }
    let wanted = Wanted {
        all: query.is_on("all"),
        budget: budgets.first().copied(),
        until_ns: until_ns.transpose()?,
        ids: filters.get("id").to_vec(),
        in_use,
        shared,
        private,
    };
    call.shared
        .with(move |engine| {
            let going = going(&steps(engine)?, &wanted);
            let pruned = engine.building().steps().prune(|step| going.contains(&id(step)));
            let pruned = pruned.map_err(engine::EngineError::from)?;
            let gone: Vec<&str> =
                pruned.deleted.iter().map(|key| key.trim_start_matches("sha256:")).collect();
            Answer::json(&json!({ "CachesDeleted": gone, "SpaceReclaimed": pruned.freed_bytes }))
        })
        .await
}

fn steps(engine: &Engine) -> Result<Vec<StepUsage>, Failure> {
    Ok(engine.building().steps().list().map_err(engine::EngineError::from)?)
}

/// By what clients know a step.
fn id(step: &StepUsage) -> String {
    step.key.hex().to_owned()
}

/// Steps that go; they come the one that was used last first.
fn going(steps: &[StepUsage], wanted: &Wanted) -> HashSet<String> {
    let mut kept_bytes = 0_u64;
    let fits = |wish: Option<bool>, is: bool| wish.is_none_or(|wish| wish == is);
    let goes = |step: &&StepUsage| {
        let is_meant = (wanted.all || !step.is_shared)
            && wanted.until_ns.is_none_or(|until_ns| step.used_ns <= until_ns)
            && (wanted.ids.is_empty() || wanted.ids.iter().any(|own| id(step).contains(own)))
            && fits(wanted.in_use, step.is_in_use)
            && fits(wanted.shared, step.is_shared)
            && fits(wanted.private, !step.is_shared);
        if !is_meant {
            return false;
        }
        let Some(budget) = wanted.budget else { return true };
        let bytes = if step.is_shared { 0 } else { step.size_bytes };
        if kept_bytes.saturating_add(bytes) > budget {
            return true;
        }
        kept_bytes += bytes;
        false
    };
    let mut goes = goes;
    steps.iter().filter(|step| goes(step)).map(id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(number: u8, size_bytes: u64, is_shared: bool) -> StepUsage {
        StepUsage {
            key: spec::Digest::sha256([number; 32]),
            diff_id: spec::Digest::sha256([number; 32]),
            step: "RUN make".to_owned(),
            size_bytes,
            made_ns: 0,
            used_ns: 100 - i64::from(number),
            uses: 0,
            is_shared,
            is_in_use: false,
        }
    }

    fn nothing() -> Wanted {
        Wanted {
            all: false,
            budget: None,
            until_ns: None,
            ids: Vec::new(),
            in_use: None,
            shared: None,
            private: None,
        }
    }

    #[test]
    fn what_goes_is_what_was_asked_for() {
        let steps = [step(1, 10, false), step(2, 20, true), step(3, 30, false), step(4, 40, false)];
        let numbers = |wanted: Wanted| {
            let going = going(&steps, &wanted);
            let place = |step: &StepUsage| going.contains(&id(step));
            steps.iter().map(place).collect::<Vec<_>>()
        };
        assert_eq!(numbers(nothing()), [true, false, true, true]);
        assert_eq!(numbers(Wanted { all: true, ..nothing() }), [true; 4]);
        let budget = Some(40);
        assert_eq!(numbers(Wanted { budget, ..nothing() }), [false, false, false, true]);
        let until_ns = Some(97);
        assert_eq!(numbers(Wanted { until_ns, ..nothing() }), [false, false, true, true]);
        let ids = vec!["0101".to_owned()];
        assert_eq!(numbers(Wanted { ids, ..nothing() }), [true, false, false, false]);
        let shared = Some(true);
        assert_eq!(numbers(Wanted { all: true, shared, ..nothing() }), [false, true, false, false]);
    }
}
