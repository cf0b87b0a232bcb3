//! Secrets that a step printed, with stars in their place. Pure.

/// What stands in the place of a secret.
const STARS: &str = "*****";
/// A text that is shorter is no secret that could be told from any other text.
const SHORTEST: usize = 4;

/// Texts that are not to be kept.
#[derive(Clone, Default)]
pub(crate) struct Mask(Vec<String>);

impl Mask {
    /// Of what these secrets are: each of their lines, since what a step prints is kept by lines.
    pub(crate) fn of<'s>(secrets: impl Iterator<Item = &'s [u8]>) -> Self {
        let mut texts: Vec<String> = Vec::new();
        for secret in secrets {
            let text = String::from_utf8_lossy(secret);
            let lines = text.lines().map(str::trim).filter(|line| line.len() >= SHORTEST);
            texts.extend(lines.map(str::to_owned));
        }
        // What holds another one first.
        texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
        texts.dedup();
        Self(texts)
    }

    /// A text without them.
    pub(crate) fn over(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| {
            if text.contains(secret.as_str()) { text.replace(secret.as_str(), STARS) } else { text }
        })
    }
}

/// Never what they are.
impl std::fmt::Debug for Mask {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Mask").field(&self.0.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_stars() {
        let secrets: [&[u8]; 3] = [b"horse-battery\n", b"first line\nsecond line\n", b"abc"];
        let mask = Mask::of(secrets.into_iter());
        assert_eq!(mask.over("x horse-battery y"), "x ***** y");
        assert_eq!(mask.over("second line, abc"), "*****, abc");
        assert_eq!(mask.over("nothing"), "nothing");
        assert!(!format!("{mask:?}").contains("horse"));
    }
}
