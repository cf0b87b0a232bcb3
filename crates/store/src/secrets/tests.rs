//! Names, ids, keys and seals; what two commands do to each other is in the tests of the program.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::*;
use crate::Paths;

struct Bed {
    directory: tempfile::TempDir,
    store: Store,
}

impl Bed {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let at = directory.path();
        let store = Store::open(Paths { root: at.join("root"), state: at.join("state") }).unwrap();
        Self { directory, store }
    }

    fn secrets(&self) -> Secrets<'_> {
        self.store.secrets(None)
    }

    fn own_key(&self) -> PathBuf {
        self.directory.path().join("root").join(key::OWN)
    }

    fn key_file(&self, name: &str, bytes: &[u8], mode: u32) -> PathBuf {
        let path = self.directory.path().join(name);
        std::io::Write::write_all(&mut std::fs::File::create(&path).unwrap(), bytes).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path
    }
}

fn make(
    secrets: Secrets<'_>,
    kind: SecretKind,
    name: &str,
    content: &[u8],
) -> Result<Secret, StoreError> {
    let labels = BTreeMap::new();
    let new = NewSecret { kind, name, now_ns: 7, labels: &labels, content };
    secrets.create(&new, WhenTaken::Refuse).map(|(secret, _)| secret)
}

fn words<T: fmt::Debug>(refused: Result<T, StoreError>) -> String {
    refused.unwrap_err().to_string()
}

#[test]
fn what_is_sealed_opens_again_and_is_not_to_be_seen() {
    let bed = Bed::new();
    let content = b"correct horse battery staple\0\n";
    let secret = make(bed.secrets(), SecretKind::Secret, "db.password", content).unwrap();
    assert_eq!(secret.id.len(), 25);
    assert_eq!(bed.secrets().open(&secret).unwrap(), content);
    let again = make(bed.secrets(), SecretKind::Config, "db.password", content).unwrap();
    let sealed = |id: &str| -> Vec<u8> {
        let select = "SELECT sealed FROM secrets WHERE id = ?";
        bed.store.connection.query_row(select, [id], |row| row.get(0)).unwrap()
    };
    let (one, other) = (sealed(&secret.id), sealed(&again.id));
    assert_ne!(one[1..13], other[1..13], "a nonce is used once");
    assert_eq!(one.len(), 1 + 12 + content.len() + 16);
    let about = std::fs::metadata(bed.own_key()).unwrap();
    assert_eq!((about.len(), about.permissions().mode() & 0o7777), (32, 0o600));
}

#[test]
fn rows_cannot_change_places_nor_be_changed() {
    let bed = Bed::new();
    let mine = make(bed.secrets(), SecretKind::Secret, "mine", b"1111").unwrap();
    let theirs = make(bed.secrets(), SecretKind::Secret, "theirs", b"2222").unwrap();
    let swap = "UPDATE secrets SET sealed = (SELECT sealed FROM secrets WHERE id = ?) WHERE id = ?";
    bed.store.connection.execute(swap, [&theirs.id, &mine.id]).unwrap();
    assert!(words(bed.secrets().open(&mine)).starts_with("secret mine is damaged"));
    assert_eq!(bed.secrets().open(&theirs).unwrap(), b"2222");
    let renamed = Secret { name: "other".to_owned(), ..theirs.clone() };
    assert!(words(bed.secrets().open(&renamed)).contains("is damaged"));
    let config = Secret { kind: SecretKind::Config, ..theirs.clone() };
    assert!(words(bed.secrets().open(&config)).contains("is damaged"));
    let cut = "UPDATE secrets SET sealed = substr(sealed, 1, 5) WHERE id = ?";
    bed.store.connection.execute(cut, [&theirs.id]).unwrap();
    assert!(words(bed.secrets().open(&theirs)).contains("is damaged"));
    let found = bed.secrets().check().unwrap();
    let subjects: Vec<&str> = found.iter().map(|finding| finding.subject.as_str()).collect();
    assert_eq!(subjects, ["secret mine", "secret theirs"]);
}

