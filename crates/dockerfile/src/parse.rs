//! From a line to an instruction.

use crate::arguments::Parts;
use crate::command_line::array;
use crate::error::{Cause, FileError};
use crate::flags::Flags;
use crate::heredoc::{self, Heredoc};
use crate::instruction::{Instruction, Kind, Trigger};
use crate::keyword::Keyword;
use crate::logical::{Item, Logical, Reader};
use crate::mount::nearest;
use crate::source::{Source, Span, Spanned};
use crate::stage::From;
use crate::words;

/// An instruction, or the beginning of a stage.
pub(crate) enum Statement {
    From { from: From, head: Head },
    Instruction(Instruction),
}

/// What every instruction has.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) keyword: Keyword,
    pub(crate) written: Spanned<String>,
    pub(crate) span: Span,
    pub(crate) text: String,
    pub(crate) comments: Vec<Spanned<String>>,
}

impl Head {
    fn with(self, kind: Kind) -> Instruction {
        let Self { keyword, written, span, text, comments } = self;
        Instruction { keyword, written, span, text, comments, kind }
    }
}

/// Reads instructions of one file.
pub(crate) struct Parser<'a> {
    pub(crate) source: &'a Source,
    pub(crate) reader: Reader<'a>,
    pub(crate) escape: char,
}

impl Parser<'_> {
    /// The statement of a line; its documents are read from the lines that follow.
    pub(crate) fn statement(
        &mut self,
        logical: &Logical,
        comments: Vec<Spanned<String>>,
    ) -> Result<Statement, FileError> {
        if let Some(place) = logical.sources().find_map(|span| self.source.not_utf8(span)) {
            return Err(FileError::new(self.source, place, None, Cause::NotUtf8));
        }
        self.from(logical, 0, comments)
    }

    /// The statement that begins at `start` of the line.
    fn from(
        &mut self,
        logical: &Logical,
        start: usize,
        comments: Vec<Spanned<String>>,
    ) -> Result<Statement, FileError> {
        let text = &logical.text;
        let whole = words::trimmed(text, start..text.len());
        let word = words::first(text, whole.clone()).unwrap_or(whole.start..whole.start);
        let written = logical.part(word.clone());
        let source = self.source;
        let refused = |(span, cause)| FileError::new(source, span, Some(&written.value), cause);
        if whole.is_empty() {
            return Err(FileError::new(source, logical.span, None, Cause::EmptyInstruction));
        }
        let Some(keyword) = Keyword::of(&written.value) else {
            let cause = unknown(&written.value);
            return Err(FileError::new(source, written.span, None, cause));
        };
        let (flags, rest) = words::flags(text, word.end..whole.end, self.escape);
        let flags: Vec<Spanned<String>> = flags
            .into_iter()
            .map(|flag| Spanned::new(flag.text, logical.place(flag.part)))
            .collect();
        let arguments = words::trimmed(text, rest..whole.end);
        let head = Head {
            keyword,
            written: written.clone(),
            span: logical.place(whole.clone()),
            text: text[whole].to_owned(),
            comments,
        };
        if keyword == Keyword::Onbuild {
            Flags::read(flags, &[]).map_err(refused)?;
            if arguments.is_empty() {
                return Err(refused((written.span, Cause::NoArgument)));
            }
            let trigger = self.trigger(logical, arguments.start)?;
            return Ok(Statement::Instruction(head.with(Kind::Onbuild(trigger))));
        }
        let mut documents = Vec::new();
        let is_array =
            || Ok::<_, FileError>(array(logical, arguments.clone()).map_err(refused)?.is_some());
        if keyword.takes_heredocs() && text.contains("<<") && !is_array()? {
            documents = heredoc::read(&mut self.reader, logical).map_err(refused)?;
            self.check_documents(&documents, &written.value)?;
        }
        let parts = Parts { logical, escape: self.escape, keyword, flags, arguments, documents };
        if keyword == Keyword::From {
            let words = parts.plain();
            let from = From::read(words, parts.flags, head.span).map_err(refused)?;
            return Ok(Statement::From { from, head });
        }
        let kind = parts.kind().map_err(refused)?;
        Ok(Statement::Instruction(head.with(kind)))
    }

    fn check_documents(&self, documents: &[Heredoc], written: &str) -> Result<(), FileError> {
        match documents.iter().find_map(|document| self.source.not_utf8(document.body.span)) {
            Some(place) => Err(FileError::new(self.source, place, Some(written), Cause::NotUtf8)),
            None => Ok(()),
        }
    }

    /// What stands behind `ONBUILD`.
    fn trigger(&mut self, logical: &Logical, start: usize) -> Result<Trigger, FileError> {
        let word = words::first(&logical.text, start..logical.text.len()).unwrap_or(start..start);
        let word = logical.part(word);
        let keyword = Keyword::of(&word.value);
        if matches!(keyword, Some(Keyword::Onbuild | Keyword::Maintainer | Keyword::From)) {
            let cause = Cause::NoTrigger { word: word.value.to_ascii_uppercase() };
            return Err(FileError::new(self.source, word.span, Some("ONBUILD"), cause));
        }
        match self.from(logical, start, Vec::new())? {
            Statement::Instruction(instruction) => {
                let text = instruction.with_documents();
                Ok(Trigger { instruction: Box::new(instruction), text })
            }
            Statement::From { head, .. } => {
                let cause = Cause::NoTrigger { word: head.keyword.name().to_owned() };
                Err(FileError::new(self.source, word.span, Some("ONBUILD"), cause))
            }
        }
    }
}

