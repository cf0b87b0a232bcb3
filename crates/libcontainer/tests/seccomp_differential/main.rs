//! Our filters against libseccomp's: the same verdict for every system call of every architecture, with random arguments and those
//! at the edges of each comparison. Needs the Debian packages gcc and libseccomp-dev.

#[cfg(test)]
mod cost;
#[cfg(test)]
mod generator;
#[cfg(test)]
mod interpreter;
#[cfg(test)]
mod meaning;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod profiles;
