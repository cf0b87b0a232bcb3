//! What is known of each step of a build: where it stands, what it said last, what it is called. Pure: nothing is printed here.

use std::collections::VecDeque;
use std::time::Duration;

use build::{Event, Step, StepKind, Warning};

/// Lines of a step that are kept: for the end of a build that fails.
pub(super) const KEPT: usize = 20;
/// A line that does not end is cut here.
const LONGEST_LINE: usize = 16 * 1024;

/// All of them, by their numbers: those of several builds behind each other, in the order in which these begin.
#[derive(Debug, Default)]
pub(super) struct Steps {
    pub(super) all: Vec<Shown>,
    /// What checks found, and of which build where there are several.
    pub(super) warnings: Vec<(Option<String>, Warning)>,
    builds: Vec<Build>,
    /// The one that tells.
    current: usize,
}

/// One of several builds.
#[derive(Debug)]
struct Build {
    /// The target that it is of.
    target: Option<String>,
    /// Number of its first step, once there is one.
    first: Option<usize>,
}

/// One.
#[derive(Debug)]
pub(super) struct Shown {
    /// What people know it by. Those that people seldom see come last.
    pub(super) number: usize,
    pub(super) step: Step,
    /// The target that it is of, where several are built.
    target: Option<String>,
    pub(super) phase: Phase,
    /// When it began, from the beginning of the build.
    pub(super) begun: Duration,
    /// What it said last, and when from its own beginning.
    pub(super) said: VecDeque<(Duration, String)>,
    /// What it waits for: how many bytes, of how many.
    pub(super) transfers: Vec<Transfer>,
    /// Whether there are other stages than its own.
    is_among_others: bool,
    /// What came after the last end of a line, of its output and of its errors.
    unfinished: [Vec<u8>; 2],
}

/// How far something is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Transfer {
    pub(super) what: String,
    pub(super) bytes: u64,
    pub(super) of: Option<u64>,
}

/// Where a step stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Waiting,
    Running,
    Cached,
    Done(Duration),
    Failed(String),
    Cancelled,
}

/// A whole line that a step wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) is_error: bool,
    /// From the step's beginning.
    pub(super) at: Duration,
    /// Without its end.
    pub(super) text: String,
}

impl Steps {
    /// Those of one build for each target; nothing is a build that is alone.
    pub(super) fn of(targets: &[Option<String>]) -> Self {
        let build = |target: &Option<String>| Build { target: target.clone(), first: None };
        Self { builds: targets.iter().map(build).collect(), ..Self::default() }
    }

    /// Makes a build the one that tells; gives the name of its target.
    pub(super) fn turn_to(&mut self, build: usize) -> Option<String> {
        self.current = build;
        self.builds.get(build).and_then(|build| build.target.clone())
    }

    /// The number of the first step of the build that tells; nothing where it has none yet.
    pub(super) fn first(&self) -> Option<usize> {
        self.builds.get(self.current).and_then(|build| build.first)
    }

    /// The target of the build that tells, where there are several.
    fn target(&self) -> Option<String> {
        let current = self.builds.get(self.current).filter(|_| self.builds.len() > 1);
        current.and_then(|build| build.target.clone())
    }

    /// Takes an event in, whose step is the number of one of all; gives the lines that it finishes.
    pub(super) fn take(&mut self, event: &Event<'_>, now: Duration) -> Vec<Line> {
        match event {
            Event::Warnings(warnings) => {
                let target = self.target();
                let new = warnings.iter().map(|warning| (target.clone(), warning.clone()));
                self.warnings.extend(new);
            }
            Event::Steps(steps) => self.begin(steps),
            Event::Started { step } => {
                if let Some(shown) = self.all.get_mut(*step) {
                    (shown.phase, shown.begun) = (Phase::Running, now);
                }
            }
            Event::Output { step, is_error, bytes } => {
                return self
                    .all
                    .get_mut(*step)
                    .map_or_else(Vec::new, |shown| shown.write(*is_error, bytes, now));
            }
            Event::Transfer { step, what, bytes, of } => {
                if let Some(shown) = self.all.get_mut(*step) {
                    shown.transfer(what, *bytes, *of);
                }
            }
            Event::Cached { step } => return self.end(*step, Phase::Cached, now),
            Event::Done { step, took, .. } => {
                // What was in the cache is done, too.
                let is_cached =
                    self.all.get(*step).is_some_and(|shown| shown.phase == Phase::Cached);
                let phase = if is_cached { Phase::Cached } else { Phase::Done(*took) };
                return self.end(*step, phase, now);
            }
            Event::Failed { step, why } => {
                return self.end(*step, Phase::Failed((*why).to_owned()), now);
            }
            Event::Cancelled { step } => return self.end(*step, Phase::Cancelled, now),
            Event::Missed { .. } | Event::Running { .. } | Event::Image { .. } => {}
        }
        Vec::new()
    }

