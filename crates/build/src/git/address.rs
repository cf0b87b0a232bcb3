//! Where a repository is, which state of it is meant, and which directory: `URL#REF:DIRECTORY`, or `URL?ref=REF&subdir=DIRECTORY`.
//!
//! Nothing of it can be taken for an option by git or ssh. Sources: Docker's "Build context", "Git repositories"; BuildKit's
//! reading of queries.

use percent_encoding::percent_decode_str;

/// A repository, a state and a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GitAddress {
    /// What git fetches from.
    pub(crate) remote: String,
    /// A branch, a tag, or a commit; nothing is the remote's default.
    pub(crate) reference: Option<String>,
    /// Below the root; empty is the root.
    pub(crate) directory: String,
    /// What the commit begins with.
    pub(crate) commit: Option<String>,
    /// Whether `.git` stays.
    pub(crate) keep_git_dir: Option<bool>,
    /// Whether submodules are fetched.
    pub(crate) submodules: bool,
}

/// Why a text is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AddressProblem {
    /// It is none of the forms.
    #[error("it is no address of a git repository")]
    Form,
    /// Something that would be taken for an option.
    #[error("{0:?} could be taken for an option")]
    Option(String),
    /// A character that no address has.
    #[error("there are blanks or control characters in it")]
    Character,
    /// A query that is not known, or has no value that fits.
    #[error("the query {0:?} is not known, or has no such value")]
    Query(String),
    /// Two parts say different things.
    #[error("{0} is said twice, and differently")]
    Twice(&'static str),
}

/// Whether a source of `ADD` is a repository: other addresses of web servers are files.
pub(crate) fn is_git(source: &str) -> bool {
    let path = source.split(['#', '?']).next().unwrap_or_default();
    match scheme(source) {
        Some("git" | "ssh") => true,
        Some("http" | "https") => path.ends_with(".git"),
        Some(_) => false,
        None => is_scp_like(source),
    }
}

/// `USER@HOST:PATH`.
fn is_scp_like(source: &str) -> bool {
    let fits = |text: &str, more: &[char]| {
        !text.is_empty()
            && text.chars().all(|letter| letter.is_ascii_alphanumeric() || more.contains(&letter))
    };
    source
        .split_once('@')
        .and_then(|(user, rest)| rest.split_once(':').map(|(host, path)| (user, host, path)))
        .is_some_and(|(user, host, path)| {
            fits(user, &['-', '_', '.']) && fits(host, &['-', '.']) && !path.is_empty()
        })
}

fn scheme(source: &str) -> Option<&str> {
    let (scheme, _) = source.split_once("://")?;
    scheme.chars().all(|letter| letter.is_ascii_alphanumeric()).then_some(scheme)
}

impl GitAddress {
    /// Reads an address of which somebody has said that it is one: a web server's path need not end in `.git` then. `file` is
    /// for those who may name directories of this machine.
    ///
    /// # Errors
    /// [`AddressProblem`].
    pub(crate) fn parse(text: &str, may_use_files: bool) -> Result<Self, AddressProblem> {
        if text.chars().any(|letter| letter.is_control() || letter.is_whitespace()) {
            return Err(AddressProblem::Character);
        }
        let (whole, fragment) = text.split_once('#').unwrap_or((text, ""));
        let (remote, query) = whole.split_once('?').unwrap_or((whole, ""));
        let remote = match scheme(remote) {
            Some("http" | "https" | "git" | "ssh") => remote.to_owned(),
            Some("file") if may_use_files => remote.to_owned(),
            Some(_) => return Err(AddressProblem::Form),
            None if remote.starts_with("github.com/") => format!("https://{remote}"),
            None if is_scp_like(remote) => remote.to_owned(),
            None => return Err(AddressProblem::Form),
        };
        let (reference, directory) = fragment.split_once(':').unwrap_or((fragment, ""));
        let mut address = Self {
            remote,
            reference: (!reference.is_empty()).then(|| reference.to_owned()),
            directory: cleaned(directory),
            commit: None,
            keep_git_dir: None,
            submodules: true,
        };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            address.query(pair)?;
        }
        address.check()?;
        Ok(address)
    }

    fn query(&mut self, pair: &str) -> Result<(), AddressProblem> {
        let unknown = || AddressProblem::Query(pair.to_owned());
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = percent_decode_str(value).decode_utf8().map_err(|_bad| unknown())?;
        let value = value.into_owned();
        let boolean = || match value.as_str() {
            "" | "1" | "t" | "true" => Ok(true),
            "0" | "f" | "false" => Ok(false),
            _ => Err(unknown()),
        };
        let refers = |start: &str| {
            if value.starts_with(start) { value.clone() } else { format!("{start}{value}") }
        };
        match key {
            "keep-git-dir" => self.keep_git_dir = Some(boolean()?),
            "submodules" => self.submodules = boolean()?,
            _ if value.is_empty() => return Err(unknown()),
            "ref" => once(&mut self.reference, value, "the reference")?,
            "tag" => once(&mut self.reference, refers("refs/tags/"), "the reference")?,
            "branch" => once(&mut self.reference, refers("refs/heads/"), "the reference")?,
            "checksum" | "commit" => once(&mut self.commit, value, "the commit")?,
            "subdir" => {
                let value = cleaned(&value);
                if !self.directory.is_empty() && self.directory != value {
                    return Err(AddressProblem::Twice("the directory"));
                }
                self.directory = value;
            }
            _ => return Err(unknown()),
        }
        Ok(())
    }

    fn check(&self) -> Result<(), AddressProblem> {
        let behind = self.remote.split_once("://").map_or(&self.remote[..], |(_, rest)| rest);
        let host = behind.split(['/', ':']).next().unwrap_or_default();
        let host = host.rsplit('@').next().unwrap_or_default();
        let parts = [&self.remote, behind, host];
        let parts =
            parts.into_iter().chain(self.reference.as_deref()).chain(self.commit.as_deref());
        for part in parts {
            if part.starts_with('-') {
                return Err(AddressProblem::Option(part.to_owned()));
            }
            if part.chars().any(|letter| letter.is_control() || letter.is_whitespace()) {
                return Err(AddressProblem::Character);
            }
        }
        // A reference that is two would write one of them.
        let is_plain = |text: &String| !text.contains([':', '*', '?', '[', '^', '~', '\\', '+']);
        if !self.reference.as_ref().is_none_or(is_plain) {
            return Err(AddressProblem::Form);
        }
        let is_hexadecimal = |text: &String| text.chars().all(|digit| digit.is_ascii_hexdigit());
        if !self.commit.as_ref().is_none_or(is_hexadecimal) {
            return Err(AddressProblem::Form);
        }
        Ok(())
    }

    /// The remote as it may be shown: without what stands before `@` of a URL.
    pub(crate) fn shown(&self) -> String {
        crate::fetching::without_credentials(&self.remote)
    }
}

