//! How far a build is, for whoever looks: lines for logs, a terminal that is drawn over, JSON. Start at [`Printer`].
//!
//! Stages run beside each other and tell from their threads; a further thread draws what changes with time alone. What the styles make of
//! events is pure (`plain`, `tty`, `json`, `rawjson`); it is printed here. The value of a secret comes to none of them.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use build::{BuildError, Event, Progress, Warning};

use crate::arguments::Matches;
use crate::failure::Failure;
use crate::{config, output, terminal};

mod json;
mod plain;
mod rawjson;
mod steps;
mod tty;

use steps::{Steps, shifted};

/// How often what changes with time is drawn.
const FRAME: Duration = Duration::from_millis(100);

/// How to show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// Not at all.
    Quiet,
    /// Lines.
    Plain,
    /// A terminal that is drawn over.
    Terminal,
    /// A JSON object for each event, on standard output.
    Json,
    /// BuildKit's objects, on standard error as buildx writes them.
    RawJson,
}

/// Shows a build.
pub(crate) struct Printer {
    inner: Mutex<Inner>,
    over: Condvar,
    began: Instant,
    began_ns: i64,
}

struct Inner {
    steps: Steps,
    face: Face,
    is_over: bool,
    /// What is to be said and to be printed when the terminal is not somebody else's any more.
    waiting: Option<(String, String)>,
    /// Whether people have been told why it failed.
    has_told: bool,
}

enum Face {
    Quiet,
    Plain(plain::Lines),
    Terminal(tty::Screen),
    Json,
    RawJson,
}

impl Style {
    /// What `--quiet` and `--progress` ask for; where they ask for nothing, `BUILDKIT_PROGRESS` as for docker.
    pub(crate) fn of(matches: &Matches) -> Result<Self, Failure> {
        if matches.on("quiet") {
            return Ok(Self::Quiet);
        }
        let set = || config::lookup("BUILDKIT_PROGRESS").filter(|text| !text.is_empty());
        let text = matches.text("progress").map(str::to_owned).or_else(set);
        let is_terminal = || rustix::termios::isatty(rustix::stdio::stderr());
        match text.as_deref().unwrap_or("auto") {
            "auto" if is_terminal() => Ok(Self::Terminal),
            "auto" | "plain" => Ok(Self::Plain),
            "tty" if is_terminal() => Ok(Self::Terminal),
            "tty" => {
                let words = "--progress tty needs a terminal, and standard error is none";
                Err(Failure::Words(words.to_owned()))
            }
            "json" => Ok(Self::Json),
            "rawjson" => Ok(Self::RawJson),
            "quiet" | "none" => Ok(Self::Quiet),
            other => Err(Failure::Words(format!(
                "invalid progress {other:?}: it is not one of auto, plain, tty, json, rawjson, quiet"
            ))),
        }
    }
}

/// One of the builds that a [`Printer`] shows beside each other.
pub(crate) struct Part<'a> {
    printer: &'a Printer,
    number: usize,
}

impl Printer {
    /// One of a build that is alone.
    pub(crate) fn new(style: Style, explains: bool) -> Self {
        Self::of(style, explains, &[None])
    }

    /// One of a build for each target.
    pub(crate) fn of(style: Style, explains: bool, targets: &[Option<String>]) -> Self {
        let face = match style {
            Style::Quiet => Face::Quiet,
            Style::Plain => Face::Plain(plain::Lines::new(explains)),
            Style::Terminal => Face::Terminal(tty::Screen::new(explains)),
            Style::Json => Face::Json,
            Style::RawJson => Face::RawJson,
        };
        Self {
            inner: Mutex::new(Inner {
                steps: Steps::of(targets),
                face,
                is_over: false,
                waiting: None,
                has_told: false,
            }),
            over: Condvar::new(),
            began: Instant::now(),
            began_ns: engine::now_ns(),
        }
    }

