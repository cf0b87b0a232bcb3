//! The key file: the store's own, one that is named, a wrong one, a changed one, a lost one.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use testkit::{Corten, Finished};

use crate::{corten, create, with_busybox, write};

fn key_file(corten: &Corten, name: &str, byte: u8) -> PathBuf {
    let path = corten.directory().join(name);
    write(&path, &[byte; 32]);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path
}

fn with_key(corten: &Corten, key: &Path, words: &[&str]) -> Finished {
    let mut command = corten.command();
    command.args(words).env("CORTEN_SECRET_KEY_FILE", key);
    Finished::from(command.output().unwrap())
}

const SHOW: &[&str] = &["secret", "inspect", "--showsecret", "-f", "{{.SecretData}}", "pw"];

#[test]
fn a_key_file_that_is_named() {
    let corten = with_busybox();
    let (key, other) = (key_file(&corten, "key", 1), key_file(&corten, "other", 2));
    let content = corten.directory().join("content");
    write(&content, b"s3cr3t");
    let made = with_key(&corten, &key, &["secret", "create", "pw", content.to_str().unwrap()]);
    assert_eq!(made.code, 0, "{made:?}");
    assert!(!corten.root().join("secrets.key").exists(), "no key of the store's own is needed");
    assert_eq!(with_key(&corten, &key, SHOW).stdout, "s3cr3t\n");
    let run = ["run", "--rm", "--secret", "pw", "busybox", "cat", "/run/secrets/pw"];
    assert_eq!(with_key(&corten, &key, &run).stdout, "s3cr3t");
    // What needs no content needs no key.
    assert_eq!(corten.ok(&["secret", "ls", "--format", "{{.Name}}"]), "pw");
    corten.ok(&["secret", "inspect", "pw"]);
    for words in [SHOW, &run] {
        let told = with_key(&corten, &other, words);
        assert!(
            told.code != 0 && told.stderr.contains("error: secret pw is sealed with the key "),
            "{told:?}"
        );
        assert!(told.stderr.contains(&format!("{} holds the key ", other.display())), "{told:?}");
        assert!(told.stderr.contains("hint: CORTEN_SECRET_KEY_FILE"), "{told:?}");
    }
    assert_eq!(corten.ok(&["ps", "-aq"]), "");
    let told = with_key(&corten, &corten.directory().join("none"), SHOW);
    assert!(
        told.stderr.contains("open the key file") && told.stderr.contains("ENOENT"),
        "{told:?}"
    );
    let checked = with_key(&corten, &other, &["system", "check"]);
    assert!(
        checked.code == 1 && checked.stdout.starts_with("secret pw does not open: "),
        "{checked:?}"
    );
    assert_eq!(with_key(&corten, &key, &["system", "check"]).code, 0);
}

#[test]
fn a_key_file_that_is_not_used() {
    let corten = corten();
    create(&corten, &["pw"], b"s3cr3t");
    let key = corten.root().join("secrets.key");
    let bytes = std::fs::read(&key).unwrap();
    assert_eq!(corten.ok(SHOW), "s3cr3t");
    let tell = |why: &str| {
        let told = corten.fails(SHOW, 1);
        assert!(told.contains("secrets.key") && told.contains(why), "{told}");
        assert!(corten.run(&["system", "check"]).stdout.contains(why));
        told
    };
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let told = tell("its mode is 0644");
    assert!(told.contains("\nhint: a key file is made by"), "{told}");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    write(&key, &bytes[..31]);
    tell("a key has 32 bytes, and it has fewer");
    write(&key, &[7; 32]);
    tell("is sealed with the key");
    std::fs::remove_file(&key).unwrap();
    let told = tell("is lost");
    assert!(told.contains("\nhint: put the file back"), "{told}");
    let made = corten.run_with(&["secret", "create", "next", "-"], b"x");
    assert!(made.code == 1 && made.stderr.contains("is lost"), "{made:?}");
    std::os::unix::fs::symlink("/etc/hostname", &key).unwrap();
    assert!(corten.fails(SHOW, 1).contains("ELOOP"));
    std::fs::remove_file(&key).unwrap();
    write(&key, &bytes);
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(corten.ok(SHOW), "s3cr3t");
    corten.ok(&["system", "check"]);
}

#[test]
fn a_row_that_was_changed() {
    let corten = corten();
    create(&corten, &["pw"], b"s3cr3t");
    let database = corten.root().join("corten.db");
    let sql = "UPDATE secrets SET sealed = zeroblob(40); PRAGMA wal_checkpoint(TRUNCATE)";
    let changed = std::process::Command::new("sqlite3").arg(database).arg(sql).status().unwrap();
    assert!(changed.success());
    let told = corten.fails(SHOW, 1);
    assert!(told.starts_with("error: secret pw is damaged"), "{told}");
    let checked = corten.run(&["system", "check"]);
    assert!(
        checked.stdout.starts_with("secret pw does not open: secret pw is damaged"),
        "{checked:?}"
    );
    corten.ok(&["secret", "rm", "pw"]);
    corten.ok(&["system", "check"]);
}
