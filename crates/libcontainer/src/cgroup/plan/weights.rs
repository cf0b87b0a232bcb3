//! The specification speaks in v1 numbers; v2 has other scales.

/// CPU shares (2 to 262,144, normal 1,024) as a v2 weight (1 to 10,000, normal 100).
///
/// The curve is the quadratic one that meets minimum, normal and maximum of both scales:
/// `log10(weight) = (l² + 125 l) / 612 − 7/34` with `l = log2(shares)`. It is what runc and crun use since runc 1.3.2 and
/// crun 1.23; the linear one before made 1,024 shares a weight of 39 (opencontainers/runc#4772).
pub(super) fn cpu_weight(shares: u64) -> u64 {
    if shares <= 2 {
        return 1;
    }
    let Ok(shares) = u32::try_from(shares.min(262_144)) else { return 10_000 };
    let log = f64::from(shares).log2();
    let weight = 10_f64.powf((log * log + 125.0 * log) / 612.0 - 7.0 / 34.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 1 and 10,000 by the clamp above"
    )]
    let weight = weight.ceil() as u64;
    weight
}

/// Block I/O weight (10 to 1,000) as a v2 `io.weight` (1 to 10,000), linear as in crun and runc.
pub(super) fn io_weight(weight: u16) -> u64 {
    1 + u64::from(weight.saturating_sub(10)) * 9_999 / 990
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meets_the_ends_and_the_middle() {
        let table = [
            (0, 1),
            (2, 1),
            (3, 2),
            (102, 17),
            (512, 59),
            (1023, 100),
            (1024, 100),
            (1025, 101),
            (2048, 174),
        ];
        for (shares, weight) in table {
            assert_eq!(cpu_weight(shares), weight, "{shares}");
        }
        assert_eq!([cpu_weight(262_143), cpu_weight(262_144), cpu_weight(u64::MAX)], [10_000; 3]);
        assert_eq!([10, 100, 500, 1000].map(io_weight), [1, 910, 4950, 10_000]);
    }
}
