//! What is written, and where.

use super::*;

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
