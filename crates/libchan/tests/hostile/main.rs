//! A peer that breaks rules: what it is told, what the channel tells here, and that the other channels of its session go on.

#[cfg(test)]
mod messages;
#[cfg(test)]
mod peer;
#[cfg(test)]
mod shared;
#[cfg(test)]
mod streams;
