//! Contexts of every kind, in real directories.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::PathBuf;
use std::process::Command;

use super::*;
use crate::fetching::tests::{OneFile, fetching};
use crate::files::sorted_names;
use crate::{DockerfileSource, Fetched};

fn files(files: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = directory.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        io::Write::write_all(&mut File::create(path).unwrap(), text.as_bytes()).unwrap();
    }
    directory
}

fn nowhere() -> OneFile {
    OneFile { bytes: Vec::new(), fetched: Fetched::default() }
}

fn opened(source: ContextSource) -> (Result<Context, ContextError>, tempfile::TempDir) {
    fetching(&nowhere(), |fetching| Context::open(source, false, fetching))
}

fn at(directory: &tempfile::TempDir) -> Context {
    opened(ContextSource::Directory(directory.path().to_owned())).0.unwrap()
}

fn names(context: &Context) -> Vec<String> {
    let root = context.root().try_clone_to_owned().unwrap();
    sorted_names(&root).unwrap().into_iter().map(|name| String::from_utf8(name).unwrap()).collect()
}

fn found(context: &Context, source: &DockerfileSource) -> Result<(String, String), ContextError> {
    let found = dockerfile(context, source)?;
    Ok((found.name, String::from_utf8(found.bytes).unwrap()))
}

fn packed(directory: &tempfile::TempDir, flag: &str) -> Vec<u8> {
    let mut tar = Command::new("tar");
    tar.arg(format!("-c{flag}")).arg("-C").arg(directory.path()).args(["--owner=7", "."]);
    tar.output().unwrap().stdout
}

#[test]
fn directories_are_opened_as_they_are() {
    let directory = files(&[("x", "")]);
    assert_eq!(names(&at(&directory)), ["x"]);
    assert!(opened(ContextSource::Directory(directory.path().join("x"))).0.is_err());
    assert!(opened(ContextSource::Directory(PathBuf::from("/nonexistent"))).0.is_err());
    let (context, private) = opened(ContextSource::Empty);
    assert_eq!(names(&context.unwrap()), [""; 0]);
    assert!(private.path().join("context").exists());
}

#[test]
fn archives_become_directories() {
    let directory = files(&[("Dockerfile", "FROM scratch\n"), ("d/x", "x")]);
    for flag in ["", "z", "j", "J"] {
        let stream = io::Cursor::new(packed(&directory, flag));
        let (context, private) = opened(ContextSource::archive(stream));
        let context = context.unwrap();
        assert_eq!(names(&context), ["Dockerfile", "d"], "{flag}");
        assert_eq!(private.path().join("context/d/x").metadata().unwrap().uid(), 0);
        assert_eq!(found(&context, &DockerfileSource::Usual).unwrap().1, "FROM scratch\n");
    }
    let (context, _private) = opened(ContextSource::archive(&b"FROM scratch\n"[..]));
    let context = context.unwrap();
    assert_eq!(names(&context), [""; 0]);
    assert_eq!(found(&context, &DockerfileSource::Usual).unwrap().1, "FROM scratch\n");
    let (context, _private) = opened(ContextSource::archive(&[0; 1024][..]));
    assert!(matches!(
        found(&context.unwrap(), &DockerfileSource::Usual),
        Err(ContextError::NoFile { .. })
    ));
}

