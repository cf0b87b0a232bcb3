//! What a selection is for the cache, and that what changes is told.

use super::*;

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
fn a_memory_saves_reading_where_that_is_much() {
    let files = tree(&["f x 644 one"]);
    let hole = fs::File::create(files.path().join("hole")).unwrap();
    hole.set_len(super::digest::WORTH_BYTES).unwrap();
    let place = tempfile::tempdir().unwrap();
    let memory = Memory::open(place.path(), "sums");
    let tree = context(&files);
    let rules = DigestRules { owners: false, memory: Some(&memory) };
    let both = || chosen(&tree, &["x", "hole"]).unwrap();
    let truth = digest(&both(), rules, &cancel()).unwrap();
    // It is too young to be remembered, so what is read now is the truth still.
    memory.keep().unwrap();
    assert!(!place.path().join("sums").exists());
    let small = || chosen(&tree, &["x"]).unwrap();
    let small_truth = digest(&small(), rules, &cancel()).unwrap();
    memory.put(&both().inputs[0].seen, [7; 32], i64::MAX);
    assert_ne!(digest(&both(), rules, &cancel()).unwrap().digest, truth.digest);
    // Nobody is asked of what is read in no time.
    assert_eq!(digest(&small(), rules, &cancel()).unwrap().digest, small_truth.digest);
    make(files.path(), &["f x 644 two"]);
    let changed = digest(&both(), rules, &cancel()).unwrap();
    assert_eq!(changed.digest, digest(&both(), DigestRules::default(), &cancel()).unwrap().digest);
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
