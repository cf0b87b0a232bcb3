//! Where the files and the instructions of a build are, by the words of its line.

use std::io::{Cursor, Read};
use std::path::Path;

use build::{ContextSource, DockerfileSource, LOOK_BYTES, NamedContext, begins_archive};

use super::given::{absolute, bad};
use crate::arguments::Matches;
use crate::failure::Failure;

/// Bytes of a Dockerfile on standard input.
const MOST_DOCKERFILE: u64 = 16 * 1024 * 1024;

/// What `PATH | URL | -` and `--file` name.
pub(super) fn sources(matches: &Matches) -> Result<(ContextSource, DockerfileSource), Failure> {
    let (word, file) = (matches.word(0), matches.text("file"));
    if word == "-" {
        return standard_input(file);
    }
    let context = context(word)?;
    let dockerfile = match (&context, file) {
        (_, None) => DockerfileSource::Usual,
        (_, Some("-")) => DockerfileSource::Text(read_text(std::io::stdin())?),
        // From the caller's directory, as docker does it, not from the context's.
        (ContextSource::Directory(_), Some(path)) => DockerfileSource::File(absolute(path)?),
        (_, Some(path)) => DockerfileSource::InContext(path.to_owned()),
    };
    Ok((context, dockerfile))
}

/// An archive, or a Dockerfile alone: its first bytes say which.
fn standard_input(file: Option<&str>) -> Result<(ContextSource, DockerfileSource), Failure> {
    if file == Some("-") {
        let words = "invalid argument: can't use stdin for both build context and dockerfile";
        return Err(Failure::Words(words.to_owned()));
    }
    let mut head = Vec::new();
    let begun = std::io::stdin().take(LOOK_BYTES).read_to_end(&mut head);
    begun.map_err(Failure::file("read", "standard input"))?;
    let is_archive = begins_archive(&head);
    let input = Cursor::new(head).chain(std::io::stdin());
    if is_archive {
        let named = file.map(|path| DockerfileSource::InContext(path.to_owned()));
        return Ok((ContextSource::archive(input), named.unwrap_or_default()));
    }
    if file.is_some() {
        let words = "ambiguous Dockerfile source: both stdin and flag correspond to Dockerfiles";
        return Err(Failure::Words(words.to_owned()));
    }
    Ok((ContextSource::Empty, DockerfileSource::Text(read_text(input)?)))
}

fn read_text(input: impl Read) -> Result<Vec<u8>, Failure> {
    let mut text = Vec::new();
    let read = input.take(MOST_DOCKERFILE + 1).read_to_end(&mut text);
    read.map_err(Failure::file("read", "standard input"))?;
    if text.len() as u64 > MOST_DOCKERFILE {
        return Err(Failure::Words(
            "the Dockerfile on standard input has more than 16 MiB".to_owned(),
        ));
    }
    Ok(text)
}

/// A directory of this machine first: what is there is meant, whatever its name looks like.
fn context(word: &str) -> Result<ContextSource, Failure> {
    let about = std::fs::metadata(word);
    if about.as_ref().is_ok_and(std::fs::Metadata::is_dir) {
        return Ok(ContextSource::Directory(absolute(word)?));
    }
    if let Some(context) = ContextSource::of_address(word) {
        return Ok(context);
    }
    let why = match about {
        Ok(_) => format!("unable to prepare context: context must be a directory: {word}"),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            format!("unable to prepare context: path {word:?} not found")
        }
        Err(error) => return Err(Failure::file("open the build context", word)(error)),
    };
    Err(Failure::Words(why))
}

/// `--build-context NAME=VALUE`.
pub(super) fn named(text: &str) -> Result<(String, NamedContext), Failure> {
    let form = || bad("build-context", text, "it is not of the form NAME=VALUE");
    let (name, value) = text.split_once('=').ok_or_else(form)?;
    if name.is_empty() || value.is_empty() {
        return Err(form());
    }
    let image = value.strip_prefix("docker-image://");
    let layout = value.strip_prefix("oci-layout://");
    let context = match (image, layout) {
        (Some(image), _) => NamedContext::Image(image.to_owned()),
        (None, Some(layout)) => NamedContext::Layout(layout.to_owned()),
        (None, None) if Path::new(value).is_dir() => NamedContext::Directory(absolute(value)?),
        (None, None) => match ContextSource::of_address(value) {
            Some(ContextSource::Git(address)) => NamedContext::Git(address),
            Some(ContextSource::Url(address)) => NamedContext::Url(address),
            Some(_) | None => {
                let why = "it is no directory, no address, docker-image:// nor oci-layout://";
                return Err(bad("build-context", text, why));
            }
        },
    };
    Ok((name.to_owned(), context))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_context_is() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().to_str().unwrap();
        assert!(matches!(context(path), Ok(ContextSource::Directory(_))));
        for text in [
            "https://example.com/a.git",
            "https://example.com/a.git#main:sub",
            "git://example.com/a",
            "git@example.com:a/b",
            "github.com/a/b",
            "ssh://git@example.com/a",
        ] {
            assert!(matches!(context(text), Ok(ContextSource::Git(_))), "{text}");
        }
        for text in ["https://example.com/a.tar.gz", "http://example.com/a.gitx"] {
            assert!(matches!(context(text), Ok(ContextSource::Url(_))), "{text}");
        }
        let refusal = context("no/such").unwrap_err().to_string();
        assert_eq!(refusal, "unable to prepare context: path \"no/such\" not found");
        assert!(context("/etc/passwd").is_err());
    }

    #[test]
    fn contexts_have_names() {
        let of = |text| named(text).map(|(name, context)| (name, format!("{context:?}")));
        assert_eq!(of("a=docker-image://alpine:3").unwrap().1, "Image(\"alpine:3\")");
        assert_eq!(of("a=oci-layout:///tmp/x:1").unwrap().1, "Layout(\"/tmp/x:1\")");
        assert_eq!(of("base=/").unwrap(), ("base".to_owned(), "Directory(\"/\")".to_owned()));
        assert_eq!(of("a=https://x/y.git#main").unwrap().1, "Git(\"https://x/y.git#main\")");
        for text in ["a", "a=", "=/", "a=/no/such/place"] {
            assert!(of(text).is_err(), "{text}");
        }
    }
}