fn once(
    place: &mut Option<String>,
    value: String,
    what: &'static str,
) -> Result<(), AddressProblem> {
    if place.as_ref().is_some_and(|before| *before != value) {
        return Err(AddressProblem::Twice(what));
    }
    *place = Some(value);
    Ok(())
}

/// A path below a root: `..` ends there.
fn cleaned(path: &str) -> String {
    let mut names: Vec<&str> = Vec::new();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." => {
                names.pop();
            }
            name => names.push(name),
        }
    }
    names.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (text, remote, reference, directory) in [
            ("https://h/r.git", "https://h/r.git", None, ""),
            ("https://h/r.git#v1", "https://h/r.git", Some("v1"), ""),
            ("https://h/r.git#v1:a/../b/", "https://h/r.git", Some("v1"), "b"),
            ("https://h/r#:/../../x", "https://h/r", None, "x"),
            ("git@h:a/r.git#m:d", "git@h:a/r.git", Some("m"), "d"),
            ("ssh://git@h:22/r", "ssh://git@h:22/r", None, ""),
            (
                "github.com/a/b#refs/pull/3/head",
                "https://github.com/a/b",
                Some("refs/pull/3/head"),
                "",
            ),
            ("https://h/r.git?ref=v1&subdir=%2Fa", "https://h/r.git", Some("v1"), "a"),
            ("https://h/r.git?tag=v1#refs/tags/v1", "https://h/r.git", Some("refs/tags/v1"), ""),
            ("https://h/r.git?branch=m", "https://h/r.git", Some("refs/heads/m"), ""),
        ] {
            let address = GitAddress::parse(text, false).unwrap();
            assert_eq!(
                (&address.remote[..], address.reference.as_deref(), &address.directory[..]),
                (remote, reference, directory),
                "{text}"
            );
        }
        let address =
            GitAddress::parse("https://u:p@h/r.git?keep-git-dir&submodules=0&commit=ab12", false)
                .unwrap();
        assert_eq!(
            (address.keep_git_dir, address.submodules, address.commit.as_deref()),
            (Some(true), false, Some("ab12"))
        );
        assert_eq!(address.shown(), "https://h/r.git");
        assert!(GitAddress::parse("file:///r", true).is_ok());
    }

    #[test]
    fn what_is_no_address() {
        for text in [
            "",
            "./r.git",
            "/r.git",
            "-x",
            "file:///r",
            "ext::sh -c x",
            "ext://x",
            "https://h/r.git#--upload-pack=x",
            "https://-oProxyCommand=x/r.git",
            "ssh://-oProxyCommand=x/r",
            "git@-o:x",
            "ssh://git@-ox/r",
            "--upload-pack=x@h:r",
            "https://h/r.git#a b",
            "https://h/r.git#a%0a\nb",
            "https://h/r.git?ref=-x",
            "https://h/r.git?ref=a%20b",
            "https://h/r.git?x=1",
            "https://h/r.git?ref=",
            "https://h/r.git?ref=a&ref=b",
            "https://h/r.git?ref=a#b",
            "https://h/r.git?keep-git-dir=2",
            "https://h/r.git?commit=xyz",
            "https://h/r.git?ref=a:b",
            "https://h/r.git#+a",
            "https://h/r.git?subdir=a#:b",
        ] {
            assert!(GitAddress::parse(text, false).is_err(), "{text}");
        }
    }

    #[test]
    fn sources_that_are_repositories() {
        for (text, is) in [
            ("https://h/r.git", true),
            ("https://h/r.git#x:y", true),
            ("https://h/r.tar.gz", false),
            ("https://h/r?x=.git", false),
            ("git@h:r", true),
            ("git://h/r", true),
            ("dir/file", false),
            ("a@b", false),
            ("github.com/a/b", false),
            ("file:///x.git", false),
        ] {
            assert_eq!(is_git(text), is, "{text}");
        }
    }
}
