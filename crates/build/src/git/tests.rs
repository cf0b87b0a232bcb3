//! Real repositories in directories, fetched by the machine's git.

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use tempfile::TempDir;

use super::*;

fn git(at: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]);
    command.args(["-c", "protocol.file.allow=always"]).args(arguments).current_dir(at);
    command
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("HOME", "/dev/null");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Two commits, the first one a tag.
fn repository() -> TempDir {
    let at = tempfile::tempdir().unwrap();
    git(at.path(), &["init"]);
    fs::create_dir_all(at.path().join("sub/deep")).unwrap();
    File::create(at.path().join("sub/deep/x")).unwrap();
    let run = File::create(at.path().join("run")).unwrap();
    run.set_permissions(fs::Permissions::from_mode(0o700)).unwrap();
    symlink("/etc", at.path().join("away")).unwrap();
    symlink("sub", at.path().join("inside")).unwrap();
    commit(at.path());
    git(at.path(), &["tag", "-a", "-m", "x", "v1"]);
    File::create(at.path().join("later")).unwrap();
    commit(at.path());
    at
}

fn commit(at: &Path) {
    git(at, &["add", "-A"]);
    git(at, &["commit", "-m", "x"]);
}

fn settings() -> GitSettings {
    GitSettings { may_use_files: true, ..GitSettings::default() }
}

fn fetched(text: &str, keep: bool, into: &TempDir) -> Result<Checkout, GitError> {
    let address = GitAddress::parse(text, true).unwrap();
    checkout(&address, keep, &settings(), into.path(), &Cancel::new().unwrap())
}

fn names(directory: &OwnedFd) -> Vec<String> {
    let names = crate::files::sorted_names(directory).unwrap();
    names.into_iter().map(|name| String::from_utf8(name).unwrap()).collect()
}

#[test]
fn references_and_directories() {
    let repository = repository();
    let url = format!("file://{}", repository.path().display());
    let first = git(repository.path(), &["rev-parse", "v1^{commit}"]);
    let whole = ["away", "inside", "later", "run", "sub"];
    for (fragment, expected) in [
        ("", &whole[..]),
        ("#main", &whole),
        ("#v1", &["away", "inside", "run", "sub"]),
        (&format!("#{first}"), &["away", "inside", "run", "sub"]),
        (&format!("#{}", &first[..9]), &["away", "inside", "run", "sub"]),
        ("#refs/tags/v1:sub", &["deep"]),
        ("#:sub/deep", &["x"]),
        (&format!("?commit={}#v1", &first[..5]), &["away", "inside", "run", "sub"]),
    ] {
        let into = tempfile::tempdir().unwrap();
        let found = fetched(&format!("{url}{fragment}"), false, &into).unwrap();
        assert_eq!(names(&found.directory), expected, "{fragment}");
        assert!(!into.path().join(".git").exists());
    }
    let into = tempfile::tempdir().unwrap();
    let found = fetched(&url, true, &into).unwrap();
    assert_eq!(names(&found.directory)[0], ".git");
    assert_eq!(found.commit, git(repository.path(), &["rev-parse", "main"]));
    for fragment in
        ["#none", "#:none", "#:away", "#:inside/deep", "#:away/passwd", "#:run", "?commit=0000"]
    {
        let into = tempfile::tempdir().unwrap();
        assert!(fetched(&format!("{url}{fragment}"), false, &into).is_err(), "{fragment}");
    }
}

#[test]
fn modes_are_gits_whatever_the_umask() {
    let repository = repository();
    let into = tempfile::tempdir().unwrap();
    let url = format!("file://{}", repository.path().display());
    fetched(&url, false, &into).unwrap();
    fs::set_permissions(into.path().join("sub/deep/x"), fs::Permissions::from_mode(0o600)).unwrap();
    let root = OwnedFd::from(File::open(into.path()).unwrap());
    usual_modes(root.as_fd(), ".", 0).unwrap();
    for (path, mode) in [("sub", 0o755), ("sub/deep/x", 0o644), ("run", 0o755)] {
        assert_eq!(into.path().join(path).metadata().unwrap().permissions().mode() & 0o7777, mode);
    }
}

