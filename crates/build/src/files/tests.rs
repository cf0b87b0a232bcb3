//! Real directories: what is selected, what it is for the cache, and what is written.

use std::fs::{self, File};
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{
    DirBuilderExt, FileExt, FileTypeExt, MetadataExt, PermissionsExt, symlink,
};
use std::path::Path;

use rustix::fs::{CWD, FileType, XattrFlags, mknodat, setxattr};
use tempfile::TempDir;

use super::*;
use crate::Cancel;

mod oracle;

/// A tree of lines: `d PATH MODE`, `f PATH MODE TEXT`, `l PATH TARGET`, `h PATH OTHER`.
fn tree(lines: &[&str]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    make(directory.path(), lines);
    directory
}

fn make(root: &Path, lines: &[&str]) {
    for line in lines {
        let words: Vec<&str> = line.split(' ').collect();
        let path = root.join(words[1]);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mode = || u32::from_str_radix(words.get(2).unwrap_or(&"755"), 8).unwrap();
        match words[0] {
            "d" => {
                fs::DirBuilder::new().recursive(true).mode(0o700).create(&path).unwrap();
                fs::set_permissions(&path, fs::Permissions::from_mode(mode())).unwrap();
            }
            "f" => {
                let mut file = File::create(&path).unwrap();
                file.write_all(words.get(3).unwrap_or(&"").as_bytes()).unwrap();
                file.set_permissions(fs::Permissions::from_mode(mode())).unwrap();
            }
            "l" => symlink(words[2], &path).unwrap(),
            "h" => fs::hard_link(root.join(words[2]), &path).unwrap(),
            other => panic!("{other}"),
        }
    }
}

fn descriptor(path: &Path) -> OwnedFd {
    OwnedFd::from(File::open(path).unwrap())
}

fn context(directory: &TempDir) -> Tree {
    Tree::new(descriptor(directory.path()), TreeKind::Context, "the build context")
}

fn stage(directory: &TempDir) -> Tree {
    Tree::new(descriptor(directory.path()), TreeKind::Image, "stage base")
}

fn cancel() -> Cancel {
    Cancel::new().unwrap()
}

fn chosen(tree: &Tree, sources: &[&str]) -> Result<Selection, StepError> {
    select(tree, Choice { sources, ..Choice::default() }, &cancel())
}

/// `SOURCE: PATHS`, directories with a slash.
fn shown(selection: &Selection) -> Vec<String> {
    let paths = |input: &Input| {
        let path = |entry: &Entry| {
            let slash = if entry.kind == Kind::Directory { "/" } else { "" };
            format!("{}{slash}", String::from_utf8_lossy(&entry.below))
        };
        input.entries.iter().map(path).collect::<Vec<_>>().join(" ")
    };
    let line =
        |input: &Input| format!("{}: {}", String::from_utf8_lossy(&input.real), paths(input));
    selection.inputs.iter().map(line).collect()
}

const PLAIN: PlaceRules<'static> =
    PlaceRules { destination: "/", owner: None, mode: None, time_s: None };

fn copied(tree: &Tree, sources: &[&str], root: &TempDir, to: &str) -> Result<Placed, StepError> {
    let selection = chosen(tree, sources)?;
    let rules = PlaceRules { destination: to, ..PLAIN };
    place(&[&selection], descriptor(root.path()).as_fd(), &rules, &cancel())
}

/// All that is in a directory: `MODE UID:GID PATH=TEXT`.
fn listed(root: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    list(root, root, &mut lines);
    lines
}

fn list(root: &Path, at: &Path, lines: &mut Vec<String>) {
    let mut entries: Vec<_> =
        fs::read_dir(at).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        let metadata = path.symlink_metadata().unwrap();
        let kind = metadata.file_type();
        let name = path.strip_prefix(root).unwrap().display();
        let owner = format!("{}:{}", metadata.uid(), metadata.gid());
        let what = if kind.is_symlink() {
            format!("link {owner} {name}>{}", fs::read_link(&path).unwrap().display())
        } else {
            let text = if kind.is_file() {
                format!("={}", String::from_utf8_lossy(&fs::read(&path).unwrap()))
            } else if kind.is_dir() {
                "/".to_owned()
            } else {
                "!".to_owned()
            };
            format!("{:o} {owner} {name}{text}", metadata.mode() & 0o7777)
        };
        lines.push(what);
        if kind.is_dir() {
            list(root, &path, lines);
        }
    }
}

