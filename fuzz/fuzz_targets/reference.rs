//! Arbitrary text as names: what parses prints as something that parses to the same.
#![no_main]

use std::fmt::{Debug, Display};
use std::str::FromStr;

use libfuzzer_sys::fuzz_target;
use spec::{ContainerId, ContainerName, Digest, ImageId, Reference};

fuzz_target!(|text: &str| {
    round_trip::<Reference>(text);
    round_trip::<Digest>(text);
    round_trip::<ContainerId>(text);
    round_trip::<ContainerName>(text);
    round_trip::<ImageId>(text);
});

fn round_trip<T: FromStr + Display + Debug + PartialEq>(text: &str) {
    let Ok(value) = text.parse::<T>() else { return };
    let shown = value.to_string();
    match shown.parse::<T>() {
        Ok(again) => assert_eq!(value, again),
        Err(_) => panic!("{text:?} is valid, what it prints is not: {shown:?}"),
    }
}