fn unknown(word: &str) -> Cause {
    let names = Keyword::ALL.map(Keyword::name);
    let closest = nearest(&word.to_ascii_uppercase(), &names);
    Cause::UnknownInstruction { word: word.to_owned(), closest }
}

impl Instruction {
    /// Reads a trigger as an image's configuration keeps it: one instruction, with its documents. Places are those of `source`.
    ///
    /// # Errors
    /// When it is none, more than one, or none that may be a trigger.
    pub fn trigger(source: &Source) -> Result<Self, FileError> {
        let mut parser = Parser { source, reader: Reader::new(source), escape: '\\' };
        let whole = Span::new(0, source.text().len());
        let nothing = || FileError::new(source, whole, None, Cause::NoInstruction);
        let mut found = None;
        while let Some(item) = parser.reader.next('\\') {
            let Item::Instruction(logical) = item else { continue };
            let word = words::first(&logical.text, 0..logical.text.len()).unwrap_or(0..0);
            let word = logical.part(word);
            let refused = || {
                let cause = Cause::NoTrigger { word: word.value.to_ascii_uppercase() };
                FileError::new(source, word.span, Some("ONBUILD"), cause)
            };
            match parser.statement(&logical, Vec::new())? {
                Statement::Instruction(Self {
                    kind: Kind::Onbuild(_) | Kind::Maintainer(_),
                    ..
                })
                | Statement::From { .. } => return Err(refused()),
                Statement::Instruction(_) if found.is_some() => return Err(refused()),
                Statement::Instruction(instruction) => found = Some(instruction),
            }
        }
        found.ok_or_else(nothing)
    }

    /// The line, and its documents below it.
    fn with_documents(&self) -> String {
        use crate::transfer::TransferSource;
        let of = |sources: &[TransferSource]| -> Vec<Heredoc> {
            let document = |source: &TransferSource| match source {
                TransferSource::Document(document) => Some(document.clone()),
                TransferSource::Path(_) => None,
            };
            sources.iter().filter_map(document).collect()
        };
        #[expect(clippy::wildcard_enum_match_arm, reason = "no other instruction has documents")]
        let documents = match &self.kind {
            Kind::Run(run) => run.documents.clone(),
            Kind::Copy(copy) => of(&copy.transfer.sources),
            Kind::Add(add) => of(&add.transfer.sources),
            _ => Vec::new(),
        };
        let mut text = self.text.clone();
        for document in documents {
            text.push('\n');
            text.push_str(&document.body.value);
            text.push_str(&document.name.value);
        }
        text
    }
}
