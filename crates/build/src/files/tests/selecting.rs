//! What is selected.

use super::*;

#[test]
fn what_sources_name() {
    let files = tree(&[
        "d dir 755",
        "f dir/b 644",
        "f dir/a 644",
        "f dir/sub/c 644",
        "d dir/empty 755",
        "f a.txt 644",
        "f b.txt 644",
        "f app/x/one.go 644",
        "f app/y/two.go 644",
        "f app/two.go 644",
        "f .hidden 644",
    ]);
    let tree = context(&files);
    for (source, expected) in [
        ("dir", "dir: a b empty/ sub/ sub/c"),
        ("/dir/", "dir: a b empty/ sub/ sub/c"),
        ("./dir/.", "dir: a b empty/ sub/ sub/c"),
        ("../../dir/../dir", "dir: a b empty/ sub/ sub/c"),
        ("dir/a", "dir/a: a"),
        ("*.txt", "a.txt: a.txt|b.txt: b.txt"),
        ("?.txt", "a.txt: a.txt|b.txt: b.txt"),
        ("app/*/*.go", "app/x/one.go: one.go|app/y/two.go: two.go"),
        ("app/[!y]/*", "app/y/two.go: two.go"),
        ("app/[^y]/*", "app/x/one.go: one.go"),
        ("dir/s*", "dir/sub: c"),
        (".h*", ".hidden: .hidden"),
    ] {
        let found = chosen(&tree, &["a.txt", source]).unwrap();
        assert_eq!(shown(&found)[1..].join("|"), expected, "{source}");
    }
    assert_eq!(shown(&chosen(&tree, &["/"]).unwrap())[0].split(' ').count(), 16);
    for missing in ["none", "dir/none", "a.txt/x", "none*", "none/*", "dir/*/none/x"] {
        let error = chosen(&tree, &[missing]).unwrap_err();
        let absent =
            |error: &StepError| matches!(error, StepError::NoSource { is_ignored: false, .. });
        assert!(absent(&error), "{missing}: {error}");
    }
    assert!(matches!(chosen(&tree, &["a["]), Err(StepError::Value { .. })));
    // As `COPY go.mod go.su[m] ./` leans on.
    assert_eq!(shown(&chosen(&tree, &["a.txt", "non[e]"]).unwrap()), ["a.txt: a.txt"]);
    assert!(matches!(chosen(&tree, &["a.txt", "none"]), Err(StepError::NoSource { .. })));
}

#[test]
fn links_lead_nowhere_else() {
    let files = tree(&[
        "f real/file 644 x",
        "l in real",
        "l file in/file",
        "l out ../../../../real",
        "l outside /etc",
        "l passwd /etc/passwd",
        "l loop loop",
        "l real/up ../real/file",
        "l sub/absolute /real/file",
        "l absolute /real/file",
        "l two ..//../in/../in/file",
    ]);
    let tree = context(&files);
    for (source, expected) in [
        ("in", "real: file up"),
        ("in/file", "real/file: file"),
        ("file", "real/file: file"),
        ("out", "real: file up"),
        ("absolute", "real/file: absolute"),
        ("two", "real/file: two"),
        ("i*", "real: file up"),
        ("sub/absolute", "real/file: absolute"),
        ("real/u*", "real/file: up"),
    ] {
        let found = chosen(&tree, &[source]).unwrap();
        let expected = expected
            .replace("file: file", &format!("file: {}", source.rsplit('/').next().unwrap()));
        assert_eq!(shown(&found), [expected], "{source}");
    }
    for missing in ["outside", "passwd", "outside/passwd"] {
        assert!(matches!(chosen(&tree, &[missing]), Err(StepError::NoSource { .. })), "{missing}");
    }
    assert!(matches!(chosen(&tree, &["loop"]), Err(StepError::Path { .. })));
    make(files.path(), &["f etc2/x 644"]);
    assert_eq!(shown(&chosen(&tree, &["out/../etc2"]).unwrap()), ["etc2: x"]);
}

