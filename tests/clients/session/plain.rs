//! What a command said without what differs between any two runs: ids, times, addresses, the width of columns.

use regex_lite::{Captures, Regex};

/// Patterns and what stands for them, in the order in which they are looked for.
const RULES: &[(&str, &str)] = &[
    ("\r", ""),
    (r"\b[0-9a-f]{64}\b", "<id>"),
    (r"\b[0-9a-f]{12}\b", "<short id>"),
    (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", "<time>"),
    (r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?( [+-]\d{4})?( [A-Z]{3,4})?", "<time>"),
    (r"\b(Less than a second|About a minute|\d+ seconds?|\d+ minutes?)\b", "<while>"),
    (r"\b(172|192)\.\d+\.\d+\.\d+", "<address>"),
    (r"\b([0-9a-f]{2}:){5}[0-9a-f]{2}\b", "<mac>"),
    // The command line's own log, of what it gave up when it heard of a refusal, or did not.
    (r"time=.<time>. level=error [^\n]*\n", ""),
    // Which of two requests failed shows in whether the older command line says this.
    (r"\n+(See|Run) 'docker run --help'[^\n]*", ""),
    (r"[ \t]{2,}", "  "),
    (r"[ \t]+\n", "\n"),
];

/// Times that say that there was none stay as they are.
const NEVER: &str = "0001-01-01";

/// Takes out of `text` what differs, and the path of the directory that the command ran in.
pub(crate) fn plain(text: &str, directory: &str) -> String {
    let mut text = text.replace(directory, "<directory>");
    for (pattern, stands) in RULES {
        let rule = Regex::new(pattern).unwrap();
        let replaced = rule.replace_all(&text, |found: &Captures<'_>| {
            let found = found.get(0).map_or("", |found| found.as_str());
            if found.starts_with(NEVER) { found.to_owned() } else { (*stands).to_owned() }
        });
        text = replaced.into_owned();
    }
    text
}

#[test]
fn what_differs_between_two_runs_is_taken_out() {
    let id = "0123456789ab".repeat(5) + "0123";
    for (said, is) in [
        (format!("sha256:{id} {id}"), "sha256:<id> <id>"),
        ("0123456789ab   0123456789abc".to_owned(), "<short id>  0123456789abc"),
        (
            "2026-01-02T03:04:05.6789Z 0001-01-01T00:00:00Z".to_owned(),
            "<time> 0001-01-01T00:00:00Z",
        ),
        (
            "Up 2 seconds, Exited (0) About a minute ago".to_owned(),
            "Up <while>, Exited (0) <while> ago",
        ),
        ("a  \t b   \nc /here/x".to_owned(), "a  b\nc <directory>/x"),
        ("172.17.0.2 10.0.0.9 02:42:ac:11:00:02\r\n".to_owned(), "<address> 10.0.0.9 <mac>\n"),
    ] {
        assert_eq!(plain(&said, "/here"), is);
    }
}
