//! Containers on the real kernel. Each module asks one question of a running container, or of what a failed start has left.
//!
//! They need root, and a machine whose control groups may be used; nothing of them stays.
#![forbid(unsafe_code)]

#[cfg(test)]
mod attacks;
#[cfg(test)]
mod checkpoint;
#[cfg(test)]
mod container;
#[cfg(test)]
mod failures;
#[cfg(test)]
mod given;
#[cfg(test)]
mod groups;
#[cfg(test)]
mod id_maps;
#[cfg(test)]
mod join;
#[cfg(test)]
#[cfg(debug_assertions)]
mod killed;
#[cfg(test)]
mod mounts;
#[cfg(test)]
mod namespaces;
#[cfg(test)]
mod net_devices;
#[cfg(test)]
mod process;
#[cfg(test)]
mod races;
#[cfg(test)]
mod records;
#[cfg(test)]
mod rootfs;
#[cfg(test)]
mod roots;
#[cfg(test)]
mod scheduling;
#[cfg(test)]
mod support;
#[cfg(test)]
mod terminal;
#[cfg(test)]
mod unseen;
