//! Signatures by openssl at a real docker-registry, whose referrers are listed under a tag, and at a scripted server, which has the
//! referrers API. Each attack is one that the check would let through if it were left out.
#![forbid(unsafe_code)]

#[cfg(test)]
mod admission;
#[cfg(test)]
#[path = "../shared/mod.rs"]
mod shared;
#[cfg(test)]
mod shelf;