    /// The build of a target, by its place among them.
    pub(crate) const fn part(&self, number: usize) -> Part<'_> {
        Part { printer: self, number }
    }

    /// Works while it is shown; everything is shown when this returns.
    pub(crate) fn watched<T>(&self, work: impl FnOnce() -> T) -> T {
        std::thread::scope(|scope| {
            let _ending = Ending(self);
            scope.spawn(|| self.draw());
            work()
        })
    }

    fn draw(&self) {
        let mut inner = self.lock();
        loop {
            let is_over = inner.is_over;
            let text = inner.frame(self.began.elapsed(), is_over);
            inner.say(&text);
            if is_over {
                return;
            }
            let waited = self.over.wait_timeout(inner, FRAME);
            inner = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// What people need of a build that failed: the last lines of its step, and the place in the Dockerfile. The words follow from the caller.
    pub(crate) fn failed(&self, error: &BuildError) {
        self.failed_of(0, error);
    }

    /// The same of one of several.
    pub(crate) fn failed_of(&self, part: usize, error: &BuildError) {
        let mut inner = self.lock();
        let target = inner.steps.turn_to(part);
        match inner.face {
            Face::Json => inner.print(&json::failure(error, target.as_deref())),
            Face::RawJson => {}
            Face::Quiet | Face::Plain(_) | Face::Terminal(_) if inner.has_told => {}
            Face::Quiet | Face::Plain(_) | Face::Terminal(_) => {
                output::talk_on(&epitaph(&inner.steps, error.shown()));
            }
        }
    }

    /// Tells people why the build failed, and is silent while somebody else has the terminal.
    pub(crate) fn interrupted(&self, error: &BuildError, work: impl FnOnce()) {
        let mut inner = self.lock();
        let last = inner.frame(self.began.elapsed(), true);
        let epitaph = epitaph(&inner.steps, error.shown());
        output::talk_on(&format!("{last}{epitaph}"));
        (inner.waiting, inner.has_told) = (Some(Default::default()), true);
        drop(inner);
        work();
        let mut inner = self.lock();
        if let Some((said, printed)) = inner.waiting.take() {
            inner.say(&said);
            inner.print(&printed);
        }
    }

    /// The warnings of the checks, at the end.
    pub(crate) fn warn(&self) {
        let inner = self.lock();
        if matches!(inner.face, Face::Plain(_) | Face::Terminal(_)) {
            output::talk_on(&warned(&inner.steps.warnings));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends the drawing, whatever became of the work.
struct Ending<'a>(&'a Printer);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.lock().is_over = true;
        self.0.over.notify_all();
    }
}

impl Progress for Printer {
    fn tell(&self, event: &Event<'_>) {
        self.part(0).tell(event);
    }
}

impl Progress for Part<'_> {
    fn tell(&self, event: &Event<'_>) {
        let Part { printer, number } = self;
        let now = printer.began.elapsed();
        let mut inner = printer.lock();
        let Inner { steps, face, .. } = &mut *inner;
        let target = steps.turn_to(*number);
        let Some(first) = steps.first().or(plain::step_of(event).is_none().then_some(0)) else {
            // Its steps are not known yet: it opens its context.
            if matches!(face, Face::Json) {
                inner.print(&json::lines(event, &[], target.as_deref()));
            }
            return;
        };
        let own = event;
        let event = &shifted(event, first);
        let finished = steps.take(event, now);
        let (said, printed) = match face {
            Face::Quiet => return,
            Face::Plain(lines) => (lines.tell(steps, event, finished, now), String::new()),
            // With the next frame.
            Face::Terminal(screen) => return screen.tell(steps, event),
            Face::Json => (String::new(), json::lines(own, &finished, target.as_deref())),
            Face::RawJson => {
                let clock = (printer.began_ns, now);
                (rawjson::lines(steps, event, &finished, clock), String::new())
            }
        };
        inner.say(&said);
        inner.print(&printed);
    }
}

impl Inner {
    /// Talk.
    fn say(&mut self, text: &str) {
        match &mut self.waiting {
            Some((said, _)) => said.push_str(text),
            None => output::talk_on(text),
        }
    }

    /// Data; whoever reads it may be gone, and the build goes on.
    fn print(&mut self, text: &str) {
        match &mut self.waiting {
            Some((_, printed)) => printed.push_str(text),
            None if text.is_empty() => {}
            None => {
                let _nobody = output::write(text);
            }
        }
    }

