//! Addresses without what lets one in.

/// A URL without user name and password, which stand before an `@` of its host.
pub(super) fn url(url: &str) -> String {
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
}
