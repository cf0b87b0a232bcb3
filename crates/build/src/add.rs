//! What `ADD` takes from elsewhere than a context: files of web servers, repositories, and documents of the Dockerfile itself, each as
//! a selection that is digested and placed as any other one. Start at [`url`], [`repository`] and [`document`].
//!
//! A file of a web server is 0600, and as old as the server says. Source: Docker's "Dockerfile reference", `ADD`.

use std::fs::{File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, UNIX_EPOCH};

use crate::context::{fetched_file, made};
use crate::fetching::{Fetching, without_credentials};
use crate::files::{Choice, Selection, Tree, TreeKind, select};
use crate::git::{GitAddress, GitError};
use crate::{Cancel, StepError};

/// Fetches one file. The checksum is `sha256:DIGITS`.
///
/// # Errors
/// [`StepError::Outside`], [`StepError::Checksum`], [`StepError::Value`].
pub(crate) fn url(
    url: &str,
    checksum: Option<&str>,
    fetching: &Fetching<'_>,
) -> Result<Selection, StepError> {
    let wanted = checksum.map(sha256).transpose()?;
    let shown = without_credentials(url);
    let private =
        |cause| StepError::Path { action: "write", path: fetching.directory.into(), cause };
    let file = fetched_file(fetching.directory).map_err(private)?;
    let (fetched, found) = fetching.url(url, &file).map_err(|cause| {
        if fetching.cancel.is_cancelled() {
            return StepError::Cancelled;
        }
        StepError::Outside { what: format!("fetch {shown}"), cause }
    })?;
    if let Some(wanted) = wanted.filter(|wanted| **wanted != found) {
        return Err(StepError::Checksum {
            what: shown,
            found: format!("sha256:{found}"),
            wanted: format!("sha256:{wanted}"),
        });
    }
    let modified = match fetched.modified_s.map(u64::try_from) {
        Some(Ok(seconds)) => UNIX_EPOCH + Duration::from_secs(seconds),
        // What nobody says must not be the time of the build: two builds would differ.
        Some(Err(_)) | None => UNIX_EPOCH,
    };
    file.set_permissions(Permissions::from_mode(0o600)).map_err(private)?;
    file.set_modified(modified).map_err(private)?;
    let name = fetched.name.as_deref().and_then(plain).or_else(|| plain(last_name(url)));
    let root = File::open(fetching.directory).map_err(private)?;
    let tree = Tree::new(root.into(), TreeKind::Context, &shown);
    Ok(alone(&tree, "fetched", fetching.cancel)?.renamed(name.unwrap_or_default()))
}

/// Fetches a repository. What its commit begins with may be said by `--checksum` as well.
///
/// # Errors
/// [`StepError::Outside`], [`StepError::Checksum`], [`StepError::Value`].
pub(crate) fn repository(
    text: &str,
    checksum: Option<&str>,
    keep_git_dir: Option<bool>,
    exclude: &[&str],
    fetching: &Fetching<'_>,
) -> Result<Selection, StepError> {
    let wrong = |what, value: &str, why: &str| StepError::Value {
        what,
        value: value.to_owned(),
        why: why.to_owned(),
    };
    let shown = without_credentials(text);
    let mut address = GitAddress::parse(text, fetching.git.may_use_files)
        .map_err(|problem| wrong("source", &shown, &problem.to_string()))?;
    if let Some(checksum) = checksum {
        let is_commit = |text: &str| text.bytes().all(|digit| digit.is_ascii_hexdigit());
        if checksum.is_empty() || !is_commit(checksum) {
            return Err(wrong("--checksum", checksum, "it is no commit"));
        }
        if address.commit.as_deref().is_some_and(|commit| commit != checksum) {
            return Err(wrong("--checksum", checksum, "the address names another commit"));
        }
        address.commit = Some(checksum.to_owned());
    }
    if let (Some(one), Some(other)) = (keep_git_dir, address.keep_git_dir)
        && one != other
    {
        return Err(wrong("--keep-git-dir", &one.to_string(), "the address says the opposite"));
    }
    let keep = keep_git_dir.or(address.keep_git_dir).unwrap_or(false);
    let checkout = fetching.git(&address, keep).map_err(|error| match error {
        GitError::Commit { remote, found, wanted } => {
            StepError::Checksum { what: remote, found, wanted }
        }
        _ if fetching.cancel.is_cancelled() => StepError::Cancelled,
        error @ (GitError::Git { .. }
        | GitError::Refused { .. }
        | GitError::Directory { .. }
        | GitError::Files { .. }) => {
            StepError::Outside { what: format!("fetch {shown}"), cause: Box::new(error) }
        }
    })?;
    let tree = Tree::new(checkout.directory, TreeKind::Context, &shown);
    select(&tree, Choice { sources: &["."], exclude, parents: false }, fetching.cancel)
}

/// Makes a file of a document: 0644, under the document's word.
///
/// # Errors
/// [`StepError::Value`] for a word that is no name.
pub(crate) fn document(
    name: &str,
    text: &[u8],
    fetching: &Fetching<'_>,
) -> Result<Selection, StepError> {
    let name = plain(name).ok_or_else(|| StepError::Value {
        what: "document",
        value: name.to_owned(),
        why: "its word is no name of a file".to_owned(),
    })?;
    let write = || -> std::io::Result<_> {
        let directory = made(fetching.directory, "document")?;
        let path = fetching.directory.join("document/text");
        let mut file = File::create_new(path)?;
        std::io::Write::write_all(&mut file, text)?;
        file.set_permissions(Permissions::from_mode(0o644))?;
        // It is as old as its Dockerfile, and nobody knows how old that is.
        file.set_modified(UNIX_EPOCH)?;
        Ok(directory)
    };
    let private =
        |cause| StepError::Path { action: "write", path: fetching.directory.into(), cause };
    let tree = Tree::new(write().map_err(private)?, TreeKind::Context, "the Dockerfile");
    Ok(alone(&tree, "text", fetching.cancel)?.renamed(name))
}

fn alone(tree: &Tree, name: &str, cancel: &Cancel) -> Result<Selection, StepError> {
    select(tree, Choice { sources: &[name], ..Choice::default() }, cancel)
}

/// The digits of `sha256:DIGITS`.
fn sha256(text: &str) -> Result<String, StepError> {
    let digits = text.strip_prefix("sha256:").filter(|digits| {
        digits.len() == 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
    });
    digits.map(str::to_ascii_lowercase).ok_or_else(|| StepError::Value {
        what: "--checksum",
        value: text.to_owned(),
        why: "it is not sha256: and 64 hexadecimal digits".to_owned(),
    })
}

/// The last name of an address's path.
fn last_name(url: &str) -> &str {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let path = path.split_once("://").map_or(path, |(_, rest)| rest);
    path.split_once('/').map_or("", |(_, path)| path.rsplit('/').next().unwrap_or_default())
}

/// A name that is one: nothing of it leads elsewhere.
fn plain(name: &str) -> Option<String> {
    let decoded = percent_encoding::percent_decode_str(name).decode_utf8().ok()?;
    let last = decoded.rsplit('/').next().unwrap_or_default();
    let is_name = !matches!(last, "" | "." | "..") && !last.contains('\0');
    is_name.then(|| last.to_owned())
}

#[cfg(test)]
mod tests;
