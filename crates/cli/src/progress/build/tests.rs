//! Scripts of events, and what each style makes of them.

use build::{Step, StepKind};

use super::*;
use steps::Line;

pub(super) const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Two stages beside each other.
pub(super) fn steps() -> Vec<Step> {
    let step = |kind, stage: &str, place, line, text: &str| Step {
        kind,
        stage: stage.to_owned(),
        place,
        line,
        text: text.to_owned(),
    };
    vec![
        step(StepKind::Load, "", (1, 1), 0, "load build definition from Dockerfile"),
        step(StepKind::Base, "build", (1, 2), 1, "FROM busybox"),
        step(StepKind::Run, "build", (2, 2), 2, "RUN make"),
        step(StepKind::Base, "1", (1, 2), 3, "FROM scratch"),
        step(StepKind::Transfer, "1", (2, 2), 4, "COPY --from=build /a /a"),
        step(StepKind::Output, "", (1, 1), 0, "exporting to image"),
    ]
}

/// Events at their times, as lines for logs.
fn plain_text(script: &[(u64, Event<'_>)], explains: bool) -> String {
    let (mut steps, mut lines) = (Steps::default(), plain::Lines::new(explains));
    let mut text = String::new();
    let mut last = ms(0);
    for (at, event) in script {
        last = ms(*at);
        let finished = steps.take(event, last);
        text.push_str(&lines.tell(&steps, event, finished, last));
    }
    text + &lines.flush(&steps, last, true)
}

fn output(step: usize, bytes: &'static str) -> Event<'static> {
    Event::Output { step, is_error: false, bytes: bytes.as_bytes() }
}

fn digest() -> spec::Digest {
    format!("sha256:{}", "ab".repeat(32)).parse().unwrap()
}

#[test]
fn lines_of_steps_beside_each_other_never_mix() {
    let all = steps();
    let script = [
        (0, Event::Steps(&all)),
        (0, Event::Started { step: 0 }),
        (10, Event::Done { step: 0, layer: None, took: ms(10) }),
        (10, Event::Cached { step: 1 }),
        (10, Event::Done { step: 1, layer: None, took: ms(0) }),
        (20, Event::Started { step: 2 }),
        (30, output(2, "one\ntw")),
        (40, Event::Started { step: 3 }),
        (50, output(3, "beside\n")),
        (60, output(2, "o\nthree\n")),
        // Silence: the other one has its turn.
        (500, output(3, "again\n")),
        (510, Event::Done { step: 3, layer: None, took: ms(470) }),
        (600, output(2, "without an end")),
        (1200, Event::Done { step: 2, layer: None, took: ms(1180) }),
    ];
    insta::assert_snapshot!(plain_text(&script, false), @r"
    #1 [internal] load build definition from Dockerfile
    #1 DONE 0.0s

    #2 [build 1/2] FROM busybox
    #2 CACHED

    #3 [build 2/2] RUN make
    #3 0.010 one
    #3 0.040 two
    #3 0.040 three
    #3 ...

    #4 [stage-1 1/2] FROM scratch
    #4 0.010 beside
    #4 0.460 again
    #4 DONE 0.5s

    #3 [build 2/2] RUN make
    #3 1.180 without an end
    #3 DONE 1.2s
    ");
}

/// `ENV` and its like are told only where they fail.
#[test]
fn settings_are_not_worth_a_line() {
    let mut all = steps();
    all[2].kind = StepKind::Setting;
    let script = |last: Event<'static>| {
        let script = [
            (0, Event::Steps(&all)),
            (0, Event::Started { step: 2 }),
            (0, last),
            (0, Event::Started { step: 3 }),
            (0, Event::Done { step: 3, layer: None, took: ms(0) }),
        ];
        plain_text(&script, false)
    };
    insta::assert_snapshot!(script(Event::Done { step: 2, layer: None, took: ms(0) }), @r"
    #3 [stage-1 1/2] FROM scratch
    #3 DONE 0.0s
    ");
    assert!(script(Event::Failed { step: 2, why: "no" }).contains("#6 ERROR: no"));
}

#[test]
fn misses_transfers_and_the_image_are_told() {
    let (all, digest) = (steps(), digest());
    let why = ["file src/main.c changed".to_owned()];
    let script = [
        (0, Event::Steps(&all)),
        (0, Event::Started { step: 1 }),
        (0, Event::Transfer { step: 1, what: "sha256:abab", bytes: 0, of: Some(2_000_000) }),
        (10, Event::Transfer { step: 1, what: "sha256:abab", bytes: 500, of: Some(2_000_000) }),
        (20, Event::Transfer { step: 1, what: "sha256:abab", bytes: 2_000_000, of: None }),
        (30, Event::Done { step: 1, layer: None, took: ms(30) }),
        (40, Event::Missed { step: 2, why: &why }),
        (40, Event::Started { step: 2 }),
        (50, Event::Failed { step: 2, why: "Dockerfile:2: RUN make: it ended with code 1" }),
        (50, Event::Started { step: 4 }),
        (50, Event::Cancelled { step: 4 }),
        (60, Event::Image { id: &digest, names: &["docker.io/library/a:latest".to_owned()] }),
    ];
    insta::assert_snapshot!(plain_text(&script, true), @r"
    #2 [build 1/2] FROM busybox
    #2 sha256:abab 0B / 2MB
    #2 sha256:abab 2MB / 2MB
    #2 DONE 0.0s

    #3 [build 2/2] RUN make
    #3 MISSED file src/main.c changed
    #3 ERROR: it ended with code 1

    #5 [stage-1 2/2] COPY --from=build /a /a
    #5 CANCELED

    #6 exporting to image
    #6 writing image sha256:abababababababababababababababababababababababababababababababab
    #6 naming to docker.io/library/a:latest
    ");
    assert!(!plain_text(&script, false).contains("MISSED"));
}

#[test]
fn json_has_an_object_for_each_event() {
    let (all, digest) = (steps(), digest());
    let line = Line { is_error: true, at: ms(5), text: "oh".to_owned() };
    let text = [
        json::lines(&Event::Steps(&all[2..3]), &[], None),
        json::lines(&Event::Output { step: 2, is_error: true, bytes: b"oh\n" }, &[line], None),
        json::lines(&Event::Transfer { step: 1, what: "x", bytes: 1, of: None }, &[], None),
        json::lines(&Event::Done { step: 2, layer: Some(&digest), took: ms(1500) }, &[], None),
        json::lines(&Event::Started { step: 0 }, &[], Some("app")),
        json::failure(&BuildError::Request("it fails".to_owned()), None),
    ];
    insta::assert_snapshot!(text.concat(), @r#"
    {"event":"steps","steps":[{"kind":"run","line":2,"of":2,"place":2,"stage":"build","step":0,"text":"RUN make"}]}
    {"event":"output","line":"oh","step":2,"stream":"stderr"}
    {"bytes":1,"event":"transfer","of":null,"step":1,"what":"x"}
    {"event":"done","layer":"sha256:abababababababababababababababababababababababababababababababab","seconds":1.5,"step":2}
    {"event":"started","step":0,"target":"app"}
    {"event":"error","hint":null,"message":"it fails","shown":null}
    "#);
}

#[test]
fn raw_json_is_buildkits() {
    let all = steps();
    let mut model = Steps::default();
    let mut told = |event: Event<'_>, at: u64| {
        let finished = model.take(&event, ms(at));
        rawjson::lines(&model, &event, &finished, (0, ms(at)))
    };
    told(Event::Steps(&all[2..3]), 0);
    let text = [
        told(Event::Started { step: 0 }, 1000),
        told(output(0, "hello\n"), 1500),
        told(Event::Failed { step: 0, why: "no" }, 2000),
    ];
    insta::assert_snapshot!(text.concat().replace(&"0".repeat(64), "0"), @r#"
    {"vertexes":[{"digest":"sha256:0","name":"[build 2/2] RUN make","started":"1970-01-01T00:00:01.000000000Z"}]}
    {"logs":[{"data":"aGVsbG8K","stream":1,"timestamp":"1970-01-01T00:00:01.500000000Z","vertex":"sha256:0"}]}
    {"vertexes":[{"completed":"1970-01-01T00:00:02.000000000Z","digest":"sha256:0","error":"no","name":"[build 2/2] RUN make","started":"1970-01-01T00:00:01.000000000Z"}]}
    "#);
}

#[test]
fn a_failure_is_told_with_its_last_lines_and_its_place() {
    let all = steps();
    let mut model = Steps::default();
    model.take(&Event::Steps(&all), ms(0));
    model.take(&Event::Started { step: 2 }, ms(0));
    for number in 0..25 {
        let line = format!("line {number}\n");
        let event = Event::Output { step: 2, is_error: true, bytes: line.as_bytes() };
        model.take(&event, ms(number));
    }
    model.take(&Event::Failed { step: 2, why: "no" }, ms(30));
    let text = epitaph(&model, Some("Dockerfile:2:1: RUN: …"));
    assert!(text.starts_with("------\n > [build 2/2] RUN make:\n0.005 line 5\n"), "{text}");
    assert!(text.ends_with("0.024 line 24\n------\nDockerfile:2:1: RUN: …\n"), "{text}");
}

#[test]
fn warnings_are_counted_and_shown() {
    let warning = |rule: &str| Warning {
        rule: rule.to_owned(),
        line: 3,
        message: "it is so".to_owned(),
        shown: "Dockerfile:3:1: it is so\n  3 | FROM a\n".to_owned(),
    };
    assert_eq!(warned(&[]), "");
    assert_eq!(
        warned(&[(None, warning("A")), (Some("app".to_owned()), warning("B"))]),
        "\n 2 warnings found (use corten build --check to expand):\n - A: it is so (line 3)\n - app: B: it is so (line 3)\n"
    );
    assert_eq!(checked(&[], false), "Check complete, no warnings found.\n");
    assert_eq!(
        checked(&[warning("A")], false),
        "Check complete, 1 warning has been found!\n\nWARNING: A\nDockerfile:3:1: it is so\n  3 | FROM a\n"
    );
}

/// The thread that draws ends with the work, and what waited is printed.
#[test]
fn a_printer_hears_from_several_threads() {
    let printer = Printer::new(Style::Quiet, false);
    let all = steps();
    printer.tell(&Event::Steps(&all));
    printer.watched(|| {
        std::thread::scope(|scope| {
            for step in [2, 4] {
                let printer = &printer;
                scope.spawn(move || {
                    printer.tell(&Event::Started { step });
                    for _ in 0..100 {
                        printer.tell(&output(step, "line\n"));
                    }
                });
            }
        });
    });
    assert!(printer.lock().is_over);
    assert!([2, 4].iter().all(|step| printer.lock().steps.all[*step].said.len() == steps::KEPT));
}
