//! Ids that change on the way between two sides of which one has a user namespace.

/// Which ids become which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdShift {
    uids: Vec<Shifted>,
    gids: Vec<Shifted>,
    others: (u32, u32),
}

/// Ids that follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shifted {
    /// The first one.
    pub from: u32,
    /// What it becomes.
    pub to: u32,
    /// How many.
    pub count: u32,
}

impl IdShift {
    /// By these ranges of users and of groups; what is in none becomes one of `others`.
    #[must_use]
    pub const fn new(uids: Vec<Shifted>, gids: Vec<Shifted>, others: (u32, u32)) -> Self {
        Self { uids, gids, others }
    }

    /// What a user and a group become.
    #[must_use]
    pub fn of(&self, (uid, gid): (u32, u32)) -> (u32, u32) {
        (
            shift(&self.uids, uid).unwrap_or(self.others.0),
            shift(&self.gids, gid).unwrap_or(self.others.1),
        )
    }
}

fn shift(ranges: &[Shifted], id: u32) -> Option<u32> {
    ranges.iter().find_map(|range| {
        let offset = id.checked_sub(range.from).filter(|offset| *offset < range.count)?;
        range.to.checked_add(offset)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_no_range_becomes_somebody() {
        let range = |from, to, count| Shifted { from, to, count };
        let shift = IdShift::new(vec![range(0, 1000, 10)], vec![range(5, 7, 1)], (65, 66));
        assert_eq!(shift.of((0, 5)), (1000, 7));
        assert_eq!(shift.of((9, 6)), (1009, 66));
        assert_eq!(shift.of((10, 4)), (65, 66));
    }
}
