//! How long a file of 10,000 lines takes to read, to check, and how many paths a second a `.dockerignore` is asked about.
//!
//! `cargo run --release -p dockerfile --example speed`

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::time::{Duration, Instant};

use dockerfile::check::{Context, check};
use dockerfile::{Dockerfile, Ignore, Platforms, Source};

fn main() -> std::io::Result<()> {
    let text = file();
    let lines = text.lines().count();
    let source = Source::new(text.as_bytes());
    let parsed = best(|| Dockerfile::parse(&Source::new(text.as_bytes())).is_ok());
    let mut out = std::io::stdout();
    writeln!(out, "parse {lines} lines, {} bytes: {:.2} ms", text.len(), milliseconds(parsed))?;
    if let Ok(file) = Dockerfile::parse(&source) {
        let native = spec::image::Platform::native();
        let platforms = Platforms { build: native.clone(), target: native };
        let context = Context {
            arguments: &BTreeMap::new(),
            platforms: &platforms,
            target: "",
            ignore: None,
            exists: &|_| None,
            image: &|_| None,
            options: None,
        };
        let checked = best(|| check(&file, &source, &context).error.is_none());
        writeln!(out, "check it: {:.2} ms", milliseconds(checked))?;
    }
    let patterns = [
        "node_modules",
        "**/*.o",
        "target/",
        "*.md",
        "!README.md",
        "docs/**",
        "**/.git",
        "a?c/[x-z]*",
        "build",
        "*.log",
    ];
    if let Ok(ignore) = Ignore::new(&patterns) {
        let paths: Vec<String> = (0..100_000)
            .map(|number| format!("src/module{}/file{number}.rs", number % 100))
            .collect();
        let place = ignore.enter(&ignore.root(), "src");
        let matched = best(|| paths.iter().all(|path| !ignore.enter(&place, path).is_excluded()));
        writeln!(
            out,
            "100,000 paths against {} patterns: {:.2} ms",
            patterns.len(),
            milliseconds(matched)
        )?;
    }
    Ok(())
}

/// The best of ten.
fn best(work: impl Fn() -> bool) -> Duration {
    let once = |_| {
        let begin = Instant::now();
        assert!(std::hint::black_box(work()));
        begin.elapsed()
    };
    (0..10).map(once).min().unwrap_or_default()
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// Some 10,000 lines as people write them.
fn file() -> String {
    let mut text = String::from("# syntax=docker/dockerfile:1\nARG base=debian\n");
    for stage in 0..500 {
        let _ = write!(
            text,
            "# stage{stage} builds a part\nFROM $base:13 AS stage{stage}\nARG VERSION=1.{stage}\nENV PATH=/opt/bin:$PATH \\\n    \
             LANG=\"C.UTF-8\"\nWORKDIR /src/${{VERSION}}\nCOPY --chown=1000:1000 src/ include/ ./\n\
             RUN --mount=type=cache,target=/var/cache/apt,sharing=locked \\\n    apt-get update && \\\n    # what is needed\n    \
             apt-get install -y --no-install-recommends \\\n        gcc make \\\n    && rm -rf /tmp/*\nRUN <<EOF\nset -e\nmake -j4\n\
             EOF\nLABEL org.example.part=\"{stage}\" org.example.kind='part'\nEXPOSE 8080/tcp\nCMD [\"/opt/bin/part\", \"--serve\"]\n"
        );
    }
    text
}
