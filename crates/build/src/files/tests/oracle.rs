//! Selection against a slow one that is plain to see: list everything, then ask of each path.

use proptest::prelude::*;

use super::*;

/// All paths, directories with a slash at their end, in the order of a walk.
fn everything(at: &Path, below: &str, paths: &mut Vec<String>) {
    let mut names: Vec<String> = fs::read_dir(at)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    for name in names {
        let path = format!("{below}{name}");
        if at.join(&name).is_dir() {
            paths.push(format!("{path}/"));
            everything(&at.join(&name), &format!("{path}/"), paths);
        } else {
            paths.push(path);
        }
    }
}

/// What is left: every path that is not left out, and every directory above one.
fn left(paths: &[String], is_out: impl Fn(&str) -> bool) -> Vec<String> {
    let is_in = |path: &String| !is_out(path.trim_end_matches('/'));
    let stays = |path: &&String| {
        is_in(path)
            || path.ends_with('/')
                && paths.iter().any(|other| other.starts_with(*path) && is_in(other))
    };
    paths.iter().filter(stays).cloned().collect()
}

fn fits(pattern: &[char], name: &[char]) -> bool {
    match (pattern.split_first(), name.split_first()) {
        (None, None) => true,
        (Some(('*', rest)), _) => (0..=name.len()).any(|taken| fits(rest, &name[taken..])),
        (Some(('?', rest)), Some((_, behind))) => fits(rest, behind),
        (Some((letter, rest)), Some((other, behind))) => letter == other && fits(rest, behind),
        (None, Some(_)) | (Some(_), None) => false,
    }
}

fn name() -> impl Strategy<Value = String> {
    "[ab]{1,2}"
}

fn path() -> impl Strategy<Value = String> {
    proptest::collection::vec(name(), 1..4).prop_map(|names| names.join("/"))
}

fn pattern() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        name(),
        Just("*".to_owned()),
        Just("**".to_owned()),
        Just("a?".to_owned()),
        Just("b*".to_owned())
    ];
    let parts = proptest::collection::vec(part, 1..4).prop_map(|parts| parts.join("/"));
    (any::<bool>(), parts)
        .prop_map(|(takes_in, parts)| if takes_in { format!("!{parts}") } else { parts })
}

fn files(paths: &[String]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for path in paths {
        let path = directory.path().join(path);
        // A name may be a directory already, or a file in the way.
        if fs::create_dir_all(path.parent().unwrap()).is_ok() && !path.exists() {
            File::create(path).unwrap();
        }
    }
    directory
}

fn found(selection: &Selection) -> Vec<String> {
    let of = |input: &Input| {
        let at = String::from_utf8_lossy(&input.real).into_owned();
        let path = |entry: &Entry| {
            let path = String::from_utf8_lossy(&input.path(entry)).into_owned();
            if entry.kind == Kind::Directory { format!("{path}/") } else { path }
        };
        let own = input.is_directory().then(|| format!("{at}/"));
        own.into_iter().chain(input.entries.iter().map(path)).collect::<Vec<_>>()
    };
    selection.inputs.iter().flat_map(of).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_left_out_is_what_asking_for_each_path_says(
        paths in proptest::collection::vec(path(), 1..12),
        ignored in proptest::collection::vec(pattern(), 0..4),
        excluded in proptest::collection::vec(pattern(), 0..3),
    ) {
        let files = files(&paths);
        let mut all = Vec::new();
        everything(files.path(), "", &mut all);
        let words = |words: &[String]| Ignore::new(&words.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
        let (ignore, exclude) = (words(&ignored), words(&excluded));
        let tree = context(&files).without(ignore.clone());
        let exclude_words: Vec<&str> = excluded.iter().map(String::as_str).collect();
        let choice = Choice { sources: &["."], exclude: &exclude_words, parents: false };
        let selection = select(&tree, choice, &cancel()).unwrap();
        let expected = left(&all, |path| ignore.excludes(path) || exclude.excludes(path));
        prop_assert_eq!(&found(&selection)[1..], &expected[..]);
    }

    #[test]
    fn wildcards_are_what_trying_each_path_says(
        paths in proptest::collection::vec(path(), 1..12),
        pattern in proptest::collection::vec(prop_oneof![name(), Just("*".to_owned()), Just("a?".to_owned()), Just("?*".to_owned()), Just("*b".to_owned())], 1..4),
    ) {
        let files = files(&paths);
        let mut all = Vec::new();
        everything(files.path(), "", &mut all);
        let source = pattern.join("/");
        let fitting = |path: &&String| {
            let names: Vec<&str> = path.trim_end_matches('/').split('/').collect();
            names.len() == pattern.len() && names.iter().zip(&pattern).all(|(name, pattern)| {
                fits(&pattern.chars().collect::<Vec<_>>(), &name.chars().collect::<Vec<_>>())
            })
        };
        let expected: Vec<String> = all.iter().filter(fitting).flat_map(|fitting| {
            all.iter().filter(move |path| path == &fitting || fitting.ends_with('/') && path.starts_with(fitting.as_str())).cloned()
        }).collect();
        match chosen(&context(&files), &[&source]) {
            Ok(selection) => prop_assert_eq!(found(&selection), expected),
            Err(StepError::NoSource { .. }) => prop_assert!(expected.is_empty()),
            Err(error) => panic!("{error}"),
        }
    }
}
