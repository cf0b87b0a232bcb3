//! Arbitrary layers into a temporary directory, which the script puts on tmpfs and removes: nothing beside the directory changes, and what was made can be removed.
#![no_main]

use std::fs::File;
use std::os::fd::AsFd;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use store::tar;
use store::unpack::{Form, Limits, Rules, remove_tree, unpack};
use tempfile::TempDir;

mod archive;

struct Ground {
    top: TempDir,
    opened: File,
}

static GROUND: LazyLock<Ground> = LazyLock::new(|| {
    let top = TempDir::new().expect("a directory");
    std::fs::create_dir(top.path().join("outside")).expect("outside");
    std::fs::create_dir(top.path().join("inside")).expect("inside");
    let opened = File::open(top.path()).expect("open");
    Ground { top, opened }
});

fuzz_target!(|bytes: &[u8]| {
    let ground = &*GROUND;
    let mut repaired = bytes.to_vec();
    archive::repair_checksums(&mut repaired);
    let limits = Limits {
        archive: tar::Limits { file_bytes: 1 << 20, ..tar::Limits::default() },
        entries: 200,
        bytes: 1 << 20,
        depth: 30,
        directory_bytes: 1 << 16,
    };
    let form = if bytes.len().is_multiple_of(2) { Form::Layer } else { Form::RootFs };
    let inside = ground.top.path().join("inside");
    let directory = File::open(&inside).expect("open inside");
    let _ = unpack(
        &repaired[..],
        directory.as_fd(),
        &Rules { form, limits, ..Rules::layer() },
    );
    let outside = ground.top.path().join("outside");
    let stat = rustix::fs::stat(&outside).expect("outside is there");
    assert!(
        std::fs::read_dir(&outside).expect("list").next().is_none(),
        "something was made outside"
    );
    assert!(stat.st_uid == 0 && stat.st_mode & 0o7777 == 0o755, "outside was changed");
    assert_eq!(
        std::fs::read_dir(ground.top.path()).expect("list").count(),
        2,
        "something was made beside"
    );
    remove_tree(ground.opened.as_fd(), "inside").expect("what was made can be removed");
    std::fs::create_dir(&inside).expect("inside");
});
