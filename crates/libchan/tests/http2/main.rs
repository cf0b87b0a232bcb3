//! Sessions by HTTP/2 with peers by hand: what goes over the wire, and what a peer may do.

#[cfg(test)]
mod hand;
#[cfg(test)]
mod life;
#[cfg(test)]
mod peers;
