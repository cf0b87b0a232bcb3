//! The flags of `run` and `create`: each has its effect inside the container, its place in `inspect`, and its refusals.

#[cfg(test)]
mod effects;
#[cfg(test)]
mod inspected;
#[cfg(test)]
mod junk;
#[cfg(test)]
mod others;
#[cfg(test)]
mod table;
