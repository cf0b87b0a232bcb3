//! Arbitrary JSON as the documents of OCI and Docker: what parses is written as something that parses to the same.
#![no_main]

use std::fmt::Debug;

use libfuzzer_sys::fuzz_target;
use serde::Serialize;
use serde::de::DeserializeOwned;
use spec::image::{DockerArchiveImage, ImageConfig, Index, Manifest};

fuzz_target!(|bytes: &[u8]| {
    round_trip::<spec::runtime::Spec>(bytes);
    round_trip::<Manifest>(bytes);
    round_trip::<Index>(bytes);
    round_trip::<ImageConfig>(bytes);
    round_trip::<Vec<DockerArchiveImage>>(bytes);
});

fn round_trip<T: Serialize + DeserializeOwned + Debug>(bytes: &[u8]) {
    let Ok(document) = serde_json::from_slice::<T>(bytes) else { return };
    let written = serde_json::to_vec(&document).expect("what was read can be written");
    let again = serde_json::from_slice::<T>(&written).expect("what was written can be read");
    assert_eq!(written, serde_json::to_vec(&again).expect("written again"));
}
