//! Devices by name: those of the Container Device Interface, and `--gpus`, which stands for those of one vendor.

use super::Parsed;
use crate::error::EngineError;

/// The kind that `--gpus` means: Docker knows no other.
const KIND: &str = "nvidia.com/gpu";

/// Whether a value of `--device` is a name of the Container Device Interface: `vendor.com/class=name`.
#[must_use]
pub fn is_cdi_name(text: &str) -> bool {
    crate::oci::cdi::is_name(text)
}

/// `--gpus all`, a number of them, or `device=…`: the names of the devices.
///
/// # Errors
/// When it is none of these.
pub fn gpus(text: &str) -> Parsed<Vec<String>> {
    let wrong = || {
        let why =
            "it is not all, a number, or device=ID[,ID], which are CDI devices of nvidia.com/gpu";
        EngineError::value("gpus", text, why)
    };
    // Quoted where the shell's word has commas of its own.
    let plain = text.trim_matches('"');
    let named = |name: &str| format!("{KIND}={name}");
    if let Some(ids) = plain.strip_prefix("device=") {
        let names: Vec<String> = ids.split(',').map(named).collect();
        return if names.iter().all(|name| is_cdi_name(name)) { Ok(names) } else { Err(wrong()) };
    }
    match plain.strip_prefix("count=").unwrap_or(plain) {
        "all" | "-1" => Ok(vec![named("all")]),
        count => match count.parse::<u8>() {
            Ok(count) if count > 0 => {
                Ok((0..count).map(|number| named(&number.to_string())).collect())
            }
            _ => Err(wrong()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gpus_are_devices() {
        assert_eq!(gpus("all").unwrap(), ["nvidia.com/gpu=all"]);
        assert_eq!(gpus("2").unwrap(), ["nvidia.com/gpu=0", "nvidia.com/gpu=1"]);
        assert_eq!(gpus("\"device=0,a\"").unwrap(), ["nvidia.com/gpu=0", "nvidia.com/gpu=a"]);
        for bad in ["", "0", "some", "device=", "device=0,"] {
            assert!(gpus(bad).is_err(), "{bad}");
        }
    }
}
