//! Commands of several containers: which are meant, and something done to all of them at once.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use engine::{Container, Engine, Filter, State};

use crate::arguments::{Matches, UsageError};
use crate::failure::Failure;
use crate::output;
use crate::program::Session;

/// As many as Docker's client has at once: most of them wait for a process to end.
const MOST_AT_ONCE: usize = 50;

/// What can be done to a container whose state it is: which ones `--all` means.
pub(super) type Suits = fn(&State) -> bool;

pub(super) fn runs(state: &State) -> bool {
    matches!(state, State::Running { .. } | State::Restarting(_) | State::Starting)
}

pub(super) fn stands_still(state: &State) -> bool {
    matches!(state, State::Created { .. } | State::Exited(_))
}

pub(super) fn is_paused(state: &State) -> bool {
    matches!(state, State::Running { paused: true, .. })
}

pub(super) fn is_not_paused(state: &State) -> bool {
    matches!(state, State::Running { paused: false, .. })
}

pub(super) fn is_there(_state: &State) -> bool {
    true
}

/// The containers of the line: those that are named, those of `--all`, or those that `--filter` finds among them.
///
/// # Errors
/// When both words and a flag choose, or neither, or a filter is none.
pub(super) fn chosen(
    engine: &Engine,
    matches: &Matches,
    command: &'static str,
    suits: Suits,
) -> Result<Vec<String>, Failure> {
    let filters: Vec<&str> = matches.values("filter").collect();
    if let Some(names) = named(matches, command)? {
        return Ok(names);
    }
    let mut filter = Filter::default();
    for text in filters {
        filter.add(text)?;
    }
    let rows = engine.containers().list(true, &filter, false)?.into_iter();
    let found = rows.map(|row| row.container).filter(|one: &Container| suits(&one.state));
    Ok(found.map(|one| one.record.name).collect())
}

/// The containers that the line names; nothing where flags choose.
///
/// # Errors
/// When both do, or neither.
pub(super) fn named(
    matches: &Matches,
    command: &'static str,
) -> Result<Option<Vec<String>>, Failure> {
    let by_flag = matches.on("all") || matches.values("filter").next().is_some();
    match (by_flag, matches.words.is_empty()) {
        (false, false) => Ok(Some(matches.words.clone())),
        (false, true) => {
            let error = UsageError::Arity { command, least: 1, most: usize::MAX };
            Err(Failure::Usage { command: command.to_owned(), error })
        }
        (true, false) => {
            let line = "names of containers cannot be given with --all or --filter";
            Err(Failure::Words(line.to_owned()))
        }
        (true, true) => Ok(None),
    }
}

/// Does something to each container, to many at once, and prints the names of those for whom it gives true, in their order; the first
/// failure does not keep the others from their turn.
///
/// # Errors
/// When no store can be opened.
pub(super) fn at_once(
    session: &Session,
    names: &[String],
    act: impl Fn(&Engine, &str) -> Result<bool, Failure> + Sync,
) -> Result<i32, Failure> {
    // Namespaces are entered by one thread alone.
    session.paths()?;
    at_once_by(names, || session.engine(), act)
}

/// The same by whatever each thread opens for itself.
pub(super) fn at_once_by<T>(
    names: &[String],
    open: impl Fn() -> Result<T, Failure> + Sync,
    act: impl Fn(&T, &str) -> Result<bool, Failure> + Sync,
) -> Result<i32, Failure> {
    let queue = Queue { names, next: AtomicUsize::new(0), told: Mutex::default() };
    let work = || -> Result<i32, Failure> {
        let by = open()?;
        let mut code = 0;
        while let Some((place, name)) = queue.next() {
            let done = act(&by, name);
            code = code.max(i32::from(done.is_err()));
            queue.tell(place, done.map(|is_news| is_news.then(|| name.to_owned())));
        }
        Ok(code)
    };
    let helpers = names.len().min(MOST_AT_ONCE).saturating_sub(1);
    if helpers == 0 {
        return work();
    }
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..helpers).map(|_| scope.spawn(work)).collect();
        let mut code = work()?;
        for thread in threads {
            // One that panicked has said so.
            code = code.max(thread.join().unwrap_or(Ok(1))?);
        }
        Ok(code)
    })
}

/// Names whose turn comes, and what is told of those who had theirs.
struct Queue<'a> {
    names: &'a [String],
    next: AtomicUsize,
    told: Mutex<Told>,
}

/// The line of a failure, and its hint.
type Failed = (String, Option<String>);

/// Results that wait for those before them.
#[derive(Default)]
struct Told {
    printed: usize,
    waiting: BTreeMap<usize, Result<Option<String>, Failed>>,
}

impl Queue<'_> {
    fn next(&self) -> Option<(usize, &str)> {
        let place = self.next.fetch_add(1, Ordering::Relaxed);
        self.names.get(place).map(|name| (place, name.as_str()))
    }

    fn tell(&self, place: usize, done: Result<Option<String>, Failure>) {
        let done = done.map_err(|failure| (failure.line(), failure.hint()));
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.waiting.insert(place, done);
        loop {
            let place = told.printed;
            let Some(done) = told.waiting.remove(&place) else { return };
            told.printed += 1;
            match done {
                Ok(line) => line.iter().for_each(|line| output::line(line)),
                Err((line, hint)) => output::error(&line, hint.as_deref()),
            }
        }
    }
}
