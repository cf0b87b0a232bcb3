//! `.dockerignore`: which paths of a context are left out. Start at [`Ignore::parse`].
//!
//! Every pattern that fits a path, or a directory above it, decides anew; the last one wins, and `!` takes back in. Patterns are
//! anchored at the context's root; `*` and `?` stop at slashes, `**` does not. While a tree is walked, what fitted a
//! directory is kept in its [`Place`], so each path costs one look at each pattern, and [`Ignore::may_hold`] says whether a
//! directory that is left out may still hold something that is not.
//!
//! Sources: Docker's "Build context", ".dockerignore files"; moby/patternmatcher as it is used while a context is sent. Two
//! things are as its documentation has them, not as it does them: what stands between brackets means itself (there `[*]` and `\d`
//! become regular expressions), and a range that ends before it begins is refused at once.

mod pattern;

use spec::path::clean;

use pattern::Pattern;
pub use pattern::PatternProblem;

/// Patterns, in order.
#[derive(Clone, Debug, Default)]
pub struct Ignore {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug)]
struct Rule {
    pattern: Pattern,
    /// `!`.
    takes_in: bool,
}

/// What has been found out about a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// For each pattern whether it fitted the path or a directory above it.
    fitted: Vec<bool>,
    is_excluded: bool,
}

/// A line of a `.dockerignore` is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: pattern {text:?}")]
pub struct IgnoreError {
    /// The line, from one.
    pub line: usize,
    /// The pattern.
    pub text: String,
    /// What is wrong with it.
    #[source]
    pub problem: PatternProblem,
}

impl Place {
    /// Whether the path is left out.
    #[must_use]
    pub fn is_excluded(&self) -> bool {
        self.is_excluded
    }
}

impl Ignore {
    /// Reads a file. Lines that begin with `#` are comments; bytes that are no UTF-8 fit nothing.
    ///
    /// # Errors
    /// The first line that is no pattern.
    pub fn parse(bytes: &[u8]) -> Result<Self, IgnoreError> {
        let text =
            String::from_utf8_lossy(bytes.strip_prefix(&[0xEF, 0xBB, 0xBF]).unwrap_or(bytes));
        Self::of_lines(text.lines().filter(|line| !line.starts_with('#')), |line| {
            text.lines().position(|other| std::ptr::eq(other, line)).unwrap_or(0) + 1
        })
    }

    /// Takes patterns as they are, as those of `--exclude`. An error's line is the pattern's number.
    ///
    /// # Errors
    /// The first one that is no pattern.
    pub fn new<'a>(patterns: &[&'a str]) -> Result<Self, IgnoreError> {
        let place = |line: &'a str| {
            patterns.iter().position(|other| std::ptr::eq(*other, line)).unwrap_or(0) + 1
        };
        Self::of_lines(patterns.iter().copied(), place)
    }

    fn of_lines<'a>(
        lines: impl Iterator<Item = &'a str>,
        number: impl Fn(&'a str) -> usize,
    ) -> Result<Self, IgnoreError> {
        let mut rules = Vec::new();
        for line in lines {
            let text = line.trim();
            if text.is_empty() {
                continue;
            }
            let (takes_in, bare) = match text.strip_prefix('!') {
                Some(bare) => (true, bare.trim()),
                None => (false, text),
            };
            let refused =
                |problem| IgnoreError { line: number(line), text: text.to_owned(), problem };
            if bare.is_empty() {
                return Err(refused(PatternProblem::Empty));
            }
            let cleaned = clean(bare);
            let relative = if cleaned.len() > 1 {
                cleaned.strip_prefix('/').unwrap_or(&cleaned)
            } else {
                &cleaned
            };
            let pattern = Pattern::new(relative).map_err(refused)?;
            rules.push(Rule { pattern, takes_in });
        }
        Ok(Self { rules })
    }

    /// Whether there are no patterns.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Whether a pattern takes something back in.
    #[must_use]
    pub fn has_exceptions(&self) -> bool {
        self.rules.iter().any(|rule| rule.takes_in)
    }

    /// Whether everything at the root is left out, by a pattern that says just that.
    #[must_use]
    pub fn excludes_all(&self) -> bool {
        let says_all =
            |rule: &Rule| !rule.takes_in && matches!(rule.pattern.text(), "*" | "**" | "**/*");
        self.rules.iter().any(says_all)
    }

    /// The root, which is never left out.
    #[must_use]
    pub fn root(&self) -> Place {
        Place { fitted: vec![false; self.rules.len()], is_excluded: false }
    }

    /// What is so of a path whose directory's place is known. The path is relative to the root, with slashes.
    #[must_use]
    pub fn enter(&self, directory: &Place, path: &str) -> Place {
        let mut fitted = vec![false; self.rules.len()];
        let mut is_excluded = false;
        for (number, rule) in self.rules.iter().enumerate() {
            let inherited = directory.fitted.get(number).copied().unwrap_or(false);
            // What would change nothing is not looked at, and so does not count below either.
            let fits = inherited || (rule.takes_in == is_excluded && rule.pattern.fits(path));
            if fits {
                is_excluded = !rule.takes_in;
            }
            fitted[number] = fits;
        }
        Place { fitted, is_excluded }
    }

    /// Whether a path is left out, found from the root.
    #[must_use]
    pub fn excludes(&self, path: &str) -> bool {
        let path = clean(path);
        let path = path.trim_start_matches('/');
        if path.is_empty() || path == "." {
            return false;
        }
        let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        ends.fold(self.root(), |place, end| self.enter(&place, &path[..end])).is_excluded
    }

    /// Whether a directory may hold something that is not left out: a walk may pass it over when not.
    #[must_use]
    pub fn may_hold(&self, directory: &Place, path: &str) -> bool {
        if !directory.is_excluded {
            return true;
        }
        // What excludes the directory excludes all below, until a later pattern takes something back in.
        let excluding = |(rule, fits): (&Rule, &bool)| !rule.takes_in && *fits;
        let last = self.rules.iter().zip(&directory.fitted).rposition(excluding).unwrap_or(0);
        self.rules.iter().skip(last).any(|rule| rule.takes_in && rule.pattern.may_fit_below(path))
    }
}

#[cfg(test)]
mod tests;
