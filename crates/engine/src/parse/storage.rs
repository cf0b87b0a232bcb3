//! `--storage-opt`: Docker's `size` of the writable layer.

use std::collections::BTreeMap;

use super::{Parsed, bytes};
use crate::error::EngineError;

/// The options, each `size=BYTES`.
///
/// # Errors
/// For another one, or a size that is none.
pub fn storage_options<'t>(
    texts: impl Iterator<Item = &'t str>,
) -> Parsed<BTreeMap<String, String>> {
    let mut options = BTreeMap::new();
    for text in texts {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        if !name.eq_ignore_ascii_case("size") {
            let why = "it is not of the form size=BYTES";
            return Err(EngineError::value("storage option", text, why));
        }
        if bytes("storage option", value)? == 0 {
            let why = "a size of nothing holds nothing";
            return Err(EngineError::value("storage option", text, why));
        }
        options.insert("size".to_owned(), value.to_owned());
    }
    Ok(options)
}

/// The option of a volume that can be changed: `size=BYTES`; the last one counts.
///
/// # Errors
/// As [`storage_options`]; a size of 0 is none.
pub fn volume_size<'t>(texts: impl Iterator<Item = &'t str>) -> Parsed<Option<String>> {
    let mut size = None;
    for text in texts {
        let Some(("size", value)) = text.split_once('=') else {
            let why = "only size=BYTES can be changed";
            return Err(EngineError::value("volume option", text, why));
        };
        bytes("volume size", value)?;
        size = Some(value.to_owned());
    }
    Ok(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_nothing_else() {
        let of = |text: &str| storage_options(std::iter::once(text));
        assert_eq!(of("size=10G").unwrap()["size"], "10G");
        for bad in ["size", "size=", "size=0", "size=x", "size=-1", "dm.basesize=10G", "inodes=5"] {
            assert!(of(bad).is_err(), "{bad}");
        }
    }
}