#[test]
fn archives_do_not_lead_out() {
    let outside = files(&[]);
    let directory = files(&[("d/x", "x")]);
    let open = |to: &str| {
        let mut tar = Command::new("tar");
        tar.arg("-cP").arg(format!("--transform=s,^\\./d/x,{to}/x,"));
        tar.arg("-C").arg(directory.path()).arg(".");
        opened(ContextSource::archive(io::Cursor::new(tar.output().unwrap().stdout)))
    };
    let away = outside.path().to_str().unwrap();
    assert!(open(&format!("../../../../../../../..{away}")).0.is_err());
    let (context, private) = open(away);
    context.unwrap();
    assert!(private.path().join(format!("context{away}/x")).exists());
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[test]
fn addresses_give_archives_or_instructions() {
    let directory = files(&[("Dockerfile", "FROM a\n")]);
    for (bytes, expected) in [
        (packed(&directory, "z"), "FROM a\n"),
        (packed(&directory, ""), "FROM a\n"),
        (b"FROM b\n".to_vec(), "FROM b\n"),
    ] {
        let server = OneFile { bytes, fetched: Fetched::default() };
        let open = |url: &str| {
            fetching(&server, |fetching| {
                Context::open(ContextSource::Url(url.to_owned()), false, fetching)
            })
        };
        let (context, _private) = open("https://there/x");
        assert_eq!(found(&context.unwrap(), &DockerfileSource::Usual).unwrap().1, expected);
        let error = open("https://user:word@other/x").0.unwrap_err();
        assert_eq!(error.to_string(), "fetch the context https://other/x");
    }
}

#[test]
fn named_contexts_that_have_files() {
    let directory = files(&[("x", "")]);
    let open = |named| fetching(&nowhere(), |fetching| Context::named(&named, false, fetching)).0;
    let context = open(NamedContext::Directory(directory.path().to_owned())).unwrap().unwrap();
    assert_eq!(names(&context), ["x"]);
    assert!(open(NamedContext::Image("a".to_owned())).unwrap().is_none());
    assert!(open(NamedContext::Git("-x".to_owned())).is_err());
}

#[test]
fn where_instructions_are() {
    let both = files(&[("Containerfile", "c"), ("Dockerfile", "d"), ("sub/x", "x")]);
    let usual = |directory| found(&at(directory), &DockerfileSource::Usual);
    assert_eq!(usual(&both).unwrap(), ("Dockerfile".to_owned(), "d".to_owned()));
    let other = files(&[("Containerfile", "c"), ("dockerfile", "d")]);
    assert_eq!(usual(&other).unwrap().0, "Containerfile");
    let (small, none) = (files(&[("dockerfile", "d")]), files(&[]));
    assert_eq!(usual(&small).unwrap().0, "dockerfile");
    assert!(matches!(usual(&none), Err(ContextError::NoFile { .. })));
    let named = |name: &str| found(&at(&both), &DockerfileSource::InContext(name.to_owned()));
    assert_eq!(named("sub/x").unwrap().1, "x");
    assert_eq!(named("../../sub/x").unwrap().1, "x");
    assert!(named("sub").is_err());
    let file = found(&at(&both), &DockerfileSource::File(both.path().join("sub/x"))).unwrap();
    assert_eq!(file.1, "x");
    assert!(found(&at(&both), &DockerfileSource::File("/nonexistent".into())).is_err());
    let text = found(&at(&both), &DockerfileSource::Text(b"t".to_vec())).unwrap();
    assert_eq!(text, ("Dockerfile".to_owned(), "t".to_owned()));
}

#[test]
fn instructions_do_not_come_from_outside() {
    let directory = files(&[("real", "r")]);
    symlink("/etc/passwd", directory.path().join("Dockerfile")).unwrap();
    symlink("/real", directory.path().join("Containerfile")).unwrap();
    symlink("../../../../../etc/passwd", directory.path().join(".dockerignore")).unwrap();
    let context = at(&directory);
    assert_eq!(
        found(&context, &DockerfileSource::Usual).unwrap(),
        ("Containerfile".to_owned(), "r".to_owned())
    );
    assert!(ignore(context.root()).unwrap().is_empty());
    let pipe = files(&[]);
    rustix::fs::mknodat(
        rustix::fs::CWD,
        pipe.path().join("Dockerfile"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o644),
        0,
    )
    .unwrap();
    assert!(matches!(
        found(&at(&pipe), &DockerfileSource::Usual),
        Err(ContextError::NoFile { .. })
    ));
    let large = files(&[]);
    File::create(large.path().join("Dockerfile")).unwrap().set_len(1 << 30).unwrap();
    assert!(matches!(
        found(&at(&large), &DockerfileSource::Usual),
        Err(ContextError::NoFile { .. })
    ));
}

#[test]
fn what_is_left_out_is_said_in_one_place() {
    let directory = files(&[
        ("Dockerfile", ""),
        ("other", ""),
        ("other.dockerignore", "b"),
        (".dockerignore", "a"),
        (".containerignore", "c"),
    ]);
    let context = at(&directory);
    let ignored = |source: &DockerfileSource| {
        let ignore = dockerfile(&context, source).unwrap().ignore;
        ["a", "b", "c"].into_iter().filter(|name| ignore.excludes(name)).collect::<String>()
    };
    assert_eq!(ignored(&DockerfileSource::Usual), "a");
    assert_eq!(ignored(&DockerfileSource::InContext("other".to_owned())), "b");
    assert_eq!(ignored(&DockerfileSource::File(directory.path().join("other"))), "b");
    assert_eq!(ignored(&DockerfileSource::Text(Vec::new())), "a");
    fs::remove_file(directory.path().join(".dockerignore")).unwrap();
    assert_eq!(ignored(&DockerfileSource::Usual), "c");
    io::Write::write_all(
        &mut File::create(directory.path().join(".dockerignore")).unwrap(),
        b"a[\n",
    )
    .unwrap();
    assert!(matches!(
        dockerfile(&context, &DockerfileSource::Usual),
        Err(ContextError::Refused { .. })
    ));
}
