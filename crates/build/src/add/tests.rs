//! Files from elsewhere, written below real directories.

use std::fs;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use super::*;
use crate::Fetched;
use crate::fetching::tests::{OneFile, fetching};
use crate::files::{DigestRules, PlaceRules, Placed, digest, place};

fn server(bytes: &[u8], name: Option<&str>, modified_s: Option<i64>) -> OneFile {
    OneFile {
        bytes: bytes.to_vec(),
        fetched: Fetched { name: name.map(str::to_owned), modified_s },
    }
}

fn placed(selection: &Selection, root: &Path, to: &str) -> Result<Placed, StepError> {
    let rules = PlaceRules { destination: to, owner: None, mode: None, time_s: None };
    place(&[selection], File::open(root).unwrap().as_fd(), &rules, &Cancel::new().unwrap())
}

#[test]
fn files_of_web_servers() {
    let root = tempfile::tempdir().unwrap();
    for (server, address, name) in [
        (server(b"text", None, Some(1_000_000_000)), "https://there/a/b%20c?x=/y", "b c"),
        (server(b"text", Some("../evil"), Some(1_000_000_000)), "https://there/", "evil"),
        (server(b"text", Some("name"), Some(1_000_000_000)), "https://there/x", "name"),
    ] {
        let (selection, _private) = fetching(&server, |fetching| url(address, None, fetching));
        placed(&selection.unwrap(), root.path(), "/new/").unwrap();
        let metadata = root.path().join("new").join(name).metadata().unwrap();
        assert_eq!(
            (metadata.mode() & 0o7777, metadata.mtime(), metadata.uid()),
            (0o600, 1_000_000_000, 0)
        );
    }
    let nameless = server(b"text", Some(".."), None);
    let (selection, _private) =
        fetching(&nameless, |fetching| url("https://there/", None, fetching));
    let selection = selection.unwrap();
    assert!(matches!(placed(&selection, root.path(), "/new/"), Err(StepError::Value { .. })));
    placed(&selection, root.path(), "/new/named").unwrap();
    assert_eq!(root.path().join("new/named").metadata().unwrap().mtime(), 0);
}

#[test]
fn checksums_of_web_servers() {
    let hello = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    let check = |checksum: &str| {
        let server = server(b"hello", None, None);
        fetching(&server, |fetching| url("https://there/x", Some(checksum), fetching)).0.map(|_| ())
    };
    assert!(check(&format!("sha256:{hello}")).is_ok());
    assert!(check(&format!("sha256:{}", hello.to_uppercase())).is_ok());
    let other = check(&format!("sha256:{}", hello.replace('2', "3")));
    assert!(matches!(other, Err(StepError::Checksum { .. })));
    for wrong in ["", hello, "sha512:00", "sha256:00"] {
        assert!(matches!(check(wrong), Err(StepError::Value { .. })), "{wrong}");
    }
    let away = server(b"", None, None);
    let error =
        fetching(&away, |fetching| url("https://u:p@away/x", None, fetching)).0.unwrap_err();
    assert_eq!(error.to_string(), "fetch https://away/x");
}

#[test]
fn archives_are_unpacked_where_that_is_meant() {
    let files = tempfile::tempdir().unwrap();
    fs::create_dir(files.path().join("d")).unwrap();
    File::create(files.path().join("d/x")).unwrap();
    let tar = Command::new("tar")
        .arg("-cJ")
        .arg("-C")
        .arg(files.path())
        .args(["--owner=7", "d"])
        .output()
        .unwrap();
    let server = server(&tar.stdout, None, None);
    let (selection, _private) =
        fetching(&server, |fetching| url("https://there/a.tar.xz", None, fetching));
    let selection = selection.unwrap();
    let root = tempfile::tempdir().unwrap();
    placed(&selection, root.path(), "/packed/").unwrap();
    assert_eq!(fs::read(root.path().join("packed/a.tar.xz")).unwrap(), tar.stdout);
    placed(&selection.clone().unpacking(true), root.path(), "/unpacked").unwrap();
    assert_eq!(root.path().join("unpacked/d/x").metadata().unwrap().uid(), 7);
    // What is no archive is copied, whatever it is called.
    let plain = OneFile { bytes: b"text".to_vec(), ..server };
    let (selection, _private) =
        fetching(&plain, |fetching| url("https://there/a.tar.xz", None, fetching));
    placed(&selection.unwrap().unpacking(true), root.path(), "/plain/").unwrap();
    assert_eq!(fs::read(root.path().join("plain/a.tar.xz")).unwrap(), b"text");
}

