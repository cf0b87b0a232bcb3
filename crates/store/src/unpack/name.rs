//! Names of entries: from bytes in an archive to a relative path without surprises. Never touches a file.

use super::{Form, UnpackError, printable};

const WHITEOUT: &[u8] = b".wh.";
/// Says that the directory it is in hides what lower layers have there.
const OPAQUE: &[u8] = b".wh..wh..opq";
/// Other names with this beginning are bookkeeping of AUFS, which old images contain.
const AUFS: &[u8] = b".wh..wh.";

/// A path below the root: no empty name, no `.`, no `..`, no slash at either end. Empty for the root itself.
#[derive(Debug, Default)]
pub(crate) struct Name {
    path: Vec<u8>,
    /// Where the last name begins.
    last: usize,
    depth: usize,
}

/// What an entry of a layer means by its name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Meaning<'n> {
    /// An ordinary entry.
    Plain,
    /// The named sibling is not there any more.
    Whiteout(&'n [u8]),
    /// Its directory is opaque.
    Opaque,
    /// To be ignored.
    Aufs,
}

impl Name {
    /// Becomes what `bytes` mean, reusing its memory.
    pub(crate) fn set(&mut self, bytes: &[u8], most_depth: usize) -> Result<(), UnpackError> {
        self.path.clear();
        (self.last, self.depth) = (0, 0);
        for part in bytes.split(|byte| *byte == b'/') {
            match part {
                b"" | b"." => continue,
                b".." => return Err(refused(bytes, "\"..\" in a path")),
                _ => {}
            }
            if !self.path.is_empty() {
                self.path.push(b'/');
            }
            self.last = self.path.len();
            self.path.extend_from_slice(part);
            self.depth += 1;
        }
        if self.depth > most_depth {
            return Err(UnpackError::Limit {
                path: printable(bytes),
                limit: "depth of a path",
                most: most_depth as u64,
            });
        }
        Ok(())
    }

    pub(crate) fn path(&self) -> &[u8] {
        &self.path
    }

    pub(super) fn is_root(&self) -> bool {
        self.path.is_empty()
    }

    /// Path of the directory it is in; empty for the root.
    pub(super) fn parent(&self) -> &[u8] {
        &self.path[..self.last.saturating_sub(1)]
    }

    pub(super) fn last(&self) -> &[u8] {
        &self.path[self.last..]
    }

    /// An entry of that name is none that an archive may have.
    pub(crate) fn refused(&self, problem: &'static str) -> UnpackError {
        refused(&self.path, problem)
    }

    /// With the entry of that name there are too many.
    pub(crate) fn over(&self, limit: &'static str, most: u64) -> UnpackError {
        UnpackError::Limit { path: printable(&self.path), limit, most }
    }

    /// The kernel refused something about the entry of that name.
    pub(crate) fn failed(&self, step: &'static str, error: std::io::Error) -> UnpackError {
        UnpackError::Step { step, path: printable(&self.path), errno: error.into() }
    }

    /// What the name says in `form`.
    pub(super) fn meaning(&self, form: Form) -> Result<Meaning<'_>, UnpackError> {
        if form == Form::RootFs {
            return Ok(Meaning::Plain);
        }
        if self.last() == OPAQUE {
            return self.check_parents().map(|()| Meaning::Opaque);
        }
        if self.path.split(|byte| *byte == b'/').any(|part| part.starts_with(AUFS)) {
            return Ok(Meaning::Aufs);
        }
        self.check_parents()?;
        match self.last().strip_prefix(WHITEOUT) {
            None => Ok(Meaning::Plain),
            // mknodat(2) of "." or ".." would name the directory itself or its parent.
            Some(b"" | b"." | b"..") => Err(refused(&self.path, "whiteout without a name")),
            Some(hidden) => Ok(Meaning::Whiteout(hidden)),
        }
    }

    fn check_parents(&self) -> Result<(), UnpackError> {
        if self.parent().split(|byte| *byte == b'/').any(|part| part.starts_with(WHITEOUT)) {
            return Err(refused(&self.path, "whiteout as a directory"));
        }
        Ok(())
    }
}

pub(super) fn refused(path: &[u8], problem: &'static str) -> UnpackError {
    UnpackError::Refused { path: printable(path), problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(path: &str) -> Result<Name, UnpackError> {
        let mut name = Name::default();
        name.set(path.as_bytes(), 4).map(|()| name)
    }

    #[test]
    fn names_are_relative_and_short() {
        for (path, parent, last) in [
            ("/etc//passwd", "etc", "passwd"),
            ("./a/./b/c/", "a/b", "c"),
            ("a", "", "a"),
            ("./", "", ""),
            ("/", "", ""),
        ] {
            let name = name(path).unwrap();
            assert_eq!(
                (name.parent(), name.last()),
                (parent.as_bytes(), last.as_bytes()),
                "{path}"
            );
        }
        for bad in ["..", "a/../b", "/..", "a/b/..", "a/b/c/d/e"] {
            assert!(name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn whiteouts_name_a_sibling_and_nothing_else() {
        let meaning =
            |path| name(path).unwrap().meaning(Form::Layer).map(|meaning| format!("{meaning:?}"));
        assert_eq!(meaning("a/.wh.b").unwrap(), format!("{:?}", Meaning::Whiteout(b"b")));
        assert_eq!(meaning("a/.wh..wh..opq").unwrap(), "Opaque");
        assert_eq!(meaning(".wh..wh.plnk/1.2").unwrap(), "Aufs");
        assert_eq!(meaning("a/b.wh.c").unwrap(), "Plain");
        for bad in [".wh.", ".wh..", ".wh...", "a/.wh.b/c"] {
            assert!(meaning(bad).is_err(), "{bad}");
        }
        assert_eq!(name("a/.wh...").unwrap().meaning(Form::RootFs).unwrap(), Meaning::Plain);
    }
}
