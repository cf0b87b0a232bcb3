//! Files that include others: in which order, from where, how deep, and never in a circle.
#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "files of tests, in directories of their own")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use lxc::config::read::{Contents, Included, from_disk};
use lxc::config::{Document, Limits, Unreadable};

/// Files that are nowhere else.
fn read(files: &[(&str, &str)], limits: &Limits) -> Result<Document, String> {
    let files: BTreeMap<&Path, (u64, &str)> = files
        .iter()
        .zip(0..)
        .map(|((path, text), number)| (Path::new(*path), (number, *text)))
        .collect();
    let mut opener = |path: &Path, most: u64| {
        let below = |file: &&&Path| file.parent() == Some(path);
        if let Some((number, text)) = files.get(path) {
            let bytes = text.as_bytes().to_owned();
            if bytes.len() as u64 > most {
                return Err(Unreadable::TooLong(most));
            }
            return Ok(Included::File(Contents { identity: (0, *number), bytes }));
        }
        let within: Vec<PathBuf> =
            files.keys().filter(below).map(|path| (*path).to_owned()).collect();
        if within.is_empty() {
            Err(std::io::Error::from(std::io::ErrorKind::NotFound).into())
        } else {
            Ok(Included::Directory(within))
        }
    };
    let (_, text) = files[Path::new("top")];
    let document = Document::read(Path::new("top"), text.as_bytes(), limits, &mut opener);
    document.map_err(|error| {
        let cause = std::error::Error::source(&*error.problem).map(|cause| format!(": {cause}"));
        format!("{error}: {}{}", error.problem, cause.unwrap_or_default())
    })
}

fn refusal(files: &[(&str, &str)], limits: &Limits) -> String {
    read(files, limits).map(|_| ()).expect_err("it is refused")
}

#[test]
fn includes_stand_where_their_entry_stands() {
    let document = read(
        &[
            ("top", "lxc.group = a\nlxc.include = d\nlxc.include = one\nlxc.group = e\nlxc.include = gone/\n"),
            ("d/2.conf", "lxc.group = c\n"),
            ("d/1.conf", "lxc.group = b\nlxc.uts.name = of-d\n"),
            ("one", "lxc.group = d\nother = 1\n"),
        ],
        &Limits::default(),
    )
    .expect("files");
    assert_eq!(document.get("lxc.group").expect("a key"), "a\nb\nc\nd\ne\n");
    assert_eq!(
        document.place_of("lxc.uts.name").map(ToString::to_string),
        Some("d/1.conf:2".to_owned())
    );
    assert_eq!(document.foreign().iter().map(ToString::to_string).collect::<Vec<_>>(), ["one:2"]);
    assert_eq!(document.text().lines().count(), 5);
}

#[test]
fn circles_are_refused_with_their_names() {
    let limits = Limits::default();
    let files =
        [("top", "lxc.include = a\n"), ("a", "\nlxc.include = b\n"), ("b", "lxc.include = a\n")];
    assert_eq!(
        refusal(&files, &limits),
        "read b:1: files include each other in a circle: a → b → a"
    );
    // Twice one after the other is no circle.
    let twice = [("top", "lxc.include = a\nlxc.include = a\n"), ("a", "lxc.group = x\n")];
    assert_eq!(read(&twice, &limits).expect("files").get("lxc.group").expect("a key"), "x\nx\n");
}

#[test]
fn files_of_this_machine_that_include_themselves_are_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let (top, link) = (directory.path().join("top"), directory.path().join("link.conf"));
    std::os::unix::fs::symlink("top", &link).expect("a link");
    std::fs::write(&top, format!("lxc.include = {}\n", directory.path().display()))
        .expect("a file");
    let error = Document::open(&top, &Limits::default()).expect_err("a circle");
    assert_eq!(
        error.problem.to_string(),
        format!("files include each other in a circle: {} → {}", top.display(), link.display())
    );
}

#[test]
fn directories_are_read_in_the_order_of_names() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut names =
        ["20-b.conf", "10-a.conf", "30.conf", "00.conf", ".conf", "40-conf", "50.conf.old"];
    for _ in 0..names.len() {
        // Whatever order the file system keeps, one of these is another one.
        names.rotate_left(1);
        for name in names {
            let path = directory.path().join(name);
            let _ = std::fs::remove_file(&path);
            std::fs::write(&path, format!("lxc.group = {name}\n")).expect("a file");
        }
        let text = format!("lxc.include = {}\n", directory.path().display());
        let document =
            Document::read(Path::new("top"), text.as_bytes(), &Limits::default(), &mut from_disk)
                .expect("files");
        assert_eq!(
            document.get("lxc.group").expect("a key"),
            "00.conf\n10-a.conf\n20-b.conf\n30.conf\n"
        );
    }
}

