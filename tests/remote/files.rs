//! Files of containers, and archives of images, to a server and back.

use std::fs;
use std::path::Path;

use crate::base::{Client, Server, write};

#[test]
fn at_corten() {
    let server = Server::corten();
    files(&server.client());
}

#[test]
fn at_dockerd() {
    let server = Server::docker();
    files(&server.client());
}

fn files(far: &Client) {
    copies(far);
    archives(far);
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn copies(far: &Client) {
    let home = far.home();
    let place = |name: &str| home.join(name);
    fs::create_dir_all(place("tree/below")).unwrap();
    write(&place("tree/a"), b"a");
    write(&place("tree/below/b"), b"b");
    far.ok(&["run", "-d", "--name", "cc", "busybox", "sleep", "1000"]);
    let inside = |path: &str| far.run(&["exec", "cc", "cat", path]).stdout;
    // Into a directory that is there; under a new name; what is in it.
    far.ok(&["cp", "tree", "cc:/tmp"]);
    far.ok(&["cp", "tree", "cc:/tmp/named"]);
    far.ok(&["cp", "tree/.", "cc:/tmp"]);
    far.ok(&["cp", "tree/a", "cc:/tmp/other"]);
    for (path, expected) in [
        ("/tmp/tree/below/b", "b"),
        ("/tmp/named/a", "a"),
        ("/tmp/below/b", "b"),
        ("/tmp/other", "a"),
    ] {
        assert_eq!(inside(path), expected, "{path}");
    }
    let told = far.fails(&["cp", "tree", "cc:/tmp/other"], 1);
    assert!(told.contains("cannot be copied over a file"), "{told}");
    // And back.
    far.ok(&["cp", "cc:/tmp/tree", "new"]);
    assert_eq!(text(&place("new/below/b")), "b");
    far.ok(&["cp", "cc:/tmp/tree", "new"]);
    assert_eq!(text(&place("new/tree/a")), "a");
    far.ok(&["cp", "cc:/tmp/tree/.", "new"]);
    assert_eq!(text(&place("new/a")), "a");
    let copied = far.run(&["cp", "cc:/tmp/tree/a", "file"]);
    assert!(copied.stderr.starts_with("Successfully copied "), "{copied:?}");
    assert_eq!(text(&place("file")), "a");
    far.ok(&["exec", "cc", "ln", "-s", "/tmp/tree/a", "/tmp/link"]);
    far.ok(&["cp", "-L", "cc:/tmp/link", "followed"]);
    assert_eq!(text(&place("followed")), "a");
    let archive = far.command().args(["cp", "cc:/tmp/tree", "-"]).output().unwrap().stdout;
    let done = far.run_with(&["cp", "-", "cc:/home"], &archive);
    assert!(done.code == 0, "{done:?}");
    assert_eq!(inside("/home/tree/a"), "a");
    far.fails(&["cp", "cc:/no/such", "x"], 1);
    far.fails(&["cp", "nosuch", "cc:/tmp"], 1);
    let left = fs::read_dir(home).unwrap().flatten();
    let left = left.filter(|entry| entry.file_name().to_string_lossy().starts_with(".corten"));
    assert_eq!(left.count(), 0, "nothing is left of what came");
    let changes = far.ok(&["diff", "cc"]);
    assert!(changes.lines().any(|line| line == "A /tmp/other"), "{changes}");
}

fn archives(far: &Client) {
    let home = far.home();
    far.ok(&["export", "-o", "root.tar", "cc"]);
    let id = far.ok(&["import", "-c", "ENV A=b", "root.tar", "imported:1"]);
    assert!(id.starts_with("sha256:"), "{id}");
    assert_eq!(far.ok(&["image", "inspect", "-f", "{{index .Config.Env 0}}", "imported:1"]), "A=b");
    let id = far.ok(&[
        "commit",
        "-m",
        "words",
        "-c",
        "CMD [\"cat\", \"/tmp/other\"]",
        "cc",
        "committed",
    ]);
    assert!(id.starts_with("sha256:"), "{id}");
    assert_eq!(far.ok(&["run", "--rm", "committed"]), "a");
    let history = far.ok(&["history", "--format", "{{.Comment}}", "committed"]);
    assert_eq!(history.lines().next(), Some("words"));
    assert_eq!(far.ok(&["tag", "committed", "again:2"]), "");
    far.ok(&["save", "-o", "saved.tar", "again:2"]);
    assert!(fs::metadata(home.join("saved.tar")).unwrap().len() > 100_000);
    let removed = far.ok(&["rmi", "-f", "again:2", "committed"]);
    assert!(
        removed.contains("Untagged: again:2") && removed.contains("Deleted: sha256:"),
        "{removed}"
    );
    let loaded = far.ok(&["load", "-i", "saved.tar"]);
    assert_eq!(loaded, "Loaded image: again:2");
    let told = far.fails(&["rmi", "nosuch"], 1);
    assert!(told.contains("No such image"), "{told}");
    far.fails(&["save", "-o", "none.tar", "nosuch"], 1);
    assert!(!home.join("none.tar").exists());
    far.ok(&["rm", "-f", "cc"]);
}