#[test]
fn key_files_are_told_apart() {
    let bed = Bed::new();
    let secret = make(bed.secrets(), SecretKind::Secret, "a", b"x").unwrap();
    let other = bed.key_file("other", &[7; 32], 0o600);
    let told = words(bed.store.secrets(Some(&other)).open(&secret));
    let start =
        format!("secret a is sealed with the key {}, and {} holds", secret.key_id, other.display());
    assert!(told.starts_with(&start), "{told}");
    let sealed = make(bed.store.secrets(Some(&other)), SecretKind::Secret, "b", b"y").unwrap();
    assert_ne!(sealed.key_id, secret.key_id);
    assert_eq!(bed.store.secrets(Some(&other)).open(&sealed).unwrap(), b"y");
    for (bytes, mode, why) in [
        (&[7; 31][..], 0o600, "fewer"),
        (&[7; 33][..], 0o600, "more"),
        (&[7; 32][..], 0o640, "mode is 0640"),
        (&[7; 32][..], 0o604, "mode is 0604"),
    ] {
        let wrong = bed.key_file("wrong", bytes, mode);
        let told = words(bed.store.secrets(Some(&wrong)).open(&secret));
        assert!(told.contains(why), "{told}");
    }
    let told = words(bed.store.secrets(Some(bed.directory.path())).open(&secret));
    assert!(told.contains("no regular file"), "{told}");
    let absent = bed.directory.path().join("absent");
    let told = words(bed.store.secrets(Some(&absent)).open(&secret));
    assert!(told.starts_with("open the key file"), "{told}");
    std::fs::remove_file(bed.own_key()).unwrap();
    assert!(words(bed.secrets().open(&secret)).contains("is lost"));
    let told = words(make(bed.secrets(), SecretKind::Secret, "c", b"z"));
    assert!(told.contains("is lost"), "{told}");
    assert!(!bed.own_key().exists(), "no second key takes the place of the first");
    bed.secrets().remove(SecretKind::Secret, "a", false).unwrap();
    bed.secrets().remove(SecretKind::Secret, "b", false).unwrap();
    make(bed.secrets(), SecretKind::Secret, "c", b"z").unwrap();
}

#[test]
fn names_and_sizes_are_dockers() {
    let bed = Bed::new();
    let longest = "n".repeat(64);
    for name in ["a", "0", "a-b_c.d", "A9", &longest] {
        make(bed.secrets(), SecretKind::Secret, name, b"x").unwrap();
    }
    let longer = "n".repeat(65);
    for name in ["", "-a", "a-", ".a", "a_", "a b", "a/b", "ä", "a\0b", "a\n", &longer] {
        let told = words(make(bed.secrets(), SecretKind::Secret, name, b"x"));
        assert!(told.starts_with("invalid secret name"), "{told}");
    }
    for (kind, most) in [(SecretKind::Secret, 512_000), (SecretKind::Config, 1_024_000)] {
        let content = vec![b'x'; most + 1];
        assert!(make(bed.secrets(), kind, "large", &content[..most]).is_ok());
        let told = words(make(bed.secrets(), kind, "larger", &content));
        assert!(told.contains(&format!("more than {most} bytes")), "{told}");
        assert!(words(make(bed.secrets(), kind, "none", b"")).contains("0 bytes"));
    }
}

#[test]
fn a_name_that_is_taken() {
    let bed = Bed::new();
    let first = make(bed.secrets(), SecretKind::Secret, "a", b"1").unwrap();
    assert!(words(make(bed.secrets(), SecretKind::Secret, "a", b"2")).contains("exists already"));
    let labels = BTreeMap::from([("k".to_owned(), "v".to_owned())]);
    let new = NewSecret {
        kind: SecretKind::Secret,
        name: "a",
        now_ns: 9,
        labels: &labels,
        content: b"3",
    };
    let (kept, outcome) = bed.secrets().create(&new, WhenTaken::Keep).unwrap();
    assert_eq!((&kept, outcome), (&first, Outcome::Kept));
    let (next, outcome) = bed.secrets().create(&new, WhenTaken::Replace).unwrap();
    assert_eq!(
        (outcome, next.version, next.created_ns, next.updated_ns),
        (Outcome::Replaced, 2, 7, 9)
    );
    assert_eq!(next.id, first.id);
    assert_eq!(bed.secrets().open(&next).unwrap(), b"3");
    assert_eq!(bed.secrets().list(SecretKind::Secret).unwrap(), [next]);
}

#[test]
fn they_are_found_by_id_name_and_beginning() {
    let bed = Bed::new();
    let one = make(bed.secrets(), SecretKind::Secret, "one", b"1").unwrap();
    let get = |text: &str| bed.secrets().get(SecretKind::Secret, text);
    assert_eq!(get("one").unwrap(), one);
    assert_eq!(get(&one.id).unwrap(), one);
    assert_eq!(get(&one.id[..20]).unwrap(), one);
    assert!(words(get("")).starts_with("no such secret"));
    assert!(words(bed.secrets().get(SecretKind::Config, "one")).starts_with("no such config"));
    assert!(matches!(get("onee"), Err(StoreError::NotFound { closest, .. }) if closest == ["one"]));
}
