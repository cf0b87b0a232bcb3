//! Pushes to Debian's registry: what arrives, what is not sent twice, and what becomes of a push that breaks at any place.

#[cfg(test)]
mod broken;
#[cfg(test)]
mod front;
#[cfg(test)]
mod killed;
#[cfg(test)]
mod setup;
#[cfg(test)]
#[path = "../shared/mod.rs"]
mod shared;
#[cfg(test)]
mod sparing;
#[cfg(test)]
mod whole;