    fn frame(&mut self, now: Duration, is_last: bool) -> String {
        if self.waiting.is_some() {
            return String::new();
        }
        match &mut self.face {
            Face::Plain(lines) => lines.flush(&self.steps, now, is_last),
            Face::Terminal(screen) => {
                // A terminal that was told no size says nought.
                let known = terminal::size().filter(|(rows, columns)| *rows > 0 && *columns > 0);
                let (rows, columns) = known.unwrap_or((24, 80));
                let window = tty::Window { rows: rows.into(), columns: columns.into() };
                screen.frame(&self.steps, now, window, is_last)
            }
            Face::Quiet | Face::Json | Face::RawJson => String::new(),
        }
    }
}

/// The last lines of the step that failed, and its place in the file.
fn epitaph(steps: &Steps, place: Option<&str>) -> String {
    const RULE: &str = "------\n";
    let mut text = String::new();
    if let Some(shown) = steps.failed().filter(|shown| !shown.said.is_empty()) {
        text.push_str(RULE);
        text.push_str(&format!(" > {}:\n", shown.title()));
        for (at, line) in &shown.said {
            text.push_str(&format!("{} {line}\n", plain::seconds(*at)));
        }
        text.push_str(RULE);
    }
    if let Some(place) = place {
        text.push_str(place);
        if !place.ends_with('\n') {
            text.push('\n');
        }
    }
    text
}

/// How many warnings there are, and what they say.
fn warned(warnings: &[(Option<String>, Warning)]) -> String {
    let plural = match warnings.len() {
        0 => return String::new(),
        1 => "warning",
        _ => "warnings",
    };
    let count = warnings.len();
    let mut text = format!("\n {count} {plural} found (use corten build --check to expand):\n");
    for (target, Warning { rule, line, message, .. }) in warnings {
        let message = crate::plain::plain(message);
        let of = target.as_ref().map(|target| format!("{target}: ")).unwrap_or_default();
        text.push_str(&format!(" - {of}{rule}: {message} (line {line})\n"));
    }
    text
}

/// What a build told once, as lines would have shown it then: all that `tell` tells.
pub(crate) fn replayed(
    style: Style,
    began_ns: i64,
    tell: impl FnOnce(&mut dyn FnMut(Duration, &Event<'_>)),
) -> String {
    let (mut steps, mut lines) = (Steps::of(&[None]), plain::Lines::new(false));
    steps.turn_to(0);
    let (mut text, mut last) = (String::new(), Duration::ZERO);
    tell(&mut |now, event| {
        let finished = steps.take(event, now);
        last = now;
        text.push_str(&match style {
            Style::Quiet => String::new(),
            Style::Plain | Style::Terminal => lines.tell(&steps, event, finished, now),
            Style::Json => json::lines(event, &finished, None),
            Style::RawJson => rawjson::lines(&steps, event, &finished, (began_ns, now)),
        });
    });
    if matches!(style, Style::Plain | Style::Terminal) {
        text.push_str(&lines.flush(&steps, last, true));
        let failed = steps.all.iter().any(|shown| matches!(shown.phase, steps::Phase::Failed(_)));
        if failed {
            text.push_str(&epitaph(&steps, None));
        }
    }
    text
}

/// What `--check` prints: what was found, each with its place.
pub(crate) fn checked(warnings: &[Warning], as_json: bool) -> String {
    if as_json {
        let all: Vec<serde_json::Value> = warnings.iter().map(json::warning).collect();
        return format!("{}\n", serde_json::json!({ "warnings": all }));
    }
    let head = match warnings.len() {
        0 => return "Check complete, no warnings found.\n".to_owned(),
        1 => "Check complete, 1 warning has been found!\n".to_owned(),
        count => format!("Check complete, {count} warnings have been found!\n"),
    };
    let all = warnings
        .iter()
        .map(|Warning { rule, shown, .. }| format!("\nWARNING: {rule}\n{}\n", shown.trim_end()));
    std::iter::once(head).chain(all).collect()
}

#[cfg(test)]
mod tests;