    fn begin(&mut self, steps: &[Step]) {
        let mut stages: Vec<&str> = steps.iter().map(|step| step.stage.as_str()).collect();
        stages.retain(|stage| !stage.is_empty());
        stages.dedup();
        let is_among_others = stages.len() > 1;
        let is_setting = |step: &&Step| step.kind == StepKind::Setting;
        let (target, first) = (self.target(), self.all.len());
        if let Some(build) = self.builds.get_mut(self.current) {
            build.first = Some(first);
        }
        let (mut number, mut of_settings) =
            (first, first + steps.iter().filter(|step| !is_setting(step)).count());
        self.all.extend(steps.iter().map(|step| Shown {
            number: {
                let count = if is_setting(&step) { &mut of_settings } else { &mut number };
                *count += 1;
                *count
            },
            step: step.clone(),
            target: target.clone(),
            phase: Phase::Waiting,
            begun: Duration::ZERO,
            said: VecDeque::new(),
            transfers: Vec::new(),
            is_among_others,
            unfinished: [Vec::new(), Vec::new()],
        }));
    }

    fn end(&mut self, step: usize, phase: Phase, now: Duration) -> Vec<Line> {
        let Some(shown) = self.all.get_mut(step) else { return Vec::new() };
        shown.phase = phase;
        let rest = [false, true].map(|is_error| shown.finish(is_error, now));
        rest.into_iter().flatten().collect()
    }

    /// How many have ended, and how many there are, of those that people see.
    pub(super) fn count(&self) -> (usize, usize) {
        let seen = || self.all.iter().filter(|shown| !shown.is_hidden());
        (seen().filter(|shown| shown.has_ended()).count(), seen().count())
    }

    /// The one that failed first.
    pub(super) fn failed(&self) -> Option<&Shown> {
        self.all.iter().find(|shown| matches!(shown.phase, Phase::Failed(_)))
    }
}

impl Shown {
    pub(super) const fn has_ended(&self) -> bool {
        !matches!(self.phase, Phase::Waiting | Phase::Running)
    }

    /// Whether it is not worth a line: it says how the image runs, and takes no time.
    pub(super) const fn is_hidden(&self) -> bool {
        matches!(self.step.kind, StepKind::Setting) && !matches!(self.phase, Phase::Failed(_))
    }

    /// `[build 2/4] RUN make`; a stage without a name goes by its number, and a stage alone by none. Before it stands the target, where there
    /// are several: `[app build 2/4] RUN make`.
    pub(super) fn title(&self) -> String {
        let title = self.own_title();
        match (&self.target, title.strip_prefix('[')) {
            (None, _) => title,
            (Some(target), Some(rest)) => format!("[{target} {rest}"),
            (Some(target), None) => format!("[{target}] {title}"),
        }
    }

    fn own_title(&self) -> String {
        let Step { kind, stage, place: (place, of), text, .. } = &self.step;
        let text = cleaned(text, false);
        let is_of_no_stage = matches!(kind, StepKind::Load | StepKind::Output) || stage.is_empty();
        if *kind == StepKind::Load && !text.starts_with('[') {
            return format!("[internal] {text}");
        }
        if is_of_no_stage {
            return text;
        }
        let is_number = stage.bytes().all(|byte| byte.is_ascii_digit());
        match (is_number, self.is_among_others) {
            (true, false) => format!("[{place}/{of}] {text}"),
            (true, true) => format!("[stage-{stage} {place}/{of}] {text}"),
            (false, _) => format!("[{stage} {place}/{of}] {text}"),
        }
    }