#[test]
fn every_bound_is_named() {
    let deep: Vec<(String, String)> = (0..5)
        .map(|number| (format!("{number}"), format!("lxc.include = {}\n", number + 1)))
        .collect();
    let mut files: Vec<(&str, &str)> =
        deep.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    files.extend([("top", "lxc.include = 0\n"), ("5", "")]);
    let limits = Limits::default();
    assert!(read(&files, &limits).is_ok());
    assert_eq!(
        refusal(&files, &Limits { depth: 5, ..limits }),
        "read 4:1: files include each other more than 5 deep"
    );
    assert_eq!(
        refusal(&files, &Limits { files: 3, ..limits }),
        "read 2:1: more than 3 files are included"
    );
    assert_eq!(
        refusal(&files, &Limits { lines: 4, ..limits }),
        "read 3:1: the files have more than 4 lines"
    );
    assert_eq!(
        refusal(&files, &Limits { line_bytes: 14, ..limits }),
        "read top:1: a line is longer than 14 bytes"
    );
    let long = [("top", "lxc.include = a\n"), ("a", "lxc.uts.name = abcdef\n")];
    assert_eq!(
        refusal(&long, &Limits { file_bytes: 20, ..limits }),
        "read top:1: include a: it is longer than 20 bytes"
    );
    let total = Limits { bytes: 30, ..limits };
    assert_eq!(refusal(&long, &total), "read a: the files have more than 30 bytes");
    // Each doubles what there is to read.
    let double: Vec<(String, String)> = (0..15)
        .map(|number| {
            (format!("{number}"), format!("lxc.include = {0}\nlxc.include = {0}\n", number + 1))
        })
        .collect();
    let mut files: Vec<(&str, &str)> =
        double.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    files.extend([("top", "lxc.include = 0\n"), ("15", "")]);
    assert!(refusal(&files, &limits).ends_with("more than 1000 files are included"));
}

#[test]
fn what_cannot_be_included_is_told_at_the_entry() {
    let limits = Limits::default();
    let missing = refusal(&[("top", "\nlxc.include = gone\n")], &limits);
    assert_eq!(missing, "read top:2: include gone: entity not found");
    let inner = [("top", "lxc.include = a\n"), ("a", "# one\nlxc.uts.nam = b\n")];
    assert_eq!(
        refusal(&inner, &limits),
        "read a:2: there is no key lxc.uts.nam; the nearest is lxc.uts.name"
    );
    let directory = tempfile::tempdir().expect("a directory");
    let error = Document::open(&directory.path().join("gone"), &limits)
        .expect_err("a file that is not there");
    let told = format!("read {}/gone: open the file", directory.path().display());
    assert_eq!(format!("{error}: {}", error.problem), told);
    let pipe = directory.path().join("pipe");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RWXU,
        0,
    )
    .expect("a pipe");
    assert!(matches!(from_disk(&pipe, 10), Err(Unreadable::Kind)));
    assert!(matches!(from_disk(Path::new("/dev/zero"), 10), Err(Unreadable::TooLong(10))));
    assert!(
        matches!(from_disk(Path::new("/dev/null"), 10), Ok(Included::File(contents)) if contents.bytes.is_empty())
    );
}

#[test]
fn carriage_returns_end_lines_and_other_bytes_are_refused() {
    let limits = Limits::default();
    let document =
        read(&[("top", "lxc.uts.name = a\r\nlxc.group = b\r\n")], &limits).expect("a file");
    assert_eq!(document.to_bytes(), b"lxc.uts.name = a\nlxc.group = b\n");
    let read = |bytes: &[u8]| Document::read(Path::new("top"), bytes, &limits, &mut from_disk);
    let refusal = |bytes: &[u8]| {
        read(bytes).map(|_| ()).map_err(|error| format!("{error}: {}", error.problem))
    };
    assert_eq!(
        refusal(b"#\nlxc.uts.name = \xff\n"),
        Err("read top:2: an entry holds bytes that are not UTF-8".to_owned())
    );
    assert_eq!(
        refusal(b"lxc.uts.name = a\0b\n"),
        Err("read top:1: a file of text holds no byte zero".to_owned())
    );
    assert_eq!(read(b"# caf\xe9\n").expect("a comment").to_bytes(), b"# caf\xe9\n");
}

/// Lines of a number.
type Lines = fn(u32) -> String;

#[test]
fn a_hundred_thousand_lines_are_read_at_once() {
    let lines: [(&str, Lines); 6] = [
        ("devices", |number| {
            format!(
                "lxc.cgroup2.devices.allow = c {number}:* rwm\nlxc.mount.entry = /a{number} b none bind\n"
            )
        }),
        ("names", |number| format!("lxc.sysctl.a{number} = 1\nlxc.cgroup.b{number} = 1\n")),
        ("names forgotten", |number| format!("lxc.sysctl.a{number} = 1\nlxc.sysctl.a{number} =\n")),
        ("capabilities", |_| "lxc.cap.keep = chown kill\nlxc.init.groups = 1\n".to_owned()),
        ("addresses", |_| "lxc.net.0.ipv4.address = 10.0.0.1\nlxc.group = a\n".to_owned()),
        ("networks", |number| format!("lxc.net.{number}.type = veth\nlxc.net.{number}.link =\n")),
    ];
    for (what, line) in lines {
        let text: String = (0..50_000).map(line).collect();
        let start = Instant::now();
        Document::read(Path::new("top"), text.as_bytes(), &Limits::default(), &mut from_disk)
            .expect("a file");
        let took = start.elapsed();
        // A second is promised; a machine under load gets ten. What takes time by the square takes minutes.
        assert!(took.as_secs() < 10, "{what}: {took:?}");
    }
}
