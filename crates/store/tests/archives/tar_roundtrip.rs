//! What the writer writes the reader reads, and so do GNU tar and Python; the same entries give the same bytes.

use std::io::Read as _;
use std::process::Command;

use proptest::collection::vec;
use proptest::prelude::*;
use store::tar::{Kind, Limits, Metadata, Reader, Timestamp, WriteError, Writer, Xattr};

fn written(entries: &[(Metadata, Vec<u8>)]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    for (metadata, contents) in entries {
        writer.append(metadata, &contents[..]).unwrap();
    }
    writer.finish().unwrap()
}

fn read(archive: &[u8]) -> Vec<(Metadata, Vec<u8>)> {
    let mut reader = Reader::new(archive, Limits::default());
    let mut found = Vec::new();
    while let Some(mut entry) = reader.next_entry().unwrap() {
        let mut contents = Vec::new();
        entry.read_to_end(&mut contents).unwrap();
        found.push((Metadata::clone(&entry), contents));
    }
    found
}

fn name() -> impl Strategy<Value = Vec<u8>> {
    let part =
        vec(any::<u8>().prop_filter("no NUL, no slash", |byte| !matches!(byte, 0 | b'/')), 1..150);
    vec(part, 1..4).prop_map(|parts| parts.join(&b'/'))
}

fn number() -> impl Strategy<Value = u32> {
    prop_oneof![0..2000_u32, Just(0o7_777_777), Just(0o10_000_000), Just(u32::MAX - 1)]
}

fn metadata() -> impl Strategy<Value = (Metadata, Vec<u8>)> {
    let kind = prop_oneof![
        Just(Kind::File),
        Just(Kind::Directory),
        Just(Kind::Symlink),
        Just(Kind::Hardlink),
        Just(Kind::CharacterDevice),
        Just(Kind::BlockDevice),
        Just(Kind::Fifo),
    ];
    let time = (
        prop_oneof![-5_000_000_000..50_000_000_000_i64, Just(0)],
        prop_oneof![Just(0), 0..1_000_000_000_u32],
    );
    let xattr = (
        vec(any::<u8>().prop_filter("no NUL, no =", |byte| !matches!(byte, 0 | b'=')), 1..30),
        vec(any::<u8>(), 0..300),
    )
        .prop_map(|(name, value)| Xattr { name, value });
    let owner = (0..0o10000_u32, number(), number(), (number(), number()));
    (kind, name(), name(), owner, time, vec(xattr, 0..4), vec(any::<u8>(), 0..2000)).prop_map(
        |(
            kind,
            mut path,
            link,
            (mode, uid, gid, device),
            (seconds, nanoseconds),
            mut xattrs,
            contents,
        )| {
            if kind == Kind::Directory {
                path.push(b'/');
            }
            xattrs.dedup_by(|left, right| left.name == right.name);
            let has_link = matches!(kind, Kind::Symlink | Kind::Hardlink);
            let is_device = matches!(kind, Kind::CharacterDevice | Kind::BlockDevice);
            let contents = if kind == Kind::File { contents } else { Vec::new() };
            let metadata = Metadata {
                path,
                kind,
                mode,
                uid,
                gid,
                mtime: Timestamp { seconds, nanoseconds },
                size: contents.len() as u64,
                link: if has_link { link } else { Vec::new() },
                device: if is_device { device } else { (0, 0) },
                xattrs,
                sparse: None,
            };
            (metadata, contents)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read(entries in vec(metadata(), 0..6)) {
        let unique = |(metadata, _): &(Metadata, Vec<u8>)| {
            let mut names: Vec<_> = metadata.xattrs.iter().map(|xattr| &xattr.name).collect();
            names.sort();
            names.dedup();
            names.len() == metadata.xattrs.len()
        };
        prop_assume!(entries.iter().all(unique));
        let archive = written(&entries);
        prop_assert_eq!(&archive, &written(&entries));
        prop_assert_eq!(read(&archive), entries);
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in vec(any::<u8>(), 0..3000)) {
        let mut reader = Reader::new(&bytes[..], Limits::default());
        while let Ok(Some(_)) = reader.next_entry() {}
    }
}

#[test]
fn other_tools_read_what_we_write() {
    let long = "directory/".repeat(40) + "file";
    let file = |path: &str, contents: &[u8], seconds, nanoseconds| {
        let metadata = Metadata {
            path: path.as_bytes().to_vec(),
            mode: 0o640,
            uid: 3_000_000,
            gid: 7,
            size: contents.len() as u64,
            mtime: Timestamp { seconds, nanoseconds },
            ..Metadata::default()
        };
        (metadata, contents.to_vec())
    };
    let archive = written(&[
        file("short", b"one", 1, 0),
        file(&long, b"twenty-one characters", -2, 500_000_000),
    ]);
    let directory = tempfile::TempDir::new().unwrap();
    let path = directory.path().join("a.tar");
    std::io::Write::write_all(&mut std::fs::File::create(&path).unwrap(), &archive).unwrap();
    let listing = Command::new("tar")
        .args(["-tv", "--numeric-owner", "--full-time", "--utc", "-f"])
        .arg(&path)
        .output()
        .unwrap();
    assert!(
        listing.status.success() && listing.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&listing.stderr)
    );
    let listing = String::from_utf8_lossy(&listing.stdout).into_owned();
    assert!(listing.contains("-rw-r----- 3000000/7"), "{listing}");
    let tar =
        Command::new("tar").arg("-xf").arg(&path).arg("-C").arg(directory.path()).status().unwrap();
    let stat = std::fs::metadata(directory.path().join(&long)).unwrap();
    let time = (
        std::os::unix::fs::MetadataExt::mtime(&stat),
        std::os::unix::fs::MetadataExt::mtime_nsec(&stat),
    );
    assert!(tar.success() && time == (-2, 500_000_000), "{time:?}");
    let program = "import tarfile,sys\nfor m in tarfile.open(sys.argv[1]): print(m.name, m.size, m.mtime, m.uid)";
    let listing = Command::new("python3").args(["-c", program]).arg(&path).output().unwrap();
    let listing = String::from_utf8_lossy(&listing.stdout).into_owned();
    assert_eq!(listing, format!("short 3 1 3000000\n{long} 21 -1.5 3000000\n"));
}

#[test]
fn what_no_archive_can_hold_is_refused() {
    let file = |path: &[u8], size| Metadata { path: path.to_vec(), size, ..Metadata::default() };
    let mut writer = Writer::new(Vec::new());
    for bad in
        [file(b"", 0), file(b"a\0", 0), file(b"a/", 0), Metadata { uid: u32::MAX, ..file(b"a", 0) }]
    {
        assert!(matches!(writer.append(&bad, &b""[..]), Err(WriteError::Entry { .. })), "{bad:?}");
    }
    assert!(matches!(
        writer.append(&file(b"a", 3), &b"ab"[..]),
        Err(WriteError::Size { size: 3, .. })
    ));
    assert!(matches!(
        Writer::new(Vec::new()).append(&file(b"a", 1), &b"ab"[..]),
        Err(WriteError::Size { size: 1, .. })
    ));
}