#[test]
fn what_is_left_out() {
    let files = tree(&[
        "f a 644",
        "f b/x 644",
        "f b/y/keep 644",
        "f b/y/not 644",
        "f b/z/not 644",
        "f c/keep 644",
        "l link b/x",
    ]);
    let ignore = Ignore::parse(b"b\nc\n!b/y/keep\n").unwrap();
    let tree = context(&files).without(ignore);
    assert_eq!(shown(&chosen(&tree, &["."]).unwrap()), [": a b/ b/y/ b/y/keep link"]);
    assert_eq!(shown(&chosen(&tree, &["b"]).unwrap()), ["b: y/ y/keep"]);
    for source in ["c", "b/x", "b/z", "c/keep", "c/*", "c*", "link"] {
        let error = chosen(&tree, &[source]).unwrap_err();
        assert!(matches!(error, StepError::NoSource { is_ignored: true, .. }), "{source}: {error}");
    }
    let selection = select(
        &tree,
        Choice { sources: &["."], exclude: &["b", "!b/y"], parents: false },
        &cancel(),
    );
    assert_eq!(shown(&selection.unwrap()), [": a b/ b/y/ b/y/keep link"]);
    let choice = Choice { sources: &["a", "b"], exclude: &["a", "**/keep"], parents: false };
    assert_eq!(shown(&select(&tree, choice, &cancel()).unwrap()), ["b: "]);
    let none = Choice { sources: &["a"], exclude: &["*"], parents: false };
    assert_eq!(shown(&select(&tree, none, &cancel()).unwrap()), [""; 0]);
}

#[test]
fn parents_stay() {
    let files = tree(&[
        "f x/a.txt 644",
        "f x/y/b.txt 644",
        "f x/y/z/c.txt 644",
        "f x/y/z/c.md 644",
        "f other/a.txt 644",
    ]);
    let tree = context(&files);
    for (source, expected) in [
        ("x/a.txt", ": x/ x/a.txt"),
        ("./x/a.txt", ": x/ x/a.txt"),
        ("x/./y/*.txt", "x: y/ y/b.txt"),
        ("x/./y", "x: y/ y/b.txt y/z/ y/z/c.md y/z/c.txt"),
        ("./x/**/*.txt", ": x/ x/a.txt x/y/ x/y/b.txt x/y/z/ x/y/z/c.txt"),
        ("*/a.txt", ": other/ other/a.txt x/ x/a.txt"),
        ("/x/y/./z/c.md", "x/y: z/ z/c.md"),
    ] {
        let choice = Choice { sources: &[source], exclude: &[], parents: true };
        assert_eq!(shown(&select(&tree, choice, &cancel()).unwrap()), [expected], "{source}");
    }
    for source in ["x/none", "none/./x", "x/*.md"] {
        let choice = Choice { sources: &[source], exclude: &[], parents: true };
        assert!(
            matches!(select(&tree, choice, &cancel()), Err(StepError::NoSource { .. })),
            "{source}"
        );
    }
    let choice = Choice { sources: &["x"], exclude: &["**/*.txt"], parents: true };
    assert_eq!(shown(&select(&tree, choice, &cancel()).unwrap()), [": x/ x/y/ x/y/z/ x/y/z/c.md"]);
}

#[test]
fn mounts_find_what_is_inside() {
    let files = tree(&["f a/x 644 one", "l out /etc", "l in a"]);
    let tree = context(&files);
    let inode = |path: &str| rustix::fs::fstat(tree.open(path).unwrap()).unwrap().st_ino;
    assert_eq!(inode("in/x"), files.path().join("a/x").metadata().unwrap().ino());
    assert_eq!(inode("/"), files.path().metadata().unwrap().ino());
    assert!(matches!(tree.open("out"), Err(StepError::NoSource { .. })));
    assert!(matches!(tree.open("none"), Err(StepError::NoSource { .. })));
}
