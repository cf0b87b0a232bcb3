//! Facts of moby/patternmatcher, and a slow reader of the same patterns to compare with.

use proptest::prelude::*;
use regex_lite::Regex;

use super::*;

fn excludes(patterns: &[&str], path: &str) -> bool {
    Ignore::new(patterns).unwrap().excludes(path)
}

#[test]
fn stars_in_all_places() {
    for (pattern, paths) in [
        ("**", "file dir/file dir/a/b"),
        ("**/", "file dir/file"),
        ("**/**", "dir/file file"),
        ("dir/**", "dir/file dir/dir2/file"),
        ("**/dir", "dir dir/file a/dir a/b/dir/c"),
        ("**/dir2/*", "dir/dir2/file dir2/x"),
        ("**/dir2/**", "dir/dir2/dir3/file"),
        ("**file", "file dir/file dir/otherfile a/b/file"),
        ("**/file*txt", "dir/dir/file.txt"),
        ("**/**/*.txt", "dir/dir/file.txt file.txt"),
        ("a**/*.txt", "a/file.txt a/dir/file.txt a/dir/dir/file.txt ab/x.txt"),
        ("a/*.txt", "a/file.txt"),
        ("a/*.txt**", "a/file.txt a/x.txtual"),
        ("a[b-d]e", "ace"),
        ("a[^b-d]e", "aze"),
        (".*", ".foo .git/config"),
        ("abc?def", "abcZdef"),
        (r"a\*b", "a*b"),
        (r"a\\", r"a\"),
        ("**/foo/bar", "foo/bar dir/foo/bar dir/dir2/foo/bar"),
        ("a(b)c/def", "a(b)c/def"),
        ("a.|)$(}+{bc", "a.|)$(}+{bc"),
        ("a^b", "a^b"),
        ("docs/", "docs docs/a"),
        ("/docs", "docs/a"),
        ("./a/../docs//x", "docs/x"),
        ("*/temp*", "a/temporary a/temp/x"),
        ("**a]", "a]"),
        ("a?b", "a☺b"),
        ("[a-ζ]*", "α"),
        (r"[\]a]", "]"),
        (r"[\-x]", "- x"),
    ] {
        for path in paths.split(' ') {
            assert!(excludes(&[pattern], path), "{pattern} {path}");
        }
    }
}

#[test]
fn what_does_not_fit() {
    for (pattern, paths) in [
        ("a/*.txt", "a/dir/file.txt"),
        ("a[b-d]e", "ae aae"),
        (".*", "foo foo/.bar"),
        ("abc.def", "abcdef abcZdef"),
        ("abc/**", "abc"),
        ("**/.foo", "bar.foo"),
        ("**/**/*.txt2", "dir/dir/file.txt"),
        ("a?b", "a/b"),
        ("a*b", "a/b"),
        ("[^a]b", "ab"),
        ("**file*", "otherfile"),
        ("../x", "x"),
        (".", "a"),
        ("/", "a"),
        ("", "a"),
        ("**", "."),
        ("Docs", "docs"),
    ] {
        for path in paths.split(' ') {
            assert!(!excludes(&[pattern], path), "{pattern} {path}");
        }
    }
}

#[test]
fn the_last_that_fits_decides() {
    assert!(excludes(&["!file.go", "*.go"], "file.go"));
    assert!(!excludes(&["*.go", "!file.go"], "file.go"));
    for docs in ["docs", "docs/", "docs/*"] {
        assert!(!excludes(&[docs, "!docs/README.md"], "docs/README.md"), "{docs}");
    }
    assert!(!excludes(&["**", "!util/docker/web"], "util/docker/web/foo"));
    assert!(excludes(&["**", "!util/docker/web", "util/docker/web/foo"], "util/docker/web/foo"));
    assert!(!excludes(&["*", "!**/*.go"], "a/b/c.go"));
    // What had nothing to take in when the directory was seen takes in nothing below it.
    assert!(excludes(&["x/y", "!x"], "x/y"));
}

#[test]
fn whole_trees_are_passed_over() {
    let holds = |patterns: &[&str], path: &str| {
        let ignore = Ignore::new(patterns).unwrap();
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        let place = ends.fold(ignore.root(), |place, end| ignore.enter(&place, &path[..end]));
        ignore.may_hold(&place, path)
    };
    assert!(holds(&["node_modules"], "src"));
    assert!(!holds(&["node_modules"], "node_modules"));
    assert!(holds(&["*", "!src/main.rs"], "src"));
    assert!(!holds(&["*", "!src/main.rs"], "srcs"));
    assert!(holds(&["*", "!src/main.rs"], "src/main.rs/x"));
    assert!(!holds(&["*", "!src/main.rs"], "other"));
    assert!(holds(&["*", "!**/*.rs"], "any/where"));
    assert!(holds(&["*", "!a*/b"], "axe"));
    assert!(!holds(&["!a/b", "a"], "a"));
    assert!(!holds(&["a", "!a"], "b/a") || !excludes(&["a", "!a"], "b/a"));
}

#[test]
fn the_file_around_the_patterns() {
    let ignore =
        Ignore::parse("\u{feff}# no\n  a  \n\n#b\r\n/c\r\n! /a/d \n # e\n".as_bytes()).unwrap();
    assert!(ignore.excludes("a/b") && ignore.excludes("c"));
    assert!(!ignore.excludes("a/d") && !ignore.excludes("#b"));
    assert!(ignore.excludes("# e"));
    let refused = |text: &str| Ignore::parse(text.as_bytes()).map(|_| ()).unwrap_err();
    assert_eq!(refused("a\n!\n").line, 2);
    assert_eq!(refused("! ").problem, PatternProblem::Empty);
    assert_eq!(refused("x\\").problem, PatternProblem::Escape);
    for text in
        ["[", "[]a]", "[-]", "[x-]", "[-x]", "[a-b-c]", "[^", "[^bc", "a[", "[z-a]", "[Local-Only]"]
    {
        assert_eq!(refused(text).problem, PatternProblem::Set, "{text}");
    }
}

/// A pattern as a regular expression, one thing after the other.
fn slow(pattern: &str) -> Regex {
    let mut out = String::from("(?s)^");
    let mut letters = pattern.chars().peekable();
    let plain_suffix = |rest: &str| !rest.contains(['*', '?', '[', ']', '\\']);
    let mut first = true;
    while let Some(letter) = letters.next() {
        let was_first = std::mem::take(&mut first);
        match letter {
            '*' if letters.peek() == Some(&'*') => {
                letters.next();
                let slash = letters.next_if_eq(&'/').is_some();
                let rest: String = letters.clone().collect();
                if rest.is_empty() || (was_first && !slash && plain_suffix(&rest)) {
                    out.push_str(".*");
                } else {
                    out.push_str("(.*/)?");
                }
            }
            '*' => out.push_str("[^/]*"),
            '?' => out.push_str("[^/]"),
            '\\' => out.push_str(&regex_lite::escape(&letters.next().unwrap().to_string())),
            '[' => {
                out.push('[');
                for letter in letters.by_ref() {
                    out.push(letter);
                    if letter == ']' {
                        break;
                    }
                }
            }
            other => out.push_str(&regex_lite::escape(&other.to_string())),
        }
    }
    out.push('$');
    Regex::new(&out).unwrap()
}

/// Each pattern against the path and what is above it, in the order of a walk.
fn slow_excludes(patterns: &[String], path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    let mut fitted = vec![false; patterns.len()];
    let mut excluded = false;
    for length in 1..=parts.len() {
        let here = parts[..length].join("/");
        excluded = false;
        for (pattern, fitted) in patterns.iter().zip(&mut fitted) {
            let bare = pattern.trim_start_matches('!');
            let takes_in = bare.len() < pattern.len();
            *fitted = *fitted || (takes_in == excluded && slow(&clean(bare)).is_match(&here));
            if *fitted {
                excluded = !takes_in;
            }
        }
    }
    excluded
}

fn path() -> impl Strategy<Value = String> {
    let text = prop::string::string_regex("[abc.]{1,3}(/[abc.]{1,3}){0,3}").unwrap();
    text.prop_filter("no parts of dots alone", |path| {
        path == &clean(path) && path != "." && !path.starts_with("..")
    })
}

fn patterns() -> impl Strategy<Value = Vec<String>> {
    let piece = r"(a|b|c|ab|\.|\*|\*\*|\?|\[ab\]|\[\^a\]|\\a|\\\*|/)";
    let pattern = prop::string::string_regex(&format!("!?{piece}{{1,6}}")).unwrap();
    let usable = |pattern: &String| {
        let bare = pattern.trim_start_matches('!');
        let cleaned = clean(bare);
        cleaned != "." && !cleaned.starts_with('/') && !bare.is_empty()
    };
    prop::collection::vec(pattern.prop_filter("cleaned", usable), 1..5)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4000) })]

    #[test]
    fn fits_what_the_slow_one_fits(patterns in patterns(), path in path()) {
        let texts: Vec<&str> = patterns.iter().map(String::as_str).collect();
        let ignore = Ignore::new(&texts).unwrap();
        prop_assert_eq!(ignore.excludes(&path), slow_excludes(&patterns, &path));
    }

    #[test]
    fn what_is_passed_over_holds_nothing(patterns in patterns(), directory in path(), below in path()) {
        // Nearly everything is left out, and each pattern takes something back in.
        let exceptions = patterns.iter().map(|pattern| format!("!{}", pattern.trim_start_matches('!')));
        let patterns: Vec<String> = std::iter::once("?*".to_owned()).chain(exceptions).collect();
        let texts: Vec<&str> = patterns.iter().map(String::as_str).collect();
        let ignore = Ignore::new(&texts).unwrap();
        let ends = directory.match_indices('/').map(|(at, _)| at).chain([directory.len()]);
        let place = ends.fold(ignore.root(), |place, end| ignore.enter(&place, &directory[..end]));
        if !ignore.may_hold(&place, &directory) {
            let inside = format!("{directory}/{below}");
            prop_assert!(ignore.excludes(&inside));
        }
    }
}