fn digest_of(tree: &Tree, sources: &[&str]) -> String {
    let rules = DigestRules { owners: tree.kind() == TreeKind::Image, memory: None };
    digest(&chosen(tree, sources).unwrap(), rules, &cancel()).unwrap().digest.to_string()
}

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
fn names_may_be_anything() {
    let files = tempfile::tempdir().unwrap();
    let names: [&[u8]; 4] = [b"new\nline", b"\xff\xfe", b"-rf", b" blank "];
    for name in names {
        File::create(files.path().join(std::ffi::OsStr::from_bytes(name))).unwrap();
    }
    let root = tempfile::tempdir().unwrap();
    copied(&context(&files), &["."], &root, "/to").unwrap();
    let mut found: Vec<_> = fs::read_dir(root.path().join("to"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    found.sort();
    assert_eq!(
        found.iter().map(|name| name.as_bytes()).collect::<Vec<_>>(),
        [names[3], names[2], names[0], names[1]]
    );
    digest_of(&context(&files), &["?*"]);
}

#[test]
fn where_things_go() {
    let files =
        tree(&["d dir 700", "f dir/x 640 x", "d dir/sub 750", "f a 644 a", "f b 755 b", "l l a"]);
    let tree = context(&files);
    for (sources, to, expected) in [
        (&["a"][..], "/new/file", "755 0:0 new/|644 0:0 new/file=a"),
        (&["a"], "/new/", "755 0:0 new/|644 0:0 new/a=a"),
        (&["l"], "/new/", "755 0:0 new/|644 0:0 new/l=a"),
        (
            &["a", "b"],
            "/new/deep/",
            "755 0:0 new/|755 0:0 new/deep/|644 0:0 new/deep/a=a|755 0:0 new/deep/b=b",
        ),
        (&["dir"], "/new", "755 0:0 new/|750 0:0 new/sub/|640 0:0 new/x=x"),
        (&["dir"], "/new/", "755 0:0 new/|750 0:0 new/sub/|640 0:0 new/x=x"),
        (&["dir", "a"], "/new", "755 0:0 new/|644 0:0 new/a=a|750 0:0 new/sub/|640 0:0 new/x=x"),
        (&["?"], "/", "644 0:0 a=a|755 0:0 b=b|644 0:0 l=a"),
    ] {
        let root = tempfile::tempdir().unwrap();
        copied(&tree, sources, &root, to).unwrap();
        assert_eq!(listed(root.path()).join("|"), expected, "{sources:?} {to}");
    }
    let root = tree_of_kinds();
    for (sources, to) in [
        (&["a"][..], "/file/"),
        (&["a"], "/file/x"),
        (&["dir"], "/file"),
        (&["a", "b"], "/none"),
        (&["a", "b"], "/file"),
    ] {
        let before = listed(root.path());
        let error = copied(&tree, sources, &root, to).unwrap_err();
        assert!(matches!(error, StepError::Value { what: "destination", .. }), "{error}");
        assert_eq!(listed(root.path()), before);
    }
}

fn tree_of_kinds() -> TempDir {
    tree(&[
        "f file 600 old",
        "d dir 711",
        "d dir/sub 700",
        "f dir/x 600 old",
        "d x 755",
        "l to dir",
        "l gone lost/found",
    ])
}

#[test]
fn what_is_there_gives_way_or_not() {
    let files = tree(&["d dir 700", "f dir/x 640 new", "d dir/sub 750", "f a 644 a"]);
    let tree = context(&files);
    let root = tree_of_kinds();
    copied(&tree, &["dir"], &root, "/dir").unwrap();
    copied(&tree, &["a"], &root, "/file").unwrap();
    copied(&tree, &["a"], &root, "/dir").unwrap();
    copied(&tree, &["a"], &root, "/to/b").unwrap();
    copied(&tree, &["a"], &root, "/gone/").unwrap();
    assert_eq!(
        listed(root.path()),
        [
            "711 0:0 dir/",
            "644 0:0 dir/a=a",
            "644 0:0 dir/b=a",
            "750 0:0 dir/sub/",
            "640 0:0 dir/x=new",
            "644 0:0 file=a",
            "link 0:0 gone>lost/found",
            "755 0:0 lost/",
            "755 0:0 lost/found/",
            "644 0:0 lost/found/a=a",
            "link 0:0 to>dir",
            "755 0:0 x/",
        ]
    );
    make(files.path(), &["d over/file 755", "f over2/x 644", "d over3/to 755"]);
    for source in ["over", "over2", "over3"] {
        let error = copied(&tree, &[source], &root, "/").unwrap_err();
        assert!(matches!(error, StepError::Value { what: "destination", .. }), "{source}: {error}");
    }
}

#[test]
fn destinations_stay_inside() {
    let outside = tempfile::tempdir().unwrap();
    let files = tree(&["f a 644 a", "f dir/evil/x 644 x"]);
    let root = tempfile::tempdir().unwrap();
    let away = outside.path().to_str().unwrap();
    symlink(away, root.path().join("away")).unwrap();
    symlink("../../../../../../..", root.path().join("up")).unwrap();
    symlink(format!("{away}/file"), root.path().join("file")).unwrap();
    symlink(away, root.path().join("evil")).unwrap();
    for to in ["/away/", "/away/x", "/up/y", "/file", "/../../z"] {
        copied(&context(&files), &["a"], &root, to).unwrap();
    }
    assert!(matches!(copied(&context(&files), &["dir"], &root, "/"), Err(StepError::Value { .. })));
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    let inside = root.path().join(&away[1..]);
    for path in [
        inside.join("a"),
        inside.join("x"),
        inside.join("file"),
        root.path().join("y"),
        root.path().join("z"),
    ] {
        assert_eq!(fs::read(&path).unwrap(), b"a", "{}", path.display());
    }
}

#[test]
fn owners_modes_and_times() {
    let files = tree(&["d dir/sub 750", "f dir/x 4640 x", "l dir/l x"]);
    let selection = chosen(&context(&files), &["dir"]).unwrap();
    let mode: dockerfile::Mode = "u=rwX,go=rX".parse().unwrap();
    let rules = PlaceRules {
        destination: "/a/b",
        owner: Some((5, 6)),
        mode: Some(&mode),
        time_s: Some(1_000_000_000),
    };
    let root = tempfile::tempdir().unwrap();
    place(&[&selection], descriptor(root.path()).as_fd(), &rules, &cancel()).unwrap();
    assert_eq!(
        listed(root.path()),
        ["755 5:6 a/", "755 5:6 a/b/", "link 5:6 a/b/l>x", "755 5:6 a/b/sub/", "4644 5:6 a/b/x=x"]
            .map(|line| line.replace("4644", "644"))
    );
    for path in ["", "a", "a/b", "a/b/l", "a/b/sub", "a/b/x"] {
        let metadata = root.path().join(path).symlink_metadata().unwrap();
        assert_eq!((metadata.mtime(), metadata.mtime_nsec()), (1_000_000_000, 0), "{path}");
    }
    let root = tempfile::tempdir().unwrap();
    copied(&context(&files), &["dir"], &root, "/b").unwrap();
    assert_eq!(listed(root.path())[3], "4640 0:0 b/x=x");
    for path in ["", "/l", "/sub", "/x"] {
        let time = |path: String| {
            let metadata = Path::new(&path).symlink_metadata().unwrap();
            (metadata.mtime(), metadata.mtime_nsec())
        };
        assert_eq!(
            time(format!("{}/b{path}", root.path().display())),
            time(format!("{}/dir{path}", files.path().display()))
        );
    }
}

#[test]
fn stages_keep_what_contexts_do_not() {
    let files = tree(&["f d/x 755 x", "h d/y d/x", "l d/l x", "d d/sub 2775"]);
    let capability = [0, 0, 0, 2, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    std::os::unix::fs::lchown(files.path().join("d/x"), Some(7), Some(8)).unwrap();
    std::os::unix::fs::lchown(files.path().join("d/l"), Some(9), Some(8)).unwrap();
    setxattr(files.path().join("d/x"), "security.capability", &capability, XattrFlags::empty())
        .unwrap();
    setxattr(files.path().join("d/sub"), "user.note", b"sub", XattrFlags::empty()).unwrap();
    let sparse = File::create(files.path().join("d/sparse")).unwrap();
    sparse.set_len(1 << 30).unwrap();
    sparse.write_all_at(b"end", (1 << 30) - 3).unwrap();
    mknodat(
        CWD,
        files.path().join("d/pipe"),
        FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o644),
        0,
    )
    .unwrap();
    mknodat(
        CWD,
        files.path().join("d/null"),
        FileType::CharacterDevice,
        rustix::fs::Mode::from_raw_mode(0o666),
        rustix::fs::makedev(1, 3),
    )
    .unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(files.path().join("d/socket")).unwrap();

    let root = tempfile::tempdir().unwrap();
    copied(&stage(&files), &["d"], &root, "/d").unwrap();
    let at = |name: &str| root.path().join("d").join(name);
    let own = |name: &str| {
        let metadata = at(name).symlink_metadata().unwrap();
        (metadata.uid(), metadata.gid(), metadata.mode() & 0o7777)
    };
    assert_eq!([own("x"), own("sub"), own("pipe")], [(7, 8, 0o755), (0, 0, 0o2775), (0, 0, 0o644)]);
    assert_eq!(own("l").0, 9);
    assert_eq!(at("x").metadata().unwrap().ino(), at("y").metadata().unwrap().ino());
    assert!(at("sparse").metadata().unwrap().blocks() < 1000);
    assert_eq!(at("sparse").metadata().unwrap().size(), 1 << 30);
    assert!(at("pipe").metadata().unwrap().file_type().is_fifo());
    let null = at("null").metadata().unwrap();
    assert_eq!((null.file_type().is_char_device(), null.rdev()), (true, rustix::fs::makedev(1, 3)));
    assert!(!at("socket").exists());
    let attributes = |name: &str| store::attributes(descriptor(&at(name)).as_fd()).unwrap();
    assert_eq!(attributes("x")[&b"security.capability"[..]], capability);
    assert_eq!(attributes("sub")[&b"user.note"[..]], b"sub");

    let root = tempfile::tempdir().unwrap();
    copied(&context(&files), &["d"], &root, "/d").unwrap();
    let copy = root.path().join("d/x");
    assert_eq!((copy.metadata().unwrap().uid(), copy.metadata().unwrap().nlink()), (0, 2));
    assert!(
        !store::attributes(descriptor(&copy).as_fd())
            .unwrap()
            .contains_key(&b"security.capability"[..])
    );
}

#[test]
fn digests_are_of_what_counts() {
    let lines = ["d a 755", "f a/x 644 one", "f a/y 644 two", "l a/l x", "f b 644 one"];
    let (one, other) = (tree(&lines), tempfile::tempdir().unwrap());
    let mut backwards = lines.to_vec();
    backwards.reverse();
    make(other.path(), &backwards);
    let old = File::open(other.path().join("a/x")).unwrap();
    old.set_modified(std::time::UNIX_EPOCH).unwrap();
    std::os::unix::fs::lchown(other.path().join("a/y"), Some(7), Some(7)).unwrap();
    let whole = digest_of(&context(&one), &["a", "b"]);
    assert_eq!(whole, digest_of(&context(&other), &["a", "b"]));
    assert_ne!(digest_of(&stage(&one), &["a"]), digest_of(&stage(&other), &["a"]));
    for change in [
        &["f a/x 644 ONE"][..],
        &["f a/x 600 one"],
        &["f a/z 644"],
        &["d a/z 755"],
        &["f b 644 on"],
    ] {
        let changed = tree(&lines);
        make(changed.path(), change);
        assert_ne!(whole, digest_of(&context(&changed), &["a", "b"]), "{change:?}");
    }
    let moved = tree(&["d a 755", "f a/x 644 one", "f a/w 644 two", "l a/l x", "f b 644 one"]);
    let linked = tree(&["d a 755", "f a/x 644 one", "f a/y 644 two", "l a/l y", "f b 644 one"]);
    let hard = tree(&["d a 755", "f a/x 644 one", "f a/y 644 two", "l a/l x", "h b a/x"]);
    assert_ne!(whole, digest_of(&context(&moved), &["a", "b"]));
    assert_ne!(whole, digest_of(&context(&linked), &["a", "b"]));
    assert_eq!(whole, digest_of(&context(&hard), &["a", "b"]));
    // The directory's own mode does not arrive anywhere.
    make(one.path(), &["d a 700"]);
    assert_eq!(whole, digest_of(&context(&one), &["a", "b"]));

    let before = digest_of(&stage(&one), &["a"]);
    setxattr(one.path().join("a/x"), "user.note", b"1", XattrFlags::empty()).unwrap();
    assert_ne!(before, digest_of(&stage(&one), &["a"]));
    assert_eq!(whole, digest_of(&context(&one), &["a", "b"]));
}

#[test]
fn many_files_are_read_by_all_processors_in_one_order() {
    let files = tempfile::tempdir().unwrap();
    for number in 0..500 {
        make(files.path(), &[&format!("f d{}/f{number} 644 {number}", number % 7)]);
    }
    let first = digest_of(&context(&files), &["."]);
    assert_eq!(first, digest_of(&context(&files), &["."]));
    let selection = chosen(&context(&files), &["."]).unwrap();
    let parts = digest(&selection, DigestRules::default(), &cancel()).unwrap().parts;
    make(files.path(), &["f d3/f3 644 other"]);
    let selection = chosen(&context(&files), &["."]).unwrap();
    let now = digest(&selection, DigestRules::default(), &cancel()).unwrap().parts;
    assert_eq!(differences(&parts, &now), ["d3 has other contents"]);
}

#[test]
fn what_changes_is_told() {
    let root = tempfile::tempdir().unwrap();
    type Change = fn(&Path);
    let changes: [(&str, Change); 4] = [
        ("contents", |at| make(at, &["f a/x 644 other"])),
        ("mode", |at| make(at, &["f a/x 600 one"])),
        ("kind", |at| {
            fs::remove_file(at.join("a/x")).unwrap();
            symlink("/etc/passwd", at.join("a/x")).unwrap();
        }),
        ("directory", |at| {
            fs::rename(at.join("a"), at.join("b")).unwrap();
            symlink("/", at.join("a")).unwrap();
        }),
    ];
    for (what, change) in changes {
        let files = tree(&["f a/x 644 one", "l a/l x"]);
        let selection = chosen(&context(&files), &["a"]).unwrap();
        change(files.path());
        let told = digest(&selection, DigestRules::default(), &cancel());
        assert!(matches!(told, Err(StepError::Changed { .. })), "{what}: {told:?}");
        let told = place(&[&selection], descriptor(root.path()).as_fd(), &PLAIN, &cancel());
        assert!(matches!(told, Err(StepError::Changed { .. })), "{what}: {told:?}");
        assert!(!root.path().join("x").exists(), "{what}");
    }
}

#[test]
fn a_memory_saves_reading() {
    let files = tree(&["f x 644 one"]);
    let place = tempfile::tempdir().unwrap();
    let memory = Memory::open(place.path(), "sums");
    let tree = context(&files);
    let rules = DigestRules { owners: false, memory: Some(&memory) };
    let truth = digest(&chosen(&tree, &["x"]).unwrap(), rules, &cancel()).unwrap();
    // It is too young to be remembered, so what is read now is the truth still.
    memory.keep().unwrap();
    assert!(!place.path().join("sums").exists());
    let selection = chosen(&tree, &["x"]).unwrap();
    memory.put(&selection.inputs[0].seen, [7; 32], i64::MAX);
    assert_ne!(digest(&selection, rules, &cancel()).unwrap().digest, truth.digest);
    make(files.path(), &["f x 644 two"]);
    let changed = digest(&chosen(&tree, &["x"]).unwrap(), rules, &cancel()).unwrap();
    assert_eq!(
        changed.digest,
        digest(&chosen(&tree, &["x"]).unwrap(), DigestRules::default(), &cancel()).unwrap().digest
    );
}

#[test]
fn a_cancelled_build_stops() {
    let files = tree(&["f a/x 644 one"]);
    let selection = chosen(&context(&files), &["a"]).unwrap();
    let cancel = cancel();
    cancel.cancel();
    let root = tempfile::tempdir().unwrap();
    assert!(matches!(
        select(&context(&files), Choice { sources: &["a"], ..Choice::default() }, &cancel),
        Err(StepError::Cancelled)
    ));
    assert!(matches!(
        digest(&selection, DigestRules::default(), &cancel),
        Err(StepError::Cancelled)
    ));
    assert!(matches!(
        place(&[&selection], descriptor(root.path()).as_fd(), &PLAIN, &cancel),
        Err(StepError::Cancelled)
    ));
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
