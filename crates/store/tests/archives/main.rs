//! Archives and what is made of them: real tools' archives, hostile ones, damaged ones. Start at `unpack_attacks`.

#[cfg(test)]
mod forge;
#[cfg(test)]
mod recipes;
#[cfg(test)]
mod tar_roundtrip;
#[cfg(test)]
mod tar_strict;
#[cfg(test)]
mod tree;
#[cfg(test)]
mod unpack_attacks;
#[cfg(test)]
mod unpack_real;
#[cfg(test)]
mod unpack_stream;
