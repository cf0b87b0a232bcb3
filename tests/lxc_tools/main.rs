//! LXC's tools: one session with LXC's own and with these, on two equal directories of containers; codes and output are the same. And
//! what they have in common with the rest of the program.

#[cfg(test)]
mod ground;
#[cfg(test)]
mod life;
#[cfg(test)]
mod others;
#[cfg(test)]
mod session;
