//! Ids and names for containers that were given none.

use spec::{ContainerId, ContainerName};
use store::StoreError;

use crate::error::EngineError;

#[rustfmt::skip]
const ADJECTIVES: [&str; 32] = [
    "amber", "brisk", "calm", "dapper", "eager", "fabled", "gentle", "hardy", "ivory", "jolly", "keen", "lively", "mellow", "nimble",
    "ochre", "plucky", "quiet", "rustic", "sturdy", "tidy", "upbeat", "vivid", "woven", "young", "zesty", "bold", "crisp", "deft",
    "early", "fond", "grand", "humble",
];
#[rustfmt::skip]
const NOUNS: [&str; 32] = [
    "anchor", "beam", "crane", "derrick", "engine", "ferry", "gantry", "harbour", "ingot", "jetty", "keel", "lantern", "mast", "nave",
    "oar", "pier", "quay", "rivet", "sail", "tugboat", "girder", "vessel", "winch", "yard", "barge", "cargo", "dock", "forge", "hull",
    "lock", "port", "truss",
];

/// A name that people give.
pub(crate) fn parse(name: &str) -> Result<ContainerName, EngineError> {
    let why = "only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed, at least two characters and at most 255";
    name.parse().map_err(|_bad| EngineError::value("container name", name, why))
}

/// A new id.
pub(crate) fn random_id() -> Result<ContainerId, EngineError> {
    Ok(ContainerId::from_random(random()?))
}

/// What is made under the first of these names that nobody has.
pub(crate) fn first_free<T>(
    mut next: impl FnMut() -> Result<ContainerName, EngineError>,
    mut make: impl FnMut(&ContainerName) -> Result<T, EngineError>,
) -> Result<T, EngineError> {
    loop {
        match make(&next()?) {
            Err(EngineError::Store(StoreError::NameTaken { .. })) => {}
            made => return made,
        }
    }
}

/// `adjective_noun`, with a number behind: among a thousand containers one of ten thousand names is taken.
pub(crate) fn random_name() -> Result<ContainerName, EngineError> {
    let [first, second, third, fourth] = random::<4>()?;
    let pick = |words: &[&'static str; 32], number: u8| words[usize::from(number) % 32];
    let number = u16::from_ne_bytes([third, fourth]) % 10_000;
    let text = format!("{}_{}{number}", pick(&ADJECTIVES, first), pick(&NOUNS, second));
    text.parse().map_err(|_bad| EngineError::value("name", text, "it is no container name"))
}

/// A name for a volume without one.
pub(crate) fn random_volume() -> Result<String, EngineError> {
    Ok(spec::digest::hex(&random::<32>()?))
}

/// Any number.
pub(crate) fn random_number() -> Result<u32, EngineError> {
    Ok(u32::from_ne_bytes(random()?))
}

pub(crate) fn random<const N: usize>() -> Result<[u8; N], EngineError> {
    let mut bytes = [0; N];
    let path = std::path::Path::new("random bytes");
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())
        .map_err(|errno| EngineError::file("get", path)(errno.into()))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_taken_is_passed_over() {
        let mut names = ["first", "second", "third"].into_iter();
        let next = || parse(names.next().unwrap());
        let made = first_free(next, |name| {
            if name.as_str() == "second" {
                return Ok(name.clone());
            }
            let name = name.as_str().to_owned();
            Err(EngineError::Store(StoreError::NameTaken { name, holder: "another".to_owned() }))
        });
        assert_eq!(made.unwrap().as_str(), "second");
    }
}
