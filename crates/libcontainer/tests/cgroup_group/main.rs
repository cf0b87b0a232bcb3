//! Groups on the real kernel, whatever version it has mounted: limits bite, groups freeze, die and leave nothing behind.
//!
//! They need root and control groups, and adapt to the layout that they find (v1, hybrid or v2).
#![forbid(unsafe_code)]

#[cfg(test)]
mod ground;
#[cfg(test)]
mod life;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod systemd;