#[test]
fn archives_stay_in_the_root() {
    let outside = tempfile::tempdir().unwrap();
    let files = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(outside.path(), files.path().join("a")).unwrap();
    fs::create_dir(files.path().join("b")).unwrap();
    File::create(files.path().join("b/x")).unwrap();
    let tar = Command::new("tar")
        .arg("-c")
        .arg("-C")
        .arg(files.path())
        .args(["--transform=flags=r;s,^b,a,", "a", "b/x"])
        .output()
        .unwrap();
    let server = server(&tar.stdout, None, None);
    let (selection, _private) =
        fetching(&server, |fetching| url("https://there/a", None, fetching));
    let root = tempfile::tempdir().unwrap();
    // The link leads inside, or is refused; it does not lead out.
    let _either = placed(&selection.unwrap().unpacking(true), root.path(), "/");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    assert!(root.path().join("a").is_symlink());
}

#[test]
fn documents_are_files() {
    let nowhere = server(b"", None, None);
    let root = tempfile::tempdir().unwrap();
    let made = |name: &str, text: &str| {
        fetching(&nowhere, |fetching| document(name, text.as_bytes(), fetching))
    };
    let (selection, _private) = made("EOF", "one\n");
    placed(&selection.unwrap(), root.path(), "/new/").unwrap();
    let (selection, _private) = made("EOF", "two\n");
    placed(&selection.unwrap(), root.path(), "/file").unwrap();
    assert_eq!(fs::read(root.path().join("new/EOF")).unwrap(), b"one\n");
    assert_eq!(fs::read(root.path().join("file")).unwrap(), b"two\n");
    assert_eq!(root.path().join("file").metadata().unwrap().mode() & 0o7777, 0o644);
    assert!(made("..", "").0.is_err());
    let sum = |name: &str, text: &str| {
        let (selection, _private) = made(name, text);
        digest(&selection.unwrap(), DigestRules::default(), &Cancel::new().unwrap()).unwrap().digest
    };
    assert_eq!(sum("a", "x"), sum("a", "x"));
    assert_ne!(sum("a", "x"), sum("a", "y"));
    assert_ne!(sum("a", "x"), sum("b", "x"));
}

#[test]
fn repositories_are_trees() {
    let at = tempfile::tempdir().unwrap();
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command
            .args(["-c", "user.name=a", "-c", "user.email=a@b"])
            .args(arguments)
            .current_dir(at.path());
        let output = command.env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    git(&["init"]);
    File::create(at.path().join("x")).unwrap();
    File::create(at.path().join("x.md")).unwrap();
    git(&["add", "-A"]);
    git(&["commit", "-m", "x"]);
    let commit = git(&["rev-parse", "HEAD"]);
    let address = format!("file://{}", at.path().display());
    let nowhere = server(b"", None, None);
    let fetched = |checksum: Option<&str>, keep| {
        fetching(&nowhere, |fetching| repository(&address, checksum, keep, &["*.md"], fetching))
    };
    let root = tempfile::tempdir().unwrap();
    let (selection, _private) = fetched(Some(&commit[..8]), None);
    placed(&selection.unwrap(), root.path(), "/src").unwrap();
    let names = |root: &Path| {
        let mut names: Vec<_> =
            fs::read_dir(root).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names(&root.path().join("src")), ["x"]);
    let (selection, _private) = fetched(None, Some(true));
    placed(&selection.unwrap(), root.path(), "/kept").unwrap();
    assert_eq!(names(&root.path().join("kept")), [".git", "x"]);
    let other = if commit.starts_with('0') { "1" } else { "0" };
    assert!(matches!(fetched(Some(other), None).0, Err(StepError::Checksum { .. })));
    assert!(matches!(fetched(Some("sha256:00"), None).0, Err(StepError::Value { .. })));
}
