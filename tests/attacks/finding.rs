//! What the program says of an attack: a line of `programs/main.c`.

/// How an attack ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// A wall said no.
    Held,
    /// It went well, and its effect ends at the container.
    Inside,
    /// It did what no container may.
    Escaped,
    /// This machine does not have what is attacked.
    Absent,
}

impl Verdict {
    /// As the table of docs/security.md has it.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Inside => "inside",
            Self::Escaped => "**escaped**",
            Self::Absent => "-",
        }
    }
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) attack: String,
    pub(crate) verdict: Verdict,
    /// The errno's name, or "-".
    pub(crate) error: String,
    /// More words, or none.
    pub(crate) detail: String,
}

impl Finding {
    /// Of an attack that an engine cannot be asked for.
    pub(crate) fn absent(attack: &str, why: &str) -> Self {
        let [attack, error, detail] = [attack, "-", why].map(str::to_owned);
        Self { attack, verdict: Verdict::Absent, error, detail }
    }

    /// All lines of an output; other lines are somebody else's.
    pub(crate) fn all(output: &str) -> Vec<Self> {
        output.lines().filter_map(Self::of_line).collect()
    }

    fn of_line(line: &str) -> Option<Self> {
        let mut fields = line.trim_end_matches('\r').split('\t');
        let [attack, verdict, error, detail] =
            [fields.next()?, fields.next()?, fields.next()?, fields.next()?];
        let verdict = match verdict {
            "held" => Verdict::Held,
            "inside" => Verdict::Inside,
            "escaped" => Verdict::Escaped,
            "absent" => Verdict::Absent,
            _ => return None,
        };
        let [attack, error, detail] = [attack, error, detail].map(str::to_owned);
        Some(Self { attack, verdict, error, detail })
    }

    /// The verdict with its errno: `held EPERM`.
    pub(crate) fn words(&self) -> String {
        match (self.verdict, self.error.as_str()) {
            (Verdict::Held, error) if error != "-" => format!("held {error}"),
            (verdict, _) => verdict.word().to_owned(),
        }
    }
}
