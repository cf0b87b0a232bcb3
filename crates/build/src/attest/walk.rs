//! One walk through the tree, for packages that no database lists. It is bounded, and says so when it was.

use super::RootFiles;

/// So many names are looked at.
const NAMES: usize = 400_000;
/// So deep is looked.
const DEPTH: usize = 24;
/// Directories of the kernel's, and those of package managers whose packages are listed elsewhere.
const SKIPPED: [&str; 4] = ["/proc", "/sys", "/dev", "/run"];

/// What was found.
#[derive(Debug)]
pub(super) struct Found {
    /// Directories with metadata of Python's packages: `NAME-VERSION.dist-info`, `.egg-info`.
    pub(super) python: Vec<String>,
    /// Directories of packages below `node_modules`.
    pub(super) node: Vec<String>,
    /// Whether all was looked at.
    pub(super) is_whole: bool,
}

/// Walks in the order of names.
pub(super) fn walk(files: &RootFiles<'_>) -> Found {
    let mut found = Found { python: Vec::new(), node: Vec::new(), is_whole: true };
    let mut names = 0;
    let mut waiting = vec![(String::new(), 0)];
    while let Some((directory, depth)) = waiting.pop() {
        let path = if directory.is_empty() { "/" } else { &directory };
        let mut entries = (files.list)(path);
        entries.sort();
        let is_modules = directory.rsplit('/').next() == Some("node_modules");
        let is_scope = directory.rsplit('/').next().is_some_and(|name| name.starts_with('@'))
            && directory.rsplit('/').nth(1) == Some("node_modules");
        for (name, is_directory) in entries {
            names += 1;
            if names > NAMES || depth > DEPTH {
                found.is_whole = false;
                break;
            }
            let path = format!("{directory}/{name}");
            if !is_directory || SKIPPED.contains(&path.as_str()) {
                continue;
            }
            if name.ends_with(".dist-info") || name.ends_with(".egg-info") {
                found.python.push(path);
                continue;
            }
            if (is_modules && !name.starts_with(['.', '@'])) || is_scope {
                found.node.push(path.clone());
            }
            waiting.push((path, depth + 1));
        }
    }
    found
}
