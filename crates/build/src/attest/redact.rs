//! Addresses without what lets one in.

/// A URL without user name and password, which stand before an `@` of its host.
pub(crate) fn url(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, path) = rest.split_at(end);
    match host.rsplit_once('@') {
        // Over SSH the name says which service is meant.
        Some((user, host)) if scheme == "ssh" && !user.contains(':') => {
            format!("{scheme}://{user}@{host}{path}")
        }
        Some((_, host)) => format!("{scheme}://{host}{path}"),
        None => url.to_owned(),
    }
}

/// A text, in which each URL is without them.
pub(crate) fn text(text: &str) -> String {
    let is_end =
        |letter: char| letter.is_whitespace() || matches!(letter, '"' | '\'' | '`' | ',' | ';');
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let is_scheme = |letter: char| letter.is_ascii_alphanumeric() || "+-.".contains(letter);
        let before = rest.get(..at).unwrap_or_default();
        let start = before.trim_end_matches(is_scheme).len();
        let end =
            rest.get(at..).and_then(|from| from.find(is_end)).map_or(rest.len(), |end| at + end);
        shown.push_str(rest.get(..start).unwrap_or_default());
        shown.push_str(&url(rest.get(start..end).unwrap_or_default()));
        rest = rest.get(end..).unwrap_or_default();
    }
    shown + rest
}

#[cfg(test)]
mod tests {
    #[test]
    fn credentials_are_left_out() {
        for (given, shown) in [
            ("https://user:pass@example.org/a@b", "https://example.org/a@b"),
            ("https://token@example.org", "https://example.org"),
            ("ssh://git@example.org/a", "ssh://git@example.org/a"),
            ("ssh://git:pass@example.org/a", "ssh://example.org/a"),
            ("docker-image://alpine", "docker-image://alpine"),
        ] {
            assert_eq!(super::url(given), shown);
        }
    }

    #[test]
    fn texts_lose_them_too() {
        let given = "ADD https://u:p@h/x@y /z\nENV A=\"http://t@h\" B=c://d # a://u:p@h;x";
        let shown = "ADD https://h/x@y /z\nENV A=\"http://h\" B=c://d # a://h;x";
        assert_eq!(super::text(given), shown);
        assert_eq!(super::text("a ä://ö@ü :// x"), "a ä://ü :// x");
    }
}
