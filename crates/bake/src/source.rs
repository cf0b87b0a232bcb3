//! The files that are read, and places in them.

use crate::problem::{BakeError, Fault, Told};

/// A file, as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BakeFile {
    /// Its name; `.hcl`, `.json`, `.yaml` and `.yml` say what it is, otherwise its text does.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// A place: which file, from which byte to which.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) file: usize,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Place {
    pub(crate) fn new(file: usize, span: Option<std::ops::Range<usize>>) -> Self {
        let span = span.unwrap_or(0..0);
        Self { file, start: span.start, end: span.end }
    }
}

/// Says of a fault what people can be told.
pub(crate) fn tell(files: &[BakeFile], fault: Fault) -> BakeError {
    let place = files.get(fault.place.file).map(|file| {
        let (line, column, text) = position(&file.text, fault.place.start);
        Told { file: file.name.clone(), line, column, text: text.to_owned() }
    });
    BakeError { place, problem: fault.problem }
}

/// Line and column of a byte, from one, and the text of its line.
fn position(text: &str, offset: usize) -> (usize, usize, &str) {
    let mut at = offset.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let before = text.get(..at).unwrap_or_default();
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let column = text.get(start..at).map_or(0, |part| part.chars().count()) + 1;
    let rest = text.get(start..).unwrap_or_default();
    (line, column, rest.lines().next().unwrap_or_default())
}
