//! The language as its users write it: facts about what Docker makes of a text, and what is said about mistakes.
#![forbid(unsafe_code)]
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a test that wants one instruction tells which other it found"
)]

#[cfg(test)]
mod arguments;
#[cfg(test)]
mod checks;
#[cfg(test)]
mod errors;
#[cfg(test)]
mod expansion;
#[cfg(test)]
mod heredocs;
#[cfg(test)]
mod instructions;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod shape;
#[cfg(test)]
mod stages;