    /// Why it failed, without its place and its text, which stand beside it.
    pub(super) fn why<'a>(&self, why: &'a str) -> &'a str {
        let text = format!("{}: ", self.step.text);
        why.split_once(&text).map_or(why, |(_, rest)| rest)
    }

    fn write(&mut self, is_error: bool, bytes: &[u8], now: Duration) -> Vec<Line> {
        let mut lines = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let unfinished = self.unfinished_of(is_error);
            unfinished.extend_from_slice(piece);
            if piece.ends_with(b"\n") || unfinished.len() >= LONGEST_LINE {
                lines.extend(self.finish(is_error, now));
            }
        }
        lines
    }

    const fn unfinished_of(&mut self, is_error: bool) -> &mut Vec<u8> {
        let [output, errors] = &mut self.unfinished;
        if is_error { errors } else { output }
    }

    /// Makes a line of what has come.
    fn finish(&mut self, is_error: bool, now: Duration) -> Option<Line> {
        let bytes = std::mem::take(self.unfinished_of(is_error));
        if bytes.is_empty() {
            return None;
        }
        let text = String::from_utf8_lossy(&bytes);
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        // Whoever draws a line over in place means the last one.
        let text = cleaned(text.rsplit('\r').next().unwrap_or_default(), true);
        let at = now.saturating_sub(self.begun);
        if self.said.len() == KEPT {
            self.said.pop_front();
        }
        self.said.push_back((at, text.clone()));
        Some(Line { is_error, at, text })
    }

    fn transfer(&mut self, what: &str, bytes: u64, of: Option<u64>) {
        match self.transfers.iter_mut().find(|transfer| transfer.what == what) {
            Some(transfer) => (transfer.bytes, transfer.of) = (bytes, of.or(transfer.of)),
            None => self.transfers.push(Transfer { what: what.to_owned(), bytes, of }),
        }
    }
}

/// The event with the number that its step has among all of which the first of its build is `first`.
pub(super) fn shifted<'a>(event: &Event<'a>, first: usize) -> Event<'a> {
    let mut event = event.clone();
    match &mut event {
        Event::Started { step }
        | Event::Running { step, .. }
        | Event::Cached { step }
        | Event::Missed { step, .. }
        | Event::Output { step, .. }
        | Event::Transfer { step, .. }
        | Event::Done { step, .. }
        | Event::Failed { step, .. }
        | Event::Cancelled { step } => *step += first,
        Event::Warnings(_) | Event::Steps(_) | Event::Image { .. } => {}
    }
    event
}

/// What stands still on a terminal: foreign text without control characters; where `has_colours`, its colours stay. ECMA-48, 8.3.117 (SGR).
pub(super) fn cleaned(text: &str, has_colours: bool) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\u{1b}' => {
                let rest = letters.as_str();
                let (sequence, is_colour) = escape(rest);
                if is_colour && has_colours {
                    clean.push(letter);
                    clean.push_str(sequence);
                }
                letters = rest.get(sequence.len()..).unwrap_or_default().chars();
            }
            '\t' => clean.push('\t'),
            other if other.is_control() || moves(other) => {}
            other => clean.push(other),
        }
    }
    clean
}

/// What belongs to an escape sequence behind its first byte, and whether it only colours. ECMA-48, 5.4: a control sequence is parameters,
/// intermediate bytes, a final byte.
fn escape(rest: &str) -> (&str, bool) {
    let Some(inside) = rest.strip_prefix('[') else { return ("", false) };
    let length = inside.bytes().take_while(|byte| (0x20..=0x3f).contains(byte)).count();
    match inside.as_bytes().get(length) {
        Some(last @ 0x40..=0x7e) => {
            let is_plain = inside
                .bytes()
                .take(length)
                .all(|byte| byte.is_ascii_digit() || matches!(byte, b';' | b':'));
            (rest.get(..length + 2).unwrap_or_default(), *last == b'm' && is_plain)
        }
        _ => (rest.get(..=length).unwrap_or_default(), false),
    }
}

