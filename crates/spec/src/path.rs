//! Paths as words, without a look at any file.

/// A path without what means nothing in it: empty names and `.` go, and `..` takes the name before it away, as far as there is one and without
/// asking whether that is a link; `.` when nothing is left. path.Clean of Go, which Docker's files are read by.
#[must_use]
pub fn clean(path: &str) -> String {
    let is_absolute = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if is_absolute => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (is_absolute, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_clean() {
        for (written, shown) in [
            ("./a/../b/", "b"),
            ("", "."),
            ("../x", "../x"),
            ("/../a", "/a"),
            ("a//b/.", "a/b"),
            ("/a/../..", "/"),
        ] {
            assert_eq!(clean(written), shown, "{written}");
        }
    }
}
