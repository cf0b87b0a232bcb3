//! Somebody exchanges directories and links in a volume while targets in it are made (CVE-2021-30465, CVE-2024-45310).

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::support::{Bed, Running, bind, put};

/// Starts while the exchange goes on.
const STARTS: usize = 40;

#[test]
fn a_target_that_is_exchanged_for_a_link_is_not_made_on_the_host() {
    let bed = Bed::new();
    let [outside, volume, source] = ["outside", "volume", "source"].map(|name| bed.path(name));
    for directory in [&outside, &volume, &source, &volume.join("a")] {
        fs::create_dir(directory).unwrap();
    }
    put(source.join("file"), "volume");
    symlink(&outside, volume.join("link")).unwrap();
    let mut spec = bed.spec("true");
    spec.mounts.push(bind(&volume, "/volume", &[]));
    spec.mounts.push(bind(&source, "/volume/a/made/deep", &[]));
    spec.mounts.push(bind(&source.join("file"), "/volume/a/file", &[]));
    let done = AtomicBool::new(false);
    let (first, second) = (volume.join("a"), volume.join("link"));
    let exchanged = std::thread::scope(|scope| {
        let racer = scope.spawn(|| {
            let mut count = 0_u32;
            while !done.load(Ordering::Relaxed) {
                renameat_with(CWD, &first, CWD, &second, RenameFlags::EXCHANGE).unwrap();
                count += 1;
            }
            count
        });
        for _ in 0..STARTS {
            // It starts or it is refused, as the moment has it.
            let _either = bed.start(&spec).map(Running::finish);
            let _made = fs::remove_dir_all(volume.join("a/made"));
            let _made = fs::remove_file(volume.join("a/file"));
        }
        done.store(true, Ordering::Relaxed);
        racer.join().unwrap()
    });
    assert!(exchanged > 100, "nobody raced: {exchanged}");
    let made: Vec<_> = fs::read_dir(&outside).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(made.is_empty(), "made on the host: {made:?}");
    bed.assert_nothing_left();
}
