//! A whole Dockerfile. Start at [`Dockerfile::parse`].

use crate::directives::{self, Directives};
use crate::error::{Cause, FileError};
use crate::instruction::{Instruction, Kind};
use crate::logical::{Item, Reader};
use crate::parse::{Parser, Statement};
use crate::source::{Source, Span, Spanned};
use crate::stage::Stage;

/// A Dockerfile, read and typed. Its places are those of the [`Source`] that it was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dockerfile {
    /// What stands before everything else.
    pub directives: Directives,
    /// `ARG`s before the first `FROM`.
    pub global_args: Vec<Instruction>,
    /// The stages, at least one.
    pub stages: Vec<Stage>,
    /// Empty lines in instructions that go on.
    pub empty_continuations: Vec<Span>,
}

impl Dockerfile {
    /// Reads a file.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn parse(source: &Source) -> Result<Self, FileError> {
        let (directives, lines) = directives::read(source)?;
        let mut reader = Reader::new(source);
        reader.skip(lines);
        let mut parser = Parser { source, reader, escape: directives.escape };
        let mut file = Self {
            directives,
            global_args: Vec::new(),
            stages: Vec::new(),
            empty_continuations: Vec::new(),
        };
        let mut comments: Vec<Spanned<String>> = Vec::new();
        while let Some(item) = parser.reader.next(parser.escape) {
            match item {
                Item::Blank => {}
                Item::Comment(comment) if comment.value.is_empty() => comments.clear(),
                Item::Comment(comment) => comments.push(comment),
                Item::Instruction(logical) => {
                    let statement = parser.statement(&logical, std::mem::take(&mut comments))?;
                    file.empty_continuations.extend(&logical.empty_lines);
                    file.take(source, statement)?;
                }
            }
        }
        let end = Span::new(source.text().len(), source.text().len());
        if file.stages.is_empty() {
            let nothing = file.global_args.is_empty();
            let cause = if nothing { Cause::NoInstruction } else { Cause::NoStage };
            return Err(FileError::new(source, end, None, cause));
        }
        Ok(file)
    }

    fn take(&mut self, source: &Source, statement: Statement) -> Result<(), FileError> {
        match statement {
            Statement::From { from, head } => {
                let (as_word, written_name) = from.name.unzip();
                self.stages.push(Stage {
                    number: self.stages.len(),
                    base: from.base,
                    platform: from.platform,
                    as_word,
                    name: written_name.as_ref().map(|name| name.value.to_ascii_lowercase()),
                    written_name,
                    written: head.written,
                    span: head.span,
                    text: head.text,
                    comments: head.comments,
                    instructions: Vec::new(),
                });
            }
            Statement::Instruction(instruction) => match self.stages.last_mut() {
                Some(stage) => stage.instructions.push(instruction),
                None if matches!(instruction.kind, Kind::Arg(_)) => {
                    self.global_args.push(instruction);
                }
                None => {
                    let word = Some(instruction.written.value.as_str());
                    return Err(FileError::new(
                        source,
                        instruction.written.span,
                        word,
                        Cause::BeforeFrom,
                    ));
                }
            },
        }
        Ok(())
    }
}
