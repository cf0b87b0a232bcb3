//! Names that were nearly typed.

/// At most so many are told.
const MOST: usize = 3;

/// The names closest to `text`, nearest first, three at most; none that differs in more than a third of its letters. What
/// follows a colon, a tag, does not count.
#[must_use]
pub fn closest(text: &str, names: impl Iterator<Item = String>) -> Vec<String> {
    let bare = |name: &str| name.split(':').next().unwrap_or(name).to_owned();
    let wanted = bare(text);
    let mut found: Vec<(usize, String)> = names
        .map(|name| (distance(&wanted, &bare(&name)), name))
        .filter(|(distance, name)| {
            *distance <= 1 + bare(name).len() / 3 && *distance < wanted.len().max(1)
        })
        .collect();
    found.sort();
    found.dedup();
    found.into_iter().take(MOST).map(|(_, name)| name).collect()
}

/// Letters to insert, delete, change or swap with their neighbour to get from one to the other (optimal string alignment).
#[must_use]
pub fn distance(from: &str, to: &str) -> usize {
    let from: Vec<char> = from.chars().collect();
    let to: Vec<char> = to.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=to.len()).collect();
    for (number, letter) in from.iter().enumerate() {
        let mut row = vec![number + 1];
        for column in 0..to.len() {
            let changed = above[column] + usize::from(*letter != to[column]);
            let mut best = changed.min(above[column + 1] + 1).min(row[column] + 1);
            if number > 0
                && column > 0
                && from[number - 1] == to[column]
                && *letter == to[column - 1]
            {
                best = best.min(before[column - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant() {
        let names = || ["busybox:latest", "debian:bookworm", "a:1"].into_iter().map(str::to_owned);
        assert_eq!(closest("busibox", names()), ["busybox:latest"]);
        assert_eq!(closest("debain", names()), ["debian:bookworm"]);
        assert!(closest("postgres", names()).is_empty());
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("chwon", "chown"), 1);
        assert_eq!(distance("", "ab"), 2);
        assert_eq!(distance("ab", ""), 2);
    }
}
