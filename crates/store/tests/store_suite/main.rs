//! The store on real archives, with faults, and with many commands at once.

#[cfg(test)]
mod archives;
#[cfg(test)]
mod builds;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod damages;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod images;
#[cfg(test)]
mod layers;
#[cfg(test)]
mod records;
#[cfg(test)]
mod room;
#[cfg(test)]
mod transfers;
#[cfg(test)]
mod uploads;
#[cfg(test)]
mod versions;
#[cfg(test)]
mod view;