/// Separators of lines, and marks that turn the reading direction. UAX #9, 2.
fn moves(letter: char) -> bool {
    matches!(letter, '\u{2028}' | '\u{2029}' | '\u{61c}' | '\u{200e}' | '\u{200f}')
        || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::build::tests::{ms, steps};

    #[test]
    fn lines_come_whole_whatever_the_pieces() {
        let mut all = Steps::default();
        all.take(&Event::Steps(&steps()), ms(0));
        all.take(&Event::Started { step: 2 }, ms(100));
        let mut write = |bytes: &'static [u8], is_error| {
            let lines = all.take(&Event::Output { step: 2, is_error, bytes }, ms(350));
            lines.into_iter().map(|line| line.text).collect::<Vec<_>>()
        };
        assert_eq!(write(b"a", false), Vec::<String>::new());
        assert_eq!(write(b"wrong\n", true), ["wrong"]);
        assert_eq!(write(b"b\nc\r\n10%\r20%\rd", false), ["ab", "c"]);
        assert_eq!(write(b"\nrest", false), ["d"]);
        let lines = all.take(&Event::Done { step: 2, layer: None, took: ms(300) }, ms(400));
        assert_eq!(lines, [Line { is_error: false, at: ms(300), text: "rest".to_owned() }]);
        assert_eq!(all.all[2].said.len(), 5);
    }

    #[test]
    fn a_line_without_an_end_is_cut() {
        let mut all = Steps::default();
        all.take(&Event::Steps(&steps()), ms(0));
        let long = vec![b'x'; LONGEST_LINE + 1];
        let lines = all.take(&Event::Output { step: 2, is_error: false, bytes: &long }, ms(0));
        assert_eq!(lines.len(), 1);
        assert!(all.all[2].unfinished[0].len() < LONGEST_LINE);
    }

    #[test]
    fn foreign_text_moves_nothing() {
        for (text, colours, expected) in [
            ("\u{1b}[31mred\u{1b}[0m", true, "\u{1b}[31mred\u{1b}[0m"),
            ("\u{1b}[31mred\u{1b}[0m", false, "red"),
            ("a\u{1b}[2Jb\u{1b}[1;1Hc", true, "abc"),
            ("a\u{1b}]0;title\u{7}b", true, "a]0;titleb"),
            ("a\u{9b}2Jb\u{8}c\u{202e}d", true, "a2Jbcd"),
            ("\u{1b}[", true, ""),
            ("\u{1b}[?25l\u{1b}", true, ""),
            ("é\tש", true, "é\tש"),
        ] {
            assert_eq!(cleaned(text, colours), expected, "{text:?}");
        }
    }

    #[test]
    fn titles_are_dockers() {
        let mut all = Steps::default();
        all.take(&Event::Steps(&steps()), ms(0));
        let titles: Vec<String> = all.all.iter().map(Shown::title).collect();
        assert_eq!(
            titles,
            [
                "[internal] load build definition from Dockerfile",
                "[build 1/2] FROM busybox",
                "[build 2/2] RUN make",
                "[stage-1 1/2] FROM scratch",
                "[stage-1 2/2] COPY --from=build /a /a",
                "exporting to image",
            ]
        );
        let mut alone = Steps::default();
        alone.take(&Event::Steps(&steps()[3..5]), ms(0));
        assert_eq!(alone.all[0].title(), "[1/2] FROM scratch");
    }

    #[test]
    fn builds_beside_each_other_are_told_apart() {
        let mut all = Steps::of(&["web", "db"].map(|name| Some(name.to_owned())));
        assert_eq!(all.turn_to(1).as_deref(), Some("db"));
        assert_eq!(all.first(), None);
        all.take(&Event::Steps(&steps()), ms(0));
        all.turn_to(0);
        all.take(&Event::Steps(&steps()[3..]), ms(0));
        assert_eq!(all.first(), Some(6));
        all.take(&shifted(&Event::Started { step: 1 }, 6), ms(0));
        assert_eq!(all.all[7].phase, Phase::Running);
        let shown = |step: usize| (all.all[step].number, all.all[step].title());
        assert_eq!(shown(0).1, "[db internal] load build definition from Dockerfile");
        assert_eq!(shown(1), (2, "[db build 1/2] FROM busybox".to_owned()));
        assert_eq!(shown(5).1, "[db] exporting to image");
        assert_eq!(shown(7), (8, "[web 2/2] COPY --from=build /a /a".to_owned()));
        let one = Steps::of(&[Some("web".to_owned())]);
        assert_eq!(one.target(), None);
    }
}
