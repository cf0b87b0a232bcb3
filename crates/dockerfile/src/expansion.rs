//! Variables put into instructions: which parts of which instruction take them.
//!
//! | instruction | expanded |
//! |---|---|
//! | `ADD`, `COPY` | sources, destination, `--chown`, `--chmod`, `--checksum`, documents of an unquoted word |
//! | `ENV`, `LABEL` | names and values |
//! | `EXPOSE` | every word, and then it is cut at white space |
//! | `RUN` | values of `--mount`; the shell expands the rest |
//! | `STOPSIGNAL`, `USER`, `VOLUME`, `WORKDIR` | everything |
//! | `ARG` | defaults, by [`crate::StageScope::arg`] |
//! | `FROM` | image and `--platform`, by [`crate::Globals`] |
//! | `CMD`, `ENTRYPOINT`, `HEALTHCHECK`, `MAINTAINER`, `ONBUILD`, `SHELL` | nothing |

use crate::error::{Cause, FileError};
use crate::expand::{Lexer, Uses, Variables};
use crate::instruction::{Instruction, Kind, Pair, Run};
use crate::mount::Mount;
use crate::port::ExposedPort;
use crate::scope::expand;
use crate::source::{Source, Spanned};
use crate::transfer::{Transfer, TransferSource, is_url};

/// An instruction with its variables put in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expanded {
    /// What it says now.
    pub kind: Kind,
    /// The mounts of a `RUN`.
    pub mounts: Vec<Mount>,
    /// The variables that it asked for.
    pub uses: Uses,
}

impl Instruction {
    /// Puts variables in, and checks what only then can be checked. An `ARG` stays as it is: [`crate::StageScope::arg`].
    ///
    /// # Errors
    /// When a word cannot be expanded, or is no mount, port or mode once it is.
    pub fn expand(
        &self,
        source: &Source,
        lexer: &Lexer,
        variables: &dyn Variables,
    ) -> Result<Expanded, FileError> {
        let kind = self.kind.clone();
        let mut work =
            Work { source, lexer, variables, word: &self.written.value, uses: Uses::default() };
        let mut mounts = Vec::new();
        let kind = match kind {
            Kind::Add(mut add) => {
                work.transfer(&mut add.transfer)?;
                work.optional(add.checksum.as_mut())?;
                let is_path = |source: &Spanned<String>| !is_remote(&source.value);
                if let (Some(checksum), Some(_)) =
                    (&add.checksum, add.transfer.paths().find(|path| is_path(path)))
                {
                    return Err(work.refused(checksum, Cause::ChecksumSources));
                }
                Kind::Add(add)
            }
            Kind::Copy(mut copy) => {
                work.transfer(&mut copy.transfer)?;
                if let Some(url) = copy.transfer.paths().find(|path| is_url(&path.value)) {
                    return Err(
                        work.refused(url, Cause::CopyOfUrl { source_text: url.value.clone() })
                    );
                }
                Kind::Copy(copy)
            }
            Kind::Env(pairs) => Kind::Env(work.pairs(pairs)?),
            Kind::Label(pairs) => Kind::Label(work.pairs(pairs)?),
            Kind::Expose(words) => Kind::Expose(work.ports(&words)?),
            Kind::Run(run) => {
                mounts = work.mounts(&run)?;
                Kind::Run(run)
            }
            Kind::Stopsignal(word) => Kind::Stopsignal(work.one(word)?),
            Kind::User(word) => Kind::User(work.one(word)?),
            Kind::Workdir(word) => Kind::Workdir(work.one(word)?),
            Kind::Volume(words) => Kind::Volume(work.volumes(words)?),
            unchanged @ (Kind::Arg(_)
            | Kind::Cmd(_)
            | Kind::Entrypoint(_)
            | Kind::Healthcheck(_)
            | Kind::Maintainer(_)
            | Kind::Onbuild(_)
            | Kind::Shell(_)) => unchanged,
        };
        Ok(Expanded { kind, mounts, uses: work.uses })
    }
}