#[test]
fn submodules_come_along() {
    let (inner, outer) = (repository(), repository());
    let url = format!("file://{}", inner.path().display());
    git(outer.path(), &["submodule", "add", &url, "mod"]);
    commit(outer.path());
    let url = format!("file://{}", outer.path().display());
    let into = tempfile::tempdir().unwrap();
    fetched(&url, false, &into).unwrap();
    assert!(into.path().join("mod/later").exists());
    assert!(!into.path().join("mod/.git").exists());
    let into = tempfile::tempdir().unwrap();
    fetched(&format!("{url}?submodules=0"), false, &into).unwrap();
    assert!(!into.path().join("mod/later").exists());
}

#[test]
fn nothing_of_a_repository_or_of_the_caller_runs() {
    let repository = repository();
    let marks = tempfile::tempdir().unwrap();
    let mark = marks.path().join("mark");
    let template = marks.path().join("template/hooks");
    fs::create_dir_all(&template).unwrap();
    for hook in ["post-checkout", "reference-transaction"] {
        let mut file = File::create(template.join(hook)).unwrap();
        std::io::Write::write_all(
            &mut file,
            format!("#!/bin/sh\ntouch {}\n", mark.display()).as_bytes(),
        )
        .unwrap();
        file.set_permissions(fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut config = File::create(marks.path().join(".gitconfig")).unwrap();
    let text = format!(
        "[init]\ntemplateDir={0}/template\n[core]\nhooksPath={0}/template/hooks\n",
        marks.path().display()
    );
    std::io::Write::write_all(&mut config, text.as_bytes()).unwrap();
    let mut settings = settings();
    settings.variables.insert("HOME".to_owned(), marks.path().to_str().unwrap().to_owned());
    settings.variables.insert("GIT_DIR".to_owned(), "/nonexistent".to_owned());
    let address =
        GitAddress::parse(&format!("file://{}", repository.path().display()), true).unwrap();
    let into = tempfile::tempdir().unwrap();
    checkout(&address, false, &settings, into.path(), &Cancel::new().unwrap()).unwrap();
    assert!(into.path().join("later").exists());
    assert!(!mark.exists());
}

#[test]
fn files_of_this_machine_are_not_fetched_for_others() {
    let repository = repository();
    let address =
        GitAddress::parse(&format!("file://{}", repository.path().display()), true).unwrap();
    let into = tempfile::tempdir().unwrap();
    let refused =
        checkout(&address, false, &GitSettings::default(), into.path(), &Cancel::new().unwrap());
    assert!(
        matches!(refused, Err(GitError::Git { cause: GitFailure::Said { .. }, .. })),
        "{refused:?}"
    );
}

#[test]
fn a_cancelled_build_ends_git() {
    let into = tempfile::tempdir().unwrap();
    let cancel = Cancel::new().unwrap();
    cancel.cancel();
    let git = Git { settings: &settings(), cancel: &cancel, directory: into.path() };
    // Would wait for its standard input for ever, had it one.
    assert!(matches!(
        git.run(&["daemon", "--listen=127.0.0.1", "--port=0"]),
        Err(GitFailure::Cancelled)
    ));
}

#[test]
fn a_machine_without_git_is_told() {
    let into = tempfile::tempdir().unwrap();
    let mut settings = settings();
    settings.variables.insert("PATH".to_owned(), "/nonexistent".to_owned());
    let git = Git { settings: &settings, cancel: &Cancel::new().unwrap(), directory: into.path() };
    let error = git.run(&["version"]).unwrap_err();
    assert!(matches!(error, GitFailure::Start(_)), "{error}");
}
