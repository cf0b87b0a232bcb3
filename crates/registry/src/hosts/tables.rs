//! Reading TOML so that an error names line and key, and so that the order of tables is kept: both are in the spans of the
//! parser's values. Keys that nobody asks for are others' and are ignored. Start at [`Source::parse`]. Source: TOML 1.0.

use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::BadRules;

/// A text and the file it is of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'a> {
    pub(super) text: &'a str,
    pub(super) file: &'a Path,
}

/// A table of it.
#[derive(Clone, Copy)]
pub(super) struct Table<'a> {
    source: Source<'a>,
    values: &'a DeTable<'a>,
}

impl<'a> Source<'a> {
    /// The whole document.
    pub(super) fn parse(self) -> Result<Spanned<DeTable<'a>>, BadRules> {
        DeTable::parse(self.text).map_err(|error| {
            let at = error.span().map(|span| self.line(&span));
            // In one line: some of its messages list what was expected below each other.
            let why = error.message().split_whitespace().collect::<Vec<_>>().join(" ");
            BadRules { file: self.file.to_owned(), line: at, why }
        })
    }

    pub(super) fn table(self, values: &'a DeTable<'a>) -> Table<'a> {
        Table { source: self, values }
    }

    fn line(self, span: &Range<usize>) -> usize {
        let before = self.text.as_bytes().iter().take(span.start);
        before.filter(|byte| **byte == b'\n').count() + 1
    }

    fn wrong(self, span: &Range<usize>, why: String) -> BadRules {
        BadRules { file: self.file.to_owned(), line: Some(self.line(span)), why }
    }
}

impl<'a> Table<'a> {
    fn value(self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.values.get(key)
    }

    pub(super) fn has(self, key: &str) -> bool {
        self.value(key).is_some()
    }

    /// An error of this key.
    pub(super) fn wrong(self, key: &str, why: impl std::fmt::Display) -> BadRules {
        let span = self.value(key).map_or(0..0, Spanned::span);
        self.source.wrong(&span, format!("{key}: {why}"))
    }

    /// Something that this table's file says beside it, from the file's own directory.
    pub(super) fn path(self, text: &str) -> PathBuf {
        self.source.file.parent().unwrap_or(Path::new("")).join(text)
    }

    fn other(self, key: &str, value: &Spanned<DeValue<'_>>, wanted: &str) -> BadRules {
        let why = format!("{key}: it is of type {}, not {wanted}", value.get_ref().type_str());
        self.source.wrong(&value.span(), why)
    }

    /// A string.
    pub(super) fn text(self, key: &str) -> Result<Option<&'a str>, BadRules> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let text = value.get_ref().as_str();
        text.map(Some).ok_or_else(|| self.other(key, value, "a string"))
    }

    /// A string that `parse` makes something of; it says what is wrong.
    pub(super) fn parsed<T>(
        self,
        key: &str,
        parse: impl FnOnce(&'a str) -> Result<T, &'static str>,
    ) -> Result<Option<T>, BadRules> {
        let parsed = self.text(key)?.map(|text| parse(text).map_err(|why| (text, why)));
        parsed.transpose().map_err(|(text, why)| self.wrong(key, format!("{text:?}: {why}")))
    }

    /// A truth, false where nothing is said.
    pub(super) fn flag(self, key: &str) -> Result<bool, BadRules> {
        let Some(value) = self.value(key) else { return Ok(false) };
        value.get_ref().as_bool().ok_or_else(|| self.other(key, value, "true or false"))
    }

    /// A list of values, or a single one.
    pub(super) fn list(self, key: &str) -> &'a [Spanned<DeValue<'a>>] {
        match self.value(key) {
            None => &[],
            Some(value) => match value.get_ref().as_array() {
                Some(array) => array,
                None => std::slice::from_ref(value),
            },
        }
    }

    /// A list of strings, or a single one.
    pub(super) fn texts(self, key: &str) -> Result<Vec<&'a str>, BadRules> {
        let text = |value: &'a Spanned<DeValue<'a>>| {
            let text = value.get_ref().as_str();
            text.ok_or_else(|| self.other(key, value, "a string, or a list of strings"))
        };
        self.list(key).iter().map(text).collect()
    }

    /// A table in it.
    pub(super) fn table(self, key: &str) -> Result<Option<Self>, BadRules> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let table = value.get_ref().as_table();
        let table = table.ok_or_else(|| self.other(key, value, "a table"))?;
        Ok(Some(Self { values: table, ..self }))
    }

    /// An array of tables in it: `[[key]]`.
    pub(super) fn tables(self, key: &str) -> Result<Vec<Self>, BadRules> {
        let table = |value: &'a Spanned<DeValue<'a>>| {
            let table = value.get_ref().as_table();
            let table = table.ok_or_else(|| self.other(key, value, "a table ([[…]])"))?;
            Ok(Self { values: table, ..self })
        };
        self.list(key).iter().map(table).collect()
    }

    /// Its keys in the order of the text.
    pub(super) fn keys(self) -> Vec<&'a str> {
        let mut keys: Vec<_> = self.values.keys().collect();
        keys.sort_by_key(|key| key.span().start);
        keys.into_iter().map(|key| key.get_ref().as_ref()).collect()
    }
}
