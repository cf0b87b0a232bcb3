//! Tables as Docker prints them: columns as wide as their widest cell and three spaces, but not narrower than a least width
//! with them; nothing behind the last.

use crate::plain::plain;

const BETWEEN: usize = 3;
/// Least width of a column in every list of Docker's.
pub(crate) const LIST: usize = 10;
/// Least width of a column in `top`.
pub(crate) const TOP: usize = 20;

/// Lays out rows, the first of which is the head. Whatever is in a cell, a row is one line.
pub(crate) fn layout(rows: &[Vec<String>], least: usize) -> String {
    let rows = rows.iter().map(|row| row.iter().map(|cell| plain(cell)).collect::<Vec<_>>());
    arrange(&rows.collect::<Vec<_>>(), least)
}

/// The same with cells that are taken as they are: a template's own colours are wanted.
pub(crate) fn arrange<C: AsRef<str>>(rows: &[Vec<C>], least: usize) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.as_ref().chars().count())
            .max()
            .map_or(least, |widest| (widest + BETWEEN).max(least))
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let begin = text.len();
        for (cell, width) in row.iter().map(AsRef::as_ref).zip(&widths) {
            text.push_str(cell);
            text.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.chars().count())));
        }
        let line = text.get(begin..).unwrap_or_default();
        text.truncate(begin + line.trim_end().len());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["A", "LONG NAME", "C"], ["wide cell", "x", ""]]
            .map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(layout(&rows, LIST), "A           LONG NAME   C\nwide cell   x\n");
        let rows = [["TAG", "ID"], ["latest", "x"]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(layout(&rows, LIST), "TAG       ID\nlatest    x\n");
    }
}