/// Whether a source may be fetched from elsewhere: a URL, or a repository of git.
fn is_remote(source: &str) -> bool {
    is_url(source)
        || source.starts_with("git@")
        || source.contains("://")
        || source.ends_with(".git")
}

struct Work<'a> {
    source: &'a Source,
    lexer: &'a Lexer,
    variables: &'a dyn Variables,
    word: &'a str,
    uses: Uses,
}

impl Work<'_> {
    fn refused(&self, at: &Spanned<String>, cause: Cause) -> FileError {
        FileError::new(self.source, at.span, Some(self.word), cause)
    }

    fn put_in(&mut self, word: &mut Spanned<String>) -> Result<(), FileError> {
        let found = expand(*self.lexer, self.source, Some(self.word), word, self.variables)?;
        self.uses.join(found.uses);
        word.value = found.text;
        Ok(())
    }

    fn one(&mut self, mut word: Spanned<String>) -> Result<Spanned<String>, FileError> {
        self.put_in(&mut word)?;
        Ok(word)
    }

    fn optional(&mut self, word: Option<&mut Spanned<String>>) -> Result<(), FileError> {
        word.map_or(Ok(()), |word| self.put_in(word))
    }

    fn pairs(&mut self, mut pairs: Vec<Pair>) -> Result<Vec<Pair>, FileError> {
        for pair in &mut pairs {
            self.put_in(&mut pair.name)?;
            self.put_in(&mut pair.value)?;
            if pair.name.value.is_empty() {
                return Err(self.refused(&pair.name, Cause::EmptyName));
            }
        }
        Ok(pairs)
    }

    fn volumes(
        &mut self,
        mut words: Vec<Spanned<String>>,
    ) -> Result<Vec<Spanned<String>>, FileError> {
        for word in &mut words {
            self.put_in(word)?;
            if word.value.is_empty() {
                return Err(self.refused(word, Cause::EmptyVolume));
            }
        }
        Ok(words)
    }

    fn ports(&mut self, words: &[Spanned<String>]) -> Result<Vec<Spanned<String>>, FileError> {
        let mut found = Vec::new();
        for word in words {
            let parts = expand(*self.lexer, self.source, Some(self.word), word, self.variables)?;
            self.uses.join(parts.uses);
            for text in parts.words {
                ExposedPort::parse(&text).map_err(|problem| {
                    self.refused(word, Cause::Port { text: text.clone(), problem })
                })?;
                found.push(word.with(text));
            }
        }
        Ok(found)
    }

    fn mounts(&mut self, run: &Run) -> Result<Vec<Mount>, FileError> {
        let mut mounts = Vec::new();
        for flag in &run.mounts {
            let (mount, uses) = flag.resolve(self.lexer, self.variables).map_err(|problem| {
                self.refused(
                    &flag.text,
                    Cause::Mount { text: flag.text.value.clone(), problem: Box::new(problem) },
                )
            })?;
            self.uses.join(uses);
            mounts.push(mount);
        }
        Ok(mounts)
    }

    fn transfer(&mut self, transfer: &mut Transfer) -> Result<(), FileError> {
        self.optional(transfer.chown.as_mut())?;
        self.optional(transfer.chmod.as_mut())?;
        if let Some(mode) = transfer.chmod.as_ref().filter(|mode| !mode.value.is_empty()) {
            mode.value.parse::<crate::Mode>().map_err(|problem| {
                self.refused(mode, Cause::Mode { text: mode.value.clone(), problem })
            })?;
        }
        for source in &mut transfer.sources {
            match source {
                TransferSource::Path(path) => self.put_in(path)?,
                TransferSource::Document(document) => {
                    document.body.value = document.text();
                    document.strip_tabs = false;
                    if std::mem::take(&mut document.expand) {
                        let lexer = Lexer::document();
                        let found = expand(
                            lexer,
                            self.source,
                            Some(self.word),
                            &document.body,
                            self.variables,
                        )?;
                        self.uses.join(found.uses);
                        document.body.value = found.text;
                    }
                }
            }
        }
        self.put_in(&mut transfer.destination)
    }
}
