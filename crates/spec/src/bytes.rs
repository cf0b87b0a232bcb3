//! Sizes as people write them: `512m`, `1.5G`.

/// Why a text is no size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadBytes {
    /// It has another unit.
    #[error("the unit is not one of b, k, m, g, t")]
    Unit,
    /// It has no number.
    #[error("it is no number of bytes, such as 512m")]
    Number,
    /// It does not fit.
    #[error("it is too large")]
    Large,
}

/// Bytes: a number with an optional unit b, k, m, g or t, powers of 1024, in either case, with an optional `b` or `ib` behind.
///
/// # Errors
/// When it is no number or the unit is unknown.
pub fn parse(text: &str) -> Result<u64, BadBytes> {
    let lower = text.trim().to_ascii_lowercase();
    let digits =
        lower.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(lower.len());
    let (number, unit) = lower.split_at(digits);
    let exponent = match unit.trim_start() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 1,
        "m" | "mb" | "mib" => 2,
        "g" | "gb" | "gib" => 3,
        "t" | "tb" | "tib" => 4,
        "p" | "pb" | "pib" => 5,
        _ => return Err(BadBytes::Unit),
    };
    let factor = 1_u64 << (10 * exponent);
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(factor).ok_or(BadBytes::Large);
    }
    let fraction: f64 = number.parse().map_err(|_no_number| BadBytes::Number)?;
    #[expect(clippy::cast_precision_loss, reason = "a unit is a power of two")]
    let product = fraction * factor as f64;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to be in range"
    )]
    if product.is_finite() && product < 9e18 { Ok(product as u64) } else { Err(BadBytes::Large) }
}
